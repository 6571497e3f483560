// Trying again: waits between tries, and what is done at once, but once.
#include "base/clock.h"
#include "base/log.h"
#include "s3/s3_i.h"

#define MAX_WAIT_MS 60000 // who asks for more gets no further try

static bool wait_before(struct s3 *s, unsigned tries, int64_t retry_after, struct cancel *cancel, struct err *err)
{
    // Whether a try is worth it was said by the answer's judge: what is left is how long to wait.
    struct retry_outcome o = {.status = 503, .retry_after_ms = retry_after, .is_idempotent = true};
    int64_t now = clock_mono_ms(), wait;
    if (!retry_next(&s->policy, tries, &o, now, 0, retry_chance(), &wait) || wait > MAX_WAIT_MS) {
        return false;
    }
    if (cancel && cancel->deadline_ms != 0 && wait >= cancel->deadline_ms - now) {
        struct err why = *err;
        err_set(err, ERR_TIMEOUT, "no time is left to ask again after %u tries: %s", tries, why.cause);
        return false;
    }
    if (cancel_sleep(cancel, wait, err)) {
        return false;
    }
    atomic_fetch_add(&s->retries, 1);
    return true;
}

void s3_note_hold(struct s3 *s, int64_t retry_after_ms)
{
    int64_t ms = retry_after_ms < MAX_WAIT_MS ? retry_after_ms : MAX_WAIT_MS;
    long long until = clock_mono_ms() + ms, old = atomic_load(&s->hold_until_ms);
    while (ms > 0 && until > old && !atomic_compare_exchange_weak(&s->hold_until_ms, &old, until)) {
    }
}

bool s3_wait_again(struct s3 *s, unsigned tries, struct cancel *cancel, struct err *err)
{
    int64_t held = atomic_load(&s->hold_until_ms) - clock_mono_ms();
    return wait_before(s, tries, held > 0 ? held : -1, cancel, err);
}

errc s3_try(struct s3 *s, struct cancel *cancel, s3_try_fn fn, void *arg, struct err *err)
{
    unsigned used = 0; // of what is done once
    for (unsigned tries = 1;;) {
        struct s3_outcome o = S3_OUTCOME_INIT;
        errc e = fn(arg, &o, err);
        if (!e || o.action == S3_GIVE_UP) {
            return e;
        }
        if (o.action != S3_WAIT) {
            if (used & (1u << o.action)) {
                return e;
            }
            used |= 1u << o.action;
            continue;
        }
        log_debug("s3", "tried again: %s", err->cause);
        if (!wait_before(s, tries++, o.retry_after_ms, cancel, err)) {
            return err->code;
        }
        used &= ~(1u << S3_MOVED); // where it led may be gone, and the endpoint asked anew
    }
}
