// How many listings of keys the questions about a run's small files cost, and how long what they told holds.
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "client/store_keys.h"

#define START_MS INT64_C(1795000000000)
#define TTL_MS 2000
#define SETTLE_MS 900000

// --- a bucket ------------------------------------------------------------------------------------------

struct bucket {
    struct key {
        char key[100];
        uint64_t size;
        int64_t mtime_ms;
    } keys[400];
    size_t len;
    pthread_mutex_t lock; // what follows
    int64_t takes_ms, key_takes_ms; // a listing, and each key of it
    useconds_t sleeps_us;
    errc fail;
    int listings;
    char last[100]; // prefix that was listed
    size_t given;   // keys
};
static struct bucket bucket;
static int64_t now_ms;

static int64_t wall(void)
{
    return START_MS + now_ms;
}

static int64_t mono(void)
{
    return now_ms;
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct key *)a)->key, ((const struct key *)b)->key);
}

static void put(const char *key, uint64_t size, int64_t mtime_ms)
{
    struct key *k = &bucket.keys[bucket.len++];
    snprintf(k->key, sizeof(k->key), "%s", key);
    k->size = size;
    k->mtime_ms = START_MS + mtime_ms;
    qsort(bucket.keys, bucket.len, sizeof(*k), by_key);
}

static errc list(void *arg, const char *prefix, struct cancel *cancel, key_table_fn fn, void *fn_arg, struct err *err)
{
    assert_ptr_equal(arg, &bucket);
    pthread_mutex_lock(&bucket.lock);
    bucket.listings++;
    snprintf(bucket.last, sizeof(bucket.last), "%s", prefix);
    pthread_mutex_unlock(&bucket.lock);
    if (cancel_check(cancel, err)) {
        return err->code;
    }
    if (bucket.takes_ms) {
        now_ms += bucket.takes_ms;
    }
    usleep(bucket.sleeps_us);
    if (bucket.fail) {
        return err_set(err, bucket.fail, "the bucket does not answer");
    }
    for (size_t i = 0; i < bucket.len; i++) {
        const struct key *k = &bucket.keys[i];
        if (strncmp(k->key, prefix, strlen(prefix)) == 0) {
            if (bucket.key_takes_ms) {
                now_ms += bucket.key_takes_ms;
            }
            pthread_mutex_lock(&bucket.lock);
            bucket.given++;
            pthread_mutex_unlock(&bucket.lock);
            if (!fn(fn_arg, k->key, k->size, k->mtime_ms)) {
                break;
            }
        }
    }
    return ERR_OK;
}

static struct store_keys *make(size_t max_keys, size_t max_bytes)
{
    struct store_keys_conf conf = {.list = list,
                                   .arg = &bucket,
                                   .ttl_ms = TTL_MS,
                                   .settle_ms = SETTLE_MS,
                                   .max_keys = max_keys,
                                   .max_bytes = max_bytes};
    return store_keys_new(&conf);
}

static int setup(void **state)
{
    bucket = (struct bucket){.lock = PTHREAD_MUTEX_INITIALIZER};
    now_ms = 1000 * 1000;
    clock_set_fake(wall, mono);
    *state = NULL;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    clock_set_fake(NULL, NULL);
    return 0;
}

// The size of a key, or -1 where there is none.
static int64_t size_of(struct store_keys *k, const char *path, unsigned flags)
{
    struct err err = ERR_INIT;
    bool found = false;
    uint64_t size = 0;
    int64_t mtime_ms;
    if (store_keys_find(k, path, flags, NULL, &found, &size, &mtime_ms, &err)) {
        fail_msg("%s: %s", path, err.cause);
    }
    return found ? (int64_t)size : -1;
}

static void expect_listings(int n, const char *last)
{
    assert_int_equal(bucket.listings, n);
    assert_string_equal(bucket.last, last);
}

// --- questions ------------------------------------------------------------------------------------------

