#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>

#include "base/clock.h"
#include "base/json.h"
#include "client/model.h"
#include "fake_meta.h"

#define NOW 10000000

static atomic_long mono, wall;

static int64_t fake_mono(void)
{
    return atomic_load(&mono);
}

static int64_t fake_wall(void)
{
    return atomic_load(&wall);
}

struct world {
    struct fake_meta *meta;
    struct fake_store *store;
    struct client *c;
};

static void open_client(struct world *w, const char *ns)
{
    w->c = client_new(&(struct client_conf){.meta = &w->meta->meta,
                                            .store = &w->store->store,
                                            .ns = ns,
                                            .ttl_ms = 100,
                                            .settled_ttl_ms = 5000});
}

static int setup(void **state)
{
    static struct world w;
    atomic_store(&mono, 1000);
    atomic_store(&wall, NOW);
    clock_set_fake(fake_wall, fake_mono);
    w.meta = fake_meta_new();
    w.store = fake_store_new();
    w.c = NULL;
    *state = &w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    client_free(w->c);
    clock_set_fake(NULL, NULL);
    return 0;
}

// Cuts "F/1/s/2" up; the strings live in a static buffer until the next call but three.
static struct pathspec at(const char *path)
{
    static char room[4][100];
    static unsigned next;
    char *text = room[next++ % 4], *save = NULL;
    snprintf(text, 100, "%s", path);
    struct pathspec ps = {0};
    ps.flow = strtok_r(text, "/", &save);
    ps.run = ps.flow ? strtok_r(NULL, "/", &save) : NULL;
    ps.step = ps.run ? strtok_r(NULL, "/", &save) : NULL;
    ps.task = ps.step ? strtok_r(NULL, "/", &save) : NULL;
    return ps;
}

static bool add_id(void *arg, const char *id, int64_t created_ms)
{
    (void)created_ms;
    buf_printf(arg, "%s ", id);
    return true;
}

static bool add_ref(void *arg, const char *step, const char *task)
{
    buf_printf(arg, "%s.%s ", step, task);
    return true;
}

static void assert_listed(struct world *w, const char *path, const char *want)
{
    auto_cleanup(buf_free) struct buf got = {0};
    struct err err = ERR_INIT;
    struct pathspec ps = at(path);
    assert_int_equal(client_list(w->c, &ps, NULL, add_id, &got, &err), ERR_OK);
    assert_string_equal(got.data ? got.data : "", want);
}

static enum status status_of_task(struct world *w, const char *path)
{
    struct err err = ERR_INIT;
    struct pathspec ps = at(path);
    const struct task *t;
    assert_int_equal(client_task(w->c, &ps, NULL, &t, &err), ERR_OK);
    enum status s = t->status;
    task_unref(t);
    return s;
}

static enum status status_of_run(struct world *w, const char *path)
{
    struct err err = ERR_INIT;
    struct pathspec ps = at(path);
    const struct run *r;
    assert_int_equal(client_run(w->c, &ps, NULL, &r, &err), ERR_OK);
    enum status s = r->status;
    run_unref(r);
    return s;
}

static int64_t mtime(struct world *w, const char *path)
{
    struct err err = ERR_INIT;
    struct pathspec ps = at(path);
    int64_t ms = -1;
    assert_int_equal(client_mtime(w->c, &ps, NULL, &ms, &err), ERR_OK);
    return ms;
}

// --- lists and namespaces ---------------------------------------------------------------------------

static void lists_hide_what_the_client_hides(void **state)
{
    struct world *w = *state;
    fake_object(w->meta, "F", 1);
    fake_object(w->meta, "F/1", 1);
    fake_object(w->meta, "F/1/_parameters", 1);
    fake_object(w->meta, "F/1/start", 1);
    open_client(w, NULL);
    assert_listed(w, "", "F ");
    assert_listed(w, "F", "1 ");
    assert_listed(w, "F/1", "start ");
    struct err err = ERR_INIT;
    struct pathspec ps = at("F/1/_parameters");
    auto_cleanup(meta_object_freep) struct meta_object *o = NULL;
    assert_int_equal(client_object(w->c, &ps, NULL, &o, &err), ERR_OK); // but it is found by name
}

static void a_namespace_is_any_tag(void **state)
{
    struct world *w = *state;
    fake_object(w->meta, "A", 1);
    fake_object(w->meta, "A/1", 1)->system_tag = "user:me";
    fake_object(w->meta, "A/2", 1)->tag = "lab";
    fake_object(w->meta, "A/1/start", 1);
    fake_object(w->meta, "A/2/start", 1);
    fake_object(w->meta, "B", 1);
    fake_object(w->meta, "B/1", 1)->system_tag = "user:me";
    fake_object(w->meta, "C", 1);
    open_client(w, "lab");
    assert_listed(w, "", "A ");
    assert_listed(w, "A", "2 ");
    assert_listed(w, "A/2", "start ");
    static const char *const hidden[] = {"A/1", "A/1/start", "B", "B/1", "C"};
    for (size_t i = 0; i < 5; i++) {
        struct err err = ERR_INIT;
        struct pathspec ps = at(hidden[i]);
        struct meta_object *o;
        assert_int_equal(client_object(w->c, &ps, NULL, &o, &err), ERR_NOT_FOUND);
        assert_non_null(strstr(err.cause, "namespace"));
    }
}

