// Python's datetime module: isoformat() of dates and times, str() of a timedelta.
#include "client/render_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct clock_time {
    unsigned hour, minute, second, micro;
    bool fold;
};

// The state of `want` bytes; Python 2 wrote it as text, a character for a byte.
static bool state_bytes(const struct value *v, uint8_t *to, size_t want)
{
    if (!v || (v->kind != VALUE_BYTES && v->kind != VALUE_STR))
        return false;
    const uint8_t *s = v->u.bytes.data;
    size_t len = v->u.bytes.len, n = 0;
    for (size_t i = 0; i < len; i++) {
        uint8_t c = s[i];
        if (v->kind == VALUE_STR && c >= 0x80) {
            if (c > 0xc3 || ++i >= len)
                return false;
            c = (uint8_t)(c << 6 | (s[i] & 0x3f));
        }
        if (n == want)
            return false;
        to[n++] = c;
    }
    return n == want;
}

bool delta_micros(const struct value *v, __int128 *ret)
{
    int64_t days = 0, seconds = 0, micros = 0;
    if (!value_is_call(v, "datetime", "timedelta") || v->u.call.args->u.seq.len > 3)
        return false;
    size_t n = v->u.call.args->u.seq.len;
    if ((n > 0 && !value_int(value_arg(v, 0), &days)) || (n > 1 && !value_int(value_arg(v, 1), &seconds)) ||
        (n > 2 && !value_int(value_arg(v, 2), &micros)))
        return false;
    if (days > 999999999 || days < -999999999)
        return false;
    *ret = ((__int128)days * 86400 + seconds) * 1000000 + micros;
    return true;
}

static bool put_delta(struct buf *b, const struct value *v)
{
    __int128 us;
    if (!delta_micros(v, &us))
        return false;
    const __int128 day = (__int128)86400 * 1000000;
    __int128 days = us / day, rest = us % day;
    if (rest < 0) {
        days--;
        rest += day;
    }
    if (days)
        buf_printf(b, "%" PRId64 " day%s, ", (int64_t)days, days == 1 || days == -1 ? "" : "s");
    int64_t s = (int64_t)(rest / 1000000), micro = (int64_t)(rest % 1000000);
    buf_printf(b, "%" PRId64 ":%02d:%02d", s / 3600, (int)(s / 60 % 60), (int)(s % 60));
    if (micro)
        buf_printf(b, ".%06d", (int)micro);
    return true;
}

// "+01:00" of a time zone. Where the offset is not known the zone's name stands in brackets.
static void put_zone(struct buf *b, const struct value *tz, const int64_t *local_seconds, bool fold)
{
    int64_t micros;
    if (!tz || tz->kind == VALUE_NONE)
        return;
    if (tz_stated_offset(tz, &micros)) {
        text_offset(b, micros);
        return;
    }
    char name[256];
    const struct value *key = tz_key(tz);
    if (key && key->u.bytes.len < sizeof name) {
        memcpy(name, key->u.bytes.data, key->u.bytes.len);
        name[key->u.bytes.len] = '\0';
        int32_t seconds;
        bool fixed;
        if (zone_offset(name, local_seconds ? *local_seconds : 0, fold, &seconds, &fixed)) {
            if (local_seconds || fixed)
                text_offset(b, (int64_t)seconds * 1000000);
            return;
        }
    } else {
        value_type_name(tz, name, sizeof name);
    }
    buf_printf(b, "[%s]", name);
}

static bool read_clock(const uint8_t s[6], struct clock_time *t)
{
    t->hour = s[0];
    t->minute = s[1];
    t->second = s[2];
    t->micro = (unsigned)s[3] << 16 | (unsigned)s[4] << 8 | s[5];
    return t->hour < 24 && t->minute < 60 && t->second < 60 && t->micro < 1000000;
}

static void put_clock(struct buf *b, const struct clock_time *t)
{
    buf_printf(b, "%02u:%02u:%02u", t->hour, t->minute, t->second);
    if (t->micro)
        buf_printf(b, ".%06u", t->micro);
}

static bool read_date(const uint8_t s[4], unsigned month_byte, int *year, unsigned *month, unsigned *day)
{
    *year = s[0] << 8 | s[1];
    *month = month_byte;
    *day = s[3];
    return *year >= 1 && *year <= 9999 && *month >= 1 && *month <= 12 && *day >= 1 && *day <= 31;
}

static bool put_date(struct buf *b, const struct value *v)
{
    uint8_t s[4];
    int year;
    unsigned month, day;
    if (!state_bytes(value_arg(v, 0), s, sizeof s) || !read_date(s, s[2], &year, &month, &day))
        return false;
    buf_printf(b, "%04d-%02u-%02u", year, month, day);
    return true;
}

static bool put_datetime(struct buf *b, const struct value *v)
{
    uint8_t s[10];
    struct clock_time t;
    int year;
    unsigned month, day;
    if (!state_bytes(value_arg(v, 0), s, sizeof s) || !read_date(s, s[2] & 0x7f, &year, &month, &day) ||
        !read_clock(s + 4, &t))
        return false;
    buf_printf(b, "%04d-%02u-%02uT", year, month, day);
    put_clock(b, &t);
    int64_t seconds = days_from_civil(year, month, day) * 86400 + t.hour * 3600 + t.minute * 60 + t.second;
    put_zone(b, value_arg(v, 1), &seconds, s[2] & 0x80);
    return true;
}

static bool put_time(struct buf *b, const struct value *v)
{
    uint8_t s[6];
    struct clock_time t;
    if (!state_bytes(value_arg(v, 0), s, sizeof s))
        return false;
    bool fold = s[0] & 0x80;
    s[0] &= 0x7f;
    if (!read_clock(s, &t))
        return false;
    put_clock(b, &t);
    put_zone(b, value_arg(v, 1), NULL, fold);
    return true;
}

bool text_time(struct buf *b, const struct value *v)
{
    if (value_is_call(v, "datetime", "datetime"))
        return put_datetime(b, v);
    if (value_is_call(v, "datetime", "date"))
        return put_date(b, v);
    if (value_is_call(v, "datetime", "time"))
        return put_time(b, v);
    return put_delta(b, v);
}
