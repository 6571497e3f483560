#include "base/json_repair.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

// The largest real has 309 digits before its point.
#define REAL_DIGITS 308

struct repair {
    const char *text;
    size_t len, at;
    struct buf *out;
    bool changed;
};

static void copy(struct repair *r, size_t n)
{
    buf_put(r->out, r->text + r->at, n);
    r->at += n;
}

static void replace(struct repair *r, size_t n, const char *by)
{
    buf_puts(r->out, by);
    r->at += n;
    r->changed = true;
}

// The value of four hex digits at text[at], or -1.
static int hex4(const struct repair *r, size_t at)
{
    int value = 0;
    if (at + 4 > r->len)
        return -1;
    for (size_t i = at; i < at + 4; i++) {
        char c = r->text[i];
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0)
            return -1;
        value = value << 4 | digit;
    }
    return value;
}

static bool is_escape(const struct repair *r, size_t at)
{
    return at + 2 <= r->len && r->text[at] == '\\' && r->text[at + 1] == 'u';
}

// At a backslash inside of a string.
static void repair_escape(struct repair *r)
{
    int unit = is_escape(r, r->at) ? hex4(r, r->at + 2) : -1;
    if (unit < 0xd800 || unit > 0xdfff) {
        copy(r, r->at + 2 <= r->len ? 2 : 1);
        return;
    }
    int low = is_escape(r, r->at + 6) ? hex4(r, r->at + 8) : -1;
    if (unit < 0xdc00 && low >= 0xdc00 && low <= 0xdfff)
        copy(r, 12);
    else
        replace(r, 6, "\\ufffd");
}

static void repair_string(struct repair *r)
{
    copy(r, 1);
    while (r->at < r->len) {
        char c = r->text[r->at];
        if (c == '\\') {
            repair_escape(r);
            continue;
        }
        copy(r, 1);
        if (c == '"')
            return;
    }
}

static bool overflows(const char *number, size_t n)
{
    char text[32];
    if (n >= sizeof text)
        return true;
    memcpy(text, number, n);
    text[n] = '\0';
    errno = 0;
    strtoll(text, NULL, 10);
    return errno == ERANGE;
}

static void repair_number(struct repair *r)
{
    size_t n = 0;
    bool integer = true;
    for (; r->at + n < r->len; n++) {
        char c = r->text[r->at + n];
        if (c == '.' || c == 'e' || c == 'E')
            integer = false;
        else if ((c < '0' || c > '9') && c != '-' && c != '+')
            break;
    }
    const char *number = r->text + r->at;
    if (!integer || n < 19 || !overflows(number, n)) {
        copy(r, n);
    } else if (n > REAL_DIGITS) {
        replace(r, n, number[0] == '-' ? "-1e308" : "1e308");
    } else {
        copy(r, n);
        replace(r, 0, ".0");
    }
}

static bool repair_word(struct repair *r, const char *word)
{
    size_t n = strlen(word);
    if (r->len - r->at < n || memcmp(r->text + r->at, word, n) != 0)
        return false;
    replace(r, n, "null");
    return true;
}

bool json_repair(const char *text, size_t len, struct buf *out)
{
    struct repair r = {.text = text, .len = len, .out = out};
    while (r.at < len && !out->over) {
        char c = text[r.at];
        if (c == '"')
            repair_string(&r);
        else if (repair_word(&r, "NaN") || repair_word(&r, "Infinity") || repair_word(&r, "-Infinity"))
            continue;
        else if (c == '-' || (c >= '0' && c <= '9'))
            repair_number(&r);
        else
            copy(&r, 1);
    }
    return r.changed && !out->over;
}
