#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "client/recent.h"

static atomic_long fake_now;
static atomic_int alive; // values that were made and not destroyed

static int64_t fake_mono(void)
{
    return atomic_load(&fake_now);
}

struct number {
    struct snap snap;
    int value;
};

static void number_destroy(struct snap *s)
{
    atomic_fetch_sub(&alive, 1);
    free(s);
}

static struct snap *number_new(int value, size_t bytes)
{
    struct number *n = mem_zalloc(sizeof(*n));
    snap_init(&n->snap, bytes, number_destroy);
    n->value = value;
    atomic_fetch_add(&alive, 1);
    return &n->snap;
}

struct loader {
    atomic_int loads;
    int64_t ttl_ms;
    errc fail;
    atomic_bool hold;      // the load goes on only when this is false
    size_t bytes;
};

static errc load_number(void *arg, struct cancel *cancel, struct snap **ret, int64_t *ret_ttl_ms,
                        struct err *err)
{
    struct loader *l = arg;
    int n = atomic_fetch_add(&l->loads, 1) + 1;
    while (atomic_load(&l->hold)) {
        errc code = cancel_check(cancel, err);
        if (code) {
            return code;
        }
        usleep(1000);
    }
    if (l->fail) {
        return err_set(err, l->fail, "load %d failed", n);
    }
    *ret = number_new(n, l->bytes);
    *ret_ttl_ms = l->ttl_ms;
    return ERR_OK;
}

// The value under a path, which is the number of its load; 0 after a failure.
static int get(struct recent *m, const char *path, struct loader *l, struct cancel *cancel)
{
    struct recent_key key = {1, path, -1};
    struct snap *s;
    struct err err = ERR_INIT;
    if (recent_get(m, &key, load_number, l, cancel, &s, &err)) {
        return 0;
    }
    int value = ((struct number *)s)->value;
    snap_unref(s);
    return value;
}

static int setup(void **state)
{
    (void)state;
    atomic_store(&fake_now, 1000);
    clock_set_fake(NULL, fake_mono);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    clock_set_fake(NULL, NULL);
    assert_int_equal(atomic_load(&alive), 0);
    return 0;
}

static void a_value_holds_for_its_time(void **state)
{
    (void)state;
    struct recent *m = recent_new(&(struct recent_conf){0});
    struct loader l = {.ttl_ms = 100};
    assert_int_equal(get(m, "F/1", &l, NULL), 1);
    atomic_store(&fake_now, 1099);
    assert_int_equal(get(m, "F/1", &l, NULL), 1);
    atomic_store(&fake_now, 1100);
    assert_int_equal(get(m, "F/1", &l, NULL), 2);
    l.ttl_ms = RECENT_FOR_EVER;
    assert_int_equal(get(m, "F/2", &l, NULL), 3);
    atomic_store(&fake_now, INT64_MAX / 2);
    assert_int_equal(get(m, "F/2", &l, NULL), 3);
    l.ttl_ms = 0;
    assert_int_equal(get(m, "F/3", &l, NULL), 4);
    assert_int_equal(get(m, "F/3", &l, NULL), 5);
    recent_free(m);
}

static void kinds_and_attempts_are_kept_apart(void **state)
{
    (void)state;
    struct recent *m = recent_new(&(struct recent_conf){0});
    struct recent_key a = {1, "F", 0}, b = {2, "F", 0}, c = {1, "F", 1};
    recent_put(m, &a, number_new(7, 0), 10);
    assert_null(recent_peek(m, &b));
    assert_null(recent_peek(m, &c));
    struct snap *s = recent_peek(m, &a);
    assert_int_equal(((struct number *)s)->value, 7);
    recent_free(m); // what is held outlives it
    assert_int_equal(((struct number *)s)->value, 7);
    snap_unref(s);
}

static void the_least_recently_used_goes_first(void **state)
{
    (void)state;
    struct recent *m = recent_new(&(struct recent_conf){.max_items = 2});
    struct loader l = {.ttl_ms = RECENT_FOR_EVER};
    assert_int_equal(get(m, "a", &l, NULL), 1);
    assert_int_equal(get(m, "b", &l, NULL), 2);
    assert_int_equal(get(m, "a", &l, NULL), 1);
    assert_int_equal(get(m, "c", &l, NULL), 3); // b goes
    assert_int_equal(get(m, "a", &l, NULL), 1);
    assert_int_equal(get(m, "b", &l, NULL), 4);
    struct recent_stats stats;
    recent_stats(m, &stats);
    assert_int_equal(stats.items, 2);
    assert_int_equal(stats.evicted, 2);
    recent_free(m);
}

