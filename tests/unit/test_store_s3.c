// A datastore in S3 as a byte source, over a bucket in memory.
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client/store_s3.h"
#include "fake_objects.h"

#define RAW "{\"cas_raw\": true, \"cas_version\": 1}"

static struct s3 s3;
static struct fetcher fetcher = {&s3};
static struct store *store;

static void put(const char *key, const char *text, const char *attributes)
{
    bucket_put(&s3, key, text, strlen(text), attributes);
}

static struct store *make(const char *root)
{
    struct store_s3_conf conf = {.s3 = &s3, .fetcher = &fetcher, .root = root, .ttl_ms = 60000};
    struct err err = ERR_INIT;
    struct store *s = NULL;
    if (store_s3_new(&conf, &s, &err)) {
        fail_msg("%s", err.cause);
    }
    return s;
}

static int setup(void **state)
{
    (void)state;
    s3 = (struct s3){0};
    store = make("s3://bucket/some/root/");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    store->ops->free(store);
    return 0;
}

static errc info(const char *path, unsigned flags, struct store_info *ret)
{
    struct err err = ERR_INIT;
    errc code = store->ops->info(store, path, flags, NULL, ret, &err);
    assert_int_equal(code, err.code);
    return code;
}

struct pieces {
    struct buf buf;
    size_t largest;
    errc stop; // what the first piece gives
};

static errc take(void *arg, const void *data, size_t len, struct err *err)
{
    struct pieces *p = arg;
    p->largest = len > p->largest ? len : p->largest;
    buf_put(&p->buf, data, len);
    return p->stop ? err_set(err, p->stop, "no more") : ERR_OK;
}

static errc read_from(const char *path, uint64_t offset, struct store_info *ret_info, struct pieces *p)
{
    struct err err = ERR_INIT;
    errc code = store->ops->read(store, path, offset, NULL, ret_info, take, p, &err);
    assert_int_equal(code, err.code);
    return code;
}

static void roots(void **state)
{
    (void)state;
    assert_string_equal(store->sysroot, "s3://bucket/some/root");
    assert_string_equal(store->type, "s3");
    static const char *const bad[] = {"", "/tmp/x", "s3://", "s3:///x", "https://bucket/x"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct store_s3_conf conf = {.s3 = &s3, .fetcher = &fetcher, .root = bad[i]};
        struct err err = ERR_INIT;
        struct store *s;
        assert_int_equal(store_s3_new(&conf, &s, &err), ERR_INVALID);
        assert_non_null(strstr(err.cause, "s3://BUCKET/PREFIX"));
    }
    put("F/1/s/2/0.x.log", "abc", NULL);
    store->ops->free(store);
    store = make("s3://bare");
    struct store_info i;
    assert_int_equal(info("F/1/s/2/0.x.log", 0, &i), ERR_OK);
    assert_string_equal(s3.bucket, "bare");
    assert_string_equal(s3.key, "F/1/s/2/");
}

static void logs_are_told_by_listings(void **state)
{
    (void)state;
    put("some/root/F/argo-x.y%/s#1/t 2/0.x.log", "abc", NULL);
    struct store_info i;
    for (int round = 0; round < 2; round++) {
        assert_int_equal(info("F/argo-x.y%/s#1/t 2/0.x.log", 0, &i), ERR_OK);
        assert_true(i.size == 3 && i.mtime_ms == 1795000000000 && !i.attributes);
        assert_int_equal(info("F/argo-x.y%/s#1/t 2/0.y.log", STORE_SETTLED, &i), ERR_NOT_FOUND);
    }
    assert_int_equal(bucket_requests(&s3), 1);
    assert_string_equal(s3.key, "some/root/F/argo-x.y%/s#1/t 2/"); // ids as they are
}

static void a_bucket_that_may_not_be_listed(void **state)
{
    (void)state;
    put("some/root/F/1/s/2/0.x.log", "abc", NULL);
    s3.fail_list = ERR_DENIED;
    struct store_info i;
    assert_int_equal(info("F/1/s/2/0.x.log", 0, &i), ERR_OK);
    assert_int_equal(i.size, 3);
    assert_int_equal(info("F/1/s/2/0.y.log", 0, &i), ERR_NOT_FOUND);
    assert_int_equal(s3.lists, 1);
    assert_int_equal(s3.heads, 2);
    s3.fail = ERR_UNREACHABLE;
    assert_int_equal(info("F/1/s/2/0.x.log", 0, &i), ERR_UNREACHABLE);
}

