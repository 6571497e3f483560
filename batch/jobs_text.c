// What the files of a job's directory show, and which there are.
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "batch/jobs_i.h"

const char *job_part_name(enum job_part part)
{
    static const char *const names[JOB_PARTS] = {
        [JOB_JOB] = "job",         [JOB_REQUEST] = "request",     [JOB_ID] = "id",           [JOB_STATUS] = "status",
        [JOB_REASON] = "reason",   [JOB_EXIT_CODE] = "exit_code", [JOB_TEMPDIR] = "tempdir", [JOB_ERROR] = "error",
        [JOB_LOG] = "log",
    };
    return part < JOB_PARTS ? names[part] : "";
}

void job_view_free(struct job_view *v)
{
    free(v->name);
    free(v->task);
    *v = (struct job_view){0};
}

// --- faces -------------------------------------------------------------------------------------------------------

void face_of_own(const struct own *o, struct face *ret)
{
    struct side *side = own_present_side(o);
    *ret = (struct face){.dir = o->name, .own = o, .in = own_present(o), .side = side};
    ret->told = side != NULL && side->told.id != NULL ? &side->told : NULL;
    if (o->dry != NULL) {
        ret->in = o->dry;
        ret->side = NULL;
        ret->told = NULL;
        ret->is_dry = true;
    }
}

void face_of_theirs(const struct theirs *t, struct face *ret)
{
    *ret = (struct face){.dir = t->dir, .theirs = t, .told = &t->told};
}

static void face_of_generation(const struct own *o, size_t g, struct face *ret)
{
    struct side *side = &o->sides[g];
    *ret = (struct face){.dir = o->name, .own = o, .in = &o->rec.at[g], .side = side};
    ret->told = side->told.id != NULL ? &side->told : NULL;
    ret->is_former = g + 1 < o->rec.len;
}

bool face_of(struct jobs *j, const char *name, struct face *ret)
{
    struct own *o = own_find(j, name);
    struct theirs *t = o == NULL ? theirs_of_dir(j, name) : NULL;
    size_t generation;
    if (o == NULL && t == NULL && own_of_id(j, name, &o, &generation)) {
        face_of_generation(o, generation, ret);
        return true;
    }
    if (o == NULL && t == NULL) {
        t = theirs_of_id(j, name);
    }
    if (o != NULL) {
        face_of_own(o, ret);
    } else if (t != NULL) {
        face_of_theirs(t, ret);
    }
    return o != NULL || t != NULL;
}

// Tries are shown once there are two, or one and another may come.
static size_t tries_of(const struct told *t)
{
    return t->tries_len >= 2 || (t->tries_len == 1 && !told_ended(t)) ? t->tries_len : 0;
}

static void one_try(const struct face *of, const struct told *told, size_t i, struct face *ret)
{
    *ret = *of;
    ret->told = told;
    ret->one = &told->tries[i];
    ret->is_former = true;
    ret->is_dry = false;
}

// One of a generation's entries: itself, where it is a former one, and its tries. *index is counted down.
static bool entry_of(const struct face *gen, unsigned number, bool is_former, unsigned *index, char **ret_name,
                     struct face *ret)
{
    size_t tries = gen->told != NULL ? tries_of(gen->told) : 0;
    if (is_former && *index == 0) {
        *ret_name = mem_printf("%u", number);
        *ret = *gen;
        ret->is_former = true;
        return true;
    }
    *index -= is_former ? 1 : 0;
    if (gen->told != NULL && *index < tries) {
        *ret_name = mem_printf("%u.%u", number, *index + 1);
        one_try(gen, gen->told, *index, ret);
        return true;
    }
    *index -= (unsigned)tries;
    return false;
}

bool face_attempt(const struct face *f, unsigned index, char **ret_name, struct face *ret)
{
    if (f->is_former) {
        return false;
    }
    if (f->own == NULL) {
        return f->theirs != NULL && entry_of(f, 1, false, &index, ret_name, ret);
    }
    const struct own *o = f->own;
    for (size_t g = 0; g < o->rec.len; g++) {
        bool is_former = g + 1 < o->rec.len || (f->is_dry && o->rec.at[g].state != INTENT_NONE);
        struct face gen;
        face_of_generation(o, g, &gen);
        gen.is_former = false;
        if (entry_of(&gen, o->rec.at[g].generation, is_former, &index, ret_name, ret)) {
            return true;
        }
    }
    return false;
}

