// Dates and spans of numpy as to_csv() writes them: one format for a whole column.
#include <inttypes.h>
#include <string.h>

#include "client/frame_i.h"

static void set_unit(struct date_style *s, const struct npy_type *t)
{
    static const struct { const char *unit; int64_t mul, div, per_second; } units[] = {
        {"ns", 1, 1, 1000000000}, {"us", 1, 1, 1000000}, {"ms", 1, 1, 1000}, {"s", 1, 1, 1}, {"m", 60, 1, 1},
        {"h", 3600, 1, 1}, {"D", 86400, 1, 1}, {"W", 7 * 86400, 1, 1}, {"ps", 1, 1000, 1000000000},
        {"fs", 1, 1000000, 1000000000}, {"as", 1, 1000000000, 1000000000}, {"M", 1, 1, 1}, {"Y", 12, 1, 1},
    };
    size_t i = 0; // a number without a unit is taken for nanoseconds
    for (size_t k = 0; k < sizeof units / sizeof *units; k++)
        if (strcmp(units[k].unit, t->unit) == 0)
            i = k;
    s->mul = units[i].mul * t->unit_count; // both below 2^31
    s->div = units[i].div;
    s->per_second = units[i].per_second;
    s->is_calendar = *t->unit == 'Y' || *t->unit == 'M';
}

static __int128 floor_div(__int128 a, int64_t b, int64_t *ret_rest)
{
    __int128 q = a / b;
    int64_t r = (int64_t)(a % b);
    if (r < 0) {
        r += b;
        q--;
    }
    *ret_rest = r;
    return q;
}

static __int128 scaled(const struct date_style *s, int64_t v)
{
    int64_t rest;
    __int128 n = (__int128)v * s->mul;
    return s->div == 1 ? n : floor_div(n, s->div, &rest);
}

// How fine a value is: 0 days, 1 seconds, 2 ms, 3 us, 4 ns.
static unsigned fineness(const struct date_style *s, int64_t v)
{
    int64_t rest;
    if (v == INT64_MIN)
        return 0;
    if (s->mul == 1 && s->div == 1)
        rest = v % (s->per_second * 86400);
    else
        (void)floor_div(scaled(s, v), s->per_second * 86400, &rest);
    unsigned fine = rest != 0, at = 2;
    for (int64_t part = s->per_second; part > 1; part /= 1000, at++)
        if (rest % part)
            fine = at;
    return fine;
}

void date_style_of(struct date_style *s, const struct npy_type *t, const uint8_t *data, size_t stride, size_t n,
                   const uint8_t *mask, size_t mask_stride)
{
    set_unit(s, t);
    unsigned fine = 0, most = s->per_second == 1 ? 1 : s->per_second == 1000 ? 2 : s->per_second == 1000000 ? 3 : 4;
    for (size_t i = 0; i < n && fine < most && !s->is_calendar; i++) {
        unsigned one = mask && mask[i * mask_stride] ? 0 : fineness(s, npy_ticks(t, data + i * stride));
        fine = one > fine ? one : fine;
    }
    s->is_known = true;
    s->days_only = fine == 0;
    s->digits = (uint8_t)(fine < 2 ? 0 : (fine - 1) * 3);
    if (t->kind == 'm' && s->digits == 3)
        s->digits = 6;
}

// Texts of fixed width, written from the right: dates are written by the million.
static char *put_digits(char *p, uint64_t n, unsigned width)
{
    for (unsigned i = width; i-- > 0; n /= 10)
        p[i] = (char)('0' + n % 10);
    return p + width;
}

static char *put_clock(char *p, const struct date_style *s, int64_t rest)
{
    uint64_t second = (uint64_t)s->per_second, n = (uint64_t)rest / second, fraction = (uint64_t)rest % second;
    p = put_digits(p, n / 3600, 2);
    *p++ = ':';
    p = put_digits(p, n / 60 % 60, 2);
    *p++ = ':';
    p = put_digits(p, n % 60, 2);
    if (!s->digits)
        return p;
    fraction *= 1000000000 / second;
    *p++ = '.';
    return put_digits(p, fraction / (s->digits == 3 ? 1000000 : s->digits == 6 ? 1000 : 1), s->digits);
}

static void put_date(struct buf *b, const struct date_style *s, __int128 days, int64_t rest)
{
    char text[40], *p = text;
    int64_t year;
    unsigned month, day;
    civil_from_days(days, &year, &month, &day);
    if (year >= 0 && year <= 9999)
        p = put_digits(p, (uint64_t)year, 4);
    else
        buf_printf(b, "%04" PRId64, year);
    *p++ = '-';
    p = put_digits(p, month, 2);
    *p++ = '-';
    p = put_digits(p, day, 2);
    if (!s->days_only) {
        *p++ = ' ';
        p = put_clock(p, s, rest);
    }
    buf_put(b, text, (size_t)(p - text));
}

static void put_span(struct buf *b, const struct date_style *s, __int128 days, int64_t rest)
{
    char text[40], *p = text;
    text_int(b, (int64_t)days); // wraps for more weeks than pandas could hold
    buf_puts(b, s->days_only ? " days" : days < 0 ? " days +" : " days ");
    if (!s->days_only)
        p = put_clock(p, s, rest);
    buf_put(b, text, (size_t)(p - text));
}

// A month, which begins with a whole day.
static void put_month(struct buf *b, __int128 months)
{
    int64_t month;
    __int128 year = floor_div(months, 12, &month) + 1970;
    buf_printf(b, "%04" PRId64 "-%02d-01", (int64_t)year, (int)month + 1);
}

static __int128 days_of(const struct date_style *s, int64_t v, int64_t *ret_rest)
{
    int64_t day = s->per_second * 86400;
    if (s->mul != 1 || s->div != 1)
        return floor_div(scaled(s, v), day, ret_rest);
    int64_t days = v / day, rest = v % day; // the same for most, without a division of 128 bits
    *ret_rest = rest < 0 ? rest + day : rest;
    return rest < 0 ? days - 1 : days;
}

bool date_text(struct buf *b, const struct date_style *s, const struct npy_type *t, const uint8_t *at)
{
    int64_t v = npy_ticks(t, at), rest;
    if (v == INT64_MIN)
        return false;
    if (s->is_calendar && t->kind == 'M') {
        put_month(b, scaled(s, v));
        return true;
    }
    if (s->is_calendar) {
        npy_timedelta_text(b, t, v);
        return true;
    }
    __int128 days = days_of(s, v, &rest);
    if (t->kind == 'M')
        put_date(b, s, days, rest);
    else
        put_span(b, s, days, rest);
    return true;
}
