// s3/staging.h: bytes, who shares them, and how they end. Its room is in test_staging_space.c, its folder in
// test_staging_root.c.
#include "staging_rig.h"

#include <dirent.h>
#include <pthread.h>

#include "base/clock.h"

// --- bytes ---------------------------------------------------------------------------------------

static void sizes_around_the_spill(void **state)
{
    (void)state;
    static const uint64_t sizes[] = {0, 1, 255, 256, 257, 65535, 65536, 65537, 200000, 3000000};
    struct staging *st = area((struct staging_conf){0});
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct err err = ERR_INIT;
        uint64_t len = 99;
        char key[32];
        snprintf(key, sizeof key, "k%zu", i);
        struct staged *s = must_get(st, key, (struct plan){.bytes = sizes[i], .piece = 777});
        assert_int_equal(wait_end(s, &len, &err), ERR_OK);
        assert_int_equal(len, sizes[i]);
        assert_int_equal(staged_len(s), sizes[i]);
        assert_true(staged_ready(s, UINT64_MAX));
        check_pattern(s, 0, (size_t)len);
        const uint8_t *map = NULL;
        size_t map_len = 1;
        assert_int_equal(staged_map(s, &map, &map_len, &err), ERR_OK);
        assert_non_null(map);
        assert_int_equal(map_len, sizes[i]);
        for (size_t j = 0; j < map_len; j += 1000)
            assert_int_equal(map[j], pattern(j));
        staged_unmap(s, map, map_len);
        uint8_t past[4];
        size_t got = 9;
        assert_int_equal(staged_pread(s, len + 5, past, 4, &got, &err), ERR_OK);
        assert_int_equal(got, 0);
        staged_unref(s);
    }
    assert_int_equal(stats_of(st).produced, 10);
    assert_int_equal(stats_of(st).file_bytes, 65537 + 200000 + 3000000);
    staging_free(st);
}

static void small_objects_make_no_root(void **state)
{
    (void)state;
    struct staging *st = area((struct staging_conf){0});
    stage_whole(st, "small", 65536);
    DIR *dir = opendir(tempdir);
    for (struct dirent *e; (e = readdir(dir));)
        assert_null(strstr(e->d_name, "metaflow.s3."));
    closedir(dir);
    const char *root = staging_root(st);
    assert_non_null(root);
    assert_ptr_equal(root, staging_root(st));
    struct stat s;
    assert_int_equal(stat(root, &s), 0);
    assert_int_equal(s.st_mode & 0777, 0700);
    auto_free char *copy = mem_strdup(root);
    staging_free(st);
    assert_int_equal(stat(copy, &s), -1);
}

static void given_bytes_are_kept(void **state)
{
    (void)state;
    struct staging *st = area((struct staging_conf){.max_memory = 1000, .max_bytes = 1000});
    struct err err = ERR_INIT;
    static uint8_t big[100000];
    for (size_t i = 0; i < sizeof big; i++)
        big[i] = pattern(i);
    struct staged *a = staged_of_bytes(st, "", 0), *b = staged_of_bytes(st, big, sizeof big);
    uint64_t len = 1;
    assert_int_equal(wait_end(a, &len, &err), ERR_OK);
    assert_int_equal(len, 0);
    check_pattern(b, 0, sizeof big); // neither cap takes it, and it is there all the same
    staged_unref(a);
    staged_unref(staged_ref(b));
    staged_unref(b);
    assert_int_equal(stats_of(st).objects, 0);
    assert_int_equal(stats_of(st).memory_bytes, 0);
    staging_free(st);
}

// --- sharing -------------------------------------------------------------------------------------

struct crowd {
    struct staging *st;
    atomic_int runs;
    atomic_bool hold;
};