static void a_broken_object_hides_no_other(void **state)
{
    struct world *w = *state;
    fake_object(w->meta, "F", 1);
    fake_object(w->meta, "F/1", 1)->fail = ERR_CORRUPT;
    fake_object(w->meta, "F/2", 1)->tag = "t";
    open_client(w, NULL);
    auto_cleanup(buf_free) struct buf got = {0};
    struct err err = ERR_INIT;
    assert_int_equal(client_runs(w->c, "F", RUNS_WITH_TAG, "t", NULL, add_id, &got, &err), ERR_OK);
    assert_string_equal(got.data, "2 ");
    fake_find(w->meta, "F/1")->fail = ERR_TIMEOUT; // but an asker that is gone gets no half listing
    client_forget(w->c, &(struct pathspec){0});
    assert_int_equal(client_runs(w->c, "F", RUNS_WITH_TAG, "t", NULL, add_id, &got, &err), ERR_TIMEOUT);
}

// --- latest and views -------------------------------------------------------------------------------

static void latest_is_by_time_of_creation(void **state)
{
    struct world *w = *state;
    fake_object(w->meta, "F", 1);
    fake_object(w->meta, "F/3", 300);
    fake_object(w->meta, "F/2", 900); // was tagged
    fake_object(w->meta, "F/1", 100);
    fake_object(w->meta, "F/1/end", 1);
    fake_object(w->meta, "F/1/end/9", 1);
    fake_done(w->meta, "F/1/end/9", 0, true, 500);
    open_client(w, NULL);
    struct err err = ERR_INIT;
    auto_free char *latest = NULL, *good = NULL, *none = NULL;
    assert_int_equal(client_latest(w->c, "F", false, NULL, &latest, &err), ERR_OK);
    assert_string_equal(latest, "2");
    assert_int_equal(client_latest(w->c, "F", true, NULL, &good, &err), ERR_OK);
    assert_string_equal(good, "1");
    fake_object(w->meta, "G", 1);
    assert_int_equal(client_latest(w->c, "G", false, NULL, &none, &err), ERR_NOT_FOUND);
}

static void views_of_runs(void **state)
{
    struct world *w = *state;
    fake_object(w->meta, "F", 1);
    fake_object(w->meta, "F/3", 86400000LL * 2)->tag = "b";
    fake_object(w->meta, "F/2", 86400000LL)->tag = "a";
    fake_object(w->meta, "F/1", 86400000LL - 1)->system_tag = "a";
    fake_object(w->meta, "F/3/s", 1);
    fake_object(w->meta, "F/3/s/1", 1);
    fake_done(w->meta, "F/3/s/1", 0, false, 5);
    fake_object(w->meta, "F/1/end", 1);
    fake_object(w->meta, "F/1/end/1", 1);
    fake_done(w->meta, "F/1/end/1", 0, true, 5);
    open_client(w, NULL);
    static const struct { enum run_filter filter; const char *text, *want; } rows[] = {
        {RUNS_WITH_TAG, "a", "2 1 "},
        {RUNS_WITH_TAG, "c", ""},
        {RUNS_ON_DAY, "1970-01-01", "1 "},
        {RUNS_ON_DAY, "1970-01-02", "2 "},
        {RUNS_FAILED, NULL, "3 "},
        {RUNS_RUNNING, NULL, "2 "},
    };
    struct err err = ERR_INIT;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        auto_cleanup(buf_free) struct buf got = {0};
        assert_int_equal(client_runs(w->c, "F", rows[i].filter, rows[i].text, NULL, add_id, &got, &err), ERR_OK);
        assert_string_equal(got.data ? got.data : "", rows[i].want);
    }
    bool match;
    assert_int_equal(client_run_matches(w->c, "F", "3", RUNS_FAILED, NULL, NULL, &match, &err), ERR_OK);
    assert_true(match);
    auto_cleanup(strv_free) struct strv tags = {0}, days = {0};
    assert_int_equal(client_flow_tags(w->c, "F", NULL, &tags, &err), ERR_OK);
    assert_int_equal(tags.len, 2);
    assert_string_equal(tags.items[0], "a");
    assert_int_equal(client_flow_days(w->c, "F", NULL, &days, &err), ERR_OK);
    assert_int_equal(days.len, 3);
    assert_string_equal(days.items[2], "1970-01-03");
}