static void one_listing_answers_for_a_task(void **state)
{
    (void)state;
    put("F/7/a/1/0.runtime_stdout.log", 10, 0);
    put("F/7/a/1/0.runtime_stderr.log", 20, 0);
    put("F/7/a/10/0.runtime_stdout.log", 99, 0);
    struct store_keys *k = make(0, 0);
    assert_int_equal(size_of(k, "F/7/a/1/0.runtime_stdout.log", 0), 10);
    assert_int_equal(size_of(k, "F/7/a/1/0.runtime_stderr.log", 0), 20);
    assert_int_equal(size_of(k, "F/7/a/1/0.task_stdout.log", 0), -1);
    expect_listings(1, "F/7/a/1/");
    now_ms += TTL_MS;
    assert_int_equal(size_of(k, "F/7/a/1/0.stdout.log", 0), -1);
    expect_listings(1, "F/7/a/1/");
    now_ms += 1;
    put("F/7/a/1/0.stdout.log", 5, 0);
    assert_int_equal(size_of(k, "F/7/a/1/0.stdout.log", 0), 5);
    expect_listings(2, "F/7/a/1/");
    store_keys_free(k);
}

static void the_third_task_asks_for_the_run(void **state)
{
    (void)state;
    put("F/7/a/1/0.x.log", 1, 0);
    put("F/7/a/2/0.x.log", 2, 0);
    put("F/7/b/3/0.x.log", 3, 0);
    put("F/7/c/4/0.x.log", 4, 0);
    put("F/70/c/4/0.x.log", 70, 0);
    struct store_keys *k = make(0, 0);
    assert_int_equal(size_of(k, "F/7/a/1/0.x.log", 0), 1);
    assert_int_equal(size_of(k, "F/7/a/2/0.x.log", 0), 2);
    assert_int_equal(size_of(k, "F/7/a/1/0.y.log", 0), -1);
    expect_listings(2, "F/7/a/2/");
    assert_int_equal(size_of(k, "F/7/b/3/0.x.log", 0), 3);
    expect_listings(3, "F/7/");
    assert_int_equal(size_of(k, "F/7/c/4/0.x.log", 0), 4);
    assert_int_equal(size_of(k, "F/7/c/5/0.x.log", 0), -1);
    assert_int_equal(size_of(k, "F/7/a/1/0.x.log", 0), 1);
    expect_listings(3, "F/7/");
    assert_int_equal(size_of(k, "F/70/c/4/0.x.log", 0), 70); // a run of its own
    expect_listings(4, "F/70/c/4/");
    store_keys_free(k);
}

static void tasks_that_are_far_apart_are_no_walk(void **state)
{
    (void)state;
    struct store_keys *k = make(0, 0);
    for (int i = 0; i < 6; i++) {
        auto_free char *path = mem_printf("F/7/a/%d/0.x.log", i);
        assert_int_equal(size_of(k, path, 0), -1);
        auto_free char *task = mem_printf("F/7/a/%d/", i);
        expect_listings(i + 1, task);
        now_ms += 6000;
    }
    store_keys_free(k);
}

// --- what had settled -----------------------------------------------------------------------------------

static void settled_answers_hold_for_ever(void **state)
{
    (void)state;
    put("F/7/a/1/0.x.log", 1, 0);
    struct store_keys *k = make(0, 0);
    assert_int_equal(size_of(k, "F/7/a/1/0.x.log", STORE_SETTLED), 1);
    now_ms += 1000 * TTL_MS;
    assert_int_equal(size_of(k, "F/7/a/1/0.x.log", STORE_SETTLED), 1);
    assert_int_equal(size_of(k, "F/7/a/1/0.y.log", STORE_SETTLED), -1);
    expect_listings(1, "F/7/a/1/");
    assert_int_equal(size_of(k, "F/7/a/1/0.x.log", 0), 1); // who does not know that it settled asks
    expect_listings(2, "F/7/a/1/");
    store_keys_free(k);
}

static void a_listing_from_before_it_settled_is_not_used(void **state)
{
    (void)state;
    put("F/7/a/1/0.DONE.lock", 2, now_ms - 1000);
    put("F/7/a/1/0.x.log", 1, now_ms - 1000);
    struct store_keys *k = make(0, 0);
    assert_int_equal(size_of(k, "F/7/a/1/0.x.log", 0), 1);
    assert_int_equal(size_of(k, "F/7/a/1/0.y.log", 0), -1);
    bucket.keys[1].size = 100; // the last of it came after the attempt had ended
    put("F/7/a/1/0.y.log", 3, now_ms + 500);
    now_ms += 2 * SETTLE_MS;
    assert_int_equal(size_of(k, "F/7/a/1/0.x.log", STORE_SETTLED), 100);
    assert_int_equal(size_of(k, "F/7/a/1/0.y.log", STORE_SETTLED), 3);
    expect_listings(2, "F/7/a/1/");
    now_ms += SETTLE_MS;
    assert_int_equal(size_of(k, "F/7/a/1/0.x.log", STORE_SETTLED), 100);
    expect_listings(2, "F/7/a/1/");
    store_keys_free(k);
}

