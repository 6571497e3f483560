// Time. Wall times are milliseconds since the epoch, as Metaflow's ts_epoch; waits use the
// monotonic clock. Unit tests put a fake in place with clock_set_fake (process-wide, tests only).
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int64_t clock_wall_ms(void);
int64_t clock_mono_ms(void);
int64_t clock_mono_us(void); // the same in microseconds; a fake clock's milliseconds, times a thousand
void clock_set_fake(int64_t (*wall)(void), int64_t (*mono)(void)); // NULLs restore the real clock

// "2026-11-22T20:40:04.123000Z" (UTC, microseconds): at least 28 bytes of room.
void clock_iso8601(int64_t ms, char *out, size_t size);
// "2026-11-22", the UTC day: at least 11 bytes of room.
void clock_day(int64_t ms, char *out, size_t size);
// When that day begins; false for text that is no such day.
bool clock_day_start(const char *day, int64_t *ret_ms);

#endif
