// Whether an object could be staged at all, before any of its bytes are fetched.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdatomic.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/mem.h"
#include "s3/staging.h"
#include "tempdir.h"

static struct pool *pool;

static int set_up(void **state)
{
    pool = pool_new(&(struct pool_conf){.max_threads = 2, .idle_ms = 10, .name = "space"});
    return tempdir_make(state);
}

static int tear_down(void **state)
{
    pool_free(pool);
    return tempdir_remove(state);
}

static struct staging *area(struct staging_conf conf)
{
    struct staging *st;
    struct err err = ERR_INIT;
    conf.tempdir = tempdir;
    conf.pool = pool;
    assert_int_equal(staging_new(&conf, &st, &err), ERR_OK);
    return st;
}

struct gate {
    atomic_bool open;
    size_t bytes;
};

// Makes gate.bytes, the last of them when the gate is open.
static errc make(void *arg, struct staged *to, struct err *err)
{
    struct gate *gate = arg;
    static const char block[100000];
    for (size_t left = gate->bytes, n; left > 0; left -= n) {
        n = left < sizeof(block) ? left : sizeof(block);
        while (left == n && !atomic_load(&gate->open)) {
            errc e = cancel_sleep(staged_cancel(to), 1, err);
            if (e) {
                return e;
            }
        }
        errc e = staged_append(to, block, n, err);
        if (e) {
            return e;
        }
    }
    return ERR_OK;
}

static int freed;
static void count_freed(void *arg)
{
    (void)arg;
    freed++;
}

static errc get(struct staging *st, const char *key, struct gate *gate, uint64_t expected, struct staged **ret,
                struct err *err)
{
    struct staging_request rq = {
        .key = key, .produce = make, .arg = gate, .free_arg = count_freed, .patient = true, .expected = expected};
    return staging_get(st, &rq, ret, err);
}

static errc tried(struct staging *st, uint64_t expected, struct err *err)
{
    struct gate small = {.open = true, .bytes = 1};
    auto_cleanup(staged_unrefp) struct staged *s = NULL;
    uint64_t len;
    bool ended;
    errc e = get(st, NULL, &small, expected, &s, err);
    return e ? e : staged_wait(s, UINT64_MAX, NULL, &len, &ended, err);
}

static void whole(struct staged *s)
{
    uint64_t len;
    bool ended;
    struct err err = ERR_INIT;
    assert_int_equal(staged_wait(s, UINT64_MAX, NULL, &len, &ended, &err), ERR_OK);
}

static void the_cap(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct staging *st = area((struct staging_conf){.max_bytes = 1000000, .min_free_bytes = 1, .cap_option = "--cap"});
    assert_int_equal(tried(st, 0, &err), ERR_OK);
    assert_int_equal(tried(st, 1000000, &err), ERR_OK);
    freed = 0;
    assert_int_equal(tried(st, 1000001, &err), ERR_NO_SPACE);
    assert_int_equal(freed, 1);
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
    struct staging *st = area((struct staging_conf){.max_bytes = 1000000, .min_free_bytes = 1, .cap_option = "--cap"});
    struct gate first = {.bytes = 600000}, second = {.open = true, .bytes = 600000}, third = {.open = true, .bytes = 300000};
    struct staged *a, *b, *c;
    assert_int_equal(get(st, "a", &first, 600000, &a, &err), ERR_OK);
    assert_int_equal(get(st, "b", &second, 600000, &b, &err), ERR_NO_SPACE);
    assert_non_null(strstr(err.cause, "one after the other"));
    assert_non_null(strstr(err.cause, "raise --cap"));
    assert_int_equal(get(st, "a", &first, 600000, &b, &err), ERR_OK); // the same is shared
    staged_unref(b);
    assert_int_equal(get(st, "c", &third, 300000, &c, &err), ERR_OK); // fits beside
    whole(c);
    atomic_store(&first.open, true);
    whole(a);
    staged_unref(c);
    assert_int_equal(get(st, "b", &second, 600000, &b, &err), ERR_NO_SPACE); // it is held, whole or not
    staged_unref(a);
    assert_int_equal(get(st, "b", &second, 600000, &b, &err), ERR_OK); // what nobody holds is dropped for it
    whole(b);
    staged_unref(b);
    staging_free(st);
}

// An object that nobody waits for any more keeps nobody out while its producer is still to be stopped.
static void beside_what_was_left(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct staging *st = area((struct staging_conf){.max_bytes = 1000000, .min_free_bytes = 1});
    struct gate never = {.bytes = 900000}, next = {.open = true, .bytes = 900000};
    struct staged *s;
    uint64_t len;
    bool ended;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(get(st, "a", &never, 900000, &s, &err), ERR_OK);
        assert_int_equal(staged_wait(s, 500000, NULL, &len, &ended, &err), ERR_OK);
        staged_unref(s);
    }
    assert_int_equal(get(st, "b", &next, 900000, &s, &err), ERR_OK);
    whole(s);
    staged_unref(s);
    staging_free(st);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_cap, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_free_space, set_up, tear_down),
        cmocka_unit_test_setup_teardown(beside_what_is_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(beside_what_was_left, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
