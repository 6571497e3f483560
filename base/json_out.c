#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"

#define INDENT 2

static void json_out_line(struct json_out *w)
{
    buf_putc(w->buf, '\n');
    for (unsigned i = 0; i < w->depth * INDENT; i++)
        buf_putc(w->buf, ' ');
}

// What stands between the value or key that comes now and what was written before it.
static void json_out_sep(struct json_out *w)
{
    if (w->after_key) {
        w->after_key = false;
        return;
    }
    if (w->comma)
        buf_putc(w->buf, ',');
    if (w->depth)
        json_out_line(w);
}

static void json_out_value(struct json_out *w, const char *text)
{
    json_out_sep(w);
    buf_puts(w->buf, text);
    w->comma = true;
}

void json_out_begin(struct json_out *w, char open)
{
    json_out_sep(w);
    buf_putc(w->buf, open);
    w->depth++;
    w->comma = false;
}

void json_out_end(struct json_out *w, char close)
{
    w->depth--;
    if (w->comma)
        json_out_line(w);
    buf_putc(w->buf, close);
    w->comma = true;
}

void json_out_key(struct json_out *w, const char *key)
{
    json_out_sep(w);
    json_quote(w->buf, key, strlen(key));
    buf_puts(w->buf, ": ");
    w->after_key = true;
}

void json_out_str(struct json_out *w, const char *s)
{
    if (!s) {
        json_out_null(w);
        return;
    }
    json_out_sep(w);
    json_quote(w->buf, s, strlen(s));
    w->comma = true;
}

void json_out_int(struct json_out *w, int64_t v)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, v);
    json_out_value(w, text);
}

void json_out_bool(struct json_out *w, bool v)
{
    json_out_value(w, v ? "true" : "false");
}

void json_out_null(struct json_out *w)
{
    json_out_value(w, "null");
}

void json_out_raw(struct json_out *w, const char *json_text)
{
    json_out_value(w, json_text);
}

// Length of the UTF-8 sequence at p, or 0; then *ret_skip bytes at p are what one U+FFFD stands for.
static size_t utf8_len(const unsigned char *p, size_t left, size_t *ret_skip)
{
    *ret_skip = 1;
    size_t len;
    unsigned char low = 0x80, high = 0xbf; // what the second byte may be
    if (p[0] < 0x80)
        return 1;
    if (p[0] >= 0xc2 && p[0] <= 0xdf)
        len = 2;
    else if ((p[0] & 0xf0) == 0xe0)
        len = 3;
    else if (p[0] >= 0xf0 && p[0] <= 0xf4)
        len = 4;
    else
        return 0;
    if (p[0] == 0xe0)
        low = 0xa0;
    else if (p[0] == 0xed)
        high = 0x9f;
    else if (p[0] == 0xf0)
        low = 0x90;
    else if (p[0] == 0xf4)
        high = 0x8f;
    for (size_t i = 1; i < len; i++) {
        if (i >= left || p[i] < low || p[i] > high) {
            *ret_skip = i;
            return 0;
        }
        low = 0x80;
        high = 0xbf;
    }
    return len;
}

static void json_quote_control(struct buf *buf, unsigned char c)
{
    static const char shorts[] = "\"\"\\\\\bb\ff\nn\rr\tt";
    for (const char *p = shorts; *p; p += 2) {
        if ((unsigned char)*p == c) {
            buf_putc(buf, '\\');
            buf_putc(buf, p[1]);
            return;
        }
    }
    buf_printf(buf, "\\u%04x", c);
}

void json_quote(struct buf *buf, const char *s, size_t len)
{
    const unsigned char *p = (const unsigned char *)s;
    buf_putc(buf, '"');
    size_t plain = 0; // [plain, i) is written as it is
    for (size_t i = 0; i < len;) {
        size_t skip, n = utf8_len(p + i, len - i, &skip);
        bool escape = n == 1 && (p[i] < 0x20 || p[i] == '"' || p[i] == '\\');
        if (n && !escape) {
            i += n;
            continue;
        }
        buf_put(buf, s + plain, i - plain);
        if (n)
            json_quote_control(buf, p[i]);
        else
            buf_puts(buf, "\xef\xbf\xbd");
        i += n ? n : skip;
        plain = i;
    }
    buf_put(buf, s + plain, len - plain);
    buf_putc(buf, '"');
}
