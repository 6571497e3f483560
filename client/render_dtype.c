// The dtypes of numpy and pandas as text, as they stand in the cells of `frame.dtypes`.
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "client/render_pandas.h"
#include "client/render_parts.h"

// --- numpy ---

static void put_unit(struct buf *b, const struct npy_type *t)
{
    if (strcmp(t->unit, "generic") == 0)
        return;
    if (t->unit_count == 1)
        buf_printf(b, "[%s]", t->unit);
    else
        buf_printf(b, "[%" PRId64 "%s]", t->unit_count, t->unit);
}

void npy_type_name(struct buf *b, const struct npy_type *t)
{
    static const struct { char kind; const char *name; } names[] = {
        {'i', "int"}, {'u', "uint"}, {'f', "float"}, {'c', "complex"}};
    char order = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? '<' : '>', other = order == '<' ? '>' : '<';
    bool is_date = t->kind == 'M' || t->kind == 'm';
    if (t->kind == 'O' || t->kind == 'b') {
        buf_puts(b, t->kind == 'O' ? "object" : "bool");
    } else if (t->kind == 'U' || t->kind == 'S' || t->kind == 'V') {
        buf_printf(b, "%c%c%zu", t->kind != 'U' ? '|' : t->swap ? other : order, t->kind,
                   t->kind == 'U' ? t->itemsize / 4 : t->itemsize);
    } else if (t->swap && (t->itemsize > 1 || is_date)) {
        buf_printf(b, "%c%c%zu", other, t->kind, t->itemsize);
        if (is_date)
            put_unit(b, t);
    } else if (is_date) {
        buf_puts(b, t->kind == 'M' ? "datetime64" : "timedelta64");
        put_unit(b, t);
    } else {
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
            if (names[i].kind == t->kind)
                buf_printf(b, "%s%zu", names[i].name, t->itemsize * 8);
    }
}

static bool put_numpy(struct buf *b, const struct value *v)
{
    struct npy_type *t = npy_type_of(v);
    bool is_simple = t && !t->fields && !t->sub;
    if (is_simple)
        npy_type_name(b, t);
    npy_type_free(t);
    return is_simple;
}

// --- pandas ---

static const struct value *field(const struct value *dtype, const char *name)
{
    return value_dict_get(dtype->u.call.state, name);
}

static bool put_str(struct buf *b, const struct value *v)
{
    if (!v || v->kind != VALUE_STR)
        return false;
    buf_put(b, v->u.bytes.data, v->u.bytes.len);
    return true;
}

static bool put_zoned(struct buf *b, const struct value *v)
{
    const struct value *unit = field(v, "unit"), *tz = field(v, "tz");
    buf_puts(b, "datetime64[");
    if (!put_str(b, unit) || !tz)
        return false;
    buf_puts(b, ", ");
    if (!text_tz(b, tz))
        return false;
    buf_putc(b, ']');
    return true;
}

// Of the name itself; by pandas 1 of an offset.
static bool put_period(struct buf *b, const struct value *v)
{
    const struct value *of = value_arg(v, 0);
    struct period_freq freq;
    if (!of || of->kind == VALUE_STR)
        return put_str(b, of);
    if (!period_freq_of_offset(of, &freq))
        return false;
    buf_puts(b, "period[");
    text_period_freq(b, &freq);
    buf_putc(b, ']');
    return true;
}

// Int64Dtype, Float32Dtype, BooleanDtype: named as the class, the last one in lower case.
static bool put_masked(struct buf *b, const struct value *v)
{
    static const char *const names[] = {"Int8",  "Int16",  "Int32",  "Int64",   "UInt8",  "UInt16",
                                        "UInt32", "UInt64", "Float32", "Float64", "boolean"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char class[16];
        (void)snprintf(class, sizeof class, "%sDtype", strcmp(names[i], "boolean") == 0 ? "Boolean" : names[i]);
        if (is_pandas_class(v->u.call.callee, class)) {
            buf_puts(b, names[i]);
            return true;
        }
    }
    return false;
}

bool text_dtype(struct buf *b, const struct value *v)
{
    const struct value *class = v->u.call.callee, *na = value_arg(v, 1);
    if (value_is_call(v, "numpy", "dtype"))
        return put_numpy(b, v);
    if (is_pandas_class(class, "CategoricalDtype"))
        buf_puts(b, "category");
    else if (is_pandas_class(class, "StringDtype")) // whose missing value is a NaN: that of pandas 3
        buf_puts(b, na && na->kind == VALUE_FLOAT ? "str" : "string");
    else if (is_pandas_class(class, "DatetimeTZDtype"))
        return put_zoned(b, v);
    else if (is_pandas_class(class, "PeriodDtype"))
        return put_period(b, v);
    else
        return put_masked(b, v);
    return true;
}
