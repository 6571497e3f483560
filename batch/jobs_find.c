// Who asks for jobs: listings, look-ups by name, id and task, and what was saved. From memory, but for ids.
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "batch/job_text.h"
#include "batch/jobs_i.h"

static int newest_first(const void *a, const void *b)
{
    const struct theirs *const *x = a, *const *y = b;
    int64_t left = (*x)->told.created_ms, right = (*y)->told.created_ms;
    return left != right ? (left < right ? 1 : -1) : strcmp((*x)->dir, (*y)->dir);
}

void jobs_list(struct jobs *j, bool (*fn)(void *arg, const struct job_view *v), void *arg)
{
    size_t len = 0, listed = 0;
    struct face f;
    jobs_load(j);
    pthread_mutex_lock(&j->lock);
    struct job_view *views = mem_zalloc((j->own_len + j->theirs_len) * sizeof(*views));
    struct theirs **order = mem_zalloc(j->theirs_len * sizeof(*order));
    for (size_t i = 0; i < j->own_len; i++) {
        face_of_own(j->own[i], &f);
        face_view(j, &f, &views[len++]);
    }
    for (size_t i = 0; i < j->theirs_len; i++) {
        if (j->theirs[i]->listed) {
            order[listed++] = j->theirs[i];
        }
    }
    if (listed > 0) {
        qsort(order, listed, sizeof(*order), newest_first);
    }
    for (size_t i = 0; i < listed; i++) {
        face_of_theirs(order[i], &f);
        face_view(j, &f, &views[len++]);
    }
    pthread_mutex_unlock(&j->lock);
    free(order);
    bool go_on = true;
    for (size_t i = 0; i < len; i++) {
        go_on = go_on && fn(arg, &views[i]);
        job_view_free(&views[i]);
    }
    free(views);
}

