// Logs of jobs: CloudWatch's GetLogEvents, followed forward (API Reference of Amazon CloudWatch Logs), into unnamed
// files that only grow. A thread of their own fetches them, so that a slow log delays no state.
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "batch/jobs_log_i.h"

#define SPOOLS_MAX 64 // that nobody has open
#define CALL_MS (10 * 1000)         // one GetLogEvents
#define PACE_SLOWEST_MS (10 * 1000)
#define BETWEEN_MS 100              // the beginnings of two calls for one log
#define DROP_MS (2 * 60 * 1000)     // not looked at for so long
#define LATE_MS (30 * 1000)         // events come so long after the job's end, at most
#define SIZE_MAX_LOG (1024LL * 1024 * 1024)

// --- what is known of a log --------------------------------------------------------------------------------------

struct log_spool *spool_of(struct jobs *j, const struct log_place *p)
{
    struct log_spool *s = j->spools;
    while (s != NULL && !(str_same(s->stream, p->stream) && str_same(s->group, p->group) &&
                          str_same(s->region, p->region))) {
        s = s->next;
    }
    return s;
}

void spool_doubt(struct log_spool *s, int64_t now)
{
    s->is_behind = true;
    s->next_ms = now;
}

void spool_note_end(struct log_spool *s, const struct face *f)
{
    bool has_ended = log_has_ended(f);
    if (has_ended && !s->is_ended && !s->is_done && !s->is_behind) {
        spool_doubt(s, clock_mono_ms()); // its last lines came since
    }
    s->is_ended = has_ended;
    s->ended_ms = f->one != NULL ? f->one->stopped_ms : f->told->stopped_ms;
}

bool spool_is_kept_empty(const struct log_spool *s)
{
    return clock_mono_ms() < s->empty_until_ms;
}

bool log_is_empty(struct jobs *j, const struct face *f)
{
    struct log_place p = log_place_of(f);
    struct log_spool *s = log_has_stream(f) && !log_is_elsewhere(&p) ? spool_of(j, &p) : NULL;
    return !log_has_stream(f) || (s != NULL && spool_is_kept_empty(s));
}

uint64_t log_size(struct jobs *j, const struct face *f, bool *ret_grows)
{
    struct log_place p = log_place_of(f);
    *ret_grows = false;
    if (log_is_elsewhere(&p)) {
        auto_cleanup(buf_free) struct buf text = {0};
        log_put_elsewhere(&p, &text);
        return text.len;
    }
    if (p.stream == NULL) {
        *ret_grows = !log_has_ended(f);
        return 0;
    }
    struct log_spool *s = spool_of(j, &p);
    if (s != NULL) {
        spool_note_end(s, f);
    }
    *ret_grows = s == NULL || !s->is_done;
    return s != NULL && !spool_is_kept_empty(s) ? s->len : 0;
}

void log_touch(struct jobs *j, const struct face *f)
{
    struct log_place p = log_place_of(f);
    struct log_spool *s = p.stream != NULL && log_exists(f) && !log_is_elsewhere(&p) ? spool_of(j, &p) : NULL;
    int64_t now = clock_mono_ms();
    if (s != NULL) {
        bool was_idle = now - s->looked_ms > JOBS_IDLE_MS;
        s->looked_ms = now;
        spool_note_end(s, f);
        if (was_idle) {
            s->next_ms = now;
            pthread_cond_broadcast(&j->changed);
        }
    }
}

// --- spools ------------------------------------------------------------------------------------------------------

void log_hold_let_go(struct log_hold *hold)
{
    if (hold != NULL && atomic_fetch_sub(&hold->refs, 1) == 1) {
        free(hold);
    }
}

static void spool_free(struct log_spool *s)
{
    if (s->fd >= 0) {
        close(s->fd);
    }
    log_hold_let_go(s->hold);
    batch_api_free(s->api);
    free(s->group);
    free(s->job);
    free(s->region);
    free(s->stream);
    free(s->token);
    free(s);
}

static void give_room(struct jobs *j, struct log_spool *s)
{
    if (j->conf.give_room != NULL && s->room > 0) {
        j->conf.give_room(j->conf.arg, s->room);
    }
    s->room = 0;
}

void logs_free(struct jobs *j)
{
    while (j->spools != NULL) {
        struct log_spool *s = j->spools;
        j->spools = s->next;
        give_room(j, s);
        spool_free(s);
    }
}

// An unnamed file, which leaves nothing behind whatever happens.
int spool_open_file(const char *dir, struct err *err)
{
    int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0) { // not every file system has them
        auto_free char *path = mem_printf("%s/job-log-XXXXXX", dir);
        fd = mkostemp(path, O_CLOEXEC);
        if (fd >= 0 && unlink(path) != 0) {
            close(fd);
            fd = -1;
        }
    }
    if (fd < 0) {
        (void)err_set_errno(err, errno, "no file for the log can be made in %s", dir);
    }
    return fd;
}

