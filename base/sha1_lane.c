#include "base/sha1_lane.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/mem.h"

#define STACK_BYTES ((size_t)128 * 1024)

struct piece {
    const void *data;
    size_t len;
};

struct sha1_lane {
    struct sha1 *sha1; // the thread's, until it ends
    pthread_t thread;
    pthread_mutex_t lock; // what follows
    pthread_cond_t changed;
    struct piece pieces[SHA1_LANE_DEPTH]; // a ring; the first is being digested
    unsigned first, n;
    bool ending;
};

static void *run(void *arg)
{
    struct sha1_lane *lane = arg;
    pthread_setname_np(pthread_self(), "mf-sha1");
    pthread_mutex_lock(&lane->lock);
    for (;;) {
        while (lane->n == 0 && !lane->ending) {
            pthread_cond_wait(&lane->changed, &lane->lock);
        }
        if (lane->n == 0) {
            break;
        }
        struct piece piece = lane->pieces[lane->first];
        pthread_mutex_unlock(&lane->lock);
        sha1_add(lane->sha1, piece.data, piece.len);
        pthread_mutex_lock(&lane->lock);
        lane->first = (lane->first + 1) % SHA1_LANE_DEPTH;
        lane->n--;
        pthread_cond_signal(&lane->changed);
    }
    pthread_mutex_unlock(&lane->lock);
    return NULL;
}

struct sha1_lane *sha1_lane_new(struct sha1 *sha1)
{
    struct sha1_lane *lane = mem_zalloc(sizeof(*lane));
    lane->sha1 = sha1;
    pthread_mutex_init(&lane->lock, NULL);
    pthread_cond_init(&lane->changed, NULL);
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_BYTES);
    int failed = pthread_create(&lane->thread, &attr, run, lane);
    pthread_attr_destroy(&attr);
    if (failed) {
        pthread_cond_destroy(&lane->changed);
        pthread_mutex_destroy(&lane->lock);
        free(lane);
        return NULL;
    }
    return lane;
}

void sha1_lane_add(struct sha1_lane *lane, const void *data, size_t len)
{
    pthread_mutex_lock(&lane->lock);
    while (lane->n == SHA1_LANE_DEPTH) {
        pthread_cond_wait(&lane->changed, &lane->lock);
    }
    lane->pieces[(lane->first + lane->n) % SHA1_LANE_DEPTH] = (struct piece){data, len};
    lane->n++;
    pthread_cond_signal(&lane->changed);
    pthread_mutex_unlock(&lane->lock);
}

void sha1_lane_end(struct sha1_lane *lane)
{
    if (!lane) {
        return;
    }
    pthread_mutex_lock(&lane->lock);
    lane->ending = true;
    pthread_cond_signal(&lane->changed);
    pthread_mutex_unlock(&lane->lock);
    pthread_join(lane->thread, NULL);
    pthread_cond_destroy(&lane->changed);
    pthread_mutex_destroy(&lane->lock);
    free(lane);
}
