// client/store.h over a directory, and client/confine.h below it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "client/confine.h"
#include "client/store.h"
#include "temp_tree.h"

static struct tree_dir dir, outside;
static struct store *store;

static int set_up(void **state)
{
    (void)state;
    dir = tree_make();
    outside = tree_make();
    tree_file(&outside, "secret", "not yours");
    tree_file(&dir, "F/data/ab/abcd", "blob bytes");
    tree_file(&dir, "F/data/ab/abcd_meta", "{\"cas_raw\": true, \"cas_version\": 1}");
    tree_file(&dir, "F/1/start/2/0.data.json", "{}");
    tree_file(&dir, "F/1/start/2/_meta/_self.json", "{}");
    tree_file(&dir, "empty", "");
    struct err err = ERR_INIT;
    return store_local_new(dir.path, &store, &err) ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    store->ops->free(store);
    tree_remove(&dir);
    tree_remove(&outside);
    return 0;
}

static void info_and_attributes(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct store_info info = {0};
    assert_string_equal(store->type, "local");
    assert_string_equal(store->sysroot, dir.path);
    assert_int_equal(store->ops->info(store, "F/data/ab/abcd", STORE_ATTRIBUTES, NULL, &info, &err), ERR_OK);
    assert_int_equal(info.size, 10);
    assert_true(info.mtime_ms > 1500000000000);
    assert_string_equal(info.attributes, "{\"cas_raw\": true, \"cas_version\": 1}");
    free(info.attributes);
    info.attributes = NULL;
    assert_int_equal(store->ops->info(store, "F/data/ab/abcd", 0, NULL, &info, &err), ERR_OK);
    assert_null(info.attributes);
    assert_int_equal(store->ops->info(store, "F/1/start/2/0.data.json", STORE_ATTRIBUTES, NULL, &info, &err), ERR_OK);
    assert_null(info.attributes);
}

static void missing_and_bad_paths(void **state)
{
    (void)state;
    static const char *const paths[] = {
        "none", "F/none/x", "",         "/",          "/etc/passwd", "F//data/ab/abcd",     "empty/x",
        "F/..", "..",       "F/./data", "F/data/ab/", "./F",         "F/../F/data/ab/abcd",
    };
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct err err = ERR_INIT;
        struct store_info info;
        auto_cleanup(buf_free) struct buf b = {0};
        assert_int_equal(store->ops->info(store, paths[i], STORE_ATTRIBUTES, NULL, &info, &err), ERR_NOT_FOUND);
        assert_int_equal(store_read_all(store, paths[i], 100, NULL, &b, &err), ERR_NOT_FOUND);
        assert_int_equal(b.len, 0);
    }
    struct err err = ERR_INIT;
    struct store *none = NULL;
    assert_int_equal(store_local_new("/no/such/directory", &none, &err), ERR_NOT_FOUND);
    assert_null(none);
}

static void only_regular_files(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct store_info info;
    auto_cleanup(buf_free) struct buf b = {0};
    auto_free char *fifo = tree_path(&dir, "F/fifo");
    assert_int_equal(mkfifo(fifo, 0600), 0);
    static const char *const paths[] = {"F/data", "F/fifo"};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(store->ops->info(store, paths[i], STORE_ATTRIBUTES, NULL, &info, &err), ERR_INVALID);
        assert_int_equal(store_read_all(store, paths[i], 100, NULL, &b, &err), ERR_INVALID);
    }
}