static void remove_spool(struct jobs *j, struct log_spool *s)
{
    struct log_spool **at = &j->spools;
    while (*at != s) {
        at = &(*at)->next;
    }
    *at = s->next;
    give_room(j, s);
    spool_free(s);
}

// Who has the file open would see it become empty; and its bytes stay on the disk as long as that.
static bool is_used(const struct log_spool *s)
{
    return s->is_busy || s->waiting > 0 || atomic_load(&s->hold->refs) > 1;
}

// Drops the one that was looked at longest ago, of those that nobody looks at now.
static bool drop_idle(struct jobs *j)
{
    int64_t now = clock_mono_ms();
    struct log_spool *oldest = NULL;
    for (struct log_spool *s = j->spools; s != NULL; s = s->next) {
        bool is_idle = !is_used(s) && now - s->looked_ms > JOBS_IDLE_MS;
        if (is_idle && (oldest == NULL || s->looked_ms < oldest->looked_ms)) {
            oldest = s;
        }
    }
    if (oldest != NULL) {
        remove_spool(j, oldest);
    }
    return oldest != NULL;
}

// For a spool that is busy, without the lock.
static errc take_room(struct jobs *j, struct log_spool *s, uint64_t bytes, struct err *err)
{
    errc e = ERR_OK;
    bool more = j->conf.take_room != NULL;
    while (more) {
        e = j->conf.take_room(j->conf.arg, bytes, err);
        pthread_mutex_lock(&j->lock);
        more = e == ERR_NO_SPACE && drop_idle(j);
        pthread_mutex_unlock(&j->lock);
    }
    s->room += e ? 0 : bytes;
    return e;
}

// Of those that nobody has open: what nobody looks at any more, and, when there are too many, the one that was looked
// at longest ago.
static void drop_old(struct jobs *j)
{
    int64_t now = clock_mono_ms();
    struct log_spool *oldest = NULL;
    size_t count = 0;
    for (struct log_spool *s = j->spools, *next; s != NULL; s = next) {
        next = s->next;
        if (is_used(s)) {
            continue;
        }
        if (now - s->looked_ms > DROP_MS) {
            remove_spool(j, s);
            continue;
        }
        count++;
        if (oldest == NULL || s->looked_ms < oldest->looked_ms) {
            oldest = s;
        }
    }
    if (count > SPOOLS_MAX && oldest != NULL) {
        remove_spool(j, oldest);
    }
}

struct log_spool *spool_make(struct jobs *j, const struct log_place *p, struct err *err)
{
    int fd = spool_open_file(j->spool_dir, err);
    if (fd < 0) {
        return NULL;
    }
    struct log_spool *s = mem_zalloc(sizeof(*s));
    s->fd = fd;
    s->hold = mem_zalloc(sizeof(*s->hold));
    atomic_init(&s->hold->refs, 1);
    s->group = mem_strdup(p->group);
    s->region = mem_strdup(p->region);
    s->stream = mem_strdup(p->stream);
    s->pace_ms = j->conf.poll_ms;
    s->is_behind = true;
    s->next = j->spools;
    j->spools = s;
    const struct batch_settings *settings = j->conf.settings;
    if (p->region != NULL && settings->logs_endpoint == NULL && strcmp(p->region, settings->region) != 0) {
        struct batch_api_conf conf = {.http = j->conf.http, .creds = j->conf.creds, .region = p->region,
                                      .variant = settings->variant};
        (void)!batch_api_new(&conf, &s->api, &s->failure);
    }
    return s;
}

// --- fetching ----------------------------------------------------------------------------------------------------

static void put_events(const struct json *events, struct buf *out)
{
    for (size_t i = 0; i < json_len(events); i++) {
        size_t len = 0;
        const char *text = json_str_len(json_get(json_at(events, i), "message"), &len);
        if (text == NULL) {
            continue;
        }
        buf_put(out, text, len);
        if (len == 0 || text[len - 1] != '\n') {
            buf_putc(out, '\n');
        }
    }
}

static void put_request(const struct log_spool *s, struct buf *body)
{
    buf_puts(body, "{\"logGroupName\":");
    json_quote(body, s->group, strlen(s->group));
    buf_puts(body, ",\"logStreamName\":");
    json_quote(body, s->stream, strlen(s->stream));
    buf_puts(body, ",\"startFromHead\":true");
    if (s->token != NULL) {
        buf_puts(body, ",\"nextToken\":");
        json_quote(body, s->token, strlen(s->token));
    }
    buf_putc(body, '}');
}

struct piece {
    struct buf text;
    char *token;   // the next one
    bool is_last;  // for now
};

