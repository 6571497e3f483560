// base/json_scan.h: what a text is as far as it goes, where it is bad, and what reading it would hide.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/json_scan.h"
#include "base/mem.h"

static const char *const whole_texts[] = {
    "{}",
    " \r\n\t{ } \n",
    "{\"command\": [\"python\", \"train.py\"], \"resources\": {\"cpu\": 8, \"memory\": 100000}}\n",
    "{\"a\":[],\"b\":[[],{},[1,2.5e-3,-0,0.0,1E+2]],\"c\":{\"d\":true,\"e\":false,\"f\":null}}",
    "{\"\\u00e9\\\\\\\"\\/\\b\\f\\n\\r\\t\\ud83d\\ude00\":\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\x7f\"}",
    "{\n  \"a\" : \"\" ,\n  \"b\" : [ 1 , \"x\" , [ null ] ]\n}",
    "{\"\": \"\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf\xe0\xa0\x80\xf0\x90\x80\x80\xc2\x80\"}",
    "{\"lone\": \"\\ud800\", \"nul\": \"\\u0000\"}",
};

static void prefixes(void **state)
{
    (void)state;
    struct json_scan_place place;
    for (size_t i = 0; i < sizeof(whole_texts) / sizeof(*whole_texts); i++) {
        size_t len = strlen(whole_texts[i]), end = len;
        while (whole_texts[i][end - 1] != '}') {
            end--;
        }
        for (size_t n = 0; n <= len; n++) {
            auto_free char *part = malloc(n + 1); // so that a byte too far is seen
            memcpy(part, whole_texts[i], n);
            enum json_scan_state expected = n >= end                                      ? JSON_SCAN_COMPLETE
                                            : strspn(whole_texts[i], " \r\n\t") >= n ? JSON_SCAN_EMPTY
                                                                                         : JSON_SCAN_INCOMPLETE;
            part = realloc(part, n > 0 ? n : 1);
            assert_int_equal(json_scan(part, n, &place), expected);
        }
    }
}

