#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "report/html.h"

static void expect_text(const char *s, size_t len, const char *html)
{
    struct buf b = {0};
    html_text_len(&b, s, len);
    auto_free char *got = buf_steal(&b);
    assert_string_equal(got, html);
}

#define TEXT(s, html) expect_text((s), sizeof(s) - 1, (html))
#define FFFD "\xef\xbf\xbd"

static void markup_is_escaped(void **state)
{
    (void)state;
    TEXT("<script>alert('1') & \"2\"</script>", "&lt;script&gt;alert(&#39;1&#39;) &amp; &quot;2&quot;&lt;/script&gt;");
    TEXT("", "");
    TEXT("plain", "plain");
    TEXT("a<", "a&lt;");
    TEXT("&amp;", "&amp;amp;");
    TEXT("gr\xc3\xbcn \xe2\x82\xac \xf0\x9f\x98\x80", "gr\xc3\xbcn \xe2\x82\xac \xf0\x9f\x98\x80");
}

static void controls_are_replaced(void **state)
{
    (void)state;
    TEXT("a\tb\nc\rd", "a\tb\nc\rd");
    TEXT("a\0b", "a" FFFD "b");
    TEXT("\x01\x0b\x0c\x1f\x7f", FFFD FFFD FFFD FFFD FFFD);
    TEXT("\xc2\x80\xc2\x85\xc2\x9f\xc2\xa0", FFFD FFFD FFFD "\xc2\xa0");                // C1 controls; not U+00A0
    TEXT("\xef\xb7\x90\xef\xb7\xaf\xef\xbf\xbe\xef\xbf\xbf", FFFD FFFD FFFD FFFD);       // no characters
    TEXT("\xf0\x9f\xbf\xbe\xf4\x8f\xbf\xbf\xef\xbf\xbc", FFFD FFFD "\xef\xbf\xbc");
}

// The number of replacements is Python's: bytes.decode("utf-8", "replace").
static void bad_utf8_is_replaced_as_python_does(void **state)
{
    (void)state;
    TEXT("\x80", FFFD);
    TEXT("\xff\xfe", FFFD FFFD);
    TEXT("\xc0\xaf", FFFD FFFD);                         // overlong
    TEXT("\xe0\x80\xaf", FFFD FFFD FFFD);
    TEXT("\xf0\x80\x80\xaf", FFFD FFFD FFFD FFFD);
    TEXT("\xed\xa0\x80", FFFD FFFD FFFD);                // a surrogate
    TEXT("\xf4\x90\x80\x80", FFFD FFFD FFFD FFFD);       // above U+10FFFF
    TEXT("\xe2\x82", FFFD);                              // cut off
    TEXT("\xe2\x82<", FFFD "&lt;");
    TEXT("\xf0\x9f\x98", FFFD);
    TEXT("\xf0\x9f\x98\xe2\x82\xac", FFFD "\xe2\x82\xac");
    TEXT("\xc3", FFFD);
    TEXT("\xc3\xc3\xbc", FFFD "\xc3\xbc");
}

// Whatever the bytes: what comes out is UTF-8 without markup, and no longer than three bytes for each.
static void any_bytes_are_text(void **state)
{
    (void)state;
    uint32_t seed = 12345;
    for (int round = 0; round < 2000; round++) {
        unsigned char bytes[24];
        for (size_t i = 0; i < sizeof bytes; i++) {
            seed = seed * 1664525 + 1013904223;
            bytes[i] = (unsigned char)(seed >> (round % 2 ? 24 : 20));
        }
        struct buf once = {0}, twice = {0};
        html_text_len(&once, (const char *)bytes, sizeof bytes);
        assert_null(memchr(once.data, '<', once.len));
        assert_null(memchr(once.data, '"', once.len));
        assert_null(memchr(once.data, 0, once.len));
        for (size_t i = 0; i < once.len; i++)
            if (once.data[i] == '&') // escaped again it would grow; all else stays
                once.data[i] = '+';
        html_text_len(&twice, once.data, once.len);
        assert_int_equal(once.len, twice.len);
        assert_memory_equal(once.data, twice.data, once.len);
        buf_free(&once);
        buf_free(&twice);
    }
}

