// Submissions, what files show, kills, listings, logs, dry runs.
#include "jobs_rig.h"

static void test_submit(void **state)
{
    (void)state;
    struct rig *r = rig_new(folder, fake.net.port, NULL);
    struct err err = ERR_INIT;
    assert_int_equal(rig_submit(r, "train", GOOD, &err), ERR_OK);
    assert_int_equal(fake_jobs(), 1);
    assert_string_equal(rig_text(r, "train", JOB_ID), fake.jobs[0].id);
    assert_string_equal(rig_text(r, "train", JOB_JOB), GOOD);
    assert_string_equal(rig_text(r, "train", JOB_TEMPDIR), ".");
    assert_non_null(strstr(rig_text(r, "train", JOB_REQUEST), "\"submission\""));
    assert_string_equal(rig_text(r, "train", JOB_ERROR), "(none)");
    assert_int_equal(strncmp(fake.jobs[0].name, "tester-train-", 13), 0);

    // The same again is the same job, other content is refused while it lives, white space is nothing.
    assert_int_equal(rig_submit(r, "train", GOOD, &err), ERR_OK);
    assert_int_equal(rig_submit(r, "train", "\n" GOOD "\n", &err), ERR_OK);
    assert_int_equal(rig_submit(r, "train", OTHER, &err), ERR_BUSY);
    assert_non_null(strstr(err.cause, fake.jobs[0].id));
    assert_non_null(strstr(rig_text(r, "train", JOB_ERROR), "lives, with other content"));
    assert_string_equal(rig_text(r, "train", JOB_JOB), GOOD);
    assert_int_equal(fake_jobs(), 1);
    assert_int_equal(fake_calls("registerjobdefinition"), 1);

    // Another name with the same attributes takes the same definition.
    assert_int_equal(rig_submit(r, "train2", GOOD, &err), ERR_OK);
    assert_int_equal(fake_jobs(), 2);
    assert_int_equal(fake_calls("registerjobdefinition"), 1);
    rig_free(r);
    assert_int_equal(fake_calls("terminatejob"), 0);
}

static void test_generations(void **state)
{
    (void)state;
    struct rig *r = rig_new(folder, fake.net.port, NULL);
    struct err err = ERR_INIT;
    struct job_view v;
    char *attempt = NULL;
    assert_int_equal(rig_submit(r, "train", GOOD, &err), ERR_OK);
    fake_set(0, "FAILED", 137);
    pthread_mutex_lock(&fake.lock);
    fake.jobs[0].reason = "OutOfMemoryError: Container killed due to memory usage";
    pthread_mutex_unlock(&fake.lock);
    // The journal does not know yet that it ended: the save asks.
    assert_int_equal(rig_submit(r, "train", GOOD, &err), ERR_OK);
    assert_int_equal(fake_jobs(), 2);
    assert_string_not_equal(fake.jobs[0].name, fake.jobs[1].name);
    assert_string_equal(rig_text(r, "train", JOB_ID), fake.jobs[1].id);
    assert_int_equal(jobs_find(r->jobs, "train", NULL, &v, &err), ERR_OK);
    assert_int_equal(v.attempts, 1);
    assert_true(v.can_kill);
    job_view_free(&v);
    assert_true(jobs_attempt(r->jobs, "train", 0, &attempt, &v));
    assert_string_equal(attempt, "1");
    assert_false(v.can_kill);
    assert_int_equal(v.attempts, 0);
    job_view_free(&v);
    free(attempt);
    assert_false(jobs_attempt(r->jobs, "train", 1, &attempt, &v));
    assert_string_equal(rig_text_of(r, "train", "1", JOB_STATUS), "FAILED");
    assert_string_equal(rig_text_of(r, "train", "1", JOB_EXIT_CODE), "137");
    assert_non_null(strstr(rig_text_of(r, "train", "1", JOB_REASON), "out of memory"));
    assert_non_null(strstr(rig_text_of(r, "train", "1", JOB_REASON), "tmpfs"));
    // By id, present and former.
    assert_int_equal(jobs_find(r->jobs, fake.jobs[0].id, NULL, &v, &err), ERR_OK);
    assert_string_equal(v.name, "train");
    job_view_free(&v);
    rig_free(r);

    // After a remount all is there.
    r = rig_new(folder, fake.net.port, NULL);
    assert_string_equal(rig_text(r, "train", JOB_ID), fake.jobs[1].id);
    assert_string_equal(rig_text_of(r, "train", "1", JOB_STATUS), "FAILED");
    fake_set(1, "SUCCEEDED", 0);
    assert_true(rig_wait(r, "train", "SUCCEEDED"));
    assert_string_equal(rig_text(r, "train", JOB_EXIT_CODE), "0");
    rig_free(r);
}

