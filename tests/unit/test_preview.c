#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "report/preview_i.h"
#include "report/preview_stats.h"

static struct array_stats stats(const struct npy_type *type, const void *data, size_t count, size_t max_looked)
{
    struct npy_type t = *type;
    struct npy_array a = {.type = &t, .ndim = 1, .data = data, .count = count};
    struct array_stats s = {0};
    struct err err = ERR_INIT;
    a.shape[0] = count;
    assert_int_equal(stats_of(&a, max_looked, NULL, &s, &err), ERR_OK);
    return s;
}

static void assert_bins(const struct array_stats *s, const size_t *want, unsigned n)
{
    assert_true(s->has_histogram);
    assert_int_equal(s->n_bins, n);
    for (unsigned i = 0; i < n; i++)
        assert_int_equal(s->bins[i], want[i]);
}

static const struct npy_type F8 = {.kind = 'f', .itemsize = 8, .unit = "generic", .unit_count = 1};

// Counts of numpy.histogram(a[numpy.isfinite(a)], bins=20).
static void test_floats(void **state)
{
    (void)state;
    const double a[] = {1.5, -2.0, NAN, 0.25, 7.0, INFINITY, 3.0, -INFINITY, 0.1, 0.7};
    static const size_t want[] = {1, 0, 0, 0, 1, 2, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1};
    struct array_stats s = stats(&F8, a, 10, 0);
    assert_int_equal(s.looked, 10);
    assert_int_equal(s.missing, 1);
    assert_int_equal(s.infinite, 2);
    assert_int_equal(s.finite, 7);
    assert_ptr_equal(s.min, &a[7]);
    assert_ptr_equal(s.max, &a[5]);
    assert_true(isnan(s.mean)); // inf - inf, as numpy
    assert_bins(&s, want, 20);
}

// Elements that are beside their bin by division alone. numpy.arange(21) / 10, and the edges themselves,
// numpy.linspace(-0.3, 0.9, 21), with what is next below them.
static void test_rounding(void **state)
{
    (void)state;
    double a[41];
    static const size_t want[] = {1, 1, 2, 0, 1, 2, 1, 0, 1, 1, 1, 2, 0, 2, 0, 1, 2, 0, 2, 1};
    for (unsigned i = 0; i < 21; i++)
        a[i] = i / 10.0;
    struct array_stats s = stats(&F8, a, 21, 0);
    assert_bins(&s, want, 20);
    assert_true(fabsl(s.mean - 1) < 1e-9L);
    size_t two[20];
    for (unsigned i = 0; i < 20; i++)
        two[i] = i == 19 ? 3 : 2;
    for (unsigned i = 0; i < 21; i++)
        a[i] = i == 20 ? 0.9 : i * ((0.9 - -0.3) / 20) + -0.3;
    for (unsigned i = 1; i < 21; i++)
        a[20 + i] = nextafter(a[i], -9);
    s = stats(&F8, a, 41, 0);
    assert_bins(&s, two, 20);
}

