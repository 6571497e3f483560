// Sending a job: from the definition to the answer, so that it exists once, or it is known that it may exist.
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "batch/job_text.h"
#include "batch/jobs_i.h"

#define FIRST_WAIT_MS 500
#define LONGEST_WAIT_MS 5000
#define LOOK_FIRST_MS 1000  // before the first look for a job whose answer is not known
#define LOOK_LONGEST_MS 8000
#define LOOK_PAGES 100

// --- before ------------------------------------------------------------------------------------------------------

static errc pick_queue(struct submission *s, char **ret, struct err *err)
{
    const char *queue = s->spec.queue != NULL ? s->spec.queue : s->j->conf.settings->queue;
    auto_cleanup(strv_free) struct strv active = {0};
    if (queue != NULL) {
        *ret = mem_strdup(queue);
        return ERR_OK;
    }
    errc e = queues_active(s->j->queues, s->cancel, &active, err);
    if (!e && active.len == 0) {
        e = err_set(err, ERR_INVALID, "batch.queue: there is no job queue that is ENABLED and VALID in %s; give one, "
                    "or set METAFLOW_BATCH_JOB_QUEUE", s->j->conf.settings->region);
    }
    if (!e) {
        *ret = mem_strdup(active.items[0]);
    }
    return e;
}

// Where a queue that does not do was named.
static const char *queue_source(const struct submission *s)
{
    bool is_configured = s->j->conf.settings->queue != NULL;
    return s->spec.queue != NULL ? "batch.queue"
           : is_configured       ? "batch.queue, from METAFLOW_BATCH_JOB_QUEUE"
                                 : "batch.queue, not given: the first of AWS Batch";
}

static void set_bodies(struct submission *s, const char *queue, const char *arn)
{
    struct intent *in = record_present(&s->rec);
    struct job_submission sub = {
        .spec = &s->spec,
        .settings = s->j->conf.settings,
        .code = s->has_code ? &s->code : NULL,
        .job_name = in->job_name,
        .queue = queue,
        .definition = arn,
        .depends_on = &s->depends_on,
    };
    free(in->submission);
    in->submission = job_submission_json(&sub);
    free(in->definition);
    in->definition = mem_strdup(s->definition.json);
}

char *submission_job_name(const struct submission *s, unsigned generation)
{
    // The hash covers the file's name as well: two files may give their jobs the same one.
    auto_cleanup(buf_free) struct buf whole = {0};
    struct job_text text = job_text_core(s->text, strlen(s->text));
    buf_printf(&whole, "%s\n", s->name);
    buf_put(&whole, text.at, text.len);
    return job_name_make(s->j->conf.settings->user, s->spec.name, whole.data, whole.len, generation);
}

static errc find_platform(struct submission *s, char **ret_queue, char **ret_platform, struct err *err)
{
    errc e = pick_queue(s, ret_queue, err);
    if (!e && s->j->conf.settings->sandbox) {
        *ret_platform = mem_strdup("EC2");
    } else if (!e) {
        e = queues_platform(s->j->queues, *ret_queue, s->cancel, ret_platform, err);
        e = e == ERR_INVALID ? err_prefix(err, "%s", queue_source(s)) : e;
    }
    return e;
}

// Without the code that it names, a job that leaves its image to the code cannot be judged.
static bool is_judgeable(const struct submission *s)
{
    return s->spec.code == NULL || s->has_code || s->spec.image != NULL || s->j->conf.settings->image != NULL;
}

// All that is wrong is found: a code or a dependency that is not there hides nothing of what the platform refuses.
errc submission_judge(struct submission *s, char **ret_queue, struct err *err)
{
    auto_free char *queue = NULL, *platform = NULL;
    struct err why = ERR_INIT;
    errc e = submission_resolve(s, err);
    if (e && s->problems.len == 0) {
        return e;
    }
    e = find_platform(s, &queue, &platform, &why);
    if (e && s->problems.len == 0) {
        return err_set(err, e, "%s", why.cause);
    }
    if (e == ERR_INVALID) {
        buf_printf(&s->problems, "%s\n", why.cause);
    }
    if (!e && is_judgeable(s)) {
        (void)!job_definition_make(&s->spec, s->j->conf.settings, s->has_code ? &s->code : NULL, platform,
                                   &s->definition, &s->problems, &why);
    }
    if (s->problems.len > 0) {
        return submission_problems(s, err);
    }
    *ret_queue = steal_ptr(&queue);
    return ERR_OK;
}

errc submission_prepare(struct submission *s, struct err *err)
{
    struct intent *in = record_present(&s->rec);
    auto_free char *queue = NULL, *arn = NULL;
    errc e = submission_judge(s, &queue, err);
    if (!e) {
        e = queues_definition(s->j->queues, s->definition.name, s->definition.json, s->cancel, &arn, err);
    }
    if (e) {
        return e;
    }
    in->job_name = submission_job_name(s, in->generation);
    in->queue = mem_strdup(queue);
    in->tempdir = mem_strdup(job_spec_tempdir(&s->spec));
    set_bodies(s, queue, arn);
    jobs_reached(s->j, JOBS_STEP_READY);
    return ERR_OK;
}