static void test_states(void **state)
{
    (void)state;
    struct rig *r = rig_new(folder, fake.net.port, NULL);
    struct err err = ERR_INIT;
    struct job_view v;
    assert_int_equal(rig_submit(r, "train", GOOD, &err), ERR_OK);
    assert_true(rig_wait(r, "train", "RUNNABLE"));
    pthread_mutex_lock(&fake.lock);
    fake.jobs[0].attempts = "[{\"startedAt\":5,\"stoppedAt\":9,\"container\":{\"exitCode\":139,\"logStreamName\":\"x\"}}]";
    pthread_mutex_unlock(&fake.lock);
    fake_set(0, "RUNNING", -1);
    assert_true(rig_wait(r, "train", "RUNNING"));
    assert_int_equal(jobs_find(r->jobs, "train", NULL, &v, &err), ERR_OK);
    assert_int_equal(v.changed_ms, fake.jobs[0].started_ms);
    assert_true(v.parts & 1U << JOB_LOG);
    assert_int_equal(v.attempts, 1);
    for (int p = 0; p < JOB_LOG; p++) { // sizes are those of the texts
        struct buf text = {0};
        errc e = jobs_text(r->jobs, "train", NULL, (enum job_part)p, &text, &err);
        assert_int_equal(e == ERR_OK, (v.parts & 1U << p) != 0);
        assert_int_equal(v.size[p], text.len);
        buf_free(&text);
    }
    job_view_free(&v);
    assert_string_equal(rig_text_of(r, "train", "1.1", JOB_EXIT_CODE), "139");
    assert_string_equal(rig_text_of(r, "train", "1.1", JOB_STATUS), "FAILED");
    assert_non_null(strstr(rig_text_of(r, "train", "1.1", JOB_REASON), "segmentation fault"));
    // No secret of what Batch tells is written down.
    auto_free char *command = mem_printf("! grep -r S3CR3T %s", r->journal);
    assert_int_equal(system(command), 0);
    rig_free(r);
}

static void test_kill(void **state)
{
    (void)state;
    struct rig *r = rig_new(folder, fake.net.port, NULL);
    struct err err = ERR_INIT;
    assert_int_equal(jobs_kill(r->jobs, "none", NULL, &err), ERR_NOT_FOUND);
    assert_int_equal(rig_submit(r, "train", GOOD, &err), ERR_OK);
    assert_int_equal(jobs_kill(r->jobs, "train", NULL, &err), ERR_OK);
    assert_true(rig_wait(r, "train", "FAILED"));
    assert_non_null(strstr(rig_text(r, "train", JOB_REASON), "Metaflow initiated job termination."));
    assert_int_equal(jobs_kill(r->jobs, "train", NULL, &err), ERR_INVALID);
    rig_free(r);
}

static void test_refused_texts(void **state)
{
    (void)state;
    struct rig *r = rig_new(folder, fake.net.port, NULL);
    struct err err = ERR_INIT;
    enum jobs_text is;
    const char *bad = "{\"command\": [\"x\"], \"bathc\": 1, \"cpu\": 2}";
    assert_int_equal(jobs_check(r->jobs, "a", " \n", 2, &is, &err), ERR_OK);
    assert_int_equal(is, JOBS_TEXT_EMPTY);
    assert_int_equal(jobs_check(r->jobs, "a", GOOD, 5, &is, &err), ERR_OK);
    assert_int_equal(is, JOBS_TEXT_INCOMPLETE);
    assert_int_equal(jobs_check(r->jobs, "a", GOOD, strlen(GOOD), &is, &err), ERR_OK);
    assert_int_equal(is, JOBS_TEXT_ACCEPTED);
    assert_string_equal(rig_text(r, "a", JOB_STATUS), "(none)");
    assert_int_equal(jobs_check(r->jobs, "a", "{,", 2, &is, &err), ERR_INVALID);
    assert_string_equal(rig_text(r, "a", JOB_STATUS), "not submitted");
    assert_non_null(strstr(rig_text(r, "a", JOB_ERROR), "line 1"));
    assert_int_equal(rig_submit(r, "a", bad, &err), ERR_INVALID);
    assert_non_null(strstr(rig_text(r, "a", JOB_ERROR), "bathc"));
    assert_non_null(strstr(rig_text(r, "a", JOB_ERROR), "cpu"));
    assert_int_equal(jobs_kill(r->jobs, "a", NULL, &err), ERR_INVALID);
    assert_int_equal(fake_calls(NULL), 0);
    // What was refused is forgotten once a good text came.
    assert_int_equal(rig_submit(r, "a", GOOD, &err), ERR_OK);
    assert_string_equal(rig_text(r, "a", JOB_ERROR), "(none)");
    rig_free(r);
}

