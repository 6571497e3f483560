#include "base/retry.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_RETRY_AFTER_MS (INT64_C(24) * 3600 * 1000)

bool retry_is_worth(const struct retry_outcome *o)
{
    switch (o->fault) {
    case HTTP_NO_CONNECTION:
        return true;
    case HTTP_NO_ANSWER:
    case HTTP_CUT:
        return o->is_idempotent;
    case HTTP_OK:
        break;
    default:
        return false;
    }
    switch (o->status) {
    case 429:
    case 503:
        return true; // refused before anything was done
    case 408:
    case 502:
    case 504:
        return o->is_idempotent;
    default:
        return false;
    }
}

static int64_t own_wait(const struct retry_policy *p, unsigned tries, uint32_t random)
{
    int64_t wait = p->first_ms;
    for (unsigned i = 1; i < tries && wait < p->max_ms; i++) {
        wait *= 2;
    }
    wait = wait > p->max_ms ? p->max_ms : wait;
    int64_t spread = wait * p->jitter_percent / 100;
    return spread > 0 ? wait - spread + (int64_t)(random % (uint64_t)(2 * spread + 1)) : wait;
}

bool retry_next(const struct retry_policy *p, unsigned tries, const struct retry_outcome *o, int64_t now_ms,
                int64_t deadline_ms, uint32_t random, int64_t *ret_wait_ms)
{
    if (tries >= p->max_tries || !retry_is_worth(o)) {
        return false;
    }
    int64_t wait = own_wait(p, tries, random);
    wait = o->retry_after_ms > wait ? o->retry_after_ms : wait;
    if (deadline_ms != 0 && wait >= deadline_ms - now_ms) {
        return false;
    }
    *ret_wait_ms = wait;
    return true;
}

int64_t retry_date_ms(const char *value)
{
    static const char *const forms[] = {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT",
                                        "%a %b %e %H:%M:%S %Y"};
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        struct tm tm = {0};
        const char *end = strptime(value, forms[i], &tm);
        if (end && *end == '\0') {
            return (int64_t)timegm(&tm) * 1000;
        }
    }
    return -1;
}

uint32_t retry_chance(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint32_t)now.tv_nsec * 2654435761u;
}

int64_t retry_after_ms(const char *value, int64_t wall_now_ms)
{
    if (!value || !*value) {
        return -1;
    }
    if (strspn(value, "0123456789") == strlen(value)) {
        return strlen(value) > 8 ? MAX_RETRY_AFTER_MS : strtoll(value, NULL, 10) * 1000;
    }
    int64_t at = retry_date_ms(value);
    return at < 0 ? -1 : at > wall_now_ms ? at - wall_now_ms : 0;
}
