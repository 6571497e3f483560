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

// Stands in for S3: sysroot s3://bucket/x is the directory `remote`; counts what it opens.
struct remote {
    struct store store; // first member
    struct store *inner;
    char *sysroot;
    struct world *world;
};
struct world {
    struct tree_dir mounted, other;
    struct store *store;
    int opened, asked; // requests to what was opened
    errc fail;         // what these give
};

static errc remote_enter(struct store *s, struct store **ret_inner, struct err *err)
{
    struct remote *r = (struct remote *)s;
    r->world->asked++;
    *ret_inner = r->inner;
    return r->world->fail ? err_set(err, r->world->fail, "the bucket is out of reach") : ERR_OK;
}

static errc remote_info(struct store *s, const char *path, unsigned flags, struct cancel *cancel,
                        struct store_info *ret, struct err *err)
{
    errc code = remote_enter(s, &s, err);
    return code ? code : s->ops->info(s, path, flags, cancel, ret, err);
}

static errc remote_read(struct store *s, const char *path, uint64_t offset, struct cancel *cancel,
                        struct store_info *ret_info, store_bytes_fn fn, void *arg, struct err *err)
{
    errc code = remote_enter(s, &s, err);
    return code ? code : s->ops->read(s, path, offset, cancel, ret_info, fn, arg, err);
}

static errc remote_list(struct store *s, const char *dir, struct cancel *cancel, store_list_fn fn, void *arg,
                        struct err *err)
{
    errc code = remote_enter(s, &s, err);
    return code ? code : s->ops->list(s, dir, cancel, fn, arg, err);
}

static void remote_free(struct store *s)
{
    struct remote *r = (struct remote *)s;
    r->inner->ops->free(r->inner);
    free(r->sysroot);
    free(r);
}

static errc remote_open(void *arg, const char *sysroot, struct store **ret, struct err *err)
{
    static const struct store_ops ops = {remote_info, remote_read, remote_list, remote_free};
    struct world *w = arg;
    w->opened++;
    if (strncmp(sysroot, "s3://bucket", 11) != 0) {
        return err_set(err, ERR_INVALID, "it is no bucket");
    }
    struct remote *r = mem_zalloc(sizeof(*r));
    r->world = w;
    r->sysroot = mem_strdup(sysroot);
    r->store = (struct store){&ops, "s3", r->sysroot};
    assert_int_equal(store_local_new(w->other.path, &r->inner, err), ERR_OK);
    *ret = &r->store;
    return ERR_OK;
}

static int setup(void **state)
{
    static struct world w;
    struct err err = ERR_INIT;
    struct store *mounted;
    w.mounted = tree_make();
    w.other = tree_make();
    assert_int_equal(store_local_new(w.mounted.path, &mounted, &err), ERR_OK);
    w.store = store_located_new(mounted, NULL, NULL);
    w.opened = w.asked = 0;
    w.fail = ERR_OK;
    *state = &w;
    return 0;
}

// A local datastore is mounted, and S3 can be read too.
static int setup_both(void **state)
{
    setup(state);
    struct world *w = *state;
    struct err err = ERR_INIT;
    struct store *mounted;
    w->store->ops->free(w->store);
    assert_int_equal(store_local_new(w->mounted.path, &mounted, &err), ERR_OK);
    w->store = store_located_new(mounted, remote_open, w);
    return 0;
}

