#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/name.h"

static void expect(const char *name, const char *file_name)
{
    bool cut;
    auto_free char *encoded = name_encode(name, &cut);
    assert_string_equal(encoded, file_name);
    assert_false(cut);
    auto_free char *decoded = name_decode(file_name);
    assert_non_null(decoded);
    assert_string_equal(decoded, name);
}

static void test_round_trips(void **state)
{
    (void)state;
    expect("HelloFlow", "HelloFlow");
    expect("user:me", "user:me");
    expect("a b", "a b");
    expect("größe", "größe");
    expect("日本", "日本");
    expect("a/b", "a%2Fb");
    expect("100%", "100%25");
    expect(".hidden", "%2Ehidden");
    expect("..", "%2E.");
    expect("a.b", "a.b");
    expect("tab\there", "tab%09here");
    expect("\x7f", "%7F");
    expect("bad\xff\xfe", "bad%FF%FE");
    expect("over\xc0\xaf", "over%C0%AF");         // an overlong slash
    expect("half\xed\xa0\x80", "half%ED%A0%80");  // a surrogate
    expect("cut\xe6\x97", "cut%E6%97");           // half a character
}

static void test_refuses_other_encodings(void **state)
{
    (void)state;
    static const char *const bad[] = {"",    "%61",     "a%2fb", "%",    "%2",  "a%GG",
                                      "%00", "100%25%2", ".x",    "a\nb", "\xff"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_null(name_decode(bad[i]));
}

static void test_cuts_long_names(void **state)
{
    (void)state;
    char name[301];
    memset(name, 'x', 300);
    name[300] = '\0';
    bool cut;
    auto_free char *one = name_encode(name, &cut);
    assert_true(cut);
    assert_true(strlen(one) <= NAME_MAX_BYTES);
    assert_true(name_is_cut(one));
    name[299] = 'y';
    auto_free char *two = name_encode(name, &cut);
    assert_string_not_equal(one, two);
    name[255] = '\0';
    auto_free char *whole = name_encode(name, &cut);
    assert_false(cut);
    assert_int_equal(strlen(whole), 255);
}

static void test_cuts_between_characters(void **state)
{
    (void)state;
    char name[401] = "a";
    for (int i = 0; i < 100; i++)
        strcat(name, "日");
    bool cut;
    auto_free char *file_name = name_encode(name, &cut);
    assert_true(cut);
    // What is left of the name is UTF-8: encoding it changes nothing.
    file_name[200] = '\0';
    auto_free char *again = name_encode(file_name, &cut);
    assert_string_equal(again, file_name);
}

static void test_long_names_table(void **state)
{
    (void)state;
    struct long_names *table = long_names_new();
    assert_null(long_names_find(table, "x"));
    for (int i = 0; i < 5000; i++) {
        auto_free char *key = mem_printf("k%d", i);
        long_names_add(table, key, "value");
    }
    assert_null(long_names_find(table, "k0")); // the oldest went
    auto_free char *found = long_names_find(table, "k4999");
    assert_string_equal(found, "value");
    long_names_free(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trips),     cmocka_unit_test(test_refuses_other_encodings),
        cmocka_unit_test(test_cuts_long_names), cmocka_unit_test(test_cuts_between_characters),
        cmocka_unit_test(test_long_names_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