// --- looking -----------------------------------------------------------------------------------------------------

struct namesake {
    const char *job_name;
    char *id;           // owned
    int64_t created_ms; // of id
};

// The id of the job of exactly that name; of several the oldest.
static bool find_name(void *arg, const struct json *list)
{
    struct namesake *n = arg;
    for (size_t i = 0; i < json_len(list); i++) {
        const struct json *one = json_at(list, i);
        const char *name = json_str(json_get(one, "jobName")), *id = json_str(json_get(one, "jobId"));
        int64_t created = 0;
        (void)json_int(json_get(one, "createdAt"), &created);
        bool is_it = name != NULL && id != NULL && strcmp(name, n->job_name) == 0;
        if (is_it && (n->id == NULL || created < n->created_ms)) {
            free(n->id);
            n->id = mem_strdup(id);
            n->created_ms = created;
        }
    }
    return true;
}

errc jobs_look_for(struct jobs *j, const char *queue, const char *job_name, struct cancel *cancel, char **ret_id,
                   struct err *err)
{
    struct namesake n = {.job_name = job_name};
    errc e = jobs_list_pages(j, queue, job_name, LOOK_PAGES, cancel, find_name, &n, err);
    if (e) {
        free(n.id);
        return e;
    }
    *ret_id = n.id;
    return ERR_OK;
}

errc submission_look(struct submission *s, bool *ret_found, struct err *err)
{
    struct intent *in = record_present(&s->rec);
    auto_free char *id = NULL;
    errc e = jobs_look_for(s->j, in->queue, in->job_name, s->cancel, &id, err);
    own_looked(s->j, s->name, e, err->cause);
    *ret_found = !e && id != NULL;
    return *ret_found ? submission_adopt(s, id, err) : e;
}

// Looks until it is found, or the time is over. A listing that lacks it says nothing while it may lag behind: only one
// that was asked for settle_ms after the sending shows that the job was not made, which is *ret_lost.
static errc look_until(struct submission *s, bool *ret_lost, struct err *err)
{
    int64_t sent_ms = record_present(&s->rec)->sent_ms, wait_ms = LOOK_FIRST_MS;
    *ret_lost = false;
    for (;;) {
        bool found = false, is_late = clock_wall_ms() - sent_ms > s->j->conf.settle_ms;
        errc e = submission_look(s, &found, err);
        if (found) {
            return e;
        }
        if (!e && is_late) {
            *ret_lost = true;
            return ERR_OK;
        }
        if (!e || e == ERR_THROTTLED || e == ERR_UNREACHABLE || e == ERR_IO) {
            e = cancel_sleep(s->cancel, jobs_jitter(wait_ms), err);
        }
        if (e) {
            return e;
        }
        wait_ms = wait_ms * 2 < LOOK_LONGEST_MS ? wait_ms * 2 : LOOK_LONGEST_MS;
    }
}

static errc unknown(const struct submission *s, const struct err *why, struct err *err)
{
    errc code = why->code == ERR_INTERRUPTED ? ERR_INTERRUPTED : ERR_TIMEOUT;
    return err_set(err, code, "the job %s was sent, and AWS did not answer whether it exists (%.200s): "
                   ".batch/%s/status will tell; saving the same content again looks for it and never makes a second "
                   "one", s->name, why->cause, s->name);
}

// --- sending -----------------------------------------------------------------------------------------------------

struct sending {
    struct submission *s;
    struct err last;      // why the last try failed
    int64_t wait_ms;
    bool renewed;         // the definition was registered once more
};

static errc submit_once(struct sending *t, struct json **ret, enum batch_fate *ret_fate)
{
    struct submission *s = t->s;
    struct intent *in = record_present(&s->rec);
    struct err err = ERR_INIT;
    in->state = INTENT_SENDING;
    free(in->error);
    in->error = NULL;
    in->sent_ms = clock_wall_ms();
    errc e = submission_write(s, &err);
    if (e) {
        *ret_fate = BATCH_REFUSED; // by ourselves: what is not written down is not sent
        t->last = err;
        return e;
    }
    jobs_reached(s->j, JOBS_STEP_SENDING);
    e = batch_call_once(s->j->api, "submitjob", in->submission, s->cancel, ret, ret_fate, &err);
    jobs_reached(s->j, JOBS_STEP_ANSWERED);
    // Time that ran out while it waited for its turn says less than why it had to wait.
    bool is_late = e == ERR_TIMEOUT && *ret_fate == BATCH_NOT_SENT && t->last.code == ERR_THROTTLED;
    if (e && !is_late) {
        t->last = err;
    }
    return e;
}

