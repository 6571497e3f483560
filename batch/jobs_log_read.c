// What is read of logs: as they come, where that takes long.
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "batch/jobs_log_i.h"

#define WHOLE_WAIT_MS 2000        // of a first call for all there is: longer logs are read as they come
#define PAGE_WAIT_MS (10 * 1000)  // for an answer
#define FRESH_MS (10 * 1000)
#define SWITCH_MS 4000            // a log that takes the place of another is empty for so long

// A log of which everything is known.
static errc open_text(const struct jobs *j, const struct buf *text, int *ret_fd, uint64_t *ret_len, struct err *err)
{
    struct log_spool whole = {.fd = spool_open_file(j->spool_dir, err)};
    if (whole.fd < 0) {
        return err->code;
    }
    errc e = spool_append(&whole, text, err);
    if (e) {
        close(whole.fd);
        return e;
    }
    *ret_fd = whole.fd;
    *ret_len = text->len;
    return ERR_OK;
}

// Makes it known whether what was read is all there is. Old failures are no answer, nor is an old end.
static void freshen(struct log_spool *s, int64_t now)
{
    bool has_not_begun = s->failure.code == ERR_NOT_FOUND && !s->is_ended;
    s->looked_ms = now;
    if (s->failure.code != ERR_OK && s->next_ms <= now) {
        s->failure.code = ERR_OK;
        spool_doubt(s, now);
    } else if (!s->is_done && !s->is_behind && !has_not_begun && s->caught_ms < now - FRESH_MS) {
        s->is_behind = true;
        s->next_ms = s->failure.code == ERR_OK ? now : s->next_ms;
    }
}

// Of a first call all there is, where that comes soon; of one from a place on anything new.
static bool is_enough(const struct log_spool *s, uint64_t from, int64_t began)
{
    if (!s->is_behind || s->failure.code != ERR_OK || from == JOBS_LOG_NOW) {
        return true;
    }
    return from > 0 ? s->len > from || s->told_ms >= began
                    : s->len > 0 && clock_mono_ms() - began >= WHOLE_WAIT_MS;
}

// Waits, with the lock held, until there is enough of it or it cannot be had.
static errc wait_for(struct jobs *j, struct log_spool *s, uint64_t from, struct cancel *cancel, struct err *err)
{
    int64_t began = clock_mono_ms();
    errc e = ERR_OK;
    s->waiting++;
    while (!e && !is_enough(s, from, began)) {
        int64_t now = clock_mono_ms(), heard_ms = s->told_ms > began ? s->told_ms : began;
        e = j->is_ending ? err_set(err, ERR_INTERRUPTED, "the mount ends") : cancel_check(cancel, err);
        if (!e && now - heard_ms >= PAGE_WAIT_MS) {
            e = err_set(err, ERR_TIMEOUT, "CloudWatch Logs did not answer within %d s", PAGE_WAIT_MS / 1000);
        }
        if (!e) {
            jobs_wait_until(j, now + 100);
        }
    }
    s->waiting--;
    s->looked_ms = clock_mono_ms();
    return e;
}

// Why nothing comes behind `from`, if that is so.
static errc failure_of(const struct log_spool *s, uint64_t from, struct err *err)
{
    if (s->failure.code == ERR_OK || s->len > from || !s->is_behind || from == JOBS_LOG_NOW) {
        return ERR_OK;
    }
    if (s->failure.code == ERR_NOT_FOUND) {
        return err_set(err, ERR_ARCHIVED,
                       "the job ended, and CloudWatch Logs has no stream %.200s in the group %.100s (any more): %.200s",
                       s->stream, s->group, s->failure.cause);
    }
    return err_set(err, s->failure.code, "the log: %.500s", s->failure.cause);
}

// Who follows a job's log (tail -f) looks for a length that became less: so another stream begins with none.
static void begin_anew(struct jobs *j, struct log_spool *s, const struct face *f)
{
    int64_t now = clock_mono_ms();
    if (f->one != NULL || f->is_former || s->job != NULL) {
        return;
    }
    for (const struct log_spool *o = j->spools; o != NULL; o = o->next) {
        if (str_same(o->job, f->dir) && o->job != NULL && now - o->looked_ms < JOBS_IDLE_MS) {
            s->empty_until_ms = now + SWITCH_MS;
        }
    }
    s->job = mem_strdup(f->dir);
}

// The spool of a log that is looked at now. NULL: see err.
static struct log_spool *spool_for(struct jobs *j, const struct face *f, const struct log_place *p, struct err *err)
{
    struct log_spool *s = spool_of(j, p);
    if (s == NULL && !jobs_can_ask(j)) {
        (void)err_set(err, ERR_INVALID, "the log cannot be read: %s", j->why_not);
        return NULL;
    }
    s = s != NULL ? s : spool_make(j, p, err);
    if (s == NULL) {
        return NULL;
    }
    begin_anew(j, s, f);
    log_touch(j, f);
    spool_note_end(s, f);
    freshen(s, clock_mono_ms());
    logs_wake(j);
    return s;
}

static errc open_log(struct jobs *j, const struct face *f, uint64_t from, struct cancel *cancel, struct job_log *ret,
                     struct err *err)
{
    struct log_place p = log_place_of(f);
    if (p.stream == NULL || log_is_elsewhere(&p)) {
        auto_cleanup(buf_free) struct buf text = {0};
        if (log_is_elsewhere(&p)) {
            log_put_elsewhere(&p, &text);
        }
        return open_text(j, &text, &ret->fd, &ret->len, err);
    }
    struct log_spool *s = spool_for(j, f, &p, err);
    if (s == NULL) {
        return err->code;
    }
    if (!spool_is_kept_empty(s)) {
        errc e = wait_for(j, s, from, cancel, err);
        e = e ? e : failure_of(s, from, err);
        if (e) {
            return e;
        }
    }
    int fd = fcntl(s->fd, F_DUPFD_CLOEXEC, 0);
    if (fd < 0) {
        return err_set_errno(err, errno, "the log cannot be opened");
    }
    bool is_empty = spool_is_kept_empty(s);
    *ret = (struct job_log){
        .fd = fd, .len = is_empty ? 0 : s->len, .has_more = !is_empty && s->is_behind, .hold = s->hold};
    atomic_fetch_add(&s->hold->refs, 1);
    return ERR_OK;
}

errc jobs_log_more(struct jobs *j, const char *name, const char *attempt, uint64_t from, struct cancel *cancel,
                   struct job_log *ret, struct err *err)
{
    struct face f;
    errc e = ERR_OK;
    jobs_load(j);
    pthread_mutex_lock(&j->lock);
    bool there = face_at(j, name, attempt, &f);
    if (!there || !log_exists(&f)) {
        e = err_set(err, ERR_NOT_FOUND, "the job %s has no log: AWS Batch did not accept it (yet)", name);
    } else {
        *ret = (struct job_log){.fd = -1};
        e = open_log(j, &f, from, cancel, ret, err);
    }
    pthread_mutex_unlock(&j->lock);
    return e;
}

errc jobs_log(struct jobs *j, const char *name, const char *attempt, struct cancel *cancel, int *ret_fd,
              uint64_t *ret_len, struct err *err)
{
    struct job_log log;
    errc e = jobs_log_more(j, name, attempt, 0, cancel, &log, err);
    if (!e) {
        *ret_fd = log.fd;
        *ret_len = log.len;
        log_hold_let_go(log.hold);
    }
    return e;
}