static void a_runs_listing_holds_for_the_tasks_that_had_ended_long_before(void **state)
{
    (void)state;
    for (int i = 0; i < 10; i++) {
        auto_free char *log = mem_printf("F/7/a/%d/0.x.log", i), *done = mem_printf("F/7/a/%d/0.DONE.lock", i);
        put(log, (uint64_t)i, 0);
        put(done, 2, i < 8 ? now_ms - SETTLE_MS : now_ms - SETTLE_MS + 1); // two ended a moment later
    }
    struct store_keys *k = make(0, 0);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 8; i++) {
            auto_free char *path = mem_printf("F/7/a/%d/0.x.log", i), *none = mem_printf("F/7/a/%d/0.y.log", i);
            assert_int_equal(size_of(k, path, STORE_SETTLED), i);
            assert_int_equal(size_of(k, none, STORE_SETTLED), -1);
        }
        expect_listings(3, "F/7/");
        now_ms += SETTLE_MS;
    }
    assert_int_equal(size_of(k, "F/7/a/8/0.x.log", STORE_SETTLED), 8);
    assert_int_equal(bucket.listings, 4);
    assert_int_equal(size_of(k, "F/7/a/3/1.x.log", STORE_SETTLED), -1); // another attempt than the one that is done
    assert_int_equal(bucket.listings, 5);
    store_keys_free(k);
}

// --- bounds ---------------------------------------------------------------------------------------------

static void put_many(int steps, int tasks)
{
    for (int s = 0; s < steps; s++) {
        for (int t = 0; t < tasks; t++) {
            auto_free char *key = mem_printf("F/7/s%d/%03d/0.x.log", s, t);
            put(key, (uint64_t)(100 * s + t), 0);
        }
    }
}

static void a_large_run_is_listed_by_step(void **state)
{
    (void)state;
    put_many(3, 50);
    struct store_keys *k = make(60, 0);
    assert_int_equal(size_of(k, "F/7/s0/000/0.x.log", 0), 0);
    assert_int_equal(size_of(k, "F/7/s0/001/0.x.log", 0), 1);
    assert_int_equal(size_of(k, "F/7/s2/007/0.x.log", 0), 207); // the run's listing ends before it
    expect_listings(4, "F/7/s2/");
    assert_int_equal(size_of(k, "F/7/s0/049/0.x.log", 0), 49); // but what it has is used
    assert_int_equal(size_of(k, "F/7/s2/049/0.x.log", 0), 249);
    assert_int_equal(bucket.listings, 4);
    assert_int_equal(size_of(k, "F/7/s1/049/0.x.log", 0), 149); // known to be behind the end: no second try
    expect_listings(5, "F/7/s1/");
    for (int s = 0; s < 3; s++) {
        for (int t = 0; t < 50; t++) {
            auto_free char *key = mem_printf("F/7/s%d/%03d/0.x.log", s, t);
            assert_int_equal(size_of(k, key, 0), 100 * s + t);
        }
    }
    assert_int_equal(bucket.listings, 5);
    struct store_keys_stats stats;
    store_keys_stats(k, &stats);
    assert_int_equal(stats.cut, 1);
    store_keys_free(k);
}

static void a_large_step_is_listed_by_task(void **state)
{
    (void)state;
    put_many(1, 100);
    struct store_keys *k = make(10, 0);
    for (int i = 99; i >= 20; i--) {
        auto_free char *key = mem_printf("F/7/s0/%03d/0.x.log", i);
        assert_int_equal(size_of(k, key, 0), i);
    }
    assert_true(bucket.listings <= 80 + 2);
    for (int i = 0; i < 20; i++) { // more than the bound in one task
        auto_free char *key = mem_printf("F/8/s0/1/%02d.x.log", i);
        put(key, 1, 0);
    }
    struct err err = ERR_INIT;
    bool found;
    uint64_t size;
    int64_t mtime_ms;
    assert_int_equal(store_keys_find(k, "F/8/s0/1/15.x.log", 0, NULL, &found, &size, &mtime_ms, &err), ERR_LIMIT);
    assert_int_equal(size_of(k, "F/8/s0/1/05.x.log", 0), 1);
    store_keys_free(k);
}

