// For the tests of batch/jobs.h: jobs over the fake Batch, with an impatient poller and a journal in a temporary folder.
#ifndef TESTS_JOBS_RIG_H
#define TESTS_JOBS_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "batch/jobs.h"
#include "fake_aws_batch.h"
#include "tempdir.h"

#define GOOD "{\"command\": [\"true\"]}"
#define OTHER "{\"command\": [\"false\"]}"

struct rig {
    struct http *http;
    struct creds creds;
    struct batch_settings settings;
    struct jobs *jobs;
    char journal[160];
};

struct rig_options {
    bool dry_run, has_no_creds, has_no_region, has_no_image;
    int64_t submit_ms, settle_ms;
    void (*reached)(void *arg, enum jobs_step step);
    void *arg;
};

static inline errc rig_code(void *arg, const char *run, struct cancel *cancel, struct job_code *ret, struct err *err)
{
    (void)arg;
    (void)cancel;
    if (strcmp(run, "Flow/7") != 0) {
        return err_set(err, ERR_NOT_FOUND, "there is no run %s", run);
    }
    *ret = (struct job_code){
        .flow = mem_strdup("Flow"),
        .run = mem_strdup("7"),
        .metadata = mem_strdup("{\"version\": 0}"),
        .sha = mem_strdup("0123456789abcdef0123456789abcdef01234567"),
        .url = mem_strdup("s3://b/m/Flow/data/01/0123456789abcdef0123456789abcdef01234567"),
        .ds = mem_strdup("s3"),
        .python_version = mem_strdup("3.11"),
    };
    return ERR_OK;
}

// `folder` is the journal's, below the test's own.
static inline struct rig *rig_new(const char *folder, int port, const struct rig_options *options)
{
    static const struct rig_options plain = {0};
    const struct rig_options *o = options ? options : &plain;
    struct rig *r = mem_zalloc(sizeof(*r));
    struct err err = ERR_INIT;
    r->creds.serial = o->has_no_creds ? 0 : 1;
    if (http_new(&(struct http_conf){.first_byte_ms = 3000}, &r->http, &err)) {
        abort();
    }
    r->settings = (struct batch_settings){
        .user = mem_strdup("tester"),
        .region = o->has_no_region ? NULL : mem_strdup("us-east-1"),
        .batch_endpoint = mem_printf("http://127.0.0.1:%d", port),
        .logs_endpoint = mem_printf("http://127.0.0.1:%d", port),
        .queue = mem_strdup("queue"),
        .image = o->has_no_image ? NULL : mem_strdup("python:3.11"),
        .iam_role = mem_strdup("arn:aws:iam::123456789012:role/r"),
    };
    snprintf(r->journal, sizeof(r->journal), "%s/%s", tempdir, folder);
    struct jobs_conf conf = {
        .http = r->http,
        .creds = &r->creds,
        .settings = &r->settings,
        .journal_dir = r->journal,
        .spool_dir = tempdir,
        .dry_run = o->dry_run,
        .code = rig_code,
        .submit_ms = o->submit_ms ? o->submit_ms : 8000,
        .poll_ms = 20,
        .settle_ms = o->settle_ms ? o->settle_ms : 60000,
        .reached = o->reached,
        .arg = o->arg,
    };
    if (jobs_new(&conf, &r->jobs, &err)) {
        fprintf(stderr, "jobs_new: %s\n", err.cause);
        abort();
    }
    return r;
}

static inline void rig_free(struct rig *r)
{
    jobs_free(r->jobs);
    http_free(r->http);
    batch_settings_free(&r->settings);
    free(r);
}

static inline errc rig_submit(struct rig *r, const char *name, const char *text, struct err *err)
{
    return jobs_submit(r->jobs, name, text, strlen(text), NULL, err);
}

// A part without its final newline; "(none)" where it is not there. It lives until the 8th call after.
static inline const char *rig_text_of(struct rig *r, const char *name, const char *attempt, enum job_part part)
{
    static char texts[8][8192];
    static unsigned next;
    char *out = texts[next++ % 8];
    struct buf text = {0};
    struct err err = ERR_INIT;
    if (jobs_text(r->jobs, name, attempt, part, &text, &err)) {
        snprintf(out, sizeof(texts[0]), "(none)");
    } else {
        snprintf(out, sizeof(texts[0]), "%s", text.data ? text.data : "");
        size_t len = strlen(out);
        if (len > 0 && out[len - 1] == '\n') {
            out[len - 1] = '\0';
        }
    }
    buf_free(&text);
    return out;
}

static inline const char *rig_text(struct rig *r, const char *name, enum job_part part)
{
    return rig_text_of(r, name, NULL, part);
}

// Looks until the status is that, 10 s at most.
static inline bool rig_wait(struct rig *r, const char *name, const char *status)
{
    for (int i = 0; i < 500; i++) {
        jobs_look(r->jobs, NULL);
        if (strcmp(rig_text(r, name, JOB_STATUS), status) == 0) {
            return true;
        }
        loopback_pause(20);
    }
    fprintf(stderr, "%s is %s, not %s\n", name, rig_text(r, name, JOB_STATUS), status);
    return false;
}

// Before each test: nothing of the last one is left of the fake AWS, and the journal is in a folder of its own.
static char folder[32];
static inline int rig_each(void **state)
{
    static int number;
    (void)state;
    fake_reset();
    snprintf(folder, sizeof(folder), "journal-%d", number++);
    return 0;
}

// Before and after all tests of a program: a folder and the fake AWS.
static inline int rig_begin(void **state)
{
    return tempdir_make(state) || fake_start();
}

static inline int rig_end(void **state)
{
    fake_stop();
    return tempdir_remove(state);
}

#endif
