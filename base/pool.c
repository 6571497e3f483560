// A worker that has no job waits on its own condition variable in the list of idle ones, newest first,
// so that the longest idle are the ones that time out. Every thread that ends joins the one that ended
// before it and leaves its own id behind, so that pool_free has one thread to join and none is left.
#include "base/pool.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define POOL_STACK_FACTOR 8
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define POOL_STACK_FACTOR 8
#endif
#endif
#ifndef POOL_STACK_FACTOR
#define POOL_STACK_FACTOR 1
#endif

#define POOL_STACK_DEFAULT (256 * 1024)

struct job {
    void (*fn)(void *arg);
    void *arg;
};

struct worker {
    struct worker *next; // in pool->idle
    pthread_cond_t wake;
    struct job job;      // fn is NULL while there is none
};

struct pool {
    struct pool_conf conf; // name is owned; never changes
    pthread_attr_t attr;   // never changes
    pthread_mutex_t lock;  // of all that follows
    pthread_cond_t gone;   // threads became 0
    struct worker *idle;
    unsigned busy, threads;
    bool closing;
    bool have_ended;
    pthread_t ended; // the last thread that ended, to be joined
};

struct start {
    struct pool *pool;
    struct job job;
};

struct pool *pool_new(const struct pool_conf *conf)
{
    struct pool *pool = mem_zalloc(sizeof *pool);
    pool->conf = *conf;
    pool->conf.name = mem_strndup(conf->name ? conf->name : "pool", 15);
    size_t stack = conf->stack_bytes ? conf->stack_bytes : POOL_STACK_DEFAULT;
    stack *= POOL_STACK_FACTOR;
    if (stack < (size_t)PTHREAD_STACK_MIN)
        stack = (size_t)PTHREAD_STACK_MIN;
    pthread_attr_init(&pool->attr);
    pthread_attr_setstacksize(&pool->attr, (stack + 4095) & ~(size_t)4095);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->gone, NULL);
    return pool;
}

static struct timespec pool_deadline(unsigned ms)
{
    struct timespec ts = {0};
    clock_gettime(CLOCK_MONOTONIC, &ts);
    ts.tv_sec += ms / 1000;
    ts.tv_nsec += (long)(ms % 1000) * 1000000;
    if (ts.tv_nsec >= 1000000000) {
        ts.tv_sec++;
        ts.tv_nsec -= 1000000000;
    }
    return ts;
}

static void pool_unlist(struct pool *pool, struct worker *w)
{
    for (struct worker **p = &pool->idle; *p; p = &(*p)->next) {
        if (*p == w) {
            *p = w->next;
            return;
        }
    }
}

// Called with the lock: waits for the next job; false when it is time to end.
static bool worker_wait(struct pool *pool, struct worker *w)
{
    w->job.fn = NULL;
    if (pool->closing)
        return false;
    w->next = pool->idle;
    pool->idle = w;
    struct timespec until = pool_deadline(pool->conf.idle_ms);
    while (!w->job.fn && !pool->closing) {
        if (pthread_cond_clockwait(&w->wake, &pool->lock, CLOCK_MONOTONIC, &until) == ETIMEDOUT)
            break;
    }
    if (w->job.fn)
        return true; // whoever gave it took us off the list
    pool_unlist(pool, w);
    return false;
}

static void *worker_main(void *arg)
{
    struct start *start = arg;
    struct pool *pool = start->pool;
    struct worker w = {.job = start->job};
    free(start);
    pthread_setname_np(pthread_self(), pool->conf.name);
    pthread_cond_init(&w.wake, NULL);
    pthread_mutex_lock(&pool->lock);
    do {
        pthread_mutex_unlock(&pool->lock);
        w.job.fn(w.job.arg);
        pthread_mutex_lock(&pool->lock);
        pool->busy--;
    } while (worker_wait(pool, &w));
    pthread_cond_destroy(&w.wake);

    pthread_t before = pool->ended;
    bool join = pool->have_ended;
    pool->ended = pthread_self();
    pool->have_ended = true;
    if (--pool->threads == 0)
        pthread_cond_signal(&pool->gone);
    pthread_mutex_unlock(&pool->lock);
    if (join)
        pthread_join(before, NULL);
    return NULL;
}

// Signals are the business of the thread that waits for them.
static int pool_start(struct pool *pool, struct start *start)
{
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    pthread_t thread;
    int failed = pthread_create(&thread, &pool->attr, worker_main, start);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return failed;
}

errc pool_run(struct pool *pool, void (*fn)(void *arg), void *arg, struct err *err)
{
    pthread_mutex_lock(&pool->lock);
    if (pool->busy >= pool->conf.max_threads) {
        pthread_mutex_unlock(&pool->lock);
        return err_set(err, ERR_TOO_MANY, "%u requests are being worked on already, as many as may be",
                       pool->conf.max_threads);
    }
    pool->busy++;
    struct worker *w = pool->idle;
    if (w) {
        pool->idle = w->next;
        w->job = (struct job){fn, arg};
        pthread_cond_signal(&w->wake);
        pthread_mutex_unlock(&pool->lock);
        return ERR_OK;
    }
    pool->threads++;
    pthread_mutex_unlock(&pool->lock);

    struct start *start = mem_zalloc(sizeof *start);
    *start = (struct start){pool, {fn, arg}};
    int failed = pool_start(pool, start);
    if (!failed)
        return ERR_OK;
    free(start);
    pthread_mutex_lock(&pool->lock);
    pool->busy--;
    if (--pool->threads == 0)
        pthread_cond_signal(&pool->gone);
    pthread_mutex_unlock(&pool->lock);
    err_set_errno(err, failed, "cannot start a thread");
    err->code = ERR_TOO_MANY;
    return ERR_TOO_MANY;
}

unsigned pool_busy(struct pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    unsigned busy = pool->busy;
    pthread_mutex_unlock(&pool->lock);
    return busy;
}

void pool_free(struct pool *pool)
{
    if (!pool)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->closing = true;
    for (struct worker *w = pool->idle; w; w = w->next)
        pthread_cond_signal(&w->wake);
    while (pool->threads)
        pthread_cond_wait(&pool->gone, &pool->lock);
    bool join = pool->have_ended;
    pthread_t ended = pool->ended;
    pthread_mutex_unlock(&pool->lock);
    if (join)
        pthread_join(ended, NULL);
    pthread_cond_destroy(&pool->gone);
    pthread_mutex_destroy(&pool->lock);
    pthread_attr_destroy(&pool->attr);
    mem_freep(&pool->conf.name);
    free(pool);
}
