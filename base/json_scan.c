#include "base/json_scan.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define DEPTH_MAX 64

enum expect { EXPECT_VALUE, EXPECT_VALUE_OR_END, EXPECT_KEY, EXPECT_KEY_OR_END, EXPECT_COLON, EXPECT_COMMA_OR_END };

struct scan {
    const unsigned char *text;
    size_t len, at;
    size_t line, line_start;
    struct {
        char open;
        size_t line;
    } levels[DEPTH_MAX];
    size_t depth;
    struct json_scan_place *place;
};

static bool ended(const struct scan *s)
{
    return s->at >= s->len;
}

static unsigned char here(const struct scan *s)
{
    return s->text[s->at];
}

__attribute__((format(printf, 3, 0))) static void tell(struct scan *s, size_t at, const char *fmt, va_list ap)
{
    s->place->line = s->line;
    s->place->column = at - s->line_start + 1;
    vsnprintf(s->place->what, sizeof(s->place->what), fmt, ap);
}

__attribute__((format(printf, 2, 3))) static enum json_scan_state bad(struct scan *s, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    tell(s, s->at, fmt, ap);
    va_end(ap);
    return JSON_SCAN_BAD;
}

__attribute__((format(printf, 2, 3))) static enum json_scan_state cut(struct scan *s, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    tell(s, s->len, fmt, ap);
    va_end(ap);
    return JSON_SCAN_INCOMPLETE;
}

static enum json_scan_state cut_between(struct scan *s)
{
    char open = s->levels[s->depth - 1].open;
    return cut(s, "the text ends here, before the %c of the %c in line %zu", open == '{' ? '}' : ']', open,
               s->levels[s->depth - 1].line);
}

static void skip_space(struct scan *s)
{
    for (; !ended(s) && memchr(" \t\r\n", here(s), 4) != NULL; s->at++) {
        if (here(s) == '\n') {
            s->line++;
            s->line_start = s->at + 1;
        }
    }
}

// True where the rest of the text begins with `word`, or ends within it.
static bool looks_like(const struct scan *s, const char *word)
{
    size_t n = strlen(word), rest = s->len - s->at;
    return memcmp(s->text + s->at, word, rest < n ? rest : n) == 0;
}

// How many bytes follow a lead byte of UTF-8, and what the first of them may be; -1 for one that leads nothing.
static int utf8_follow(unsigned char lead, unsigned char *low, unsigned char *high)
{
    *low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    *high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    return lead >= 0xc2 && lead <= 0xdf   ? 1
           : lead >= 0xe0 && lead <= 0xef ? 2
           : lead >= 0xf0 && lead <= 0xf4 ? 3
                                          : -1;
}

static enum json_scan_state scan_utf8(struct scan *s)
{
    unsigned char low, high;
    int follow = utf8_follow(here(s), &low, &high);
    if (follow < 0) {
        return bad(s, "the byte 0x%02x is not UTF-8: save the file as UTF-8", here(s));
    }
    for (size_t i = s->at + 1; follow > 0; i++, follow--) {
        if (i >= s->len) {
            return cut(s, "the text ends here, inside of a character");
        }
        if (s->text[i] < low || s->text[i] > high) {
            return bad(s, "the byte 0x%02x begins no character of UTF-8: save the file as UTF-8", here(s));
        }
        low = 0x80;
        high = 0xbf;
        s->at += follow == 1 ? i + 1 - s->at : 0;
    }
    return JSON_SCAN_COMPLETE;
}

static enum json_scan_state scan_escape(struct scan *s, size_t line)
{
    if (s->at + 1 >= s->len) {
        return cut(s, "the text ends here, inside of a text that began in line %zu", line);
    }
    unsigned char c = s->text[s->at + 1];
    if (c != 'u') {
        if (c == '\0' || strchr("\"\\/bfnrt", c) == NULL) {
            return bad(s, "after a \\ comes one of \" \\ / b f n r t u; a \\ itself is written \\\\");
        }
        s->at += 2;
        return JSON_SCAN_COMPLETE;
    }
    for (size_t i = s->at + 2; i < s->at + 6; i++) {
        if (i >= s->len) {
            return cut(s, "the text ends here, inside of a text that began in line %zu", line);
        }
        if (s->text[i] == '\0' || strchr("0123456789abcdefABCDEF", s->text[i]) == NULL) {
            return bad(s, "after \\u come four hexadecimal digits");
        }
    }
    s->at += 6;
    return JSON_SCAN_COMPLETE;
}