static void links(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct store_info info;
    auto_free char *secret = tree_path(&outside, "secret");
    auto_free char *blob = tree_path(&dir, "F/data/ab/abcd");
    tree_link(&dir, "in_relative", "F/data/ab/abcd");
    tree_link(&dir, "in_absolute", blob);
    tree_link(&dir, "F/data/cd", "ab");
    tree_link(&dir, "out_absolute", secret);
    tree_link(&dir, "out_relative", "../../../../../../../../../../../etc/passwd");
    tree_link(&dir, "out_dir", outside.path);
    tree_link(&dir, "dangling", "nowhere");
    tree_link(&dir, "circle", "circle");
    static const char *const inside[] = {"in_relative", "in_absolute", "F/data/cd/abcd"};
    for (size_t i = 0; i < 3; i++) {
        auto_cleanup(buf_free) struct buf b = {0};
        assert_int_equal(store_read_all(store, inside[i], 100, NULL, &b, &err), ERR_OK);
        assert_string_equal(b.data, "blob bytes");
    }
    static const char *const out[] = {"out_absolute", "out_relative", "out_dir/secret"};
    for (size_t i = 0; i < 3; i++) {
        auto_cleanup(buf_free) struct buf b = {0};
        assert_int_equal(store_read_all(store, out[i], 100, NULL, &b, &err), ERR_DENIED);
        assert_non_null(strstr(err.cause, out[i]));
        assert_int_equal(store->ops->info(store, out[i], 0, NULL, &info, &err), ERR_DENIED);
    }
    assert_int_equal(store->ops->info(store, "dangling", 0, NULL, &info, &err), ERR_NOT_FOUND);
    assert_int_not_equal(store->ops->info(store, "circle", 0, NULL, &info, &err), ERR_OK);
}

static void read_limits(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    auto_cleanup(buf_free) struct buf b = {0}, small = {.max = 4};
    assert_int_equal(store_read_all(store, "F/data/ab/abcd", 10, NULL, &b, &err), ERR_OK);
    assert_int_equal(b.len, 10);
    assert_int_equal(store_read_all(store, "F/data/ab/abcd", 9, NULL, &b, &err), ERR_LIMIT);
    assert_int_equal(store_read_all(store, "F/data/ab/abcd", 10, NULL, &small, &err), ERR_LIMIT);
    buf_free(&b);
    assert_int_equal(store_read_all(store, "empty", 0, NULL, &b, &err), ERR_OK);
    assert_int_equal(b.len, 0);
}

struct pieces {
    size_t total, largest, calls;
    size_t stop_after;
    struct cancel *cancel_after_first;
    const struct store_info *info;
    uint64_t size_at_first;
};

static errc take(void *arg, const void *data, size_t len, struct err *err)
{
    struct pieces *p = arg;
    const unsigned char *bytes = data;
    if (p->calls++ == 0 && p->info)
        p->size_at_first = p->info->size;
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] != (unsigned char)((p->total + i) % 251))
            return err_set(err, ERR_CORRUPT, "wrong byte");
    }
    p->total += len;
    if (len > p->largest)
        p->largest = len;
    if (p->cancel_after_first)
        atomic_store(&p->cancel_after_first->set, 1);
    return p->calls == p->stop_after ? err_set(err, ERR_NO_SPACE, "enough") : ERR_OK;
}

static void streams_in_pieces(void **state)
{
    (void)state;
    enum { SIZE = 3 * 1024 * 1024 + 17 };
    char *data = malloc(SIZE);
    for (size_t i = 0; i < SIZE; i++)
        data[i] = (char)(i % 251);
    auto_free char *path = tree_path(&dir, "large");
    FILE *f = fopen(path, "w");
    assert_int_equal(fwrite(data, 1, SIZE, f), SIZE);
    assert_int_equal(fclose(f), 0);
    free(data);

    struct err err = ERR_INIT;
    struct store_info info = {0};
    struct pieces p = {.info = &info};
    assert_int_equal(store->ops->read(store, "large", 0, NULL, &info, take, &p, &err), ERR_OK);
    assert_int_equal(p.total, SIZE);
    assert_true(p.largest <= 1024 * 1024 && p.calls >= 4);
    assert_int_equal(p.size_at_first, SIZE);
    p = (struct pieces){.total = 1000000};
    assert_int_equal(store->ops->read(store, "large", 1000000, NULL, NULL, take, &p, &err), ERR_OK);
    assert_int_equal(p.total, SIZE);
    p = (struct pieces){0};
    assert_int_equal(store->ops->read(store, "large", SIZE, NULL, NULL, take, &p, &err), ERR_OK);
    assert_int_equal(store->ops->read(store, "large", UINT64_MAX, NULL, NULL, take, &p, &err), ERR_OK);
    assert_int_equal(p.calls, 0);
    p = (struct pieces){.stop_after = 2};
    assert_int_equal(store->ops->read(store, "large", 0, NULL, NULL, take, &p, &err), ERR_NO_SPACE);
    assert_string_equal(err.cause, "enough");
    struct cancel cancel = {0};
    p = (struct pieces){.cancel_after_first = &cancel};
    assert_int_equal(store->ops->read(store, "large", 0, &cancel, NULL, take, &p, &err), ERR_INTERRUPTED);
    assert_int_equal(p.calls, 1);
}