static errc fetch(struct jobs *j, struct log_spool *s, struct piece *ret, struct err *err)
{
    auto_cleanup(buf_free) struct buf body = {0};
    struct json *answer = NULL;
    put_request(s, &body);
    errc e = batch_logs_call(s->api != NULL ? s->api : j->api, "GetLogEvents", body.data, &j->log_ending, &answer, err);
    if (e) {
        return e;
    }
    const char *token = json_str(json_get(answer, "nextForwardToken"));
    put_events(json_get(answer, "events"), &ret->text);
    ret->is_last = token == NULL || (s->token != NULL && strcmp(token, s->token) == 0);
    ret->token = mem_strdup(token);
    json_free(answer);
    return ERR_OK;
}

errc spool_append(struct log_spool *s, const struct buf *text, struct err *err)
{
    for (size_t done = 0; done < text->len;) {
        ssize_t n = pwrite(s->fd, text->data + done, text->len - done, (off_t)(s->len + done));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return err_set_errno(err, n < 0 ? errno : ENOSPC, "the log cannot be kept");
        }
        done += (size_t)n;
    }
    return ERR_OK;
}

static int64_t slower(int64_t pace_ms)
{
    return pace_ms * 3 / 2 > PACE_SLOWEST_MS ? PACE_SLOWEST_MS : pace_ms * 3 / 2;
}

// With the lock held. Nobody else writes to a spool that is busy.
static void after_fetch(struct jobs *j, struct log_spool *s, struct piece *p, const struct err *err)
{
    int64_t now = clock_mono_ms();
    s->failure = *err;
    s->told_ms = now;
    if (err->code != ERR_OK) {
        bool is_early = err->code == ERR_NOT_FOUND && !s->is_ended; // the stream comes with the first line
        s->is_behind = s->is_behind && !is_early;
        s->pace_ms = is_early ? slower(s->pace_ms) : PACE_SLOWEST_MS;
        s->next_ms = now + jobs_jitter(s->pace_ms);
        return;
    }
    s->len += p->text.len;
    free(s->token);
    s->token = steal_ptr(&p->token);
    bool is_late = s->is_ended && clock_wall_ms() - s->ended_ms > LATE_MS;
    s->is_behind = !p->is_last;
    if (p->is_last) {
        s->caught_ms = now;
        s->is_done = is_late;
        s->pace_ms = p->text.len > 0 ? j->conf.poll_ms : slower(s->pace_ms);
        s->next_ms = now + jobs_jitter(s->pace_ms);
    } else {
        s->next_ms = s->asked_ms + BETWEEN_MS;
    }
    if (s->len >= SIZE_MAX_LOG) { // what comes behind is in CloudWatch
        s->caught_ms = now;
        s->is_done = true;
        s->is_behind = false;
    }
}

// What somebody waits for comes first, then what is due longest.
static bool is_before(const struct log_spool *a, const struct log_spool *b)
{
    return (a->waiting > 0) != (b->waiting > 0) ? a->waiting > 0 : a->next_ms < b->next_ms;
}

static struct log_spool *next_spool(struct jobs *j, int64_t now, int64_t *ret_wake)
{
    struct log_spool *best = NULL;
    *ret_wake = now + JOBS_IDLE_MS;
    for (struct log_spool *s = j->spools; s != NULL; s = s->next) {
        if (s->is_done || now - s->looked_ms > JOBS_IDLE_MS) {
            continue;
        }
        if (s->next_ms <= now && (best == NULL || is_before(s, best))) {
            best = s;
        }
        *ret_wake = s->next_ms < *ret_wake ? s->next_ms : *ret_wake;
    }
    return best;
}

static void *log_run(void *arg)
{
    struct jobs *j = arg;
    pthread_mutex_lock(&j->lock);
    while (!j->is_ending) {
        int64_t now = clock_mono_ms(), wake;
        drop_old(j);
        struct log_spool *s = next_spool(j, now, &wake);
        if (s == NULL) {
            jobs_wait_until(j, wake);
            continue;
        }
        struct piece p = {0};
        struct err err = ERR_INIT;
        s->is_busy = true;
        s->asked_ms = now;
        pthread_mutex_unlock(&j->lock);
        j->log_ending.deadline_ms = now + CALL_MS;
        errc e = fetch(j, s, &p, &err);
        if (!e && s->len + p.text.len > s->room) {
            e = take_room(j, s, s->len + p.text.len - s->room, &err);
        }
        if (!e) {
            e = spool_append(s, &p.text, &err);
        }
        err.code = e;
        pthread_mutex_lock(&j->lock);
        s->is_busy = false;
        after_fetch(j, s, &p, &err);
        buf_free(&p.text);
        free(p.token);
        pthread_cond_broadcast(&j->changed);
        jobs_wait_until(j, clock_mono_ms() + BETWEEN_MS / 4);
    }
    pthread_mutex_unlock(&j->lock);
    return NULL;
}

void logs_wake(struct jobs *j)
{
    if (!j->has_logger) {
        j->has_logger = pthread_create(&j->logger, NULL, log_run, j) == 0;
    }
    pthread_cond_broadcast(&j->changed);
}