static void test_refused_by_configuration(void **state)
{
    (void)state;
    struct rig *r = rig_new(folder, fake.net.port, &(struct rig_options){.has_no_image = true});
    struct err err = ERR_INIT;
    assert_int_equal(rig_submit(r, "a", GOOD, &err), ERR_INVALID);
    assert_non_null(strstr(rig_text(r, "a", JOB_ERROR), "image"));
    assert_string_equal(rig_text(r, "a", JOB_STATUS), "not submitted");
    assert_string_equal(rig_text(r, "a", JOB_JOB), GOOD);
    assert_int_equal(rig_submit(r, "b", "{\"command\":[\"x\"],\"code\":\"Flow/8\",\"depends_on\":[\"nobody\",\"a\"]}", &err),
                     ERR_INVALID);
    assert_non_null(strstr(rig_text(r, "b", JOB_ERROR), "there is no run Flow/8"));
    assert_non_null(strstr(rig_text(r, "b", JOB_ERROR), "depends_on: item 1, \"nobody\": "));
    assert_non_null(strstr(rig_text(r, "b", JOB_ERROR), "depends_on: item 2, \"a\": that job was not submitted"));
    // With code its Python's image does.
    assert_int_equal(rig_submit(r, "b", "{\"command\":[\"x\"],\"code\":\"Flow/7\"}", &err), ERR_OK);
    assert_int_equal(rig_submit(r, "c", "{\"command\":[\"x\"],\"code\":\"Flow/7\",\"depends_on\":[\"b\"]}", &err), ERR_OK);
    assert_non_null(strstr(rig_text(r, "c", JOB_REQUEST), fake.jobs[0].id));
    // AWS's own words.
    fake_rule("submitjob", 3, 3, FAKE_REFUSE);
    assert_int_equal(rig_submit(r, "d", "{\"command\":[\"x\"],\"code\":\"Flow/7\"}", &err), ERR_INVALID);
    assert_non_null(strstr(rig_text(r, "d", JOB_ERROR), "the fake says no"));
    assert_string_equal(rig_text(r, "d", JOB_STATUS), "not submitted");
    rig_free(r);
}

static void test_no_such_queue(void **state)
{
    (void)state;
    struct rig *r = rig_new(folder, fake.net.port, NULL);
    struct err err = ERR_INIT;
    const char *text = "{\"command\": [\"x\"], \"batch\": {\"queue\": \"nope\"}}";
    assert_int_equal(rig_submit(r, "a", text, &err), ERR_INVALID);
    assert_non_null(strstr(rig_text(r, "a", JOB_ERROR), "batch.queue: AWS Batch has no job queue \"nope\""));
    free(r->settings.queue);
    r->settings.queue = mem_strdup("gone");
    assert_int_equal(rig_submit(r, "a", GOOD, &err), ERR_INVALID);
    assert_non_null(strstr(rig_text(r, "a", JOB_ERROR),
                           "batch.queue, from METAFLOW_BATCH_JOB_QUEUE: AWS Batch has no job queue \"gone\""));
    rig_free(r);
}

static errc vet(struct rig *r, const char *name, const char *text, struct err *err)
{
    return jobs_vet(r->jobs, name, text, strlen(text), NULL, err);
}