// --- tasks and runs ---------------------------------------------------------------------------------

static void a_retry_shows_old_artifacts_and_a_new_state(void **state)
{
    struct world *w = *state;
    fake_object(w->meta, "F", 1);
    fake_object(w->meta, "F/1", 1);
    fake_object(w->meta, "F/1/s", 1);
    fake_object(w->meta, "F/1/s/2", 1);
    fake_done(w->meta, "F/1/s/2", 0, false, 1000);
    open_client(w, NULL);
    assert_int_equal(status_of_task(w, "F/1/s/2"), STATUS_FAILED);
    fake_record(w->meta, "F/1/s/2", "attempt", "1", 1, 2000);
    atomic_fetch_add(&mono, 100); // the TTL of what is live
    struct pathspec ps = at("F/1/s/2");
    struct err err = ERR_INIT;
    const struct task *t;
    assert_int_equal(client_task(w->c, &ps, NULL, &t, &err), ERR_OK);
    assert_int_equal(t->current_attempt, 1);
    assert_int_equal(t->artifact_attempt, 0);
    assert_int_equal(t->status, STATUS_UNKNOWN);
    assert_false(t->finished);
    assert_int_equal(t->finished_ms, 1000);
    assert_false(t->settled);
    assert_string_equal(task_metadata(t, "attempt_ok", 0), "False");
    assert_null(task_metadata(t, "attempt_ok", 1));
    task_unref(t);
    int attempts[6];
    size_t n;
    assert_int_equal(client_attempts(w->c, &ps, NULL, attempts, &n, &err), ERR_OK);
    assert_int_equal(n, 2);
    fake_file(w->store, "F/1/s/2/1.runtime", "{\"return_code\": -9, \"killed\": true, \"success\": false}");
    client_forget(w->c, &ps);
    assert_int_equal(status_of_task(w, "F/1/s/2"), STATUS_FAILED);
}

static void what_is_settled_is_asked_for_less_often(void **state)
{
    struct world *w = *state;
    fake_object(w->meta, "F", 1);
    fake_object(w->meta, "F/1", 1);
    fake_object(w->meta, "F/1/s", 1);
    fake_object(w->meta, "F/1/s/1", 1);
    fake_object(w->meta, "F/1/s/2", 1);
    fake_done(w->meta, "F/1/s/1", 0, true, NOW - 899999);
    fake_done(w->meta, "F/1/s/2", 0, true, NOW - 900000);
    open_client(w, NULL);
    status_of_task(w, "F/1/s/1");
    status_of_task(w, "F/1/s/2");
    assert_int_equal(atomic_load(&w->meta->record_calls), 2);
    atomic_fetch_add(&mono, 100);
    status_of_task(w, "F/1/s/1");
    status_of_task(w, "F/1/s/2");
    assert_int_equal(atomic_load(&w->meta->record_calls), 3);
    atomic_fetch_add(&mono, 5000);
    status_of_task(w, "F/1/s/2");
    assert_int_equal(atomic_load(&w->meta->record_calls), 4);
}

static void times_to_live_do_not_add_up(void **state)
{
    struct world *w = *state;
    fake_object(w->meta, "F", 1);
    fake_object(w->meta, "F/1", 1);
    fake_object(w->meta, "F/1/end", 1);
    fake_object(w->meta, "F/1/end/2", 1);
    open_client(w, NULL);
    assert_int_equal(status_of_task(w, "F/1/end/2"), STATUS_UNKNOWN);
    atomic_fetch_add(&mono, 60);
    assert_int_equal(status_of_run(w, "F/1"), STATUS_UNKNOWN); // made of a task that is 60 ms old
    struct err err = ERR_INIT;
    char *id;
    assert_int_equal(client_latest(w->c, "F", true, NULL, &id, &err), ERR_NOT_FOUND);
    fake_done(w->meta, "F/1/end/2", 0, true, NOW);
    atomic_fetch_add(&mono, 40);
    assert_int_equal(status_of_run(w, "F/1"), STATUS_DONE);
    assert_int_equal(client_latest(w->c, "F", true, NULL, &id, &err), ERR_OK);
    free(id);
}

