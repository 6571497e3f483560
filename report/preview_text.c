// Texts, bytes and JSON, as far as a page has room for them.
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "report/html.h"
#include "report/preview_i.h"

enum { MAX_LINES = 20, MAX_TEXT = 4096, MAX_LINE = 100, MAX_HEX = 128, HEX_LINE = 16 };

__attribute__((format(printf, 3, 0)))
static void put_paragraph(struct buf *out, const char *class, const char *fmt, va_list args)
{
    char text[800];
    vsnprintf(text, sizeof text, fmt, args);
    buf_printf(out, "<p class=\"%s\">", class);
    html_text(out, text);
    buf_puts(out, "</p>\n");
}

void preview_note(struct buf *out, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    put_paragraph(out, "note", fmt, args);
    va_end(args);
}

void preview_bad(struct buf *out, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    put_paragraph(out, "bad", fmt, args);
    va_end(args);
}

size_t utf8_cut(const uint8_t *s, size_t len, size_t max)
{
    if (len <= max)
        return len;
    size_t cut = max;
    for (unsigned i = 0; i < 3 && cut && (s[cut] & 0xc0) == 0x80; i++)
        cut--;
    return (s[cut] & 0xc0) == 0x80 ? max : cut; // no UTF-8 anyway
}

void put_size(struct buf *out, uint64_t size)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    if (size < 1024) {
        buf_printf(out, "%u %s", (unsigned)size, size == 1 ? "byte" : "bytes");
        return;
    }
    double n = (double)size / 1024;
    unsigned unit = 0;
    for (; n >= 999.95 && unit < 5; unit++)
        n /= 1024;
    buf_printf(out, "%.1f %s", n, units[unit]);
}

// --- sinks -----------------------------------------------------------------------------------------

static bool head_put(struct sink *sink, const void *data, size_t len)
{
    struct head_sink *h = (struct head_sink *)sink;
    size_t room = h->buf->max - h->buf->len;
    buf_put(h->buf, data, len < room ? len : room);
    h->cut |= len > room;
    return !h->cut;
}

struct head_sink head_sink_to(struct buf *buf)
{
    return (struct head_sink){.sink = {head_put}, .buf = buf};
}

// --- texts ---------------------------------------------------------------------------------------------

// Length of the first MAX_LINES lines, at most MAX_TEXT bytes.
static size_t first_lines(const uint8_t *s, size_t len)
{
    size_t max = utf8_cut(s, len, MAX_TEXT), lines = 0;
    for (size_t i = 0; i < max; i++)
        if (s[i] == '\n' && ++lines == MAX_LINES)
            return i + 1;
    return max;
}

void preview_text(struct preview *p, const uint8_t *s, size_t len)
{
    size_t shown = first_lines(s, len);
    if (!len) {
        preview_note(p->out, "An empty text.");
        return;
    }
    buf_puts(p->out, "<pre class=\"text\">\n"); // the first newline in a <pre> is none of its text
    html_text_len(p->out, (const char *)s, shown);
    buf_puts(p->out, "</pre>\n");
    if (shown < len)
        preview_note(p->out, "cut: the first %zu of %zu bytes", shown, len);
}

static void put_hex_line(struct buf *out, const uint8_t *s, size_t at, size_t n)
{
    buf_printf(out, "%04zx ", at);
    for (size_t i = 0; i < HEX_LINE; i++) {
        if (i < n)
            buf_printf(out, " %02x", s[at + i]);
        else
            buf_puts(out, "   ");
    }
    buf_puts(out, "  ");
    for (size_t i = 0; i < n; i++) {
        char c = (char)s[at + i];
        c = c >= ' ' && c <= '~' ? c : '.';
        html_text_len(out, &c, 1);
    }
    buf_putc(out, '\n');
}

void preview_bytes(struct preview *p, const uint8_t *s, size_t len)
{
    const char *type = image_type(s, len);
    if (type) {
        preview_image(p, type, false, s, len);
        return;
    }
    buf_puts(p->out, "<p class=\"note\">");
    put_size(p->out, len);
    buf_puts(p->out, "</p>\n");
    if (!len)
        return;
    size_t shown = len < MAX_HEX ? len : MAX_HEX;
    buf_puts(p->out, "<pre class=\"hex\">\n");
    for (size_t at = 0; at < shown; at += HEX_LINE)
        put_hex_line(p->out, s, at, shown - at < HEX_LINE ? shown - at : HEX_LINE);
    buf_puts(p->out, "</pre>\n");
    if (shown < len)
        preview_note(p->out, "cut: the first %zu of %zu bytes", shown, len);
}