static void memory_is_bounded(void **state)
{
    (void)state;
    put_many(1, 300);
    struct store_keys *k = make(0, 4000);
    for (int i = 0; i < 300; i++) {
        auto_free char *key = mem_printf("F/7/s0/%03d/0.x.log", i);
        assert_int_equal(size_of(k, key, 0), i);
        now_ms += 6000; // no walk: a listing for each
        struct store_keys_stats stats;
        store_keys_stats(k, &stats);
        assert_true(stats.bytes <= 4000 && stats.kept >= 1);
    }
    assert_int_equal(bucket.listings, 300);
    store_keys_free(k);
}

static void a_slow_bucket_is_not_asked_for_live_runs_as_a_whole(void **state)
{
    (void)state;
    put_many(1, 20);
    bucket.takes_ms = TTL_MS / 2 + 1;
    struct store_keys *k = make(0, 0);
    for (int i = 0; i < 10; i++) {
        auto_free char *key = mem_printf("F/7/s0/%03d/0.x.log", i);
        assert_int_equal(size_of(k, key, 0), i);
        now_ms += TTL_MS / 2;
    }
    assert_int_equal(bucket.listings, 10);
    assert_int_equal(bucket.given, 8 + 20 + 20); // the whole run once, and then its step once
    bucket.given = 0;
    put("F/7/s0/019/0.DONE.lock", 2, now_ms - SETTLE_MS);
    assert_int_equal(size_of(k, "F/7/s0/019/0.x.log", STORE_SETTLED), 19);
    assert_int_equal(bucket.given, 21); // settled answers hold, so that the run's listing is worth its time
    store_keys_free(k);
}

static void nobody_waits_long_for_the_keys_of_others(void **state)
{
    (void)state;
    put_many(1, 300);
    for (int i = 0; i < 300; i++) {
        auto_free char *done = mem_printf("F/7/s0/%03d/0.DONE.lock", i);
        if (i < 90) {
            put(done, 2, now_ms - SETTLE_MS);
        }
    }
    bucket.key_takes_ms = 100;
    struct store_keys *k = make(0, 0);
    int64_t began = now_ms;
    for (int i = 0; i < 5; i++) {
        auto_free char *key = mem_printf("F/7/s0/%03d/0.x.log", 290 + i);
        assert_int_equal(size_of(k, key, 0), 290 + i);
    }
    assert_true(now_ms - began < 3 * TTL_MS); // the run until its TTL, the step likewise, and tasks
    // Of what settled, half of the time that there is, and what that told is used.
    struct cancel cancel = {.deadline_ms = now_ms + 20000};
    struct err err = ERR_INIT;
    bool found;
    uint64_t size;
    int64_t mtime_ms;
    began = now_ms;
    assert_int_equal(
        store_keys_find(k, "F/7/s0/040/0.x.log", STORE_SETTLED, &cancel, &found, &size, &mtime_ms, &err), ERR_OK);
    assert_true(found && size == 40 && now_ms - began <= 10200);
    bucket.listings = 0;
    assert_int_equal(size_of(k, "F/7/s0/010/0.x.log", STORE_SETTLED), 10);
    assert_int_equal(bucket.listings, 0);
    store_keys_free(k);
}

static void failures_are_not_kept(void **state)
{
    (void)state;
    put("F/7/a/1/0.x.log", 1, 0);
    struct store_keys *k = make(0, 0);
    struct err err = ERR_INIT;
    bool found;
    uint64_t size;
    int64_t mtime_ms;
    bucket.fail = ERR_THROTTLED;
    assert_int_equal(store_keys_find(k, "F/7/a/1/0.x.log", 0, NULL, &found, &size, &mtime_ms, &err), ERR_THROTTLED);
    assert_string_equal(err.cause, "the bucket does not answer");
    bucket.fail = ERR_OK;
    assert_int_equal(size_of(k, "F/7/a/1/0.x.log", 0), 1);
    struct cancel gone = {.set = true};
    now_ms += TTL_MS + 1;
    assert_int_equal(store_keys_find(k, "F/7/a/1/0.x.log", 0, &gone, &found, &size, &mtime_ms, &err),
                     ERR_INTERRUPTED);
    assert_int_equal(size_of(k, "F/7/a/1/0.x.log", 0), 1);
    store_keys_free(k);
}

#define THREADS 12

struct asker {
    struct store_keys *k;
    int first;
    bool wrong;
};

