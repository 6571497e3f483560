#include "client/pickle_share.h"

#include <pthread.h>

#include "base/memory_limit.h"

#define WAIT_MS 20
#define LEAST_SHARED ((uint64_t)256 << 20)
#define MOST_MAX ((uint64_t)16 << 30)
#define ALWAYS ((size_t)1 << 30)
#define TIMES 32 // real ones take some 3 to 15 times their length

struct waiter {
    struct waiter *next;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static size_t taken;           // lock
static bool alone_exists;      // lock
static struct waiter *waiting; // lock; the first is the next to go on

static pthread_once_t once = PTHREAD_ONCE_INIT;
static uint64_t memory;
static void find_memory(void)
{
    memory = memory_limit("");
}

static size_t part_of_memory(uint64_t part, uint64_t least, uint64_t most)
{
    pthread_once(&once, find_memory);
    uint64_t bytes = memory / part;
    bytes = bytes > most ? most : bytes < least ? least : bytes;
    return bytes < SIZE_MAX / 2 ? (size_t)bytes : SIZE_MAX / 2;
}

size_t pickle_shared_bytes(void)
{
    size_t eighth = part_of_memory(8, LEAST_SHARED, MOST_MAX), half = part_of_memory(2, 0, MOST_MAX);
    return eighth < half ? eighth : half;
}

size_t pickle_memory_max(size_t len)
{
    size_t half = part_of_memory(2, 0, MOST_MAX);
    size_t fair = len < ALWAYS / TIMES ? ALWAYS : len < SIZE_MAX / TIMES ? len * TIMES : SIZE_MAX;
    return fair < half ? fair : half;
}

// With the lock: takes so much if it may now. `w` waits already, or is NULL.
static bool take(struct pickle_share *s, size_t bytes, const struct waiter *w, size_t shared)
{
    size_t others = taken - s->bytes;
    bool is_next = waiting == w, fits = bytes <= shared && others <= shared - bytes;
    if (!s->alone && bytes > PICKLE_SMALL && !(is_next && fits)) {
        if (alone_exists || !is_next) {
            return false;
        }
        s->alone = alone_exists = true;
    }
    taken = others + bytes;
    s->bytes = bytes;
    return true;
}

// With the lock.
static void queue(struct waiter *w)
{
    struct waiter **at = &waiting;
    while (*at) {
        at = &(*at)->next;
    }
    *at = w;
}

static void unqueue(const struct waiter *w)
{
    struct waiter **at = &waiting;
    while (*at != w) {
        at = &(*at)->next;
    }
    *at = w->next;
}

unsigned pickle_share_waiting(void)
{
    unsigned n = 0;
    pthread_mutex_lock(&lock);
    for (const struct waiter *w = waiting; w; w = w->next) {
        n++;
    }
    pthread_mutex_unlock(&lock);
    return n;
}

static errc wait_for_it(struct pickle_share *s, size_t bytes, size_t shared, struct cancel *cancel, struct err *err)
{
    struct waiter w = {0};
    errc e = ERR_OK;
    bool took = false;
    pthread_mutex_lock(&lock);
    queue(&w);
    while (!took && e == ERR_OK) {
        pthread_mutex_unlock(&lock);
        e = cancel_sleep(cancel, WAIT_MS, err);
        pthread_mutex_lock(&lock);
        took = e == ERR_OK && take(s, bytes, &w, shared);
    }
    unqueue(&w);
    pthread_mutex_unlock(&lock);
    return e ? err_prefix(err, "other large values take %zu bytes of memory, which was waited for", shared) : ERR_OK;
}

errc pickle_share_grow(struct pickle_share *s, size_t bytes, struct cancel *cancel, struct err *err)
{
    size_t shared = pickle_shared_bytes();
    pthread_mutex_lock(&lock);
    bool took = take(s, bytes, NULL, shared);
    pthread_mutex_unlock(&lock);
    return took ? ERR_OK : wait_for_it(s, bytes, shared, cancel, err);
}

void pickle_share_end(struct pickle_share *s)
{
    pthread_mutex_lock(&lock);
    taken -= s->bytes;
    alone_exists = alone_exists && !s->alone;
    pthread_mutex_unlock(&lock);
    *s = (struct pickle_share){0};
}
