// Dry runs, which send nothing and ask AWS nothing; and what a job file names that others know: code and other jobs.
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "batch/job_text.h"
#include "batch/jobs_i.h"

#define ASSUMED_PLATFORM "EC2"
#define ASSUMED_QUEUE "FIRST_ENABLED_QUEUE"

// --- code and dependencies ---------------------------------------------------------------------------------------

static errc resolve_code(struct submission *s, struct err *err)
{
    struct err why = ERR_INIT;
    if (s->spec.code == NULL) {
        return ERR_OK;
    }
    errc e = s->j->conf.code != NULL
                 ? s->j->conf.code(s->j->conf.arg, s->spec.code, s->cancel, &s->code, &why)
                 : err_set(&why, ERR_NOT_FOUND, "runs cannot be looked up here");
    s->has_code = !e;
    if (e == ERR_NOT_FOUND || e == ERR_INVALID) {
        buf_printf(&s->problems, "code: %s\n", why.cause);
        return ERR_OK;
    }
    return e ? err_set(err, e, "code: %s: %.400s", s->spec.code, why.cause) : ERR_OK;
}

// The id that a name stands for; NULL and *ret_why when it stands for none. Owned by the caller.
static char *id_of(struct jobs *j, const char *name, const char **ret_why)
{
    struct face f;
    char *id = NULL;
    pthread_mutex_lock(&j->lock);
    *ret_why = "there is no such job in .batch, and it is no job id";
    if (!is_job_id(name) && face_of(j, name, &f)) {
        *ret_why = "that job was not submitted, so nothing can wait for it";
        struct intent *in = f.own != NULL ? own_present(f.own) : NULL;
        const char *found = f.theirs != NULL ? f.told->id : in != NULL ? in->id : NULL;
        if (in != NULL && in->state == INTENT_SENDING) {
            *ret_why = "whether that job exists is not known yet";
        }
        id = mem_strdup(found);
    }
    pthread_mutex_unlock(&j->lock);
    return id;
}

static void resolve_dependency(struct submission *s, size_t i, bool is_dry)
{
    const char *name = s->spec.depends_on.items[i], *why = NULL;
    struct err ignored = ERR_INIT;
    if (is_job_id(name)) {
        strv_add(&s->depends_on, name);
        return;
    }
    (void)!jobs_refresh(s->j, name, &ignored); // another mount may have submitted it
    char *id = id_of(s->j, name, &why);
    if (id != NULL) {
        strv_take(&s->depends_on, id);
    } else if (is_dry) {
        strv_add(&s->depends_on, name);
    } else {
        buf_printf(&s->problems, "depends_on: item %zu, \"%s\": %s\n", i + 1, name, why);
    }
}

static errc resolve(struct submission *s, bool is_dry, struct err *err)
{
    errc e = resolve_code(s, err);
    for (size_t i = 0; !e && i < s->spec.depends_on.len; i++) {
        resolve_dependency(s, i, is_dry);
    }
    return e == ERR_OK && s->problems.len > 0 ? submission_problems(s, err) : e;
}

errc submission_resolve(struct submission *s, struct err *err)
{
    return resolve(s, false, err);
}

// --- dry runs ----------------------------------------------------------------------------------------------------

struct assumed {
    char *queue, *platform; // owned
    char *note;
};

static void assume(const struct submission *s, struct assumed *ret)
{
    const struct batch_settings *settings = s->j->conf.settings;
    const char *queue = s->spec.queue != NULL ? s->spec.queue : settings->queue;
    struct buf note = {0};
    buf_puts(&note, "dry run: nothing was sent, and AWS was not asked");
    if (settings->sandbox) {
        ret->platform = mem_strdup(ASSUMED_PLATFORM);
    } else if (queue != NULL && s->j->queues != NULL) {
        ret->platform = queues_platform_known(s->j->queues, queue);
    }
    if (queue == NULL) {
        buf_puts(&note, "; no queue is given or configured: the first that is enabled and valid would be taken");
    }
    if (ret->platform == NULL) {
        ret->platform = mem_strdup(job_needs_fargate(&s->spec) ? "FARGATE" : ASSUMED_PLATFORM);
        buf_printf(&note, "; the platform of the queue is not known yet, %s is assumed", ret->platform);
    }
    for (size_t i = 0; i < s->depends_on.len; i++) {
        if (!is_job_id(s->depends_on.items[i])) {
            buf_printf(&note, "; depends_on: %s has no job id yet", s->depends_on.items[i]);
        }
    }
    ret->queue = mem_strdup(queue != NULL ? queue : ASSUMED_QUEUE);
    ret->note = buf_steal(&note);
}