static void the_state_of_a_run(void **state)
{
    struct world *w = *state;
    fake_object(w->meta, "F", 1);
    fake_object(w->meta, "F/1", 1); // nothing yet
    fake_object(w->meta, "F/2", 1); // its end has another name
    fake_object(w->meta, "F/2/_parameters", 1);
    fake_object(w->meta, "F/2/_parameters/0", 1);
    fake_record(w->meta, "F/2/_parameters/0", "end_step", "finale", -1, 5);
    fake_object(w->meta, "F/2/finale", 1);
    fake_object(w->meta, "F/2/finale/8", 1);
    fake_done(w->meta, "F/2/finale/8", 0, true, 700);
    fake_object(w->meta, "F/3", 1)->heartbeat_ms = NOW - 1000;
    fake_object(w->meta, "F/3/s", 1);
    fake_object(w->meta, "F/3/s/1", 1);
    fake_done(w->meta, "F/3/s/1", 0, false, 5);
    fake_object(w->meta, "F/4", 1)->heartbeat_ms = NOW - 360000;
    open_client(w, NULL);
    assert_int_equal(status_of_run(w, "F/1"), STATUS_UNKNOWN);
    assert_int_equal(status_of_run(w, "F/2"), STATUS_DONE);
    assert_int_equal(status_of_run(w, "F/3"), STATUS_RUNNING);
    assert_int_equal(status_of_run(w, "F/4"), STATUS_STALE);
    fake_find(w->meta, "F/3")->heartbeat_ms = NOW - 400000;
    client_forget(w->c, &(struct pathspec){0});
    assert_int_equal(status_of_run(w, "F/3"), STATUS_FAILED);
    struct pathspec ps = at("F/2");
    struct err err = ERR_INIT;
    const struct run *r;
    assert_int_equal(client_run(w->c, &ps, NULL, &r, &err), ERR_OK);
    assert_string_equal(r->end_step, "finale");
    assert_string_equal(r->end_task, "8");
    assert_true(r->finished && r->successful);
    assert_int_equal(r->finished_ms, 700);
    run_unref(r);
}

static void failed_tasks_are_found_beside_broken_ones(void **state)
{
    struct world *w = *state;
    fake_object(w->meta, "F", 1);
    fake_object(w->meta, "F/1", 1);
    fake_object(w->meta, "F/1/a", 10);
    fake_object(w->meta, "F/1/b", 20);
    fake_object(w->meta, "F/1/a/1", 1);
    fake_object(w->meta, "F/1/a/2", 1)->fail = ERR_CORRUPT;
    fake_object(w->meta, "F/1/b/3", 1);
    fake_object(w->meta, "F/1/b/4", 1);
    fake_object(w->meta, "F/1/b/5", 1)->heartbeat_ms = NOW - 400000; // stale
    fake_done(w->meta, "F/1/a/1", 0, false, 5);
    fake_done(w->meta, "F/1/b/3", 0, true, 5);
    fake_done(w->meta, "F/1/b/4", 0, false, 5);
    open_client(w, NULL);
    auto_cleanup(buf_free) struct buf got = {0};
    struct err err = ERR_INIT;
    struct pathspec ps = at("F/1");
    assert_int_equal(client_failed_tasks(w->c, &ps, NULL, add_ref, &got, &err), ERR_OK);
    assert_string_equal(got.data, "b.4 b.5 a.1 ");
}

static void a_resumed_task_follows_its_origin(void **state)
{
    struct world *w = *state;
    fake_object(w->meta, "F", 1);
    fake_object(w->meta, "F/1", 1);
    fake_object(w->meta, "F/1/s", 1);
    fake_object(w->meta, "F/1/s/7", 1);
    fake_record(w->meta, "F/1/s/7", "ds-root", "/data", 0, 1);
    fake_record(w->meta, "F/1/s/7", "origin-run-id", "None", 0, 1);
    fake_record(w->meta, "F/1/s/7", "foreach-execution-path", "s:3", 0, 1);
    fake_object(w->meta, "F/2", 1);
    fake_object(w->meta, "F/2/s", 1);
    fake_object(w->meta, "F/2/s/1", 1);
    fake_done(w->meta, "F/2/s/1", 0, true, 50);
    fake_record(w->meta, "F/2/s/1", "origin-run-id", "1", 0, 40);
    fake_record(w->meta, "F/2/s/1", "origin-task-id", "7", 0, 40);
    fake_object(w->meta, "F/3", 1); // its own origin: a loop must end
    fake_object(w->meta, "F/3/s", 1);
    fake_object(w->meta, "F/3/s/1", 1);
    fake_record(w->meta, "F/3/s/1", "origin-run-id", "3", 0, 40);
    fake_record(w->meta, "F/3/s/1", "origin-task-id", "1", 0, 40);
    open_client(w, NULL);
    struct err err = ERR_INIT;
    struct pathspec ps = at("F/2/s/1");
    const struct task *t;
    assert_int_equal(client_task(w->c, &ps, NULL, &t, &err), ERR_OK);
    assert_true(t->is_clone);
    assert_string_equal(t->origin, "F/1/s/7");
    assert_null(t->foreach_path); // no own one
    assert_string_equal(task_metadata(t, "foreach-execution-path", -1), "s:3");
    assert_string_equal(task_metadata(t, "ds-root", -1), "/data");
    assert_string_equal(task_metadata(t, "origin-run-id", -1), "1");
    task_unref(t);
    ps = at("F/1/s/7");
    assert_int_equal(client_task(w->c, &ps, NULL, &t, &err), ERR_OK);
    assert_false(t->is_clone);
    assert_null(t->origin);
    task_unref(t);
    status_of_task(w, "F/3/s/1");
    struct cards cards;
    fake_file(w->store, "mf.cards/F/runs/1/steps/s/tasks/7/cards/default-aa.html", "x");
    fake_file(w->store, "mf.cards/F/runs/1/steps/s/tasks/7/cards/blank-mine-bb.html", "xy");
    fake_file(w->store, "mf.cards/F/runs/1/steps/s/tasks/7/cards/a-b-c-d.html", "xy");
    ps = at("F/2/s/1");
    assert_int_equal(client_cards(w->c, &ps, -1, NULL, &cards, &err), ERR_OK);
    assert_int_equal(cards.len, 2);
    assert_string_equal(cards.items[0].type, "blank");
    assert_string_equal(cards.items[0].id, "mine");
    assert_null(cards.items[1].id);
    assert_int_equal(cards.items[0].size, 2);
    assert_int_equal(cards.items[0].recorded_ms, -1);
    cards_free(&cards);
    // Its one attempt has all of them, whichever attempt of the origin they are of.
    assert_int_equal(client_cards(w->c, &ps, 0, NULL, &cards, &err), ERR_OK);
    assert_int_equal(cards.len, 2);
    cards_free(&cards);
    ps = at("F/3/s/1");
    assert_int_equal(client_cards(w->c, &ps, -1, NULL, &cards, &err), ERR_OK);
    cards_free(&cards);
}