// The checks before a submission, without it: what they asked is not asked again.
static void test_vet(void **state)
{
    (void)state;
    struct rig *r = rig_new(folder, fake.net.port, NULL);
    struct err err = ERR_INIT;
    assert_int_equal(vet(r, "a", "{\"command\":[\"x\"],\"batch\":{\"queue\":\"none\"}}", &err), ERR_INVALID);
    assert_non_null(strstr(err.cause, "no job queue \"none\""));
    assert_non_null(strstr(rig_text(r, "a", JOB_ERROR), "no job queue \"none\""));
    assert_string_equal(rig_text(r, "a", JOB_STATUS), "not submitted");
    assert_int_equal(vet(r, "a", "{\"command\":[\"x\"],\"code\":\"Flow/8\",\"depends_on\":[\"nobody\"]}", &err),
                     ERR_INVALID);
    assert_non_null(strstr(rig_text(r, "a", JOB_ERROR), "Flow/8"));
    assert_non_null(strstr(rig_text(r, "a", JOB_ERROR), "nobody"));
    assert_int_equal(vet(r, "a", GOOD, &err), ERR_OK);
    assert_non_null(strstr(rig_text(r, "a", JOB_ERROR), "not closed yet"));
    assert_int_equal(fake_calls("submitjob") + fake_calls("registerjobdefinition"), 0);
    int queues = fake_calls("describejobqueues"), environments = fake_calls("describecomputeenvironments");
    assert_int_equal(rig_submit(r, "a", GOOD, &err), ERR_OK);
    assert_int_equal(fake_calls("describejobqueues"), queues);
    assert_int_equal(fake_calls("describecomputeenvironments"), environments);
    assert_string_equal(rig_text(r, "a", JOB_ERROR), "(none)");
    assert_int_equal(fake_jobs(), 1);
    // A job that lives, and what AWS does not answer, is for the submission.
    assert_int_equal(vet(r, "a", GOOD, &err), ERR_OK);
    assert_int_equal(vet(r, "a", OTHER, &err), ERR_OK);
    assert_string_equal(rig_text(r, "a", JOB_JOB), GOOD);
    rig_free(r);
    r = rig_new("journal-vet", fake.net.port, &(struct rig_options){.submit_ms = 300});
    fake_rule("describejobqueues", queues + 1, queues + 100, FAKE_THROTTLE);
    assert_int_equal(vet(r, "b", GOOD, &err), ERR_OK);
    assert_int_equal(rig_submit(r, "b", GOOD, &err), ERR_THROTTLED);
    rig_free(r);
    // A dry run refuses what it would refuse, and keeps nothing.
    r = rig_new("journal-vet-dry", fake.net.port, &(struct rig_options){.dry_run = true, .has_no_image = true});
    int before = fake_calls(NULL);
    assert_int_equal(vet(r, "c", GOOD, &err), ERR_INVALID);
    assert_non_null(strstr(rig_text(r, "c", JOB_ERROR), "image"));
    assert_int_equal(vet(r, "c", "{\"command\":[\"x\"],\"code\":\"Flow/7\"}", &err), ERR_OK);
    assert_string_equal(rig_text(r, "c", JOB_STATUS), "not submitted");
    assert_int_equal(fake_calls(NULL), before);
    rig_free(r);
}

// A code or a dependency that is not there hides nothing of what the platform refuses.
static void test_all_problems_at_once(void **state)
{
    (void)state;
    struct rig *r = rig_new(folder, fake.net.port, NULL);
    struct err err = ERR_INIT;
    fake.platform = "FARGATE";
    assert_int_equal(rig_submit(r, "a", "{\"command\":[\"x\"],\"code\":\"Flow/8\",\"depends_on\":[\"nobody\"],"
                                        "\"batch\":{\"use_tmpfs\":true,\"gpu\":1}}", &err), ERR_INVALID);
    static const char *const all[] = {"there is no run Flow/8", "\"nobody\": there is no such job", "batch.use_tmpfs",
                                      "batch.gpu", "batch.execution_role"};
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
        assert_non_null(strstr(rig_text(r, "a", JOB_ERROR), all[i]));
    }
    assert_non_null(strstr(err.cause, "more: .batch/a/error"));
    // A queue that is not there is one of them.
    assert_int_equal(rig_submit(r, "b", "{\"command\":[\"x\"],\"depends_on\":[\"nobody\"],"
                                        "\"batch\":{\"queue\":\"none\"}}", &err), ERR_INVALID);
    assert_non_null(strstr(rig_text(r, "b", JOB_ERROR), "nobody"));
    assert_non_null(strstr(rig_text(r, "b", JOB_ERROR), "no job queue \"none\""));
    rig_free(r);
    // The image of a code that is not there is not known, and not missing.
    rig_each(state);
    r = rig_new(folder, fake.net.port, &(struct rig_options){.has_no_image = true});
    assert_int_equal(rig_submit(r, "a", "{\"command\":[\"x\"],\"code\":\"Flow/8\"}", &err), ERR_INVALID);
    assert_null(strstr(rig_text(r, "a", JOB_ERROR), "batch.image"));
    assert_int_equal(fake_calls("submitjob"), 0);
    rig_free(r);
}

