#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "batch/job_spec.h"
#include "fs/drafts_i.h"

#define SYNC_MS 1000 // how often what other mounts saved is looked for

char *draft_job_name(const char *file)
{
    size_t len = strlen(file);
    if (file[0] == '.' || file[0] == '~' || len <= 5 || strcmp(file + len - 5, ".json") != 0) {
        return NULL;
    }
    return mem_strndup(file, len - 5);
}

// --- the list -------------------------------------------------------------------------------------

struct file *drafts_at(struct drafts *d, const char *name)
{
    struct file *f = d->files;
    while (f != NULL && strcmp(f->name, name) != 0) {
        f = f->next;
    }
    return f;
}

struct file *drafts_add(struct drafts *d, const char *name)
{
    struct file *f = mem_zalloc(sizeof(*f)), **at = &d->files;
    f->refs = 1;
    f->name = mem_strdup(name);
    f->mtime_ms = clock_wall_ms();
    while (*at != NULL) {
        at = &(*at)->next;
    }
    *at = f;
    return f;
}

void drafts_unref(struct drafts *d, struct file *f)
{
    if (--f->refs > 0) {
        return;
    }
    d->bytes -= f->len;
    free(f->name);
    free(f->text);
    free(f->submitted_as);
    free(f);
}

void drafts_drop_name(struct drafts *d, struct file *f)
{
    struct file **at = &d->files;
    while (*at != f) {
        at = &(*at)->next;
    }
    *at = f->next;
    free(f->name);
    f->name = NULL;
    f->next = NULL;
    drafts_unref(d, f);
}

struct saved *drafts_saved(struct drafts *d, const char *job, bool make)
{
    struct saved *s = d->saved;
    while (s != NULL && strcmp(s->name, job) != 0) {
        s = s->next;
    }
    if (s == NULL && make) {
        s = mem_zalloc(sizeof(*s));
        s->name = mem_strdup(job);
        s->next = d->saved;
        d->saved = s;
    }
    return s;
}

// --- what was saved -------------------------------------------------------------------------------

static void set_text(struct drafts *d, struct file *f, const char *text, size_t len)
{
    char *copy = mem_strndup(text, len);
    free(f->text);
    d->bytes = d->bytes - f->len + len;
    f->text = copy;
    f->len = len;
    f->cap = len + 1;
}

void drafts_submitted(struct drafts *d, struct file *f, const char *job, const char *text, size_t len, bool same)
{
    struct saved *s = drafts_saved(d, job, true);
    char *copy = mem_strndup(text, len);
    s->mtime_ms = s->text != NULL && strcmp(s->text, copy) == 0 ? s->mtime_ms : 0;
    free(s->text);
    s->text = copy;
    s->ms = clock_wall_ms();
    s->away = false;
    if (same) {
        char *name = mem_strdup(job);
        free(f->submitted_as);
        f->submitted_as = name;
        f->decided = f->version;
        f->outcome = (struct err)ERR_INIT;
    }
}

// A file that nobody writes to here, and that holds the text of its job.
static bool is_at_rest(const struct file *f)
{
    return f->refs == 1 && f->submitted_as != NULL;
}

// With `mtime_ms` 0 the file was written again since its time was set.
static void take_mtime(struct file *f, struct saved *s, int64_t mtime_ms, int64_t saved_ms)
{
    if (mtime_ms != s->mtime_ms && f != NULL && is_at_rest(f) && (mtime_ms > 0 || f->touched)) {
        f->mtime_ms = mtime_ms > 0 ? mtime_ms : saved_ms;
        f->touched = mtime_ms > 0;
    }
    s->mtime_ms = mtime_ms;
}

// Takes over name and text.
static void take_saved(struct drafts *d, const struct job_saved *j)
{
    char *job = j->name, *text = j->text;
    int64_t ms = j->saved_ms;
    auto_free char *file = mem_printf("%s.json", job);
    struct saved *s = drafts_saved(d, job, true);
    struct file *f = drafts_at(d, file);
    bool newer = s->text == NULL || (ms > s->ms && strcmp(s->text, text) != 0);
    // What is being written here is not replaced under the writer's hands.
    if (newer && (f == NULL ? !s->away : is_at_rest(f))) {
        f = f != NULL ? f : drafts_add(d, file);
        set_text(d, f, text, strlen(text));
        free(f->submitted_as);
        f->submitted_as = mem_strdup(job);
        f->decided = ++f->version;
        f->outcome = (struct err)ERR_INIT;
        f->mtime_ms = ms;
        f->touched = false;
        s->mtime_ms = 0;
    }
    if (newer || (s->text != NULL && strcmp(s->text, text) == 0)) {
        take_mtime(f, s, j->mtime_ms, j->saved_ms);
    }
    if (newer) {
        free(s->text);
        s->text = text;
        s->ms = ms;
    } else {
        free(text);
    }
    free(job);
}

