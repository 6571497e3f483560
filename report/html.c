#include "report/html.h"

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/name.h"
#include "report/style.h"

#define REPLACEMENT "\xef\xbf\xbd"

// --- characters -------------------------------------------------------------------------------------------

// What may follow a first byte of a sequence: how many bytes, and the bounds of the next one (Unicode, table 3-7).
static size_t sequence_of(unsigned char first, unsigned char *ret_low, unsigned char *ret_high)
{
    *ret_low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    *ret_high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (first >= 0xc2 && first <= 0xdf)
        return 2;
    if (first >= 0xe0 && first <= 0xef)
        return 3;
    return first >= 0xf0 && first <= 0xf4 ? 4 : 1;
}

// The character at s; *ret is false where there is none, and the result is then the length of what is to be replaced.
static size_t read_char(const unsigned char *s, size_t len, uint32_t *ret_char, bool *ret)
{
    unsigned char low, high;
    size_t need = sequence_of(s[0], &low, &high);
    *ret_char = s[0];
    *ret = s[0] < 0x80;
    if (need == 1)
        return 1;
    uint32_t c = s[0] & (0xffu >> (need + 1));
    for (size_t i = 1; i < need; i++) {
        if (i >= len || s[i] < low || s[i] > high)
            return i;
        c = c << 6 | (s[i] & 0x3f);
        low = 0x80;
        high = 0xbf;
    }
    *ret_char = c;
    *ret = true;
    return need;
}

static bool is_allowed(uint32_t c)
{
    if (c < 0x20)
        return c == '\t' || c == '\n' || c == '\r';
    return !(c >= 0x7f && c <= 0x9f) && !(c >= 0xfdd0 && c <= 0xfdef) && (c & 0xfffe) != 0xfffe;
}

static const char *entity_of(unsigned char c)
{
    switch (c) {
    case '&': return "&amp;";
    case '<': return "&lt;";
    case '>': return "&gt;";
    case '"': return "&quot;";
    case '\'': return "&#39;";
    default: return NULL;
    }
}

void html_text_len(struct buf *b, const char *s, size_t len)
{
    const unsigned char *at = (const unsigned char *)s;
    size_t plain = 0; // begin of what is copied as it stands
    for (size_t i = 0; i < len;) {
        uint32_t c;
        bool valid;
        size_t n = read_char(at + i, len - i, &c, &valid);
        const char *instead = valid && is_allowed(c) ? entity_of(n == 1 ? at[i] : 0) : REPLACEMENT;
        if (instead) {
            buf_put(b, s + plain, i - plain);
            buf_puts(b, instead);
            plain = i + n;
        }
        i += n;
    }
    buf_put(b, s + plain, len - plain);
}

void html_text(struct buf *b, const char *s)
{
    html_text_len(b, s, strlen(s));
}

// Length of the escape sequence of a terminal at s (ECMA-48: CSI and OSC, else two bytes), 0 when there is none.
static size_t escape_length(const char *s, size_t len)
{
    if (len < 2 || s[0] != '\x1b')
        return 0;
    size_t i = 2;
    if (s[1] == '[') {
        while (i < len && s[i] >= 0x20 && s[i] <= 0x3f)
            i++;
        return i < len && s[i] >= 0x40 && s[i] <= 0x7e ? i + 1 : i;
    }
    if (s[1] == ']') {
        while (i < len && s[i] != '\a' && s[i] != '\x1b' && s[i] != '\n')
            i++;
        if (i < len && s[i] == '\a')
            return i + 1;
        return i + 1 < len && s[i] == '\x1b' && s[i + 1] == '\\' ? i + 2 : i;
    }
    return s[1] >= 0x20 && s[1] <= 0x7e ? 2 : 0;
}

void html_log(struct buf *b, const char *s, size_t len)
{
    size_t plain = 0;
    for (size_t i = 0; i < len;) {
        size_t n = escape_length(s + i, len - i);
        if (n) {
            html_text_len(b, s + plain, i - plain);
            plain = i + n;
        }
        i += n ? n : 1;
    }
    html_text_len(b, s + plain, len - plain);
}

void html_path(struct buf *b, const char *path)
{
    for (const char *p = path; *p; p++) {
        bool plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') ||
                     strchr("-._~/", *p);
        if (plain)
            buf_putc(b, *p);
        else
            buf_printf(b, "%%%02X", (unsigned char)*p);
    }
}

void html_name(struct buf *b, const char *name)
{
    bool cut;
    auto_free char *file = name_encode(name, &cut);
    html_path(b, file);
}

// --- times and states -------------------------------------------------------------------------------------

void html_time(struct buf *b, int64_t ms)
{
    char iso[32];
    clock_iso8601(ms, iso, sizeof iso);
    buf_printf(b, "<time datetime=\"%.23sZ\">%.10s %.8s UTC</time>", iso, iso, iso + 11);
}

void html_duration(struct buf *b, int64_t ms)
{
    int64_t s = ms < 0 ? 0 : ms / 1000;
    if (ms < 10000)
        buf_printf(b, "%.2f s", ms < 0 ? 0.0 : (double)ms / 1000);
    else if (s < 60)
        buf_printf(b, "%d s", (int)s);
    else if (s < 3600)
        buf_printf(b, "%d min %d s", (int)(s / 60), (int)(s % 60));
    else if (s < 86400)
        buf_printf(b, "%d h %d min", (int)(s / 3600), (int)(s / 60 % 60));
    else
        buf_printf(b, "%lld d %d h", (long long)(s / 86400), (int)(s / 3600 % 24));
}

void html_status(struct buf *b, const char *word)
{
    buf_puts(b, "<span class=\"status ");
    html_text(b, word);
    buf_puts(b, "\">");
    html_text(b, word);
    buf_puts(b, "</span>");
}

// --- pages ------------------------------------------------------------------------------------------------

void html_begin(struct buf *b, const char *title)
{
    buf_puts(b, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>");
    html_text(b, title);
    buf_puts(b, "</title>\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
                "<meta name=\"color-scheme\" content=\"light dark\">"
                "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
                "img-src data:; base-uri 'none'; form-action 'none'\">\n<style>\n");
    buf_puts(b, style_colours);
    buf_puts(b, style_page);
    buf_puts(b, style_drawing);
    buf_puts(b, "</style></head><body><main>\n");
}

void html_end(struct buf *b)
{
    buf_puts(b, "</main></body></html>\n");
}
