// Never twice, never lost: faults of every kind in the middle of a submission, a process that is killed between any two
// of its steps, and two mounts on one journal.
#include <sys/wait.h>

#include "jobs_rig.h"

static struct rig *rig_quick(int64_t submit_ms, int64_t settle_ms)
{
    return rig_new(folder, fake.net.port, &(struct rig_options){.submit_ms = submit_ms, .settle_ms = settle_ms});
}

static void expect_one(struct rig *r, int submits)
{
    assert_int_equal(fake_jobs(), 1);
    assert_int_equal(fake_calls("submitjob"), submits);
    assert_string_equal(rig_text(r, "a", JOB_ID), fake.jobs[0].id);
    assert_string_equal(rig_text(r, "a", JOB_ERROR), "(none)");
}

static void test_throttled(void **state)
{
    (void)state;
    struct rig *r = rig_quick(0, 0);
    struct err err = ERR_INIT;
    fake_rule("submitjob", 1, 2, FAKE_THROTTLE);
    assert_int_equal(rig_submit(r, "a", GOOD, &err), ERR_OK);
    expect_one(r, 3);
    rig_free(r);
}

static void test_throttled_for_ever(void **state)
{
    (void)state;
    struct rig *r = rig_quick(1500, 0);
    struct err err = ERR_INIT;
    int64_t before = clock_mono_ms();
    fake_rule("submitjob", 1, 1000, FAKE_THROTTLE);
    assert_int_equal(rig_submit(r, "a", GOOD, &err), ERR_THROTTLED);
    assert_true(clock_mono_ms() - before < 4000);
    assert_non_null(strstr(err.cause, "was not submitted"));
    assert_string_equal(rig_text(r, "a", JOB_STATUS), "not submitted");
    assert_int_equal(fake_jobs(), 0);
    rig_free(r);
}

// It is sent again when no listing can lag any more, and not before.
static void test_server_error(void **state)
{
    (void)state;
    struct rig *r = rig_quick(12000, 3000);
    struct err err = ERR_INIT;
    int64_t before = clock_mono_ms();
    fake_rule("submitjob", 1, 1, FAKE_FAIL);
    assert_int_equal(rig_submit(r, "a", GOOD, &err), ERR_OK);
    assert_true(clock_mono_ms() - before > 3000);
    expect_one(r, 2);
    rig_free(r);
}

// Whether a 500 made a job is as uncertain as a lost answer: a save has no time for more than to look.
static void test_server_error_uncertain(void **state)
{
    (void)state;
    struct rig *r = rig_quick(6500, 60000);
    struct err err = ERR_INIT;
    fake_rule("submitjob", 1, 1, FAKE_FAIL);
    assert_int_equal(rig_submit(r, "a", GOOD, &err), ERR_TIMEOUT);
    assert_string_equal(rig_text(r, "a", JOB_STATUS), "unknown");
    assert_non_null(strstr(rig_text(r, "a", JOB_ERROR), "status 500"));
    assert_int_equal(fake_calls("submitjob"), 1);
    rig_free(r);
}

// The job of a 500 comes to light after the save gave up: it is one.
static void test_server_error_lags(void **state)
{
    (void)state;
    struct rig *r = rig_quick(6500, 60000);
    struct err err = ERR_INIT;
    pthread_mutex_lock(&fake.lock);
    fake.hides = true;
    pthread_mutex_unlock(&fake.lock);
    fake_rule("submitjob", 1, 1, FAKE_FAIL_DONE);
    assert_int_equal(rig_submit(r, "a", GOOD, &err), ERR_TIMEOUT);
    assert_string_equal(rig_text(r, "a", JOB_STATUS), "unknown");
    pthread_mutex_lock(&fake.lock);
    fake.hides = fake.jobs[0].is_hidden = false;
    pthread_mutex_unlock(&fake.lock);
    assert_int_equal(rig_submit(r, "a", GOOD, &err), ERR_OK);
    expect_one(r, 1);
    rig_free(r);
}

static void test_server_error_behind(void **state)
{
    (void)state;
    struct rig *r = rig_quick(0, 0);
    struct err err = ERR_INIT;
    fake_rule("submitjob", 1, 1, FAKE_FAIL_DONE);
    assert_int_equal(rig_submit(r, "a", GOOD, &err), ERR_OK);
    expect_one(r, 1);
    rig_free(r);
}

