// base/edits.h
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/edits.h"

static void counts_what_has_to_change(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        size_t edits;
    } cases[] = {
        {"ls", "ls", 0}, {"ls", "lss", 1}, {"lss", "ls", 1}, {"cat", "cut", 1}, {"", "ab", 2}, {"ab", "", 2}, {"", "", 0},
        {"memory", "memroy", 2}, {"kitten", "sitting", 3}, {"abc", "xyz", 3},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        assert_int_equal(edits_between(cases[i].a, cases[i].b, strlen(cases[i].b)), cases[i].edits);
    }
    assert_int_equal(edits_between("ls", "ls=5", 2), 0);
}

static void long_words_are_near_nothing(void **state)
{
    (void)state;
    char word[EDITS_MAX + 1];
    memset(word, 'a', sizeof(word));
    assert_true(edits_between("a", word, EDITS_MAX) == SIZE_MAX);
    assert_int_equal(edits_between("a", word, EDITS_MAX - 1), EDITS_MAX - 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_what_has_to_change),
        cmocka_unit_test(long_words_are_near_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
