// base/retry.h, case by case.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/retry.h"

static const struct retry_policy policy = {.max_tries = 5, .first_ms = 1000, .max_ms = 6000, .jitter_percent = 0};

static bool worth(enum http_fault fault, int status, bool idempotent)
{
    struct retry_outcome o = {fault, status, -1, idempotent};
    return retry_is_worth(&o);
}

static void what_may_be_tried_again(void **state)
{
    (void)state;
    assert_true(worth(HTTP_NO_CONNECTION, 0, false));
    assert_true(worth(HTTP_NO_ANSWER, 0, true));
    assert_false(worth(HTTP_NO_ANSWER, 0, false));
    assert_true(worth(HTTP_CUT, 200, true));
    assert_false(worth(HTTP_CUT, 200, false));
    assert_false(worth(HTTP_BAD_TLS, 0, true));
    assert_false(worth(HTTP_STOPPED, 0, true));
    assert_true(worth(HTTP_OK, 429, false));
    assert_true(worth(HTTP_OK, 503, false));
    static const int idempotent_only[] = {408, 502, 504};
    for (size_t i = 0; i < 3; i++) {
        assert_true(worth(HTTP_OK, idempotent_only[i], true));
        assert_false(worth(HTTP_OK, idempotent_only[i], false));
    }
    static const int final[] = {200, 400, 401, 403, 404, 409, 500};
    for (size_t i = 0; i < 7; i++) {
        assert_false(worth(HTTP_OK, final[i], true));
    }
}

static int64_t wait_after(unsigned tries, int64_t retry_after, int64_t deadline)
{
    struct retry_outcome o = {HTTP_OK, 503, retry_after, true};
    int64_t wait = -1;
    return retry_next(&policy, tries, &o, 100, deadline, 0, &wait) ? wait : -1;
}

static void waits_double_up_to_a_bound(void **state)
{
    (void)state;
    static const int64_t waits[] = {1000, 2000, 4000, 6000, -1};
    for (unsigned tries = 1; tries <= 5; tries++) {
        assert_int_equal(wait_after(tries, -1, 0), waits[tries - 1]);
    }
    assert_int_equal(wait_after(1, 9000, 0), 9000);
    assert_int_equal(wait_after(3, 10, 0), 4000);
    assert_int_equal(wait_after(1, -1, 1100), -1); // would begin at the deadline
    assert_int_equal(wait_after(1, -1, 1101), 1000);
    assert_int_equal(wait_after(1, 9000, 5000), -1);
}

static void jitter_stays_within_its_part(void **state)
{
    (void)state;
    struct retry_policy spread = policy;
    struct retry_outcome o = {HTTP_NO_CONNECTION, 0, -1, true};
    int64_t least = INT64_MAX, most = 0;
    spread.jitter_percent = 10;
    for (uint32_t random = 0; random < 1000; random++) {
        int64_t wait;
        assert_true(retry_next(&spread, 1, &o, 0, 0, random * 2654435761u, &wait));
        least = wait < least ? wait : least;
        most = wait > most ? wait : most;
    }
    assert_in_range(least, 900, 920);
    assert_in_range(most, 1080, 1100);
}

static void retry_after_is_seconds_or_a_date(void **state)
{
    (void)state;
    int64_t now = INT64_C(784111777000); // Sun, 06 Nov 1994 08:49:37 GMT
    assert_int_equal(retry_after_ms("120", now), 120000);
    assert_int_equal(retry_after_ms("0", now), 0);
    assert_int_equal(retry_after_ms("Sun, 06 Nov 1994 08:49:47 GMT", now), 10000);
    assert_int_equal(retry_after_ms("Sunday, 06-Nov-94 08:49:47 GMT", now), 10000);
    assert_int_equal(retry_after_ms("Sun Nov  6 08:49:47 1994", now), 10000);
    assert_int_equal(retry_after_ms("Sun, 06 Nov 1994 08:00:00 GMT", now), 0);
    assert_int_equal(retry_after_ms("soon", now), -1);
    assert_int_equal(retry_after_ms("-5", now), -1);
    assert_int_equal(retry_after_ms("", now), -1);
    assert_int_equal(retry_after_ms(NULL, now), -1);
    assert_true(retry_after_ms("99999999999999999999", now) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_may_be_tried_again),
        cmocka_unit_test(waits_double_up_to_a_bound),
        cmocka_unit_test(jitter_stays_within_its_part),
        cmocka_unit_test(retry_after_is_seconds_or_a_date),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