// The same, and the first listing does not show the job yet.
static void test_server_error_seen_late(void **state)
{
    (void)state;
    struct rig *r = rig_quick(0, 0);
    struct err err = ERR_INIT;
    fake_rule("submitjob", 1, 1, FAKE_FAIL_DONE);
    pthread_mutex_lock(&fake.lock);
    fake.blind_lists = 1;
    pthread_mutex_unlock(&fake.lock);
    assert_int_equal(rig_submit(r, "a", GOOD, &err), ERR_OK);
    expect_one(r, 1);
    rig_free(r);
}

static void test_cut_behind(void **state)
{
    (void)state;
    struct rig *r = rig_quick(0, 0);
    struct err err = ERR_INIT;
    fake_rule("submitjob", 1, 1, FAKE_CUT_DONE);
    fake_rule("listjobs", 1, 1, FAKE_FAIL);
    assert_int_equal(rig_submit(r, "a", GOOD, &err), ERR_OK);
    expect_one(r, 1);
    rig_free(r);
}

// Sent, no answer, and no job: unknown, then not submitted; then a save is a job.
static void test_cut_before(void **state)
{
    (void)state;
    struct rig *r = rig_quick(2500, 3500);
    struct err err = ERR_INIT;
    fake_rule("submitjob", 1, 1, FAKE_CUT);
    assert_int_equal(rig_submit(r, "a", GOOD, &err), ERR_TIMEOUT);
    assert_string_equal(rig_text(r, "a", JOB_STATUS), "unknown");
    assert_non_null(strstr(rig_text(r, "a", JOB_ERROR), "never makes a second"));
    assert_int_equal(fake_calls("submitjob"), 1);
    assert_int_equal(rig_submit(r, "a", OTHER, &err), ERR_BUSY);
    assert_true(rig_wait(r, "a", "not submitted"));
    assert_non_null(strstr(rig_text(r, "a", JOB_ERROR), "was not submitted"));
    assert_int_equal(rig_submit(r, "a", GOOD, &err), ERR_OK);
    expect_one(r, 2);
    rig_free(r);
}

// A save of what is unknown takes up the intent: it sends only once it is sure that there is no job.
static void test_saved_again(void **state)
{
    (void)state;
    struct rig *r = rig_quick(2500, 4000);
    struct err err = ERR_INIT;
    fake_rule("submitjob", 1, 1, FAKE_CUT);
    assert_int_equal(rig_submit(r, "a", GOOD, &err), ERR_TIMEOUT);
    errc e = ERR_TIMEOUT;
    for (int i = 0; i < 4 && e == ERR_TIMEOUT; i++) {
        e = rig_submit(r, "a", GOOD, &err);
    }
    assert_int_equal(e, ERR_OK);
    expect_one(r, 2);
    rig_free(r);
}

// The job exists and is not seen for a while.
static void test_seen_late(void **state)
{
    (void)state;
    struct rig *r = rig_quick(1500, 60000);
    struct err err = ERR_INIT;
    pthread_mutex_lock(&fake.lock);
    fake.hides = true;
    pthread_mutex_unlock(&fake.lock);
    fake_rule("submitjob", 1, 1, FAKE_CUT_DONE);
    assert_int_equal(rig_submit(r, "a", GOOD, &err), ERR_TIMEOUT);
    assert_string_equal(rig_text(r, "a", JOB_STATUS), "unknown");
    pthread_mutex_lock(&fake.lock);
    fake.jobs[0].is_hidden = false;
    pthread_mutex_unlock(&fake.lock);
    assert_true(rig_wait(r, "a", "RUNNABLE"));
    expect_one(r, 1);
    assert_int_equal(rig_submit(r, "a", GOOD, &err), ERR_OK);
    expect_one(r, 1);
    rig_free(r);
}

static void test_definition_gone(void **state)
{
    (void)state;
    struct rig *r = rig_quick(0, 0);
    struct err err = ERR_INIT;
    fake_rule("submitjob", 1, 1, FAKE_GONE);
    assert_int_equal(rig_submit(r, "a", GOOD, &err), ERR_OK);
    expect_one(r, 2);
    assert_int_equal(fake_calls("registerjobdefinition"), 2);
    rig_free(r);
}

static void test_unreachable(void **state)
{
    (void)state;
    struct rig *r = rig_new(folder, 9, &(struct rig_options){.submit_ms = 1500}); // nobody listens at port 9
    struct err err = ERR_INIT;
    int64_t before = clock_mono_ms();
    assert_int_equal(rig_submit(r, "a", GOOD, &err), ERR_UNREACHABLE);
    assert_true(clock_mono_ms() - before < 4000);
    assert_string_equal(rig_text(r, "a", JOB_STATUS), "not submitted");
    before = clock_mono_ms();
    for (int i = 0; i < 30; i++) {
        jobs_look(r->jobs, NULL);
    }
    assert_true(clock_mono_ms() - before < 8000);
    rig_free(r);
}