static void test_dry_run(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    const char *dry = "{\"command\": [\"{tempdir}/x\"], \"batch\": {\"use_tmpfs\": true}, \"dry_run\": true}";
    struct rig *r = rig_new(folder, fake.net.port, NULL);
    assert_int_equal(rig_submit(r, "a", dry, &err), ERR_OK);
    assert_string_equal(rig_text(r, "a", JOB_STATUS), "dry run");
    assert_string_equal(rig_text(r, "a", JOB_TEMPDIR), "/metaflow_temp");
    assert_non_null(strstr(rig_text(r, "a", JOB_REQUEST), "/metaflow_temp/x"));
    assert_non_null(strstr(rig_text(r, "a", JOB_REQUEST), "EC2 is assumed"));
    // What only Fargate has is not refused because the queue is not known.
    r->settings.execution_role = mem_strdup("arn:aws:iam::123456789012:role/e");
    const char *small = "{\"command\": [\"x\"], \"batch\": {\"cpu\": 0.5, \"memory\": 1024}, \"dry_run\": true}";
    assert_int_equal(rig_submit(r, "small", small, &err), ERR_OK);
    assert_non_null(strstr(rig_text(r, "small", JOB_REQUEST), "FARGATE is assumed"));
    assert_int_equal(fake_calls(NULL), 0);
    assert_int_equal(rig_submit(r, "a", GOOD, &err), ERR_OK); // it blocks nothing
    assert_int_equal(fake_jobs(), 1);
    assert_string_equal(rig_text(r, "a", JOB_ID), fake.jobs[0].id);
    assert_int_equal(rig_submit(r, "a", dry, &err), ERR_BUSY);
    rig_free(r);

    r = rig_new("journal-dry", fake.net.port, &(struct rig_options){.dry_run = true});
    int before = fake_calls(NULL);
    assert_int_equal(rig_submit(r, "b", GOOD, &err), ERR_OK);
    assert_string_equal(rig_text(r, "b", JOB_STATUS), "dry run");
    jobs_look(r->jobs, NULL);
    assert_int_equal(jobs_kill(r->jobs, "b", NULL, &err), ERR_INVALID);
    assert_int_equal(fake_calls(NULL), before);
    rig_free(r);
}

// Another mount makes the job of a file that is a dry run here.
static void test_dry_run_and_another_mount(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct rig *one = rig_new(folder, fake.net.port, NULL), *two = rig_new(folder, fake.net.port, NULL);
    const char *dry = "{\"command\": [\"x\"], \"dry_run\": true}";
    assert_int_equal(rig_submit(one, "a", dry, &err), ERR_OK);
    assert_string_equal(rig_text(one, "a", JOB_STATUS), "dry run");
    assert_int_equal(rig_submit(two, "a", GOOD, &err), ERR_OK);
    assert_true(rig_wait(one, "a", "RUNNABLE"));
    assert_string_equal(rig_text(one, "a", JOB_ID), fake.jobs[0].id);
    assert_string_equal(rig_text(one, "a", JOB_JOB), GOOD);
    assert_int_equal(jobs_kill(one->jobs, "a", NULL, &err), ERR_OK);
    assert_true(rig_wait(one, "a", "FAILED"));
    assert_int_equal(rig_submit(one, "a", dry, &err), ERR_OK); // it stands while nothing newer is there
    jobs_look(one->jobs, NULL);
    assert_int_equal(rig_submit(two, "b", GOOD, &err), ERR_OK);
    assert_true(rig_wait(one, "b", "RUNNABLE"));
    assert_string_equal(rig_text(one, "a", JOB_STATUS), "dry run");
    rig_free(one);
    rig_free(two);
}

// A mount that makes dry runs alone cannot learn that a job ended: it does not wait for that.
static void test_dry_run_beside_a_job(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct rig *r = rig_new(folder, fake.net.port, NULL);
    assert_int_equal(rig_submit(r, "a", GOOD, &err), ERR_OK);
    rig_free(r);
    fake_set(0, "SUCCEEDED", 0);
    r = rig_new(folder, fake.net.port, &(struct rig_options){.dry_run = true});
    int before = fake_calls(NULL);
    assert_int_equal(rig_submit(r, "a", OTHER, &err), ERR_OK);
    assert_string_equal(rig_text(r, "a", JOB_STATUS), "dry run");
    assert_string_equal(rig_text_of(r, "a", "1", JOB_ID), fake.jobs[0].id);
    assert_int_equal(rig_submit(r, "a", GOOD, &err), ERR_OK); // the job's own text: its directory is the job's again
    assert_string_equal(rig_text(r, "a", JOB_ID), fake.jobs[0].id);
    assert_int_equal(fake_calls(NULL), before);
    rig_free(r);
}

// An id is written down by whoever submitted before Batch knows it.
static void test_an_id_too_early(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct job_view v;
    struct rig *r = rig_new(folder, fake.net.port, NULL);
    const char *id = "00000000-0000-4000-8000-000000000001";
    assert_int_equal(jobs_find(r->jobs, id, NULL, &v, &err), ERR_NOT_FOUND);
    pthread_mutex_lock(&fake.lock);
    fake_add("somebody-s", "queue", "{}");
    pthread_mutex_unlock(&fake.lock);
    errc e = ERR_NOT_FOUND;
    for (int i = 0; i < 1500 && e; i++) {
        loopback_pause(20);
        e = jobs_find(r->jobs, id, NULL, &v, &err);
    }
    assert_int_equal(e, ERR_OK);
    job_view_free(&v);
    rig_free(r);
}

