// client/pickle_share.h
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>

#include "client/pickle_share.h"

#define SHARED (pickle_shared_bytes())
#define HALF (SHARED / 2)

static struct err err;

static void grows(struct pickle_share *s, size_t bytes)
{
    assert_int_equal(pickle_share_grow(s, bytes, NULL, &err), ERR_OK);
}

static void waits(struct pickle_share *s, size_t bytes)
{
    struct cancel gone = {.set = true};
    assert_int_equal(pickle_share_grow(s, bytes, &gone, &err), ERR_INTERRUPTED);
}

static void small_ones_wait_for_nobody(void **state)
{
    (void)state;
    struct pickle_share s[4] = {0};
    for (int i = 0; i < 4; i++) {
        grows(&s[i], HALF / 4);
        grows(&s[i], HALF / 2);
    }
    for (int i = 0; i < 4; i++) {
        assert_false(s[i].alone);
        pickle_share_end(&s[i]);
    }
}

static void one_goes_on(void **state)
{
    (void)state;
    struct pickle_share a = {0}, b = {0}, c = {0};
    grows(&a, HALF);
    grows(&b, HALF + 1); // above what they have together
    assert_true(b.alone);
    waits(&a, HALF + 1);
    grows(&c, PICKLE_SMALL); // small ones wait for nobody
    waits(&c, PICKLE_SMALL + 1);
    pickle_share_end(&c);
    grows(&b, 100 * SHARED);
    pickle_share_end(&b);
    grows(&a, HALF + 1);
    assert_false(a.alone);
    grows(&c, 1);
    pickle_share_end(&a);
    pickle_share_end(&c);
}

static void room_is_waited_for_too(void **state)
{
    (void)state;
    struct pickle_share a = {0}, b = {0}, c = {0};
    grows(&a, HALF);
    grows(&b, HALF);
    grows(&c, 10 * SHARED);
    pickle_share_end(&a);
    waits(&b, HALF + 10); // the one that goes on takes all
    pickle_share_end(&c);
    grows(&b, HALF + 10);
    assert_false(b.alone);
    pickle_share_end(&b);
}

static atomic_bool done;
static void *grow_later(void *arg)
{
    struct err own = ERR_INIT;
    errc e = pickle_share_grow(arg, 2 * SHARED, NULL, &own);
    atomic_store(&done, true);
    return e ? arg : NULL;
}

static void who_waits_goes_on(void **state)
{
    (void)state;
    struct pickle_share a = {0}, b = {0};
    pthread_t thread;
    void *failed;
    grows(&a, 2 * SHARED);
    assert_int_equal(pthread_create(&thread, NULL, grow_later, &b), 0);
    assert_int_equal(cancel_sleep(NULL, 60, &err), ERR_OK);
    assert_false(atomic_load(&done));
    pickle_share_end(&a);
    pthread_join(thread, &failed);
    assert_null(failed);
    assert_true(b.alone);
    pickle_share_end(&b);
}

struct turn {
    struct pickle_share share;
    atomic_int *order;
    int came;
};

static void *take_a_turn(void *arg)
{
    struct turn *t = arg;
    struct err own = ERR_INIT;
    if (pickle_share_grow(&t->share, 2 * SHARED, NULL, &own)) {
        return arg;
    }
    t->came = atomic_fetch_add(t->order, 1);
    pickle_share_end(&t->share);
    return NULL;
}

static void they_go_on_in_their_order(void **state)
{
    (void)state;
    struct pickle_share first = {0};
    atomic_int order = 0;
    struct turn turns[4] = {0};
    pthread_t threads[4];
    grows(&first, 2 * SHARED);
    for (int i = 0; i < 4; i++) {
        turns[i].order = &order;
        assert_int_equal(pthread_create(&threads[i], NULL, take_a_turn, &turns[i]), 0);
        while (pickle_share_waiting() != (unsigned)i + 1) {
            assert_int_equal(cancel_sleep(NULL, 1, &err), ERR_OK);
        }
    }
    pickle_share_end(&first);
    for (int i = 0; i < 4; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
        assert_int_equal(turns[i].came, i);
    }
    assert_int_equal(pickle_share_waiting(), 0);
}

static void the_largest_has_a_bound(void **state)
{
    (void)state;
    assert_true(pickle_shared_bytes() > PICKLE_SMALL);
    assert_true(pickle_memory_max(1) >= (size_t)1 << 20);
    assert_true(pickle_memory_max(1) <= (size_t)1 << 30);
    assert_true(pickle_memory_max(100 << 20) >= pickle_memory_max(1));
    assert_true(pickle_memory_max(100 << 20) <= (size_t)3200 << 20);
    assert_true(pickle_memory_max(SIZE_MAX) <= (size_t)16 << 30);
    assert_true(pickle_memory_max(SIZE_MAX) >= pickle_memory_max(1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_ones_wait_for_nobody), cmocka_unit_test(one_goes_on),
        cmocka_unit_test(room_is_waited_for_too),     cmocka_unit_test(who_waits_goes_on),
        cmocka_unit_test(they_go_on_in_their_order),  cmocka_unit_test(the_largest_has_a_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
