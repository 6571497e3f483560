#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client/model.h"
#include "fake_meta.h"

static const struct pathspec task = {"F", "1", "s", "2"};

struct world {
    struct fake_meta *meta;
    struct fake_store *store;
    struct client *c;
};

static int setup(void **state)
{
    static struct world w;
    w.meta = fake_meta_new();
    w.store = fake_store_new();
    fake_object(w.meta, "F", 1);
    fake_object(w.meta, "F/1", 1);
    fake_object(w.meta, "F/1/s", 1);
    fake_object(w.meta, "F/1/s/2", 500);
    w.c = client_new(&(struct client_conf){.meta = &w.meta->meta, .store = &w.store->store, .ttl_ms = 100});
    *state = &w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    client_free(w->c);
    return 0;
}

static struct task_brief brief_of(struct world *w)
{
    struct task_brief b;
    struct err err = ERR_INIT;
    if (client_task_brief(w->c, &task, -1, NULL, &b, &err)) {
        fail_msg("%s", err.cause);
    }
    return b;
}

static void assert_attempt(const struct task_brief *b, size_t i, int number, enum status status, int64_t start,
                           int64_t end)
{
    assert_true(i < b->len);
    assert_int_equal(b->attempts[i].number, number);
    assert_int_equal(b->attempts[i].status, status);
    assert_int_equal(b->attempts[i].start_ms, start);
    assert_int_equal(b->attempts[i].end_ms, end);
}

static void one_good_attempt_costs_no_records(void **state)
{
    struct world *w = *state;
    fake_done(w->meta, "F/1/s/2", 0, true, 1000);
    struct task_brief b = brief_of(w);
    assert_int_equal(b.status, STATUS_DONE);
    assert_int_equal(b.len, 1);
    assert_attempt(&b, 0, 0, STATUS_DONE, 500, 1000);
    assert_int_equal(atomic_load(&w->meta->record_calls), 0);
}

static void attempts_have_their_own_times(void **state)
{
    struct world *w = *state;
    const char *path = "F/1/s/2";
    fake_record(w->meta, path, "attempt", "0", 0, 600);
    fake_record(w->meta, path, "attempt-done", "0", 0, 710); // nothing tells whether it went well: another followed
    fake_record(w->meta, path, "attempt", "1", 1, 800);      // it died
    fake_record(w->meta, path, "attempt", "2", 2, 950);
    fake_record(w->meta, path, "attempt", "2", 2, 900);
    fake_record(w->meta, path, "attempt-done", "7x", 2, 1);
    fake_artifact(w->meta, path, "_task_ok", FAKE_TRUE, 2, 1200);
    fake_artifact(w->meta, path, "_success", FAKE_TRUE, 2, 1200);
    fake_record(w->meta, path, "attempt-done", "2", 2, 1190);
    struct task_brief b = brief_of(w);
    assert_int_equal(b.status, STATUS_DONE);
    assert_int_equal(b.len, 3);
    assert_attempt(&b, 0, 0, STATUS_FAILED, 500, 710);
    assert_attempt(&b, 1, 1, STATUS_FAILED, 800, 900);
    assert_attempt(&b, 2, 2, STATUS_DONE, 900, 1200);
}

static void an_attempt_at_work_has_no_end(void **state)
{
    struct world *w = *state;
    fake_done(w->meta, "F/1/s/2", 0, false, 1000);
    struct task_brief b = brief_of(w);
    assert_int_equal(b.status, STATUS_FAILED);
    assert_attempt(&b, 0, 0, STATUS_FAILED, 500, 1000);
    fake_record(w->meta, "F/1/s/2", "attempt", "1", 1, 2000);
    client_forget(w->c, &task);
    b = brief_of(w);
    assert_int_equal(b.status, STATUS_UNKNOWN);
    assert_int_equal(b.len, 2);
    assert_attempt(&b, 0, 0, STATUS_FAILED, 500, 1000);
    assert_attempt(&b, 1, 1, STATUS_UNKNOWN, 2000, -1);
}

static void a_task_without_records_has_an_attempt(void **state)
{
    struct world *w = *state;
    struct task_brief b = brief_of(w);
    assert_int_equal(b.status, STATUS_UNKNOWN);
    assert_int_equal(b.len, 1);
    assert_attempt(&b, 0, 0, STATUS_UNKNOWN, 500, -1);
}

static void the_latest_six_attempts_are_kept(void **state)
{
    struct world *w = *state;
    static const char *const numbers[] = {"4", "0", "8", "3", "7", "1", "6", "2", "5"};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        fake_record(w->meta, "F/1/s/2", "attempt", numbers[i], -1, 1000 + 10 * (numbers[i][0] - '0'));
    }
    struct task_brief b = brief_of(w);
    assert_int_equal(b.len, 6);
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(b.attempts[i].number, 3 + (int)i);
        assert_int_equal(b.attempts[i].start_ms, 1030 + 10 * (int)i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_good_attempt_costs_no_records, setup, teardown),
        cmocka_unit_test_setup_teardown(attempts_have_their_own_times, setup, teardown),
        cmocka_unit_test_setup_teardown(an_attempt_at_work_has_no_end, setup, teardown),
        cmocka_unit_test_setup_teardown(a_task_without_records_has_an_attempt, setup, teardown),
        cmocka_unit_test_setup_teardown(the_latest_six_attempts_are_kept, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
