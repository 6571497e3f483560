// When to try a request again: pure code, time and chance come in.
#ifndef BASE_RETRY_H
#define BASE_RETRY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/http.h"

struct retry_policy {
    unsigned max_tries;      // in all, at least 1
    unsigned first_ms;       // the wait before the second try; doubled for each further one
    unsigned max_ms;         // of one wait
    unsigned jitter_percent; // a wait is spread by so much to both sides
};

// What one try came to.
struct retry_outcome {
    enum http_fault fault;
    int status;              // 0 for none
    int64_t retry_after_ms;  // from the answer's Retry-After, or -1
    bool is_idempotent;      // may be sent again though it may have been carried out
};

// Whether a try that ended so may be repeated at all: no connection; for idempotent requests also no answer
// and a cut body; 408, 429, 502, 503, 504. (500 is not: Metaflow's service means a bad request or a bug by it.)
bool retry_is_worth(const struct retry_outcome *o);

// Whether to try again after `tries` tries, and after how long: *ret_wait_ms. A Retry-After longer than the
// policy's own wait replaces it. No try begins after deadline_ms (0: none); now_ms and deadline_ms are of one
// clock. `random` is any number.
bool retry_next(const struct retry_policy *p, unsigned tries, const struct retry_outcome *o, int64_t now_ms,
                int64_t deadline_ms, uint32_t random, int64_t *ret_wait_ms);

// Milliseconds from now that a Retry-After value means: seconds, or an HTTP date (against wall_now_ms; 0 when
// it has passed). -1 for other text.
int64_t retry_after_ms(const char *value, int64_t wall_now_ms);
// The moment that an HTTP date means (of a Date header), in wall milliseconds; -1 for other text.
int64_t retry_date_ms(const char *value);
// A number for `random`, to spread the tries of many mounts; nothing depends on its being hard to guess.
uint32_t retry_chance(void);

#endif
