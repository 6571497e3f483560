#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/pickle.h"

#define BYTES(literal) (const uint8_t *)(literal), sizeof(literal) - 1

static const struct value *read_ok(struct pickle **p, const uint8_t *data, size_t len)
{
    struct err err = ERR_INIT;
    if (pickle_read(data, len, NULL, NULL, p, &err))
        fail_msg("%s", err.cause);
    return pickle_root(*p);
}

static errc read_fails(const uint8_t *data, size_t len, const struct pickle_limits *limits, struct err *err)
{
    struct pickle *p = NULL;
    memset(err, 0, sizeof *err);
    errc code = pickle_read(data, len, limits, NULL, &p, err);
    assert_int_not_equal(code, ERR_OK);
    assert_int_equal(err->code, code);
    assert_null(p);
    return code;
}

static void test_integers(void **state)
{
    (void)state;
    static const struct { const char *data; size_t len; int64_t want; } cases[] = {
        {"K\xff.", 3, 255}, {"M\xff\xff.", 4, 65535}, {"J\xff\xff\xff\xff.", 6, -1}, {"\x8a\x00.", 3, 0},
        {"\x8a\x01\x80.", 4, -128}, {"\x8a\x02\x80\x00.", 5, 128},
        {"\x8a\x0a\xff\xff\xff\xff\xff\xff\xff\x7f\x00\x00.", 13, INT64_MAX},
        {"I-12\n.", 6, -12}, {"L123456789012345678L\n.", 22, 123456789012345678},
        {"L-9223372036854775808L\n.", 24, INT64_MIN},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct pickle *p;
        const struct value *v = read_ok(&p, (const uint8_t *)cases[i].data, cases[i].len);
        assert_int_equal(v->kind, VALUE_INT);
        assert_true(v->u.integer == cases[i].want);
        pickle_free(p);
    }
}

static void test_big_integers(void **state)
{
    (void)state;
    struct pickle *p;
    const struct value *v = read_ok(&p, BYTES("L18446744073709551616L\n."));
    assert_int_equal(v->kind, VALUE_BIGINT);
    assert_int_equal(v->u.bytes.len, 9);
    assert_memory_equal(v->u.bytes.data, "\0\0\0\0\0\0\0\0\1", 9);
    pickle_free(p);
    v = read_ok(&p, BYTES("L-9223372036854775809L\n."));
    assert_int_equal(v->u.bytes.len, 9);
    assert_memory_equal(v->u.bytes.data, "\xff\xff\xff\xff\xff\xff\xff\x7f\xff", 9);
    pickle_free(p);
}

static void test_strings_are_not_copied(void **state)
{
    (void)state;
    size_t n = 1 << 20;
    uint8_t *data = malloc(n + 6);
    memcpy(data, "X\x00\x00\x10\x00", 5);
    memset(data + 5, 'x', n);
    data[n + 5] = '.';
    struct pickle *p;
    const struct value *v = read_ok(&p, data, n + 6);
    assert_int_equal(v->kind, VALUE_STR);
    assert_ptr_equal(v->u.bytes.data, data + 5);
    assert_int_equal(v->u.bytes.len, n);
    assert_true(pickle_memory(p) < 64 * 1024);
    pickle_free(p);
    free(data);
}

static void test_shared_and_self_references(void **state)
{
    (void)state;
    struct pickle *p;
    // a = [[]]; a = [x, x, a] with x = []
    const struct value *v = read_ok(&p, BYTES("]q\x00(]q\x01h\x01h\x00" "e."));
    assert_int_equal(v->kind, VALUE_LIST);
    assert_int_equal(v->u.seq.len, 3);
    assert_ptr_equal(v->u.seq.items[0], v->u.seq.items[1]);
    assert_ptr_equal(v->u.seq.items[2], v);
    pickle_free(p);
}

static void test_calls_are_inert(void **state)
{
    (void)state;
    struct pickle *p;
    const struct value *v = read_ok(&p, BYTES("cos\nsystem\n(S'true'\ntR."));
    assert_true(value_is_call(v, "os", "system"));
    assert_false(v->u.call.is_new);
    assert_int_equal(v->u.call.args->u.seq.len, 1);
    pickle_free(p);

    // A subclass of dict reached through the memo, with items and a state.
    v = read_ok(&p, BYTES("\x80\x02" "cm\nD\n)\x81q\x00" "K\x01K\x02sh\x00}X\x01\x00\x00\x00sK\x05sb0."));
    assert_true(value_is_call(v, "m", "D"));
    assert_true(v->u.call.is_new);
    assert_int_equal(v->u.call.pairs->u.dict.len, 1);
    assert_int_equal(value_dict_get(v->u.call.state, "s")->u.integer, 5);
    assert_null(value_dict_get(v->u.call.state, "t"));
    char name[32];
    value_type_name(v, name, sizeof name);
    assert_string_equal(name, "m.D");
    pickle_free(p);
}

