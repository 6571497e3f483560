#include "fs/engine.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "fs/caller.h"
#include "fs/errno_map.h"
#include "fs/fuse_api.h"

#define TICK_MS 50    // how often deadlines and callers are looked at while requests wait

struct engine {
    struct engine_conf conf; // immutable
    struct pool *pool;
    pthread_t thread;
    pthread_mutex_t lock;    // protects all below
    pthread_cond_t wake;
    struct request *first;   // requests that wait
    bool dozes;              // the thread waits for a first request; else it looks by itself, each tick
    bool ending;
};

// Set while this thread registers an interrupt function, which libfuse may then call at once.
struct registration {
    struct request *r;
    bool interrupted;
};
static _Thread_local struct registration *registering;

// The list holds a reference. A request that was claimed before it could be listed is not.
static void list_add(struct request *r)
{
    struct engine *e = r->engine;
    pthread_mutex_lock(&e->lock);
    if (!atomic_load(&r->claimed)) {
        request_ref(r);
        r->listed = true;
        r->next = e->first;
        if (e->first != NULL) {
            e->first->prev = r;
        }
        e->first = r;
        if (e->dozes) {
            pthread_cond_signal(&e->wake);
        }
    }
    pthread_mutex_unlock(&e->lock);
}

static void list_remove(struct request *r)
{
    struct engine *e = r->engine;
    pthread_mutex_lock(&e->lock);
    bool listed = r->listed;
    if (listed) {
        *(r->prev != NULL ? &r->prev->next : &e->first) = r->next;
        if (r->next != NULL) {
            r->next->prev = r->prev;
        }
        r->listed = false;
    }
    pthread_mutex_unlock(&e->lock);
    if (listed) {
        request_unref(r);
    }
}

// After a claim: nothing else can reply any more. The caller still holds a reference.
static void leave(struct request *r)
{
    list_remove(r);
    atomic_fetch_sub(&r->engine->conf.stats->waiting, 1);
}

static void record(const struct request *r, const struct err *err)
{
    const struct engine_conf *conf = &r->engine->conf;
    conf->failed(conf->arg, r->op, r->nodeid, r->name, err);
}

// Whether a signal that came is one to go on after. Then the next is looked for.
static bool goes_on(struct request *r)
{
    if (!r->is_save || caller_is_leaving(r->caller)) {
        return false;
    }
    atomic_store(&r->watched, true);
    return true;
}

// Called by libfuse with the request's own lock held, on the thread that read FUSE_INTERRUPT or, when
// the interrupt came first, on the one that registers.
static void on_interrupt(fuse_req_t req, void *data)
{
    struct request *r = data;
    if (registering != NULL && registering->r == r) {
        registering->interrupted = true;
        return;
    }
    if (goes_on(r)) {
        return;
    }
    atomic_store(&r->cancel.set, true);
    if (atomic_exchange(&r->claimed, true)) {
        return;
    }
    stats_add(&r->engine->conf.stats->interrupted, 1);
    leave(r);
    fuse_reply_err(req, EINTR);
    request_unref(r);
}

bool request_claim(struct request *r)
{
    if (atomic_exchange(&r->claimed, true)) {
        return false;
    }
    fuse_req_interrupt_func(r->req, NULL, NULL);
    leave(r);
    request_unref(r); // the registration's; the caller has its own
    return true;
}

void request_note(const struct request *r, const struct err *err)
{
    if (r->is_save && atomic_load(&r->cancel.set)) {
        record(r, err);
    }
}

void request_fail(struct request *r, const struct err *err)
{
    if (!request_claim(r)) {
        request_note(r, err);
        return;
    }
    record(r, err);
    fuse_reply_err(r->req, errno_of(err->code)->number);
}

void request_interrupt(struct request *r)
{
    atomic_store(&r->cancel.set, true);
    if (request_claim(r)) {
        stats_add(&r->engine->conf.stats->interrupted, 1);
        fuse_reply_err(r->req, EINTR);
    }
}

void request_extend(struct request *r, int64_t deadline_ms)
{
    r->cancel.deadline_ms = deadline_ms;
    atomic_store(&r->reply_by_ms, deadline_ms + REQUEST_SLACK_MS);
}

static void end(struct request *r)
{
    if (r->ended != NULL) {
        r->ended(r);
    }
}

static void run_job(void *arg)
{
    struct request *r = arg;
    r->run(r);
    end(r);
    request_unref(r);
}

void engine_arm(struct request *r)
{
    struct engine *e = r->engine;
    stats_add(&e->conf.stats->handed_over, 1);
    atomic_fetch_add(&e->conf.stats->waiting, 1);
    request_ref(r); // the registration's: dropped by whoever claims
    struct registration registration = {.r = r};
    registering = &registration;
    fuse_req_interrupt_func(r->req, on_interrupt, r);
    registering = NULL;
    r->interrupted_early = registration.interrupted;
    list_add(r);
}

static void interrupt_early(struct request *r)
{
    struct err err = ERR_INIT;
    request_interrupt(r);
    if (r->is_save) {
        err_set(&err, ERR_INTERRUPTED, "it was interrupted by a signal before anything was done, and nothing was sent");
        record(r, &err);
    }
}

