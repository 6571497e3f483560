// What becomes of a job file: checked while it is written, submitted when it is flushed or renamed.
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/json_scan.h"
#include "base/mem.h"
#include "batch/job_text.h"
#include "fs/drafts_i.h"

#define LOOK_MS 50 // how often who waits for another's submission looks whether it is still wanted

static errc incomplete(const char *text, size_t len, struct err *err)
{
    struct json_scan_place place = {.line = 1, .column = 1};
    (void)json_scan(text, len, &place);
    return err_set(err, ERR_INVALID, "the job file is not whole: it ends at line %zu, column %zu: %s", place.line,
                   place.column, place.what);
}

// The first bytes, which may have NULs among them, with one behind them.
static char *copy_text(const struct file *f, size_t len)
{
    char *text = mem_zalloc(len + 1);
    if (len > 0) {
        memcpy(text, f->text, len);
    }
    return text;
}

// Where the job's directory says it, too.
static errc with_hint(const char *job, errc e, struct err *err)
{
    bool is_told = e && e != ERR_INTERRUPTED && e != ERR_BUSY;
    if (is_told && strstr(err->cause, "/error") == NULL) {
        struct err copy = *err;
        return err_set(err, e, "%.480s (see .batch/%.80s/error)", copy.cause, job);
    }
    return e;
}

// A scratch file of the job's own name hides its directory. One that becomes the job file itself (`mover`) goes away.
static errc check_way(struct drafts *d, const char *job, const char *mover, struct err *err)
{
    bool blocked = mover == NULL || strcmp(mover, job) != 0;
    pthread_mutex_lock(&d->lock);
    blocked = blocked && drafts_at(d, job) != NULL;
    pthread_mutex_unlock(&d->lock);
    return blocked ? err_set(err, ERR_INVALID, "the file .batch/%.200s is where the job's directory would be, and "
                             "nothing was sent: rm .batch/%.200s, then save %.200s.json again", job, job, job)
                   : ERR_OK;
}

errc drafts_decide(struct drafts *d, const char *job, const char *mover, const char *text, size_t len,
                   struct cancel *cancel, bool *ret_blank, struct err *err)
{
    enum jobs_text state = JOBS_TEXT_EMPTY;
    *ret_blank = job_text_end(text, len) == 0;
    if (*ret_blank) {
        return ERR_OK;
    }
    errc e = check_way(d, job, mover, err);
    if (e) {
        return e;
    }
    e = d->jobs.check(d->jobs.arg, job, text, len, &state, err);
    if (!e && state != JOBS_TEXT_ACCEPTED) {
        // The job's `error` says so, too.
        struct err ignored = ERR_INIT;
        if (d->jobs.submit(d->jobs.arg, job, text, len, cancel, &ignored) == ERR_INTERRUPTED) {
            return err_set(err, ERR_INTERRUPTED, "%s", ignored.cause);
        }
        e = incomplete(text, len, err);
    } else if (!e) {
        e = d->jobs.submit(d->jobs.arg, job, text, len, cancel, err);
    }
    return with_hint(job, e, err);
}

// Whether the job was submitted with other text and, as far as is known, has not ended.
static bool is_other(struct drafts *d, const char *job, const char *text, size_t len)
{
    pthread_mutex_lock(&d->lock);
    const struct saved *s = drafts_saved(d, job, false);
    bool other = s != NULL && s->text != NULL && !job_text_same(s->text, strlen(s->text), text, len);
    pthread_mutex_unlock(&d->lock);
    return other && d->jobs.lives(d->jobs.arg, job);
}

// What was found of a version of the file, unless it was submitted or changed meanwhile.
static void set_outcome(struct drafts *d, struct file *f, uint64_t version, const struct err *err)
{
    pthread_mutex_lock(&d->lock);
    if (f->version == version && f->submitted_as == NULL) {
        f->decided = version;
        f->outcome = *err;
    }
    pthread_mutex_unlock(&d->lock);
}

errc drafts_check(struct drafts *d, struct file *f, struct cancel *cancel, bool *ret_other, struct err *err)
{
    *ret_other = false;
    pthread_mutex_lock(&d->lock);
    auto_free char *job = f->name != NULL ? draft_job_name(f->name) : NULL;
    size_t len = job != NULL ? f->len : 0;
    auto_free char *text = copy_text(f, len);
    uint64_t version = f->version;
    pthread_mutex_unlock(&d->lock);
    enum jobs_text state = JOBS_TEXT_EMPTY;
    if (job == NULL || job_text_end(text, len) == 0) {
        return ERR_OK;
    }
    errc e = check_way(d, job, NULL, err);
    if (e) {
        set_outcome(d, f, version, err);
        return e;
    }
    e = d->jobs.check(d->jobs.arg, job, text, len, &state, err);
    bool is_whole = !e && state == JOBS_TEXT_ACCEPTED;
    *ret_other = is_whole && is_other(d, job, text, len);
    if (is_whole && !*ret_other) {
        e = d->jobs.vet(d->jobs.arg, job, text, len, cancel, err);
        // Who went away was told so, whatever was found since.
        if (!e && cancel != NULL && atomic_load(&cancel->set)) {
            e = cancel_check(cancel, err);
        }
    }
    e = with_hint(job, e, err);
    if (e) {
        set_outcome(d, f, version, err);
    }
    return e;
}

// --- flush ----------------------------------------------------------------------------------------

// Waits for who submits the file now. With the lock held.
static errc wait_decided(struct drafts *d, struct cancel *cancel, struct err *err)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += LOOK_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    pthread_cond_timedwait(&d->decided, &d->lock, &until);
    return cancel_check(cancel, err);
}

errc drafts_wait_checked(struct draft *o, struct cancel *cancel, struct err *err)
{
    errc e = ERR_OK;
    while (!e && o->checking) {
        e = wait_decided(o->all, cancel, err);
    }
    return e;
}

