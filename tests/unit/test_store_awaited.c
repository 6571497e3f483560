// A datastore that does not exist yet: nothing is in it until its directory is there.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "client/store_awaited.h"
#include "tempdir.h"

static bool count(void *arg, const char *name, bool is_dir, int64_t size, int64_t mtime_ms)
{
    (void)name;
    (void)is_dir;
    (void)size;
    (void)mtime_ms;
    (*(int *)arg)++;
    return true;
}

static void is_empty_until_it_is_there(void **state)
{
    (void)state;
    auto_free char *root = mem_printf("%s/.metaflow", tempdir);
    struct store *s = store_awaited_new(root);
    struct err err = ERR_INIT;
    struct store_info info = {0};
    auto_cleanup(buf_free) struct buf text = {0};
    int n = 0;
    assert_string_equal(s->sysroot, root);
    assert_string_equal(s->type, "local");
    assert_int_equal(s->ops->info(s, "F/x", 0, NULL, &info, &err), ERR_NOT_FOUND);
    assert_non_null(strstr(err.cause, root));
    assert_int_equal(store_read_all(s, "F/x", 100, NULL, &text, &err), ERR_NOT_FOUND);
    assert_int_equal(s->ops->list(s, "F", NULL, count, &n, &err), ERR_OK);
    assert_int_equal(n, 0);

    tempdir_put(".metaflow/F/x", "hello", 5);
    assert_int_equal(s->ops->info(s, "F/x", 0, NULL, &info, &err), ERR_OK);
    assert_int_equal(info.size, 5);
    assert_int_equal(store_read_all(s, "F/x", 100, NULL, &text, &err), ERR_OK);
    assert_string_equal(text.data, "hello");
    assert_int_equal(s->ops->list(s, "F", NULL, count, &n, &err), ERR_OK);
    assert_int_equal(n, 1);
    s->ops->free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_empty_until_it_is_there),
    };
    return cmocka_run_group_tests(tests, tempdir_make, tempdir_remove);
}