// Into the table, in the place of the dry run before.
static void keep(struct submission *s, struct intent *dry, char *note)
{
    struct jobs *j = s->j;
    uint64_t size = job_request_size(dry, note);
    pthread_mutex_lock(&j->lock);
    struct own *o = own_make(j, s->name);
    if (o->dry != NULL) {
        intent_free(o->dry);
    } else {
        o->dry = mem_zalloc(sizeof(*o->dry));
    }
    *o->dry = *dry;
    o->dry_size = size;
    o->dry_removed = false;
    free(o->dry_note);
    o->dry_note = note;
    pthread_mutex_unlock(&j->lock);
}

// A dry run of other content would hide the job that lives. Where nothing is asked of AWS it may have ended long ago,
// and is to be found in attempts/.
static errc meet(struct submission *s, bool *ret_done, struct err *err)
{
    *ret_done = false;
    errc e = journal_load(s->j->journal, s->name, &s->rec, err);
    const struct intent *in = e ? NULL : record_present(&s->rec);
    if (e == ERR_NOT_FOUND || in == NULL || !intent_lives(in)) {
        return e == ERR_NOT_FOUND ? ERR_OK : e;
    }
    *ret_done = job_text_same(in->text, strlen(in->text), s->text, strlen(s->text));
    return *ret_done || s->j->conf.dry_run
               ? ERR_OK
               : err_set(err, ERR_BUSY, "the job %s lives, or may live, with other content: wait for its "
                         "end, or use another name for the dry run", s->name);
}

// The file is again that of the job that lives.
static void forget(const struct submission *s)
{
    pthread_mutex_lock(&s->j->lock);
    struct own *o = own_find(s->j, s->name);
    if (o != NULL) {
        own_forget_dry(o);
    }
    pthread_mutex_unlock(&s->j->lock);
}

static void assumed_free(struct assumed *a)
{
    free(a->queue);
    free(a->platform);
    free(a->note);
}

// *ret_done: the job that lives is this text.
static errc judge(struct submission *s, struct assumed *ret, bool *ret_done, struct err *err)
{
    errc e = meet(s, ret_done, err);
    if (!e && !*ret_done) {
        e = resolve(s, true, err);
    }
    if (e || *ret_done) {
        return e;
    }
    assume(s, ret);
    e = job_definition_make(&s->spec, s->j->conf.settings, s->has_code ? &s->code : NULL, ret->platform,
                            &s->definition, &s->problems, err);
    return e ? submission_problems(s, err) : ERR_OK;
}

errc jobs_dry_vet(struct submission *s, struct err *err)
{
    struct assumed a = {0};
    bool is_done;
    errc e = judge(s, &a, &is_done, err);
    assumed_free(&a);
    return e;
}

errc jobs_dry_run(struct submission *s, const char *text, struct err *err)
{
    struct assumed a = {0};
    bool is_done;
    errc e = judge(s, &a, &is_done, err);
    if (!e && is_done) {
        forget(s);
    } else if (!e) {
        const struct intent *before = record_present(&s->rec);
        unsigned generation = before == NULL ? 1 : before->generation + (before->state == INTENT_NONE ? 0 : 1);
        struct intent dry = {
            .generation = generation,
            .text = mem_strdup(text),
            .job_name = submission_job_name(s, generation),
            .queue = mem_strdup(a.queue),
            .tempdir = mem_strdup(job_spec_tempdir(&s->spec)),
            .definition = mem_strdup(s->definition.json),
            .saved_ms = clock_wall_ms(),
        };
        struct job_submission sub = {
            .spec = &s->spec,
            .settings = s->j->conf.settings,
            .code = s->has_code ? &s->code : NULL,
            .job_name = dry.job_name,
            .queue = a.queue,
            .definition = s->definition.name,
            .depends_on = &s->depends_on,
        };
        dry.submission = job_submission_json(&sub);
        keep(s, &dry, steal_ptr(&a.note));
    }
    assumed_free(&a);
    return e;
}
