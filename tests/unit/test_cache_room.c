// client/cache.h where there is no room: on a full file system, in an address space that is too small.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <signal.h>

#include "client/cache_i.h"
#include "small_fs.h"

static struct cache *open_with(const char *dir, uint64_t max_bytes)
{
    struct cache_conf conf = {.dir = dir, .tempdir = tempdir, .identity = "test", .max_bytes = max_bytes};
    struct cache *c = NULL;
    struct err err = ERR_INIT;
    return cache_open(&conf, &c, &err) ? NULL : c;
}

static const struct cache_key one_key = {"F/1", "start/1", 'x', 0, "", false};

static bool put(struct cache *c, const char *value, size_t len)
{
    struct cache_batch *b = cache_batch_new(c, cache_generation(c), 100);
    cache_batch_put(b, &one_key, value, len);
    return cache_batch_commit(b);
}

static bool holds(struct cache *c, const char *value)
{
    auto_cleanup(buf_free) struct buf got = {0};
    int64_t asked_ms;
    return cache_get(c, &one_key, &got, &asked_ms) && got.len == strlen(value) && memcmp(got.data, value, got.len) == 0;
}

// What a sanitizer would do with it is not what is asked here.
static void let_it_kill(void)
{
    signal(SIGBUS, SIG_DFL);
}

static int ran(const char *options, int (*fn)(void))
{
    int code = small_fs_run(options, fn);
    if (code == 77) {
        fail_msg("no tmpfs can be mounted here: it takes CAP_SYS_ADMIN or a user namespace");
    }
    return code;
}

static int open_on_a_full_one(void)
{
    let_it_kill();
    small_fs_fill();
    struct cache c = {.max_bytes = 1 << 20};
    if (cache_env_open(&c, tempdir, false) != ENOSPC || c.env != NULL) {
        return 1;
    }
    auto_free char *lock = mem_printf("%s/lock.mdb", tempdir);
    struct stat st;
    if (stat(lock, &st) == 0 && st.st_size != 0) {
        return 2;
    }
    struct cache *elsewhere = open_with(NULL, 0);
    bool is_right = elsewhere != NULL && put(elsewhere, "v", 1) && holds(elsewhere, "v");
    cache_close(elsewhere);
    return is_right ? 0 : 3;
}

static void a_full_file_system_is_no_place(void **state)
{
    (void)state;
    assert_int_equal(ran("size=1m", open_on_a_full_one), 0);
}

// There is room for some of it: every amount of room, page by page, gives a cache or an error.
static int open_on_nearly_full_ones(void)
{
    let_it_kill();
    small_fs_fill();
    auto_free char *fill = mem_printf("%s/fill", tempdir);
    for (off_t room = 0; room < 40; room++) {
        struct cache c = {.max_bytes = 1 << 20};
        if (truncate(fill, (off_t)(1 << 20) - room * 4096) != 0) {
            return 1;
        }
        int e = cache_env_open(&c, tempdir, false);
        if (e && e != ENOSPC) {
            return 2;
        }
        if (!e) {
            mdb_env_close(c.env);
            return room > 16 ? 0 : 3; // the lock file alone is longer
        }
        auto_free char *data = mem_printf("%s/data.mdb", tempdir), *lock = mem_printf("%s/lock.mdb", tempdir);
        unlink(data);
        unlink(lock);
    }
    return 4;
}

static void any_room_is_a_place_or_none(void **state)
{
    (void)state;
    assert_int_equal(ran("size=1m", open_on_nearly_full_ones), 0);
}

static int fill_what_is_open(void)
{
    static char large[300000];
    let_it_kill();
    struct cache *c = open_with(tempdir, 0);
    if (c == NULL || !put(c, "v", 1) || strstr(cache_where(c), tempdir) == NULL) {
        return 1;
    }
    small_fs_fill();
    if (put(c, large, sizeof(large)) || !holds(c, "v")) {
        return 2;
    }
    cache_forget(c, "F/2");
    cache_tick(c);
    struct cache_stats stats;
    cache_stats(c, &stats);
    if (stats.dropped_writes != 1) {
        return 3;
    }
    cache_close(c);
    c = open_with(tempdir, 0);
    bool is_right = c != NULL && strstr(cache_where(c), tempdir) != NULL && holds(c, "v");
    cache_close(c);
    return is_right ? 0 : 4;
}

static void one_that_fills_up_drops_writes(void **state)
{
    (void)state;
    assert_int_equal(ran("size=1m,mode=0700", fill_what_is_open), 0);
}

// What an earlier version left: a lock file that is a hole.
static int open_with_a_hole(void)
{
    let_it_kill();
    struct cache c = {.max_bytes = 1 << 20};
    if (cache_env_open(&c, tempdir, false)) {
        return 1;
    }
    mdb_env_close(c.env);
    auto_free char *lock = mem_printf("%s/lock.mdb", tempdir);
    struct stat st;
    if (stat(lock, &st) != 0 || truncate(lock, 0) != 0 || truncate(lock, st.st_size) != 0) {
        return 2;
    }
    small_fs_fill();
    c = (struct cache){.max_bytes = 1 << 20};
    return cache_env_open(&c, tempdir, false) == ENOSPC ? 0 : 3;
}

