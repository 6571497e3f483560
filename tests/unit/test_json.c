// base/json.h: reading with limits and Python's dialect, writing.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/json.h"
#include "base/mem.h"

static struct json *parse(const char *text)
{
    struct json *json = NULL;
    struct err err = ERR_INIT;
    if (json_parse(text, strlen(text), "text", &json, &err) != ERR_OK)
        fail_msg("%s: %s", text, err.cause);
    return json;
}

static void refused(const char *text, size_t len)
{
    struct json *json = NULL;
    struct err err = ERR_INIT;
    assert_int_equal(json_parse(text, len, "the/file.json", &json, &err), ERR_CORRUPT);
    assert_int_equal(err.code, ERR_CORRUPT);
    assert_non_null(strstr(err.cause, "the/file.json"));
    assert_null(json);
}

static void dumps_as(const struct json *json, const char *text)
{
    auto_cleanup(buf_free) struct buf b = {0};
    json_dump(json, &b);
    assert_string_equal(b.data, text);
}

static void getters(void **state)
{
    (void)state;
    auto_cleanup(json_freep) struct json *j =
        parse("{\"s\":\"x\",\"i\":-5,\"r\":2.5,\"t\":true,\"n\":null,\"a\":[1,[2]],\"o\":{\"k\":\"v\"}}");
    int64_t i;
    double r;
    bool b;
    assert_string_equal(json_str(json_get(j, "s")), "x");
    assert_true(json_int(json_get(j, "i"), &i));
    assert_int_equal(i, -5);
    assert_true(json_real(json_get(j, "r"), &r) && r > 2.4 && r < 2.6);
    assert_true(json_real(json_get(j, "i"), &r) && r < -4.9 && r > -5.1);
    assert_true(json_bool(json_get(j, "t"), &b) && b);
    assert_int_equal(json_kind(json_get(j, "n")), JSON_NULL);
    assert_int_equal(json_kind(json_get(j, "none")), JSON_ABSENT);
    assert_int_equal(json_len(json_get(j, "a")), 2);
    assert_true(json_int(json_at(json_at(json_get(j, "a"), 1), 0), &i) && i == 2);
    assert_string_equal(json_str(json_get(json_get(j, "o"), "k")), "v");
    assert_int_equal(json_len(j), 7);
}

static void getters_take_wrong_kinds_and_null(void **state)
{
    (void)state;
    auto_cleanup(json_freep) struct json *j = parse("[\"text\"]");
    int64_t i;
    double r;
    bool b;
    assert_null(json_get(j, "x"));
    assert_null(json_get(NULL, "x"));
    assert_null(json_at(j, 1));
    assert_null(json_at(NULL, 0));
    assert_null(json_str(j));
    assert_null(json_str(NULL));
    assert_false(json_int(json_at(j, 0), &i));
    assert_false(json_real(NULL, &r));
    assert_false(json_bool(json_at(j, 0), &b));
    assert_int_equal(json_len(NULL), 0);
    json_each(NULL, NULL, NULL);
    json_free(NULL);
}

static void any_value_may_stand_alone(void **state)
{
    (void)state;
    auto_cleanup(json_freep) struct json *j = parse(" \"alone\" ");
    assert_string_equal(json_str(j), "alone");
}

static void last_member_of_a_key_counts(void **state)
{
    (void)state;
    auto_cleanup(json_freep) struct json *j = parse("{\"a\":1,\"a\":2}");
    int64_t i;
    assert_true(json_int(json_get(j, "a"), &i) && i == 2);
}

static void nul_in_a_string_is_no_string(void **state)
{
    (void)state;
    auto_cleanup(json_freep) struct json *j = parse("[\"a\\u0000b\"]");
    assert_int_equal(json_kind(json_at(j, 0)), JSON_STR);
    assert_null(json_str(json_at(j, 0)));
    dumps_as(j, "[\"a\\u0000b\"]");
}