static void *one_of_crowd(void *arg)
{
    struct crowd *c = arg;
    struct err err = ERR_INIT;
    uint64_t len = 0;
    struct staged *s = NULL;
    if (get(c->st, "shared", (struct plan){.bytes = 300000, .runs = &c->runs, .hold = &c->hold}, &s,
            &err))
        return NULL;
    bool ended, good = staged_wait(s, 100, NULL, &len, &ended, &err) == ERR_OK && len >= 100;
    atomic_store(&c->hold, false);
    good = good && wait_end(s, &len, &err) == ERR_OK && len == 300000;
    uint8_t byte = 0;
    size_t got = 0;
    good =
        good && staged_pread(s, 299999, &byte, 1, &got, &err) == ERR_OK && byte == pattern(299999);
    staged_unref(s);
    return good ? c : NULL;
}

static void one_flight_for_many(void **state)
{
    (void)state;
    struct crowd c = {.st = area((struct staging_conf){0})};
    atomic_init(&c.hold, true);
    pthread_t threads[24];
    for (int i = 0; i < 24; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, one_of_crowd, &c), 0);
    for (int i = 0; i < 24; i++) {
        void *good = NULL;
        pthread_join(threads[i], &good);
        assert_non_null(good);
    }
    assert_int_equal(atomic_load(&c.runs), 1);
    assert_int_equal(stats_of(c.st).hits, 23);
    stage_whole(c.st, "shared", 300000);
    assert_int_equal(stats_of(c.st).produced, 1);
    staging_free(c.st);
}

struct storm {
    struct staging *st;
    atomic_int bad;
};

static void *one_of_storm(void *arg)
{
    struct storm *s = arg;
    unsigned seed = (unsigned)(uintptr_t)&seed;
    for (int i = 0; i < 60; i++) {
        struct err err = ERR_INIT;
        unsigned n = (unsigned)rand_r(&seed) % 12;
        char key[16];
        snprintf(key, sizeof key, "s%u", n);
        struct staged *staged = NULL;
        uint64_t len = 0;
        if (get(s->st, key, (struct plan){.bytes = 1 + n * 20000, .piece = 5000}, &staged, &err)) {
            atomic_fetch_add(&s->bad, err.code != ERR_TOO_MANY);
            continue;
        }
        if (i % 3 && (wait_end(staged, &len, &err) || len != 1 + n * 20000))
            atomic_fetch_add(&s->bad, err.code != ERR_NO_SPACE);
        staged_unref(staged);
    }
    return NULL;
}

static void many_keys_many_threads_little_room(void **state)
{
    (void)state;
    struct storm s = {.st = area((struct staging_conf){
                          .max_bytes = 1500000, .max_memory = 100000, .max_files = 6})};
    pthread_t threads[8];
    for (int i = 0; i < 8; i++)
        pthread_create(&threads[i], NULL, one_of_storm, &s);
    for (int i = 0; i < 8; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&s.bad), 0);
    staging_free(s.st);
}

#define TWICE_BYTES 150000
struct twice {
    uint64_t wrong; // bytes at first
    bool began_again[2];
    atomic_bool began, was_read;
};

static errc produce_twice(void *arg, struct staged *to, struct err *err)
{
    struct twice *t = arg;
    uint8_t bytes[1000];
    memset(bytes, 0xee, sizeof bytes);
    errc e = ERR_OK;
    for (uint64_t i = 0; i < t->wrong && e == ERR_OK; i += sizeof bytes)
        e = staged_append(to, bytes, sizeof bytes, err);
    t->began_again[0] = staged_begin_again(to);
    atomic_store(&t->began, true);
    for (uint64_t i = 0; i < TWICE_BYTES && e == ERR_OK; i++) {
        uint8_t byte = pattern(i);
        e = staged_append(to, &byte, 1, err);
    }
    while (!atomic_load(&t->was_read))
        nap();
    t->began_again[1] = staged_begin_again(to);
    return e;
}

