#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/mem.h"
#include "client/gunzip.h"
#include "gzip.h"

static errc collect(void *arg, const void *data, size_t len, struct err *err)
{
    (void)err;
    buf_put(arg, data, len);
    return ERR_OK;
}

static errc inflate(const struct buf *in, size_t piece, struct buf *out, struct err *err)
{
    auto_cleanup(gunzip_freep) struct gunzip *g = gunzip_new(collect, out);
    for (size_t at = 0; at < in->len; at += piece) {
        errc e = gunzip_feed(g, in->data + at, in->len - at < piece ? in->len - at : piece, err);
        if (e)
            return e;
    }
    return gunzip_end(g, err);
}

static void fill(struct buf *b, size_t len)
{
    for (size_t i = 0; i < len; i++)
        buf_putc(b, (char)(i * 7 + (i >> 9)));
}

static void expect(const struct buf *in, size_t piece, const struct buf *want)
{
    struct err err = ERR_INIT;
    auto_cleanup(buf_free) struct buf out = {0};
    if (inflate(in, piece, &out, &err) != ERR_OK)
        fail_msg("piece %zu: %s", piece, err.cause);
    assert_int_equal(out.len, want->len);
    if (want->len)
        assert_memory_equal(out.data, want->data, want->len);
}

static void expect_corrupt_in(const struct buf *in, size_t piece, const char *cause)
{
    struct err err = ERR_INIT;
    auto_cleanup(buf_free) struct buf out = {0};
    assert_int_equal(inflate(in, piece, &out, &err), ERR_CORRUPT);
    assert_non_null(strstr(err.cause, cause));
}

static void expect_corrupt(const struct buf *in, const char *cause)
{
    static const size_t pieces[] = {1, 3, 1000, SIZE_MAX / 4};
    for (size_t i = 0; i < 4; i++)
        expect_corrupt_in(in, pieces[i], cause);
}

static void any_pieces(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 5, 65535, 65536, 300000},
                        pieces[] = {1, 2, 7, 4096, 1 << 20};
    for (size_t i = 0; i < 6; i++) {
        auto_cleanup(buf_free) struct buf data = {0}, in = {0};
        fill(&data, sizes[i]);
        gzip_member(&in, data.data ? data.data : "", data.len);
        for (size_t j = 0; j < 5; j++) {
            // Each piece makes ISA-L copy its window: 300,000 bytes go in sevens and more, two blocks also byte by byte.
            if (sizes[i] / pieces[j] <= 65536)
                expect(&in, pieces[j], &data);
        }
    }
}

// gzip.compress(bytes(i * i % 251 for i in range(400)) * 40, 3) of Python 3.11, with real Huffman
// codes.
static const uint8_t compressed[] = {
#include "gzip_vector.inc"
};

static void real_codes(void **state)
{
    (void)state;
    auto_cleanup(buf_free) struct buf data = {0}, in = {0};
    for (int n = 0; n < 40; n++)
        for (int i = 0; i < 400; i++)
            buf_putc(&data, (char)(i * i % 251));
    buf_put(&in, compressed, sizeof compressed);
    for (size_t piece = 1; piece < 40; piece++)
        expect(&in, piece, &data);
    expect(&in, sizeof compressed, &data);
    for (size_t i = 10; i < sizeof compressed; i++) { // one flipped bit anywhere is seen
        in.data[i] = (char)(in.data[i] ^ 0x10);
        struct err err = ERR_INIT;
        auto_cleanup(buf_free) struct buf out = {0};
        assert_int_equal(inflate(&in, 64, &out, &err), ERR_CORRUPT);
        in.data[i] = (char)(in.data[i] ^ 0x10);
    }
}

static void members_and_padding(void **state)
{
    (void)state;
    auto_cleanup(buf_free) struct buf data = {0}, in = {0}, both = {0};
    fill(&data, 1000);
    gzip_member(&in, data.data, data.len);
    gzip_member(&in, "", 0);
    buf_put(&in, "\0\0\0\0\0", 5);
    gzip_member(&in, data.data, data.len);
    buf_put(&in, "\0\0\0", 3);
    buf_put(&both, data.data, data.len);
    buf_put(&both, data.data, data.len);
    for (size_t piece = 1; piece < 50; piece++)
        expect(&in, piece, &both);
    expect(&in, in.len, &both);
    auto_cleanup(buf_free) struct buf nothing = {0}, none = {0};
    expect(&nothing, 1, &none); // Python's gzip takes an empty file too
}

static void cut_anywhere(void **state)
{
    (void)state;
    auto_cleanup(buf_free) struct buf data = {0}, small = {0}, large = {0};
    fill(&data, 70000);
    gzip_member_in(&small, data.data, 400, 150); // three blocks: every place that a cut can be in, byte by byte
    for (size_t cut = 1; cut < small.len; cut++) {
        const struct buf bad = {.data = small.data, .len = cut};
        expect_corrupt(&bad, "stops before its end");
    }
    gzip_member(&large, data.data, data.len); // more than a window, in two blocks: byte by byte would take too long
    for (size_t cut = 1; cut < large.len; cut += cut < 30 || large.len - cut < 30 ? 1 : 997) {
        const struct buf bad = {.data = large.data, .len = cut};
        expect_corrupt_in(&bad, 1000, "stops before its end");
        expect_corrupt_in(&bad, SIZE_MAX / 4, "stops before its end");
    }
}

static void what_python_refuses(void **state)
{
    (void)state;
    auto_cleanup(buf_free) struct buf data = {0}, good = {0}, bad = {0};
    fill(&data, 5000);
    gzip_member_in(&good, data.data, data.len, 2000);
    buf_put(&bad, good.data, good.len);
    buf_puts(&bad, "garbage behind the end");
    expect_corrupt(&bad, "gzip header");
    bad.len = good.len;
    bad.data[good.len - 1] ^= 1; // length
    expect_corrupt(&bad, "does not match");
    bad.data[good.len - 1] ^= 1;
    bad.data[good.len - 5] ^= 1; // checksum
    expect_corrupt(&bad, "does not match");
    bad.data[good.len - 5] ^= 1;
    bad.data[2] = 7;
    expect_corrupt(&bad, "method");
    bad.data[2] = 8;
    bad.data[3] = 2; // a CRC of the header
    expect_corrupt(&bad, "fields that nobody writes");
    buf_free(&bad);
    buf_puts(&bad, "\x80\x04\x95 not gzip at all");
    expect_corrupt(&bad, "gzip header");
    buf_free(&bad);
    buf_put(&bad, "\0\0\0\0", 4); // zeros pad an end, they are no beginning
    expect_corrupt(&bad, "");
}

static errc refuse(void *arg, const void *data, size_t len, struct err *err)
{
    (void)arg;
    (void)data;
    (void)len;
    return err_set(err, ERR_NO_SPACE, "full");
}

static void taker_can_stop_it(void **state)
{
    (void)state;
    auto_cleanup(buf_free) struct buf in = {0};
    gzip_member(&in, "hello", 5);
    auto_cleanup(gunzip_freep) struct gunzip *g = gunzip_new(refuse, NULL);
    struct err err = ERR_INIT;
    assert_int_equal(gunzip_feed(g, in.data, in.len, &err), ERR_NO_SPACE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_pieces),          cmocka_unit_test(real_codes),
        cmocka_unit_test(members_and_padding), cmocka_unit_test(cut_anywhere),
        cmocka_unit_test(what_python_refuses), cmocka_unit_test(taker_can_stop_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