// S3 (the directory `other`) is mounted.
static int setup_s3(void **state)
{
    setup(state);
    struct world *w = *state;
    struct err err = ERR_INIT;
    struct store *mounted;
    w->store->ops->free(w->store);
    assert_int_equal(remote_open(w, "s3://bucket/root", &mounted, &err), ERR_OK);
    w->store = store_located_new(mounted, remote_open, w);
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

// --- two kinds of datastore ------------------------------------------------------------------------------------

static bool count(void *arg, const char *name, bool is_dir, int64_t size, int64_t mtime_ms)
{
    (void)name, (void)is_dir, (void)size, (void)mtime_ms;
    ++*(int *)arg;
    return true;
}

static errc list_count(struct world *w, const char *dir, int *ret)
{
    struct err err = ERR_INIT;
    *ret = 0;
    return w->store->ops->list(w->store, dir, NULL, count, ret, &err);
}

#define CARDS(run) "mf.cards/F/runs/" run "/steps/s/tasks/2/cards"

static void runs_in_s3_of_a_local_mount(void **state)
{
    struct world *w = *state;
    char text[700];
    int n;
    tree_file(&w->other, BLOB, "blob");
    tree_file(&w->other, "F/1/s/2/0.data.json", "{}");
    tree_file(&w->other, CARDS("1") "/x.html", "card");
    tree_file(&w->mounted, "F/2/s/2/0.data.json", "[]");
    assert_int_equal(read_text(w, BLOB, text, sizeof(text)), ERR_NOT_FOUND);
    store_located_add(w->store, "F", ":root:s3://bucket/root");
    assert_int_equal(read_text(w, BLOB, text, sizeof(text)), ERR_OK);
    assert_string_equal(text, "blob");
    // Not known whose it is: the other kind is asked.
    assert_int_equal(read_text(w, "F/1/s/2/0.data.json", text, sizeof(text)), ERR_OK);
    assert_int_equal(list_count(w, CARDS("1"), &n), ERR_OK);
    assert_int_equal(n, 1);
    w->fail = ERR_UNREACHABLE;
    assert_int_equal(read_text(w, "F/1/s/2/0.data.json", text, sizeof(text)), ERR_NOT_FOUND);
    // Known to be there: then its answer counts, also a failure.
    store_located_run(w->store, "F", "1", "s3://bucket/root");
    assert_int_equal(read_text(w, "F/1/s/2/0.data.json", text, sizeof(text)), ERR_UNREACHABLE);
    assert_int_equal(list_count(w, CARDS("1"), &n), ERR_UNREACHABLE);
    w->fail = ERR_OK;
    assert_int_equal(read_text(w, "F/1/s/2/0.data.json", text, sizeof(text)), ERR_OK);
    assert_string_equal(text, "{}");
    // Known to be here: nobody else is asked.
    store_located_run(w->store, "F", "2", w->mounted.path);
    w->asked = 0;
    assert_int_equal(read_text(w, "F/2/s/2/1.data.json", text, sizeof(text)), ERR_NOT_FOUND);
    assert_int_equal(read_text(w, "F/2/s/2/0.data.json", text, sizeof(text)), ERR_OK);
    assert_int_equal(list_count(w, CARDS("2"), &n), ERR_OK);
    assert_int_equal(n, 0);
    assert_int_equal(w->asked, 0);
    assert_int_equal(w->opened, 1);
}

static void runs_on_this_machine_of_a_mount_of_s3(void **state)
{
    struct world *w = *state;
    char text[700];
    tree_file(&w->mounted, BLOB, "local blob");
    tree_file(&w->mounted, "F/1/s/2/0.runtime_stdout.log", "local log");
    auto_free char *location = mem_printf(":root:%s", w->mounted.path);
    assert_int_equal(read_text(w, BLOB, text, sizeof(text)), ERR_NOT_FOUND);
    store_located_run(w->store, "F", "1", location);
    assert_int_equal(read_text(w, BLOB, text, sizeof(text)), ERR_OK);
    assert_string_equal(text, "local blob");
    assert_int_equal(read_text(w, "F/1/s/2/0.runtime_stdout.log", text, sizeof(text)), ERR_OK);
    assert_int_equal(read_text(w, "F/1/s/2/0.runtime_stderr.log", text, sizeof(text)), ERR_NOT_FOUND);
    w->fail = ERR_DENIED; // what the mounted datastore says other than "missing" is the answer
    assert_int_equal(read_text(w, BLOB, text, sizeof(text)), ERR_DENIED);
}

static void places_that_cannot_be_opened(void **state)
{
    struct world *w = *state;
    char text[700];
    store_located_run(w->store, "F", "1", ":root:gs://bucket/x");
    store_located_run(w->store, "F", "1", ":root:gs://bucket/x");
    assert_int_equal(w->opened, 1);
    assert_int_equal(read_text(w, BLOB, text, sizeof(text)), ERR_NO_FORM);
    assert_non_null(strstr(text, "gs://bucket/x"));
    assert_int_equal(read_text(w, "F/1/s/2/0.data.json", text, sizeof(text)), ERR_NOT_FOUND);
}

static void a_datastore_on_demand(void **state)
{
    struct world *w = *state;
    char text[700];
    struct err err = ERR_INIT;
    tree_file(&w->other, BLOB, "blob");
    struct store *at = store_located_at(w->store, "s3://bucket", &err);
    assert_non_null(at);
    assert_ptr_equal(at, store_located_at(w->store, "s3://bucket", &err));
    assert_int_equal(w->opened, 1);
    assert_int_equal(read_text(w, BLOB, text, sizeof(text)), ERR_NOT_FOUND); // nobody recorded it
    assert_int_equal(w->asked, 0);
    store_located_add(w->store, "F", "s3://bucket/F/data/ab/abcd");
    assert_int_equal(read_text(w, BLOB, text, sizeof(text)), ERR_OK);
    assert_int_equal(w->opened, 1);
    assert_null(store_located_at(w->store, "gs://bucket", &err));
    assert_int_equal(err.code, ERR_INVALID);
    assert_null(store_located_at(at, "s3://bucket", &err));
    assert_int_equal(err.code, ERR_NO_FORM);
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
        cmocka_unit_test_setup_teardown(runs_in_s3_of_a_local_mount, setup_both, teardown),
        cmocka_unit_test_setup_teardown(runs_on_this_machine_of_a_mount_of_s3, setup_s3, teardown),
        cmocka_unit_test_setup_teardown(places_that_cannot_be_opened, setup_both, teardown),
        cmocka_unit_test_setup_teardown(a_datastore_on_demand, setup_both, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
