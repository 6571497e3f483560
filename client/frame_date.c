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

static int64_t load(const struct npy_type *t, const uint8_t *at)
{
    uint64_t u;
    memcpy(&u, at, 8);
    return (int64_t)(t->swap ? __builtin_bswap64(u) : u);
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
        unsigned one = mask && mask[i * mask_stride] ? 0 : fineness(s, load(t, data + i * stride));
        fine = one > fine ? one : fine;
    }
    s->is_known = true;
    s->days_only = fine == 0;
    s->digits = (uint8_t)(fine < 2 ? 0 : (fine - 1) * 3);
    if (t->kind == 'm' && s->digits == 3)
        s->digits = 6;
}

static void put_digits(struct buf *b, uint64_t n, unsigned width)
{
    char text[24];
    for (unsigned i = width; i-- > 0; n /= 10)
        text[i] = (char)('0' + n % 10);
    buf_put(b, text, width);
}

static void put_clock(struct buf *b, const struct date_style *s, int64_t rest)
{
    uint64_t second = (uint64_t)s->per_second, n = (uint64_t)rest / second, fraction = (uint64_t)rest % second;
    put_digits(b, n / 3600, 2);
    buf_putc(b, ':');
    put_digits(b, n / 60 % 60, 2);
    buf_putc(b, ':');
    put_digits(b, n % 60, 2);
    if (!s->digits)
        return;
    fraction *= 1000000000 / second;
    buf_putc(b, '.');
    put_digits(b, fraction / (s->digits == 3 ? 1000000 : s->digits == 6 ? 1000 : 1), s->digits);
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

// A month, which begins with a whole day.
static void put_month(struct buf *b, __int128 months)
{
    int64_t month;
    __int128 year = floor_div(months, 12, &month) + 1970;
    buf_printf(b, "%04" PRId64 "-%02d-01", (int64_t)year, (int)month + 1);
}

bool date_text(struct buf *b, const struct date_style *s, const struct npy_type *t, const uint8_t *at)
{
    int64_t v = load(t, at), rest;
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
    __int128 days = floor_div(scaled(s, v), s->per_second * 86400, &rest);
    if (t->kind == 'M') {
        put_date(b, days);
        if (!s->days_only)
            buf_putc(b, ' ');
    } else {
        text_int(b, (int64_t)days); // wraps for more weeks than pandas could hold
        buf_puts(b, s->days_only ? " days" : days < 0 ? " days +" : " days ");
    }
    if (!s->days_only)
        put_clock(b, s, rest);
    return true;
}
