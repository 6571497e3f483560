#include "base/clock.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

typedef int64_t (*clock_fn)(void);

static _Atomic clock_fn fake_wall, fake_mono;

static int64_t clock_real_us(clockid_t id)
{
    struct timespec ts = {0};
    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static int64_t clock_real_ms(clockid_t id)
{
    return clock_real_us(id) / 1000;
}

int64_t clock_wall_ms(void)
{
    clock_fn fake = atomic_load(&fake_wall);
    return fake ? fake() : clock_real_ms(CLOCK_REALTIME);
}

int64_t clock_mono_ms(void)
{
    clock_fn fake = atomic_load(&fake_mono);
    return fake ? fake() : clock_real_ms(CLOCK_MONOTONIC);
}

int64_t clock_mono_us(void)
{
    clock_fn fake = atomic_load(&fake_mono);
    return fake ? fake() * 1000 : clock_real_us(CLOCK_MONOTONIC);
}

void clock_set_fake(int64_t (*wall)(void), int64_t (*mono)(void))
{
    atomic_store(&fake_wall, wall);
    atomic_store(&fake_mono, mono);
}

// Times outside of the years 1 to 9999 are shown as the nearest one inside.
static int clock_split(int64_t ms, struct tm *tm)
{
    const int64_t first = -62135596800000, last = 253402300799999;
    if (ms < first)
        ms = first;
    if (ms > last)
        ms = last;
    int64_t in_second = ms % 1000;
    if (in_second < 0)
        in_second += 1000;
    time_t seconds = (time_t)((ms - in_second) / 1000);
    gmtime_r(&seconds, tm);
    return (int)in_second;
}

void clock_iso8601(int64_t ms, char *out, size_t size)
{
    struct tm tm;
    int in_second = clock_split(ms, &tm);
    char text[80];
    snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%03d000Z", tm.tm_year + 1900,
             tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, in_second);
    snprintf(out, size, "%.*s", 27, text);
}

void clock_day(int64_t ms, char *out, size_t size)
{
    char text[28];
    clock_iso8601(ms, text, sizeof text);
    snprintf(out, size, "%.*s", 10, text);
}

bool clock_day_start(const char *day, int64_t *ret_ms)
{
    struct tm tm = {0};
    char again[32];
    const char *end = strptime(day, "%Y-%m-%d", &tm);
    if (!end || *end != '\0') {
        return false;
    }
    int64_t ms = (int64_t)timegm(&tm) * 1000;
    clock_day(ms, again, sizeof(again));
    if (strcmp(again, day) != 0) { // a 31st of June, "2026-1-1"
        return false;
    }
    *ret_ms = ms;
    return true;
}