// Each integer of a small range has a bin: numpy.histogram(a, bins=9).
static void test_integers(void **state)
{
    (void)state;
    const int8_t a[] = {-3, 5, 5, 0, -1, 2};
    static const size_t want[] = {1, 0, 1, 1, 0, 1, 0, 0, 2};
    const struct npy_type i1 = {.kind = 'i', .itemsize = 1};
    struct array_stats s = stats(&i1, a, 6, 0);
    assert_bins(&s, want, 9);
    assert_int_equal(*(const int8_t *)s.min, -3);
    assert_int_equal(*(const int8_t *)s.max, 5);
    const uint64_t u[] = {0, UINT64_C(1) << 63, UINT64_MAX, 1};
    static const size_t want_u[] = {2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    const struct npy_type u8 = {.kind = 'u', .itemsize = 8};
    s = stats(&u8, u, 4, 0);
    assert_bins(&s, want_u, 20);
    assert_ptr_equal(s.max, &u[2]);
}

static void test_other_byte_order(void **state)
{
    (void)state;
    const int64_t a[] = {__builtin_bswap64(1700000000), __builtin_bswap64(INT64_MIN), __builtin_bswap64(5)};
    const struct npy_type m8 = {.kind = 'M', .itemsize = 8, .swap = true, .unit = "s", .unit_count = 1};
    struct array_stats s = stats(&m8, a, 3, 0);
    assert_int_equal(s.missing, 1);
    assert_ptr_equal(s.min, &a[2]);
    assert_ptr_equal(s.max, &a[0]);
    assert_true(s.first == 5 && s.last == 1700000000);
}

static void test_no_histogram(void **state)
{
    (void)state;
    const double same[] = {2.5, 2.5}, none[] = {NAN, NAN}, far[] = {-1.7e308, 1.7e308}, infinite[] = {INFINITY, 1};
    assert_false(stats(&F8, same, 2, 0).has_histogram);
    assert_false(stats(&F8, none, 2, 0).has_histogram);
    assert_null(stats(&F8, none, 2, 0).min);
    assert_false(stats(&F8, far, 2, 0).has_histogram);
    assert_false(stats(&F8, infinite, 2, 0).has_histogram);
    assert_false(stats(&F8, same, 0, 0).has_histogram);
    const double tiny[] = {0, 5e-324, 0}; // a range that cannot be divided
    struct array_stats s = stats(&F8, tiny, 3, 0);
    size_t sum = 0;
    for (unsigned i = 0; s.has_histogram && i < s.n_bins; i++)
        sum += s.bins[i];
    assert_int_equal(sum, 3);
}

static void test_samples(void **state)
{
    (void)state;
    uint8_t a[1000];
    for (unsigned i = 0; i < 1000; i++)
        a[i] = (uint8_t)(i % 3 ? 200 : i % 10);
    const struct npy_type u1 = {.kind = 'u', .itemsize = 1};
    struct array_stats s = stats(&u1, a, 1000, 400);
    assert_int_equal(s.step, 3);
    assert_int_equal(s.looked, 334);
    assert_int_equal(*s.max, 9);
    assert_int_equal(stats(&u1, a, 1000, 1000).step, 1);
}

static void test_a_token_ends_it(void **state)
{
    (void)state;
    struct cancel cancel = {.set = true};
    struct npy_type t = F8;
    const double one[] = {1};
    struct npy_array a = {.type = &t, .ndim = 1, .data = (const uint8_t *)one, .count = 1};
    struct array_stats s;
    struct err err = ERR_INIT;
    assert_int_equal(stats_of(&a, 0, &cancel, &s, &err), ERR_INTERRUPTED);
}

static void test_cuts_and_sizes(void **state)
{
    (void)state;
    const uint8_t *text = (const uint8_t *)"a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"; // 1, 2, 3 and 4 bytes
    static const size_t want[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 10};
    for (size_t max = 0; max < 12; max++)
        assert_int_equal(utf8_cut(text, 10, max), want[max]);
    assert_int_equal(utf8_cut((const uint8_t *)"\x80\x80\x80\x80\x80\x80", 6, 4), 4);
    static const struct { uint64_t size; const char *text; } sizes[] = {
        {0, "0 bytes"}, {1, "1 byte"}, {1023, "1023 bytes"}, {1536, "1.5 KiB"}, {(1 << 20) - 1, "1.0 MiB"},
        {16 << 20, "16.0 MiB"}, {UINT64_MAX, "16.0 EiB"},
    };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        auto_cleanup(buf_free) struct buf b = {0};
        put_size(&b, sizes[i].size);
        assert_string_equal(b.data, sizes[i].text);
    }
}

static void test_heads(void **state)
{
    (void)state;
    auto_cleanup(buf_free) struct buf b = {.max = 5};
    struct head_sink head = head_sink_to(&b);
    assert_true(sink_put(&head.sink, "abc", 3));
    assert_true(sink_put(&head.sink, "de", 2));
    assert_false(head.cut);
    assert_false(sink_put(&head.sink, "f", 1));
    assert_true(head.cut && !b.over);
    assert_string_equal(b.data, "abcde");
}

static void test_images_by_their_first_bytes(void **state)
{
    (void)state;
    uint8_t b[32] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n', 0, 0, 0, 13, 'I', 'H', 'D', 'R'};
    assert_string_equal(image_type(b, sizeof b), "image/png");
    assert_null(image_type(b, 24));
    b[15] = 'X';
    assert_null(image_type(b, sizeof b));
    assert_string_equal(image_type((const uint8_t *)"\xff\xd8\xff\xe0 and so on", 14), "image/jpeg");
    assert_string_equal(image_type((const uint8_t *)"GIF89a.........", 15), "image/gif");
    assert_string_equal(image_type((const uint8_t *)"RIFF....WEBPVP8 ......", 22), "image/webp");
    assert_null(image_type((const uint8_t *)"RIFF....WAVEfmt ......", 22));
    assert_null(image_type((const uint8_t *)"<svg xmlns=\"http://www.w3.org/2000/svg\"/>", 41));
    assert_null(image_type((const uint8_t *)"", 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_floats),           cmocka_unit_test(test_rounding),
        cmocka_unit_test(test_integers),         cmocka_unit_test(test_other_byte_order),
        cmocka_unit_test(test_no_histogram),     cmocka_unit_test(test_samples),
        cmocka_unit_test(test_cuts_and_sizes),   cmocka_unit_test(test_heads),
        cmocka_unit_test(test_a_token_ends_it),  cmocka_unit_test(test_images_by_their_first_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
