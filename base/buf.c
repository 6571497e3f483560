#include "base/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define BUF_MAX_DEFAULT ((size_t)64 << 20)
#define BUF_FIRST 64

static size_t buf_max(const struct buf *b)
{
    return b->max ? b->max : BUF_MAX_DEFAULT;
}

char *buf_reserve(struct buf *b, size_t len)
{
    size_t max = buf_max(b);
    if (b->over || b->len > max || len > max - b->len) {
        b->over = true;
        return NULL;
    }
    size_t need = b->len + len + 1; // cannot wrap: at most max + 1, and max is less than SIZE_MAX
    if (need == 0) {
        b->over = true;
        return NULL;
    }
    if (need > b->cap) {
        size_t cap = b->cap ? b->cap : BUF_FIRST;
        while (cap < need)
            cap = cap > SIZE_MAX / 2 ? need : cap * 2;
        if (cap - 1 > max)
            cap = max + 1;
        char *data = realloc(b->data, cap);
        if (!data) {
            b->over = true;
            return NULL;
        }
        b->data = data;
        b->cap = cap;
    }
    b->data[b->len + len] = '\0';
    return b->data + b->len;
}

void buf_put(struct buf *b, const void *data, size_t len)
{
    char *to = buf_reserve(b, len);
    if (!to)
        return;
    if (len)
        memcpy(to, data, len);
    b->len += len;
}

void buf_puts(struct buf *b, const char *s)
{
    buf_put(b, s, strlen(s));
}

void buf_putc(struct buf *b, char c)
{
    buf_put(b, &c, 1);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    char small[256];
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(small, sizeof small, fmt, ap);
    if (n >= 0 && (size_t)n < sizeof small) {
        buf_put(b, small, (size_t)n);
    } else {
        char *to = n < 0 ? NULL : buf_reserve(b, (size_t)n);
        if (to) {
            vsnprintf(to, (size_t)n + 1, fmt, again);
            b->len += (size_t)n;
        } else {
            b->over = true;
        }
    }
    va_end(again);
    va_end(ap);
}

char *buf_steal(struct buf *b)
{
    char *text = b->data;
    if (text)
        text[b->len] = '\0';
    else
        text = mem_strdup("");
    b->data = NULL;
    buf_free(b);
    return text;
}

void buf_free(struct buf *b)
{
    free(b->data);
    *b = (struct buf){.max = b->max};
}

void buf_wipe(struct buf *b)
{
    if (b->data) {
        explicit_bzero(b->data, b->cap);
    }
    buf_free(b);
}
