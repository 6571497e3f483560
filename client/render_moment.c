// Timestamp and Timedelta of pandas as text.
#include "client/render_pandas.h"

#include <inttypes.h>
#include <string.h>

enum { DAY = 86400, AS_NEEDED = 1 }; // AS_NEEDED: no number of digits that is asked for

bool digits_of_unit(const char *unit, unsigned *ret)
{
    static const char *const units[] = {"s", "ms", "us", "ns"};
    for (unsigned i = 0; unit && i < sizeof units / sizeof *units; i++) {
        if (!strcmp(unit, units[i])) {
            *ret = i * 3;
            return true;
        }
    }
    return false;
}

__int128 in_nanos(int64_t t, unsigned digits)
{
    __int128 n = t;
    for (unsigned i = digits; i < 9; i++)
        n *= 10;
    return n;
}

__int128 floor_div(__int128 a, __int128 b, __int128 *ret_rest)
{
    __int128 q = a / b, r = a % b;
    if (r < 0) {
        r += b;
        q--;
    }
    *ret_rest = r;
    return q;
}

// These are written for every row of a table: digit by digit, not by printf.
static void put_digits(struct buf *b, uint64_t n, unsigned width)
{
    char text[24];
    for (unsigned i = width; i-- > 0; n /= 10)
        text[i] = (char)('0' + n % 10);
    buf_put(b, text, width);
}

static void put_fraction(struct buf *b, uint64_t nanos, unsigned digits)
{
    if (digits == AS_NEEDED)
        digits = nanos % 1000 ? 9 : nanos ? 6 : 0;
    if (!digits)
        return;
    buf_putc(b, '.');
    put_digits(b, nanos / (digits == 3 ? 1000000 : digits == 6 ? 1000 : 1), digits);
}

static void put_clock(struct buf *b, __int128 nanos, unsigned digits)
{
    uint64_t of_day = (uint64_t)nanos, seconds = of_day / 1000000000;
    put_digits(b, seconds / 3600, 2);
    buf_putc(b, ':');
    put_digits(b, seconds / 60 % 60, 2);
    buf_putc(b, ':');
    put_digits(b, seconds % 60, 2);
    put_fraction(b, of_day % 1000000000, digits);
}

static void put_date(struct buf *b, __int128 days)
{
    int64_t year;
    unsigned month, day;
    civil_from_days(days, &year, &month, &day);
    if (year >= 0 && year <= 9999)
        put_digits(b, (uint64_t)year, 4);
    else
        buf_printf(b, "%04" PRId64, year);
    buf_putc(b, '-');
    put_digits(b, month, 2);
    buf_putc(b, '-');
    put_digits(b, day, 2);
}

void text_timestamp_fixed(struct buf *b, int64_t t, unsigned digits, const struct tz *tz, char sep, unsigned fraction)
{
    if (t == PANDAS_NAT) {
        buf_puts(b, "NaT");
        return;
    }
    const __int128 second = 1000000000;
    __int128 nanos = in_nanos(t, digits), rest;
    int64_t micros = tz && tz->known ? tz_offset_at(tz, (int64_t)floor_div(nanos, second, &rest)) : 0;
    put_date(b, floor_div(nanos + (__int128)micros * 1000, second * DAY, &rest));
    buf_putc(b, sep);
    put_clock(b, rest, fraction);
    if (tz)
        text_offset(b, micros);
    if (tz && !tz->known)
        buf_printf(b, "[%s]", tz->name);
}

void text_timestamp(struct buf *b, int64_t t, unsigned digits, const struct tz *tz, char sep)
{
    text_timestamp_fixed(b, t, digits, tz, sep, AS_NEEDED);
}

void text_timedelta(struct buf *b, int64_t t, unsigned digits)
{
    if (t == PANDAS_NAT) {
        buf_puts(b, "NaT");
        return;
    }
    __int128 rest;
    int64_t days = (int64_t)floor_div(in_nanos(t, digits), (__int128)DAY * 1000000000, &rest);
    buf_printf(b, "%" PRId64 " days %s", days, days < 0 ? "+" : "");
    put_clock(b, rest, AS_NEEDED);
}
