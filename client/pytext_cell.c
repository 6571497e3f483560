// str() and repr() of cells as labels.
#include <string.h>

#include "client/pytext.h"
#include "client/render_pandas.h"

void py_value_str(struct buf *b, const struct value *v, bool repr)
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

static bool begins(const char *s, const char *with)
{
    return strncmp(s, with, strlen(with)) == 0;
}

// Dates and spans as Timestamp and Timedelta show them.
static bool put_moment(struct buf *b, const struct npy_type *t, const uint8_t *at, bool repr)
{
    unsigned digits;
    int64_t ticks;
    struct npy_type number = *t;
    number.kind = 'i';
    if ((t->kind != 'M' && t->kind != 'm') || t->unit_count != 1 || !digits_of_unit(t->unit, &digits) ||
        !npy_int(&number, at, &ticks))
        return false;
    bool quoted = repr && ticks != PANDAS_NAT;
    if (quoted)
        buf_puts(b, t->kind == 'M' ? "Timestamp('" : "Timedelta('");
    if (t->kind == 'M')
        text_timestamp(b, ticks, digits, NULL, ' ');
    else
        text_timedelta(b, ticks, digits);
    if (quoted)
        buf_puts(b, "')");
    return true;
}

static void put_element(struct buf *b, const struct npy_type *t, const uint8_t *at, bool repr, bool widen)
{
    long double x;
    enum float_width width;
    if (put_moment(b, t, at, repr))
        return;
    if (npy_real(t, at, &x, &width)) {
        text_float(b, x, width == FLOAT_LONG || !widen ? width : FLOAT_64);
    } else if (t->kind == 'U' && repr) {
        struct buf text = {.max = b->max};
        npy_unicode(&text, t, at);
        text_str_repr(b, (const uint8_t *)text.data, text.len);
        buf_free(&text);
    } else if (!npy_text(b, t, at)) {
        buf_puts(b, "UnsupportedType : numpy.void");
    }
}

// What stands for a missing value depends on the array.
static const char *missing_of(const char *dtype)
{
    if (begins(dtype, "datetime64") || begins(dtype, "timedelta64") || begins(dtype, "period"))
        return "NaT";
    bool na = begins(dtype, "Int") || begins(dtype, "UInt") || begins(dtype, "Float") || begins(dtype, "boolean") ||
              begins(dtype, "string") || strstr(dtype, "[pyarrow]");
    return na ? "<NA>" : "nan";
}

static void put_text(struct buf *b, const struct cell *c, const char *dtype, bool repr)
{
    bool moment = begins(dtype, "datetime64");
    if (repr && moment)
        buf_puts(b, "Timestamp('");
    size_t begin = b->len;
    if (repr && !moment)
        text_str_repr(b, (const uint8_t *)c->text, c->len);
    else
        buf_put(b, c->text, c->len);
    if (moment && b->len > begin + 10 && b->data[begin + 10] == 'T')
        b->data[begin + 10] = ' ';
    if (repr && moment)
        buf_puts(b, "')");
}

bool py_is_floating(struct column *column, size_t rows)
{
    bool missing = false;
    if (begins(missing_of(column_dtype(column)), "<"))
        return false;
    for (size_t i = 0; i < rows; i++) {
        struct cell c;
        column_cell(column, i, STYLE_JSON, &c);
        missing = missing || c.kind == CELL_NA;
        if (c.kind != CELL_NA && (c.kind != CELL_ELEMENT || (c.type->kind != 'i' && c.type->kind != 'u')))
            return false;
    }
    return missing;
}

void py_cell_str(struct buf *b, struct column *column, size_t row, bool repr, bool as_float)
{
    struct cell c;
    int64_t i;
    column_cell(column, row, STYLE_JSON, &c);
    if (as_float && c.kind == CELL_ELEMENT && npy_int(c.type, c.at, &i)) {
        text_float(b, (long double)i, FLOAT_64);
        return;
    }
    switch (c.kind) {
    case CELL_NA: buf_puts(b, missing_of(column_dtype(column))); break;
    case CELL_ELEMENT: put_element(b, c.type, c.at, repr, !begins(column_dtype(column), "Float")); break;
    case CELL_VALUE: py_value_str(b, c.value, repr); break;
    case CELL_TEXT: put_text(b, &c, column_dtype(column), repr); break;
    case CELL_UNSUPPORTED:
        buf_puts(b, "UnsupportedType : ");
        buf_put(b, c.text, c.len);
        break;
    }
}