static void what_nobody_saw_is_taken_back(void **state)
{
    (void)state;
    for (uint64_t wrong = 1000; wrong <= 1000000; wrong *= 1000) { // in memory, and longer than what comes then
        struct staging *st = area((struct staging_conf){.max_bytes = 1000000});
        struct twice t = {.wrong = wrong};
        struct staging_request rq = {.key = "k", .produce = produce_twice, .arg = &t};
        struct staged *s;
        struct err err = ERR_INIT;
        uint64_t len;
        bool ended;
        assert_int_equal(staging_get(st, &rq, &s, &err), ERR_OK);
        while (!atomic_load(&t.began))
            nap();
        assert_int_equal(staged_wait(s, TWICE_BYTES, NULL, &len, &ended, &err), ERR_OK);
        atomic_store(&t.was_read, true);
        assert_int_equal(wait_end(s, &len, &err), ERR_OK);
        assert_int_equal(len, TWICE_BYTES);
        assert_true(t.began_again[0]);
        assert_false(t.began_again[1]);
        check_pattern(s, 0, TWICE_BYTES);
        assert_true(staged_is_right(s) && !staged_is_wrong(s, &err));
        staged_unref(s);
        staging_free(st);
    }
}

static void growing_prefix(void **state)
{
    (void)state;
    atomic_bool hold = true;
    struct staging *st = area((struct staging_conf){0});
    struct staged *s = must_get(st, NULL, (struct plan){.bytes = 400000, .hold = &hold});
    struct err err = ERR_INIT;
    uint64_t len = 0;
    bool ended = true;
    assert_int_equal(staged_wait(s, 200000, NULL, &len, &ended, &err), ERR_OK);
    assert_in_range(len, 200000, 399999);
    assert_false(ended);
    assert_true(staged_ready(s, 200000));
    assert_false(staged_ready(s, 400000));
    check_pattern(s, 100000, 50000);
    const uint8_t *map;
    size_t map_len;
    assert_int_equal(staged_map(s, &map, &map_len, &err), ERR_INVALID);
    atomic_store(&hold, false);
    assert_int_equal(staged_wait(s, 400001, NULL, &len, &ended, &err), ERR_OK);
    assert_true(ended);
    assert_int_equal(len, 400000);
    staged_unref(s);
    staging_free(st);
}

// --- failing and letting go ----------------------------------------------------------------------

static void failure_is_seen_and_forgotten(void **state)
{
    (void)state;
    atomic_int runs = 0;
    struct staging *st = area((struct staging_conf){0});
    struct err err = ERR_INIT;
    uint64_t len = 0;
    bool ended = true;
    struct staged *s =
        must_get(st, "f", (struct plan){.bytes = 1000, .fail = ERR_CORRUPT, .runs = &runs});
    assert_int_equal(wait_end(s, &len, &err), ERR_CORRUPT);
    assert_string_equal(err.cause, "told to fail");
    assert_int_equal(staged_wait(s, 1000, NULL, &len, &ended, &err), ERR_OK);
    assert_false(ended);
    assert_int_equal(staged_wait(s, 1001, NULL, &len, &ended, &err), ERR_CORRUPT);
    assert_true(staged_ready(s, UINT64_MAX));
    struct staged *again = must_get(st, "f", (struct plan){.bytes = 1000, .runs = &runs});
    assert_ptr_not_equal(s, again);
    assert_int_equal(wait_end(again, &len, &err), ERR_OK);
    assert_int_equal(atomic_load(&runs), 2);
    assert_int_equal(stats_of(st).failed, 1);
    staged_unref(s);
    staged_unref(again);
    staging_free(st);
}

static void last_holder_stops_the_producer(void **state)
{
    (void)state;
    atomic_bool hold = true, freed = false;
    struct staging *st = area((struct staging_conf){0});
    struct err err = ERR_INIT;
    uint64_t len = 0;
    bool ended;
    struct staged *s =
        must_get(st, "c", (struct plan){.bytes = 100000, .hold = &hold, .freed = &freed});
    struct staged *other = must_get(st, "c", (struct plan){.bytes = 1});
    assert_ptr_equal(s, other);
    assert_int_equal(staged_wait(s, 1, NULL, &len, &ended, &err), ERR_OK);
    staged_unref(s);
    assert_false(atomic_load(&freed));
    staged_unref(other);
    for (int i = 0; i < 5000 && !stats_of(st).cancelled; i++)
        nap();
    assert_int_equal(stats_of(st).cancelled, 1);
    assert_true(atomic_load(&freed));
    stage_whole(st, "c", 5);
    staging_free(st);
}

