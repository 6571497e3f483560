// A record of numpy as the tuple that pandas finds where it takes one out of a column: repr() of its item(), in which
// narrow floats are Python's, moments datetime's, and spans too (numpy/_core/src/multiarray/datetime.c:
// convert_datetime_to_pyobject).
#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "client/pytext.h"

static const int64_t DAY = 86400000000, MAX_DAYS = 999999999;

// Of units that are some microseconds.
static bool micros_of_unit(const char *unit, int64_t *ret)
{
    static const struct { const char *unit; int64_t micros; } units[] = {
        {"W", 604800000000}, {"D", 86400000000}, {"h", 3600000000}, {"m", 60000000}, {"s", 1000000}, {"ms", 1000},
        {"us", 1}};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (!strcmp(unit, units[i].unit)) {
            *ret = units[i].micros;
            return true;
        }
    }
    return false;
}

static int64_t div_down(__int128 n, int64_t by, int64_t *ret_rest)
{
    __int128 rest = n % by;
    if (rest < 0)
        rest += by;
    *ret_rest = (int64_t)rest;
    return (int64_t)((n - rest) / by);
}

// "datetime.timedelta(days=1, seconds=2)"; false where Python has none so long.
static bool put_span(struct buf *b, __int128 micros)
{
    static const char *const names[] = {"days", "seconds", "microseconds"};
    int64_t rest, parts[3];
    if (micros / DAY > MAX_DAYS || micros / DAY < -MAX_DAYS)
        return false;
    parts[0] = div_down(micros, DAY, &rest);
    parts[1] = rest / 1000000;
    parts[2] = rest % 1000000;
    buf_puts(b, "datetime.timedelta(");
    bool some = false;
    for (size_t i = 0; i < 3; i++) {
        if (parts[i])
            buf_printf(b, "%s%s=%" PRId64, some ? ", " : "", names[i], parts[i]);
        some = some || parts[i];
    }
    buf_puts(b, some ? ")" : "0)");
    return true;
}

// "datetime.date(2020, 5, 1)", "datetime.datetime(2020, 1, 1, 1, 0)"; false for years that Python has not.
static bool put_moment(struct buf *b, int64_t days, int64_t micros, bool is_date)
{
    int64_t year;
    unsigned month, day;
    civil_from_days(days, &year, &month, &day);
    if (year < 1 || year > 9999)
        return false;
    buf_printf(b, "datetime.%s(%" PRId64 ", %u, %u", is_date ? "date" : "datetime", year, month, day);
    if (!is_date)
        buf_printf(b, ", %" PRId64 ", %" PRId64, micros / 3600000000, micros / 60000000 % 60);
    if (micros % 60000000)
        buf_printf(b, ", %" PRId64, micros / 1000000 % 60);
    if (micros % 1000000)
        buf_printf(b, ", %" PRId64, micros % 1000000);
    buf_putc(b, ')');
    return true;
}

static bool put_date(struct buf *b, const struct npy_type *t, __int128 n)
{
    const __int128 months = n * (*t->unit == 'Y' ? 12 : 1);
    int64_t unit, rest;
    if (micros_of_unit(t->unit, &unit)) {
        if (n * unit / DAY > 366 * 10000 || n * unit / DAY < -366 * 10000)
            return false;
        int64_t days = div_down(n * unit, DAY, &rest);
        return put_moment(b, days, rest, *t->unit == 'W' || *t->unit == 'D');
    }
    if ((*t->unit != 'Y' && *t->unit != 'M') || months > 12 * 10000 || months < -12 * 10000)
        return false;
    int64_t years = div_down(months, 12, &rest);
    return put_moment(b, days_from_civil(1970 + years, (unsigned)rest + 1, 1), 0, true);
}

// What Python has no time for is the count.
static void put_time(struct buf *b, const struct npy_type *t, const uint8_t *at)
{
    int64_t ticks = npy_ticks(t, at), unit;
    __int128 n = (__int128)ticks * t->unit_count;
    const __int128 far = (__int128)1 << 80; // more microseconds than Python has, whatever the unit
    if (ticks == INT64_MIN)
        buf_puts(b, "None");
    else if (n > far || n < -far ||
             !(t->kind == 'M' ? put_date(b, t, n) : micros_of_unit(t->unit, &unit) && put_span(b, n * unit)))
        text_int(b, ticks);
}

static void put_text(struct buf *b, const struct npy_type *t, const uint8_t *at)
{
    auto_cleanup(buf_free) struct buf text = {.max = b->max};
    npy_unicode(&text, t, at);
    text_str_repr(b, (const uint8_t *)(text.data ? text.data : ""), text.len);
}

static bool put_complex(struct buf *b, const struct npy_type *t, const uint8_t *at)
{
    long double real, imag;
    enum float_width width;
    bool ok = npy_complex(t, at, &real, &imag, &width) && width != FLOAT_LONG;
    if (ok)
        text_complex(b, real, imag, FLOAT_64);
    return ok;
}

static bool put_real(struct buf *b, const struct npy_type *t, const uint8_t *at)
{
    long double x;
    enum float_width width;
    if (!npy_real(t, at, &x, &width))
        return false;
    bool is_long = width == FLOAT_LONG;
    buf_puts(b, is_long ? "np.longdouble('" : "");
    text_float(b, x, is_long ? width : FLOAT_64);
    buf_puts(b, is_long ? "')" : "");
    return true;
}

static bool put_item(struct buf *b, const struct npy_type *t, const uint8_t *at)
{
    switch (t->kind) {
    case 'f': return put_real(b, t, at);
    case 'c': return put_complex(b, t, at);
    case 'U': put_text(b, t, at); return true;
    case 'M':
    case 'm': put_time(b, t, at); return true;
    case 'V': break;
    default: return npy_text(b, t, at);
    }
    if (t->fields)
        return py_record(b, t, at);
    if (!t->sub)
        text_bytes_repr(b, at, t->itemsize);
    return !t->sub;
}

bool py_record(struct buf *b, const struct npy_type *t, const uint8_t *at)
{
    bool ok = t->fields;
    buf_putc(b, '(');
    for (size_t i = 0; i < t->n_fields && ok; i++) {
        buf_puts(b, i ? ", " : "");
        ok = put_item(b, t->fields[i].type, at + t->fields[i].offset);
    }
    buf_puts(b, t->n_fields == 1 ? ",)" : ")");
    return ok;
}
