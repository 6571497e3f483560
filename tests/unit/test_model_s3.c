// What a run in S3 costs in requests: looked at for the first time, again, and by the next mount. The whole client, over
// metadata and a bucket in memory.
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/hash.h"
#include "client/model.h"
#include "client/store_kept.h"
#include "client/store_s3.h"
#include "fake_meta.h"
#include "fake_objects.h"
#include "gzip.h"
#include "tempdir.h"

#define NOW INT64_C(1795100000000) // a day after the fake bucket's objects were written
#define TASKS 27
#define TTL_MS 2000

static int64_t mono_ms;

static int64_t wall(void)
{
    return NOW + mono_ms;
}

static int64_t mono(void)
{
    return mono_ms;
}

static struct s3 s3;
static struct fetcher fetcher = {&s3};
static struct fake_meta *meta;
static struct cache *cache;
static struct pool *pool;
static struct staging *staging;
static struct client *client;
static struct strv texts; // of the bucket's objects

static void put(const char *key, const char *text)
{
    strv_add(&texts, text);
    auto_free char *whole = mem_printf("root/%s", key);
    bucket_put(&s3, whole, texts.items[texts.len - 1], strlen(text), NULL);
}

// --- a run of 27 tasks in S3 ---------------------------------------------------------------------------------

static void make_task(int i, bool done)
{
    auto_free char *task = mem_printf("F/1/s%d/%d", i / 9, i);
    int64_t at = NOW - 3600 * 1000;
    fake_object(meta, task, at);
    fake_record(meta, task, "ds-type", "s3", 0, at);
    fake_record(meta, task, "ds-root", "s3://bucket/root", 0, at);
    if (done) {
        fake_done(meta, task, 0, true, at);
    } else {
        fake_record(meta, task, "attempt", "0", 0, at);
    }
    static const char *const names[] = {"attempt.json", "DONE.lock", "data.json", "runtime_stdout.log",
                                        "runtime_stderr.log"};
    static const char *const bodies[] = {"{}", "\"\"", "{\"objects\": {}, \"info\": {\"_task_ok\": {\"size\": 4}}}",
                                         "[MFLOG|0|2026-01-02T03:04:05.1Z|task|i]hello\n", ""};
    for (int n = 0; n < 5; n++) {
        auto_free char *key = mem_printf("%s/0.%s", task, names[n]);
        if (done || n == 0) {
            put(key, bodies[n]);
        }
    }
    auto_free char *card = mem_printf("mf.cards/F/runs/1/steps/s%d/tasks/%d/cards/default-%d.html", i / 9, i, i);
    if (done && i % 2) {
        put(card, "<p>");
    }
}

static void make_run(bool done)
{
    fake_object(meta, "F", 1);
    fake_object(meta, "F/1", 1);
    for (int i = 0; i < TASKS; i++) {
        if (i % 9 == 0) {
            auto_free char *step = mem_printf("F/1/s%d", i / 9);
            fake_object(meta, step, 1);
        }
        make_task(i, done);
    }
}

// --- mounts ---------------------------------------------------------------------------------------------------

static errc open_other(void *arg, const char *sysroot, struct store **ret, struct err *err)
{
    struct store_s3_conf conf = {.s3 = arg, .fetcher = &fetcher, .root = sysroot, .ttl_ms = TTL_MS};
    return store_s3_new(&conf, ret, err);
}

static void mount_it(void)
{
    struct err err = ERR_INIT;
    struct store *store;
    struct cache_conf kept = {.dir = tempdir, .tempdir = tempdir, .identity = "test"};
    pool = pool_new(&(struct pool_conf){.max_threads = 16, .idle_ms = 100, .name = "test"});
    struct staging_conf staged = {.tempdir = tempdir, .min_free_bytes = 1, .pool = pool};
    assert_int_equal(staging_new(&staged, &staging, &err), ERR_OK);
    assert_int_equal(cache_open(&kept, &cache, &err), ERR_OK);
    assert_int_equal(open_other(&s3, "s3://bucket/root", &store, &err), ERR_OK);
    meta = fake_meta_new();
    client = client_new(&(struct client_conf){.meta = &meta->meta,
                                              .store = store_kept_new(store, cache, store->sysroot),
                                              .store_open = open_other,
                                              .store_open_arg = &s3,
                                              .staging = staging,
                                              .ttl_ms = TTL_MS});
}

static void unmount(void)
{
    client_free(client);
    pool_free(pool);
    staging_free(staging);
    cache_close(cache);
}

static int setup(void **state)
{
    s3 = (struct s3){0};
    mono_ms = 1000;
    clock_set_fake(wall, mono);
    int e = tempdir_make(state);
    mount_it();
    return e;
}

static int teardown(void **state)
{
    unmount();
    clock_set_fake(NULL, NULL);
    strv_free(&texts);
    return tempdir_remove(state);
}

static int asked(void)
{
    int n = bucket_requests(&s3);
    s3.gets = s3.heads = s3.lists = s3.fetches = 0;
    return n;
}

// --- what a person does --------------------------------------------------------------------------------------

static struct pathspec task_at(int i, char room[2][12])
{
    snprintf(room[0], sizeof(room[0]), "s%d", i / 9);
    snprintf(room[1], sizeof(room[1]), "%d", i);
    return (struct pathspec){"F", "1", room[0], room[1]};
}