void drafts_tell_mtime(struct drafts *d, struct file *f, const char *job)
{
    pthread_mutex_lock(&d->lock);
    const struct saved *s = drafts_saved(d, job, true);
    bool due = f->submitted_as != NULL && strcmp(f->submitted_as, job) == 0 && (f->touched || s->mtime_ms != 0);
    int64_t mtime_ms = f->touched ? f->mtime_ms : 0;
    size_t len = f->len;
    auto_free char *text = due ? mem_strndup(f->text, len) : NULL;
    pthread_mutex_unlock(&d->lock);
    if (due && d->jobs.touch(d->jobs.arg, job, text, len, mtime_ms)) {
        pthread_mutex_lock(&d->lock);
        drafts_saved(d, job, true)->mtime_ms = mtime_ms;
        pthread_mutex_unlock(&d->lock);
    }
}

void drafts_revert(struct drafts *d, struct file *f, const char *job)
{
    const struct saved *s = drafts_saved(d, job, false);
    if (s != NULL && s->text != NULL) {
        char *name = mem_strdup(job);
        set_text(d, f, s->text, strlen(s->text));
        free(f->submitted_as);
        f->submitted_as = name;
    }
}

void drafts_sync(struct drafts *d)
{
    struct job_saved job;
    for (unsigned i = 0; d->jobs.saved(d->jobs.arg, i, &job); i++) {
        pthread_mutex_lock(&d->lock);
        take_saved(d, &job);
        pthread_mutex_unlock(&d->lock);
    }
}

struct drafts *drafts_new(const struct drafts_jobs *jobs)
{
    struct drafts *d = mem_zalloc(sizeof(*d));
    d->jobs = *jobs;
    pthread_mutex_init(&d->lock, NULL);
    pthread_cond_init(&d->decided, NULL);
    d->synced_ms = clock_mono_ms();
    drafts_sync(d);
    return d;
}

void drafts_free(struct drafts *d)
{
    if (d == NULL) {
        return;
    }
    while (d->files != NULL) {
        drafts_drop_name(d, d->files);
    }
    for (struct saved *s = d->saved, *next; s != NULL; s = next) {
        next = s->next;
        free(s->name);
        free(s->text);
        free(s);
    }
    pthread_cond_destroy(&d->decided);
    pthread_mutex_destroy(&d->lock);
    free(d);
}

// --- looking --------------------------------------------------------------------------------------

static struct draft_info info_of(const struct file *f)
{
    return (struct draft_info){.size = f->len, .mtime_ms = f->mtime_ms};
}

bool drafts_find(struct drafts *d, const char *file, struct draft_info *ret)
{
    pthread_mutex_lock(&d->lock);
    const struct file *f = drafts_at(d, file);
    if (f != NULL) {
        *ret = info_of(f);
    }
    pthread_mutex_unlock(&d->lock);
    return f != NULL;
}

struct listed {
    char *name;
    struct draft_info info;
};

void drafts_list(struct drafts *d, bool (*fn)(void *arg, const char *file, const struct draft_info *info), void *arg)
{
    int64_t now = clock_mono_ms();
    size_t n = 0;
    pthread_mutex_lock(&d->lock);
    bool due = now - d->synced_ms >= SYNC_MS;
    d->synced_ms = due ? now : d->synced_ms;
    pthread_mutex_unlock(&d->lock);
    if (due) {
        drafts_sync(d);
    }
    pthread_mutex_lock(&d->lock);
    for (const struct file *f = d->files; f != NULL; f = f->next) {
        n++;
    }
    auto_free struct listed *all = mem_zalloc((n + 1) * sizeof(*all));
    n = 0;
    for (const struct file *f = d->files; f != NULL; f = f->next) {
        all[n++] = (struct listed){.name = mem_strdup(f->name), .info = info_of(f)};
    }
    pthread_mutex_unlock(&d->lock);
    bool more = true;
    for (size_t i = 0; i < n; i++) {
        more = more && fn(arg, all[i].name, &all[i].info);
        free(all[i].name);
    }
}

// --- sizes ----------------------------------------------------------------------------------------

static errc check_room(const struct drafts *d, const struct file *f, uint64_t len, struct err *err)
{
    auto_free char *job = f->name != NULL ? draft_job_name(f->name) : NULL;
    if (job != NULL && len > JOB_TEXT_MAX) {
        return err_set(err, ERR_INVALID, "a job file has at most %d bytes", JOB_TEXT_MAX);
    }
    if (len > DRAFT_MAX) {
        return err_set(err, ERR_NO_SPACE, "a file in .batch has at most %zu bytes: it is a place for job files",
                       DRAFT_MAX);
    }
    if (len > f->len && d->bytes + (len - f->len) > DRAFTS_BYTES_MAX) {
        return err_set(err, ERR_NO_SPACE, "all files in .batch together have at most %zu bytes: remove some that are "
                       "not needed any more; a job goes on without its file", DRAFTS_BYTES_MAX);
    }
    return ERR_OK;
}

errc drafts_resize(struct drafts *d, struct file *f, uint64_t len, struct err *err)
{
    errc e = check_room(d, f, len, err);
    if (e) {
        return e;
    }
    if (len > f->len) {
        f->text = mem_grow(f->text, &f->cap, len + 1, 1);
        memset(f->text + f->len, 0, len - f->len + 1);
    }
    d->bytes = d->bytes - f->len + len;
    f->len = len;
    return ERR_OK;
}
