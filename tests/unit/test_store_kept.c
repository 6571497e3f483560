// Small immutable objects are read once, and then come from the cache, also by the next process.
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/mem.h"
#include "client/store_kept.h"
#include "gzip.h"
#include "tempdir.h"

#define GZIP "{\"cas_raw\": false, \"cas_version\": 1}"
#define RAW "{\"cas_raw\": true, \"cas_version\": 1}"

// --- a source that counts -------------------------------------------------------------------------------

struct counted {
    struct store store;
    char path[200]; // of the one object that it has
    struct buf bytes;
    const char *attributes;
    errc fail; // after the bytes
    int infos, reads;
};
static struct counted *source;

static errc counted_info(struct store *s, const char *path, unsigned flags, struct cancel *cancel,
                         struct store_info *ret, struct err *err)
{
    struct counted *c = (struct counted *)s;
    (void)cancel;
    c->infos++;
    if (strcmp(path, c->path) != 0) {
        return err_set(err, ERR_NOT_FOUND, "there is no %s", path);
    }
    *ret = (struct store_info){c->bytes.len, 4711, flags & STORE_ATTRIBUTES ? mem_strdup(c->attributes) : NULL};
    return ERR_OK;
}

static errc counted_read(struct store *s, const char *path, uint64_t offset, struct cancel *cancel,
                         struct store_info *ret_info, store_bytes_fn fn, void *arg, struct err *err)
{
    struct counted *c = (struct counted *)s;
    struct store_info info;
    c->reads++;
    errc code = counted_info(s, path, STORE_ATTRIBUTES, cancel, &info, err);
    c->infos--;
    if (code) {
        return code;
    }
    if (ret_info) {
        *ret_info = info;
    } else {
        free(info.attributes);
    }
    for (size_t at = offset; at < c->bytes.len; at += 1000) {
        size_t left = c->bytes.len - at;
        code = fn(arg, c->bytes.data + at, left < 1000 ? left : 1000, err);
        if (code) {
            return code;
        }
    }
    return c->fail ? err_set(err, c->fail, "broken off") : ERR_OK;
}

static errc counted_list(struct store *s, const char *dir, struct cancel *cancel, store_list_fn fn, void *arg,
                         struct err *err)
{
    (void)s, (void)cancel, (void)err;
    fn(arg, dir, true, -1, -1);
    return ERR_OK;
}

static void counted_free(struct store *s)
{
    struct counted *c = (struct counted *)s;
    buf_free(&c->bytes);
    free(c);
    source = NULL;
}

// --- a mount after the other ------------------------------------------------------------------------------

static struct cache *cache;
static struct store *store;

static void mount_at(const char *place)
{
    static const struct store_ops ops = {counted_info, counted_read, counted_list, counted_free};
    struct cache_conf conf = {.dir = tempdir, .tempdir = tempdir, .identity = "test"};
    struct err err = ERR_INIT;
    if (cache_open(&conf, &cache, &err)) {
        fail_msg("%s", err.cause);
    }
    source = mem_zalloc(sizeof(*source));
    source->store = (struct store){&ops, "s3", "s3://bucket/root"};
    store = store_kept_new(&source->store, cache, place);
}

static void unmount(void)
{
    store->ops->free(store);
    cache_close(cache);
}

// The same object in a new process.
static void remount(const char *place)
{
    struct counted old = *source;
    old.bytes = (struct buf){0};
    buf_put(&old.bytes, source->bytes.data, source->bytes.len);
    unmount();
    mount_at(place);
    memcpy(source->path, old.path, sizeof(old.path));
    source->bytes = old.bytes;
    source->attributes = old.attributes;
}

static int setup(void **state)
{
    int e = tempdir_make(state);
    mount_at("s3://bucket/root");
    return e;
}

static int finish(void **state)
{
    unmount();
    return tempdir_remove(state);
}

// --- objects ------------------------------------------------------------------------------------------------