// ls -lR of the run: status and artifacts of every task, with their sizes.
static void walk(void)
{
    for (int i = 0; i < TASKS; i++) {
        char room[2][12];
        struct pathspec ps = task_at(i, room);
        struct err err = ERR_INIT;
        auto_cleanup(task_unrefp) const struct task *t = NULL;
        auto_cleanup(artifacts_unrefp) const struct artifacts *list = NULL;
        if (client_task(client, &ps, NULL, &t, &err) || client_artifacts(client, &ps, -1, NULL, &list, &err)) {
            fail_msg("%s", err.cause);
        }
        if (t->status == STATUS_DONE) {
            assert_int_equal(artifacts_find(list, "_task_ok")->size, 4);
        }
    }
}

// stat of every log and card of the run.
static void walk_dots(void)
{
    for (int i = 0; i < TASKS; i++) {
        char room[2][12];
        struct pathspec ps = task_at(i, room);
        struct err err = ERR_INIT;
        auto_cleanup(task_unrefp) const struct task *t = NULL;
        auto_cleanup(cards_free) struct cards cards = {0};
        struct log_source src;
        uint64_t size = 0;
        if (client_log_source(client, &ps, -1, NULL, &src, &t, &err) ||
            logs_raw_size(&src, LOG_BOTH, NULL, &size, &err) || client_cards(client, &ps, -1, NULL, &cards, &err)) {
            fail_msg("%s", err.cause);
        }
        assert_true(t->status != STATUS_DONE || size > 40);
        assert_int_equal(cards.len, t->status == STATUS_DONE && i % 2 ? 1 : 0);
    }
}

static void a_finished_run_costs_one_request_a_task_once(void **state)
{
    (void)state;
    make_run(true);
    walk();
    assert_int_equal(asked(), TASKS); // data.json
    walk();
    mono_ms += 100 * TTL_MS;
    walk();
    assert_int_equal(asked(), 0);
    unmount();
    mount_it();
    make_run(true);
    walk();
    assert_int_equal(asked(), 0);
}

static void its_logs_and_cards_cost_a_few_listings_once(void **state)
{
    (void)state;
    make_run(true);
    walk_dots();
    // Of two tasks, then of the run: of its files, and of its cards. The second task has no card in the new place.
    assert_int_equal(s3.lists, 3 + 3);
    assert_int_equal(asked(), 6);
    mono_ms += 100 * TTL_MS;
    walk_dots();
    assert_int_equal(asked(), 0);
}

static void a_live_run_is_asked_about_in_bulk(void **state)
{
    (void)state;
    make_run(false);
    for (int round = 0; round < 3; round++) {
        walk(); // needs the scheduler's word on every attempt, and there is none
        assert_true(asked() <= 3);
        walk();
        assert_int_equal(asked(), 0);
        mono_ms += TTL_MS + 1;
    }
    put("F/1/s0/5/0.runtime", "{\"success\": false}");
    char room[2][12];
    struct pathspec ps = task_at(5, room);
    struct err err = ERR_INIT;
    auto_cleanup(task_unrefp) const struct task *t = NULL;
    assert_int_equal(client_task(client, &ps, NULL, &t, &err), ERR_OK);
    assert_int_equal(t->status, STATUS_FAILED);
}

static void a_known_value_costs_nothing_and_another_one_request(void **state)
{
    (void)state;
    make_run(true);
    char room[2][12], sha[41];
    struct pathspec ps = task_at(0, room);
    auto_cleanup(buf_free) struct buf gz = {0};
    static const char pickle[] = "\x80\x04\x95\x0f\0\0\0\0\0\0\0\x8c\x0bhello there\x94.";
    sha1_hex_of(pickle, sizeof(pickle) - 1, sha);
    gzip_member(&gz, pickle, sizeof(pickle) - 1);
    auto_free char *key = mem_printf("root/F/data/%.2s/%s", sha, sha);
    bucket_put(&s3, key, gz.data, gz.len, "{\"cas_raw\": false, \"cas_version\": 1}");
    for (int mounts = 0; mounts < 2; mounts++) {
        fake_artifact(meta, "F/1/s0/0", "x", sha, 0, NOW - 3600 * 1000);
        struct err err = ERR_INIT;
        auto_cleanup(artifacts_unrefp) const struct artifacts *list = NULL;
        assert_int_equal(client_artifacts(client, &ps, -1, NULL, &list, &err), ERR_OK);
        asked();
        static const char *const names[] = {"_task_ok", "x"};
        for (int i = 0; i < 2; i++) {
            struct artifact_env env = client_artifact_env(client, &ps);
            auto_cleanup(content_unrefp) struct content *c = NULL;
            auto_cleanup(buf_free) struct buf text = {0};
            if (artifact_open_stored(&env, artifacts_find(list, names[i]), NULL, &c, &err) ||
                content_read_all(c, NULL, &text, &err)) {
                fail_msg("%s", err.cause);
            }
            assert_int_equal(asked(), i == 1 && mounts == 0 ? 1 : 0);
        }
        if (mounts == 0) {
            unmount();
            mount_it();
            make_run(true);
        }
    }
}

static void the_root_says_where_bytes_are(void **state)
{
    (void)state;
    auto_cleanup(buf_free) struct buf text = {0};
    struct err err = ERR_INIT;
    assert_int_equal(client_meta_json(client, &(struct pathspec){0}, -1, NULL, &text, &err), ERR_OK);
    assert_non_null(strstr(text.data, "\"datastore\": \"s3\""));
    assert_non_null(strstr(text.data, "\"root\": \"s3://bucket/root\""));
    assert_int_equal(asked(), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_finished_run_costs_one_request_a_task_once),
        TEST(its_logs_and_cards_cost_a_few_listings_once),
        TEST(a_live_run_is_asked_about_in_bulk),
        TEST(the_root_says_where_bytes_are),
        TEST(a_known_value_costs_nothing_and_another_one_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