void engine_run(struct request *r)
{
    struct err err = ERR_INIT;
    if (r->interrupted_early && !goes_on(r)) {
        interrupt_early(r);
        end(r);
    } else if (pool_run(r->engine->pool, run_job, request_ref(r), &err) != ERR_OK) {
        request_fail(r, &err);
        end(r);
        request_unref(r);
    }
}

int64_t engine_deadline_ms(const struct engine *e)
{
    return e->conf.deadline_ms;
}

struct pool *engine_pool(struct engine *e)
{
    return e->pool;
}

// --- deadlines and callers ------------------------------------------------------------------------

static bool is_any(const struct request *r, int64_t now)
{
    (void)r;
    (void)now;
    return true;
}

static bool is_late(const struct request *r, int64_t now)
{
    return atomic_load(&r->reply_by_ms) <= now;
}

// One request of which that is true, held.
static struct request *take(struct engine *e, int64_t now, bool (*is)(const struct request *r, int64_t now))
{
    pthread_mutex_lock(&e->lock);
    struct request *r = e->first;
    while (r != NULL && !is(r, now)) {
        r = r->next;
    }
    if (r != NULL) {
        request_ref(r);
    }
    pthread_mutex_unlock(&e->lock);
    return r;
}

static void reply_late(struct engine *e)
{
    int64_t now = clock_mono_ms();
    for (struct request *r; (r = take(e, now, is_late)) != NULL; request_unref(r)) {
        struct err err = ERR_INIT;
        err_set(&err, ERR_TIMEOUT, "the storage gave no answer within %lld s",
                (long long)e->conf.deadline_ms / 1000);
        atomic_store(&r->cancel.set, true);
        request_fail(r, &err);
        // Claimed by another: it is off the list in a moment; do not spin on it.
        atomic_store(&r->reply_by_ms, INT64_MAX);
    }
}

// Those of whose callers a signal was seen, held.
static struct request **take_watched(struct engine *e, size_t *ret_len)
{
    struct request **all = NULL;
    size_t cap = 0;
    *ret_len = 0;
    pthread_mutex_lock(&e->lock);
    for (struct request *r = e->first; r != NULL; r = r->next) {
        if (atomic_load(&r->watched) && !atomic_load(&r->claimed)) {
            all = mem_grow(all, &cap, *ret_len + 1, sizeof(struct request *));
            all[(*ret_len)++] = request_ref(r);
        }
    }
    pthread_mutex_unlock(&e->lock);
    return all;
}

// /proc may keep one waiting, and nobody else is to wait for that: it is read without the lock.
static void interrupt_left(struct engine *e)
{
    size_t len;
    struct request **watched = take_watched(e, &len);
    for (size_t i = 0; i < len; i++) {
        if (caller_is_leaving(watched[i]->caller)) {
            request_interrupt(watched[i]);
        }
        request_unref(watched[i]);
    }
    free(watched);
}

static void *deadline_thread(void *arg)
{
    struct engine *e = arg;
    pthread_setname_np(pthread_self(), "mf-deadline");
    pthread_mutex_lock(&e->lock);
    while (!e->ending) {
        if (e->first == NULL) {
            e->dozes = true;
            pthread_cond_wait(&e->wake, &e->lock);
            e->dozes = false;
            continue;
        }
        struct timespec ts;
        clock_gettime(CLOCK_MONOTONIC, &ts);
        ts.tv_nsec += TICK_MS * 1000000L;
        if (ts.tv_nsec >= 1000000000) {
            ts.tv_sec++;
            ts.tv_nsec -= 1000000000;
        }
        // Woken early only to end.
        while (!e->ending && pthread_cond_clockwait(&e->wake, &e->lock, CLOCK_MONOTONIC, &ts) == 0) {
        }
        pthread_mutex_unlock(&e->lock);
        interrupt_left(e);
        reply_late(e);
        pthread_mutex_lock(&e->lock);
    }
    pthread_mutex_unlock(&e->lock);
    return NULL;
}

struct engine *engine_new(const struct engine_conf *conf)
{
    struct engine *e = mem_zalloc(sizeof(*e));
    e->conf = *conf;
    struct pool_conf pool = {.max_threads = conf->max_waiting, .idle_ms = 2000, .name = "mf-work"};
    e->pool = pool_new(&pool);
    pthread_mutex_init(&e->lock, NULL);
    pthread_cond_init(&e->wake, NULL);
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int failed = pthread_create(&e->thread, NULL, deadline_thread, e);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (failed != 0) {
        pool_free(e->pool);
        free(e);
        return NULL;
    }
    return e;
}

void engine_abort(struct engine *e)
{
    for (struct request *r; (r = take(e, 0, is_any)) != NULL; request_unref(r)) {
        request_interrupt(r);
        list_remove(r);
    }
}

bool engine_free(struct engine *e, int64_t ms)
{
    int64_t end = clock_mono_ms() + ms;
    while (pool_busy(e->pool) > 0) {
        if (clock_mono_ms() > end) {
            return false;
        }
        engine_abort(e);
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    }
    pthread_mutex_lock(&e->lock);
    e->ending = true;
    pthread_cond_signal(&e->wake);
    pthread_mutex_unlock(&e->lock);
    pthread_join(e->thread, NULL);
    pool_free(e->pool);
    pthread_cond_destroy(&e->wake);
    pthread_mutex_destroy(&e->lock);
    free(e);
    return true;
}