// --- artifacts --------------------------------------------------------------------------------------

static void artifacts_take_their_types_from_the_datastore(void **state)
{
    struct world *w = *state;
    fake_object(w->meta, "F", 1);
    fake_object(w->meta, "F/1", 1);
    fake_object(w->meta, "F/1/s", 1);
    fake_object(w->meta, "F/1/s/2", 1);
    fake_done(w->meta, "F/1/s/2", 1, true, 1000);
    fake_artifact(w->meta, "F/1/s/2", "x", "0123456789012345678901234567890123456789", 1, 900);
    fake_artifact(w->meta, "F/1/s/2", "b", "1123456789012345678901234567890123456789", 1, 900);
    fake_file(w->store, "F/1/s/2/1.data.json",
              "{\"objects\": {\"x\": \"other\"}, \"info\": {\"x\": {\"size\": 12, \"type\": \"<class 'str'>\", "
              "\"encoding\": \"gzip+pickle-v4\"}, \"b\": {\"size\": 0}}}");
    fake_file(w->store, "F/1/s/2/0.data.json", "{\"objects\": {\"old\": \"77\"}, \"info\": {}}");
    fake_file(w->store, "F/1/s/2/2.data.json", "{ not json");
    open_client(w, NULL);
    struct pathspec ps = at("F/1/s/2");
    struct err err = ERR_INIT;
    const struct artifacts *list;
    assert_int_equal(client_artifacts(w->c, &ps, -1, NULL, &list, &err), ERR_OK);
    assert_int_equal(list->attempt, 1);
    assert_int_equal(list->len, 4);
    const struct artifact *x = artifacts_find(list, "x"), *b = artifacts_find(list, "b");
    assert_string_equal(x->sha, "0123456789012345678901234567890123456789"); // the record's, not the file's
    assert_string_equal(x->type, "<class 'str'>");
    assert_string_equal(x->encoding, "pickle-v4");
    assert_int_equal(x->size, 12);
    assert_string_equal(b->type, "object");
    assert_int_equal(b->size, -1);
    assert_false(artifact_is_visible(artifacts_find(list, "_task_ok")));
    assert_null(artifacts_find(list, "y"));
    artifacts_unref(list);
    assert_int_equal(client_artifacts(w->c, &ps, 0, NULL, &list, &err), ERR_OK); // no records, but a file
    assert_int_equal(list->len, 1);
    assert_string_equal(list->items[0].sha, "77");
    assert_string_equal(list->items[0].encoding, "gzip+pickle-v2");
    artifacts_unref(list);
    assert_int_equal(client_artifacts(w->c, &ps, 2, NULL, &list, &err), ERR_CORRUPT); // a file that tells nothing
    assert_non_null(strstr(err.cause, "F/1/s/2/2.data.json"));
    assert_int_equal(client_artifacts(w->c, &ps, 3, NULL, &list, &err), ERR_OK);
    assert_int_equal(list->len, 0);
    artifacts_unref(list);
}

