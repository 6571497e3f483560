// Tells work in progress that nobody wants it any more, or that its deadline passed. One token
// belongs to one request; it is set from another thread and looked at between steps of the work
// (at least each 100 ms where the work waits).
#ifndef BASE_CANCEL_H
#define BASE_CANCEL_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/err.h"

struct cancel {
    atomic_bool set;         // the caller went away
    int64_t deadline_ms;     // monotonic time (clock_mono_ms), or 0 for none
    atomic_bool ahead;       // nobody waits for the work yet: it goes behind what somebody waits for
};

// ERR_OK while the work should go on; else ERR_INTERRUPTED or ERR_TIMEOUT with a cause.
// A NULL token never cancels.
errc cancel_check(struct cancel *cancel, struct err *err) ERR_MUST_CHECK;
// Sleeps so long (by clock_mono_ms), and looks at the token each 20 ms; fails as cancel_check does.
errc cancel_sleep(struct cancel *cancel, int64_t ms, struct err *err) ERR_MUST_CHECK;

#endif