static void go_away(void *arg, enum jobs_step step)
{
    struct cancel *cancel = arg;
    if (step == JOBS_STEP_SENDING) {
        atomic_store(&cancel->set, true);
    }
}

static void test_interrupted(void **state)
{
    (void)state;
    struct cancel cancel = {0};
    struct err err = ERR_INIT;
    struct rig *r = rig_new(folder, fake.net.port, &(struct rig_options){.reached = go_away, .arg = &cancel});
    assert_int_equal(jobs_submit(r->jobs, "a", GOOD, strlen(GOOD), &cancel, &err), ERR_INTERRUPTED);
    assert_string_equal(rig_text(r, "a", JOB_STATUS), "not submitted"); // nothing had been sent
    assert_int_equal(fake_jobs(), 0);
    assert_int_equal(cancel.deadline_ms, 0); // the token is as it was
    rig_free(r);
}

// Whether a job ended is asked when its text is saved again: a save that could not learn it does not succeed.
static void test_end_not_known(void **state)
{
    (void)state;
    struct rig *r = rig_quick(2500, 0);
    struct err err = ERR_INIT;
    assert_int_equal(rig_submit(r, "a", GOOD, &err), ERR_OK);
    fake_set(0, "RUNNING", -1);
    assert_true(rig_wait(r, "a", "RUNNING"));
    fake_rule("describejobs", 1, 1000, FAKE_THROTTLE);
    fake_set(0, "SUCCEEDED", 0);
    assert_int_equal(rig_submit(r, "a", GOOD, &err), ERR_THROTTLED);
    assert_non_null(strstr(err.cause, "nothing was sent"));
    assert_non_null(strstr(err.cause, "could not be asked"));
    assert_non_null(strstr(rig_text(r, "a", JOB_ERROR), "could not be asked"));
    assert_int_equal(rig_submit(r, "a", OTHER, &err), ERR_BUSY);
    assert_non_null(strstr(err.cause, "could not be asked"));
    assert_null(strstr(err.cause, " lives"));
    assert_int_equal(fake_calls("submitjob"), 1);
    rig_free(r);
    fake_forgive();
    r = rig_quick(0, 0);
    assert_int_equal(rig_submit(r, "a", GOOD, &err), ERR_OK);
    assert_int_equal(fake_jobs(), 2);
    assert_string_equal(rig_text(r, "a", JOB_ERROR), "(none)");
    rig_free(r);
}

// A job that Batch does not know may live elsewhere: one that is new is taken to live, of another nothing is said.
static void test_end_not_told(void **state)
{
    (void)state;
    struct rig *r = rig_quick(0, 1500);
    struct err err = ERR_INIT;
    pthread_mutex_lock(&fake.lock);
    fake.hides = true;
    pthread_mutex_unlock(&fake.lock);
    assert_int_equal(rig_submit(r, "a", GOOD, &err), ERR_OK);
    assert_int_equal(rig_submit(r, "a", GOOD, &err), ERR_OK);
    loopback_pause(1600);
    assert_int_equal(rig_submit(r, "a", GOOD, &err), ERR_BUSY);
    assert_non_null(strstr(rig_text(r, "a", JOB_ERROR), "AWS Batch in us-east-1 does not know the job a"));
    assert_int_equal(fake_calls("submitjob"), 1);
    rig_free(r);
}

// Throttled for a while, it waits for the answer: the job lives, and the save is a no-op.
static void test_end_known_late(void **state)
{
    (void)state;
    struct rig *r = rig_quick(0, 0);
    struct err err = ERR_INIT;
    assert_int_equal(rig_submit(r, "a", GOOD, &err), ERR_OK);
    fake_rule("describejobs", 1, 2, FAKE_THROTTLE);
    assert_int_equal(rig_submit(r, "a", GOOD, &err), ERR_OK);
    expect_one(r, 1);
    rig_free(r);
    r = rig_new(folder, 9, &(struct rig_options){.submit_ms = 1500}); // after a remount nobody is there
    assert_int_equal(rig_submit(r, "a", GOOD, &err), ERR_UNREACHABLE);
    assert_non_null(strstr(rig_text(r, "a", JOB_ERROR), "nothing was sent"));
    rig_free(r);
}

