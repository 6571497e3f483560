// Snapshots of directories: growth, positions, waiting, memory.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "fs/listing.h"

static void entries_come_back_as_given(void **state)
{
    (void)state;
    struct listing *l = listing_new();
    struct tattr attr = {.mode = S_IFREG | 0444, .size = 12, .size_exact = true, .mtime_ms = 3, .ttl_ms = 9};
    for (unsigned i = 0; i < 1000; i++) {
        char name[32];
        snprintf(name, sizeof(name), "%u", i);
        assert_true(listing_add(l, name, K_ARTIFACT, i % 3 == 0 ? &attr : NULL));
    }
    struct listing_entry e;
    static const unsigned order[] = {0, 1, 2, 999, 500, 501, 63, 64, 65, 3, 998};
    for (size_t i = 0; i < sizeof(order) / sizeof(*order); i++) {
        char name[32];
        snprintf(name, sizeof(name), "%u", order[i]);
        assert_true(listing_get(l, order[i], &e));
        assert_string_equal(e.name, name);
        assert_int_equal(e.has_attr, order[i] % 3 == 0);
        if (e.has_attr) {
            assert_int_equal(e.attr.size, 12);
            assert_true(e.attr.size_exact && !e.attr.growing && e.attr.mode == attr.mode);
        }
    }
    assert_false(listing_get(l, 1000, &e));
    assert_true(listing_ready(l, 0, 1000));
    assert_false(listing_ready(l, 0, 1001));
    listing_end(l, NULL);
    assert_true(listing_ready(l, 5000, 1));
    listing_unref(l);
}

static void an_error_comes_after_the_entries(void **state)
{
    (void)state;
    struct listing *l = listing_new();
    struct err err = ERR_INIT, cause = ERR_INIT;
    assert_true(listing_add(l, "a", K_FLOW, NULL));
    err_set(&cause, ERR_DENIED, "no");
    listing_end(l, &cause);
    assert_int_equal(listing_wait(l, 0, 10, 1000, NULL, &err), ERR_OK);
    assert_int_equal(listing_wait(l, 1, 10, 1000, NULL, &err), ERR_DENIED);
    listing_unref(l);
}

static void *fill_slowly(void *arg)
{
    struct listing *l = arg;
    for (unsigned i = 0; i < 20000; i++) {
        char name[32];
        snprintf(name, sizeof(name), "run-%u", i);
        if (!listing_add(l, name, K_RUN, NULL)) {
            break;
        }
    }
    listing_end(l, NULL);
    listing_unref(l);
    return NULL;
}

static void readers_follow_the_filler(void **state)
{
    (void)state;
    struct listing *l = listing_new();
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, fill_slowly, listing_ref(l)), 0);
    size_t pos = 0;
    struct listing_entry e;
    struct err err = ERR_INIT;
    for (;;) {
        assert_int_equal(listing_wait(l, pos, 10, 5, NULL, &err), ERR_OK);
        if (!listing_get(l, pos, &e)) {
            break;
        }
        char name[32];
        snprintf(name, sizeof(name), "run-%zu", pos++);
        assert_string_equal(e.name, name);
    }
    assert_int_equal(pos, 20000);
    pthread_join(thread, NULL);
    listing_unref(l);
}

static void a_waiter_can_be_cancelled(void **state)
{
    (void)state;
    struct listing *l = listing_new();
    struct cancel cancel = {.deadline_ms = clock_mono_ms() + 30};
    struct err err = ERR_INIT;
    assert_int_equal(listing_wait(l, 0, 1, 0, &cancel, &err), ERR_TIMEOUT);
    listing_stop(l);
    assert_false(listing_add(l, "a", K_FLOW, NULL));
    listing_end(l, NULL);
    assert_int_equal(listing_wait(l, 0, 1, 0, NULL, &err), ERR_INTERRUPTED);
    listing_unref(l);
}

static void a_million_names_are_not_in_memory(void **state)
{
    (void)state;
    struct listing *l = listing_new();
    for (unsigned i = 0; i < 1000000; i++) {
        char name[32];
        snprintf(name, sizeof(name), "1795373817%06u", i);
        assert_true(listing_add(l, name, K_RUN, NULL));
    }
    listing_end(l, NULL);
    struct listing_stats st;
    listing_stats(l, &st);
    assert_int_equal(st.entries, 1000000);
    assert_true(st.memory_bytes < 512 * 1024);
    struct listing_entry e;
    assert_true(listing_get(l, 999999, &e));
    assert_string_equal(e.name, "1795373817999999");
    listing_unref(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_come_back_as_given),
        cmocka_unit_test(an_error_comes_after_the_entries),
        cmocka_unit_test(readers_follow_the_filler),
        cmocka_unit_test(a_waiter_can_be_cancelled),
        cmocka_unit_test(a_million_names_are_not_in_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