static void mistakes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t line, column;
        const char *what; // a part
    } cases[] = {
        {"{\"a\": 1,}", 1, 9, "comma before this } is one too many"},
        {"{\"a\": [1,]}", 1, 10, "comma before this ] is one too many"},
        {"{\n  'a': 1}", 2, 3, "double quotes"},
        {"{\"a\": 'x'}", 1, 7, "double quotes"},
        {"{a: 1}", 1, 2, "a key in double quotes"},
        {"{\"a\": x}", 1, 7, "a value is expected here, not x"},
        {"{\"a\": \"x}\n}", 1, 10, "closing \" is missing"},
        {"{\"a\": \"x\ny\"}", 1, 9, "write the break as \\n"},
        {"{\"a\": \"x\ty\"}", 1, 9, "\\u0009"},
        {"{\"a\": 1 \"b\": 2}", 1, 9, "a comma or } is expected here, not \""},
        {"{\"a\": [1 2]}", 1, 10, "a comma or ] is expected here, not 2"},
        {"{\"a\" 1}", 1, 6, "a : behind the key is expected here, not 1"},
        {"{\"a\" = 1}", 1, 6, "a : behind the key is expected here, not ="},
        {"{\"a\": True}", 1, 7, "JSON writes true, not True"},
        {"{\"a\": [T", 1, 8, "JSON writes true, not True"},
        {"{\"a\": False}", 1, 7, "JSON writes false, not False"},
        {"{\"a\": None}", 1, 7, "JSON writes null, not None"},
        {"{\"a\": NaN}", 1, 7, "JSON has no NaN"},
        {"{\"a\": Infinity}", 1, 7, "JSON has no infinity"},
        {"{\"a\": -Infinity}", 1, 8, "JSON has no infinity"},
        {"{\"a\": trux}", 1, 7, "a value is expected here, not t"},
        {"{\"a\": truex}", 1, 11, "a comma or }"},
        {"{ // a job\n}", 1, 3, "JSON has no comments"},
        {"# a job\n{}", 1, 1, "JSON has no comments"},
        {"{\"a\": 1, # x\n\"b\": 2}", 1, 10, "JSON has no comments"},
        {"{\"a\": 1} /* x */", 1, 10, "something follows the object"},
        {"{\"a\": 1}\n{\"b\": 2}", 2, 1, "a job file is one { ... }"},
        {"{\"a\": 1}}", 1, 9, "something follows the object"},
        {"{\"a\": [1}", 1, 9, "a comma or ] is expected here, not }"},
        {"\xef\xbb\xbf{}", 1, 1, "byte order mark"},
        {"\xff\xfe{", 1, 1, "UTF-16"},
        {"[1]", 1, 1, "a job file is a JSON object, { ... }"},
        {"12", 1, 1, "a job file is a JSON object, { ... }"},
        {"\"x\"", 1, 1, "a job file is a JSON object, { ... }"},
        {"\n true", 2, 2, "a job file is a JSON object, { ... }"},
        {"command: x", 1, 1, "a job file is a JSON object, { ... }"},
        {"{\"a\": 007}", 1, 8, "does not begin with 0"},
        {"{\"a\": 0x10}", 1, 8, "decimal digits"},
        {"{\"a\": +1}", 1, 7, "without +"},
        {"{\"a\": .5}", 1, 7, "such as 0.5"},
        {"{\"a\": 1.}", 1, 9, "a digit is expected behind the point"},
        {"{\"a\": 1e}", 1, 9, "a digit is expected behind the e"},
        {"{\"a\": -}", 1, 8, "a digit is expected behind the -"},
        {"{\"a\": 1_000}", 1, 8, "a comma or }"},
        {"{\"a\": \"\\x\"}", 1, 8, "after a \\ comes one of"},
        {"{\"a\": \"\\u12g4\"}", 1, 8, "four hexadecimal digits"},
        {"{\"a\": \"\xff\"}", 1, 8, "is not UTF-8"},
        {"{\"a\": \"\xc0\xaf\"}", 1, 8, "is not UTF-8"},
        {"{\"a\": \"\xe0\x80\"}", 1, 8, "no character of UTF-8"},
        {"{\"a\": \"\xed\xa0\x80\"}", 1, 8, "no character of UTF-8"},
        {"{\"a\": \"\xf4\x90\x80\x80\"}", 1, 8, "no character of UTF-8"},
        {"{\"a\": \"\xc3\"}", 1, 8, "no character of UTF-8"},
        {"{\xe2\x80\x9c" "a\": 1}", 1, 2, "straight double quotes"},
        {"{\"a\": (1, 2)}", 1, 7, "a list is written [ ... ]"},
        {"{,}", 1, 2, "a key in double quotes, or }"},
        {"{\"a\":, 1}", 1, 6, "a value is expected here, not ,"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct json_scan_place place;
        if (json_scan(cases[i].text, strlen(cases[i].text), &place) != JSON_SCAN_BAD ||
            place.line != cases[i].line || place.column != cases[i].column ||
            strstr(place.what, cases[i].what) == NULL) {
            fail_msg("%s: line %zu, column %zu: %s", cases[i].text, place.line, place.column, place.what);
        }
    }
}

static void nul_bytes(void **state)
{
    (void)state;
    struct json_scan_place place;
    assert_int_equal(json_scan("{\"a\0\": 1}", 9, &place), JSON_SCAN_BAD);
    assert_int_equal(json_scan("{\0", 2, &place), JSON_SCAN_BAD);
    assert_non_null(strstr(place.what, "UTF-16"));
    assert_int_equal(json_scan("{}\0", 3, &place), JSON_SCAN_BAD);
    assert_int_equal(json_scan("{\"a\":\"\\\0\"}", 10, &place), JSON_SCAN_BAD);
    assert_int_equal(json_scan("{\"a\":\"\\u\0\"}", 11, &place), JSON_SCAN_BAD);
    assert_int_equal(json_scan(NULL, 0, &place), JSON_SCAN_EMPTY);
}

