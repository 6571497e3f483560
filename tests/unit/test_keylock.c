// base/keylock.h: one at a time for a key, and one answer for all who wait.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "base/keylock.h"

#define THREADS 20

struct bench {
    struct keylocks *locks;
    const char *key;
    struct cancel cancel;
    atomic_int inside, most, entered, waited, failed;
};

static void pause_ms(long ms)
{
    nanosleep(&(struct timespec){.tv_nsec = ms * 1000000}, NULL);
}

static void *work(void *arg)
{
    struct bench *b = arg;
    struct err err = ERR_INIT;
    bool waited;
    for (int i = 0; i < 20; i++) {
        if (keylock_take(b->locks, b->key, &b->cancel, &waited, &err)) {
            atomic_fetch_add(&b->failed, 1);
            continue;
        }
        int now = atomic_fetch_add(&b->inside, 1) + 1;
        if (now > atomic_load(&b->most)) {
            atomic_store(&b->most, now);
        }
        atomic_fetch_add(&b->waited, waited);
        atomic_fetch_add(&b->entered, 1);
        atomic_fetch_sub(&b->inside, 1);
        keylock_give(b->locks, b->key, NULL);
    }
    return NULL;
}

static void one_holder_at_a_time(void **state)
{
    (void)state;
    struct bench b = {.locks = keylocks_new(), .key = "a"}, other = {.locks = b.locks, .key = "b"};
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, work, i % 2 ? &b : &other), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(atomic_load(&b.most), 1);
    assert_int_equal(atomic_load(&other.most), 1);
    assert_int_equal(atomic_load(&b.entered), 20 * THREADS / 2);
    assert_int_equal(atomic_load(&b.failed), 0);
    keylocks_free(b.locks);
}

static void *wait_once(void *arg)
{
    struct bench *b = arg;
    struct err err = ERR_INIT;
    bool waited;
    errc e = keylock_take(b->locks, b->key, &b->cancel, &waited, &err);
    if (e) {
        atomic_fetch_add(&b->failed, e == ERR_TIMEOUT ? 1 : 1000);
    } else {
        atomic_fetch_add(&b->entered, 1);
        atomic_fetch_add(&b->waited, waited);
        keylock_give(b->locks, b->key, NULL);
    }
    return NULL;
}

static void give_while_others_wait(struct bench *b, const struct err *result)
{
    pthread_t threads[THREADS];
    struct err err = ERR_INIT;
    bool waited;
    assert_int_equal(keylock_take(b->locks, b->key, NULL, &waited, &err), ERR_OK);
    assert_false(waited);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, wait_once, b), 0);
    }
    pause_ms(150);
    keylock_give(b->locks, b->key, result);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
}

static void a_failure_is_told_to_all_who_wait(void **state)
{
    (void)state;
    struct bench b = {.locks = keylocks_new(), .key = "k"};
    struct err failed = {ERR_TIMEOUT, "no answer"};
    give_while_others_wait(&b, &failed);
    assert_int_equal(atomic_load(&b.failed), THREADS);
    struct err err = ERR_INIT;
    bool waited;
    assert_int_equal(keylock_take(b.locks, "k", NULL, &waited, &err), ERR_OK); // and not to who comes later
    assert_false(waited);
    keylock_give(b.locks, "k", NULL);
    keylocks_free(b.locks);
}

static void a_holder_that_left_is_followed_by_another(void **state)
{
    (void)state;
    struct bench b = {.locks = keylocks_new(), .key = "k"};
    give_while_others_wait(&b, NULL);
    assert_int_equal(atomic_load(&b.entered), THREADS);
    assert_int_equal(atomic_load(&b.waited), THREADS);
    keylocks_free(b.locks);
}

static void who_waits_can_leave(void **state)
{
    (void)state;
    struct keylocks *locks = keylocks_new();
    struct cancel cancel = {.deadline_ms = clock_mono_ms() + 100};
    struct err err = ERR_INIT;
    bool waited;
    assert_int_equal(keylock_take(locks, "k", NULL, &waited, &err), ERR_OK);
    int64_t before = clock_mono_ms();
    assert_int_equal(keylock_take(locks, "k", &cancel, &waited, &err), ERR_TIMEOUT);
    assert_in_range(clock_mono_ms() - before, 90, 2000);
    cancel = (struct cancel){.set = true};
    assert_int_equal(keylock_take(locks, "k", &cancel, &waited, &err), ERR_INTERRUPTED);
    keylock_give(locks, "k", NULL);
    keylocks_free(locks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_holder_at_a_time),
        cmocka_unit_test(a_failure_is_told_to_all_who_wait),
        cmocka_unit_test(a_holder_that_left_is_followed_by_another),
        cmocka_unit_test(who_waits_can_leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