// --- JSON ----------------------------------------------------------------------------------------------

// What the JSON rules write for a value without a form, a string; without its quotes. NULL for other texts.
static const char *unsupported(const struct buf *json, size_t *ret_len)
{
    static const char begin[] = "\"UnsupportedType : ";
    size_t len = json->len;
    while (len && json->data[len - 1] == '\n')
        len--;
    if (len <= sizeof begin || memcmp(json->data, begin, sizeof begin - 1) != 0 || json->data[len - 1] != '"' ||
        memchr(json->data + 1, '"', len - 2))
        return NULL;
    *ret_len = len - 2;
    return json->data + 1;
}

// Indented JSON without its line ends, which are never inside of strings: as Python's json.dumps() has it.
static void put_on_a_line(struct buf *out, const char *json, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (json[i] != '\n') {
            buf_putc(out, json[i]);
            continue;
        }
        if (i && json[i - 1] == ',')
            buf_putc(out, ' ');
        while (i + 1 < len && json[i + 1] == ' ')
            i++;
    }
}

void preview_json(struct preview *p, const struct value *v)
{
    auto_cleanup(buf_free) struct buf text = {.max = MAX_TEXT};
    struct head_sink head = head_sink_to(&text);
    struct err err = ERR_INIT;
    errc e = render_json(v, p->cancel, &head.sink, &err);
    if (e && !head.cut) {
        preview_bad(p->out, "%s", err.cause);
        return;
    }
    size_t shown;
    const char *no_form = head.cut ? NULL : unsupported(&text, &shown);
    if (no_form) {
        preview_bad(p->out, "%.*s", (int)shown, no_form);
        return;
    }
    auto_cleanup(buf_free) struct buf line = {.max = MAX_LINE};
    put_on_a_line(&line, text.data ? text.data : "", head.cut ? 0 : text.len);
    if (line.len && !line.over) {
        buf_puts(p->out, "<pre class=\"json\">\n");
        html_text_len(p->out, line.data, line.len);
        buf_puts(p->out, "</pre>\n");
        return;
    }
    const uint8_t *s = (const uint8_t *)(text.data ? text.data : "");
    shown = first_lines(s, head.cut ? utf8_cut(s, text.len, text.len - 1) : text.len);
    buf_puts(p->out, "<pre class=\"json\">\n");
    html_text_len(p->out, (const char *)s, shown);
    buf_puts(p->out, "</pre>\n");
    if (head.cut || shown < text.len)
        preview_note(p->out, "cut: the beginning of its JSON");
}

void value_line(struct buf *out, const struct value *v, size_t max, struct cancel *cancel, bool *ret_cut)
{
    auto_cleanup(buf_free) struct buf text = {.max = max};
    *ret_cut = false;
    if (v->kind == VALUE_STR) {
        size_t n = utf8_cut(v->u.bytes.data, v->u.bytes.len, max);
        buf_put(out, v->u.bytes.data, n);
        *ret_cut = n < v->u.bytes.len;
        return;
    }
    if (v->kind == VALUE_NONE || v->kind == VALUE_BOOL) {
        buf_puts(out, v->kind == VALUE_NONE ? "None" : v->u.boolean ? "True" : "False");
        return;
    }
    if (v->kind != VALUE_BIGINT && render_scalar(v, &text) && !text.over) {
        buf_put(out, text.data, text.len);
        return;
    }
    buf_free(&text);
    text.max = max;
    struct head_sink head = head_sink_to(&text);
    struct err err = ERR_INIT;
    errc e = render_json(v, cancel, &head.sink, &err);
    if (e && !head.cut)
        buf_puts(out, err.cause);
    size_t len = head.cut ? utf8_cut((const uint8_t *)text.data, text.len, text.len - 1) : text.len;
    size_t no_form_len;
    const char *no_form = head.cut ? NULL : unsupported(&text, &no_form_len);
    if (no_form) {
        buf_put(out, no_form, no_form_len);
        return;
    }
    put_on_a_line(out, text.data, len);
    *ret_cut = head.cut;
}
