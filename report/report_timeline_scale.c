#include "report/report_timeline_scale.h"

#define MAX_LINES 10
#define DAY (24 * 3600 * 1000LL)

struct time_scale time_scale_of(const struct run_facts *f, double left, double width)
{
    struct time_scale t = {run_facts_begin_ms(f), run_facts_end_ms(f), left, width};
    if (t.to_ms <= t.from_ms)
        t.to_ms = t.from_ms + 1;
    return t;
}

double time_scale_x(const struct time_scale *t, int64_t ms)
{
    ms = ms < t->from_ms ? t->from_ms : ms > t->to_ms ? t->to_ms : ms;
    return t->left + t->width * ((double)(ms - t->from_ms) / (double)(t->to_ms - t->from_ms));
}

int64_t time_scale_step(const struct time_scale *t)
{
    static const int64_t round[] = {
        1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 15000, 30000, 60000, 120000, 300000, 600000,
        900000, 1800000, 3600000, 7200000, 10800000, 21600000, 43200000, DAY, 2 * DAY, 7 * DAY, 14 * DAY, 28 * DAY};
    int64_t span = t->to_ms - t->from_ms;
    for (size_t i = 0; i < sizeof round / sizeof round[0]; i++)
        if (span / round[i] < MAX_LINES)
            return round[i];
    return (span / MAX_LINES / DAY + 1) * DAY;
}

void time_scale_mark(struct buf *b, int64_t ms)
{
    long long s = ms / 1000;
    if (ms == 0)
        buf_puts(b, "0");
    else if (ms % 1000)
        s ? buf_printf(b, "%.4g s", (double)ms / 1000) : buf_printf(b, "%lld ms", (long long)ms);
    else if (s % 60)
        s < 60 ? buf_printf(b, "%lld s", s) : buf_printf(b, "%lld min %lld s", s / 60, s % 60);
    else if (s % 3600)
        s < 3600 ? buf_printf(b, "%lld min", s / 60) : buf_printf(b, "%lld h %lld min", s / 3600, s / 60 % 60);
    else if (s % 86400)
        s < 86400 ? buf_printf(b, "%lld h", s / 3600) : buf_printf(b, "%lld d %lld h", s / 86400, s / 3600 % 24);
    else
        buf_printf(b, "%lld d", s / 86400);
}
