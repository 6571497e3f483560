#include "fs/stack_keeper.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"

#define TICK_S 60

struct keeper {
    struct cache *cache;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool ending; // lock
};

static void *keep(void *arg)
{
    struct keeper *k = arg;
    pthread_setname_np(pthread_self(), "mf-keep");
    pthread_mutex_lock(&k->lock);
    while (!k->ending) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += TICK_S;
        pthread_cond_clockwait(&k->wake, &k->lock, CLOCK_MONOTONIC, &until);
        if (!k->ending) {
            pthread_mutex_unlock(&k->lock);
            cache_tick(k->cache);
            pthread_mutex_lock(&k->lock);
        }
    }
    pthread_mutex_unlock(&k->lock);
    return NULL;
}

struct keeper *keeper_new(struct cache *cache)
{
    struct keeper *k = mem_zalloc(sizeof(*k));
    sigset_t all, before;
    k->cache = cache;
    pthread_mutex_init(&k->lock, NULL);
    pthread_cond_init(&k->wake, NULL);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool failed = pthread_create(&k->thread, NULL, keep, k) != 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed) {
        cache_close(cache);
        pthread_mutex_destroy(&k->lock);
        pthread_cond_destroy(&k->wake);
        free(k);
        return NULL;
    }
    return k;
}

void keeper_free(struct keeper *k)
{
    if (k == NULL) {
        return;
    }
    pthread_mutex_lock(&k->lock);
    k->ending = true;
    pthread_cond_signal(&k->wake);
    pthread_mutex_unlock(&k->lock);
    pthread_join(k->thread, NULL);
    cache_close(k->cache);
    pthread_mutex_destroy(&k->lock);
    pthread_cond_destroy(&k->wake);
    free(k);
}
