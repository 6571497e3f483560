// Open files in .batch: read, write, truncate; and the removal of files.
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "batch/job_spec.h"
#include "batch/job_text.h"
#include "fs/drafts_i.h"

static errc check_name(const char *file, struct err *err)
{
    for (const char *p = file; *p != '\0'; p++) {
        if ((unsigned char)*p < 0x20 || *p == 0x7f) {
            return err_set(err, ERR_INVALID, "the name of a file in .batch has no control characters");
        }
    }
    auto_free char *job = draft_job_name(file), *again = job != NULL ? draft_job_name(job) : NULL;
    if (again != NULL) {
        return err_set(err, ERR_INVALID, "\"%s\" would be the job \"%s\", whose directory is called like a job file: "
                       "call it %s.json", file, job, again);
    }
    return ERR_OK;
}

static errc check_count(const struct drafts *d, struct err *err)
{
    unsigned n = 0;
    for (const struct file *f = d->files; f != NULL; f = f->next) {
        n += f->submitted_as == NULL;
    }
    if (n < DRAFTS_MAX) {
        return ERR_OK;
    }
    return err_set(err, ERR_NO_SPACE, "there are %u files in .batch that are no jobs, and more cannot be made: remove "
                   "some", n);
}

static void changed(struct file *f)
{
    f->version++;
    f->mtime_ms = clock_wall_ms();
    f->touched = false;
    free(f->submitted_as);
    f->submitted_as = NULL;
}

errc drafts_open(struct drafts *d, const char *file, unsigned flags, struct draft **ret, struct err *err)
{
    errc e = flags & DRAFT_CREATE ? check_name(file, err) : ERR_OK;
    if (e) {
        return e;
    }
    pthread_mutex_lock(&d->lock);
    struct file *f = drafts_at(d, file);
    if (f == NULL && !(flags & DRAFT_CREATE)) {
        e = err_set(err, ERR_NOT_FOUND, "there is no file \"%s\" in .batch", file);
    } else if (f != NULL && (flags & DRAFT_CREATE) && (flags & DRAFT_EXCL)) {
        e = err_set(err, ERR_EXISTS, "there is a file \"%s\" in .batch already", file);
    } else if (f == NULL) {
        e = check_count(d, err);
        f = e ? NULL : drafts_add(d, file);
    } else if ((flags & DRAFT_TRUNC) && f->len > 0) {
        e = drafts_resize(d, f, 0, err);
        changed(f);
    }
    if (!e) {
        struct draft *o = mem_zalloc(sizeof(*o));
        *o = (struct draft){.all = d, .file = f, .flags = flags, .wrote = flags & DRAFT_TRUNC};
        f->refs++;
        *ret = o;
    }
    pthread_mutex_unlock(&d->lock);
    return e;
}

void draft_close(struct draft *o)
{
    if (o == NULL) {
        return;
    }
    pthread_mutex_lock(&o->all->lock);
    drafts_unref(o->all, o->file);
    pthread_mutex_unlock(&o->all->lock);
    free(o);
}

size_t draft_read(struct draft *o, uint64_t off, void *to, size_t len)
{
    pthread_mutex_lock(&o->all->lock);
    const struct file *f = o->file;
    uint64_t left = off < f->len ? f->len - off : 0;
    len = len < left ? len : (size_t)left;
    if (len > 0) {
        memcpy(to, f->text + off, len);
    }
    pthread_mutex_unlock(&o->all->lock);
    return len;
}

static errc refuse_more(const struct file *f, struct err *err)
{
    return err_set(err, ERR_BUSY, "the job \"%.200s\" was submitted when its file was whole and closed, and nothing "
                   "but white space can follow: save the file anew as it should be", f->submitted_as);
}

// Takes the bytes. *ret_look: they have to be checked.
static errc take(struct drafts *d, struct file *f, uint64_t off, const void *data, size_t len, bool *ret_look,
                 struct err *err)
{
    bool behind = f->submitted_as != NULL && off >= job_text_end(f->text, f->len);
    if (behind && job_text_end(data, len) > 0) {
        return refuse_more(f, err);
    }
    size_t end_before = f->len;
    if (off > UINT64_MAX - len) {
        return err_set(err, ERR_NO_SPACE, "there is no such place in a file");
    }
    errc e = off + len > f->len ? drafts_resize(d, f, off + len, err) : ERR_OK;
    if (e) {
        return e;
    }
    memcpy(f->text + off, data, len);
    if (behind && off <= end_before) {
        f->outcome = (struct err)ERR_INIT;
        f->mtime_ms = clock_wall_ms();
        f->touched = false;
    } else {
        changed(f);
        *ret_look = off + len == f->len;
    }
    return ERR_OK;
}

// The job's `error` has it, too. What is in the text does not matter, and is not looked at.
static void tell_too_long(struct drafts *d, const struct file *f)
{
    struct err ignored = ERR_INIT;
    enum jobs_text state;
    pthread_mutex_lock(&d->lock);
    auto_free char *job = f->name != NULL ? draft_job_name(f->name) : NULL;
    pthread_mutex_unlock(&d->lock);
    if (job != NULL) {
        (void)!d->jobs.check(d->jobs.arg, job, "", JOB_TEXT_MAX + 1, &state, &ignored);
    }
}