// A failure before SubmitJob says that nothing was sent, and what it was that had no answer.
static void test_fails_before_it_is_sent(void **state)
{
    static const struct {
        const char *operation, *name;
        enum fake_fault fault;
        errc code;
    } cases[] = {
        {"describejobqueues", "DescribeJobQueues", FAKE_THROTTLE, ERR_THROTTLED},
        {"describejobqueues", "DescribeJobQueues", FAKE_CUT, ERR_IO},
        {"describejobdefinitions", "DescribeJobDefinitions", FAKE_FAIL, ERR_IO},
        {"registerjobdefinition", "RegisterJobDefinition", FAKE_THROTTLE, ERR_THROTTLED},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct err err = ERR_INIT;
        rig_each(state);
        fake_rule(cases[i].operation, 1, 1000, cases[i].fault);
        struct rig *r = rig_quick(1500, 0);
        assert_int_equal(rig_submit(r, "a", GOOD, &err), cases[i].code);
        assert_non_null(strstr(err.cause, "nothing was sent"));
        assert_non_null(strstr(err.cause, cases[i].name));
        assert_string_equal(rig_text(r, "a", JOB_STATUS), "not submitted");
        assert_string_equal(rig_text(r, "a", JOB_ERROR), err.cause);
        assert_int_equal(fake_calls("submitjob"), 0);
        rig_free(r);
    }
}

// --- two mounts -------------------------------------------------------------------------------------------------------

struct racer {
    struct rig *r;
    const char *text;
    errc code;
    struct err err;
};

static void *race(void *arg)
{
    struct racer *a = arg;
    a->code = rig_submit(a->r, "a", a->text, &a->err);
    return NULL;
}

static void run_race(struct racer *x, struct racer *y)
{
    pthread_t one, two;
    assert_int_equal(pthread_create(&one, NULL, race, x), 0);
    assert_int_equal(pthread_create(&two, NULL, race, y), 0);
    pthread_join(one, NULL);
    pthread_join(two, NULL);
}

static void test_two_mounts(void **state)
{
    (void)state;
    struct rig *a = rig_quick(0, 0), *b = rig_quick(0, 0);
    struct racer x = {.r = a, .text = GOOD, .err = ERR_INIT}, y = {.r = b, .text = GOOD, .err = ERR_INIT};
    run_race(&x, &y);
    assert_int_equal(x.code, ERR_OK);
    assert_int_equal(y.code, ERR_OK);
    expect_one(a, 1);
    expect_one(b, 1);
    struct racer z = {.r = b, .text = OTHER, .err = ERR_INIT};
    run_race(&x, &z);
    assert_int_equal(x.code, ERR_OK);
    assert_int_equal(z.code, ERR_BUSY);
    // What one sees the other shows.
    fake_set(0, "FAILED", 1);
    assert_true(rig_wait(a, "a", "FAILED"));
    assert_true(rig_wait(b, "a", "FAILED"));
    // Both saw its end, and both save: it is one next generation.
    run_race(&x, &y);
    assert_int_equal(x.code, ERR_OK);
    assert_int_equal(y.code, ERR_OK);
    assert_int_equal(fake_jobs(), 2);
    assert_string_equal(rig_text(a, "a", JOB_ID), fake.jobs[1].id);
    assert_string_equal(rig_text(b, "a", JOB_ID), fake.jobs[1].id);
    rig_free(a);
    rig_free(b);
}

// --- kill -9 --------------------------------------------------------------------------------------------------------------

static void die_at(void *arg, enum jobs_step step)
{
    if (step == *(const enum jobs_step *)arg) {
        raise(SIGKILL);
    }
}

static int be_child(char **argv)
{
    struct err err = ERR_INIT;
    enum jobs_step step = (enum jobs_step)atoi(argv[5]);
    snprintf(tempdir, sizeof(tempdir), "%s", argv[3]);
    struct rig *r = rig_new(argv[4], atoi(argv[2]), &(struct rig_options){.reached = die_at, .arg = &step});
    errc e = rig_submit(r, "a", GOOD, &err);
    rig_free(r);
    return e ? 1 : 0;
}

