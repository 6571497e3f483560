// pandas' scalars in pickles, recognised by the calls that make them.
#include "client/render_pandas.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { MAX_ATTRIBUTES = 64 };

bool is_pandas_class(const struct value *global, const char *name)
{
    if (!global || global->kind != VALUE_GLOBAL || strncmp(global->u.global.module, "pandas", 6) != 0)
        return false;
    const char *dot = strrchr(global->u.global.name, '.');
    return !strcmp(dot ? dot + 1 : global->u.global.name, name);
}

static bool is_call_of(const struct value *v, const char *name)
{
    return v->kind == VALUE_CALL && is_pandas_class(v->u.call.callee, name);
}

bool is_pandas_na(const struct value *v)
{
    return is_pandas_class(v, "NA") || is_call_of(v, "NAType");
}

bool is_pandas_nat(const struct value *v)
{
    return is_call_of(v, "_nat_unpickle") || is_call_of(v, "__nat_unpickle") || is_call_of(v, "NaTType") ||
           is_pandas_class(v, "NaT");
}

// The unit's code of numpy (NPY_FR_s and those behind it) as digits. pandas before 1.5 wrote none: nanoseconds.
static bool digits_arg(const struct value *call, size_t i, unsigned *ret)
{
    int64_t code = 10;
    if (value_arg(call, i) && (!value_int(value_arg(call, i), &code) || code < 7 || code > 10))
        return false;
    *ret = (unsigned)(code - 7) * 3;
    return true;
}

// _unpickle_timestamp(value, freq, tz, unit); before pandas 1.5 Timestamp(value, freq, tz).
static bool read_timestamp(const struct value *v, int64_t *ret, unsigned *ret_digits)
{
    return (is_call_of(v, "_unpickle_timestamp") || is_call_of(v, "Timestamp")) && value_int(value_arg(v, 0), ret) &&
           digits_arg(v, 3, ret_digits);
}

// _timedelta_unpickle(value, unit); before pandas 1.5 Timedelta(value).
static bool read_timedelta(const struct value *v, int64_t *ret, unsigned *ret_digits)
{
    return (is_call_of(v, "_timedelta_unpickle") || is_call_of(v, "Timedelta")) && value_int(value_arg(v, 0), ret) &&
           digits_arg(v, 1, ret_digits);
}

bool pandas_order_of(const struct value *v, enum pandas_order *ret_order, __int128 *ret_nanos)
{
    int64_t t;
    unsigned digits;
    if (read_timestamp(v, &t, &digits)) {
        const struct value *tz = value_arg(v, 2);
        *ret_order = tz && tz->kind != VALUE_NONE ? ORDER_MOMENT : ORDER_LOCAL;
    } else if (read_timedelta(v, &t, &digits)) {
        *ret_order = ORDER_SPAN;
    } else {
        return false;
    }
    *ret_nanos = in_nanos(t, digits);
    return t != PANDAS_NAT;
}

static bool put_timestamp(struct buf *b, const struct value *v, char sep)
{
    int64_t t;
    unsigned digits;
    if (!read_timestamp(v, &t, &digits))
        return false;
    struct tz *tz = tz_new(value_arg(v, 2));
    text_timestamp(b, t, digits, tz, sep);
    tz_free(tz);
    return true;
}

static bool put_timedelta(struct buf *b, const struct value *v)
{
    int64_t t;
    unsigned digits;
    if (!read_timedelta(v, &t, &digits))
        return false;
    text_timedelta(b, t, digits);
    return true;
}

// Period(None, offset, ordinal)
static bool put_period(struct buf *b, const struct value *v)
{
    struct period_freq freq;
    int64_t ordinal;
    if (!is_call_of(v, "Period") || !period_freq_of_offset(value_arg(v, 1), &freq) ||
        !value_int(value_arg(v, 2), &ordinal))
        return false;
    text_period(b, &freq, ordinal);
    return true;
}

bool text_formatted(struct buf *b, const struct npy_type *t, const uint8_t *at)
{
    long double x;
    enum float_width width;
    if (!npy_real(t, at, &x, &width) || width == FLOAT_LONG)
        return npy_text(b, t, at);
    text_float(b, x, FLOAT_64);
    return true;
}

