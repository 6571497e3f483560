// base/pool.h: as many threads as there is waiting work, and none left.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/pool.h"

#define MANY 1000

struct gate {
    pthread_mutex_t lock;
    pthread_cond_t open;
    bool is_open;
    atomic_uint inside, done;
};

static struct gate gate_new(void)
{
    struct gate g = {.lock = PTHREAD_MUTEX_INITIALIZER, .open = PTHREAD_COND_INITIALIZER};
    return g;
}

static void gate_job(void *arg)
{
    struct gate *g = arg;
    atomic_fetch_add(&g->inside, 1);
    pthread_mutex_lock(&g->lock);
    while (!g->is_open)
        pthread_cond_wait(&g->open, &g->lock);
    pthread_mutex_unlock(&g->lock);
    atomic_fetch_add(&g->done, 1);
}

static void gate_open(struct gate *g)
{
    pthread_mutex_lock(&g->lock);
    g->is_open = true;
    pthread_cond_broadcast(&g->open);
    pthread_mutex_unlock(&g->lock);
}

static unsigned threads_of_process(void)
{
    unsigned n = 0;
    DIR *dir = opendir("/proc/self/task");
    assert_non_null(dir);
    for (struct dirent *e; (e = readdir(dir));)
        n += e->d_name[0] != '.';
    closedir(dir);
    return n;
}

// Waits at most ten seconds for what another thread does.
#define wait_until(condition)                                              \
    do {                                                                   \
        int64_t end_ = clock_mono_ms() + 10000;                            \
        while (!(condition) && clock_mono_ms() < end_)                     \
            usleep(1000);                                                  \
        assert_true(condition);                                            \
    } while (0)

static void thousand_jobs_block_at_once(void **state)
{
    (void)state;
    struct pool *pool = pool_new(&(struct pool_conf){.max_threads = MANY, .idle_ms = 50, .name = "many"});
    struct gate gate = gate_new();
    struct err err = ERR_INIT;
    for (int i = 0; i < MANY; i++)
        assert_int_equal(pool_run(pool, gate_job, &gate, &err), ERR_OK);
    wait_until(atomic_load(&gate.inside) == MANY);
    assert_int_equal(pool_busy(pool), MANY);
    assert_int_equal(pool_run(pool, gate_job, &gate, &err), ERR_TOO_MANY);
    assert_int_equal(err.code, ERR_TOO_MANY);
    gate_open(&gate);
    wait_until(pool_busy(pool) == 0);
    pool_free(pool);
    assert_int_equal(atomic_load(&gate.done), MANY);
}

static void count_job(void *arg)
{
    atomic_fetch_add((atomic_uint *)arg, 1);
}

static void idle_threads_are_reused_and_end(void **state)
{
    (void)state;
    unsigned before = threads_of_process();
    struct pool *pool = pool_new(&(struct pool_conf){.max_threads = 8, .idle_ms = 300, .name = "idle"});
    struct err err = ERR_INIT;
    atomic_uint count = 0;
    for (unsigned i = 1; i <= 200; i++) {
        assert_int_equal(pool_run(pool, count_job, &count, &err), ERR_OK);
        wait_until(pool_busy(pool) == 0);
        assert_int_equal(atomic_load(&count), i);
        assert_true(threads_of_process() <= before + 1);
    }
    wait_until(threads_of_process() == before);
    assert_int_equal(pool_run(pool, count_job, &count, &err), ERR_OK);
    pool_free(pool);
    assert_int_equal(threads_of_process(), before);
    assert_int_equal(atomic_load(&count), 201);
}

struct chain {
    struct pool *pool;
    atomic_int left;
};

static void chain_job(void *arg)
{
    struct chain *c = arg;
    struct err err = ERR_INIT;
    if (atomic_fetch_sub(&c->left, 1) > 1 && pool_run(c->pool, chain_job, c, &err) != ERR_OK)
        atomic_store(&c->left, -1000);
}

static void free_waits_for_jobs_that_start_jobs(void **state)
{
    (void)state;
    struct chain c = {.pool = pool_new(&(struct pool_conf){.max_threads = 501, .idle_ms = 10, .name = "chain"})};
    atomic_store(&c.left, 500);
    struct err err = ERR_INIT;
    assert_int_equal(pool_run(c.pool, chain_job, &c, &err), ERR_OK);
    pool_free(c.pool);
    assert_int_equal(atomic_load(&c.left), 0);
}

struct feeder {
    struct pool *pool;
    atomic_uint *count;
    unsigned refused;
};

static void *feed(void *arg)
{
    struct feeder *f = arg;
    struct err err = ERR_INIT;
    for (int i = 0; i < 2000; i++) {
        if (pool_run(f->pool, count_job, f->count, &err) != ERR_OK)
            f->refused++;
    }
    return NULL;
}

static void many_threads_feed_it(void **state)
{
    (void)state;
    // No idle time at all: threads end while others look for idle ones.
    struct pool *pool = pool_new(&(struct pool_conf){.max_threads = 6, .idle_ms = 0, .name = "feed"});
    atomic_uint count = 0;
    struct feeder feeders[4];
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++) {
        feeders[i] = (struct feeder){.pool = pool, .count = &count};
        assert_int_equal(pthread_create(&threads[i], NULL, feed, &feeders[i]), 0);
    }
    unsigned refused = 0;
    for (size_t i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        refused += feeders[i].refused;
    }
    pool_free(pool);
    assert_int_equal(atomic_load(&count) + refused, 8000);
}

static void deep_json_job(void *arg)
{
    char text[513];
    memset(text, '[', 256);
    memset(text + 256, ']', 256);
    struct json *json;
    struct err err = ERR_INIT;
    struct buf out = {0};
    if (json_parse(text, 512, "deep", &json, &err) == ERR_OK) {
        json_dump(json, &out);
        json_free(json);
    }
    *(bool *)arg = out.len == 512;
    buf_free(&out);
}

static void deepest_json_fits_the_stack(void **state)
{
    (void)state;
    bool ok = false;
    struct pool *pool = pool_new(&(struct pool_conf){.max_threads = 1, .idle_ms = 0, .name = "deep"});
    struct err err = ERR_INIT;
    assert_int_equal(pool_run(pool, deep_json_job, &ok, &err), ERR_OK);
    pool_free(pool);
    assert_true(ok);
}

static void unused_pool(void **state)
{
    (void)state;
    pool_free(pool_new(&(struct pool_conf){.max_threads = 1}));
    pool_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(thousand_jobs_block_at_once),
        cmocka_unit_test(idle_threads_are_reused_and_end),
        cmocka_unit_test(free_waits_for_jobs_that_start_jobs),
        cmocka_unit_test(many_threads_feed_it),
        cmocka_unit_test(deepest_json_fits_the_stack),
        cmocka_unit_test(unused_pool),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
