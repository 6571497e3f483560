#include "report/html.h"

#include <string.h>

void html_text_len(struct buf *b, const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        switch (s[i]) {
        case '&': buf_puts(b, "&amp;"); break;
        case '<': buf_puts(b, "&lt;"); break;
        case '>': buf_puts(b, "&gt;"); break;
        case '"': buf_puts(b, "&quot;"); break;
        case '\'': buf_puts(b, "&#39;"); break;
        default: buf_putc(b, s[i]); break;
        }
    }
}

void html_text(struct buf *b, const char *s)
{
    html_text_len(b, s, strlen(s));
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

void html_begin(struct buf *b, const char *title)
{
    buf_puts(b, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>");
    html_text(b, title);
    buf_puts(b, "</title></head><body><main>\n");
}

void html_end(struct buf *b)
{
    buf_puts(b, "</main></body></html>\n");
}
