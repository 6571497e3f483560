// Which jobs have a log, and what is in it before there is a stream.
#include "jobs_rig.h"

static void close_log(const struct job_log *log)
{
    close(log->fd);
    log_hold_let_go(log->hold);
}

struct seen {
    errc code;
    bool there, grows, is_empty; // as the view says
    uint64_t size, len;          // as the view says; of the file
};

static struct seen look_at_log(struct rig *r, const char *name, const char *attempt)
{
    struct seen s = {0};
    struct err err = ERR_INIT;
    struct job_view v = {0};
    int fd = -1;
    errc e = attempt != NULL ? jobs_find_attempt(r->jobs, name, attempt, &v, &err)
                             : jobs_find(r->jobs, name, NULL, &v, &err);
    assert_int_equal(e, ERR_OK);
    s.there = v.parts & 1U << JOB_LOG;
    s.grows = v.log_grows;
    s.is_empty = v.log_is_empty;
    s.size = v.size[JOB_LOG];
    job_view_free(&v);
    s.code = jobs_log(r->jobs, name, attempt, NULL, &fd, &s.len, &err);
    if (s.code == ERR_OK) {
        close(fd);
    }
    return s;
}

static void assert_empty(struct seen s, bool grows)
{
    assert_true(s.there);
    assert_int_equal(s.code, ERR_OK);
    assert_true(s.is_empty);
    assert_int_equal(s.grows, grows);
    assert_int_equal(s.size, 0);
    assert_int_equal(s.len, 0);
}

static void test_before_it_starts(void **state)
{
    (void)state;
    struct rig *r = rig_new(folder, fake.net.port, NULL);
    struct err err = ERR_INIT;
    assert_int_equal(rig_submit(r, "a", GOOD, &err), ERR_OK);
    assert_empty(look_at_log(r, "a", NULL), true); // nothing was told of it yet
    assert_true(rig_wait(r, "a", "RUNNABLE"));
    assert_empty(look_at_log(r, "a", NULL), true);
    assert_int_equal(fake_calls("GetLogEvents"), 0);
    pthread_mutex_lock(&fake.lock);
    fake.lines = 3;
    pthread_mutex_unlock(&fake.lock);
    fake_set(0, "RUNNING", -1);
    assert_true(rig_wait(r, "a", "RUNNING"));
    struct seen s = look_at_log(r, "a", NULL);
    assert_false(s.is_empty);
    assert_true(s.grows);
    assert_int_equal(s.len, 3 * 7);
    rig_free(r);
}

// A stream is told of before it is there.
static void test_before_its_stream(void **state)
{
    (void)state;
    struct rig *r = rig_new(folder, fake.net.port, NULL);
    struct err err = ERR_INIT;
    pthread_mutex_lock(&fake.lock);
    fake.has_no_stream = true;
    fake.lines = 3;
    pthread_mutex_unlock(&fake.lock);
    assert_int_equal(rig_submit(r, "a", GOOD, &err), ERR_OK);
    fake_set(0, "RUNNING", -1);
    assert_true(rig_wait(r, "a", "RUNNING"));
    struct seen s = look_at_log(r, "a", NULL);
    assert_int_equal(s.code, ERR_OK);
    assert_int_equal(s.len, 0);
    assert_true(s.grows);
    pthread_mutex_lock(&fake.lock);
    fake.has_no_stream = false;
    pthread_mutex_unlock(&fake.lock);
    for (int i = 0; i < 150 && s.size == 0; i++) { // sooner than 10 s
        loopback_pause(20);
        struct job_view v = {0};
        assert_int_equal(jobs_find(r->jobs, "a", NULL, &v, &err), ERR_OK);
        s.size = v.size[JOB_LOG];
        job_view_free(&v);
    }
    assert_int_equal(s.size, 3 * 7);
    rig_free(r);
}

static void test_never_started(void **state)
{
    (void)state;
    struct rig *r = rig_new(folder, fake.net.port, NULL);
    struct err err = ERR_INIT;
    assert_int_equal(rig_submit(r, "a", GOOD, &err), ERR_OK);
    fake_set(0, "FAILED", -1);
    assert_true(rig_wait(r, "a", "FAILED"));
    assert_empty(look_at_log(r, "a", NULL), false);
    // As a former one, too.
    assert_int_equal(rig_submit(r, "a", OTHER, &err), ERR_OK);
    assert_empty(look_at_log(r, "a", "1"), false);
    assert_empty(look_at_log(r, "a", NULL), true);
    rig_free(r);
}

static void test_single_tries(void **state)
{
    (void)state;
    struct rig *r = rig_new(folder, fake.net.port, NULL);
    struct err err = ERR_INIT;
    assert_int_equal(rig_submit(r, "a", GOOD, &err), ERR_OK);
    pthread_mutex_lock(&fake.lock);
    fake.lines = 3;
    fake.jobs[0].attempts = "[{\"startedAt\":5,\"stoppedAt\":9,\"container\":{\"reason\":\"CannotPullContainer\"}},"
                            "{\"startedAt\":15,\"stoppedAt\":19,\"container\":{\"logStreamName\":\"x\"}}]";
    pthread_mutex_unlock(&fake.lock);
    assert_true(rig_wait(r, "a", "RUNNABLE"));
    assert_empty(look_at_log(r, "a", "1.1"), false);
    assert_int_equal(look_at_log(r, "a", "1.2").len, 3 * 7);
    assert_empty(look_at_log(r, "a", NULL), true); // the next try has none yet
    rig_free(r);
}