static void a_full_buffer_stays_within_its_bound(void **state)
{
    (void)state;
    struct buf b = {.max = 10};
    html_text(&b, "<<<<<<");
    assert_true(b.over);
    assert_true(b.len <= 10);
    buf_free(&b);
}

static void expect_log(const char *s, const char *html)
{
    struct buf b = {0};
    html_log(&b, s, strlen(s));
    auto_free char *got = buf_steal(&b);
    assert_string_equal(got, html);
}

static void logs_lose_their_colours(void **state)
{
    (void)state;
    expect_log("\x1b[31mred\x1b[0m <b>", "red &lt;b&gt;");
    expect_log("\x1b[1;38;5;10mx\x1b[K", "x");
    expect_log("\x1b]0;title\ay\x1b]8;;http://x\x1b\\link", "ylink");
    expect_log("\x1b]0;never ends\nnext", "\nnext");
    expect_log("\x1b" "7a\x1b" "8", "a");
    expect_log("\x1b[", "");
    expect_log("\x1b", FFFD);
    expect_log("\x1b\n", FFFD "\n");
    expect_log("plain", "plain");
}

static void urls_are_encoded(void **state)
{
    (void)state;
    struct buf b = {0};
    html_path(&b, "step/1/a b\"<&'#?%:\xc3\xbc");
    buf_puts(&b, "|");
    html_name(&b, "a/b%c");
    buf_puts(&b, "|");
    html_name(&b, "..");
    buf_puts(&b, "|");
    html_name(&b, "javascript:x");
    auto_free char *got = buf_steal(&b);
    assert_string_equal(got, "step/1/a%20b%22%3C%26%27%23%3F%25%3A%C3%BC|a%252Fb%2525c|%252E.|javascript%3Ax");
}

static void times_and_states(void **state)
{
    (void)state;
    struct buf b = {0};
    static const int64_t ms[] = {-5, 0, 250, 9990, 12000, 59999, 185000, 7380000, 352800000};
    for (size_t i = 0; i < sizeof ms / sizeof ms[0]; i++) {
        html_duration(&b, ms[i]);
        buf_puts(&b, "|");
    }
    html_time(&b, 1795373817325);
    html_status(&b, "done");
    auto_free char *got = buf_steal(&b);
    assert_string_equal(got, "0.00 s|0.00 s|0.25 s|9.99 s|12 s|59 s|3 min 5 s|2 h 3 min|4 d 2 h|"
                             "<time datetime=\"2026-11-22T18:56:57.325Z\">2026-11-22 18:56:57 UTC</time>"
                             "<span class=\"status done\">done</span>");
}

static void pages_begin_and_end(void **state)
{
    (void)state;
    struct buf b = {0};
    html_begin(&b, "</title><script>");
    html_end(&b);
    auto_free char *got = buf_steal(&b);
    assert_ptr_equal(strstr(got, "<!DOCTYPE html>"), got);
    assert_non_null(strstr(got, "<title>&lt;/title&gt;&lt;script&gt;</title>"));
    assert_null(strstr(got, "<script"));
    assert_null(strstr(got, "://"));
    assert_non_null(strstr(got, "width=device-width"));
    assert_non_null(strstr(got, "prefers-color-scheme:dark"));
    assert_non_null(strstr(got, "</main></body></html>"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(markup_is_escaped),
        cmocka_unit_test(controls_are_replaced),
        cmocka_unit_test(bad_utf8_is_replaced_as_python_does),
        cmocka_unit_test(any_bytes_are_text),
        cmocka_unit_test(a_full_buffer_stays_within_its_bound),
        cmocka_unit_test(logs_lose_their_colours),
        cmocka_unit_test(urls_are_encoded),
        cmocka_unit_test(times_and_states),
        cmocka_unit_test(pages_begin_and_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