static enum json_scan_state scan_string(struct scan *s)
{
    size_t line = s->line;
    s->at++;
    while (!ended(s)) {
        unsigned char c = here(s);
        enum json_scan_state state = JSON_SCAN_COMPLETE;
        if (c == '"') {
            s->at++;
            return JSON_SCAN_COMPLETE;
        }
        if (c == '\n' || c == '\r') {
            return bad(s, "a line break inside of a text: its closing \" is missing, or write the break as \\n");
        }
        if (c < 0x20) {
            return bad(s, "the byte 0x%02x inside of a text is to be written \\u%04x", c, c);
        }
        if (c == '\\') {
            state = scan_escape(s, line);
        } else if (c >= 0x80) {
            state = scan_utf8(s);
        } else {
            s->at++;
        }
        if (state != JSON_SCAN_COMPLETE) {
            return state;
        }
    }
    return cut(s, "the text ends here, inside of a text that began in line %zu", line);
}

static bool digit_here(const struct scan *s)
{
    return !ended(s) && here(s) >= '0' && here(s) <= '9';
}

static enum json_scan_state scan_digits(struct scan *s, const char *behind)
{
    if (ended(s)) {
        return cut(s, "the text ends here, inside of a number");
    }
    if (!digit_here(s)) {
        return bad(s, "a digit is expected behind the %s of a number", behind);
    }
    while (digit_here(s)) {
        s->at++;
    }
    return JSON_SCAN_COMPLETE;
}

static enum json_scan_state scan_number(struct scan *s)
{
    if (here(s) == '-') {
        s->at++;
        if (!ended(s) && here(s) == 'I') {
            return bad(s, "JSON has no infinity");
        }
    }
    bool zero = !ended(s) && here(s) == '0';
    if (zero) {
        s->at++;
        if (digit_here(s) || (!ended(s) && memchr("xXoObB_", here(s), 7) != NULL)) {
            return bad(s, "a number is written with decimal digits and does not begin with 0");
        }
    } else {
        enum json_scan_state state = scan_digits(s, "-");
        if (state != JSON_SCAN_COMPLETE) {
            return state;
        }
    }
    if (!ended(s) && here(s) == '.') {
        s->at++;
        enum json_scan_state state = scan_digits(s, "point");
        if (state != JSON_SCAN_COMPLETE) {
            return state;
        }
    }
    if (!ended(s) && (here(s) == 'e' || here(s) == 'E')) {
        s->at++;
        if (!ended(s) && (here(s) == '+' || here(s) == '-')) {
            s->at++;
        }
        return scan_digits(s, "e");
    }
    return JSON_SCAN_COMPLETE;
}

// What people write where JSON has something else; in the middle of a number or word "".
static const struct {
    const char *begins, *say;
} mistakes[] = {
    {"'", "JSON writes a text in double quotes, \"like this\""},
    {"True", "JSON writes true, not True"},
    {"TRUE", "JSON writes true, not TRUE"},
    {"False", "JSON writes false, not False"},
    {"FALSE", "JSON writes false, not FALSE"},
    {"None", "JSON writes null, not None"},
    {"NULL", "JSON writes null, not NULL"},
    {"NaN", "JSON has no NaN"},
    {"Infinity", "JSON has no infinity"},
    {"#", "JSON has no comments"},
    {"//", "JSON has no comments"},
    {"/*", "JSON has no comments"},
    {"+", "a number is written without +"},
    {".", "a number begins with a digit, such as 0.5"},
    {"(", "a list is written [ ... ]"},
    {"\xe2\x80\x9c", "a text is written in straight double quotes"},
    {"\xe2\x80\x9d", "a text is written in straight double quotes"},
    {"\xe2\x80\x98", "a text is written in straight double quotes"},
};

static const char *mistake_here(const struct scan *s)
{
    for (size_t i = 0; i < sizeof(mistakes) / sizeof(*mistakes); i++) {
        if (looks_like(s, mistakes[i].begins)) {
            return mistakes[i].say;
        }
    }
    return NULL;
}

// "`wanted` is expected here, not X".
static enum json_scan_state unexpected(struct scan *s, const char *wanted)
{
    const char *say = mistake_here(s);
    unsigned char c = here(s);
    if (say != NULL) {
        return bad(s, "%s", say);
    }
    if (c > 0x20 && c < 0x7f) {
        return bad(s, "%s is expected here, not %c", wanted, c);
    }
    return bad(s, "%s is expected here, not the byte 0x%02x", wanted, c);
}

static enum json_scan_state scan_word(struct scan *s)
{
    static const char *const words[] = {"true", "false", "null"};
    for (size_t i = 0; i < 3; i++) {
        if (here(s) == (unsigned char)words[i][0] && looks_like(s, words[i])) {
            size_t n = strlen(words[i]);
            if (s->len - s->at < n) {
                return cut(s, "the text ends here, inside of %s", words[i]);
            }
            s->at += n;
            return JSON_SCAN_COMPLETE;
        }
    }
    return unexpected(s, "a value");
}