static void has(const char *path, const void *bytes, size_t len, const char *attributes)
{
    snprintf(source->path, sizeof(source->path), "%s", path);
    source->bytes.len = 0;
    buf_put(&source->bytes, bytes, len);
    source->attributes = attributes;
}

// A blob of this content: its path.
static void has_blob(const char *content, size_t len, bool gzip, const char *attributes)
{
    char sha[41];
    auto_cleanup(buf_free) struct buf stored = {0};
    sha1_hex_of(content, len, sha);
    if (gzip) {
        gzip_member(&stored, content, len);
    } else {
        buf_put(&stored, content, len);
    }
    auto_free char *path = mem_printf("F/data/%.2s/%s", sha, sha);
    has(path, stored.data, stored.len, attributes);
}

static errc take(void *arg, const void *data, size_t len, struct err *err)
{
    (void)err;
    buf_put(arg, data, len);
    return ERR_OK;
}

// Reads the object, which has to be as it is at the source, whoever gives it.
static void read_it(void)
{
    struct err err = ERR_INIT;
    for (size_t offset = 0; offset < source->bytes.len; offset += source->bytes.len / 2 + 1) {
        auto_cleanup(buf_free) struct buf got = {0};
        struct store_info info = {0};
        if (store->ops->read(store, source->path, offset, NULL, &info, take, &got, &err)) {
            fail_msg("%s", err.cause);
        }
        assert_int_equal(got.len, source->bytes.len - offset);
        assert_memory_equal(got.data, source->bytes.data + offset, got.len);
        assert_int_equal(info.size, source->bytes.len);
        assert_int_equal(info.mtime_ms, 4711);
        if (source->attributes) {
            assert_string_equal(info.attributes, source->attributes);
        } else {
            assert_null(info.attributes);
        }
        free(info.attributes);
    }
}

static void expect_kept(bool kept)
{
    source->reads = 0;
    read_it();
    assert_int_equal(source->reads, kept ? 0 : 2);
}

static void blobs_are_kept(void **state)
{
    (void)state;
    has_blob("a value", 7, true, GZIP);
    read_it();
    assert_int_equal(source->reads, 1); // its second part came from the cache already
    expect_kept(true);
    remount("s3://bucket/root");
    expect_kept(true);
    struct err err = ERR_INIT;
    struct store_info info;
    assert_int_equal(store->ops->info(store, source->path, STORE_ATTRIBUTES, NULL, &info, &err), ERR_OK);
    assert_string_equal(info.attributes, GZIP);
    assert_int_equal(info.size, source->bytes.len);
    free(info.attributes);
    assert_int_equal(store->ops->info(store, source->path, 0, NULL, &info, &err), ERR_OK);
    assert_null(info.attributes);
    assert_int_equal(source->infos, 0);
    remount("s3://another/root");
    read_it();
    assert_int_equal(source->reads, 1);
}

static void raw_and_plain_ones_too(void **state)
{
    (void)state;
    has_blob("raw bytes", 9, false, RAW);
    read_it();
    expect_kept(true);
    has_blob("old gzip", 8, true, NULL);
    read_it();
    expect_kept(true);
    has_blob("included", 8, true, NULL);
    auto_free char *path = mem_printf("data/F/%s", strrchr(source->path, '/') + 1);
    snprintf(source->path, sizeof(source->path), "%s", path);
    read_it();
    expect_kept(true);
}

static void what_is_wrong_is_not_kept(void **state)
{
    (void)state;
    has_blob("a value", 7, true, GZIP);
    source->bytes.data[source->bytes.len / 2] ^= 1;
    read_it();
    expect_kept(false);
    source->bytes.data[source->bytes.len / 2] ^= 1; // mended
    read_it();
    expect_kept(true);
    static const char *const bad[] = {"{}", "[", "{\"cas_version\": 2}", "null", RAW};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        auto_free char *content = mem_printf("value %zu", i);
        has_blob(content, strlen(content), true, bad[i]);
        read_it();
        expect_kept(false);
    }
    has_blob("", 0, false, RAW);
    read_it();
    struct store_kept_stats stats;
    store_kept_stats(store, &stats);
    assert_int_equal(stats.kept, 1);
    assert_true(stats.refused >= 6);
}

