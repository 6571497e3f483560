// A command line as it is being typed, taken apart into words.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "fs/shell_words.h"

#define BREAKS " \t\n\"'@><=;|&(:"

// The words with a "|" behind each, and a ">" when the last is where a redirection leads.
static char *words(const char *line, size_t *ret_broken)
{
    struct shell_words split;
    struct buf text = {0};
    shell_words_split(line, BREAKS, &split);
    for (size_t i = 0; i < split.words.len; i++) {
        buf_printf(&text, "%s|", split.words.items[i]);
    }
    buf_puts(&text, split.redirected ? ">" : "");
    *ret_broken = split.broken;
    shell_words_free(&split);
    return buf_steal(&text);
}

static void expect(const char *line, const char *want, size_t broken)
{
    size_t got_broken;
    auto_free char *got = words(line, &got_broken);
    assert_string_equal(got, want);
    assert_int_equal(got_broken, broken);
}

static void quotes_are_taken_away(void **state)
{
    (void)state;
    expect("", "|", 0);
    expect("m ls  a", "m|ls|a|", 0);
    expect("m ls a ", "m|ls|a||", 0);
    expect("m 'a b' \"c\\\" \\n d\" e\\ f", "m|a b|c\" \\n d|e f|", 0);
    expect("m a'b'\"c\"d", "m|abcd|", 0);
    expect("m '' x", "m||x|", 0);
    expect("m 'a b", "m|a b|", 0);
    expect("m \"a $HOME `x` b", "m|a $HOME `x` b|", 0);
    expect("m a\\", "m|a\\|", 0);
    expect("m \"a\\", "m|a\\|", 0);
}

static void breaks_are_told(void **state)
{
    (void)state;
    expect("m --a=b", "m|--a=b|", 4);
    expect("m x:y=z", "m|x:y=z|", 4);
    expect("m x:'y=z'w", "m|x:y=zw|", 2);
    expect("m x\\:y", "m|x:y|", 0);
    expect("m x:y ", "m|x:y||", 0);
}

static void only_the_last_command_counts(void **state)
{
    (void)state;
    expect("cd x && m ls a", "m|ls|a|", 0);
    expect("m cat x | jq; (m ls", "m|ls|", 0);
    expect("m a';'b", "m|a;b|", 0);
}

static void redirections_are_no_words(void **state)
{
    (void)state;
    expect("m cat x > f", "m|cat|x|f|>", 0);
    expect("m cat > f x", "m|cat|x|", 0);
    expect("m cat 2>&1 x", "m|cat|x|", 0);
    expect("m cat x 2> ", "m|cat|x||>", 0);
    expect("m cat x2> ", "m|cat|x2||>", 0);
    expect("m cat ''>f", "m|cat||f|>", 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quotes_are_taken_away),
        cmocka_unit_test(breaks_are_told),
        cmocka_unit_test(only_the_last_command_counts),
        cmocka_unit_test(redirections_are_no_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