bool is_job_id(const char *text)
{
    static const char shape[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    const char *p = text;
    for (size_t i = 0; i < sizeof(shape) - 1; i++, p++) {
        bool fits = shape[i] == '-' ? *p == '-' : *p != '\0' && strchr("0123456789abcdefABCDEF", *p) != NULL;
        if (!fits) {
            return false;
        }
    }
    return *p == '\0' || ((*p == ':' || *p == '#') && p[1] != '\0' && p[1 + strspn(p + 1, "0123456789")] == '\0');
}

// Batch does not know a job at once when it took it.
static bool is_missing(const struct jobs *j, const char *id)
{
    int64_t now = clock_mono_ms();
    for (size_t i = 0; i < sizeof(j->missing) / sizeof(*j->missing); i++) {
        const struct missing *m = &j->missing[i];
        if (m->id != NULL && strcmp(m->id, id) == 0 && now - m->ms < JOBS_MISSING_MS) {
            return true;
        }
    }
    return false;
}

static void take_asked(void *arg, const struct json *detail)
{
    struct jobs *j = arg;
    struct told t = {0};
    if (!told_read(detail, &t)) {
        return;
    }
    pthread_mutex_lock(&j->lock);
    theirs_put(j, &t, true);
    pthread_mutex_unlock(&j->lock);
}

static errc ask_for(struct jobs *j, const char *id, struct cancel *cancel, struct err *err)
{
    auto_cleanup(strv_free) struct strv ids = {0};
    strv_add(&ids, id);
    pthread_mutex_lock(&j->lock);
    bool is_soon = j->ask_failed_ms > 0 && clock_mono_ms() - j->ask_failed_ms < JOBS_FAILED_MS;
    pthread_mutex_unlock(&j->lock);
    if (is_soon) {
        return err_set(err, ERR_UNREACHABLE, "the job %s cannot be asked for: AWS Batch did not answer a moment ago",
                       id);
    }
    errc e = jobs_ask(j, &ids, 0, cancel, take_asked, j, err);
    if (e && e != ERR_INTERRUPTED && e != ERR_INVALID) {
        pthread_mutex_lock(&j->lock);
        j->ask_failed_ms = clock_mono_ms();
        pthread_mutex_unlock(&j->lock);
    } else if (!e) {
        pthread_mutex_lock(&j->lock);
        if (theirs_of_id(j, id) == NULL) {
            struct missing *m = &j->missing[j->missing_at];
            free(m->id);
            *m = (struct missing){.id = mem_strdup(id), .ms = clock_mono_ms()};
            j->missing_at = (j->missing_at + 1) % (sizeof(j->missing) / sizeof(*j->missing));
        }
        pthread_mutex_unlock(&j->lock);
    }
    return e;
}

errc jobs_find(struct jobs *j, const char *name, struct cancel *cancel, struct job_view *ret, struct err *err)
{
    struct face f;
    bool asked = false;
    jobs_load(j);
    for (;;) {
        pthread_mutex_lock(&j->lock);
        bool found = face_of(j, name, &f), missing = is_missing(j, name);
        if (found) {
            log_touch(j, &f);
            face_view(j, &f, ret);
        }
        pthread_mutex_unlock(&j->lock);
        if (found) {
            return ERR_OK;
        }
        if (asked || missing || !jobs_can_ask(j) || !is_job_id(name)) {
            return err_set(err, ERR_NOT_FOUND, "there is no job %s", name);
        }
        errc e = ask_for(j, name, cancel, err);
        if (e) {
            return e == ERR_INVALID ? err_set(err, ERR_NOT_FOUND, "there is no job %s", name) : e;
        }
        asked = true;
    }
}

char *jobs_of_task(struct jobs *j, const char *id, const char *pathspec)
{
    struct face f;
    char *dir = NULL;
    const struct theirs *best = NULL;
    jobs_load(j);
    pthread_mutex_lock(&j->lock);
    if (id != NULL && face_of(j, id, &f)) {
        dir = mem_strdup(f.dir);
    }
    for (size_t i = 0; dir == NULL && pathspec != NULL && i < j->theirs_len; i++) {
        const struct theirs *t = j->theirs[i];
        bool same = t->told.task != NULL && strcmp(t->told.task, pathspec) == 0;
        if (same && (best == NULL || t->told.created_ms > best->told.created_ms)) { // its latest attempt
            best = t;
        }
    }
    if (best != NULL) {
        dir = mem_strdup(best->dir);
    }
    pthread_mutex_unlock(&j->lock);
    return dir;
}

bool jobs_attempt(struct jobs *j, const char *name, unsigned index, char **ret_attempt, struct job_view *ret)
{
    struct face f, one;
    jobs_load(j);
    pthread_mutex_lock(&j->lock);
    bool there = face_of(j, name, &f) && face_attempt(&f, index, ret_attempt, &one);
    if (there) {
        face_view(j, &one, ret);
    }
    pthread_mutex_unlock(&j->lock);
    return there;
}

errc jobs_find_attempt(struct jobs *j, const char *name, const char *attempt, struct job_view *ret, struct err *err)
{
    struct face f;
    jobs_load(j);
    pthread_mutex_lock(&j->lock);
    bool there = face_at(j, name, attempt, &f);
    if (there) {
        face_view(j, &f, ret);
    }
    pthread_mutex_unlock(&j->lock);
    return there ? ERR_OK : err_set(err, ERR_NOT_FOUND, "the job %s has no attempt %s", name, attempt);
}

bool jobs_saved(struct jobs *j, unsigned index, struct job_saved *ret)
{
    bool there = false;
    jobs_load(j);
    pthread_mutex_lock(&j->lock);
    for (size_t i = 0; i < j->own_len && !there; i++) {
        struct face f;
        face_of_own(j->own[i], &f);
        bool is_shown = f.in != NULL && f.in->text != NULL &&
                        !(f.is_dry ? j->own[i]->dry_removed : j->own[i]->rec.file_removed);
        if (is_shown && index-- == 0) {
            *ret = (struct job_saved){.name = mem_strdup(j->own[i]->name),
                                      .text = mem_strdup(f.in->text),
                                      .saved_ms = f.in->saved_ms,
                                      .mtime_ms = f.in->mtime_ms};
            there = true;
        }
    }
    pthread_mutex_unlock(&j->lock);
    return there;
}

// Changes the record of a job that is written down: `fn` says whether anything is to be written.
static void change_record(struct jobs *j, const char *name, bool (*fn)(struct record *rec, void *arg), void *arg)
{
    struct err err = ERR_INIT;
    struct cancel soon = {.deadline_ms = clock_mono_ms() + JOBS_LOOK_MS};
    struct journal_lock *lock = NULL;
    struct record rec = {0};
    pthread_mutex_lock(&j->lock);
    const struct own *o = own_find(j, name);
    bool is_written = o != NULL && o->rec.len > 0;
    pthread_mutex_unlock(&j->lock);
    if (!is_written || journal_lock(j->journal, name, &soon, &lock, &err)) {
        return;
    }
    if (!journal_load(j->journal, name, &rec, &err) && fn(&rec, arg) && !journal_save(j->journal, lock, &rec, &err)) {
        errc ignored = jobs_refresh(j, name, &err);
        (void)ignored;
    }
    record_free(&rec);
    journal_unlock(lock);
}

static bool put_removed(struct record *rec, void *arg)
{
    bool before = rec->file_removed;
    rec->file_removed = *(const bool *)arg;
    return rec->file_removed != before;
}

static void set_removed(struct jobs *j, const char *name, bool is_removed)
{
    jobs_load(j);
    pthread_mutex_lock(&j->lock);
    struct own *o = own_find(j, name);
    if (o != NULL) {
        o->dry_removed = is_removed;
    }
    pthread_mutex_unlock(&j->lock);
    change_record(j, name, put_removed, &is_removed);
}

void jobs_unsave(struct jobs *j, const char *name)
{
    set_removed(j, name, true);
}

void jobs_resave(struct jobs *j, const char *name)
{
    set_removed(j, name, false);
}

struct touched {
    const char *text;
    size_t len;
    int64_t mtime_ms;
    bool is_kept;
};

static bool put_mtime(struct record *rec, void *arg)
{
    struct touched *t = arg;
    struct intent *in = record_present(rec);
    t->is_kept = in != NULL && in->text != NULL && job_text_same(in->text, strlen(in->text), t->text, t->len);
    if (!t->is_kept || in->mtime_ms == t->mtime_ms) {
        return false;
    }
    in->mtime_ms = t->mtime_ms;
    return true;
}

bool jobs_touch(struct jobs *j, const char *name, const char *text, size_t len, int64_t mtime_ms)
{
    struct touched touched = {.text = text, .len = len, .mtime_ms = mtime_ms > 0 ? mtime_ms : 0};
    jobs_load(j);
    change_record(j, name, put_mtime, &touched);
    return touched.is_kept;
}