bool text_bound(struct buf *b, const struct value *v)
{
    switch (v->kind) {
    case VALUE_INT: text_int(b, v->u.integer); return true;
    case VALUE_BIGINT: return text_bigint(b, v->u.bytes.data, v->u.bytes.len);
    case VALUE_FLOAT: text_float(b, v->u.real, FLOAT_64); return true;
    case VALUE_CALL: break;
    default: return false;
    }
    struct npy_type *t = NULL;
    const uint8_t *at;
    const struct value *object;
    bool ok = npy_scalar(v, &t, &at, &object) == NPY_YES && !object && text_formatted(b, t, at);
    npy_type_free(t);
    if (!ok && is_pandas_nat(v)) {
        buf_puts(b, "NaT");
        ok = true;
    }
    return ok || put_timestamp(b, v, ' ') || put_timedelta(b, v);
}

// Interval(left, right, closed)
static bool put_interval(struct buf *b, const struct value *v)
{
    const struct value *left, *right, *closed;
    if (!is_call_of(v, "Interval") || !(left = value_arg(v, 0)) || !(right = value_arg(v, 1)) ||
        !(closed = value_arg(v, 2)) || closed->kind != VALUE_STR)
        return false;
    const uint8_t *how = closed->u.bytes.data;
    size_t len = closed->u.bytes.len;
    bool both = len == 4 && !memcmp(how, "both", 4);
    buf_putc(b, both || (len == 4 && !memcmp(how, "left", 4)) ? '[' : '(');
    if (!text_bound(b, left))
        return false;
    buf_puts(b, ", ");
    if (!text_bound(b, right))
        return false;
    buf_putc(b, both || (len == 5 && !memcmp(how, "right", 5)) ? ']' : ')');
    return true;
}

// What the offsets' repr tells: another name of the class, and the name of the third argument, if any.
static const struct { const char *offset, *name, *attribute; } offsets[] = {
    {"Day", NULL, NULL}, {"Hour", NULL, NULL}, {"Minute", NULL, NULL}, {"Second", NULL, NULL}, {"Milli", NULL, NULL},
    {"Micro", NULL, NULL}, {"Nano", NULL, NULL}, {"MonthEnd", NULL, NULL}, {"MonthBegin", NULL, NULL},
    {"BusinessMonthEnd", NULL, NULL}, {"BusinessMonthBegin", NULL, NULL}, {"BusinessDay", NULL, NULL},
    {"CustomBusinessDay", NULL, NULL}, {"Easter", NULL, "method"}, {"YearEnd", NULL, "month"},
    {"YearBegin", NULL, "month"}, {"BYearEnd", NULL, "month"}, {"BYearBegin", NULL, "month"},
    {"QuarterEnd", NULL, "startingMonth"}, {"QuarterBegin", NULL, "startingMonth"},
    {"BQuarterEnd", "BusinessQuarterEnd", "startingMonth"}, {"BQuarterBegin", "BusinessQuarterBegin", "startingMonth"},
    {"HalfYearEnd", NULL, "startingMonth"}, {"HalfYearBegin", NULL, "startingMonth"},
    {"BHalfYearEnd", "BusinessHalfYearEnd", "startingMonth"},
    {"BHalfYearBegin", "BusinessHalfYearBegin", "startingMonth"}, {"CustomBusinessMonthEnd", NULL, NULL},
    {"CustomBusinessMonthBegin", NULL, NULL}, {"LastWeekOfMonth", NULL, "weekday"},
    {"Week", NULL, "weekday"}, {"SemiMonthEnd", NULL, "day_of_month"}, {"SemiMonthBegin", NULL, "day_of_month"},
};

static void put_offset_name(struct buf *b, int64_t n, const char *name)
{
    buf_putc(b, '<');
    if (n != 1) {
        text_int(b, n);
        buf_puts(b, " * ");
    }
    buf_puts(b, name);
    if (n != 1 && n != -1)
        buf_putc(b, 's');
}