static void test_folded_calls(void **state)
{
    (void)state;
    struct pickle *p;
    const struct value *v = read_ok(&p, BYTES("\x80\x02" "c_codecs\nencode\nX\x04\x00\x00\x00\xc3\xbf" "a\nX\x06\x00\x00\x00latin1\x86R."));
    assert_int_equal(v->kind, VALUE_BYTES);
    assert_int_equal(v->u.bytes.len, 3);
    assert_memory_equal(v->u.bytes.data, "\xff" "a\n", 3);
    pickle_free(p);
    v = read_ok(&p, BYTES("c__builtin__\nset\n((lI1\naI2\natR."));
    assert_int_equal(v->kind, VALUE_SET);
    assert_int_equal(v->u.seq.len, 2);
    pickle_free(p);
    v = read_ok(&p, BYTES("\x80\x04\x8c\x08" "builtins\x8c\tbytearray\x93" "C\x02hi\x85R."));
    assert_int_equal(v->kind, VALUE_BYTEARRAY);
    pickle_free(p);
    v = read_ok(&p, BYTES("ccopy_reg\n_reconstructor\n(cm\nL\nc__builtin__\nlist\n(lI7\natR."));
    assert_true(value_is_call(v, "m", "L"));
    assert_int_equal(v->u.call.items->u.seq.len, 1);
    pickle_free(p);
}

static void test_names_of_python_2_only_below_protocol_3(void **state)
{
    (void)state;
    struct pickle *p;
    assert_true(value_is_global(read_ok(&p, BYTES("\x80\x02" "c__builtin__\nxrange\n.")), "builtins", "range"));
    pickle_free(p);
    assert_true(value_is_global(read_ok(&p, BYTES("\x80\x03" "c__builtin__\nxrange\n.")), "__builtin__", "xrange"));
    pickle_free(p);
}

static void test_failures_say_where(void **state)
{
    (void)state;
    struct err err;
    assert_int_equal(read_fails(BYTES("(K\x01K\x02t"), NULL, &err), ERR_CORRUPT);
    assert_non_null(strstr(err.cause, "before STOP"));
    assert_int_equal(read_fails(BYTES("NX\x05\x00\x00\x00" "ab"), NULL, &err), ERR_CORRUPT);
    assert_non_null(strstr(err.cause, "BINUNICODE at offset 1"));
    assert_int_equal(read_fails(BYTES("h\x05."), NULL, &err), ERR_CORRUPT);
    assert_non_null(strstr(err.cause, "memo 5"));
    assert_int_equal(read_fails(NULL, 0, NULL, &err), ERR_CORRUPT);
}

static void test_limits(void **state)
{
    (void)state;
    struct err err;
    struct pickle_limits limits = {.max_depth = 3};
    assert_int_equal(read_fails(BYTES("((((N."), &limits, &err), ERR_LIMIT);
    limits = (struct pickle_limits){.max_ops = 3};
    assert_int_equal(read_fails(BYTES("NNNN."), &limits, &err), ERR_LIMIT);
    limits = (struct pickle_limits){.max_memory = 64 * 1024};
    size_t n = 1 << 20;
    uint8_t *data = malloc(n);
    memset(data, ']', n);
    data[n - 1] = '.';
    assert_int_equal(read_fails(data, n, &limits, &err), ERR_LIMIT);
    assert_non_null(strstr(err.cause, "65536 bytes"));
    free(data);
}

static void test_huge_memo_index_is_cheap(void **state)
{
    (void)state;
    struct pickle *p;
    const struct value *v = read_ok(&p, BYTES("K\x07r\xff\xff\xff\xff" "0j\xff\xff\xff\xff."));
    assert_int_equal(v->u.integer, 7);
    assert_true(pickle_memory(p) < 64 * 1024);
    pickle_free(p);
}

static void test_memo_keeps_the_newest(void **state)
{
    (void)state;
    // Puts indices far apart, then near ones again with other values, and gets them all.
    enum { N = 300 };
    uint8_t data[N * 2 * 16 + N * 8];
    size_t at = 0;
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < N; i++) {
            unsigned index = i % 2 ? i : i * 100000, shown = i + round * 1000;
            uint8_t op[] = {'M', (uint8_t)shown, (uint8_t)(shown >> 8), 'r', (uint8_t)index, (uint8_t)(index >> 8),
                            (uint8_t)(index >> 16), (uint8_t)(index >> 24), '0'};
            memcpy(data + at, op, sizeof op);
            at += sizeof op;
        }
    }
    data[at++] = '(';
    for (unsigned i = 0; i < N; i++) {
        unsigned index = i % 2 ? i : i * 100000;
        uint8_t op[] = {'j', (uint8_t)index, (uint8_t)(index >> 8), (uint8_t)(index >> 16), (uint8_t)(index >> 24)};
        memcpy(data + at, op, sizeof op);
        at += sizeof op;
    }
    memcpy(data + at, "t.", 2);
    struct pickle *p;
    const struct value *v = read_ok(&p, data, at + 2);
    for (unsigned i = 0; i < N; i++)
        assert_int_equal(v->u.seq.items[i]->u.integer, i + 1000);
    pickle_free(p);
}

static void test_cancelled(void **state)
{
    (void)state;
    struct cancel cancel = {.set = true};
    struct pickle *p = NULL;
    struct err err = ERR_INIT;
    assert_int_equal(pickle_read(BYTES("N."), NULL, &cancel, &p, &err), ERR_INTERRUPTED);
    assert_null(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integers),
        cmocka_unit_test(test_big_integers),
        cmocka_unit_test(test_strings_are_not_copied),
        cmocka_unit_test(test_shared_and_self_references),
        cmocka_unit_test(test_calls_are_inert),
        cmocka_unit_test(test_folded_calls),
        cmocka_unit_test(test_names_of_python_2_only_below_protocol_3),
        cmocka_unit_test(test_failures_say_where),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_huge_memo_index_is_cheap),
        cmocka_unit_test(test_memo_keeps_the_newest),
        cmocka_unit_test(test_cancelled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
