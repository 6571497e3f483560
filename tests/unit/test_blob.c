#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <time.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"
#include "client/blob.h"
#include "gzip.h"
#include "store_bench.h"

static int setup(void **state)
{
    return store_bench_setup(state, "root", 2000);
}

// Puts a blob whose key is that of `data`, stored as `stored`; returns the key.
static const char *put_blob(const struct buf *data, const struct buf *stored,
                            const char *attributes)
{
    static char sha[41];
    sha1_hex_of(data->data ? data->data : "", data->len, sha);
    auto_free char *path = mem_printf("root/F/data/%.2s/%s", sha, sha);
    tempdir_put(path, stored->data ? stored->data : "", stored->len);
    if (attributes) {
        auto_free char *sidecar = mem_printf("%s_meta", path);
        tempdir_put(sidecar, attributes, strlen(attributes));
    }
    return sha;
}

static errc stage(const char *sha, bool force_raw, struct staged **ret, uint64_t *ret_len,
                  struct err *err)
{
    struct blob_source src = {
        .store = store, .staging = staging, .flow = "F", .sha = sha, .force_raw = force_raw};
    bool ended;
    errc e = blob_get(&src, ret, err);
    return e ? e : staged_wait(*ret, UINT64_MAX, NULL, ret_len, &ended, err);
}

static void expect(const char *sha, bool force_raw, const struct buf *data)
{
    auto_cleanup(staged_unrefp) struct staged *s = NULL;
    struct err err = ERR_INIT;
    uint64_t len = 0;
    if (stage(sha, force_raw, &s, &len, &err))
        fail_msg("%s", err.cause);
    assert_int_equal(len, data->len);
    const uint8_t *map;
    size_t map_len;
    assert_int_equal(staged_map(s, &map, &map_len, &err), ERR_OK);
    assert_memory_equal(map, data->data ? data->data : "", map_len);
    staged_unmap(s, map, map_len);
}

static void expect_error(const char *sha, errc code, const char *cause)
{
    auto_cleanup(staged_unrefp) struct staged *s = NULL;
    struct err err = ERR_INIT;
    uint64_t len;
    assert_int_equal(stage(sha, false, &s, &len, &err), code);
    if (!strstr(err.cause, cause))
        fail_msg("\"%s\" does not say %s", err.cause, cause);
}

static unsigned salt; // makes each test's blobs its own

static void fill(struct buf *b, size_t len)
{
    salt++;
    for (size_t i = 0; i < len; i++)
        buf_putc(b, (char)(i * 13 + (i >> 7) + salt * (i + 1)));
}

#define V1 "{\"cas_raw\": false, \"cas_version\": 1}"
#define RAW "{\"cas_raw\": true, \"cas_version\": 1}"

static void gzip_and_raw(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 1000, 65535, 65536, 65537, 131072, 1000000};
    for (size_t i = 0; i < 7; i++) {
        auto_cleanup(buf_free) struct buf a = {0}, b = {0}, c = {0}, a_gz = {0}, b_gz = {0};
        fill(&a, sizes[i]);
        gzip_member(&a_gz, a.data, a.len);
        expect(put_blob(&a, &a_gz, V1), false, &a);
        fill(&b, sizes[i]);
        gzip_member(&b_gz, b.data, b.len);
        expect(put_blob(&b, &b_gz, NULL), false, &b); // from before there were attributes
        fill(&c, sizes[i]);
        expect(put_blob(&c, &c, RAW), false, &c);
        expect(put_blob(&c, &c, V1), true, &c); // the caller knows better
    }
    auto_cleanup(buf_free) struct buf none = {0};
    expect(put_blob(&none, &none, RAW), false, &none);
}

