#include "base/cancel.h"

#include <time.h>

#include "base/clock.h"

#define SLICE_MS 20

errc cancel_check(struct cancel *cancel, struct err *err)
{
    if (!cancel)
        return ERR_OK;
    if (atomic_load_explicit(&cancel->set, memory_order_relaxed))
        return err_set(err, ERR_INTERRUPTED, "it was interrupted by a signal, or by the end of the mount");
    if (cancel->deadline_ms && clock_mono_ms() >= cancel->deadline_ms)
        return err_set(err, ERR_TIMEOUT, "the deadline of the request passed");
    return ERR_OK;
}

errc cancel_sleep(struct cancel *cancel, int64_t ms, struct err *err)
{
    int64_t until = clock_mono_ms() + ms;
    errc e = cancel_check(cancel, err);
    for (int64_t left = ms; !e && left > 0; left = until - clock_mono_ms()) {
        int64_t slice = left < SLICE_MS ? left : SLICE_MS;
        nanosleep(&(struct timespec){.tv_nsec = (long)slice * 1000000}, NULL);
        e = cancel_check(cancel, err);
    }
    return e;
}
