// numpy's str() of datetime64 and timedelta64.
#include <inttypes.h>
#include <string.h>

#include "client/render_pandas.h"

int64_t npy_ticks(const struct npy_type *t, const uint8_t *at)
{
    uint64_t u;
    memcpy(&u, at, sizeof u);
    return (int64_t)(t->swap ? __builtin_bswap64(u) : u);
}

// A character and a number with zeros before it: columns have millions of them.
static void put_padded(struct buf *b, char before, uint64_t n, unsigned digits)
{
    char text[24];
    text[0] = before;
    for (unsigned i = digits; i > 0; i--, n /= 10)
        text[i] = (char)('0' + n % 10);
    buf_put(b, before ? text : text + 1, digits + (before ? 1 : 0));
}

static void put_year(struct buf *b, int64_t year)
{
    if (year >= 0 && year <= 9999)
        put_padded(b, '\0', (uint64_t)year, 4);
    else
        buf_printf(b, "%04" PRId64, year);
}

static void put_days(struct buf *b, __int128 days, bool with_day)
{
    int64_t year;
    unsigned month, day;
    civil_from_days(days, &year, &month, &day);
    put_year(b, year);
    put_padded(b, '-', month, 2);
    if (with_day)
        put_padded(b, '-', day, 2);
}

// Digits behind the seconds for a unit below the minute.
static unsigned unit_digits(const char *unit)
{
    static const char *const units[] = {"s", "ms", "us", "ns", "ps", "fs", "as"};
    for (unsigned i = 0; i < sizeof units / sizeof *units; i++) {
        if (!strcmp(unit, units[i]))
            return i * 3;
    }
    return 0;
}

static void put_clock(struct buf *b, const char *unit, __int128 rest, __int128 second)
{
    int64_t s = (int64_t)(rest / second), fraction = (int64_t)(rest % second);
    put_padded(b, 'T', (uint64_t)s / 3600, 2);
    if (!strcmp(unit, "h"))
        return;
    put_padded(b, ':', (uint64_t)s / 60 % 60, 2);
    if (!strcmp(unit, "m"))
        return;
    put_padded(b, ':', (uint64_t)s % 60, 2);
    unsigned digits = unit_digits(unit);
    if (digits)
        put_padded(b, '.', (uint64_t)fraction, digits);
}

void npy_datetime_text(struct buf *b, const struct npy_type *t, int64_t v)
{
    const char *unit = t->unit;
    __int128 n = (__int128)v * t->unit_count, rest, second = 1;
    if (v == INT64_MIN) {
        buf_puts(b, "NaT");
    } else if (!strcmp(unit, "generic")) {
        text_int(b, v);
    } else if (!strcmp(unit, "Y")) {
        put_year(b, (int64_t)(n + 1970));
    } else if (!strcmp(unit, "M")) {
        put_year(b, (int64_t)(floor_div(n, 12, &rest) + 1970));
        buf_printf(b, "-%02d", (int)rest + 1);
    } else if (!strcmp(unit, "W") || !strcmp(unit, "D")) {
        put_days(b, *unit == 'W' ? n * 7 : n, true);
    } else {
        // In ticks of the unit, or of seconds for hours and minutes.
        n *= !strcmp(unit, "h") ? 3600 : !strcmp(unit, "m") ? 60 : 1;
        for (unsigned i = unit_digits(unit); i; i--)
            second *= 10;
        put_days(b, floor_div(n, second * 86400, &rest), true);
        put_clock(b, unit, rest, second);
    }
}

void npy_timedelta_text(struct buf *b, const struct npy_type *t, int64_t v)
{
    static const struct { const char *unit, *name; } names[] = {
        {"Y", "years"}, {"M", "months"}, {"W", "weeks"}, {"D", "days"}, {"h", "hours"}, {"m", "minutes"},
        {"s", "seconds"}, {"ms", "milliseconds"}, {"us", "microseconds"}, {"ns", "nanoseconds"},
        {"ps", "picoseconds"}, {"fs", "femtoseconds"}, {"as", "attoseconds"},
    };
    const char *name = "generic time units";
    int64_t n;
    if (v == INT64_MIN) {
        buf_puts(b, "NaT");
        return;
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!strcmp(t->unit, names[i].unit))
            name = names[i].name;
    }
    if (__builtin_mul_overflow(v, t->unit_count, &n))
        n = v;
    text_int(b, n);
    buf_printf(b, " %s", name);
}
