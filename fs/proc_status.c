#include "fs/proc_status.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"

#define STATUS_MAX ((size_t)4 << 20) // bytes; there may be 65536 groups

bool proc_status_read(pid_t thread, struct buf *ret)
{
    char path[64];
    struct err ignored = ERR_INIT;
    if (thread <= 0) {
        return false;
    }
    snprintf(path, sizeof(path), "/proc/%ld/status", (long)thread);
    return file_read(path, STATUS_MAX, ret, &ignored) == ERR_OK && ret->data != NULL;
}

const char *proc_status_value(const char *status, const char *name)
{
    size_t len = strlen(name);
    for (const char *line = status; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, len) == 0 && line[len] == ':' && line[len + 1] == '\t') {
            return line + len + 2;
        }
    }
    return NULL;
}