static void open_ends(void **state)
{
    (void)state;
    struct json_scan_place place;
    assert_int_equal(json_scan("{\n\"a\": [\n1", 10, &place), JSON_SCAN_INCOMPLETE);
    assert_int_equal(place.line, 3);
    assert_int_equal(place.column, 2);
    assert_string_equal(place.what, "the text ends here, before the ] of the [ in line 2");
    assert_int_equal(json_scan("{\"a", 3, &place), JSON_SCAN_INCOMPLETE);
    assert_string_equal(place.what, "the text ends here, inside of a text that began in line 1");
}

// {"a":{"a":... of that many levels.
static char *nested(size_t levels, size_t *ret_len)
{
    struct buf text = {0};
    for (size_t i = 0; i < levels; i++) {
        buf_puts(&text, i % 2 == 0 ? "{\"a\":" : "[");
    }
    buf_puts(&text, "1");
    for (size_t i = levels; i > 0; i--) {
        buf_puts(&text, i % 2 == 1 ? "}" : "]");
    }
    *ret_len = text.len;
    return buf_steal(&text);
}

static bool count(void *arg, enum json_flaw flaw, const char *path)
{
    (void)flaw;
    (void)path;
    ++*(size_t *)arg;
    return true;
}

static void depth(void **state)
{
    (void)state;
    struct json_scan_place place;
    size_t len, flaws = 0;
    auto_free char *fits = nested(64, &len);
    assert_int_equal(json_scan(fits, len, &place), JSON_SCAN_COMPLETE);
    json_flaws(fits, len, count, &flaws);
    assert_int_equal(flaws, 0);
    auto_free char *deep = nested(65, &len);
    assert_int_equal(json_scan(deep, len, &place), JSON_SCAN_BAD);
    assert_string_equal(place.what, "nested deeper than 64 levels");
    auto_free char *abyss = nested(200000, &len);
    assert_int_equal(json_scan(abyss, len, &place), JSON_SCAN_BAD);
}

static bool note(void *arg, enum json_flaw flaw, const char *path)
{
    static const char *const words[] = {[JSON_FLAW_TWICE] = "twice", [JSON_FLAW_TOO_LARGE] = "large",
                                        [JSON_FLAW_NUL_KEY] = "nul", [JSON_FLAW_SURROGATE] = "half"};
    buf_printf(arg, "%s=%s ", words[flaw], path);
    return true;
}

static void flaws(void **state)
{
    (void)state;
    static const struct {
        const char *text, *found;
    } cases[] = {
        {"{\"a\":1,\"b\":{\"a\":1},\"c\":[{\"a\":1},{\"a\":2}]}", ""},
        {"{\"a\":1,\"a\":2,\"a\":3}", "twice=a twice=a "},
        {"{\"batch\":{\"cpu\":1,\"gpu\":\"a,b\",\"cp\\u0075\":2},\"x\":1,\"batch\":{}}", "twice=batch.cpu twice=batch "},
        {"{\"a\":[[{\"b\":1,\"b\":2}]]}", "twice=a.b "},
        {"{\"a\":1e999,\"b\":{\"c\":[-1.5e400,1e308]},\"d\":1e-999}", "large=a large=b.c "},
        {"{\"a\":{\"x\\u0000y\":1}}", "nul=a. "},
        {"{\"\\ud800\":1,\"\\ud800\":2}", "half=\xef\xbf\xbd half=\xef\xbf\xbd twice=\xef\xbf\xbd "},
        {"{\"a\":\"\\ud83d\\ude00\",\"b\":[\"x\\uDc00\"],\"c\":\"\\uD800x\\udc00\",\"d\":\"\\\\ud800\"}", "half=b half=c "},
        {"{\"a\\\\\":1,\"a\\\"\":\"\\\\\",\"a\\\\\":3}", "twice=a\\ "},
        {"{\"\":{\"\":1,\"\":2}}", "twice= "},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        auto_cleanup(buf_free) struct buf found = {0};
        buf_puts(&found, "");
        json_flaws(cases[i].text, strlen(cases[i].text), note, &found);
        assert_string_equal(found.data != NULL ? found.data : "", cases[i].found);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prefixes), cmocka_unit_test(mistakes), cmocka_unit_test(nul_bytes),
        cmocka_unit_test(open_ends), cmocka_unit_test(depth), cmocka_unit_test(flaws),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