static void malformed_is_corrupt(void **state)
{
    (void)state;
    static const char *const bad[] = {"", " ", "{", "[1,", "{\"a\":}", "nul", "\"x", "[1]x", "\xff", "{\"a\" 1}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        refused(bad[i], strlen(bad[i]));
    refused("[1]\0", 4);
    refused("{\"a\": 1e99\0}", 12);
    refused("[2\0, 3]", 7);
    refused("[true\0]", 7);
}

static void a_nul_is_told_by_its_place(void **state)
{
    (void)state;
    struct json *json = NULL;
    struct err err = ERR_INIT;
    assert_int_equal(json_parse("{\n \"a\": 1\0}", 12, "f", &json, &err), ERR_CORRUPT);
    assert_string_equal(err.cause, "f is not JSON: line 2 column 8: a NUL byte");
}

static void deep_nesting_is_refused(void **state)
{
    (void)state;
    char text[1024];
    memset(text, '[', 257);
    memset(text + 257, ']', 257);
    refused(text, 514);
    memset(text, '[', 256);
    memset(text + 256, ']', 256);
    text[512] = '\0';
    auto_cleanup(json_freep) struct json *j = parse(text);
    dumps_as(j, text);
    memset(text, '[', 1023); // never closed
    refused(text, 1023);
    auto_cleanup(json_freep) struct json *brackets = parse("\"[[[\\\"[[[\"");
    assert_string_equal(json_str(brackets), "[[[\"[[[");
}

static void python_dialect(void **state)
{
    (void)state;
    auto_cleanup(json_freep) struct json *j = parse(
        "{\"big\":123456789012345678901234567890,\"ok\":1795382165808564,\"min\":-9223372036854775808,"
        "\"nan\":[NaN,Infinity,-Infinity],\"s\":\"NaN \\ud800 \\udc80x \\ud83d\\ude00 12345678901234567890\"}");
    int64_t i;
    double r;
    assert_false(json_int(json_get(j, "big"), &i));
    assert_true(json_real(json_get(j, "big"), &r) && r > 1.2e29 && r < 1.3e29);
    assert_true(json_int(json_get(j, "ok"), &i) && i == 1795382165808564);
    assert_true(json_int(json_get(j, "min"), &i) && i == INT64_MIN);
    for (size_t k = 0; k < 3; k++)
        assert_int_equal(json_kind(json_at(json_get(j, "nan"), k)), JSON_NULL);
    assert_string_equal(json_str(json_get(j, "s")),
                        "NaN \xef\xbf\xbd \xef\xbf\xbdx \xf0\x9f\x98\x80 12345678901234567890");
    char digits[2000];
    memset(digits, '7', sizeof digits);
    digits[sizeof digits - 1] = '\0';
    auto_cleanup(json_freep) struct json *huge = parse(digits);
    assert_int_equal(json_kind(huge), JSON_REAL);
}

static bool join_keys(void *arg, const char *key, const struct json *value)
{
    (void)value;
    buf_puts(arg, key);
    return strcmp(key, "m") != 0;
}

static void members_in_file_order(void **state)
{
    (void)state;
    auto_cleanup(json_freep) struct json *j = parse("{\"z\":1,\"a\":2,\"m\":3,\"b\":4}");
    auto_cleanup(buf_free) struct buf b = {0};
    json_each(j, join_keys, &b);
    assert_string_equal(b.data, "zam");
}

static void dumps_compactly(void **state)
{
    (void)state;
    auto_cleanup(json_freep) struct json *j = parse("{ \"a\" : [ 1 , 0.1 , \"\xc3\xa9\" ] }");
    dumps_as(j, "{\"a\":[1,0.1,\"\xc3\xa9\"]}");
    auto_cleanup(json_freep) struct json *reals = parse("[1.0,-2.5e-7,1e300,0.30000000000000004,1e15,-0.0,{},[]]");
    dumps_as(reals, "[1.0,-2.5e-07,1e+300,0.30000000000000004,1e+15,-0.0,{},[]]");
}

static void quoting(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"plain", "\"plain\""},
        {"a\"b\\c/d", "\"a\\\"b\\\\c/d\""},
        {"\b\f\n\r\t\x01\x1f\x7f", "\"\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\""},
        {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\""},
        {"a\xff" "b", "\"a\xef\xbf\xbd" "b\""},                    // never a first byte
        {"\xc0\xaf", "\"\xef\xbf\xbd\xef\xbf\xbd\""},              // overlong
        {"\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""}, // surrogate
        {"\xe2\x82", "\"\xef\xbf\xbd\""},                          // cut
        {"\xf0\x9f\x98" "A", "\"\xef\xbf\xbd" "A\""},              // cut, then text
        {"\xf4\x90\x80\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""}, // past the last
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        auto_cleanup(buf_free) struct buf b = {0};
        json_quote(&b, cases[i].in, strlen(cases[i].in));
        assert_string_equal(b.data, cases[i].out);
    }
    auto_cleanup(buf_free) struct buf b = {0};
    json_quote(&b, "a\0b", 3);
    assert_string_equal(b.data, "\"a\\u0000b\"");
}

static void writes_indented(void **state)
{
    (void)state;
    auto_cleanup(buf_free) struct buf b = {0};
    struct json_out w = {.buf = &b};
    json_out_begin(&w, '{');
    json_out_key(&w, "s");
    json_out_str(&w, "x");
    json_out_key(&w, "none");
    json_out_str(&w, NULL);
    json_out_key(&w, "list");
    json_out_begin(&w, '[');
    json_out_int(&w, INT64_MIN);
    json_out_bool(&w, true);
    json_out_raw(&w, "{\"raw\":1}");
    json_out_end(&w, ']');
    json_out_key(&w, "empty");
    json_out_begin(&w, '{');
    json_out_end(&w, '}');
    json_out_key(&w, "last");
    json_out_begin(&w, '[');
    json_out_end(&w, ']');
    json_out_end(&w, '}');
    assert_string_equal(b.data, "{\n  \"s\": \"x\",\n  \"none\": null,\n  \"list\": [\n"
                                "    -9223372036854775808,\n    true,\n    {\"raw\":1}\n  ],\n"
                                "  \"empty\": {},\n  \"last\": []\n}");
    auto_cleanup(json_freep) struct json *back = parse(b.data);
    assert_int_equal(json_len(back), 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(getters),
        cmocka_unit_test(getters_take_wrong_kinds_and_null),
        cmocka_unit_test(any_value_may_stand_alone),
        cmocka_unit_test(last_member_of_a_key_counts),
        cmocka_unit_test(nul_in_a_string_is_no_string),
        cmocka_unit_test(malformed_is_corrupt),
        cmocka_unit_test(a_nul_is_told_by_its_place),
        cmocka_unit_test(deep_nesting_is_refused),
        cmocka_unit_test(python_dialect),
        cmocka_unit_test(members_in_file_order),
        cmocka_unit_test(dumps_compactly),
        cmocka_unit_test(quoting),
        cmocka_unit_test(writes_indented),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
