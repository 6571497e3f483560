#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "client/render.h"

static struct pickle *read_ok(const char *data, size_t len)
{
    struct err err = ERR_INIT;
    struct pickle *p = NULL;
    if (pickle_read((const uint8_t *)data, len, NULL, NULL, &p, &err))
        fail_msg("%s", err.cause);
    return p;
}

// The text of a pickle in a form (or as JSON when type is NULL), for the caller to free.
static char *shown(const char *data, size_t len, const char *type)
{
    struct pickle *p = read_ok(data, len);
    struct buf out = {0};
    struct buf_sink sink = sink_to_buf(&out);
    struct err err = ERR_INIT;
    errc code = type ? render_natural(pickle_root(p), natural_form_of(type), NULL, &sink.sink, &err)
                     : render_json(pickle_root(p), NULL, &sink.sink, &err);
    if (code)
        fail_msg("%s", err.cause);
    pickle_free(p);
    return buf_steal(&out);
}

#define assert_shown(literal, type, want)                       \
    do {                                                        \
        char *text_ = shown(literal, sizeof(literal) - 1, type); \
        assert_string_equal(text_, want);                       \
        free(text_);                                            \
    } while (0)

static void test_forms_of_types(void **state)
{
    (void)state;
    assert_int_equal(natural_form_of("<class 'str'>"), NATURAL_TEXT);
    assert_int_equal(natural_form_of("<type 'unicode'>"), NATURAL_TEXT);
    assert_int_equal(natural_form_of("<class 'NoneType'>"), NATURAL_LINE);
    assert_int_equal(natural_form_of("<class 'numpy.float32'>"), NATURAL_LINE);
    assert_int_equal(natural_form_of("<class 'numpy.bool'>"), NATURAL_LINE);
    assert_int_equal(natural_form_of("<class 'pathlib.PosixPath'>"), NATURAL_LINE);
    assert_int_equal(natural_form_of("<class 'collections.OrderedDict'>"), NATURAL_JSON);
    assert_int_equal(natural_form_of("<class 'metaflow.includefile.IncludedFile'>"), NATURAL_INCLUDED);
    assert_int_equal(natural_form_of("<class 'numpy.ndarray'>"), NATURAL_STORED);
    assert_int_equal(natural_form_of("<class 'pathlib.Other'>"), NATURAL_STORED);
    assert_int_equal(natural_form_of("<enum 'Color'>"), NATURAL_STORED);
    assert_int_equal(natural_form_of("object"), NATURAL_STORED);
    assert_int_equal(natural_form_of(""), NATURAL_STORED);
    assert_int_equal(natural_form_of(NULL), NATURAL_STORED);
}

static void test_lines(void **state)
{
    (void)state;
    assert_shown("N.", "<class 'NoneType'>", "null\n");
    assert_shown("\x88.", "<class 'bool'>", "true\n");
    assert_shown("J\xff\xff\xff\xff.", "<class 'int'>", "-1\n");
    assert_shown("L123456789012345678901234567890L\n.", "<class 'int'>", "123456789012345678901234567890\n");
    assert_shown("L-340282366920938463463374607431768211456L\n.", "<class 'int'>",
                 "-340282366920938463463374607431768211456\n");
    assert_shown("Finf\n.", "<class 'float'>", "Infinity\n");
    assert_shown("F-inf\n.", "<class 'float'>", "-Infinity\n");
    assert_shown("Fnan\n.", "<class 'float'>", "NaN\n");
    // What was recorded wrongly is still shown.
    assert_shown("]N.", "<class 'int'>", "null\n");
    assert_shown("].", "<class 'int'>", "[]\n");
    assert_shown("K\x01.", "<class 'str'>", "1\n");
    assert_shown("Vabc\n.", "<class 'str'>", "abc");
}

static void test_floats(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "0.0", "-0.0", "0.1", "1e-05", "0.0001", "1e+16", "1000000000000000.0", "9007199254740993.0", "5e-324",
        "2.2250738585072014e-308", "1.7976931348623157e+308", "5.684341886080802e-14", "123456.789", "1e+22", "1e+23",
        "9.5367431640625e-07", "0.30000000000000004", "2.5e-05", "123456789012345.67", "100000.0", "1.5e+300",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char data[64], want[64];
        int n = snprintf(data, sizeof data, "F%s\n.", texts[i]);
        snprintf(want, sizeof want, "%s\n", i == 7 ? "9007199254740992.0" : texts[i]);
        char *text = shown(data, (size_t)n, "<class 'float'>");
        assert_string_equal(text, want);
        free(text);
    }
}

static void test_json_strings(void **state)
{
    (void)state;
    assert_shown("X\x10\x00\x00\x00\"\\\n\x01\x7f\xc3\xa9\xed\xa0\x80\xed\x9f\xbf/xy.", NULL,
                 "\"\\\"\\\\\\n\\u0001\x7f\xc3\xa9\\ud800\xed\x9f\xbf/xy\"\n");
    assert_shown("\x80\x04" "C\x04\x00\xff" "ab.", NULL, "{\n  \"__bytes__\": \"AP9hYg==\"\n}\n");
}

