// The accounts of s3/staging.h: who makes room for whom, and what is refused before any of its bytes are fetched.
#include "staging_rig.h"

#include <pthread.h>
#include <sys/statvfs.h>

static void oldest_goes_first(void **state)
{
    (void)state;
    struct staging *st = area((struct staging_conf){.max_bytes = 350000});
    stage_whole(st, "a", 100000);
    stage_whole(st, "b", 100000);
    stage_whole(st, "c", 100000);
    assert_true(is_cached(st, "a", 100000));
    stage_whole(st, "d", 100000); // b has to go
    assert_int_equal(stats_of(st).evicted, 1);
    assert_true(is_cached(st, "a", 100000));
    assert_true(is_cached(st, "c", 100000));
    assert_true(is_cached(st, "d", 100000));
    assert_false(is_cached(st, "b", 100000));
    assert_in_range(stats_of(st).file_bytes, 1, 350000);
    staging_free(st);
}

static void memory_has_a_cap_of_its_own(void **state)
{
    (void)state;
    struct staging *st = area((struct staging_conf){.max_memory = 100000});
    char key[16];
    for (int i = 0; i < 50; i++) {
        snprintf(key, sizeof key, "m%d", i);
        stage_whole(st, key, 10000);
        assert_in_range(stats_of(st).memory_bytes, 1, 100000);
    }
    assert_true(stats_of(st).evicted >= 40);
    assert_int_equal(stats_of(st).file_bytes, 0);
    assert_true(is_cached(st, "m49", 10000));
    assert_false(is_cached(st, "m0", 10000));
    staging_free(st);
}

static void held_memory_makes_files_of_the_rest(void **state)
{
    (void)state;
    struct staging *st = area((struct staging_conf){.max_memory = 50000});
    struct staged *held[8];
    struct err err = ERR_INIT;
    uint64_t len;
    for (int i = 0; i < 8; i++) {
        held[i] = must_get(st, NULL, (struct plan){.bytes = 12000});
        assert_int_equal(wait_end(held[i], &len, &err), ERR_OK);
        check_pattern(held[i], 0, 12000);
    }
    assert_true(stats_of(st).file_bytes >= 3 * 12000);
    for (int i = 0; i < 8; i++)
        staged_unref(held[i]);
    for (int i = 0; i < 5000 && stats_of(st).objects; i++)
        nap(); // a producer lets go a moment after its end is seen
    assert_int_equal(stats_of(st).file_bytes, 0);
    assert_int_equal(stats_of(st).memory_bytes, 0);
    staging_free(st);
}

static void files_are_counted(void **state)
{
    (void)state;
    struct staging *st = area((struct staging_conf){.max_files = 4});
    char key[16];
    for (int i = 0; i < 20; i++) {
        snprintf(key, sizeof key, "n%d", i);
        stage_whole(st, key, 70000);
        assert_true(stats_of(st).file_bytes <= 5 * 70000);
    }
    staging_free(st);
}

static void what_is_held_is_not_dropped(void **state)
{
    (void)state;
    struct staging *st =
        area((struct staging_conf){.max_bytes = 250000, .cap_option = "--some-option"});
    struct err err = ERR_INIT;
    uint64_t len = 0;
    struct staged *a = must_get(st, "a", (struct plan){.bytes = 200000});
    assert_int_equal(wait_end(a, &len, &err), ERR_OK);
    struct staged *b = must_get(st, "b", (struct plan){.bytes = 100000});
    assert_int_equal(wait_end(b, &len, &err), ERR_NO_SPACE);
    assert_non_null(strstr(err.cause, "250000"));
    assert_non_null(strstr(err.cause, "METAFLOW_TEMPDIR"));
    assert_non_null(strstr(err.cause, "--some-option"));
    assert_non_null(strstr(err.cause, "stage b"));
    staged_unref(b);
    check_pattern(a, 0, 200000);
    staged_unref(a);
    stage_whole(st, "b", 100000); // now a can go
    struct staged *huge = must_get(st, "huge", (struct plan){.bytes = 300000});
    assert_int_equal(wait_end(huge, &len, &err), ERR_NO_SPACE);
    staged_unref(huge);
    staging_free(st);
}