static bool find_attempt(const struct face *f, const char *attempt, struct face *ret)
{
    char *name = NULL;
    for (unsigned i = 0; face_attempt(f, i, &name, ret); i++) {
        bool same = strcmp(name, attempt) == 0;
        free(name);
        if (same) {
            return true;
        }
    }
    return false;
}

bool face_at(struct jobs *j, const char *dir, const char *attempt, struct face *ret)
{
    struct face whole;
    if (attempt == NULL) {
        return face_of(j, dir, ret);
    }
    return face_of(j, dir, &whole) && find_attempt(&whole, attempt, ret);
}

const char *face_status(const struct face *f)
{
    if (f->one != NULL) {
        bool is_well = f->one->has_exit && f->one->exit_code == 0;
        return f->one->stopped_ms == 0 ? "RUNNING" : is_well ? "SUCCEEDED" : "FAILED";
    }
    if (f->is_dry) {
        return "dry run";
    }
    bool submitting = f->own != NULL && f->own->submitting > 0 && !f->is_former;
    if (f->told != NULL) {
        return f->told->status;
    }
    if (f->in == NULL) {
        return submitting ? "submitting" : "not submitted";
    }
    switch (f->in->state) {
    case INTENT_NONE:
        return submitting ? "submitting" : "not submitted";
    case INTENT_SENDING:
        return submitting ? "submitting" : "unknown";
    case INTENT_ACCEPTED:
    case INTENT_ENDED:
        break;
    }
    return "SUBMITTED";
}

// --- texts -------------------------------------------------------------------------------------------------------

uint64_t job_request_size(const struct intent *in, const char *note)
{
    auto_cleanup(buf_free) struct buf text = {0};
    struct err ignored = ERR_INIT;
    if (in->definition == NULL || in->submission == NULL) {
        return 0;
    }
    return job_request_show(in->definition, in->submission, note, &text, &ignored) ? 0 : text.len;
}

static bool put_line(struct buf *out, const char *text)
{
    if (text != NULL) {
        buf_printf(out, "%s\n", text);
    }
    return text != NULL;
}

static bool put_lines(struct buf *out, const char *text)
{
    if (text != NULL && *text != '\0') {
        buf_puts(out, text);
        if (text[strlen(text) - 1] != '\n') {
            buf_putc(out, '\n');
        }
        return true;
    }
    return false;
}

static bool put_reason(const struct face *f, struct buf *out)
{
    if (f->one != NULL) {
        return put_lines(out, f->one->reason);
    }
    bool is_unknown = f->in != NULL && f->in->state == INTENT_SENDING && !f->is_dry;
    bool is_gone = f->in != NULL && f->in->state == INTENT_ENDED && (f->told == NULL || !told_ended(f->told));
    bool any = f->told != NULL && put_lines(out, f->told->reason);
    if (is_unknown && strcmp(face_status(f), "unknown") == 0) {
        buf_puts(out, "the request was sent and its answer is not known: the job is looked for by its name; saving the "
                      "same content again looks for it too, and never makes a second one\n");
        if (f->own != NULL && f->own->look_failure != NULL) {
            buf_printf(out, "it could not be looked for: %s\n", f->own->look_failure);
        }
        any = true;
    }
    if (is_gone) {
        buf_puts(out, "AWS Batch does not know the job any more: this is the last that it told\n");
        any = true;
    }
    return any;
}

static bool put_exit(const struct face *f, struct buf *out)
{
    bool has = f->one != NULL ? f->one->has_exit : f->told != NULL && f->told->has_exit;
    if (has) {
        buf_printf(out, "%" PRId64 "\n", f->one != NULL ? f->one->exit_code : f->told->exit_code);
    }
    return has;
}

static bool put_error(const struct face *f, struct buf *out)
{
    if (f->one != NULL) {
        return false;
    }
    if (f->own != NULL && f->own->error != NULL && !f->is_former) {
        return put_lines(out, f->own->error);
    }
    bool at_work = f->own != NULL && f->own->submitting > 0 && !f->is_former; // not decided yet
    return f->in != NULL && !at_work && put_lines(out, f->in->error);
}

static const char *id_of(const struct face *f)
{
    if (f->theirs != NULL) {
        return f->told->id;
    }
    return f->in != NULL ? f->in->id : NULL;
}