static void end_submission(struct drafts *d, struct file *f, uint64_t version, const char *job, const char *text,
                           size_t len, errc e, bool blank, const struct err *err)
{
    if (e == ERR_BUSY) {
        drafts_sync(d); // perhaps it is another mount's job
        d->jobs.resave(d->jobs.arg, job); // the file has its text again, also where an editor had moved that away
    }
    pthread_mutex_lock(&d->lock);
    f->submitting = false;
    bool same = f->version == version;
    if (!e && !blank) {
        drafts_submitted(d, f, job, text, len, same);
    } else if (same && e != ERR_INTERRUPTED) {
        f->decided = version;
        f->outcome = e ? *err : (struct err)ERR_INIT;
    }
    if (e == ERR_BUSY && same) {
        drafts_revert(d, f, job);
    }
    pthread_cond_broadcast(&d->decided);
    pthread_mutex_unlock(&d->lock);
}

errc draft_flush(struct draft *o, struct cancel *cancel, struct err *err)
{
    struct drafts *d = o->all;
    struct file *f = o->file;
    pthread_mutex_lock(&d->lock);
    if (!o->wrote) {
        pthread_mutex_unlock(&d->lock);
        return ERR_OK;
    }
    errc e = drafts_wait_checked(o, cancel, err);
    while (!e && f->submitting) {
        e = wait_decided(d, cancel, err);
    }
    auto_free char *job = f->name != NULL ? draft_job_name(f->name) : NULL;
    if (e || job == NULL || f->decided == f->version) {
        if (!e && job != NULL && f->outcome.code) {
            *err = f->outcome;
            e = err->code;
        }
        pthread_mutex_unlock(&d->lock);
        return e;
    }
    size_t len = f->len;
    auto_free char *text = copy_text(f, len);
    uint64_t version = f->version;
    f->submitting = true;
    pthread_mutex_unlock(&d->lock);
    bool blank;
    e = drafts_decide(d, job, NULL, text, len, cancel, &blank, err);
    end_submission(d, f, version, job, text, len, e, blank, err);
    if (!e) {
        drafts_tell_mtime(d, f, job);
    }
    return e;
}

// --- rename ---------------------------------------------------------------------------------------

// Gives `f` the name. With the lock held.
static void move_file(struct drafts *d, struct file *f, const char *to)
{
    struct file *other = drafts_at(d, to);
    auto_free char *was = draft_job_name(f->name);
    if (other != NULL) {
        drafts_drop_name(d, other);
    }
    struct saved *s = was != NULL ? drafts_saved(d, was, false) : NULL;
    if (s != NULL) {
        s->away = true;
    }
    char *name = mem_strdup(to);
    free(f->name);
    f->name = name;
    auto_free char *job = draft_job_name(to);
    s = job != NULL ? drafts_saved(d, job, false) : NULL;
    if (s != NULL) {
        s->away = false;
    }
}

static errc submit_and_move(struct drafts *d, struct file *f, const char *from, const char *to, const char *job,
                            struct cancel *cancel, struct err *err)
{
    size_t len = f->len;
    auto_free char *text = copy_text(f, len);
    uint64_t version = f->version;
    f->refs++;
    pthread_mutex_unlock(&d->lock);
    bool blank;
    errc e = drafts_decide(d, job, from, text, len, cancel, &blank, err);
    pthread_mutex_lock(&d->lock);
    if (!e && (f->name == NULL || strcmp(f->name, from) != 0)) {
        e = err_set(err, ERR_NOT_FOUND, "\"%s\" was renamed or removed while it was submitted", from);
    }
    if (!e) {
        move_file(d, f, to);
        if (!blank) {
            drafts_submitted(d, f, job, text, len, f->version == version);
        }
        pthread_mutex_unlock(&d->lock);
        drafts_tell_mtime(d, f, job);
        pthread_mutex_lock(&d->lock);
    }
    drafts_unref(d, f);
    return e;
}

static errc refuse_second(const char *from, const char *to, const char *job, struct err *err)
{
    return err_set(err, ERR_NOT_PERMITTED, "%.120s was submitted as the job %.120s, and as %.120s it would be a second "
                   "job: to run it once more, cp it there; a name that does not end in .json is free", from, job, to);
}

errc drafts_rename(struct drafts *d, const char *from, const char *to, bool replace, struct cancel *cancel,
                   struct err *err)
{
    auto_free char *job = draft_job_name(to), *was = draft_job_name(from);
    bool same = strcmp(from, to) == 0, is_back = false;
    pthread_mutex_lock(&d->lock);
    struct file *f = drafts_at(d, from);
    errc e = ERR_OK;
    if (f == NULL) {
        e = err_set(err, ERR_NOT_FOUND, "there is no file \"%s\" in .batch", from);
    } else if (!replace && drafts_at(d, to) != NULL) {
        e = err_set(err, ERR_EXISTS, "there is a file \"%s\" in .batch already", to);
    } else if (same) {
        // Nothing to do.
    } else if (job == NULL || (f->submitted_as != NULL && strcmp(f->submitted_as, job) == 0)) {
        // An editor's backup, or it coming back: what it holds was submitted under that name.
        move_file(d, f, to);
        is_back = job != NULL;
    } else if (was != NULL && f->submitted_as != NULL) {
        e = refuse_second(from, to, was, err);
    } else {
        e = submit_and_move(d, f, from, to, job, cancel, err);
    }
    pthread_mutex_unlock(&d->lock);
    if (!e && !same && was != NULL) {
        d->jobs.unsave(d->jobs.arg, was);
    }
    if (is_back) {
        d->jobs.resave(d->jobs.arg, job);
    }
    return e;
}