static void a_soft_cap_is_for_what_nobody_reads(void **state)
{
    (void)state;
    struct staging *st = area((struct staging_conf){.max_bytes = 250000, .soft_cap = true});
    struct err err = ERR_INIT;
    uint64_t len = 0;
    stage_whole(st, "a", 200000);
    struct staged *b = must_get(st, "b", (struct plan){.bytes = 100000});
    assert_int_equal(wait_end(b, &len, &err), ERR_OK);
    assert_int_equal(stats_of(st).file_bytes, 100000); // a made room
    struct staged *huge = must_get(st, "huge", (struct plan){.bytes = 700000});
    assert_int_equal(wait_end(huge, &len, &err), ERR_OK);
    check_pattern(huge, 0, 700000);
    assert_int_equal(stats_of(st).file_bytes, 800000);
    staged_unref(huge);
    staged_unref(b);
    assert_true(stats_of(st).file_bytes <= 250000);
    staging_free(st);
}

static void free_space_has_a_floor(void **state)
{
    (void)state;
    struct staging *st = area((struct staging_conf){.min_free_bytes = UINT64_MAX / 2});
    struct err err = ERR_INIT;
    uint64_t len = 0;
    stage_whole(st, "in memory", 60000);
    struct staged *s = must_get(st, "to a file", (struct plan){.bytes = 70000});
    assert_int_equal(wait_end(s, &len, &err), ERR_NO_SPACE);
    assert_non_null(strstr(err.cause, "free"));
    staged_unref(s);
    staging_free(st);
}

// --- what is expected ------------------------------------------------------------------------------

static errc tried(struct staging *st, uint64_t expected, struct err *err)
{
    uint64_t len;
    auto_cleanup(staged_unrefp) struct staged *s = NULL;
    errc e = get(st, NULL, (struct plan){.bytes = 1, .expected = expected}, &s, err);
    return e ? e : wait_end(s, &len, err);
}

static struct staged *held(struct staging *st, const char *key, uint64_t bytes, atomic_bool *hold)
{
    return must_get(st, key, (struct plan){.bytes = bytes, .expected = bytes, .hold = hold});
}

static void whole(struct staged *s)
{
    struct err err = ERR_INIT;
    uint64_t len;
    assert_int_equal(wait_end(s, &len, &err), ERR_OK);
}

static void the_cap(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct staging *st = area((struct staging_conf){.max_bytes = 1000000, .min_free_bytes = 1, .cap_option = "--cap"});
    assert_int_equal(tried(st, 0, &err), ERR_OK);
    assert_int_equal(tried(st, 1000000, &err), ERR_OK);
    assert_int_equal(tried(st, 1000001, &err), ERR_NO_SPACE);
    assert_non_null(strstr(err.cause, "1000001"));
    assert_non_null(strstr(err.cause, "raise --cap"));
    staging_free(st);
    st = area((struct staging_conf){.max_bytes = 1000000, .min_free_bytes = 1, .soft_cap = true});
    assert_int_equal(tried(st, 1000001, &err), ERR_OK);
    staging_free(st);
}

static void the_free_space(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct statvfs fs;
    assert_int_equal(statvfs(tempdir, &fs), 0);
    uint64_t room = (uint64_t)fs.f_bavail * fs.f_frsize;
    struct staging *st = area((struct staging_conf){.max_bytes = UINT64_MAX, .min_free_bytes = 1});
    assert_int_equal(tried(st, room / 2, &err), ERR_OK);
    assert_int_equal(tried(st, room + room / 2, &err), ERR_NO_SPACE);
    assert_non_null(strstr(err.cause, "METAFLOW_TEMPDIR"));
    assert_non_null(strstr(err.cause, tempdir));
    staging_free(st);
    st = area((struct staging_conf){.max_bytes = UINT64_MAX, .min_free_bytes = UINT64_MAX / 2});
    assert_int_equal(tried(st, STAGING_MEMORY_MAX, &err), ERR_OK); // memory is not of the file system
    assert_int_equal(tried(st, STAGING_MEMORY_MAX + 1, &err), ERR_NO_SPACE);
    staging_free(st);
}

