// Threads for work that may wait: as many as there is waiting work, up to a cap, and gone when idle.
// A blocked disk or server therefore occupies only the threads of those who wait for it.
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include <stddef.h>

#include "base/err.h"

struct pool;

struct pool_conf {
    unsigned max_threads;   // at most this many jobs at once
    unsigned idle_ms;       // a thread without work ends after this long
    size_t stack_bytes;     // of each thread; 0 means 256 KiB
    const char *name;       // thread name, at most 15 bytes
};

struct pool *pool_new(const struct pool_conf *conf);
// Runs fn(arg) on a thread of the pool, soon. ERR_TOO_MANY at the cap: fn is then never run.
// Callable from any thread, also from a job.
errc pool_run(struct pool *pool, void (*fn)(void *arg), void *arg, struct err *err) ERR_MUST_CHECK;
// Jobs that run or are about to.
unsigned pool_busy(struct pool *pool);
// Waits until every job has returned and every thread ended, then frees the pool.
void pool_free(struct pool *pool);

#endif