static void saved_free(struct job_saved *s)
{
    free(s->name);
    free(s->text);
}

static void test_saved(void **state)
{
    (void)state;
    struct rig *r = rig_new(folder, fake.net.port, NULL);
    struct err err = ERR_INIT;
    struct job_saved s;
    assert_int_equal(rig_submit(r, "a", GOOD, &err), ERR_OK);
    assert_int_equal(rig_submit(r, "b", OTHER, &err), ERR_OK);
    jobs_unsave(r->jobs, "a");
    rig_free(r);
    r = rig_new(folder, fake.net.port, NULL);
    assert_true(jobs_saved(r->jobs, 0, &s));
    assert_string_equal(s.name, "b");
    assert_string_equal(s.text, OTHER);
    assert_true(s.saved_ms > 0 && s.mtime_ms == 0);
    saved_free(&s);
    assert_false(jobs_saved(r->jobs, 1, &s));
    assert_string_equal(rig_text(r, "a", JOB_JOB), GOOD); // the directory stays
    jobs_resave(r->jobs, "a");
    assert_true(jobs_saved(r->jobs, 1, &s));
    saved_free(&s);
    jobs_unsave(r->jobs, "a");
    assert_int_equal(rig_submit(r, "a", GOOD, &err), ERR_OK); // and is the same job
    assert_int_equal(fake_jobs(), 2);
    assert_true(jobs_saved(r->jobs, 1, &s));
    saved_free(&s);
    rig_free(r);
}

// The time that a program set for a job's file is known after a remount, while the file is that one.
static void test_time_of_a_file(void **state)
{
    (void)state;
    struct rig *r = rig_new(folder, fake.net.port, NULL);
    struct err err = ERR_INIT;
    struct job_saved s;
    assert_int_equal(rig_submit(r, "a", GOOD, &err), ERR_OK);
    assert_true(jobs_touch(r->jobs, "a", GOOD "\n", strlen(GOOD) + 1, 1234567890123));
    assert_true(jobs_touch(r->jobs, "a", GOOD, strlen(GOOD), 1234567890123));
    assert_false(jobs_touch(r->jobs, "a", OTHER, strlen(OTHER), 1));
    assert_false(jobs_touch(r->jobs, "b", GOOD, strlen(GOOD), 1));
    rig_free(r);
    r = rig_new(folder, fake.net.port, NULL);
    assert_true(jobs_saved(r->jobs, 0, &s));
    assert_int_equal(s.mtime_ms, 1234567890123);
    saved_free(&s);
    assert_int_equal(rig_submit(r, "a", GOOD, &err), ERR_OK); // it lives: the same job, and the same time
    assert_true(jobs_saved(r->jobs, 0, &s));
    assert_int_equal(s.mtime_ms, 1234567890123);
    saved_free(&s);
    fake_set(0, "SUCCEEDED", 0);
    assert_true(rig_wait(r, "a", "SUCCEEDED"));
    assert_int_equal(rig_submit(r, "a", OTHER, &err), ERR_OK);
    assert_true(jobs_saved(r->jobs, 0, &s));
    assert_string_equal(s.text, OTHER);
    assert_int_equal(s.mtime_ms, 0);
    saved_free(&s);
    rig_free(r);
}

struct seen {
    char names[32][160];
    int len;
};

static bool see(void *arg, const struct job_view *v)
{
    struct seen *s = arg;
    snprintf(s->names[s->len++ % 32], sizeof(s->names[0]), "%s%s", v->ours ? "" : "+", v->name);
    return true;
}

static void add_theirs(const char *name, const char *user, int task)
{
    auto_free char *parameters = mem_printf("{\"metaflow.user\":\"%s\",\"metaflow.flow_name\":\"Flow\",\"metaflow.run_id\":"
                                            "\"5\",\"metaflow.step_name\":\"start\",\"metaflow.task_id\":\"%d\"}",
                                            user, task);
    pthread_mutex_lock(&fake.lock);
    fake_add(name, "queue", parameters);
    pthread_mutex_unlock(&fake.lock);
}

