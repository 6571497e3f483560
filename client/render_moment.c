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

static void put_fraction(struct buf *b, int64_t nanos, unsigned digits)
{
    if (digits == AS_NEEDED)
        digits = nanos % 1000 ? 9 : nanos ? 6 : 0;
    if (digits)
        buf_printf(b, ".%0*" PRId64, (int)digits, nanos / (digits == 3 ? 1000000 : digits == 6 ? 1000 : 1));
}

static void put_clock(struct buf *b, __int128 nanos, unsigned digits)
{
    int64_t seconds = (int64_t)(nanos / 1000000000);
    buf_printf(b, "%02d:%02d:%02d", (int)(seconds / 3600), (int)(seconds / 60 % 60), (int)(seconds % 60));
    put_fraction(b, (int64_t)(nanos % 1000000000), digits);
}

void text_timestamp_fixed(struct buf *b, int64_t t, unsigned digits, const struct tz *tz, char sep, unsigned fraction)
{
    if (t == PANDAS_NAT) {
        buf_puts(b, "NaT");
        return;
    }
    const __int128 second = 1000000000;
    __int128 nanos = in_nanos(t, digits), rest;
    int64_t micros = tz && tz->known ? tz_offset_at(tz, (int64_t)floor_div(nanos, second, &rest)) : 0, year;
    unsigned month, day;
    civil_from_days(floor_div(nanos + (__int128)micros * 1000, second * DAY, &rest), &year, &month, &day);
    buf_printf(b, "%04" PRId64 "-%02u-%02u%c", year, month, day, sep);
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
