#include "base/memory_limit.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"

#define FILE_MAX ((size_t)64 * 1024)

static char *text_of(const char *path)
{
    struct err ignored = ERR_INIT;
    auto_cleanup(buf_free) struct buf text = {0};
    return file_read(path, FILE_MAX, &text, &ignored) == ERR_OK && text.data ? mem_strndup(text.data, text.len) : NULL;
}

// The number in a file; UINT64_MAX for "max", and for one that is not there.
static uint64_t limit_in(const char *root, const char *group, const char *name)
{
    auto_free char *path = mem_printf("%s/sys/fs/cgroup%s/%s", root, group, name);
    auto_free char *text = text_of(path);
    char *end = NULL;
    unsigned long long value = text ? strtoull(text, &end, 10) : 0;
    return end && end != text && value > 0 ? value : UINT64_MAX;
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

// Of our cgroup of version 2 and of all above it.
static uint64_t limit_of_groups(const char *root)
{
    auto_free char *path = mem_printf("%s/proc/self/cgroup", root);
    auto_free char *text = text_of(path);
    char *group = text ? strstr(text, "0::/") : NULL;
    uint64_t limit = limit_in(root, "", "memory.max");
    if (!group || (group != text && group[-1] != '\n')) {
        return limit;
    }
    group += strlen("0::");
    group[strcspn(group, "\n")] = '\0';
    for (char *slash; (slash = strrchr(group, '/')); *slash = '\0') {
        limit = least(limit, limit_in(root, group, "memory.max"));
    }
    return limit;
}

uint64_t memory_limit(const char *root)
{
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    uint64_t machine = pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page : UINT64_MAX;
    return least(least(machine, limit_of_groups(root)), limit_in(root, "/memory", "memory.limit_in_bytes"));
}