static void memory_is_bounded(void **state)
{
    (void)state;
    struct recent *m = recent_new(&(struct recent_conf){.max_bytes = 100000});
    struct loader l = {.ttl_ms = RECENT_FOR_EVER, .bytes = 10000};
    for (int i = 0; i < 100; i++) {
        char path[20];
        snprintf(path, sizeof(path), "F/%d", i);
        get(m, path, &l, NULL);
    }
    struct recent_stats stats;
    recent_stats(m, &stats);
    assert_in_range(stats.bytes, 80000, 100000);
    l.bytes = 1000000; // one that is larger than all still serves those who ask again at once
    get(m, "big", &l, NULL);
    assert_int_equal(get(m, "big", &l, NULL), 101);
    recent_stats(m, &stats);
    assert_int_equal(stats.items, 1);
    recent_free(m);
}

static void malloc_takes_what_is_counted(void **state)
{
    (void)state;
    assert_int_equal(recent_heap_bytes(1), 32);
    assert_int_equal(recent_heap_bytes(24), 32);
    assert_int_equal(recent_heap_bytes(25), 48);
    assert_int_equal(recent_heap_bytes(40), 48);
    assert_int_equal(recent_heap_bytes(41), 64);
    struct recent *m = recent_new(&(struct recent_conf){0});
    struct recent_key key = {1, "F/1/s/2", -1};
    recent_put(m, &key, number_new(1, 1), RECENT_FOR_EVER);
    struct recent_stats stats;
    recent_stats(m, &stats);
    assert_int_equal(stats.bytes % 16, 0);
    assert_true(stats.bytes >= 2 * 32 + sizeof("F/1/s/2"));
    recent_free(m);
}

static void forgetting_takes_what_is_below_and_above(void **state)
{
    (void)state;
    static const char *const paths[] = {"", "F", "F/1", "F/1/s", "F/1/s/2", "F/10", "F/2", "G"};
    static const bool dropped[] = {true, true, true, true, true, false, false, false};
    struct recent *m = recent_new(&(struct recent_conf){0});
    for (size_t i = 0; i < 8; i++) {
        struct recent_key key = {1, paths[i], -1};
        recent_put(m, &key, number_new((int)i, 0), RECENT_FOR_EVER);
    }
    recent_forget(m, "F/1");
    for (size_t i = 0; i < 8; i++) {
        struct recent_key key = {1, paths[i], -1};
        struct snap *s = recent_peek(m, &key);
        assert_true((s == NULL) == dropped[i]);
        snap_unref(s);
    }
    recent_forget(m, "");
    struct recent_stats stats;
    recent_stats(m, &stats);
    assert_int_equal(stats.items, 0);
    assert_int_equal(stats.bytes, 0);
    recent_free(m);
}

// --- threads ----------------------------------------------------------------------------------------

struct asker {
    pthread_t thread;
    struct recent *m;
    struct loader *l;
    struct cancel cancel;
    int got;
};

static void *ask(void *arg)
{
    struct asker *a = arg;
    a->got = get(a->m, "F/1", a->l, &a->cancel);
    return NULL;
}

static void start(struct asker *a, struct recent *m, struct loader *l)
{
    *a = (struct asker){.m = m, .l = l};
    assert_int_equal(pthread_create(&a->thread, NULL, ask, a), 0);
}

static void wait_for_loads(struct loader *l, int n)
{
    for (int i = 0; i < 5000 && atomic_load(&l->loads) < n; i++) {
        usleep(1000);
    }
    assert_int_equal(atomic_load(&l->loads), n);
}

static void many_who_ask_make_one_load(void **state)
{
    (void)state;
    struct recent *m = recent_new(&(struct recent_conf){0});
    struct loader l = {.ttl_ms = 100, .hold = true};
    struct asker askers[20];
    for (size_t i = 0; i < 20; i++) {
        start(&askers[i], m, &l);
    }
    wait_for_loads(&l, 1);
    usleep(20000);
    atomic_store(&l.hold, false);
    for (size_t i = 0; i < 20; i++) {
        pthread_join(askers[i].thread, NULL);
        assert_int_equal(askers[i].got, 1);
    }
    assert_int_equal(atomic_load(&l.loads), 1);
    recent_free(m);
}

static void a_failure_is_told_to_all_and_not_kept(void **state)
{
    (void)state;
    struct recent *m = recent_new(&(struct recent_conf){0});
    struct loader l = {.ttl_ms = 100, .hold = true, .fail = ERR_CORRUPT};
    struct asker a, b;
    start(&a, m, &l);
    wait_for_loads(&l, 1);
    start(&b, m, &l);
    usleep(20000);
    atomic_store(&l.hold, false);
    pthread_join(a.thread, NULL);
    pthread_join(b.thread, NULL);
    assert_int_equal(a.got, 0);
    assert_int_equal(b.got, 0);
    l.fail = ERR_OK;
    int before = atomic_load(&l.loads);
    assert_int_equal(get(m, "F/1", &l, NULL), before + 1);
    recent_free(m);
}