static void attributes_that_are_not_understood(void **state)
{
    (void)state;
    static const struct {
        const char *text, *cause;
    } cases[] = {
        {"{}", "cas_version"},
        {"{\"cas_raw\": false}", "cas_version"},
        {"{\"cas_version\": 2}", "version 2"},
        {"{\"cas_raw\": ", "line"},
        {"[1]", "object"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        auto_cleanup(buf_free) struct buf data = {0}, gz = {0};
        fill(&data, 100);
        gzip_member(&gz, data.data, data.len);
        expect_error(put_blob(&data, &gz, cases[i].text), ERR_CORRUPT, cases[i].cause);
    }
    auto_cleanup(buf_free) struct buf data = {0}, gz = {0};
    fill(&data, 100);
    gzip_member(&gz, data.data, data.len);
    expect(put_blob(&data, &gz, "null"), false, &data);
}

static void wrong_bytes(void **state)
{
    (void)state;
    auto_cleanup(buf_free) struct buf data = {0}, other = {0}, gz = {0};
    fill(&data, 5000);
    fill(&other, 5000);
    gzip_member(&gz, other.data, other.len);
    const char *sha = put_blob(&data, &gz, V1);
    char have[41];
    sha1_hex_of(other.data, other.len, have);
    expect_error(sha, ERR_CORRUPT, sha);
    expect_error(sha, ERR_CORRUPT, have);
    expect_error(sha, ERR_CORRUPT, "F/data/");
    gz.len -= 3;
    expect_error(put_blob(&data, &gz, V1), ERR_CORRUPT, "stops before its end");
    buf_free(&gz);
    gzip_member(&gz, data.data, data.len);
    expect(put_blob(&data, &gz, V1), false, &data); // a failure is not remembered
}

static void keys_that_are_none(void **state)
{
    (void)state;
    expect_error("", ERR_CORRUPT, "40 hex digits");
    expect_error("../../../../../../etc/passwd", ERR_CORRUPT, "40 hex digits");
    expect_error("da39a3ee5e6b4b0d3255bfef95601890afd80709a", ERR_CORRUPT, "40 hex digits");
    expect_error("DA39A3EE5E6B4B0D3255BFEF95601890AFD80709", ERR_CORRUPT, "40 hex digits");
    expect_error("1234567890123456789012345678901234567890", ERR_CORRUPT, "12345678901234567890");
}

// --- files that are no blobs ---------------------------------------------------------------------

static void expect_file(const char *path, bool maybe_plain, const struct buf *data)
{
    auto_cleanup(staged_unrefp) struct staged *s = NULL;
    struct err err = ERR_INIT;
    uint64_t len = 0;
    bool ended;
    assert_int_equal(blob_get_file(store, staging, path, maybe_plain, &s, &err), ERR_OK);
    if (staged_wait(s, UINT64_MAX, NULL, &len, &ended, &err))
        fail_msg("%s", err.cause);
    assert_int_equal(len, data->len);
    auto_free char *bytes = mem_zalloc(data->len + 1);
    size_t got;
    assert_int_equal(staged_pread(s, 0, bytes, data->len, &got, &err), ERR_OK);
    assert_memory_equal(bytes, data->data ? data->data : "", data->len);
}

static void files_by_their_first_bytes(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 2, 3, 100000};
    for (size_t i = 0; i < 5; i++) {
        auto_cleanup(buf_free) struct buf data = {0}, gz = {0};
        fill(&data, sizes[i]);
        gzip_member(&gz, data.data ? data.data : "", data.len);
        auto_free char *plain = mem_printf("root/data/F/plain%zu", i),
                       *packed = mem_printf("root/data/F/packed%zu", i);
        tempdir_put(plain, data.data ? data.data : "", data.len);
        tempdir_put(packed, gz.data, gz.len);
        expect_file(plain + 5, true, &data);
        expect_file(packed + 5, true, &data);
        expect_file(packed + 5, false, &data);
    }
    tempdir_put("root/data/F/one", "\x1f", 1);
    auto_cleanup(buf_free) struct buf one = {0};
    buf_putc(&one, 0x1f);
    expect_file("data/F/one", true, &one);
}

static void versions_of_a_plain_file(void **state)
{
    (void)state;
    struct staged *s[4] = {0};
    struct err err = ERR_INIT;
    uint64_t len;
    bool ended;
    tempdir_put("root/F/log", "first", 5);
    assert_int_equal(blob_get_plain(store, staging, "F/log", "5:1", &s[0], &err), ERR_OK);
    assert_int_equal(blob_get_plain(store, staging, "F/log", "5:1", &s[1], &err), ERR_OK);
    assert_ptr_equal(s[0], s[1]);
    assert_int_equal(staged_wait(s[0], UINT64_MAX, NULL, &len, &ended, &err), ERR_OK);
    tempdir_put("root/F/log", "first second", 12);
    assert_int_equal(blob_get_plain(store, staging, "F/log", "12:2", &s[2], &err), ERR_OK);
    assert_int_equal(staged_wait(s[2], UINT64_MAX, NULL, &len, &ended, &err), ERR_OK);
    assert_int_equal(len, 12);
    assert_int_equal(blob_get_plain(store, staging, "F/log", NULL, &s[3], &err), ERR_OK);
    assert_ptr_not_equal(s[3], s[2]);
    for (int i = 0; i < 4; i++)
        staged_unref(s[i]);
}

// --- holding back --------------------------------------------------------------------------------

// A store that gives `total` bytes in small pieces and waits before the last one.
struct slow {
    struct store store;
    size_t total;
    atomic_bool go;
};

static errc slow_read(struct store *s, const char *path, uint64_t offset, struct cancel *cancel,
                      struct store_info *ret_info, store_bytes_fn fn, void *arg, struct err *err)
{
    struct slow *slow = (struct slow *)s;
    (void)path;
    (void)offset;
    (void)ret_info;
    char piece[1000];
    memset(piece, 'x', sizeof piece);
    for (size_t at = 0; at < slow->total; at += sizeof piece) {
        while (at + sizeof piece >= slow->total && !atomic_load(&slow->go)) {
            errc e = cancel_check(cancel, err);
            if (e)
                return e;
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        }
        errc e = fn(arg, piece, sizeof piece, err);
        if (e)
            return e;
    }
    return ERR_OK;
}

