// base/parallel.h: every turn once, several at a time, and all of them over at the end.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>

#include "base/parallel.h"

#define MANY 1000

struct count {
    atomic_uint turns[MANY], inside, most;
};

static void count_turn(void *arg, size_t i)
{
    struct count *c = arg;
    unsigned inside = atomic_fetch_add(&c->inside, 1) + 1, most = atomic_load(&c->most);
    while (inside > most && !atomic_compare_exchange_weak(&c->most, &most, inside))
        continue;
    atomic_fetch_add(&c->turns[i], 1);
    atomic_fetch_sub(&c->inside, 1);
}

static void test_every_turn_once(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 2, 7, 8, 9, MANY};
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        for (unsigned threads = 0; threads < 12; threads += 3) {
            struct count c = {0};
            parallel_each(sizes[k], threads, "each", count_turn, &c);
            for (size_t i = 0; i < MANY; i++)
                assert_int_equal(atomic_load(&c.turns[i]), i < sizes[k]);
            assert_true(atomic_load(&c.most) <= (threads > 1 ? threads : 1));
        }
    }
}

// Each turn waits for all others: only as many threads as turns end it.
static void meet(void *arg, size_t i)
{
    (void)i;
    pthread_barrier_wait(arg);
}

static void test_turns_at_the_same_time(void **state)
{
    (void)state;
    pthread_barrier_t all;
    pthread_barrier_init(&all, NULL, 5);
    parallel_each(5, 5, "each", meet, &all);
    parallel_each(5, 100, "each", meet, &all);
    pthread_barrier_destroy(&all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_turn_once),
        cmocka_unit_test(test_turns_at_the_same_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