// The definition was deregistered since it was asked for.
static errc renew_definition(struct sending *t, struct err *err)
{
    struct submission *s = t->s;
    struct intent *in = record_present(&s->rec);
    auto_free char *arn = NULL;
    t->renewed = true;
    queues_definition_gone(s->j->queues, s->definition.name);
    errc e = queues_definition(s->j->queues, s->definition.name, s->definition.json, s->cancel, &arn, err);
    if (!e) {
        auto_free char *queue = mem_strdup(in->queue);
        set_bodies(s, queue, arn);
    }
    return e;
}

static errc refused(struct sending *t, bool *ret_again, struct err *err)
{
    const struct submission *s = t->s;
    *ret_again = false;
    if (t->last.code == ERR_INVALID && !t->renewed && s->definition.json != NULL &&
        strcasestr(t->last.cause, "definition") != NULL) {
        *ret_again = true;
        return renew_definition(t, err);
    }
    return err_set(err, t->last.code, "%s", t->last.cause);
}

static errc not_accepted(const struct sending *t, struct err *err)
{
    errc code = t->last.code == ERR_IO ? ERR_UNREACHABLE : t->last.code;
    return err_set(err, code, "the job was not submitted, and nothing of it exists: %.400s", t->last.cause);
}

// Nobody knows whether AWS carried it out: no answer came, or one of a server that failed (5xx), perhaps only behind
// what it had done. *ret_again when it is sure that there is no such job, and so no second one.
static errc after_no_answer(struct sending *t, bool *ret_again, struct err *err)
{
    struct submission *s = t->s;
    s->may_exist = s->unanswered = true;
    errc e = cancel_sleep(s->cancel, LOOK_FIRST_MS, err);
    if (!e) {
        e = look_until(s, ret_again, err);
    }
    if (*ret_again) {
        s->may_exist = false;
    }
    return e && record_present(&s->rec)->state != INTENT_ACCEPTED ? unknown(s, &t->last, err) : e;
}

static errc next_try(struct sending *t, bool *ret_again, struct err *err)
{
    struct submission *s = t->s;
    struct json *answer = NULL;
    enum batch_fate fate = BATCH_NOT_SENT;
    struct err why = ERR_INIT;
    *ret_again = false;
    errc e = submit_once(t, &answer, &fate);
    auto_free char *id = e ? NULL : mem_strdup(json_str(json_get(answer, "jobId")));
    json_free(answer);
    if (!e && id != NULL && *id != '\0') {
        return submission_adopt(s, id, err);
    }
    if (!e) {
        (void)err_set(&t->last, ERR_CORRUPT, "AWS Batch's answer has no jobId");
    }
    switch (fate) {
    case BATCH_NOT_SENT:
    case BATCH_THROTTLED:
        if (e == ERR_DENIED || e == ERR_INTERRUPTED || cancel_sleep(s->cancel, jobs_jitter(t->wait_ms), &why)) {
            return not_accepted(t, err);
        }
        *ret_again = true;
        return ERR_OK;
    case BATCH_REFUSED:
        return refused(t, ret_again, err);
    case BATCH_FAILED:
    case BATCH_NO_ANSWER:
    case BATCH_DONE:
        break;
    }
    return after_no_answer(t, ret_again, err);
}

// An intent that was sent by an earlier call: found, or lost for good and so to be sent again.
static errc resume(struct submission *s, struct err *err)
{
    struct err why = ERR_INIT;
    for (int64_t wait_ms = LOOK_FIRST_MS;; wait_ms = wait_ms * 2 < LOOK_LONGEST_MS ? wait_ms * 2 : LOOK_LONGEST_MS) {
        bool changed = false;
        struct intent *in = record_present(&s->rec);
        errc e = intent_settle(s->j, s->name, in, s->cancel, &changed, &why);
        if (changed) {
            s->may_exist = in->state == INTENT_ACCEPTED;
            return in->state == INTENT_ACCEPTED ? submission_write(s, err) : ERR_OK;
        }
        if (!e || e == ERR_THROTTLED || e == ERR_UNREACHABLE || e == ERR_IO) {
            e = cancel_sleep(s->cancel, jobs_jitter(wait_ms), &why);
        }
        if (e) {
            return unknown(s, &why, err);
        }
    }
}

errc submission_send(struct submission *s, struct err *err)
{
    struct sending t = {.s = s, .last = ERR_INIT, .wait_ms = FIRST_WAIT_MS};
    errc e = ERR_OK;
    bool again = true;
    if (s->may_exist) {
        s->unanswered = true;
        e = resume(s, err);
        again = !e && record_present(&s->rec)->state != INTENT_ACCEPTED;
    }
    while (!e && again) {
        e = next_try(&t, &again, err);
        t.wait_ms = t.wait_ms * 2 < LONGEST_WAIT_MS ? t.wait_ms * 2 : LONGEST_WAIT_MS;
    }
    struct intent *in = record_present(&s->rec);
    if (e && !s->unanswered && in->state != INTENT_ACCEPTED) {
        in->sent_ms = 0; // each try was refused: there is nothing to look for, now or later
    }
    return e;
}
