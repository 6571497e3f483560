// base/buf.h, base/sink.h and base/mem.h's bounded growth.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/sink.h"

static void grows_and_ends_with_nul(void **state)
{
    (void)state;
    auto_cleanup(buf_free) struct buf b = {0};
    for (int i = 0; i < 1000; i++)
        buf_printf(&b, "%d,", i);
    assert_int_equal(b.len, 10 * 2 + 90 * 3 + 900 * 4);
    assert_int_equal(strlen(b.data), b.len);
    assert_memory_equal(b.data, "0,1,2,", 6);
    assert_false(b.over);
}

static void keeps_what_it_had_when_over(void **state)
{
    (void)state;
    auto_cleanup(buf_free) struct buf b = {.max = 8};
    buf_puts(&b, "12345678");
    assert_false(b.over);
    buf_putc(&b, '9');
    assert_true(b.over);
    assert_string_equal(b.data, "12345678");
    buf_free(&b);
    assert_int_equal(b.max, 8);
    buf_puts(&b, "123456789");
    assert_true(b.over);
    assert_int_equal(b.len, 0);
    buf_puts(&b, "x"); // what comes later is dropped too: no gap in the middle
    assert_int_equal(b.len, 0);
}

static void refuses_sizes_that_wrap(void **state)
{
    (void)state;
    auto_cleanup(buf_free) struct buf b = {0};
    buf_puts(&b, "abc");
    assert_null(buf_reserve(&b, SIZE_MAX));
    assert_null(buf_reserve(&b, SIZE_MAX - 3));
    assert_true(b.over);
    assert_string_equal(b.data, "abc");
    struct buf huge = {.max = SIZE_MAX};
    assert_null(buf_reserve(&huge, SIZE_MAX));
    assert_true(huge.over);
    buf_free(&huge);
}

static void long_formats(void **state)
{
    (void)state;
    auto_cleanup(buf_free) struct buf b = {0};
    buf_printf(&b, "%0600d", 7);
    assert_int_equal(b.len, 600);
    assert_int_equal(b.data[599], '7');
    struct buf small = {.max = 300};
    buf_printf(&small, "%0600d", 7);
    assert_true(small.over);
    buf_free(&small);
}

static void steal_gives_text_and_empties(void **state)
{
    (void)state;
    struct buf b = {0};
    auto_free char *nothing = buf_steal(&b);
    assert_string_equal(nothing, "");
    buf_puts(&b, "some");
    auto_free char *text = buf_steal(&b);
    assert_string_equal(text, "some");
    assert_null(b.data);
    assert_int_equal(b.len, 0);
}

static void sink_tells_when_full(void **state)
{
    (void)state;
    auto_cleanup(buf_free) struct buf b = {.max = 4};
    struct buf_sink s = sink_to_buf(&b);
    assert_true(sink_put(&s.sink, "1234", 4));
    assert_false(sink_put(&s.sink, "5", 1));
}

static void mem_grow_doubles(void **state)
{
    (void)state;
    size_t cap = 0;
    int *items = NULL;
    for (size_t i = 0; i < 100; i++) {
        items = mem_grow(items, &cap, i + 1, sizeof *items);
        items[i] = (int)i;
    }
    assert_int_equal(cap, 128);
    assert_int_equal(items[99], 99);
    free(items);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_and_ends_with_nul), cmocka_unit_test(keeps_what_it_had_when_over),
        cmocka_unit_test(refuses_sizes_that_wrap), cmocka_unit_test(long_formats),
        cmocka_unit_test(steal_gives_text_and_empties), cmocka_unit_test(sink_tells_when_full),
        cmocka_unit_test(mem_grow_doubles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