static void *ask(void *arg)
{
    struct asker *a = arg;
    for (int round = 0; round < 4; round++) {
        for (int i = a->first; i < 100; i += THREADS) {
            auto_free char *key = mem_printf("F/7/s0/%03d/0.x.log", i);
            struct err err = ERR_INIT;
            bool found = false;
            uint64_t size = 0;
            int64_t mtime_ms;
            a->wrong = a->wrong || store_keys_find(a->k, key, 0, NULL, &found, &size, &mtime_ms, &err) || !found ||
                       size != (uint64_t)i;
        }
    }
    return NULL;
}

static void many_who_ask_at_once(void **state)
{
    (void)state;
    put_many(1, 100);
    bucket.sleeps_us = 5000;
    for (int small = 0; small < 2; small++) { // the second time, what is kept is dropped again and again
        struct store_keys *k = make(0, small ? 600 : 0);
        struct asker askers[THREADS];
        pthread_t threads[THREADS];
        bucket.listings = 0;
        for (int i = 0; i < THREADS; i++) {
            askers[i] = (struct asker){k, i, false};
            assert_int_equal(pthread_create(&threads[i], NULL, ask, &askers[i]), 0);
        }
        for (int i = 0; i < THREADS; i++) {
            pthread_join(threads[i], NULL);
            assert_false(askers[i].wrong);
        }
        assert_true(small || bucket.listings == 3); // two tasks, and the run for all the others
        store_keys_free(k);
    }
}

// --- directories ----------------------------------------------------------------------------------------

struct seen_entries {
    char text[300];
    int stop_after;
};

static bool see(void *arg, const char *name, bool is_dir, int64_t size, int64_t mtime_ms)
{
    struct seen_entries *s = arg;
    size_t len = strlen(s->text);
    (void)mtime_ms;
    snprintf(s->text + len, sizeof(s->text) - len, "%s%s:%d ", name, is_dir ? "/" : "", (int)size);
    return --s->stop_after != 0;
}

static const char *entries(struct store_keys *k, const char *dir, struct seen_entries *s)
{
    struct err err = ERR_INIT;
    s->text[0] = '\0';
    assert_int_equal(store_keys_each(k, dir, NULL, see, s, &err), ERR_OK);
    return s->text;
}

static void cards_of_a_run(void **state)
{
    (void)state;
    put("mf.cards/F/runs/7/steps/a/tasks/1/cards/x-1.html", 100, 0);
    put("mf.cards/F/runs/7/steps/a/tasks/1/cards/y-2.html", 200, 0);
    put("mf.cards/F/runs/7/steps/a/tasks/1/cards/deep/z.html", 1, 0);
    put("mf.cards/F/runs/7/steps/a/tasks/1/cards/deep/zz.html", 1, 0);
    put("mf.cards/F/runs/7/steps/a/tasks/1/cards/", 0, 0);
    put("mf.cards/F/runs/7/steps/a/tasks/1/runtime/x-1.data.json", 9, 0);
    put("mf.cards/F/runs/7/tasks/2/cards/old-1.html", 300, 0);
    struct store_keys *k = make(0, 0);
    struct seen_entries s = {0};
    assert_string_equal(entries(k, "mf.cards/F/runs/7/steps/a/tasks/1/cards", &s),
                        "deep/:-1 x-1.html:100 y-2.html:200 ");
    expect_listings(1, "mf.cards/F/runs/7/steps/a/tasks/1/");
    assert_string_equal(entries(k, "mf.cards/F/runs/7/steps/a/tasks/2/cards", &s), "");
    assert_string_equal(entries(k, "mf.cards/F/runs/7/tasks/2/cards", &s), "old-1.html:300 ");
    expect_listings(3, "mf.cards/F/runs/7/"); // the third place of one run
    assert_string_equal(entries(k, "mf.cards/F/runs/7/steps/a/tasks/9/cards", &s), "");
    assert_int_equal(bucket.listings, 3);
    s.stop_after = 1;
    assert_string_equal(entries(k, "mf.cards/F/runs/7/steps/a/tasks/1/cards", &s), "deep/:-1 ");
    store_keys_free(k);
}