static void a_listing_that_fails_is_no_head(void **state)
{
    (void)state;
    s3.fail = ERR_THROTTLED;
    struct store_info i;
    assert_int_equal(info("F/1/s/2/0.x.log", 0, &i), ERR_THROTTLED);
    assert_int_equal(bucket_requests(&s3), 1);
}

static void blobs_have_attributes(void **state)
{
    (void)state;
    put("some/root/F/data/ab/abcd", "raw", RAW);
    put("some/root/F/data/ab/empty", "", RAW);
    struct store_info i = {0};
    assert_int_equal(info("F/data/ab/abcd", STORE_ATTRIBUTES, &i), ERR_OK);
    assert_string_equal(i.attributes, RAW);
    assert_int_equal(i.size, 3);
    assert_int_equal(s3.heads, 1);
    free(i.attributes);
    static const char *const paths[] = {"F/data/ab/abcd", "F/data/ab/empty"};
    for (int n = 0; n < 2; n++) {
        auto_cleanup(buf_free) struct buf none = {0};
        struct pieces p = {.buf = none};
        i = (struct store_info){0};
        assert_int_equal(read_from(paths[n], 0, &i, &p), ERR_OK);
        assert_int_equal(p.buf.len, n ? 0 : 3);
        assert_string_equal(i.attributes, RAW);
        free(i.attributes);
        buf_free(&p.buf);
    }
    assert_int_equal(s3.fetches, 2); // through the parallel fetcher
    assert_int_equal(s3.gets, 0);
}

static void bytes_come_in_pieces_of_a_mebibyte(void **state)
{
    (void)state;
    size_t len = ((size_t)5 << 20) + 17;
    auto_free char *data = mem_zalloc(len);
    for (size_t i = 0; i < len; i++) {
        data[i] = (char)(i * 7 + i / 4096);
    }
    bucket_put(&s3, "some/root/F/data/ab/large", data, len, NULL);
    bucket_put(&s3, "some/root/F/1/s/2/0.x.log", data, len, NULL);
    static const char *const paths[] = {"F/data/ab/large", "F/1/s/2/0.x.log"};
    static const uint64_t offsets[] = {0, 1, (1 << 20) + 3, (5 << 20) + 16};
    for (int n = 0; n < 2; n++) {
        for (int o = 0; o < 4; o++) {
            struct pieces p = {0};
            struct store_info i = {0};
            assert_int_equal(read_from(paths[n], offsets[o], &i, &p), ERR_OK);
            assert_int_equal(p.buf.len, len - offsets[o]);
            assert_memory_equal(p.buf.data, data + offsets[o], p.buf.len);
            assert_true(p.largest <= (size_t)1 << 20);
            assert_int_equal(i.size, len);
            buf_free(&p.buf);
        }
    }
    assert_int_equal(s3.bytes, 2 * (4 * len - offsets[1] - offsets[2] - offsets[3])); // ranges, not wholes
}

static void reading_beyond_the_end(void **state)
{
    (void)state;
    put("some/root/F/1/s/2/0.x.log", "abc", NULL);
    struct pieces p = {0};
    struct store_info i = {0};
    assert_int_equal(read_from("F/1/s/2/0.x.log", 3, &i, &p), ERR_OK);
    assert_int_equal(i.size, 3);
    assert_int_equal(read_from("F/1/s/2/0.x.log", 1000, NULL, &p), ERR_OK);
    assert_int_equal(p.buf.len, 0);
    p.stop = ERR_LIMIT; // the taker's own limit is not the end of the object
    assert_int_equal(read_from("F/1/s/2/0.x.log", 1, NULL, &p), ERR_LIMIT);
    buf_free(&p.buf);
}

