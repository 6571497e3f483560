#include "fs/caller.h"

#include <signal.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/mem.h"
#include "fs/proc_status.h"

static uint64_t bit(int number)
{
    return UINT64_C(1) << (number - 1);
}

static bool mask_of(const char *status, const char *name, uint64_t *ret)
{
    const char *value = proc_status_value(status, name);
    char *end = NULL;
    *ret = value != NULL ? strtoull(value, &end, 16) : 0;
    return end != NULL && *end == '\n';
}

bool caller_status_is_leaving(const char *status)
{
    const uint64_t end = bit(SIGINT) | bit(SIGQUIT) | bit(SIGTERM) | bit(SIGHUP) | bit(SIGKILL);
    const uint64_t harmless = bit(SIGCHLD) | bit(SIGCONT) | bit(SIGURG) | bit(SIGWINCH) | bit(SIGSTOP) | bit(SIGTSTP) |
                              bit(SIGTTIN) | bit(SIGTTOU);
    uint64_t own, shared, blocked, ignored, caught;
    if (!mask_of(status, "SigPnd", &own) || !mask_of(status, "ShdPnd", &shared) ||
        !mask_of(status, "SigBlk", &blocked) || !mask_of(status, "SigIgn", &ignored) ||
        !mask_of(status, "SigCgt", &caught)) {
        return true;
    }
    uint64_t comes = (own | shared) & ~blocked & ~ignored;
    return (comes & (end | ~(caught | harmless))) != 0;
}

bool caller_is_leaving(int thread)
{
    auto_cleanup(buf_free) struct buf status = {0};
    return !proc_status_read(thread, &status) || caller_status_is_leaving(status.data);
}