static void what_it_answers_for(void **state)
{
    (void)state;
    static const char *const yes[] = {"F/7/a/1/0.data.json", "F/7/a/1/", "mf.cards/F/runs/7/steps/a/tasks/1/cards/x",
                                      "mf.cards/F/runs/7/tasks/1/cards/"};
    static const char *const no[] = {"",          "F",        "F/data/ab/abcd",         "data/F/abcd",
                                     "F/7/a/1/x/y", "mf.cards", "mf.cards/F/other/7/a/1/x", "mf.cards/F/runs/7/steps/a/1"};
    for (size_t i = 0; i < sizeof(yes) / sizeof(*yes); i++) {
        assert_true(store_keys_covers(yes[i]));
    }
    for (size_t i = 0; i < sizeof(no) / sizeof(*no); i++) {
        if (store_keys_covers(no[i])) {
            fail_msg("%s", no[i]);
        }
    }
}

// --- the table ------------------------------------------------------------------------------------------

static bool count_key(void *arg, const char *key, uint64_t size, int64_t mtime_ms)
{
    (void)key, (void)size, (void)mtime_ms;
    return --*(int *)arg != 0;
}

static void many_keys_in_little_memory(void **state)
{
    (void)state;
    struct key_table *t = key_table_new();
    for (int i = 0; i < 20000; i++) {
        static const char *const names[] = {"0.DONE.lock", "0.data.json", "0.runtime_stderr.log", "0.runtime_stdout.log"};
        for (int n = 0; n < 4; n++) {
            auto_free char *key = mem_printf("LargeFlow/1795373817325255/train/%06d/%s", i, names[n]);
            assert_true(key_table_add(t, key, (uint64_t)i * 1000 + (uint64_t)n, START_MS + i * 37 - n * 1000));
        }
    }
    key_table_trim(t);
    assert_true(key_table_is_ordered(t));
    assert_int_equal(key_table_len(t), 80000);
    assert_true(key_table_bytes(t) < 80000 * 30);
    for (int i = 0; i < 20000; i += 7) {
        uint64_t size;
        int64_t mtime_ms;
        auto_free char *key = mem_printf("LargeFlow/1795373817325255/train/%06d/0.runtime_stderr.log", i);
        assert_true(key_table_find(t, key, &size, &mtime_ms));
        assert_int_equal(size, i * 1000 + 2);
        assert_int_equal(mtime_ms, START_MS + i * 37 - 2000);
        auto_free char *none = mem_printf("LargeFlow/1795373817325255/train/%06d/0.runtime", i);
        assert_false(key_table_find(t, none, &size, &mtime_ms));
    }
    int left = 0;
    key_table_each(t, "LargeFlow/1795373817325255/train/00012", count_key, &left);
    assert_int_equal(-left, 40);
    key_table_free(t);
}

static void keys_out_of_order(void **state)
{
    (void)state;
    struct key_table *t = key_table_new();
    static const char *const keys[] = {"b", "a", "c", "", "ab", "a/b", "zz", "m", "n", "o", "p", "q", "r",
                                       "s", "t", "u", "v", "w", "x", "e\xcc\x81", "d"};
    size_t n = sizeof(keys) / sizeof(*keys);
    uint64_t size;
    int64_t mtime_ms;
    assert_false(key_table_find(t, "a", &size, &mtime_ms));
    for (size_t i = 0; i < n; i++) {
        assert_true(key_table_add(t, keys[i], UINT64_MAX - i, i % 2 ? INT64_MIN : INT64_MAX));
    }
    assert_false(key_table_is_ordered(t));
    for (size_t i = 0; i < n; i++) {
        assert_true(key_table_find(t, keys[i], &size, &mtime_ms));
        assert_true(size == UINT64_MAX - i && mtime_ms == (i % 2 ? INT64_MIN : INT64_MAX));
    }
    assert_false(key_table_find(t, "y", &size, &mtime_ms));
    key_table_free(t);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_listing_answers_for_a_task),
        TEST(the_third_task_asks_for_the_run),
        TEST(tasks_that_are_far_apart_are_no_walk),
        TEST(settled_answers_hold_for_ever),
        TEST(a_listing_from_before_it_settled_is_not_used),
        TEST(a_runs_listing_holds_for_the_tasks_that_had_ended_long_before),
        TEST(a_large_run_is_listed_by_step),
        TEST(a_large_step_is_listed_by_task),
        TEST(memory_is_bounded),
        TEST(a_slow_bucket_is_not_asked_for_live_runs_as_a_whole),
        TEST(nobody_waits_long_for_the_keys_of_others),
        TEST(failures_are_not_kept),
        TEST(many_who_ask_at_once),
        TEST(cards_of_a_run),
        TEST(what_it_answers_for),
        TEST(many_keys_in_little_memory),
        TEST(keys_out_of_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