static void test_metaflows_jobs(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct seen s = {0};
    struct job_view v;
    add_theirs("tester-Flow-5-start-1-0", "tester", 1);
    add_theirs("tester-x-Flow-5-start-9-0", "tester-x", 9); // another user, whose name begins as ours
    add_theirs("tester-Flow-5-start-2-0", "tester", 2);
    add_theirs("other-Flow-5-start-3-0", "other", 3);
    struct rig *r = rig_new(folder, fake.net.port, NULL);
    assert_int_equal(rig_submit(r, "mine", GOOD, &err), ERR_OK);
    jobs_look(r->jobs, NULL);
    for (int i = 0; i < 300 && s.len < 3; i++) {
        s.len = 0;
        jobs_list(r->jobs, see, &s);
        loopback_pause(10);
    }
    assert_int_equal(s.len, 3);
    assert_string_equal(s.names[0], "mine");
    assert_string_equal(s.names[1], "+tester-Flow-5-start-2-0"); // the newest first
    assert_string_equal(s.names[2], "+tester-Flow-5-start-1-0");
    assert_int_equal(jobs_find(r->jobs, "tester-Flow-5-start-1-0", NULL, &v, &err), ERR_OK);
    assert_string_equal(v.task, "Flow/5/start/1");
    assert_false(v.ours);
    assert_true(v.can_kill);
    job_view_free(&v);
    auto_free char *dir = jobs_of_task(r->jobs, NULL, "Flow/5/start/2"), *none = jobs_of_task(r->jobs, NULL, "Flow/5/x/2");
    assert_string_equal(dir, "tester-Flow-5-start-2-0");
    assert_null(none);
    assert_int_equal(jobs_kill(r->jobs, dir, NULL, &err), ERR_OK);
    assert_true(rig_wait(r, dir, "FAILED"));
    // By id: asked for once, whoever's it is; and what is none is asked for once too.
    int before = fake_calls("describejobs");
    assert_int_equal(jobs_find(r->jobs, fake.jobs[3].id, NULL, &v, &err), ERR_OK);
    assert_string_equal(v.name, "other-Flow-5-start-3-0");
    job_view_free(&v);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(jobs_find(r->jobs, "00000000-0000-4000-8000-00000000dead", NULL, &v, &err), ERR_NOT_FOUND);
        assert_int_equal(jobs_find(r->jobs, "no-such-job", NULL, &v, &err), ERR_NOT_FOUND);
    }
    assert_true(fake_calls("describejobs") > before);
    rig_free(r);
}

static void test_log(void **state)
{
    (void)state;
    struct rig *r = rig_new(folder, fake.net.port, NULL);
    struct err err = ERR_INIT;
    char text[4096] = "";
    int fd;
    uint64_t len;
    pthread_mutex_lock(&fake.lock);
    fake.lines = 7;
    pthread_mutex_unlock(&fake.lock);
    assert_int_equal(rig_submit(r, "a", GOOD, &err), ERR_OK);
    assert_int_equal(jobs_log(r->jobs, "a", NULL, NULL, &fd, &len, &err), ERR_OK);
    assert_int_equal(len, 0);
    close(fd);
    fake_set(0, "RUNNING", -1);
    assert_true(rig_wait(r, "a", "RUNNING"));
    assert_int_equal(jobs_log(r->jobs, "a", NULL, NULL, &fd, &len, &err), ERR_OK);
    assert_int_equal(len, 7 * 7);
    pthread_mutex_lock(&fake.lock);
    fake.lines = 12;
    pthread_mutex_unlock(&fake.lock);
    struct job_view v = {0};
    for (int i = 0; i < 500 && v.size[JOB_LOG] < 9 * 7 + 2; i++) {
        job_view_free(&v);
        assert_int_equal(jobs_find(r->jobs, "a", NULL, &v, &err), ERR_OK);
        loopback_pause(10);
    }
    assert_true(v.log_grows);
    for (int i = 0; i < 300 && v.size[JOB_LOG] < 86; i++) {
        job_view_free(&v);
        assert_int_equal(jobs_find(r->jobs, "a", NULL, &v, &err), ERR_OK);
        loopback_pause(10);
    }
    assert_int_equal(v.size[JOB_LOG], 10 * 7 + 2 * 8);
    assert_int_equal(pread(fd, text, sizeof(text), 0), v.size[JOB_LOG]);
    assert_non_null(strstr(text, "line 0\nline 1\n"));
    assert_non_null(strstr(text, "line 10\nline 11\n"));
    job_view_free(&v);
    close(fd);
    // It ended long ago: once its end was read nothing is asked for any more.
    fake_set(0, "SUCCEEDED", 0);
    pthread_mutex_lock(&fake.lock);
    fake.jobs[0].stopped_ms = clock_wall_ms() - 100000;
    pthread_mutex_unlock(&fake.lock);
    assert_true(rig_wait(r, "a", "SUCCEEDED"));
    for (int i = 0; i < 500; i++) {
        assert_int_equal(jobs_find(r->jobs, "a", NULL, &v, &err), ERR_OK);
        bool grows = v.log_grows;
        job_view_free(&v);
        if (!grows) {
            break;
        }
        loopback_pause(20);
    }
    int calls = fake_calls("GetLogEvents");
    assert_int_equal(jobs_log(r->jobs, "a", NULL, NULL, &fd, &len, &err), ERR_OK);
    assert_int_equal(len, 86);
    close(fd);
    loopback_pause(200);
    assert_int_equal(fake_calls("GetLogEvents"), calls);
    rig_free(r);
}

