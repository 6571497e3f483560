// Periods of pandas as text (pandas/_libs/tslibs/period.pyx: period_format and what it needs).
#include "client/render_pandas.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static const char *const months[] = {"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV",
                                     "DEC"};
static const char *const days[] = {"MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"};

// Names of pandas 3 first: the first that fits is the one that is written.
static const struct { const char *name; enum period_kind kind; } names[] = {
    {"Y", PERIOD_YEAR}, {"Q", PERIOD_QUARTER}, {"M", PERIOD_MONTH}, {"W", PERIOD_WEEK}, {"B", PERIOD_BUSINESS_DAY},
    {"D", PERIOD_DAY}, {"h", PERIOD_HOUR}, {"min", PERIOD_MINUTE}, {"s", PERIOD_SECOND}, {"ms", PERIOD_MILLI},
    {"us", PERIOD_MICRO}, {"ns", PERIOD_NANO}, {"A", PERIOD_YEAR}, {"H", PERIOD_HOUR}, {"T", PERIOD_MINUTE},
    {"S", PERIOD_SECOND}, {"L", PERIOD_MILLI}, {"U", PERIOD_MICRO}, {"N", PERIOD_NANO}, {"ME", PERIOD_MONTH},
    {"QE", PERIOD_QUARTER}, {"YE", PERIOD_YEAR},
};

static const struct { const char *name; enum period_kind kind; } offsets[] = {
    {"YearEnd", PERIOD_YEAR}, {"QuarterEnd", PERIOD_QUARTER}, {"MonthEnd", PERIOD_MONTH}, {"Week", PERIOD_WEEK},
    {"BusinessDay", PERIOD_BUSINESS_DAY}, {"Day", PERIOD_DAY}, {"Hour", PERIOD_HOUR}, {"Minute", PERIOD_MINUTE},
    {"Second", PERIOD_SECOND}, {"Milli", PERIOD_MILLI}, {"Micro", PERIOD_MICRO}, {"Nano", PERIOD_NANO},
};

bool period_freq_of_offset(const struct value *offset, struct period_freq *ret)
{
    int64_t anchor;
    if (!offset || offset->kind != VALUE_CALL || !value_int(value_arg(offset, 0), &ret->count))
        return false;
    size_t i = 0, n = sizeof offsets / sizeof *offsets;
    while (i < n && !is_pandas_class(offset->u.call.callee, offsets[i].name))
        i++;
    if (i == n)
        return false;
    ret->kind = offsets[i].kind;
    ret->anchor = 12;
    if (ret->kind == PERIOD_WEEK) {
        if (!value_int(value_arg(offset, 2), &anchor) || anchor < 0 || anchor > 6)
            return false;
        ret->anchor = (unsigned)anchor;
    } else if (ret->kind <= PERIOD_QUARTER) {
        if (!value_int(value_arg(offset, 2), &anchor) || anchor < 1 || anchor > 12)
            return false;
        ret->anchor = (unsigned)anchor;
    }
    return true;
}

// Where a name of three letters stands in a list.
static bool find(const char *const *list, unsigned n, const char *s, size_t len, unsigned *ret)
{
    for (unsigned i = 0; i < n; i++) {
        if (len == 3 && !memcmp(list[i], s, 3)) {
            *ret = i;
            return true;
        }
    }
    return false;
}

bool period_freq_of_name(const char *name, size_t len, struct period_freq *ret)
{
    const char *end = name + len, *s = name;
    ret->count = 0;
    for (; s < end && *s >= '0' && *s <= '9'; s++) {
        if (ret->count > INT32_MAX)
            return false;
        ret->count = ret->count * 10 + (*s - '0');
    }
    ret->count += s == name;
    const char *dash = memchr(s, '-', (size_t)(end - s)), *stop = dash ? dash : end;
    size_t n = sizeof names / sizeof *names, i = 0;
    while (i < n && (strlen(names[i].name) != (size_t)(stop - s) || memcmp(names[i].name, s, (size_t)(stop - s)) != 0))
        i++;
    if (i == n)
        return false;
    ret->kind = names[i].kind;
    ret->anchor = ret->kind == PERIOD_WEEK ? 6 : 12;
    if (!dash)
        return true;
    unsigned at;
    bool week = ret->kind == PERIOD_WEEK;
    if ((!week && ret->kind > PERIOD_QUARTER) ||
        !find(week ? days : months, week ? 7 : 12, dash + 1, (size_t)(end - dash - 1), &at))
        return false;
    ret->anchor = week ? at : at + 1;
    return true;
}

void text_period_freq(struct buf *b, const struct period_freq *f)
{
    if (f->count != 1)
        text_int(b, f->count);
    buf_puts(b, names[f->kind].name);
    if (f->kind == PERIOD_WEEK)
        buf_printf(b, "-%s", days[f->anchor]);
    else if (f->kind <= PERIOD_QUARTER)
        buf_printf(b, "-%s", months[f->anchor - 1]);
}

static void put_day(struct buf *b, __int128 day)
{
    int64_t year;
    unsigned month, of_month;
    civil_from_days(day, &year, &month, &of_month);
    buf_printf(b, "%" PRId64 "-%02u-%02u", year, month, of_month);
}

// A count of the units of an hour and below.
static void put_clock(struct buf *b, enum period_kind kind, int64_t ordinal)
{
    static const int64_t a_day[] = {24, 1440, 86400, 86400000, 86400000000, 86400000000000};
    static const unsigned digits[] = {0, 0, 0, 3, 6, 9};
    unsigned unit = kind - PERIOD_HOUR;
    __int128 rest;
    put_day(b, floor_div(ordinal, a_day[unit], &rest));
    int64_t of_day = (int64_t)rest, hour = a_day[unit] / 24;
    buf_printf(b, " %02d", (int)(of_day / hour));
    if (kind == PERIOD_HOUR) {
        buf_puts(b, ":00");
        return;
    }
    of_day %= hour;
    int64_t minute = hour / 60;
    buf_printf(b, ":%02d", (int)(of_day / minute));
    if (kind == PERIOD_MINUTE)
        return;
    of_day %= minute;
    int64_t second = minute / 60;
    buf_printf(b, ":%02d", (int)(of_day / second));
    if (digits[unit])
        buf_printf(b, ".%0*" PRId64, (int)digits[unit], of_day % second);
}

void text_period(struct buf *b, const struct period_freq *f, int64_t ordinal)
{
    __int128 rest, whole, o = ordinal;
    if (ordinal == PANDAS_NAT) {
        buf_puts(b, "NaT");
        return;
    }
    switch (f->kind) {
    case PERIOD_YEAR: text_int(b, (int64_t)((uint64_t)ordinal + 1970)); break;
    case PERIOD_QUARTER:
        whole = floor_div(o, 4, &rest);
        buf_printf(b, "%" PRId64 "Q%d", (int64_t)whole + 1970, (int)rest + 1);
        break;
    case PERIOD_MONTH:
        whole = floor_div(o, 12, &rest);
        buf_printf(b, "%" PRId64 "-%02d", (int64_t)whole + 1970, (int)rest + 1);
        break;
    case PERIOD_WEEK:
        whole = o * 7 - 4 + (f->anchor + 1) % 7; // the last day
        put_day(b, whole - 6);
        buf_putc(b, '/');
        put_day(b, whole);
        break;
    case PERIOD_BUSINESS_DAY:
        whole = floor_div(o + 3, 5, &rest);
        put_day(b, whole * 7 + rest - 3);
        break;
    case PERIOD_DAY: put_day(b, o); break;
    default: put_clock(b, f->kind, ordinal); break;
    }
}