static void test_none_without_a_job(void **state)
{
    (void)state;
    struct rig *r = rig_new(folder, fake.net.port, &(struct rig_options){.has_no_image = true});
    struct err err = ERR_INIT;
    assert_int_equal(rig_submit(r, "a", GOOD, &err), ERR_INVALID);
    assert_string_equal(rig_text(r, "a", JOB_STATUS), "not submitted");
    struct seen s = look_at_log(r, "a", NULL);
    assert_false(s.there);
    assert_int_equal(s.code, ERR_NOT_FOUND);
    rig_free(r);

    r = rig_new(folder, fake.net.port, &(struct rig_options){.dry_run = true});
    assert_int_equal(rig_submit(r, "b", GOOD, &err), ERR_OK);
    assert_string_equal(rig_text(r, "b", JOB_STATUS), "dry run");
    assert_false(look_at_log(r, "b", NULL).there);
    rig_free(r);
}

// Where the log driver keeps it, the log says so from the start.
static void test_another_driver(void **state)
{
    (void)state;
    struct rig *r = rig_new(folder, fake.net.port, NULL);
    struct err err = ERR_INIT;
    const char *text = "{\"command\": [\"true\"], \"batch\": {\"log_driver\": \"journald\"}}";
    assert_int_equal(rig_submit(r, "a", text, &err), ERR_OK);
    assert_true(rig_wait(r, "a", "RUNNABLE"));
    struct seen s = look_at_log(r, "a", NULL);
    assert_true(s.there && s.code == ERR_OK && s.len > 0);
    assert_int_equal(s.size, s.len);
    assert_false(s.is_empty || s.grows);
    rig_free(r);
}

// What was fetched is given, and never as if it were all there is.
static void test_a_page_that_is_refused(void **state)
{
    (void)state;
    struct rig *r = rig_new(folder, fake.net.port, NULL);
    struct err err = ERR_INIT;
    struct job_log log;
    assert_int_equal(rig_submit(r, "a", GOOD, &err), ERR_OK);
    pthread_mutex_lock(&fake.lock);
    fake.lines = 7; // three pages
    pthread_mutex_unlock(&fake.lock);
    fake_rule("GetLogEvents", 3, 1000, FAKE_REFUSE);
    fake_set(0, "SUCCEEDED", 0);
    assert_true(rig_wait(r, "a", "SUCCEEDED"));
    log.len = 0;
    do { // in pages, or two at once: as slow as the machine is
        assert_int_equal(jobs_log_more(r->jobs, "a", NULL, log.len, NULL, &log, &err), ERR_OK);
        assert_true(log.has_more);
        close_log(&log);
    } while (log.len < 6 * 7);
    assert_int_equal(log.len, 6 * 7);
    assert_int_not_equal(jobs_log_more(r->jobs, "a", NULL, 6 * 7, NULL, &log, &err), ERR_OK);
    assert_memory_equal(err.cause, "the log: ", 9);
    assert_int_equal(jobs_log_more(r->jobs, "a", NULL, JOBS_LOG_NOW, NULL, &log, &err), ERR_OK);
    close_log(&log);
    rig_free(r);
}

enum { MANY = 70 }; // more than are kept for those that nobody has open

static uint64_t many_open(struct rig *r, unsigned n, uint64_t from, struct job_log *ret)
{
    struct err err = ERR_INIT;
    char attempt[16];
    snprintf(attempt, sizeof(attempt), "1.%u", n + 1);
    assert_int_equal(jobs_log_more(r->jobs, "a", attempt, from, NULL, ret, &err), ERR_OK);
    return ret->len;
}

// What was read of a file that is open stays there, however many others are looked at.
static void test_many_that_are_open(void **state)
{
    (void)state;
    struct rig *r = rig_new(folder, fake.net.port, NULL);
    struct err err = ERR_INIT;
    auto_cleanup(buf_free) struct buf tries = {0};
    struct job_log held[MANY], log;
    for (unsigned i = 0; i < MANY; i++) {
        buf_printf(&tries, "%s{\"startedAt\":%u,\"stoppedAt\":%u,\"container\":{\"logStreamName\":\"s%u\"}}",
                   i > 0 ? "," : "[", 10 * i + 1, 10 * i + 9, i);
    }
    buf_putc(&tries, ']');
    assert_int_equal(rig_submit(r, "a", GOOD, &err), ERR_OK);
    pthread_mutex_lock(&fake.lock);
    fake.lines = 3;
    fake.jobs[0].attempts = tries.data;
    pthread_mutex_unlock(&fake.lock);
    assert_true(rig_wait(r, "a", "RUNNABLE"));
    for (unsigned i = 0; i < MANY; i++) {
        (void)many_open(r, i, JOBS_LOG_NOW, &held[i]);
    }
    for (unsigned i = 0; i < MANY; i++) {
        while (many_open(r, i, 0, &log) < 3 * 7) {
            close_log(&log);
        }
        close_log(&log);
    }
    for (unsigned i = 0; i < MANY; i++) {
        assert_int_equal(many_open(r, i, JOBS_LOG_NOW, &log), 3 * 7);
        close_log(&log);
    }
    rig_free(r);
    for (unsigned i = 0; i < MANY; i++) {
        close_log(&held[i]); // after the table, too
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_before_it_starts, rig_each),
        cmocka_unit_test_setup(test_before_its_stream, rig_each),
        cmocka_unit_test_setup(test_never_started, rig_each),
        cmocka_unit_test_setup(test_single_tries, rig_each),
        cmocka_unit_test_setup(test_none_without_a_job, rig_each),
        cmocka_unit_test_setup(test_another_driver, rig_each),
        cmocka_unit_test_setup(test_a_page_that_is_refused, rig_each),
        cmocka_unit_test_setup(test_many_that_are_open, rig_each),
    };
    return cmocka_run_group_tests(tests, rig_begin, rig_end);
}