static enum json_scan_state open_level(struct scan *s, enum expect *expect)
{
    if (s->depth == DEPTH_MAX) {
        return bad(s, "nested deeper than %d levels", DEPTH_MAX);
    }
    s->levels[s->depth].open = (char)here(s);
    s->levels[s->depth++].line = s->line;
    *expect = here(s) == '{' ? EXPECT_KEY_OR_END : EXPECT_VALUE_OR_END;
    s->at++;
    return JSON_SCAN_COMPLETE;
}

static enum json_scan_state scan_value(struct scan *s, enum expect *expect)
{
    unsigned char c = here(s);
    if (c == '{' || c == '[') {
        return open_level(s, expect);
    }
    *expect = EXPECT_COMMA_OR_END;
    if (c == '"') {
        return scan_string(s);
    }
    return c == '-' || (c >= '0' && c <= '9') ? scan_number(s) : scan_word(s);
}

static enum json_scan_state scan_key(struct scan *s, enum expect *expect, bool or_end)
{
    *expect = EXPECT_COLON;
    if (here(s) == '"') {
        return scan_string(s);
    }
    if (here(s) == '}') {
        return bad(s, "the comma before this } is one too many");
    }
    return unexpected(s, or_end ? "a key in double quotes, or }," : "a key in double quotes");
}

// One step between two tokens; the text has not ended.
static enum json_scan_state step(struct scan *s, enum expect *expect)
{
    unsigned char c = here(s);
    bool in_object = s->levels[s->depth - 1].open == '{';
    char close = in_object ? '}' : ']';
    bool may_end = *expect == EXPECT_KEY_OR_END || *expect == EXPECT_VALUE_OR_END || *expect == EXPECT_COMMA_OR_END;
    if (may_end && c == (unsigned char)close) {
        s->depth--;
        s->at++;
        *expect = EXPECT_COMMA_OR_END;
        return JSON_SCAN_COMPLETE;
    }
    switch (*expect) {
    case EXPECT_VALUE:
    case EXPECT_VALUE_OR_END:
        if (c == ']' && !in_object) {
            return bad(s, "the comma before this ] is one too many");
        }
        return scan_value(s, expect);
    case EXPECT_KEY:
    case EXPECT_KEY_OR_END:
        return scan_key(s, expect, *expect == EXPECT_KEY_OR_END);
    case EXPECT_COLON:
        if (c != ':') {
            return unexpected(s, "a : behind the key");
        }
        s->at++;
        *expect = EXPECT_VALUE;
        return JSON_SCAN_COMPLETE;
    case EXPECT_COMMA_OR_END:
        break;
    }
    if (c != ',') {
        return unexpected(s, in_object ? "a comma or }" : "a comma or ]");
    }
    s->at++;
    *expect = in_object ? EXPECT_KEY : EXPECT_VALUE;
    return JSON_SCAN_COMPLETE;
}

static enum json_scan_state scan_first(struct scan *s, enum expect *expect)
{
    unsigned char c = here(s);
    if (c == 0xef && s->at == 0) {
        return bad(s, "the file begins with a byte order mark: save it as UTF-8 without one");
    }
    if (c >= 0xfe || c == '\0' || (c == '{' && s->at + 1 < s->len && s->text[s->at + 1] == '\0')) {
        return bad(s, "this looks like UTF-16: save the file as UTF-8");
    }
    const char *say = mistake_here(s);
    if (c != '{' && say != NULL && (c == '#' || c == '/')) {
        return bad(s, "%s", say);
    }
    return c == '{' ? open_level(s, expect) : bad(s, "a job file is a JSON object, { ... }");
}

enum json_scan_state json_scan(const char *text, size_t len, struct json_scan_place *ret_place)
{
    struct scan s = {.text = (const unsigned char *)text, .len = len, .line = 1, .place = ret_place};
    *ret_place = (struct json_scan_place){0};
    skip_space(&s);
    if (ended(&s)) {
        cut(&s, "nothing is here yet");
        return JSON_SCAN_EMPTY;
    }
    enum expect expect = EXPECT_VALUE;
    enum json_scan_state state = scan_first(&s, &expect);
    while (state == JSON_SCAN_COMPLETE && s.depth > 0) {
        skip_space(&s);
        state = ended(&s) ? cut_between(&s) : step(&s, &expect);
    }
    if (state != JSON_SCAN_COMPLETE) {
        return state;
    }
    skip_space(&s);
    return ended(&s) ? JSON_SCAN_COMPLETE : bad(&s, "something follows the object: a job file is one { ... }");
}
