// Bytes that are not in the mounted datastore are looked for where records say that they were put.
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "client/store_located.h"
#include "temp_tree.h"

#define BLOB "F/data/ab/abcd"

struct world {
    struct tree_dir mounted, other;
    struct store *store;
};

static int setup(void **state)
{
    static struct world w;
    struct err err = ERR_INIT;
    struct store *mounted;
    w.mounted = tree_make();
    w.other = tree_make();
    assert_int_equal(store_local_new(w.mounted.path, &mounted, &err), ERR_OK);
    w.store = store_located_new(mounted);
    *state = &w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    w->store->ops->free(w->store);
    tree_remove(&w->mounted);
    tree_remove(&w->other);
    return 0;
}

static errc read_text(struct world *w, const char *path, char *text, size_t size)
{
    struct err err = ERR_INIT;
    struct store_info info;
    auto_cleanup(buf_free) struct buf buf = {0};
    errc code = w->store->ops->info(w->store, path, 0, NULL, &info, &err);
    errc read_code = store_read_all(w->store, path, 1000, NULL, &buf, &err);
    assert_int_equal(code, read_code); // both look in the same places
    snprintf(text, size, "%s", read_code ? err.cause : buf.data);
    return read_code;
}

static void the_mounted_root_comes_first(void **state)
{
    struct world *w = *state;
    char text[700];
    tree_file(&w->other, BLOB, "theirs");
    auto_free char *location = mem_printf(":root:%s", w->other.path);
    assert_int_equal(read_text(w, BLOB, text, sizeof(text)), ERR_NOT_FOUND);
    store_located_add(w->store, "F", location);
    store_located_add(w->store, "F", location);
    assert_int_equal(read_text(w, BLOB, text, sizeof(text)), ERR_OK);
    assert_string_equal(text, "theirs");
    tree_file(&w->mounted, BLOB, "ours");
    assert_int_equal(read_text(w, BLOB, text, sizeof(text)), ERR_OK);
    assert_string_equal(text, "ours");
}

static void what_is_not_named_by_its_content_is_only_here(void **state)
{
    struct world *w = *state;
    char text[700];
    tree_file(&w->other, "F/1/s/2/0.runtime", "{}");
    tree_file(&w->other, "data/F/abcd", "included");
    store_located_add(w->store, "F", w->other.path);
    assert_int_equal(read_text(w, "F/1/s/2/0.runtime", text, sizeof(text)), ERR_NOT_FOUND);
    assert_int_equal(read_text(w, "data/F/abcd", text, sizeof(text)), ERR_OK);
}

static void a_place_that_cannot_be_read_here_is_named(void **state)
{
    struct world *w = *state;
    char text[700];
    store_located_add(w->store, "F", ":root:/there/is/no/such/directory");
    store_located_add(w->store, "F", w->mounted.path);
    store_located_add(w->store, "F", NULL);
    assert_int_equal(read_text(w, BLOB, text, sizeof(text)), ERR_NOT_FOUND);
    store_located_add(w->store, "F", ":root:s3://bucket/metaflow");
    assert_int_equal(read_text(w, BLOB, text, sizeof(text)), ERR_NO_FORM);
    assert_non_null(strstr(text, "s3://bucket/metaflow"));
}

static void places_are_bounded(void **state)
{
    struct world *w = *state;
    for (int i = 0; i < 200; i++) {
        auto_free char *location = mem_printf(":root:s3://bucket/%d", i);
        store_located_add(w->store, "F", location);
    }
    char text[700];
    assert_int_equal(read_text(w, BLOB, text, sizeof(text)), ERR_NO_FORM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_mounted_root_comes_first, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_not_named_by_its_content_is_only_here, setup, teardown),
        cmocka_unit_test_setup_teardown(a_place_that_cannot_be_read_here_is_named, setup, teardown),
        cmocka_unit_test_setup_teardown(places_are_bounded, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
