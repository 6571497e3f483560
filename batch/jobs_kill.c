// Ending a job, and what is told of all jobs: for .metaflowfs/status and the counters.
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "batch/jobs_i.h"

#define KILL_REASON "Metaflow initiated job termination." // what Metaflow's own `batch kill` says

struct target {
    char *id, *queue, *job_name; // owned; id is NULL where it is not known
};

static errc find_target(struct jobs *j, const char *name, struct target *ret, struct err *err)
{
    struct face f;
    errc e = ERR_OK;
    pthread_mutex_lock(&j->lock);
    if (!face_of(j, name, &f)) {
        e = err_set(err, ERR_NOT_FOUND, "there is no job %s", name);
    } else if (f.is_dry) {
        e = err_set(err, ERR_INVALID, "the job %s is a dry run: there is nothing to kill", name);
    } else if (f.in == NULL && f.theirs == NULL) {
        e = err_set(err, ERR_INVALID, "the job %s was refused: there is nothing to kill", name);
    } else if (f.in != NULL ? !intent_lives(f.in) : told_ended(f.told)) {
        e = err_set(err, ERR_INVALID, "the job %s cannot be killed: its status is %s", name, face_status(&f));
    } else if (f.side != NULL && !side_is_here(j, f.side)) {
        e = err_set(err, ERR_INVALID, "the job %s was submitted to %s, and this mount asks %s: kill it from a mount of "
                    "that region", name, f.side->place, j->conf.settings->region ? j->conf.settings->region : "nobody");
    } else {
        ret->id = mem_strdup(f.in != NULL ? f.in->id : f.told->id);
        ret->queue = f.in != NULL ? mem_strdup(f.in->queue) : NULL;
        ret->job_name = f.in != NULL ? mem_strdup(f.in->job_name) : NULL;
    }
    pthread_mutex_unlock(&j->lock);
    return e;
}

static errc terminate(struct jobs *j, const char *id, struct cancel *cancel, struct err *err)
{
    auto_cleanup(buf_free) struct buf body = {0};
    struct json *answer = NULL;
    buf_puts(&body, "{\"jobId\":");
    json_quote(&body, id, strlen(id));
    buf_puts(&body, ",\"reason\":\"" KILL_REASON "\"}");
    errc e = batch_call(j->api, "terminatejob", body.data, cancel, &answer, err); // twice is once
    json_free(answer);
    return e;
}

errc jobs_kill(struct jobs *j, const char *name, struct cancel *cancel, struct err *err)
{
    struct target t = {0};
    jobs_load(j);
    errc e = find_target(j, name, &t, err);
    if (!e && !jobs_can_ask(j)) {
        e = err_set(err, ERR_INVALID, "the job %s cannot be killed: %s", name, j->why_not);
    }
    if (!e && t.id == NULL && t.queue != NULL && t.job_name != NULL) {
        e = jobs_look_for(j, t.queue, t.job_name, cancel, &t.id, err);
    }
    if (!e && t.id == NULL) {
        e = err_set(err, ERR_INVALID, "whether the job %s exists is not known yet: try again when .batch/%s/status "
                    "says more", name, name);
    }
    if (!e) {
        e = terminate(j, t.id, cancel, err);
    }
    if (!e) {
        pthread_mutex_lock(&j->lock);
        j->pace_ms = j->conf.poll_ms;
        j->next_ms = clock_mono_ms() + j->conf.poll_ms / 4;
        jobs_wake(j);
        pthread_mutex_unlock(&j->lock);
    }
    free(t.id);
    free(t.queue);
    free(t.job_name);
    return e;
}

// --- for people --------------------------------------------------------------------------------------------------

struct counts {
    uint64_t files, living, unknown, theirs, theirs_living;
};

static struct counts count(const struct jobs *j)
{
    struct counts c = {0};
    for (size_t i = 0; i < j->own_len; i++) {
        const struct intent *in = own_present(j->own[i]);
        c.files++;
        c.living += in != NULL && intent_lives(in) ? 1 : 0;
        c.unknown += in != NULL && in->state == INTENT_SENDING ? 1 : 0;
    }
    for (size_t i = 0; i < j->theirs_len; i++) {
        c.theirs += j->theirs[i]->listed ? 1 : 0;
        c.theirs_living += j->theirs[i]->listed && !told_ended(&j->theirs[i]->told) ? 1 : 0;
    }
    return c;
}

void jobs_describe(struct jobs *j, int width, struct buf *out)
{
    const struct batch_settings *s = j->conf.settings;
    jobs_load(j);
    pthread_mutex_lock(&j->lock);
    struct counts c = count(j);
    int64_t now = clock_mono_ms();
    buf_printf(out, "%-*s region %s, queue %s\n", width, "batch", s->region != NULL ? s->region : "(none)",
               s->queue != NULL ? s->queue : "(the first that is enabled and valid)");
    buf_printf(out, "%-*s %llu of files (%llu live, of %llu it is not known), %llu of Metaflow (%llu live)\n", width,
               "batch-jobs", (unsigned long long)c.files, (unsigned long long)c.living, (unsigned long long)c.unknown,
               (unsigned long long)c.theirs, (unsigned long long)c.theirs_living);
    if (j->why_not != NULL) {
        buf_printf(out, "%-*s %s\n", width, "batch-asked", j->why_not);
    } else if (j->told_ms == 0 && j->failed_ms == 0) {
        buf_printf(out, "%-*s not yet\n", width, "batch-asked");
    } else if (j->told_ms > 0) {
        buf_printf(out, "%-*s %lld s ago\n", width, "batch-asked", (long long)(now - j->told_ms) / 1000);
    }
    if (j->failure != NULL) {
        buf_printf(out, "%-*s %lld s ago: %s\n", width, "batch-failed", (long long)(now - j->failed_ms) / 1000,
                   j->failure);
    }
    if (j->list_failure != NULL) {
        buf_printf(out, "%-*s Metaflow's jobs cannot be listed: %s\n", width, "batch-failed", j->list_failure);
    }
    pthread_mutex_unlock(&j->lock);
}

void jobs_counters(struct jobs *j, void (*put)(void *out, const char *name, const char *help, uint64_t value),
                   void *out)
{
    struct batch_api_stats api = {0};
    if (j->api != NULL) {
        batch_api_stats(j->api, &api);
    }
    pthread_mutex_lock(&j->lock);
    struct counts c = count(j);
    uint64_t cycles = j->cycles, looks = j->looks;
    pthread_mutex_unlock(&j->lock);
    put(out, "batch_jobs", "Jobs of files", c.files);
    put(out, "batch_jobs_living", "Jobs of files that live, or may live", c.living);
    put(out, "batch_jobs_metaflow", "Jobs that Metaflow submitted", c.theirs);
    put(out, "batch_cycles_total", "Rounds of the poller", cycles);
    put(out, "batch_looks_total", "Looks at .batch", looks);
    put(out, "batch_calls_total", "Calls to AWS Batch", api.calls);
    put(out, "batch_retries_total", "Calls to AWS Batch that were made again", api.retries);
    put(out, "batch_throttled_total", "Calls that AWS throttled", api.throttled);
    put(out, "batch_failed_total", "Calls to AWS Batch that failed", api.failed);
    put(out, "batch_logs_calls_total", "Calls to CloudWatch Logs", api.logs_calls);
    put(out, "batch_submitted_total", "Answered SubmitJob calls", api.submitted);
}