static void run_child(enum jobs_step step)
{
    char port[16], number[16];
    snprintf(port, sizeof(port), "%d", fake.net.port);
    snprintf(number, sizeof(number), "%d", (int)step);
    pid_t pid = fork();
    if (pid == 0) {
        execl("/proc/self/exe", "test_jobs_once", "child", port, tempdir, folder, number, (char *)NULL);
        _exit(9);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void test_killed(void **state)
{
    (void)state;
    for (int step = JOBS_STEP_BEGUN; step <= JOBS_STEP_ACCEPTED; step++) {
        struct err err = ERR_INIT;
        rig_each(NULL);
        run_child((enum jobs_step)step);
        int made = fake_jobs();
        assert_int_equal(made, step >= JOBS_STEP_ANSWERED ? 1 : 0);
        struct rig *r = rig_quick(0, 2000);
        if (made == 0) {
            assert_true(rig_wait(r, "a", "not submitted"));
            assert_non_null(strstr(rig_text(r, "a", JOB_ERROR), "was not submitted"));
            assert_int_equal(rig_submit(r, "a", GOOD, &err), ERR_OK);
        } else {
            assert_true(rig_wait(r, "a", "RUNNABLE"));
        }
        assert_int_equal(rig_submit(r, "a", GOOD, &err), ERR_OK);
        expect_one(r, 1);
        rig_free(r);
    }
}

// A job whose answer was lost with its process, saved again at once after the remount.
static void test_killed_and_saved(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    run_child(JOBS_STEP_ANSWERED);
    struct rig *r = rig_quick(0, 0);
    assert_int_equal(rig_submit(r, "a", GOOD, &err), ERR_OK);
    expect_one(r, 1);
    rig_free(r);
}

// Another region's jobs are not asked for here, and are not taken to be lost.
static void test_other_region(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct rig *r = rig_quick(0, 50);
    assert_int_equal(rig_submit(r, "a", GOOD, &err), ERR_OK);
    rig_free(r);
    r = rig_quick(0, 50);
    free(r->settings.region);
    r->settings.region = mem_strdup("eu-west-1");
    int before = fake_calls("describejobs");
    auto_free char *status = mem_strdup(rig_text(r, "a", JOB_STATUS));
    for (int i = 0; i < 30; i++) {
        jobs_look(r->jobs, NULL);
        loopback_pause(50);
    }
    assert_int_equal(fake_calls("describejobs"), before);
    assert_string_equal(rig_text(r, "a", JOB_STATUS), status);
    assert_string_equal(rig_text(r, "a", JOB_REASON), "(none)");
    rig_free(r);
    // Here, a job that Batch has not known for long keeps its last state, and makes room.
    pthread_mutex_lock(&fake.lock);
    fake.jobs[0].is_hidden = true;
    pthread_mutex_unlock(&fake.lock);
    r = rig_quick(0, 50);
    for (int i = 0; i < 300 && strcmp(rig_text(r, "a", JOB_REASON), "(none)") == 0; i++) {
        jobs_look(r->jobs, NULL);
        loopback_pause(20);
    }
    assert_non_null(strstr(rig_text(r, "a", JOB_REASON), "does not know the job any more"));
    assert_int_equal(rig_submit(r, "a", OTHER, &err), ERR_OK);
    rig_free(r);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_throttled, rig_each),
        cmocka_unit_test_setup(test_throttled_for_ever, rig_each),
        cmocka_unit_test_setup(test_server_error, rig_each),
        cmocka_unit_test_setup(test_server_error_uncertain, rig_each),
        cmocka_unit_test_setup(test_server_error_lags, rig_each),
        cmocka_unit_test_setup(test_server_error_behind, rig_each),
        cmocka_unit_test_setup(test_server_error_seen_late, rig_each),
        cmocka_unit_test_setup(test_cut_behind, rig_each),
        cmocka_unit_test_setup(test_cut_before, rig_each),
        cmocka_unit_test_setup(test_saved_again, rig_each),
        cmocka_unit_test_setup(test_seen_late, rig_each),
        cmocka_unit_test_setup(test_definition_gone, rig_each),
        cmocka_unit_test_setup(test_unreachable, rig_each),
        cmocka_unit_test_setup(test_interrupted, rig_each),
        cmocka_unit_test_setup(test_end_not_known, rig_each),
        cmocka_unit_test_setup(test_end_not_told, rig_each),
        cmocka_unit_test_setup(test_end_known_late, rig_each),
        cmocka_unit_test_setup(test_fails_before_it_is_sent, rig_each),
        cmocka_unit_test_setup(test_two_mounts, rig_each),
        cmocka_unit_test_setup(test_killed, rig_each),
        cmocka_unit_test_setup(test_killed_and_saved, rig_each),
        cmocka_unit_test_setup(test_other_region, rig_each),
    };
    if (argc == 6 && strcmp(argv[1], "child") == 0) {
        return be_child(argv);
    }
    return cmocka_run_group_tests(tests, rig_begin, rig_end);
}
