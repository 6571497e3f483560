// Python's repr of str and bytes.
#include "client/render_parts.h"

#include <string.h>

// Code points that Python does not print as they are: separators, formats, private use, surrogates.
static const struct { uint32_t from, to; } unprintable[] = {
    {0x7f, 0xa0}, {0xad, 0xad}, {0x600, 0x605}, {0x61c, 0x61c}, {0x6dd, 0x6dd}, {0x70f, 0x70f},
    {0x1680, 0x1680}, {0x180e, 0x180e}, {0x2000, 0x200f}, {0x2028, 0x202f}, {0x205f, 0x206f},
    {0x3000, 0x3000}, {0xd800, 0xf8ff}, {0xfeff, 0xfeff}, {0xfff0, 0xfffb}, {0xfffe, 0xffff},
    {0xe0000, 0xe00ff}, {0xe01f0, 0x10ffff},
};

static char quote_for(const uint8_t *s, size_t len)
{
    return len && memchr(s, '\'', len) && !memchr(s, '"', len) ? '"' : '\'';
}

// An ASCII character (or byte) within quotes.
static void put_ascii(struct buf *b, uint8_t c, char quote)
{
    if (c == '\\' || c == (uint8_t)quote)
        buf_printf(b, "\\%c", c);
    else if (c == '\n')
        buf_puts(b, "\\n");
    else if (c == '\r')
        buf_puts(b, "\\r");
    else if (c == '\t')
        buf_puts(b, "\\t");
    else if (c < 0x20 || c >= 0x7f)
        buf_printf(b, "\\x%02x", c);
    else
        buf_putc(b, (char)c);
}

void text_bytes_repr(struct buf *b, const uint8_t *s, size_t len)
{
    char quote = quote_for(s, len);
    buf_printf(b, "b%c", quote);
    for (size_t i = 0; i < len; i++)
        put_ascii(b, s[i], quote);
    buf_putc(b, quote);
}

static uint32_t code_point(const uint8_t *s, size_t n)
{
    if (n == 2)
        return (uint32_t)(s[0] & 0x1f) << 6 | (s[1] & 0x3f);
    if (n == 3)
        return (uint32_t)(s[0] & 0x0f) << 12 | (uint32_t)(s[1] & 0x3f) << 6 | (s[2] & 0x3f);
    return (uint32_t)(s[0] & 0x07) << 18 | (uint32_t)(s[1] & 0x3f) << 12 | (uint32_t)(s[2] & 0x3f) << 6 |
           (s[3] & 0x3f);
}

static bool is_printable(uint32_t c)
{
    for (size_t i = 0; i < sizeof unprintable / sizeof *unprintable; i++) {
        if (c >= unprintable[i].from && c <= unprintable[i].to)
            return false;
    }
    return true;
}

void text_str_repr(struct buf *b, const uint8_t *s, size_t len)
{
    char quote = quote_for(s, len);
    buf_putc(b, quote);
    for (size_t i = 0; i < len;) {
        size_t n = s[i] < 0x80 ? 1 : s[i] >= 0xf0 ? 4 : s[i] >= 0xe0 ? 3 : 2;
        if (n == 1 || n > len - i) {
            put_ascii(b, s[i++], quote);
            continue;
        }
        uint32_t c = code_point(s + i, n);
        if (is_printable(c))
            buf_put(b, s + i, n);
        else
            buf_printf(b, c < 0x100 ? "\\x%02x" : c < 0x10000 ? "\\u%04x" : "\\U%08x", c);
        i += n;
    }
    buf_putc(b, quote);
}
