// For the tests of s3/staging.h: an area in a temporary folder, and a producer that does what it is told.
#ifndef TESTS_STAGING_RIG_H
#define TESTS_STAGING_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdatomic.h>
#include <time.h>

#include "base/mem.h"
#include "base/pool.h"
#include "s3/staging.h"
#include "tempdir.h"

static struct pool *pool;

static inline struct staging *area(struct staging_conf conf)
{
    struct err err = ERR_INIT;
    struct staging *st = NULL;
    if (!pool)
        pool = pool_new(&(struct pool_conf){.max_threads = 64, .idle_ms = 100, .name = "test"});
    conf.tempdir = tempdir;
    conf.pool = pool;
    if (!conf.min_free_bytes)
        conf.min_free_bytes = 1;
    assert_int_equal(staging_new(&conf, &st, &err), ERR_OK);
    return st;
}

static inline int end_pool(void **state)
{
    pool_free(pool);
    return tempdir_remove(state);
}

// --- a producer that does what it is told --------------------------------------------------------

struct plan {
    uint64_t bytes; // of the pattern
    size_t piece;
    errc fail;         // after the bytes
    atomic_int *runs;  // counted up at the start
    atomic_bool *hold; // waits until it is false, after half of the bytes
    atomic_bool *freed;
    uint64_t expected; // what the area is told of it
};

static inline uint8_t pattern(uint64_t i)
{
    return (uint8_t)(i * 31 + (i >> 8) * 7 + (i >> 16));
}

static inline void nap(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

static inline errc produce(void *arg, struct staged *to, struct err *err)
{
    struct plan *p = arg;
    if (p->runs)
        atomic_fetch_add(p->runs, 1);
    auto_free uint8_t *piece = mem_zalloc(p->piece);
    bool held = false;
    for (uint64_t at = 0; at < p->bytes;) {
        size_t n = p->bytes - at < p->piece ? (size_t)(p->bytes - at) : p->piece;
        for (size_t i = 0; i < n; i++)
            piece[i] = pattern(at + i);
        errc e = staged_append(to, piece, n, err);
        if (e)
            return e;
        at += n;
        while (p->hold && !held && at >= p->bytes / 2 && atomic_load(p->hold)) {
            e = cancel_check(staged_cancel(to), err);
            if (e)
                return e;
            nap();
        }
        held = held || at >= p->bytes / 2;
    }
    return p->fail ? err_set(err, p->fail, "told to fail") : ERR_OK;
}

static inline void free_plan(void *arg)
{
    struct plan *p = arg;
    if (p->freed)
        atomic_store(p->freed, true);
    free(p);
}

static inline errc get(struct staging *st, const char *key, struct plan plan, struct staged **ret,
                struct err *err)
{
    struct plan *arg = mem_zalloc(sizeof *arg);
    *arg = plan;
    if (!arg->piece)
        arg->piece = 10000;
    struct staging_request rq = {
        .key = key, .produce = produce, .arg = arg, .free_arg = free_plan, .expected = plan.expected};
    return staging_get(st, &rq, ret, err);
}

static inline struct staged *must_get(struct staging *st, const char *key, struct plan plan)
{
    struct err err = ERR_INIT;
    struct staged *s = NULL;
    assert_int_equal(get(st, key, plan, &s, &err), ERR_OK);
    return s;
}

static inline errc wait_end(struct staged *s, uint64_t *ret_len, struct err *err)
{
    bool ended;
    return staged_wait(s, UINT64_MAX, NULL, ret_len, &ended, err);
}

static inline void check_pattern(struct staged *s, uint64_t off, size_t len)
{
    struct err err = ERR_INIT;
    auto_free uint8_t *to = mem_zalloc(len);
    size_t got = 0;
    assert_int_equal(staged_pread(s, off, to, len, &got, &err), ERR_OK);
    assert_int_equal(got, len);
    for (size_t i = 0; i < len; i++) {
        if (to[i] != pattern(off + i))
            fail_msg("byte %zu differs", (size_t)off + i);
    }
}

static inline void stage_whole(struct staging *st, const char *key, uint64_t bytes)
{
    struct err err = ERR_INIT;
    uint64_t len = 0;
    struct staged *s = must_get(st, key, (struct plan){.bytes = bytes});
    if (wait_end(s, &len, &err) != ERR_OK)
        fail_msg("%s: %s", key, err.cause);
    assert_int_equal(len, bytes);
    staged_unref(s);
}

static inline struct staging_stats stats_of(struct staging *st)
{
    struct staging_stats stats;
    staging_stats(st, &stats);
    return stats;
}

static inline bool is_cached(struct staging *st, const char *key, uint64_t bytes)
{
    uint64_t hits = stats_of(st).hits;
    stage_whole(st, key, bytes);
    return stats_of(st).hits > hits;
}

#endif