static void test_nothing_to_ask(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    auto_cleanup(buf_free) struct buf told = {0};
    struct rig *r = rig_new(folder, fake.net.port, &(struct rig_options){.has_no_region = true});
    int64_t before = clock_mono_ms();
    jobs_look(r->jobs, NULL);
    jobs_describe(r->jobs, 10, &told);
    assert_non_null(strstr(told.data, "AWS_DEFAULT_REGION"));
    assert_int_equal(rig_submit(r, "a", GOOD, &err), ERR_INVALID);
    assert_non_null(strstr(rig_text(r, "a", JOB_ERROR), "region"));
    rig_free(r);

    r = rig_new(folder, fake.net.port, &(struct rig_options){.has_no_creds = true});
    for (int i = 0; i < 20; i++) {
        jobs_look(r->jobs, NULL);
    }
    assert_true(clock_mono_ms() - before < 3000);
    told.len = 0;
    jobs_describe(r->jobs, 10, &told);
    assert_non_null(strstr(told.data, "there are no credentials"));
    assert_int_equal(rig_submit(r, "b", GOOD, &err), ERR_DENIED);
    assert_string_equal(rig_text(r, "b", JOB_STATUS), "not submitted");
    assert_non_null(strstr(rig_text(r, "b", JOB_ERROR), "there are no credentials"));
    assert_true(clock_mono_ms() - before < 3000);
    assert_int_equal(fake_calls(NULL), 0);
    rig_free(r);
}

// A thousand jobs that live cost ten calls a round, and rounds are as far apart as that asks for.
static void test_many(void **state)
{
    (void)state;
    struct rig *r = rig_new(folder, fake.net.port, NULL);
    struct job_view v;
    struct err err = ERR_INIT;
    struct seen s = {0};
    for (int i = 0; i < 1000; i++) {
        auto_free char *name = mem_printf("tester-Flow-5-start-%d-0", i);
        add_theirs(name, "tester", i);
    }
    jobs_look(r->jobs, NULL);
    for (int i = 0; i < 500 && s.len < 1000; i++) {
        s.len = 0;
        jobs_list(r->jobs, see, &s);
        loopback_pause(10);
    }
    assert_int_equal(s.len, 1000);
    int before = fake_calls("describejobs");
    assert_true(before <= 10 + 10);
    for (int i = 0; i < 1000; i++) { // reading makes no call
        auto_free char *name = mem_printf("tester-Flow-5-start-%d-0", i);
        jobs_look(r->jobs, NULL);
        assert_int_equal(jobs_find(r->jobs, name, NULL, &v, &err), ERR_OK);
        job_view_free(&v);
    }
    assert_true(fake_calls("describejobs") - before <= 20);
    rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_submit, rig_each),
        cmocka_unit_test_setup(test_generations, rig_each),
        cmocka_unit_test_setup(test_states, rig_each),
        cmocka_unit_test_setup(test_kill, rig_each),
        cmocka_unit_test_setup(test_refused_texts, rig_each),
        cmocka_unit_test_setup(test_refused_by_configuration, rig_each),
        cmocka_unit_test_setup(test_no_such_queue, rig_each),
        cmocka_unit_test_setup(test_vet, rig_each),
        cmocka_unit_test_setup(test_all_problems_at_once, rig_each),
        cmocka_unit_test_setup(test_dry_run, rig_each),
        cmocka_unit_test_setup(test_dry_run_and_another_mount, rig_each),
        cmocka_unit_test_setup(test_dry_run_beside_a_job, rig_each),
        cmocka_unit_test_setup(test_an_id_too_early, rig_each),
        cmocka_unit_test_setup(test_saved, rig_each),
        cmocka_unit_test_setup(test_time_of_a_file, rig_each),
        cmocka_unit_test_setup(test_metaflows_jobs, rig_each),
        cmocka_unit_test_setup(test_log, rig_each),
        cmocka_unit_test_setup(test_nothing_to_ask, rig_each),
        cmocka_unit_test_setup(test_many, rig_each),
    };
    return cmocka_run_group_tests(tests, rig_begin, rig_end);
}
