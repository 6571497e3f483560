// POSIX TZ rules (the footer of a time zone file), and the calendar that they need.
#include <stdlib.h>
#include <string.h>

#include "client/render_parts.h"

int64_t days_from_civil(int64_t year, unsigned month, unsigned day)
{
    int64_t y = month <= 2 ? year - 1 : year, era = (y >= 0 ? y : y - 399) / 400;
    unsigned yoe = (unsigned)(y - era * 400), m = month > 2 ? month - 3 : month + 9;
    unsigned doy = (153 * m + 2) / 5 + day - 1, doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * 146097 + (int64_t)doe - 719468;
}

void civil_from_days(__int128 days, int64_t *ret_year, unsigned *ret_month, unsigned *ret_day)
{
    __int128 z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097;
    unsigned doe = (unsigned)(z - era * 146097);
    unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
    *ret_day = doy - (153 * mp + 2) / 5 + 1;
    *ret_month = mp < 10 ? mp + 3 : mp - 9;
    *ret_year = (int64_t)(yoe + era * 400) + (*ret_month <= 2);
}

// A cursor over the rule's text, which ends with a NUL.
static bool skip_name(const char **p)
{
    const char *s = *p;
    if (*s == '<') {
        while (*s && *s != '>')
            s++;
        s += *s == '>';
    } else {
        while ((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z'))
            s++;
    }
    bool any = s > *p;
    *p = s;
    return any;
}

static bool number(const char **p, unsigned *ret)
{
    unsigned v = 0, n = 0;
    for (; **p >= '0' && **p <= '9' && n < 4; ++*p, n++)
        v = v * 10 + (unsigned)(**p - '0');
    *ret = v;
    return n > 0;
}

// "[+-]h[:m[:s]]" in seconds.
static bool hms(const char **p, int32_t *ret)
{
    int sign = **p == '-' ? -1 : 1;
    unsigned h = 0, m = 0, s = 0;
    *p += **p == '-' || **p == '+';
    if (!number(p, &h))
        return false;
    if (**p == ':') {
        ++*p;
        if (!number(p, &m))
            return false;
    }
    if (**p == ':') {
        ++*p;
        if (!number(p, &s))
            return false;
    }
    *ret = sign * (int32_t)(h * 3600 + m * 60 + s);
    return h <= 167 && m < 60 && s < 60;
}

static bool is_leap(int64_t y)
{
    return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
}

// The day of "Mm.w.d" in a year, as days from 1970-01-01.
static bool month_day(const char **p, int64_t year, int64_t *ret)
{
    static const unsigned lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    unsigned m, w, d;
    if (!number(p, &m) || *(*p)++ != '.' || !number(p, &w) || *(*p)++ != '.' || !number(p, &d))
        return false;
    if (m < 1 || m > 12 || w < 1 || w > 5 || d > 6)
        return false;
    int64_t first = days_from_civil(year, m, 1);
    unsigned weekday = (unsigned)(((first + 4) % 7 + 7) % 7), length = lengths[m - 1] + (m == 2 && is_leap(year));
    unsigned day = (d + 7 - weekday) % 7 + (w - 1) * 7;
    while (day >= length)
        day -= 7;
    *ret = first + day;
    return true;
}

// ",date[/time]" as local seconds from 1970.
static bool rule_date(const char **p, int64_t year, int64_t *ret)
{
    int64_t day;
    unsigned n;
    int32_t time = 7200;
    if (*(*p)++ != ',')
        return false;
    if (**p == 'M') {
        ++*p;
        if (!month_day(p, year, &day))
            return false;
    } else {
        bool julian = **p == 'J'; // from 1, and February never has 29 days
        *p += julian;
        if (!number(p, &n) || n > 365 || (julian && n < 1))
            return false;
        day = days_from_civil(year, 1, 1) + n - julian + (julian && n >= 60 && is_leap(year));
    }
    if (**p == '/') {
        ++*p;
        if (!hms(p, &time))
            return false;
    }
    *ret = day * 86400 + time;
    return true;
}

struct rule {
    int32_t std, dst;   // seconds west of Greenwich, as POSIX counts
    bool has_dst;
    int64_t start, end; // of summer time, on the local clock that ends there
};

static int64_t year_of(int64_t seconds)
{
    int64_t year;
    unsigned month, day;
    civil_from_days(seconds / 86400 - (seconds % 86400 < 0), &year, &month, &day);
    return year;
}

// The rule in the year of a moment that is given by the local clock, or by UTC's.
static bool parse_rule(const char *rule, size_t len, int64_t seconds, bool is_utc, struct rule *ret)
{
    char text[128];
    if (len >= sizeof text)
        return false;
    memcpy(text, rule, len);
    text[len] = '\0';
    const char *p = text;
    if (!skip_name(&p) || !hms(&p, &ret->std))
        return false;
    ret->has_dst = *p;
    if (!*p)
        return true;
    if (!skip_name(&p))
        return false;
    ret->dst = ret->std - 3600;
    if (*p != ',' && !hms(&p, &ret->dst))
        return false;
    int64_t local = seconds, year;
    if (is_utc && __builtin_sub_overflow(seconds, ret->std, &local))
        return false;
    year = year_of(local);
    return rule_date(&p, year, &ret->start) && rule_date(&p, year, &ret->end) && !*p;
}

static bool is_summer(int64_t start, int64_t end, int64_t now)
{
    return start < end ? start <= now && now < end : !(end <= now && now < start);
}

bool zone_rule_at(const char *rule, size_t len, int64_t utc_seconds, int32_t *ret_seconds)
{
    struct rule r;
    if (!parse_rule(rule, len, utc_seconds, true, &r))
        return false;
    bool summer = r.has_dst && is_summer(r.start + r.std, r.end + r.dst, utc_seconds);
    *ret_seconds = summer ? -r.dst : -r.std;
    return true;
}

bool zone_rule_offset(const char *rule, size_t len, int64_t local_seconds, bool fold, int32_t *ret_seconds,
                      bool *ret_fixed)
{
    struct rule r;
    if (!parse_rule(rule, len, local_seconds, false, &r))
        return false;
    *ret_fixed = !r.has_dst;
    *ret_seconds = -r.std;
    if (!r.has_dst)
        return true;
    int32_t more = r.std - r.dst; // of summer time's offset
    if (fold == (more >= 0))
        r.end -= more;
    else
        r.start += more;
    *ret_seconds = is_summer(r.start, r.end, local_seconds) ? -r.dst : -r.std;
    return true;
}
