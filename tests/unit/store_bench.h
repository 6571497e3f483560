// A local store, a staging area and their threads for one test program: setup and teardown of a group.
#ifndef TESTS_UNIT_STORE_BENCH_H
#define TESTS_UNIT_STORE_BENCH_H

#include "base/mem.h"
#include "client/store.h"
#include "s3/staging.h"
#include "tempdir.h"

static struct pool *pool;
static struct staging *staging;
static struct store *store;

// The store is the directory `below` of the temporary directory ("" for itself), with a flow F in it.
static inline int store_bench_setup(void **state, const char *below, unsigned progress_ms)
{
    struct err err = ERR_INIT;
    if (tempdir_make(state))
        return -1;
    pool = pool_new(&(struct pool_conf){.max_threads = 16, .idle_ms = 100, .name = "test"});
    struct staging_conf conf = {
        .tempdir = tempdir, .min_free_bytes = 1, .pool = pool, .progress_ms = progress_ms};
    auto_free char *file = mem_printf("%s%sF/x", below, *below ? "/" : "");
    tempdir_put(file, "", 0);
    auto_free char *root = mem_printf("%s/%s", tempdir, below);
    return staging_new(&conf, &staging, &err) || store_local_new(root, &store, &err) ? -1 : 0;
}

static inline int teardown(void **state)
{
    staging_free(staging);
    store->ops->free(store);
    pool_free(pool);
    return tempdir_remove(state);
}

#endif