static void a_read_that_fails_keeps_nothing(void **state)
{
    (void)state;
    auto_cleanup(buf_free) struct buf got = {0};
    struct err err = ERR_INIT;
    has_blob("a value", 7, true, GZIP);
    source->fail = ERR_IO;
    assert_int_equal(store->ops->read(store, source->path, 0, NULL, NULL, take, &got, &err), ERR_IO);
    source->fail = ERR_OK;
    source->reads = 0;
    read_it();
    assert_int_equal(source->reads, 1);
}

static void large_ones_are_passed_on(void **state)
{
    (void)state;
    size_t len = 65 * 1024;
    auto_free char *content = mem_zalloc(len);
    has_blob(content, len, false, RAW);
    read_it();
    expect_kept(false);
}

static void data_json_is_kept_when_it_is_whole(void **state)
{
    (void)state;
    has("F/7/start/1/0.data.json", "{\"objects\": {", 13, NULL);
    read_it();
    expect_kept(false);
    has("F/7/start/1/0.data.json", "{\"objects\": {}}", 15, NULL);
    read_it();
    expect_kept(true);
    remount("s3://bucket/root");
    expect_kept(true);
    has("F/7/start/1/1.data.json", "{\"objects\": []}", 15, NULL); // of another attempt
    source->reads = 0;
    read_it();
    assert_int_equal(source->reads, 1);
    has("F/7/start/1/2.data.json", "[\"no\", \"object\"]", 16, NULL);
    read_it();
    expect_kept(false);
}

static void forgetting_a_run_keeps_blobs(void **state)
{
    (void)state;
    has_blob("a value", 7, true, GZIP);
    read_it();
    cache_forget(cache, "F/7");
    cache_forget(cache, "F");
    expect_kept(true);
    has("F/7/start/1/0.data.json", "{\"objects\": {}}", 15, NULL);
    read_it();
    expect_kept(true);
    cache_forget(cache, "F/7/start");
    source->reads = 0;
    read_it();
    assert_int_equal(source->reads, 1);
    has_blob("a value", 7, true, GZIP);
    cache_forget(cache, "");
    source->reads = 0;
    read_it();
    assert_int_equal(source->reads, 1);
}

static void everything_else_is_passed_on(void **state)
{
    (void)state;
    static const char *const paths[] = {"F/7/start/1/0.runtime", "F/7/start/1/x.data.json", "F/data/ab/short",
                                        "F/7/start/1/0.data.json/x", "x", "data/F/short", "F/7/start/1/.data.json"};
    for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
        has(paths[i], "{\"a\": 1}", 8, NULL);
        read_it();
        expect_kept(false);
    }
    struct err err = ERR_INIT;
    struct store_info info;
    auto_cleanup(buf_free) struct buf got = {0};
    assert_int_equal(store->ops->info(store, "F/7/start/1/0.x.log", STORE_SETTLED, NULL, &info, &err), ERR_NOT_FOUND);
    assert_int_equal(store->ops->read(store, "F/7/start/1/9.data.json", 0, NULL, NULL, take, &got, &err), ERR_NOT_FOUND);
    struct cancel gone = {.set = true};
    assert_int_equal(store->ops->read(store, source->path, 0, &gone, NULL, take, &got, &err), ERR_INTERRUPTED);
    assert_string_equal(store->type, "s3");
    assert_string_equal(store->sysroot, "s3://bucket/root");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, finish)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(blobs_are_kept),
        TEST(raw_and_plain_ones_too),
        TEST(what_is_wrong_is_not_kept),
        TEST(a_read_that_fails_keeps_nothing),
        TEST(large_ones_are_passed_on),
        TEST(data_json_is_kept_when_it_is_whole),
        TEST(forgetting_a_run_keeps_blobs),
        TEST(everything_else_is_passed_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