static void test_json_keys(void **state)
{
    (void)state;
    assert_shown("}(K\x01K\x02NK\x03\x88K\x04K\x05K\x06\x86K\x07u.", NULL,
                 "{\n  \"1\": 2,\n  \"None\": 3,\n  \"True\": 4,\n  \"(5, 6)\": 7\n}\n");
    assert_shown("}(K\x01N" "V1\nNu.", NULL,
                 "{\n  \"__items__\": [\n    [\n      1,\n      null\n    ],\n    [\n      \"1\",\n      null\n    ]\n  ]\n}\n");
}

static void test_json_sets_and_references(void **state)
{
    (void)state;
    assert_shown("\x80\x04\x8f(K\x03K\x01G?\xf8\x00\x00\x00\x00\x00\x00" "J\xfe\xff\xff\xff\x90.", NULL,
                 "[\n  -2,\n  1,\n  1.5,\n  3\n]\n");
    assert_shown("]q\x00}V x\nh\x00sa.", NULL, "[\n  {\n    \" x\": {\n      \"__ref__\": \"$\"\n    }\n  }\n]\n");
}

static void test_unsupported_value_by_value(void **state)
{
    (void)state;
    assert_shown("](K\x01" "cm\nf\n(tRcos\nsystem\ncpandas.core.frame\nDataFrame\n)\x81}V_mgr\nNsb\x82\x07" "e.", NULL,
                 "[\n  1,\n  \"UnsupportedType : m.f\",\n  \"UnsupportedType : os.system\",\n"
                 "  \"UnsupportedType : pandas.core.frame.DataFrame\",\n  \"UnsupportedType : extension 7\"\n]\n");
}

static void test_scalar(void **state)
{
    (void)state;
    struct pickle *p = read_ok("cdatetime\ndate\n\x80\x04" "C\x04\x07\xe4\x02\x1d\x85R.", 29);
    struct buf b = {0};
    assert_true(render_scalar(pickle_root(p), &b));
    assert_string_equal(b.data, "2020-02-29");
    pickle_free(p);
    p = read_ok("].", 2);
    assert_false(render_scalar(pickle_root(p), &b));
    assert_int_equal(b.len, 10);
    pickle_free(p);
    buf_free(&b);
}

static bool count(struct sink *sink, const void *data, size_t len)
{
    (void)sink;
    (void)data;
    (void)len;
    return true;
}

// Lists of ten references to the list before, so many deep: 10^20 items when written out.
static size_t laughs(char *data)
{
    size_t n = 3;
    memcpy(data, "]q\0", n);
    for (int level = 1; level <= 20; level++) {
        memcpy(data + n, "](", 2);
        n += 2;
        for (int i = 0; i < 10; i++) {
            data[n++] = 'h';
            data[n++] = (char)(level - 1);
        }
        data[n++] = 'e';
        data[n++] = 'q';
        data[n++] = (char)level;
    }
    data[n++] = '.';
    return n;
}

static void test_endless_text_can_be_stopped(void **state)
{
    (void)state;
    char data[1024];
    struct pickle *p = read_ok(data, laughs(data));
    struct sink sink = {count};
    struct err err = ERR_INIT;
    struct cancel cancel = {.deadline_ms = clock_mono_ms() + 50};
    assert_int_equal(render_json(pickle_root(p), &cancel, &sink, &err), ERR_TIMEOUT);
    assert_true(clock_mono_ms() < cancel.deadline_ms + 5000);
    pickle_free(p);
}

static void *render_nested(void *arg)
{
    const char *data = arg;
    struct pickle *p = read_ok(data, strlen(data));
    struct sink sink = {count};
    struct err err = ERR_INIT;
    errc code = render_json(pickle_root(p), NULL, &sink, &err);
    pickle_free(p);
    return (void *)(intptr_t)code;
}

// Threads of the pool have small stacks: depth must not cost any.
static void test_depth_costs_no_stack(void **state)
{
    (void)state;
    enum { DEEP = 100000, SHALLOW = 1900 };
    static char data[2 * DEEP + 2];
    for (size_t depth = SHALLOW; depth <= DEEP; depth += DEEP - SHALLOW) {
        memset(data, ']', depth);
        memset(data + depth, 'a', depth - 1);
        memcpy(data + 2 * depth - 1, ".", 2);
        pthread_attr_t attr;
        pthread_t thread;
        void *result;
        pthread_attr_init(&attr);
        pthread_attr_setstacksize(&attr, 256 * 1024);
        assert_int_equal(pthread_create(&thread, &attr, render_nested, data), 0);
        pthread_join(thread, &result);
        pthread_attr_destroy(&attr);
        assert_int_equal((intptr_t)result, depth == SHALLOW ? ERR_OK : ERR_LIMIT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms_of_types),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_floats),
        cmocka_unit_test(test_json_strings),
        cmocka_unit_test(test_json_keys),
        cmocka_unit_test(test_json_sets_and_references),
        cmocka_unit_test(test_unsupported_value_by_value),
        cmocka_unit_test(test_scalar),
        cmocka_unit_test(test_endless_text_can_be_stopped),
        cmocka_unit_test(test_depth_costs_no_stack),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
