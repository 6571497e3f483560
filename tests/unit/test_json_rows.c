// base/json_rows.h: whatever the pieces in which an array arrives, its elements are the same.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_rows.h"
#include "base/mem.h"

struct got {
    struct buf text; // the elements, each with a '|' behind it
    int n, stop_at;
};

static errc take(void *arg, const struct json *row, struct err *err)
{
    struct got *g = arg;
    json_dump(row, &g->text);
    buf_putc(&g->text, '|');
    return ++g->n == g->stop_at ? err_set(err, ERR_BUSY, "enough") : ERR_OK;
}

// Reads text in pieces of `piece` bytes; the result of the first call that fails.
static errc read_in_pieces(const char *text, size_t piece, size_t max_row, uint64_t max_total, struct got *g,
                           bool *ret_array, struct err *err)
{
    struct json_rows *r = json_rows_new("text", max_row, max_total, take, g);
    size_t len = strlen(text);
    errc e = ERR_OK;
    for (size_t at = 0; !e && at < len; at += piece) {
        e = json_rows_put(r, text + at, len - at < piece ? len - at : piece, err);
    }
    e = e ? e : json_rows_end(r, err);
    *ret_array = json_rows_was_array(r);
    json_rows_free(r);
    return e;
}

static void check(const char *text, errc expected, const char *elements, bool array)
{
    for (size_t piece = 1; piece < 20; piece++) {
        struct got g = {0};
        struct err err = ERR_INIT;
        bool was_array;
        errc e = read_in_pieces(text, piece, 1000, 0, &g, &was_array, &err);
        if (e != expected) {
            fail_msg("%s in pieces of %zu: %s (%s)", text, piece, err_name(e), err.cause);
        }
        if (!e) {
            assert_string_equal(g.text.data ? g.text.data : "", elements);
            assert_int_equal(was_array, array);
        }
        buf_free(&g.text);
    }
}

static void arrays(void **state)
{
    (void)state;
    check("[]", ERR_OK, "", true);
    check(" [ ] \n", ERR_OK, "", true);
    check("[1,2]", ERR_OK, "1|2|", true);
    check(" [ {\"a\" : [1, {\"b\":2}]} , \"x,]}\\\"y\" , null ] ", ERR_OK,
          "{\"a\":[1,{\"b\":2}]}|\"x,]}\\\"y\"|null|", true);
    check("[\"\\\\\",\"\\\\\\\"\"]", ERR_OK, "\"\\\\\"|\"\\\\\\\"\"|", true);
    check("[[],[[]],{}]", ERR_OK, "[]|[[]]|{}|", true);
}

static void single_values(void **state)
{
    (void)state;
    check("{\"a\":1}", ERR_OK, "{\"a\":1}|", false);
    check("{}", ERR_OK, "{}|", false);
    check("\"[1,2]\"", ERR_OK, "\"[1,2]\"|", false);
}

static void bad_text(void **state)
{
    (void)state;
    static const char *const bad[] = {"", " ", "[", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "[1]]", "[1] x", "[}", "[{]", "[\"a]",
                                      "{\"a\":", "<html>", "[1,,2]", "[nul]", "[\"\\x\"]"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        check(bad[i], ERR_CORRUPT, "", true);
    }
}

static void bounds(void **state)
{
    (void)state;
    struct got g = {0};
    struct err err = ERR_INIT;
    bool array;
    assert_int_equal(read_in_pieces("[\"0123456789\"]", 3, 8, 0, &g, &array, &err), ERR_LIMIT);
    assert_int_equal(read_in_pieces("[1,2,3,4,5,6]", 3, 8, 8, &g, &array, &err), ERR_LIMIT);
    auto_free char *deep = mem_zalloc(2003);
    memset(deep, '[', 1001);
    memset(deep + 1001, ']', 1001);
    assert_int_equal(read_in_pieces(deep, 100, 100000, 0, &g, &array, &err), ERR_CORRUPT);
    buf_free(&g.text);
    g = (struct got){.stop_at = 2};
    assert_int_equal(read_in_pieces("[1,2,3]", 100, 8, 0, &g, &array, &err), ERR_BUSY);
    assert_int_equal(g.n, 2);
    buf_free(&g.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arrays),
        cmocka_unit_test(single_values),
        cmocka_unit_test(bad_text),
        cmocka_unit_test(bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