static void a_lock_file_without_its_bytes_is_none(void **state)
{
    (void)state;
    assert_int_equal(ran("size=1m", open_with_a_hole), 0);
}

static void a_map_that_does_not_fit_is_made_smaller(void **state)
{
    (void)state;
    for (unsigned shift = 46; shift < 64; shift++) {
        struct cache *c = open_with(tempdir, UINT64_C(1) << shift);
        assert_non_null(c);
        assert_true(put(c, "v", 1) && holds(c, "v"));
        assert_int_equal(c->max_bytes, UINT64_C(1) << shift); // what others keep there is not for us to make less
        assert_true(c->map_bytes >= UINT64_C(1) << 30 && c->map_bytes < UINT64_C(1) << 48);
        cache_close(c);
        c = open_with(NULL, UINT64_C(1) << shift);
        assert_non_null(c);
        assert_true(c->max_bytes >= UINT64_C(1) << 30 && c->max_bytes < UINT64_C(1) << 48);
        cache_close(c);
    }
}

#define LARGE ((size_t)1 << 20)

static bool put_large(struct cache *c, int n)
{
    auto_free char *value = mem_zalloc(LARGE);
    auto_free char *unit = mem_printf("F/large %d", n);
    struct cache_batch *b = cache_batch_new(c, cache_generation(c), 100);
    struct cache_key key = {unit, "", 'x', 0, "", false};
    cache_batch_put(b, &key, value, LARGE);
    return cache_batch_commit(b);
}

// In a process of its own, whose map is large.
static void make_it_larger_elsewhere(void)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        struct cache *c = open_with(tempdir, 0);
        bool ok = c != NULL;
        for (int i = 0; ok && i < 20; i++) {
            ok = put_large(c, i);
        }
        _exit(ok && put(c, "theirs", 6) ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void a_file_that_outgrows_the_map_is_mapped_anew(void **state)
{
    (void)state;
    struct cache *c = open_with(tempdir, 0);
    assert_non_null(c);
    assert_int_equal(mdb_env_set_mapsize(c->env, CACHE_MAP_LEAST), 0);
    assert_true(put(c, "ours", 4) && holds(c, "ours"));
    make_it_larger_elsewhere();
    assert_true(holds(c, "theirs"));
    cache_forget(c, one_key.unit);
    assert_false(holds(c, "theirs"));
    cache_close(c);
}

static void one_that_cannot_be_mapped_anew_is_missing(void **state)
{
    (void)state;
    struct cache *c = open_with(tempdir, 0);
    assert_non_null(c);
    assert_true(put(c, "v", 1));
    c->is_lost = true;
    assert_false(holds(c, "v") || put(c, "w", 1));
    cache_tick(c);
    cache_close(c);
}

static void a_small_map_of_a_shared_folder_evicts_nothing(void **state)
{
    (void)state;
    struct cache *c = open_with(tempdir, 0);
    assert_non_null(c);
    assert_true(put(c, "v", 1));
    assert_int_equal(mdb_env_set_mapsize(c->env, CACHE_MAP_LEAST), 0);
    c->is_map_small = true;
    c->max_bytes = LARGE;
    int n = 0;
    while (n < 20 && put_large(c, n)) {
        n++;
    }
    assert_in_range(n, 1, 8);
    struct cache_stats stats;
    cache_stats(c, &stats);
    assert_int_equal(stats.evicted_units, 0);
    assert_int_equal(stats.dropped_writes, 1);
    assert_true(holds(c, "v"));
    for (int i = 0; i < 500; i++) {
        auto_free char *path = mem_printf("F/1/%d", i);
        cache_forget(c, path);
    }
    cache_forget(c, one_key.unit);
    assert_false(holds(c, "v"));
    cache_close(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_full_file_system_is_no_place, tempdir_make, tempdir_remove),
        cmocka_unit_test_setup_teardown(any_room_is_a_place_or_none, tempdir_make, tempdir_remove),
        cmocka_unit_test_setup_teardown(one_that_fills_up_drops_writes, tempdir_make, tempdir_remove),
        cmocka_unit_test_setup_teardown(a_lock_file_without_its_bytes_is_none, tempdir_make, tempdir_remove),
        cmocka_unit_test_setup_teardown(a_map_that_does_not_fit_is_made_smaller, tempdir_make, tempdir_remove),
        cmocka_unit_test_setup_teardown(a_file_that_outgrows_the_map_is_mapped_anew, tempdir_make, tempdir_remove),
        cmocka_unit_test_setup_teardown(one_that_cannot_be_mapped_anew_is_missing, tempdir_make, tempdir_remove),
        cmocka_unit_test_setup_teardown(a_small_map_of_a_shared_folder_evicts_nothing, tempdir_make, tempdir_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
