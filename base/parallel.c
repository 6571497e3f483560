#include "base/parallel.h"

#include <stdatomic.h>

#include "base/pool.h"

struct loop {
    void (*fn)(void *arg, size_t i);
    void *arg;
    size_t n;
    atomic_size_t next;
};

static void run(void *arg)
{
    struct loop *l = arg;
    for (size_t i; (i = atomic_fetch_add(&l->next, 1)) < l->n;)
        l->fn(l->arg, i);
}

void parallel_each(size_t n, unsigned threads, const char *name, void (*fn)(void *arg, size_t i), void *arg)
{
    struct loop loop = {.fn = fn, .arg = arg, .n = n};
    struct pool_conf conf = {.max_threads = threads, .name = name};
    struct pool *pool = threads > 1 && n > 1 ? pool_new(&conf) : NULL;
    struct err full = ERR_INIT;
    for (size_t i = 1; pool && i < n && i < threads && !pool_run(pool, run, &loop, &full); i++)
        continue;
    run(&loop);
    if (pool)
        pool_free(pool);
}