static bool is_no_time(const struct value *v)
{
    __int128 micros;
    return !v || (delta_micros(v, &micros) && !micros);
}

// MonthEnd(n, normalize), Week(n, normalize, weekday), BusinessDay(n, normalize, a timedelta)
static bool put_offset(struct buf *b, const struct value *v)
{
    int64_t n, third;
    size_t i = 0, count = sizeof offsets / sizeof *offsets;
    while (i < count && !is_call_of(v, offsets[i].offset))
        i++;
    if (i == count || !value_int(value_arg(v, 0), &n) ||
        (!strcmp(offsets[i].offset, "BusinessDay") && !is_no_time(value_arg(v, 2))))
        return false;
    put_offset_name(b, n, offsets[i].name ? offsets[i].name : offsets[i].offset);
    if (offsets[i].attribute && value_arg(v, 2)) {
        buf_printf(b, ": %s=", offsets[i].attribute);
        if (value_int(value_arg(v, 2), &third))
            text_int(b, third);
        else
            buf_puts(b, "None");
    }
    buf_putc(b, '>');
    return true;
}

static int by_key(const void *a, const void *b)
{
    const struct value *x = (*(struct value_pair *const *)a)->key, *y = (*(struct value_pair *const *)b)->key;
    size_t n = x->u.bytes.len < y->u.bytes.len ? x->u.bytes.len : y->u.bytes.len;
    int order = n ? memcmp(x->u.bytes.data, y->u.bytes.data, n) : 0;
    return order ? order : x->u.bytes.len < y->u.bytes.len ? -1 : x->u.bytes.len > y->u.bytes.len;
}

static bool is_key(const struct value *key, const char *name)
{
    return key->u.bytes.len == strlen(name) && !memcmp(key->u.bytes.data, name, key->u.bytes.len);
}

// DateOffset: its state has n, normalize, and what was asked for.
static bool put_date_offset(struct buf *b, const struct value *v)
{
    const struct value *state = v->kind == VALUE_CALL ? v->u.call.state : NULL, *n = NULL;
    const struct value_pair *shown[MAX_ATTRIBUTES];
    size_t len = 0;
    if (!is_call_of(v, "DateOffset") || !state || state->kind != VALUE_DICT)
        return false;
    for (size_t i = 0; i < state->u.dict.len; i++) {
        const struct value_pair *p = &state->u.dict.pairs[i];
        if (p->key->kind != VALUE_STR || !p->key->u.bytes.len)
            return false;
        if (is_key(p->key, "n"))
            n = p->value;
        else if (p->key->u.bytes.data[0] == '_' || is_key(p->key, "normalize") || is_key(p->key, "kwds"))
            continue;
        else if (len == MAX_ATTRIBUTES || p->value->kind != VALUE_INT)
            return false;
        else
            shown[len++] = p;
    }
    if (!n || n->kind != VALUE_INT)
        return false;
    put_offset_name(b, n->u.integer, "DateOffset");
    if (len)
        qsort(shown, len, sizeof *shown, by_key);
    for (size_t i = 0; i < len; i++) {
        buf_puts(b, i ? ", " : ": ");
        buf_put(b, shown[i]->key->u.bytes.data, shown[i]->key->u.bytes.len);
        buf_putc(b, '=');
        text_int(b, shown[i]->value->u.integer);
    }
    buf_putc(b, '>');
    return true;
}

bool text_pandas(struct buf *b, const struct value *v)
{
    if (value_is_call(v, "numpy.ma.core", "MaskedConstant") || value_is_call(v, "numpy.ma", "MaskedConstant")) {
        buf_puts(b, "--");
        return true;
    }
    const struct value *g = v->kind == VALUE_CALL ? v->u.call.callee : v;
    if (g->kind != VALUE_GLOBAL || strncmp(g->u.global.module, "pandas", 6) != 0)
        return false;
    if (is_pandas_nat(v)) {
        buf_puts(b, "NaT");
        return true;
    }
    return put_timestamp(b, v, 'T') || put_timedelta(b, v) || put_period(b, v) || put_interval(b, v) ||
           put_offset(b, v) || put_date_offset(b, v);
}