// A write that was interrupted while it waited is tried again. With the lock held.
static bool is_again(const struct draft *o, uint64_t off, const void *data, size_t len)
{
    const struct file *f = o->file;
    bool gave_up = o->checked == f->version && f->decided == f->version && f->outcome.code == ERR_INTERRUPTED;
    return gave_up && len <= f->len && (o->flags & DRAFT_APPEND || off == f->len - len) &&
           memcmp(f->text + f->len - len, data, len) == 0;
}

static errc check_written(struct draft *o, struct cancel *cancel, struct err *err)
{
    struct drafts *d = o->all;
    bool other;
    errc e = drafts_check(d, o->file, cancel, &other, err);
    pthread_mutex_lock(&d->lock);
    o->checking = false;
    pthread_cond_broadcast(&d->decided);
    pthread_mutex_unlock(&d->lock);
    // Decided at once rather than by the close: a shell's own echo shows what a write says, and nothing else.
    return !e && other ? draft_flush(o, cancel, err) : e;
}

errc draft_write(struct draft *o, uint64_t off, const void *data, size_t len, struct cancel *cancel, struct err *err)
{
    struct drafts *d = o->all;
    bool look = false;
    if (len == 0) {
        return ERR_OK;
    }
    pthread_mutex_lock(&d->lock);
    o->wrote = true;
    errc e = drafts_wait_checked(o, cancel, err);
    if (e || is_again(o, off, data, len)) {
        pthread_mutex_unlock(&d->lock);
        return e;
    }
    e = take(d, o->file, o->flags & DRAFT_APPEND ? o->file->len : off, data, len, &look, err);
    o->checking = !e && look;
    o->checked = o->file->version;
    pthread_mutex_unlock(&d->lock);
    if (e == ERR_INVALID) {
        tell_too_long(d, o->file);
    }
    return !e && look ? check_written(o, cancel, err) : e;
}

static errc truncate_locked(struct drafts *d, struct file *f, uint64_t size, struct err *err)
{
    if (size == f->len) {
        return ERR_OK;
    }
    bool same = f->submitted_as != NULL && size < f->len && size >= job_text_end(f->text, f->len);
    errc e = drafts_resize(d, f, size, err);
    if (!e && !same) {
        changed(f);
    }
    return e;
}

errc draft_truncate(struct draft *o, uint64_t size, struct err *err)
{
    pthread_mutex_lock(&o->all->lock);
    o->wrote = true;
    errc e = truncate_locked(o->all, o->file, size, err);
    pthread_mutex_unlock(&o->all->lock);
    return e;
}

errc drafts_truncate(struct drafts *d, const char *file, uint64_t size, struct err *err)
{
    pthread_mutex_lock(&d->lock);
    struct file *f = drafts_at(d, file);
    errc e = f != NULL ? truncate_locked(d, f, size, err)
                       : err_set(err, ERR_NOT_FOUND, "there is no file \"%s\" in .batch", file);
    pthread_mutex_unlock(&d->lock);
    return e;
}

void drafts_touch(struct drafts *d, const char *file, int64_t mtime_ms)
{
    pthread_mutex_lock(&d->lock);
    struct file *f = drafts_at(d, file);
    auto_free char *job = f != NULL ? mem_strdup(f->submitted_as) : NULL;
    if (f != NULL) {
        f->mtime_ms = mtime_ms;
        f->touched = true;
        f->refs++;
    }
    pthread_mutex_unlock(&d->lock);
    if (f == NULL) {
        return;
    }
    if (job != NULL) {
        drafts_tell_mtime(d, f, job);
    }
    pthread_mutex_lock(&d->lock);
    drafts_unref(d, f);
    pthread_mutex_unlock(&d->lock);
}

char *drafts_job(struct drafts *d, const char *file)
{
    pthread_mutex_lock(&d->lock);
    const struct file *f = drafts_at(d, file);
    char *job = f != NULL ? mem_strdup(f->submitted_as) : NULL;
    pthread_mutex_unlock(&d->lock);
    return job;
}

char *draft_job(struct draft *o)
{
    pthread_mutex_lock(&o->all->lock);
    char *job = mem_strdup(o->file->submitted_as);
    pthread_mutex_unlock(&o->all->lock);
    return job;
}

errc drafts_unlink(struct drafts *d, const char *file, struct err *err)
{
    auto_free char *job = draft_job_name(file);
    pthread_mutex_lock(&d->lock);
    struct file *f = drafts_at(d, file);
    if (f != NULL) {
        drafts_drop_name(d, f);
        // Its text stays known: saved anew it is the same job. What another mount saves from now on is shown.
        struct saved *s = job != NULL ? drafts_saved(d, job, false) : NULL;
        if (s != NULL) {
            s->ms = clock_wall_ms();
        }
    }
    pthread_mutex_unlock(&d->lock);
    if (f == NULL) {
        return err_set(err, ERR_NOT_FOUND, "there is no file \"%s\" in .batch", file);
    }
    if (job != NULL) {
        d->jobs.unsave(d->jobs.arg, job);
    }
    return ERR_OK;
}
