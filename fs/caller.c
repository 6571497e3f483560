#include "fs/caller.h"

#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"

#define STATUS_MAX ((size_t)4 << 20) // bytes; the groups stand before the masks, and there may be 65536

static uint64_t bit(int number)
{
    return UINT64_C(1) << (number - 1);
}

// The signals of a line "NAME:\t0000000000000000".
static bool mask_of(const char *status, const char *name, uint64_t *ret)
{
    size_t len = strlen(name);
    for (const char *line = status; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, len) == 0 && line[len] == ':') {
            char *end;
            *ret = strtoull(line + len + 1, &end, 16);
            return *end == '\n';
        }
    }
    return false;
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
    char path[64];
    auto_cleanup(buf_free) struct buf status = {0};
    struct err ignored = ERR_INIT;
    if (thread <= 0) {
        return true;
    }
    snprintf(path, sizeof(path), "/proc/%d/status", thread);
    return file_read(path, STATUS_MAX, &status, &ignored) != ERR_OK || caller_status_is_leaving(status.data);
}
