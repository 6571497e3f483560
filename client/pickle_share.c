#include "client/pickle_share.h"

#include <pthread.h>

#include "base/memory_limit.h"

#define WAIT_MS 20
#define LEAST_MAX ((uint64_t)256 << 20)
#define MOST_MAX ((uint64_t)16 << 30)
#define ALWAYS ((size_t)1 << 30)
#define TIMES 32 // real ones take some 3 to 15 times their length

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static size_t taken;      // lock
static bool alone_exists; // lock

// With the lock: whether it may take so much now.
static bool may_take(struct pickle_share *s, size_t bytes)
{
    size_t others = taken - s->bytes;
    if (!s->alone && (bytes > PICKLE_SHARED_BYTES || others > PICKLE_SHARED_BYTES - bytes)) {
        if (alone_exists) {
            return false;
        }
        s->alone = alone_exists = true;
    }
    taken = others + bytes;
    s->bytes = bytes;
    return true;
}

errc pickle_share_grow(struct pickle_share *s, size_t bytes, struct cancel *cancel, struct err *err)
{
    for (;;) {
        pthread_mutex_lock(&lock);
        bool took = may_take(s, bytes);
        pthread_mutex_unlock(&lock);
        if (took) {
            return ERR_OK;
        }
        errc e = cancel_sleep(cancel, WAIT_MS, err);
        if (e) {
            return e;
        }
    }
}

void pickle_share_end(struct pickle_share *s)
{
    pthread_mutex_lock(&lock);
    taken -= s->bytes;
    alone_exists = alone_exists && !s->alone;
    pthread_mutex_unlock(&lock);
    *s = (struct pickle_share){0};
}

static size_t half_of_memory;
static void find_memory(void)
{
    uint64_t half = memory_limit("") / 2;
    half = half < LEAST_MAX ? LEAST_MAX : half > MOST_MAX ? MOST_MAX : half;
    half_of_memory = half < SIZE_MAX / 2 ? (size_t)half : SIZE_MAX / 2;
}

size_t pickle_memory_max(size_t len)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, find_memory);
    size_t fair = len < ALWAYS / TIMES ? ALWAYS : len < SIZE_MAX / TIMES ? len * TIMES : SIZE_MAX;
    return fair < half_of_memory ? fair : half_of_memory;
}
