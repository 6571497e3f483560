// The dtypes of numpy and pandas as text, as they stand in the cells of `frame.dtypes`.
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "client/pytext.h"
#include "client/render_pandas.h"
#include "client/render_parts.h"

// --- numpy ---

void npy_type_unit(struct buf *b, const struct npy_type *t)
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
            npy_type_unit(b, t);
    } else if (is_date) {
        buf_puts(b, t->kind == 'M' ? "datetime64" : "timedelta64");
        npy_type_unit(b, t);
    } else {
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
            if (names[i].kind == t->kind)
                buf_printf(b, "%s%zu", names[i].name, t->itemsize * 8);
    }
}

static bool put_numpy(struct buf *b, const struct value *v)
{
    auto_cleanup(npy_type_freep) struct npy_type *t = npy_type_of(v);
    if (t && (t->fields || t->sub))
        return text_structured(b, v, t);
    if (t)
        npy_type_name(b, t);
    return t;
}

// Of the kinds that a fill value or a missing one can have, so that no dtype stands within itself.
static bool put_repr(struct buf *b, const struct value *v)
{
    struct npy_type *t = NULL;
    const uint8_t *at;
    const struct value *object;
    bool is_simple = v->kind == VALUE_NONE || v->kind == VALUE_BOOL || v->kind == VALUE_INT ||
                     v->kind == VALUE_FLOAT || v->kind == VALUE_STR || is_pandas_na(v) || is_pandas_nat(v) ||
                     value_is_call(v, "builtins", "complex") || npy_scalar(v, &t, &at, &object) == NPY_YES;
    npy_type_free(t);
    return is_simple && py_scalar_repr(b, v);
}

// _convert_to_stringdtype_kwargs(coerce[, na_object]): what numpy/_core/src/multiarray/stringdtype/dtype.c writes.
static bool put_strings(struct buf *b, const struct value *v)
{
    const struct value *coerce = value_arg(v, 0), *na = value_arg(v, 1);
    int64_t n;
    bool own = coerce && coerce->kind == VALUE_BOOL ? !coerce->u.boolean : value_int(coerce, &n) && !n;
    buf_puts(b, na ? "StringDType(na_object=" : "StringDType(");
    if (na && !put_repr(b, na))
        return false;
    buf_puts(b, !own ? ")" : na ? ", coerce=False)" : "coerce=False)");
    return true;
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

// Of an array's kind: the dtypes of numpy, and times with a zone.
static bool put_subtype(struct buf *b, const struct value *v)
{
    if (value_is_call(v, "numpy", "dtype"))
        return put_numpy(b, v);
    return v && v->kind == VALUE_CALL && is_pandas_class(v->u.call.callee, "DatetimeTZDtype") && put_zoned(b, v);
}

static bool put_sparse(struct buf *b, const struct value *v)
{
    const struct value *fill = field(v, "_fill_value");
    buf_puts(b, "Sparse[");
    if (!fill || !put_subtype(b, field(v, "_dtype")))
        return false;
    buf_puts(b, ", ");
    bool ok = put_repr(b, fill);
    buf_putc(b, ']');
    return ok;
}

// "interval" of anything, "interval[int64]" where the closed side is not told.
static bool put_interval(struct buf *b, const struct value *v)
{
    const struct value *subtype = field(v, "subtype"), *closed = field(v, "closed");
    buf_puts(b, "interval");
    if (!subtype || subtype->kind == VALUE_NONE)
        return true;
    buf_putc(b, '[');
    bool ok = put_subtype(b, subtype);
    if (closed && closed->kind != VALUE_NONE) {
        buf_puts(b, ", ");
        ok = put_str(b, closed) && ok;
    }
    buf_putc(b, ']');
    return ok;
}

static bool put_arrow(struct buf *b, const struct value *v)
{
    const struct value *type = field(v, "pyarrow_dtype");
    if (!type)
        return false;
    arrow_type_name(b, type);
    buf_puts(b, "[pyarrow]");
    return true;
}

bool text_dtype(struct buf *b, const struct value *v)
{
    const struct value *class = v->u.call.callee, *na = value_arg(v, 1);
    if (value_is_call(v, "numpy", "dtype"))
        return put_numpy(b, v);
    if (value_is_call(v, "numpy._core._internal", "_convert_to_stringdtype_kwargs"))
        return put_strings(b, v);
    if (is_pandas_class(class, "CategoricalDtype"))
        buf_puts(b, "category");
    else if (is_pandas_class(class, "StringDtype")) // whose missing value is a NaN: that of pandas 3
        buf_puts(b, na && na->kind == VALUE_FLOAT ? "str" : "string");
    else if (is_pandas_class(class, "DatetimeTZDtype"))
        return put_zoned(b, v);
    else if (is_pandas_class(class, "PeriodDtype"))
        return put_period(b, v);
    else if (is_pandas_class(class, "ArrowDtype"))
        return put_arrow(b, v);
    else if (is_pandas_class(class, "SparseDtype"))
        return put_sparse(b, v);
    else if (is_pandas_class(class, "IntervalDtype"))
        return put_interval(b, v);
    else
        return put_masked(b, v);
    return true;
}