// What is read already is not ended by what comes later and does not fit beside it.
static void beside_what_is_read(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct staging *st = area((struct staging_conf){.max_bytes = 1000000, .cap_option = "--cap"});
    atomic_bool hold = true, freed = false;
    const struct plan second = {.bytes = 600000, .expected = 600000, .freed = &freed};
    struct staged *a = held(st, "a", 600000, &hold), *b = NULL;
    assert_int_equal(get(st, "b", second, &b, &err), ERR_NO_SPACE);
    assert_true(atomic_load(&freed));
    assert_null(b);
    assert_non_null(strstr(err.cause, "one after the other"));
    assert_non_null(strstr(err.cause, "raise --cap"));
    staged_unref(held(st, "a", 600000, &hold)); // the same is shared
    struct staged *c = held(st, "c", 300000, NULL); // fits beside
    whole(c);
    atomic_store(&hold, false);
    whole(a);
    staged_unref(c);
    assert_int_equal(get(st, "b", second, &b, &err), ERR_NO_SPACE); // it is held, whole or not
    staged_unref(a);
    b = must_get(st, "b", second); // what nobody holds is dropped for it
    whole(b);
    staged_unref(b);
    staging_free(st);
}

// What was promised is not taken by what comes later: not by bytes that are no object, nor by an object whose size was
// not known, nor by one that was there already and could have been dropped.
static void what_was_promised_stays(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct staging *st = area((struct staging_conf){.max_bytes = 1000000});
    atomic_bool hold = true;
    uint64_t len;
    bool ended;
    stage_whole(st, "x", 400000);
    struct staged *y = held(st, "y", 900000, &hold), *x = NULL;
    assert_int_equal(staged_wait(y, 450000, NULL, &len, &ended, &err), ERR_OK);
    assert_int_equal(get(st, "x", (struct plan){.bytes = 400000}, &x, &err), ERR_NO_SPACE);
    assert_non_null(strstr(err.cause, "one after the other"));
    struct staged *z = must_get(st, "z", (struct plan){.bytes = 300000});
    assert_int_equal(wait_end(z, &len, &err), ERR_NO_SPACE);
    staged_unref(z);
    assert_int_equal(staging_take_room(st, 200000, &err), ERR_NO_SPACE);
    assert_int_equal(staging_take_room(st, 90000, &err), ERR_OK);
    atomic_store(&hold, false);
    whole(y);
    staging_give_room(st, 90000);
    staged_unref(y);
    assert_int_equal(staging_take_room(st, 1000000, &err), ERR_OK); // nobody holds anything
    staging_give_room(st, 1000000);
    staging_free(st);
}

static void *let_go(void *arg)
{
    struct err err = ERR_INIT;
    if (cancel_sleep(NULL, 50, &err) == ERR_OK) {
        staged_unref(arg);
    }
    return NULL;
}

// A file is held until the kernel says that it was closed, which it does a moment after the program went on.
static void those_who_let_go_are_waited_for(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct staging *st = area((struct staging_conf){.max_bytes = 1000000});
    struct staged *a = held(st, "a", 900000, NULL), *b = NULL;
    struct cancel gone = {.set = true};
    struct staging_request rq = {.produce = produce, .free_arg = free_plan, .expected = 500000, .wait_ms = 60000};
    pthread_t thread;
    whole(a);
    rq.cancel = &gone;
    rq.arg = mem_zalloc(sizeof(struct plan));
    assert_int_equal(staging_get(st, &rq, &b, &err), ERR_NO_SPACE);
    rq.cancel = NULL;
    rq.expected = 2000000; // fits never
    rq.arg = mem_zalloc(sizeof(struct plan));
    assert_int_equal(staging_get(st, &rq, &b, &err), ERR_NO_SPACE);
    rq.expected = 500000;
    rq.arg = mem_zalloc(sizeof(struct plan));
    assert_int_equal(pthread_create(&thread, NULL, let_go, a), 0);
    assert_int_equal(staging_get(st, &rq, &b, &err), ERR_OK);
    pthread_join(thread, NULL);
    whole(b);
    staged_unref(b);
    staging_free(st);
}

