// str() and repr() of cells as labels.
#include <string.h>

#include "client/pytext.h"

static void put_value(struct buf *b, const struct value *v, bool repr)
{
    struct err err = ERR_INIT;
    if (repr && py_scalar_repr(b, v))
        return;
    struct buf_sink sink = sink_to_buf(b);
    struct out *o = out_new(&sink.sink, NULL, &err);
    if (!o)
        return;
    py_str(o, v);
    if (out_free(o) != ERR_OK)
        b->over = true;
}

// str() of a Timestamp: of nine digits behind the seconds it shows nine, six or none.
static void put_moment(struct buf *b, const struct npy_type *t, const uint8_t *at)
{
    struct buf text = {0};
    (void)npy_text(&text, t, at);
    char *s = text.data ? text.data : (char[]){""}, *point = strchr(s, '.'), *time = strchr(s, 'T');
    size_t n = strlen(s);
    if (time)
        *time = ' ';
    while (point && n && s[n - 1] == '0')
        n--;
    size_t digits = point ? n - (size_t)(point + 1 - s) : 0;
    buf_put(b, s, point ? (size_t)(point - s) : n);
    if (!time && n == 10)
        buf_puts(b, " 00:00:00");
    if (digits)
        buf_printf(b, ".%-*.*s", digits > 6 ? 9 : 6, (int)digits, point + 1);
    for (size_t i = b->len; digits && i-- > 0 && b->data[i] == ' ';)
        b->data[i] = '0';
    buf_free(&text);
}

static void put_element(struct buf *b, const struct npy_type *t, const uint8_t *at, bool repr)
{
    long double x;
    enum float_width width;
    if (t->kind == 'M' && !npy_is_na(t, at)) {
        buf_puts(b, repr ? "Timestamp('" : "");
        put_moment(b, t, at);
        buf_puts(b, repr ? "')" : "");
    } else if (npy_real(t, at, &x, &width)) {
        text_float(b, x, width == FLOAT_LONG ? width : FLOAT_64);
    } else if (t->kind == 'U' && repr) {
        struct buf text = {.max = b->max};
        npy_unicode(&text, t, at);
        text_str_repr(b, (const uint8_t *)text.data, text.len);
        buf_free(&text);
    } else if (!npy_text(b, t, at)) {
        buf_puts(b, "UnsupportedType : numpy.void");
    }
}

void py_cell_str(struct buf *b, const struct cell *c, bool repr)
{
    switch (c->kind) {
    case CELL_NA: buf_puts(b, "nan"); break;
    case CELL_ELEMENT: put_element(b, c->type, c->at, repr); break;
    case CELL_VALUE: put_value(b, c->value, repr); break;
    case CELL_TEXT:
        if (repr)
            text_str_repr(b, (const uint8_t *)c->text, c->len);
        else
            buf_put(b, c->text, c->len);
        break;
    case CELL_UNSUPPORTED:
        buf_puts(b, "UnsupportedType : ");
        buf_put(b, c->text, c->len);
        break;
    }
}