static void failures(void **state)
{
    (void)state;
    put("some/root/F/1/s/2/0.data.json", "{\"a\": 1}", NULL);
    struct pieces p = {0};
    struct store_info i = {0};
    assert_int_equal(read_from("F/1/s/2/1.data.json", 0, &i, &p), ERR_NOT_FOUND);
    assert_int_equal(read_from("F/data/ab/none", 0, &i, &p), ERR_NOT_FOUND);
    s3.piece = 2;
    s3.cut_after = 4;
    assert_int_equal(read_from("F/1/s/2/0.data.json", 0, &i, &p), ERR_IO);
    assert_int_equal(i.size, 8); // told before the first piece
    assert_int_equal(p.buf.len, 4);
    s3.cut_after = 0;
    p.stop = ERR_NO_SPACE;
    assert_int_equal(read_from("F/1/s/2/0.data.json", 0, NULL, &p), ERR_NO_SPACE);
    s3.fail = ERR_DENIED;
    assert_int_equal(read_from("F/1/s/2/0.data.json", 0, NULL, &p), ERR_DENIED);
    buf_free(&p.buf);
}

static void paths_that_cannot_be(void **state)
{
    (void)state;
    static const char *const paths[] = {"", "/", "F//x", "/F/x", "F/../x", "./F", "F/1/s/2/", "F/1/s/2/..", "F/1/s/./x"};
    for (size_t n = 0; n < sizeof(paths) / sizeof(*paths); n++) {
        struct store_info i;
        struct pieces p = {0};
        assert_int_equal(info(paths[n], 0, &i), ERR_NOT_FOUND);
        assert_int_equal(read_from(paths[n], 0, NULL, &p), ERR_NOT_FOUND);
    }
    assert_int_equal(bucket_requests(&s3), 0);
}

static bool join(void *arg, const char *name, bool is_dir, int64_t size, int64_t mtime_ms)
{
    (void)mtime_ms;
    buf_printf(arg, "%s%s:%d ", name, is_dir ? "/" : "", (int)size);
    return true;
}

static void expect_list(const char *dir, const char *want)
{
    auto_cleanup(buf_free) struct buf b = {0};
    struct err err = ERR_INIT;
    assert_int_equal(store->ops->list(store, dir, NULL, join, &b, &err), ERR_OK);
    assert_string_equal(b.data ? b.data : "", want);
}

static void listings(void **state)
{
    (void)state;
    put("some/root/F/1/s/2/0.x.log", "abc", NULL);
    put("some/root/F/data/ab/abcd", "raw", NULL);
    put("some/root/F/data/", "", NULL); // S3's consoles make such keys
    put("some/root/mf.cards/F/runs/1/steps/s/tasks/2/cards/default-1.html", "<p>", NULL);
    put("some/rooted/G/x", "not below the root", NULL);
    expect_list("", "F/:-1 mf.cards/:-1 ");
    expect_list("F", "1/:-1 data/:-1 ");
    expect_list("F/data", "ab/:-1 ");
    expect_list("F/data/ab", "abcd:3 ");
    expect_list("F/1/s/2", "0.x.log:3 ");
    expect_list("G", "");
    expect_list("F/..", "");
    s3.lists = 0;
    for (int i = 0; i < 3; i++) {
        expect_list("mf.cards/F/runs/1/steps/s/tasks/2/cards", "default-1.html:3 ");
    }
    assert_int_equal(s3.lists, 1);
}

static void who_went_away_asks_nothing(void **state)
{
    (void)state;
    struct cancel gone = {.set = true};
    struct err err = ERR_INIT;
    struct store_info i;
    struct pieces p = {0};
    assert_int_equal(store->ops->info(store, "F/1/s/2/0.x.log", 0, &gone, &i, &err), ERR_INTERRUPTED);
    assert_int_equal(store->ops->read(store, "F/1/s/2/0.x.log", 0, &gone, NULL, take, &p, &err), ERR_INTERRUPTED);
    assert_int_equal(store->ops->list(store, "F", &gone, join, &p, &err), ERR_INTERRUPTED);
    assert_int_equal(bucket_requests(&s3), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(roots),
        TEST(logs_are_told_by_listings),
        TEST(a_bucket_that_may_not_be_listed),
        TEST(a_listing_that_fails_is_no_head),
        TEST(blobs_have_attributes),
        TEST(bytes_come_in_pieces_of_a_mebibyte),
        TEST(reading_beyond_the_end),
        TEST(failures),
        TEST(paths_that_cannot_be),
        TEST(listings),
        TEST(who_went_away_asks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
