#include "base/keylock.h"

#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"

#define WAIT_SLICE_MS 50

// One key that somebody holds or waits for.
struct lock {
    struct lock *next;
    unsigned users;      // the holder and the waiting
    bool held;
    uint64_t turns;      // how often it was given back
    uint64_t failed;     // the turn that ended with `err`, or 0
    struct err err;
    pthread_cond_t freed;
    char key[];
};

struct keylocks {
    pthread_mutex_t lock; // all that follows
    struct lock *first;
    pthread_condattr_t monotonic;
};

struct keylocks *keylocks_new(void)
{
    struct keylocks *k = mem_zalloc(sizeof(*k));
    pthread_mutex_init(&k->lock, NULL);
    pthread_condattr_init(&k->monotonic);
    pthread_condattr_setclock(&k->monotonic, CLOCK_MONOTONIC);
    return k;
}

void keylocks_free(struct keylocks *k)
{
    if (!k) {
        return;
    }
    pthread_condattr_destroy(&k->monotonic);
    pthread_mutex_destroy(&k->lock);
    free(k);
}

static struct lock **find(struct keylocks *k, const char *key)
{
    struct lock **at = &k->first;
    while (*at && strcmp((*at)->key, key) != 0) {
        at = &(*at)->next;
    }
    return at;
}

static struct lock *use(struct keylocks *k, const char *key)
{
    struct lock *l = *find(k, key);
    if (!l) {
        size_t size = strlen(key) + 1;
        l = mem_zalloc(sizeof(*l) + size);
        memcpy(l->key, key, size);
        pthread_cond_init(&l->freed, &k->monotonic);
        l->next = k->first;
        k->first = l;
    }
    l->users++;
    return l;
}

static void leave(struct keylocks *k, struct lock *l)
{
    if (--l->users > 0) {
        return;
    }
    *find(k, l->key) = l->next;
    pthread_cond_destroy(&l->freed);
    free(l);
}

static void wait_slice(struct keylocks *k, struct lock *l)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    ts.tv_nsec += WAIT_SLICE_MS * 1000000L;
    if (ts.tv_nsec >= 1000000000L) {
        ts.tv_nsec -= 1000000000L;
        ts.tv_sec++;
    }
    pthread_cond_timedwait(&l->freed, &k->lock, &ts);
}

errc keylock_take(struct keylocks *k, const char *key, struct cancel *cancel, bool *ret_waited, struct err *err)
{
    errc code = ERR_OK;
    pthread_mutex_lock(&k->lock);
    struct lock *l = use(k, key);
    uint64_t begin = l->turns;
    bool waited = l->held;
    while (l->held && !code) {
        wait_slice(k, l);
        if (l->failed > begin) {
            *err = l->err;
            code = err->code;
        } else if (l->held) {
            code = cancel_check(cancel, err);
        }
    }
    if (!code && l->failed > begin) { // failed, given back and free again before we woke
        *err = l->err;
        code = err->code;
    }
    if (code) {
        leave(k, l);
    } else {
        l->held = true;
        *ret_waited = waited;
    }
    pthread_mutex_unlock(&k->lock);
    return code;
}

void keylock_give(struct keylocks *k, const char *key, const struct err *result)
{
    pthread_mutex_lock(&k->lock);
    struct lock *l = *find(k, key);
    if (l) { // the caller holds it, so that it is there
        l->held = false;
        l->turns++;
        if (result && result->code) {
            l->err = *result;
            l->failed = l->turns;
        }
        pthread_cond_broadcast(&l->freed);
        leave(k, l);
    }
    pthread_mutex_unlock(&k->lock);
}