static void *set_later(void *arg)
{
    struct timespec t = {.tv_nsec = 60000000};
    nanosleep(&t, NULL);
    atomic_store(&((struct cancel *)arg)->set, true);
    return NULL;
}

static void waiting_can_be_cancelled(void **state)
{
    (void)state;
    atomic_bool hold = true;
    struct staging *st = area((struct staging_conf){0});
    struct err err = ERR_INIT;
    uint64_t len = 0;
    bool ended;
    struct staged *s = must_get(st, "w", (struct plan){.bytes = 1000, .hold = &hold});
    struct cancel cancel = {0};
    pthread_t thread;
    pthread_create(&thread, NULL, set_later, &cancel);
    int64_t before = clock_mono_ms();
    assert_int_equal(staged_wait(s, 1001, &cancel, &len, &ended, &err), ERR_INTERRUPTED);
    assert_in_range(clock_mono_ms() - before, 40, 2000);
    pthread_join(thread, NULL);
    struct cancel late = {.deadline_ms = clock_mono_ms() + 20};
    assert_int_equal(staged_wait(s, 1001, &late, &len, &ended, &err), ERR_TIMEOUT);
    staged_unref(s);
    staging_free(st);
}

static void no_progress_is_a_timeout(void **state)
{
    (void)state;
    atomic_bool hold = true;
    struct staging *st = area((struct staging_conf){.progress_ms = 80});
    struct err err = ERR_INIT;
    uint64_t len = 0;
    bool ended;
    struct staged *s = must_get(st, "stuck", (struct plan){.bytes = 1000, .hold = &hold});
    assert_int_equal(staged_wait(s, 1001, NULL, &len, &ended, &err), ERR_TIMEOUT);
    assert_non_null(strstr(err.cause, "stuck"));
    staged_unref(s);
    staging_free(st);
}

static void no_thread_left_is_an_error(void **state)
{
    (void)state;
    struct pool *one =
        pool_new(&(struct pool_conf){.max_threads = 1, .idle_ms = 10, .name = "one"});
    struct staging *st = NULL;
    struct err err = ERR_INIT;
    struct staging_conf conf = {.tempdir = tempdir, .pool = one, .min_free_bytes = 1};
    assert_int_equal(staging_new(&conf, &st, &err), ERR_OK);
    atomic_bool hold = true, freed = false;
    struct staged *s = must_get(st, "x", (struct plan){.bytes = 10, .hold = &hold}), *t = NULL;
    assert_int_equal(get(st, "y", (struct plan){.bytes = 10, .freed = &freed}, &t, &err),
                     ERR_TOO_MANY);
    assert_true(atomic_load(&freed));
    assert_null(t);
    atomic_store(&hold, false);
    uint64_t len;
    assert_int_equal(wait_end(s, &len, &err), ERR_OK);
    staged_unref(s);
    staging_free(st);
    pool_free(one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_around_the_spill),
        cmocka_unit_test(small_objects_make_no_root),
        cmocka_unit_test(given_bytes_are_kept),
        cmocka_unit_test(one_flight_for_many),
        cmocka_unit_test(many_keys_many_threads_little_room),
        cmocka_unit_test(what_nobody_saw_is_taken_back),
        cmocka_unit_test(growing_prefix),
        cmocka_unit_test(failure_is_seen_and_forgotten),
        cmocka_unit_test(last_holder_stops_the_producer),
        cmocka_unit_test(waiting_can_be_cancelled),
        cmocka_unit_test(no_progress_is_a_timeout),
        cmocka_unit_test(no_thread_left_is_an_error),
    };
    return cmocka_run_group_tests(tests, tempdir_make, end_pool);
}
