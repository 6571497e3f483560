#include "client/model_i.h"

const char *status_name(enum status s)
{
    switch (s) {
    case STATUS_DONE:
        return "done";
    case STATUS_FAILED:
        return "failed";
    case STATUS_RUNNING:
        return "running";
    case STATUS_STALE:
        return "stale";
    case STATUS_UNKNOWN:
        break;
    }
    return "unknown";
}

// The answer that metadata gives of the latest started attempt; STATUS_UNKNOWN where it gives none.
static enum status ended(const struct status_facts *f)
{
    bool is_latest = f->done >= f->started;
    if (is_latest && f->task_ok == 1) {
        return STATUS_DONE;
    }
    if (f->attempt_ok == 0 || (is_latest && f->task_ok == 0)) {
        return STATUS_FAILED;
    }
    return STATUS_UNKNOWN;
}

bool status_needs_runtime(const struct status_facts *f)
{
    return ended(f) == STATUS_UNKNOWN;
}

enum status status_of(const struct status_facts *f, int64_t now_ms, int64_t stale_after_ms)
{
    enum status s = ended(f);
    if (s != STATUS_UNKNOWN) {
        return s;
    }
    if (f->runtime_ok == 0) {
        return STATUS_FAILED;
    }
    if (f->heartbeat_ms < 0) {
        return STATUS_UNKNOWN;
    }
    return now_ms - f->heartbeat_ms < stale_after_ms ? STATUS_RUNNING : STATUS_STALE;
}