// What is fetched ahead keeps no reader out, not even while it is being fetched.
static void what_is_ahead_is_in_nobodys_way(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct staging *st = area((struct staging_conf){.max_bytes = 1000000, .leaving_ms = 60000});
    struct plan *plan = mem_zalloc(sizeof *plan);
    *plan = (struct plan){.bytes = 400000, .piece = 10000};
    struct staging_request rq = {.key = "a", .produce = produce, .arg = plan, .free_arg = free_plan, .ahead = true};
    struct staged *ahead = NULL;
    pthread_t thread;
    assert_int_equal(staging_get(st, &rq, &ahead, &err), ERR_OK);
    whole(ahead); // and is held by the job that fetched it
    struct staged *b = held(st, "b", 900000, NULL);
    assert_int_equal(pthread_create(&thread, NULL, let_go, ahead), 0);
    whole(b);
    pthread_join(thread, NULL);
    staged_unref(b);
    staging_free(st);
}

// An object that nobody waits for any more keeps nobody out while its producer is still to be stopped.
static void beside_what_was_left(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct staging *st = area((struct staging_conf){.max_bytes = 1000000, .leaving_ms = 60000});
    atomic_bool hold = true;
    uint64_t len;
    bool ended;
    for (int i = 0; i < 3; i++) {
        struct staged *s = held(st, "a", 900000, &hold);
        assert_int_equal(staged_wait(s, 450000, NULL, &len, &ended, &err), ERR_OK);
        staged_unref(s);
    }
    struct staged *s = held(st, "b", 900000, NULL);
    whole(s);
    staged_unref(s);
    s = held(st, "a", 900000, &hold);
    assert_int_equal(staged_wait(s, 450000, NULL, &len, &ended, &err), ERR_OK);
    staged_unref(s);
    assert_int_equal(staging_take_room(st, 900000, &err), ERR_OK);
    staging_give_room(st, 900000);
    staging_free(st);
}

// Files of others count as what is held: nothing that is read is dropped for them, and nothing begun beside them.
static void room_for_others(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct staging *st = area((struct staging_conf){.max_bytes = 1000000, .min_free_bytes = 1, .cap_option = "--cap"});
    const struct plan second = {.bytes = 600000, .expected = 600000};
    struct staged *b = NULL;
    stage_whole(st, "a", 600000);
    assert_int_equal(staging_take_room(st, 500000, &err), ERR_OK); // "a" is held by nobody
    assert_null(staging_find(st, "a"));
    assert_int_equal(stats_of(st).file_bytes, 500000);
    assert_int_equal(get(st, "b", second, &b, &err), ERR_NO_SPACE);
    assert_int_equal(staging_take_room(st, 500001, &err), ERR_NO_SPACE);
    assert_non_null(strstr(err.cause, "raise --cap"));
    staging_give_room(st, 500000);
    b = must_get(st, "b", second);
    whole(b);
    staged_unref(b);
    staging_free(st);
    st = area((struct staging_conf){.max_bytes = UINT64_MAX, .min_free_bytes = UINT64_MAX / 2});
    assert_int_equal(staging_take_room(st, 1, &err), ERR_NO_SPACE);
    assert_int_equal(stats_of(st).file_bytes, 0);
    staging_free(st);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(oldest_goes_first),
        cmocka_unit_test(memory_has_a_cap_of_its_own),
        cmocka_unit_test(held_memory_makes_files_of_the_rest),
        cmocka_unit_test(files_are_counted),
        cmocka_unit_test(what_is_held_is_not_dropped),
        cmocka_unit_test(a_soft_cap_is_for_what_nobody_reads),
        cmocka_unit_test(free_space_has_a_floor),
        cmocka_unit_test(the_cap),
        cmocka_unit_test(the_free_space),
        cmocka_unit_test(beside_what_is_read),
        cmocka_unit_test(what_was_promised_stays),
        cmocka_unit_test(those_who_let_go_are_waited_for),
        cmocka_unit_test(what_is_ahead_is_in_nobodys_way),
        cmocka_unit_test(beside_what_was_left),
        cmocka_unit_test(room_for_others),
    };
    return cmocka_run_group_tests(tests, tempdir_make, end_pool);
}