static const char *tempdir_of(const struct face *f)
{
    if (f->in != NULL) {
        return f->in->tempdir;
    }
    return f->told != NULL ? f->told->tempdir : NULL;
}

// A part but for the request and the log; false when it is not there.
static bool put_part(const struct face *f, enum job_part part, struct buf *out)
{
    switch (part) {
    case JOB_JOB:
        if (f->in != NULL && f->in->text != NULL && f->one == NULL) {
            buf_puts(out, f->in->text);
            return true;
        }
        return false;
    case JOB_ID:
        return put_line(out, id_of(f));
    case JOB_STATUS:
        return put_line(out, face_status(f));
    case JOB_REASON:
        return put_reason(f, out);
    case JOB_EXIT_CODE:
        return put_exit(f, out);
    case JOB_TEMPDIR:
        return f->one == NULL && put_line(out, tempdir_of(f));
    case JOB_ERROR:
        return put_error(f, out);
    case JOB_REQUEST:
    case JOB_LOG:
    case JOB_PARTS:
        break;
    }
    return false;
}

static uint64_t request_size(const struct face *f)
{
    if (f->one != NULL || f->own == NULL) {
        return 0;
    }
    return f->is_dry ? f->own->dry_size : f->side != NULL ? f->side->request_size : 0;
}

static int64_t changed_of(const struct face *f)
{
    int64_t told = f->one != NULL ? f->one->stopped_ms > 0 ? f->one->stopped_ms : f->one->started_ms
                   : f->told != NULL ? told_changed_ms(f->told) : 0;
    if (told > 0 || f->in == NULL) {
        return told > 0 ? told : f->own != NULL ? f->own->error_ms : 0;
    }
    return f->in->changed_ms > 0 ? f->in->changed_ms : f->in->sent_ms > 0 ? f->in->sent_ms : f->in->saved_ms;
}

static bool can_kill(const struct face *f)
{
    if (f->is_former || f->is_dry) {
        return false;
    }
    return f->in != NULL ? intent_lives(f->in) : f->told != NULL && !told_ended(f->told);
}

void face_view(struct jobs *j, const struct face *f, struct job_view *ret)
{
    auto_cleanup(buf_free) struct buf text = {0};
    *ret = (struct job_view){.name = mem_strdup(f->dir), .ours = f->own != NULL, .can_kill = can_kill(f)};
    for (unsigned p = 0; p < JOB_PARTS; p++) {
        text.len = 0;
        bool there = put_part(f, (enum job_part)p, &text);
        ret->size[p] = there ? text.len : 0;
        ret->parts |= there ? 1U << p : 0;
    }
    ret->size[JOB_REQUEST] = request_size(f);
    ret->parts |= ret->size[JOB_REQUEST] > 0 ? 1U << JOB_REQUEST : 0;
    if (log_exists(f)) {
        ret->parts |= 1U << JOB_LOG;
        ret->size[JOB_LOG] = log_size(j, f, &ret->log_grows);
        ret->log_is_empty = log_is_empty(j, f);
    }
    ret->changed_ms = changed_of(f);
    ret->saved_ms = f->in != NULL ? f->in->saved_ms : 0;
    ret->task = f->one == NULL && f->told != NULL ? mem_strdup(f->told->task) : NULL;
    char *name = NULL;
    struct face one;
    for (unsigned i = 0; face_attempt(f, i, &name, &one); i++) {
        free(name);
        ret->attempts++;
    }
}

errc jobs_text(struct jobs *j, const char *name, const char *attempt, enum job_part part, struct buf *out,
               struct err *err)
{
    struct face f;
    auto_free char *definition = NULL, *submission = NULL, *note = NULL;
    jobs_load(j);
    pthread_mutex_lock(&j->lock);
    bool there = face_at(j, name, attempt, &f);
    if (there && part == JOB_REQUEST && request_size(&f) > 0) {
        definition = mem_strdup(f.in->definition);
        submission = mem_strdup(f.in->submission);
        note = f.is_dry ? mem_strdup(f.own->dry_note) : NULL;
    } else {
        there = there && put_part(&f, part, out);
    }
    pthread_mutex_unlock(&j->lock);
    if (submission != NULL) {
        return job_request_show(definition, submission, note, out, err);
    }
    return there ? ERR_OK : err_set(err, ERR_NOT_FOUND, "the job %s has no %s", name, job_part_name(part));
}