static bool join_entry(void *arg, const char *name, bool is_dir, int64_t size, int64_t mtime_ms)
{
    assert_true(mtime_ms > 0);
    buf_printf(arg, "%s%s %d;", name, is_dir ? "/" : "", (int)size);
    return true;
}

static bool first_only(void *arg, const char *name, bool is_dir, int64_t size, int64_t mtime_ms)
{
    (void)name, (void)is_dir, (void)size, (void)mtime_ms;
    return ++*(int *)arg < 1;
}

static void listings(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    auto_cleanup(buf_free) struct buf b = {0};
    assert_int_equal(store->ops->list(store, "F/1/start/2", NULL, join_entry, &b, &err), ERR_OK);
    assert_string_equal(b.data, "0.data.json 2;"); // no _meta
    buf_free(&b);
    assert_int_equal(store->ops->list(store, "F/1/start", NULL, join_entry, &b, &err), ERR_OK);
    assert_string_equal(b.data, "2/ -1;");
    buf_free(&b);
    assert_int_equal(store->ops->list(store, "none", NULL, join_entry, &b, &err), ERR_OK);
    assert_int_equal(store->ops->list(store, "F/../F", NULL, join_entry, &b, &err), ERR_OK);
    assert_int_equal(store->ops->list(store, "empty", NULL, join_entry, &b, &err), ERR_OK);
    assert_int_equal(b.len, 0);
    int calls = 0;
    assert_int_equal(store->ops->list(store, "F/data/ab", NULL, first_only, &calls, &err), ERR_OK);
    assert_int_equal(calls, 1);
    tree_link(&dir, "L/out", "/etc/passwd");
    tree_link(&dir, "L/in", "../empty");
    assert_int_equal(store->ops->list(store, "L", NULL, join_entry, &b, &err), ERR_OK);
    assert_string_equal(b.data, "in 0;");
    assert_int_equal(store->ops->list(store, "", NULL, first_only, &calls, &err), ERR_OK);
    struct cancel cancel = {0};
    atomic_store(&cancel.set, 1);
    assert_int_equal(store->ops->list(store, "F", &cancel, join_entry, &b, &err), ERR_INTERRUPTED);
}

static void unreadable(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    auto_cleanup(buf_free) struct buf b = {0};
    tree_lock(&dir, "F/locked", "x");
    errc e = store_read_all(store, "F/locked", 100, NULL, &b, &err);
    tree_unlock();
    assert_int_equal(e, ERR_DENIED);
    assert_non_null(strstr(err.cause, "F/locked"));
}

static void parts_of_paths(void **state)
{
    (void)state;
    assert_true(confine_is_part("a") && confine_is_part("..a") && confine_is_part(".a") && confine_is_part("..."));
    assert_false(confine_is_part("") || confine_is_part(".") || confine_is_part("..") || confine_is_part("a/b"));
    assert_true(confine_is_path("a/..b/.c"));
    assert_false(confine_is_path("a/") || confine_is_path("/a") || confine_is_path("a/../b") || confine_is_path(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(info_and_attributes), cmocka_unit_test(missing_and_bad_paths),
        cmocka_unit_test(only_regular_files),  cmocka_unit_test(links),
        cmocka_unit_test(read_limits),         cmocka_unit_test(streams_in_pieces),
        cmocka_unit_test(listings),            cmocka_unit_test(unreadable),
        cmocka_unit_test(parts_of_paths),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
