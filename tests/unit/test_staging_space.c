// Whether an object could be staged at all, before any of its bytes are fetched.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <sys/statvfs.h>

#include "s3/staging.h"
#include "tempdir.h"

static struct pool *pool;

static int set_up(void **state)
{
    pool = pool_new(&(struct pool_conf){.max_threads = 1, .idle_ms = 10, .name = "space"});
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

static void the_cap(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct staging *st = area((struct staging_conf){.max_bytes = 1000000, .min_free_bytes = 1, .cap_option = "--cap"});
    assert_int_equal(staging_could_hold(st, 0, &err), ERR_OK);
    assert_int_equal(staging_could_hold(st, 1000000, &err), ERR_OK);
    assert_int_equal(staging_could_hold(st, 1000001, &err), ERR_NO_SPACE);
    assert_non_null(strstr(err.cause, "1000001"));
    assert_non_null(strstr(err.cause, "raise --cap"));
    staging_free(st);
    st = area((struct staging_conf){.max_bytes = 1000000, .min_free_bytes = 1, .soft_cap = true});
    assert_int_equal(staging_could_hold(st, 1000001, &err), ERR_OK);
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
    assert_int_equal(staging_could_hold(st, room / 2, &err), ERR_OK);
    assert_int_equal(staging_could_hold(st, room + room / 2, &err), ERR_NO_SPACE);
    assert_non_null(strstr(err.cause, "METAFLOW_TEMPDIR"));
    assert_non_null(strstr(err.cause, tempdir));
    staging_free(st);
    st = area((struct staging_conf){.max_bytes = UINT64_MAX, .min_free_bytes = UINT64_MAX / 2});
    assert_int_equal(staging_could_hold(st, STAGING_MEMORY_MAX, &err), ERR_OK); // memory is not of the file system
    assert_int_equal(staging_could_hold(st, STAGING_MEMORY_MAX + 1, &err), ERR_NO_SPACE);
    staging_free(st);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_cap, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_free_space, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
