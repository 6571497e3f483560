#include "report/drawing.h"

#include <string.h>

#include "report/html.h"
#include "report/style.h"

void drawing_begin(struct buf *b, const struct drawing *d, const char *description)
{
    if (d->alone)
        buf_puts(b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    buf_printf(b, "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"%s\" width=\"%.0f\" height=\"%.0f\" "
                  "viewBox=\"0 0 %.0f %.0f\" role=\"group\" aria-labelledby=\"%s-title %s-desc\">",
               d->name, d->width, d->height, d->width, d->height, d->name, d->name);
    buf_printf(b, "<title id=\"%s-title\">", d->name);
    html_text(b, d->title);
    buf_printf(b, "</title><desc id=\"%s-desc\">", d->name);
    html_text(b, description);
    buf_puts(b, "</desc>\n");
    if (d->alone) {
        buf_puts(b, "<style>\n");
        buf_puts(b, style_colours);
        buf_puts(b, style_drawing);
        buf_puts(b, ":root{background:var(--bg)}\n</style>\n");
    }
}

void drawing_end(struct buf *b)
{
    buf_puts(b, "</svg>\n");
}

// Bytes of the first `max` characters: a byte that continues one does not count.
static size_t bytes_of(const char *s, size_t max)
{
    size_t n = 0;
    for (size_t chars = 0; s[n]; n++) {
        chars += ((unsigned char)s[n] & 0xc0) != 0x80;
        if (chars > max)
            break;
    }
    return n;
}

size_t drawing_chars(const char *s)
{
    size_t chars = 0;
    for (; *s; s++)
        chars += ((unsigned char)*s & 0xc0) != 0x80;
    return chars;
}

void drawing_text(struct buf *b, const char *s, size_t max)
{
    size_t n = bytes_of(s, max);
    if (!s[n]) {
        html_text(b, s);
        return;
    }
    html_text_len(b, s, bytes_of(s, max - 1));
    buf_puts(b, "\xe2\x80\xa6");
}

void drawing_counts(struct buf *b, const size_t by_status[], size_t max)
{
    static const enum status order[] = {STATUS_FAILED, STATUS_STALE, STATUS_RUNNING, STATUS_UNKNOWN, STATUS_DONE};
    size_t shown = 0;
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        size_t n = by_status[order[i]];
        if (!n)
            continue;
        if (shown == max) {
            buf_puts(b, ", \xe2\x80\xa6");
            return;
        }
        buf_printf(b, "%s%zu %s", shown++ ? ", " : "", n, status_name(order[i]));
    }
}