static void artifacts_have_no_type_while_nobody_tells(void **state)
{
    struct world *w = *state;
    fake_object(w->meta, "F", 1);
    fake_object(w->meta, "F/1", 1);
    fake_object(w->meta, "F/1/s", 1);
    fake_object(w->meta, "F/1/s/2", 1);
    fake_done(w->meta, "F/1/s/2", 1, true, 1000);
    fake_artifact(w->meta, "F/1/s/2", "x", "0123456789012345678901234567890123456789", 1, 900);
    fake_file(w->store, "F/1/s/2/1.data.json", "{\"info\": {\"x\": {\"type\": \"<class 'str'>\"}}}");
    open_client(w, NULL);
    struct pathspec ps = at("F/1/s/2");
    struct err err = ERR_INIT;
    const struct artifacts *list;
    static const errc codes[] = {ERR_IO, ERR_DENIED, ERR_UNREACHABLE, ERR_THROTTLED, ERR_TIMEOUT,
                                 ERR_ARCHIVED, ERR_BUSY, ERR_LIMIT, ERR_CORRUPT};
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        w->store->fail = codes[i];
        assert_int_equal(client_artifacts(w->c, &ps, -1, NULL, &list, &err), codes[i]);
    }
    w->store->fail = ERR_OK;
    assert_int_equal(client_artifacts(w->c, &ps, -1, NULL, &list, &err), ERR_OK);
    assert_string_equal(artifacts_find(list, "x")->type, "<class 'str'>");
    artifacts_unref(list);
}

// --- times ------------------------------------------------------------------------------------------

static void times_of_directories_do_not_move_by_being_read(void **state)
{
    struct world *w = *state;
    fake_object(w->meta, "F", 50);
    fake_object(w->meta, "F/1", 1000);
    fake_object(w->meta, "F/1/s", 1000);
    fake_object(w->meta, "F/1/t", 1000);
    fake_object(w->meta, "F/1/s/1", 1100);
    fake_object(w->meta, "F/1/t/2", 1100);
    fake_done(w->meta, "F/1/s/1", 0, true, 2000);
    fake_done(w->meta, "F/1/t/2", 0, true, 3000);
    open_client(w, NULL);
    assert_int_equal(mtime(w, "F/1/s"), 1000); // nothing is known of its tasks
    assert_int_equal(mtime(w, "F/1/s/1"), 2000);
    assert_int_equal(mtime(w, "F/1/s"), 1000); // it was answered already
    assert_int_equal(mtime(w, "F/1/t/2"), 3000);
    assert_int_equal(mtime(w, "F/1/t"), 3000);
    assert_int_equal(mtime(w, "F"), 50);
    assert_int_equal(mtime(w, "F/1"), 1000);
    assert_int_equal(mtime(w, "F"), 50);
    int before = atomic_load(&w->meta->artifact_calls);
    assert_int_equal(mtime(w, "F/1/s/1"), 2000);
    assert_int_equal(atomic_load(&w->meta->artifact_calls), before);
    // Something really happens after the answer.
    fake_object(w->meta, "F/1/s/3", NOW + 5);
    assert_int_equal(mtime(w, "F/1/s/3"), NOW + 5);
    assert_int_equal(mtime(w, "F/1/s"), NOW + 5);
}

// --- tags -------------------------------------------------------------------------------------------

static void tags_are_checked_before_they_are_written(void **state)
{
    struct world *w = *state;
    fake_object(w->meta, "F", 1);
    struct fake_object *run = fake_object(w->meta, "F/1", 1);
    run->tag = "mine";
    run->system_tag = "user:me";
    open_client(w, NULL);
    struct pathspec ps = at("F/1");
    struct err err = ERR_INIT;
    assert_int_equal(client_tag_add(w->c, &ps, "mine", NULL, &err), ERR_EXISTS);
    assert_int_equal(client_tag_add(w->c, &ps, "user:me", NULL, &err), ERR_EXISTS);
    assert_int_equal(client_tag_remove(w->c, &ps, "user:me", NULL, &err), ERR_NOT_PERMITTED);
    assert_int_equal(client_tag_remove(w->c, &ps, "other", NULL, &err), ERR_NOT_FOUND);
    assert_int_equal(w->meta->added.len + w->meta->removed.len, 0);
    assert_int_equal(client_tag_add(w->c, &ps, "new", NULL, &err), ERR_OK);
    assert_int_equal(client_tag_remove(w->c, &ps, "mine", NULL, &err), ERR_OK);
    assert_string_equal(w->meta->added.items[0], "new");
    assert_string_equal(w->meta->removed.items[0], "mine");
    run->tag = "seen at once";
    auto_cleanup(meta_object_freep) struct meta_object *o = NULL;
    assert_int_equal(client_object(w->c, &ps, NULL, &o, &err), ERR_OK);
    assert_true(strv_has(&o->tags, "seen at once"));
}