static void who_waits_may_leave(void **state)
{
    (void)state;
    struct recent *m = recent_new(&(struct recent_conf){0});
    struct loader l = {.ttl_ms = 100, .hold = true};
    struct asker a, b;
    start(&a, m, &l);
    wait_for_loads(&l, 1);
    start(&b, m, &l);
    usleep(20000);
    atomic_store(&b.cancel.set, true);
    pthread_join(b.thread, NULL); // returns while the load is held up
    assert_int_equal(b.got, 0);
    atomic_store(&l.hold, false);
    pthread_join(a.thread, NULL);
    assert_int_equal(a.got, 1);
    recent_free(m);
}

static void another_loads_when_the_loader_leaves(void **state)
{
    (void)state;
    struct recent *m = recent_new(&(struct recent_conf){0});
    struct loader l = {.ttl_ms = 100, .hold = true};
    struct asker a, b, c;
    start(&a, m, &l);
    wait_for_loads(&l, 1);
    start(&b, m, &l);
    start(&c, m, &l);
    usleep(20000);
    atomic_store(&a.cancel.set, true);
    pthread_join(a.thread, NULL);
    assert_int_equal(a.got, 0);
    wait_for_loads(&l, 2);
    atomic_store(&l.hold, false);
    pthread_join(b.thread, NULL);
    pthread_join(c.thread, NULL);
    assert_int_equal(b.got, 2);
    assert_int_equal(c.got, 2);
    recent_free(m);
}

static void what_was_loaded_while_forgotten_is_not_kept(void **state)
{
    (void)state;
    struct recent *m = recent_new(&(struct recent_conf){0});
    struct loader old = {.loads = 100, .ttl_ms = RECENT_FOR_EVER, .hold = true};
    struct loader new = {.ttl_ms = RECENT_FOR_EVER};
    struct asker a;
    start(&a, m, &old);
    wait_for_loads(&old, 101);
    recent_forget(m, "F");
    assert_int_equal(get(m, "F/1", &new, NULL), 1); // asked after: does not join the older load
    atomic_store(&old.hold, false);
    pthread_join(a.thread, NULL);
    assert_int_equal(a.got, 101);
    assert_int_equal(get(m, "F/1", &new, NULL), 1);
    recent_free(m);
}

struct hammer {
    pthread_t thread;
    struct recent *m;
    unsigned seed;
};

static void *hammer(void *arg)
{
    struct hammer *h = arg;
    struct loader l = {.ttl_ms = 1};
    for (int i = 0; i < 3000; i++) {
        char path[20];
        unsigned r = (unsigned)rand_r(&h->seed);
        snprintf(path, sizeof(path), "F/%u", r % 16);
        if (r % 31 == 0) {
            recent_forget(h->m, path);
        } else if (r % 29 == 0) {
            atomic_fetch_add(&fake_now, 1);
        } else {
            get(h->m, path, &l, NULL);
        }
    }
    return NULL;
}

static void threads_do_not_disturb_each_other(void **state)
{
    (void)state;
    struct recent *m = recent_new(&(struct recent_conf){.max_items = 8});
    struct hammer h[8];
    for (unsigned i = 0; i < 8; i++) {
        h[i] = (struct hammer){.m = m, .seed = i + 1};
        assert_int_equal(pthread_create(&h[i].thread, NULL, hammer, &h[i]), 0);
    }
    for (unsigned i = 0; i < 8; i++) {
        pthread_join(h[i].thread, NULL);
    }
    recent_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_value_holds_for_its_time, setup, teardown),
        cmocka_unit_test_setup_teardown(kinds_and_attempts_are_kept_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(the_least_recently_used_goes_first, setup, teardown),
        cmocka_unit_test_setup_teardown(memory_is_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(malloc_takes_what_is_counted, setup, teardown),
        cmocka_unit_test_setup_teardown(forgetting_takes_what_is_below_and_above, setup, teardown),
        cmocka_unit_test_setup_teardown(many_who_ask_make_one_load, setup, teardown),
        cmocka_unit_test_setup_teardown(a_failure_is_told_to_all_and_not_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(who_waits_may_leave, setup, teardown),
        cmocka_unit_test_setup_teardown(another_loads_when_the_loader_leaves, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_loaded_while_forgotten_is_not_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(threads_do_not_disturb_each_other, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