static void the_end_waits_for_the_check(void **state)
{
    (void)state;
    static const struct store_ops ops = {.read = slow_read};
    struct slow slow = {.store = {.ops = &ops, .type = "slow", .sysroot = "/"}, .total = 300000};
    struct blob_source src = {&slow.store, staging, "F", "0000000000000000000000000000000000000000",
                              true};
    struct err err = ERR_INIT;
    struct staged *s;
    uint64_t len;
    bool ended;
    assert_int_equal(blob_get(&src, &s, &err), ERR_OK);
    assert_int_equal(staged_wait(s, 299000 - 65536, NULL, &len, &ended, &err), ERR_OK);
    assert_int_equal(len, 299000 - 65536); // all that came, but for 64 KiB
    assert_false(staged_ready(s, len + 1));
    atomic_store(&slow.go, true);
    assert_int_equal(staged_wait(s, UINT64_MAX, NULL, &len, &ended, &err), ERR_CORRUPT);
    assert_int_equal(staged_len(s), 300000 - 65536);
    staged_unref(s);
}

static void nobody_waits_for_a_hanging_store(void **state)
{
    (void)state;
    static const struct store_ops ops = {.read = slow_read};
    struct slow slow = {.store = {.ops = &ops, .type = "slow", .sysroot = "/"}, .total = 1000};
    struct blob_source src = {&slow.store, staging, "F", "0000000000000000000000000000000000000000",
                              true};
    struct err err = ERR_INIT;
    struct staged *s;
    uint64_t len;
    bool ended;
    assert_int_equal(blob_get(&src, &s, &err), ERR_OK);
    struct cancel cancel = {.deadline_ms = clock_mono_ms() + 30};
    assert_int_equal(staged_wait(s, 1, &cancel, &len, &ended, &err), ERR_TIMEOUT);
    staged_unref(s); // this ends slow_read, or the pool would never end
    for (int i = 0; i < 5000 && pool_busy(pool); i++)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    assert_int_equal(pool_busy(pool), 0);
}

// --- what is built in ----------------------------------------------------------------------------

static void known_keys(void **state)
{
    (void)state;
    int64_t before = clock_mono_ms();
    size_t len = 0;
    const uint8_t *data = blob_known("868436778cb011a1c6230bc12534683ab0b7f1c3", &len);
    print_message("the table took %d ms\n", (int)(clock_mono_ms() - before));
    assert_int_equal(len, 4);
    assert_memory_equal(data, "\x80\x04\x88.", 4);
    data = blob_known("2473d4676d5b2aba674167293142f8031ada401b", &len);
    assert_memory_equal(data, "\x80\x04\x89.", 4);
    data = blob_known("dbc1aaddc8b7343d6d33b34edcf608b8f8801918", &len);
    assert_memory_equal(data, "\x80\x04N.", 4);
    assert_null(blob_known("dbc1aaddc8b7343d6d33b34edcf608b8f8801919", &len));
    assert_null(blob_known("0000000000000000000000000000000000000000", &len));
    assert_null(blob_known("x", &len));
    assert_null(blob_known("", &len));
}

static void known_integers(void **state)
{
    (void)state;
    for (unsigned v = 0; v <= 65536; v += v < 300 || v > 65500 ? 1 : 97) {
        uint8_t pickle[15] = {0x80, 4, 'K', (uint8_t)v, '.'};
        size_t len = 5, known_len = 0;
        if (v > 255) {
            static const uint8_t head[12] = {0x80, 4, 0x95, 4, 0, 0, 0, 0, 0, 0, 0, 'M'};
            memcpy(pickle, head, 12);
            pickle[12] = (uint8_t)v;
            pickle[13] = (uint8_t)(v >> 8);
            pickle[14] = '.';
            len = 15;
        }
        char sha[41];
        sha1_hex_of(pickle, len, sha);
        const uint8_t *known = blob_known(sha, &known_len);
        if (v > 65535)
            break; // wrapped around to 0 with the long opcode: nobody writes that
        assert_non_null(known);
        assert_int_equal(known_len, len);
        assert_memory_equal(known, pickle, len);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_keys),
        cmocka_unit_test(known_integers),
        cmocka_unit_test(gzip_and_raw),
        cmocka_unit_test(attributes_that_are_not_understood),
        cmocka_unit_test(wrong_bytes),
        cmocka_unit_test(keys_that_are_none),
        cmocka_unit_test(files_by_their_first_bytes),
        cmocka_unit_test(versions_of_a_plain_file),
        cmocka_unit_test(the_end_waits_for_the_check),
        cmocka_unit_test(nobody_waits_for_a_hanging_store),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