// --- .meta ------------------------------------------------------------------------------------------

static void meta_leaves_out_what_does_not_apply(void **state)
{
    struct world *w = *state;
    fake_object(w->meta, "F", 1);
    fake_object(w->meta, "F/1", 1000)->system_tag = "user:me";
    fake_object(w->meta, "F/1/s", 1);
    fake_object(w->meta, "F/1/s/2", 1500);
    fake_record(w->meta, "F/1/s/2", "foreach-stack", "[\"items=3\"]", 0, 1);
    fake_record(w->meta, "F/1/s/2", "foreach-execution-path", "s:3", 0, 1);
    fake_record(w->meta, "F/1/s/2", "origin-run-id", "None", 0, 1);
    open_client(w, NULL);
    auto_cleanup(buf_free) struct buf text = {0};
    auto_cleanup(json_freep) struct json *json = NULL;
    struct pathspec ps = at("F/1/s/2");
    struct err err = ERR_INIT;
    assert_int_equal(client_meta_json(w->c, &ps, -1, NULL, &text, &err), ERR_OK);
    assert_int_equal(json_parse(text.data, text.len, "meta", &json, &err), ERR_OK);
    assert_string_equal(json_str(json_get(json, "pathspec")), "F/1/s/2");
    assert_string_equal(json_str(json_get(json, "parent")), "F/1/s");
    assert_string_equal(json_str(json_get(json, "created_at")), "1970-01-01T00:00:01.500000Z");
    assert_string_equal(json_str(json_get(json, "status")), "unknown");
    assert_string_equal(json_str(json_get(json, "user")), "me");
    assert_string_equal(json_str(json_get(json, "foreach")), "s:3");
    assert_int_equal(json_kind(json_get(json, "finished_at")), JSON_NULL);
    static const char *const absent[] = {"origin_pathspec", "code", "exception", "heartbeat"};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(json_kind(json_get(json, absent[i])), JSON_ABSENT);
    }
    int64_t index;
    assert_true(json_int(json_get(json, "index"), &index)); // not done: from the path
    assert_int_equal(index, 3);
    const struct json *stack = json_get(json_get(json, "metadata_dict"), "foreach-stack");
    assert_string_equal(json_str(json_at(stack, 0)), "items=3");
    assert_int_equal(json_len(json_get(json, "artifacts")), 0);
}

typedef errc (*meta_part_fn)(struct world *w, const struct pathspec *ps, const char *key, struct buf *out,
                             struct err *err);

static errc meta_whole(struct world *w, const struct pathspec *ps, const char *key, struct buf *out, struct err *err)
{
    (void)key;
    return client_meta_json(w->c, ps, -1, NULL, out, err);
}

static errc meta_keys(struct world *w, const struct pathspec *ps, const char *key, struct buf *out, struct err *err)
{
    (void)key;
    return client_meta_keys(w->c, ps, -1, NULL, out, err);
}

static errc meta_value(struct world *w, const struct pathspec *ps, const char *key, struct buf *out, struct err *err)
{
    return client_meta_value(w->c, ps, -1, key, NULL, out, err);
}

static struct json *meta_of(struct world *w, const char *path, const char *key, meta_part_fn make)
{
    auto_cleanup(buf_free) struct buf text = {0};
    struct json *json = NULL;
    struct pathspec ps = at(path);
    struct err err = ERR_INIT;
    assert_int_equal(make(w, &ps, key, &text, &err), ERR_OK);
    assert_int_equal(json_parse(text.data, text.len, path, &json, &err), ERR_OK);
    return json;
}

struct same_member {
    struct world *w;
    const char *path;
    const struct json *keys;
    size_t n;
};

static bool is_the_same_alone(void *arg, const char *key, const struct json *value)
{
    struct same_member *s = arg;
    bool is_long = strcmp(key, "artifacts") == 0 || strcmp(key, "metadata_dict") == 0;
    auto_cleanup(json_freep) struct json *one = meta_of(s->w, s->path, key, meta_value);
    assert_int_equal(json_kind(json_get(s->keys, key)), is_long ? JSON_ABSENT : JSON_NULL);
    assert_int_equal(json_len(one), !is_long);
    if (!is_long) {
        auto_cleanup(buf_free) struct buf whole = {0}, alone = {0};
        json_dump(value, &whole);
        json_dump(json_get(one, key), &alone);
        assert_string_equal(whole.data, alone.data);
        s->n++;
    }
    return true;
}

