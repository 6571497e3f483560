// base/clock.h and base/cancel.h.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <stdbool.h>
#include <time.h>

#include "base/cancel.h"
#include "base/clock.h"

static void iso(int64_t ms, const char *expected)
{
    char text[28];
    clock_iso8601(ms, text, sizeof text);
    assert_string_equal(text, expected);
}

static void formats(void **state)
{
    (void)state;
    iso(0, "1970-01-01T00:00:00.000000Z");
    iso(1795380004123, "2026-11-22T20:40:04.123000Z");
    iso(951782400000, "2000-02-29T00:00:00.000000Z");
    iso(-1, "1969-12-31T23:59:59.999000Z");
    iso(-86400000, "1969-12-31T00:00:00.000000Z");
    iso(INT64_MAX, "9999-12-31T23:59:59.999000Z");
    iso(INT64_MIN, "0001-01-01T00:00:00.000000Z");
    char day[11];
    clock_day(1795391999999, day, sizeof day);
    assert_string_equal(day, "2026-11-22");
    clock_day(1795392000000, day, sizeof day);
    assert_string_equal(day, "2026-11-23");
}

static int64_t fake_now;

static int64_t fake(void)
{
    return fake_now;
}

static void fakes(void **state)
{
    (void)state;
    clock_set_fake(fake, NULL);
    fake_now = 42;
    assert_int_equal(clock_wall_ms(), 42);
    assert_int_not_equal(clock_mono_ms(), 42);
    clock_set_fake(NULL, NULL);
    assert_true(clock_wall_ms() / 1000 - (int64_t)time(NULL) <= 1);
}

static void cancel_by_flag_and_deadline(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    assert_int_equal(cancel_check(NULL, &err), ERR_OK);
    struct cancel c = {0};
    assert_int_equal(cancel_check(&c, &err), ERR_OK);
    clock_set_fake(NULL, fake);
    fake_now = 1000;
    c.deadline_ms = 1001;
    assert_int_equal(cancel_check(&c, &err), ERR_OK);
    fake_now = 1001;
    assert_int_equal(cancel_check(&c, &err), ERR_TIMEOUT);
    assert_int_equal(err.code, ERR_TIMEOUT);
    atomic_store(&c.set, true);
    assert_int_equal(cancel_check(&c, &err), ERR_INTERRUPTED);
    clock_set_fake(NULL, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats),
        cmocka_unit_test(fakes),
        cmocka_unit_test(cancel_by_flag_and_deadline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
