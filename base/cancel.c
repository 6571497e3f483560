#include "base/cancel.h"

#include "base/clock.h"

errc cancel_check(struct cancel *cancel, struct err *err)
{
    if (!cancel)
        return ERR_OK;
    if (atomic_load_explicit(&cancel->set, memory_order_relaxed))
        return err_set(err, ERR_INTERRUPTED, "the caller went away");
    if (cancel->deadline_ms && clock_mono_ms() >= cancel->deadline_ms)
        return err_set(err, ERR_TIMEOUT, "the deadline of the request passed");
    return ERR_OK;
}
