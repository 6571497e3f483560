// What was refused outright leaves nothing to look for; what may have been made says why it could not be looked for; and
// a journal that cannot be written hides no cause.
#include <signal.h>
#include <sys/resource.h>

#include "jobs_rig.h"

static struct rig *rig_quick(int64_t submit_ms)
{
    return rig_new(folder, fake.net.port, &(struct rig_options){.submit_ms = submit_ms});
}

// Who may not list jobs, and was refused one, can save it again.
static void test_refused_and_saved_again(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    fake_rule("submitjob", 1, 1, FAKE_REFUSE);
    fake_rule("listjobs", 1, 1000, FAKE_REFUSE);
    struct rig *r = rig_quick(0);
    assert_int_equal(rig_submit(r, "a", GOOD, &err), ERR_INVALID);
    assert_string_equal(rig_text(r, "a", JOB_STATUS), "not submitted");
    assert_non_null(strstr(rig_text(r, "a", JOB_ERROR), "the fake says no"));
    rig_free(r);
    r = rig_quick(0); // it is written down so
    assert_int_equal(rig_submit(r, "a", GOOD, &err), ERR_OK);
    assert_int_equal(fake_jobs(), 1);
    assert_int_equal(fake_calls("submitjob"), 2);
    rig_free(r);
}

static void test_throttled_and_saved_again(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    fake_rule("submitjob", 1, 1000, FAKE_THROTTLE);
    fake_rule("listjobs", 1, 1000, FAKE_REFUSE);
    struct rig *r = rig_quick(1000);
    assert_int_equal(rig_submit(r, "a", GOOD, &err), ERR_THROTTLED);
    assert_string_equal(rig_text(r, "a", JOB_STATUS), "not submitted");
    rig_free(r);
    fake_forgive();
    fake_rule("listjobs", 1, 1000, FAKE_REFUSE);
    r = rig_quick(0);
    assert_int_equal(rig_submit(r, "a", GOOD, &err), ERR_OK);
    assert_int_equal(fake_jobs(), 1);
    rig_free(r);
}

// A refusal says nothing of a request before it that had no answer: its job is still looked for.
static void test_refused_after_no_answer(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    pthread_mutex_lock(&fake.lock);
    fake.hides = true;
    pthread_mutex_unlock(&fake.lock);
    fake_rule("submitjob", 1, 1, FAKE_FAIL_DONE);
    fake_rule("submitjob", 2, 2, FAKE_REFUSE);
    struct rig *r = rig_new(folder, fake.net.port, &(struct rig_options){.submit_ms = 12000, .settle_ms = 1500});
    assert_int_equal(rig_submit(r, "a", GOOD, &err), ERR_INVALID);
    assert_string_equal(rig_text(r, "a", JOB_STATUS), "not submitted");
    pthread_mutex_lock(&fake.lock);
    fake.hides = fake.jobs[0].is_hidden = false;
    pthread_mutex_unlock(&fake.lock);
    assert_int_equal(rig_submit(r, "a", GOOD, &err), ERR_OK);
    assert_int_equal(fake_jobs(), 1);
    assert_string_equal(rig_text(r, "a", JOB_ID), fake.jobs[0].id);
    rig_free(r);
}

static bool rig_reason_has(struct rig *r, const char *name, const char *text)
{
    for (int i = 0; i < 500; i++) {
        jobs_look(r->jobs, NULL);
        if (strstr(rig_text(r, name, JOB_REASON), text)) {
            return true;
        }
        loopback_pause(20);
    }
    return false;
}

// The reason of what is unknown has why it cannot be looked for, and one that cannot be keeps no other waiting.
static void test_looking_is_refused(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    fake_rule("submitjob", 1, 2, FAKE_CUT);
    fake_rule("listjobs", 1, 100000, FAKE_REFUSE);
    struct rig *r = rig_quick(2500);
    assert_int_equal(rig_submit(r, "a", GOOD, &err), ERR_TIMEOUT);
    assert_int_equal(rig_submit(r, "b", GOOD, &err), ERR_TIMEOUT);
    assert_string_equal(rig_text(r, "a", JOB_STATUS), "unknown");
    assert_non_null(strstr(rig_text(r, "a", JOB_REASON), "it could not be looked for: ListJobs"));
    rig_free(r);
    r = rig_quick(0); // the poller alone
    assert_true(rig_reason_has(r, "a", "the fake says no"));
    assert_true(rig_reason_has(r, "b", "the fake says no"));
    fake_forgive();
    for (int i = 0; i < 500 && strstr(rig_text(r, "b", JOB_REASON), "could not be") != NULL; i++) {
        loopback_pause(20);
    }
    assert_null(strstr(rig_text(r, "b", JOB_REASON), "could not be"));
    assert_string_equal(rig_text(r, "b", JOB_STATUS), "unknown"); // there may be one that no listing shows yet
    rig_free(r);
}

// Nothing more is written to any file from there on.
static void fill_disk(void *arg, enum jobs_step step)
{
    if (step == *(const enum jobs_step *)arg) {
        struct rlimit none = {.rlim_cur = 0, .rlim_max = RLIM_INFINITY};
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
    }
}

static void test_journal_is_full(void **state)
{
    (void)state;
    static const enum jobs_step steps[] = {JOBS_STEP_BEGUN, JOBS_STEP_READY, JOBS_STEP_SENDING};
    signal(SIGXFSZ, SIG_IGN);
    for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
        struct err err = ERR_INIT;
        enum jobs_step step = steps[i];
        rig_each(state);
        fake_rule("submitjob", 1, 1, FAKE_REFUSE);
        struct rig *r = rig_new(folder, fake.net.port, &(struct rig_options){.reached = fill_disk, .arg = &step});
        errc e = rig_submit(r, "a", GOOD, &err);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &(struct rlimit){RLIM_INFINITY, RLIM_INFINITY}), 0);
        assert_true(e);
        assert_string_equal(rig_text(r, "a", JOB_ERROR), err.cause);
        assert_int_equal(fake_calls("submitjob"), step == JOBS_STEP_SENDING);
        rig_free(r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_refused_and_saved_again, rig_each),
        cmocka_unit_test_setup(test_throttled_and_saved_again, rig_each),
        cmocka_unit_test_setup(test_refused_after_no_answer, rig_each),
        cmocka_unit_test_setup(test_looking_is_refused, rig_each),
        cmocka_unit_test_setup(test_journal_is_full, rig_each),
    };
    return cmocka_run_group_tests(tests, rig_begin, rig_end);
}