static void a_part_of_meta_is_as_in_the_whole(void **state)
{
    struct world *w = *state;
    static const char *const paths[] = {"F", "F/1", "F/1/s", "F/1/s/2", "F/1/s/3"};
    fake_object(w->meta, "F", 1);
    fake_object(w->meta, "F/1", 1000)->system_tag = "user:me";
    fake_object(w->meta, "F/1/s", 1);
    fake_object(w->meta, "F/1/s/2", 1500);
    fake_record(w->meta, "F/1/s/2", "foreach-execution-path", "s:3", 0, 1);
    fake_record(w->meta, "F/1/s/2", "origin-run-id", "7", 0, 1);
    fake_record(w->meta, "F/1/s/2", "origin-task-id", "8", 0, 1);
    fake_record(w->meta, "F/1/s/2", "code-package", "{\"sha\": \"abc\"}", 0, 1);
    fake_object(w->meta, "F/1/s/3", 1600);
    fake_record(w->meta, "F/1/s/3", "code-package", "none", 0, 1);
    open_client(w, NULL);
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        auto_cleanup(json_freep) struct json *whole = meta_of(w, paths[i], NULL, meta_whole);
        auto_cleanup(json_freep) struct json *keys = meta_of(w, paths[i], NULL, meta_keys);
        auto_cleanup(json_freep) struct json *none = meta_of(w, paths[i], "nothing", meta_value);
        struct same_member same = {w, paths[i], keys, 0};
        json_each(whole, is_the_same_alone, &same);
        assert_int_equal(json_len(keys), same.n);
        assert_int_equal(json_len(none), 0);
    }
}

// --- threads ----------------------------------------------------------------------------------------

struct asker {
    pthread_t thread;
    struct world *w;
    struct cancel cancel;
    errc code;
};

static void *ask(void *arg)
{
    struct asker *a = arg;
    struct err err = ERR_INIT;
    struct pathspec ps = {"F", "1", "s", "1"};
    const struct task *t;
    a->code = client_task(a->w->c, &ps, &a->cancel, &t, &err);
    if (!a->code) {
        task_unref(t);
    }
    return NULL;
}

static void readers_of_one_task_share_its_requests(void **state)
{
    struct world *w = *state;
    fake_object(w->meta, "F", 1);
    fake_object(w->meta, "F/1", 1);
    fake_object(w->meta, "F/1/s", 1);
    fake_object(w->meta, "F/1/s/1", 1);
    fake_done(w->meta, "F/1/s/1", 0, true, 5);
    open_client(w, NULL);
    atomic_store(&w->meta->hold, true);
    struct asker askers[10];
    for (size_t i = 0; i < 10; i++) {
        askers[i] = (struct asker){.w = w};
        assert_int_equal(pthread_create(&askers[i].thread, NULL, ask, &askers[i]), 0);
    }
    for (int i = 0; i < 5000 && atomic_load(&w->meta->waiting) == 0; i++) {
        usleep(1000);
    }
    atomic_store(&askers[3].cancel.set, true);
    pthread_join(askers[3].thread, NULL);
    assert_int_equal(askers[3].code, ERR_INTERRUPTED);
    atomic_store(&w->meta->hold, false);
    for (size_t i = 0; i < 10; i++) {
        if (i != 3) {
            pthread_join(askers[i].thread, NULL);
            assert_int_equal(askers[i].code, ERR_OK);
        }
    }
    assert_int_equal(atomic_load(&w->meta->record_calls), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lists_hide_what_the_client_hides, setup, teardown),
        cmocka_unit_test_setup_teardown(a_namespace_is_any_tag, setup, teardown),
        cmocka_unit_test_setup_teardown(a_broken_object_hides_no_other, setup, teardown),
        cmocka_unit_test_setup_teardown(latest_is_by_time_of_creation, setup, teardown),
        cmocka_unit_test_setup_teardown(views_of_runs, setup, teardown),
        cmocka_unit_test_setup_teardown(a_retry_shows_old_artifacts_and_a_new_state, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_settled_is_asked_for_less_often, setup, teardown),
        cmocka_unit_test_setup_teardown(times_to_live_do_not_add_up, setup, teardown),
        cmocka_unit_test_setup_teardown(the_state_of_a_run, setup, teardown),
        cmocka_unit_test_setup_teardown(failed_tasks_are_found_beside_broken_ones, setup, teardown),
        cmocka_unit_test_setup_teardown(a_resumed_task_follows_its_origin, setup, teardown),
        cmocka_unit_test_setup_teardown(artifacts_take_their_types_from_the_datastore, setup, teardown),
        cmocka_unit_test_setup_teardown(artifacts_have_no_type_while_nobody_tells, setup, teardown),
        cmocka_unit_test_setup_teardown(times_of_directories_do_not_move_by_being_read, setup, teardown),
        cmocka_unit_test_setup_teardown(tags_are_checked_before_they_are_written, setup, teardown),
        cmocka_unit_test_setup_teardown(meta_leaves_out_what_does_not_apply, setup, teardown),
        cmocka_unit_test_setup_teardown(a_part_of_meta_is_as_in_the_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(readers_of_one_task_share_its_requests, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
