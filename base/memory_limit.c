#include "base/memory_limit.h"

#include <stdbool.h>
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

// In a cgroup and in all above it, below the controller's folder.
static uint64_t limit_upwards(const char *root, const char *controller, char *group, const char *name)
{
    auto_free char *top = mem_printf("/%s", controller);
    uint64_t limit = limit_in(root, top, name);
    for (char *slash; (slash = strrchr(group, '/')) != NULL; *slash = '\0') {
        auto_free char *path = mem_printf("%s%s", *controller ? top : "", group);
        limit = least(limit, limit_in(root, path, name));
    }
    return limit;
}

static bool has_word(const char *list, const char *word)
{
    size_t len = strlen(word);
    for (; list != NULL; list = strchr(list, ',')) {
        list += *list == ',';
        if (strncmp(list, word, len) == 0 && (list[len] == ',' || list[len] == '\0')) {
            return true;
        }
    }
    return false;
}

// One line of /proc/self/cgroup: number, controllers (none in version 2), group, with colons between them.
static uint64_t limit_of_line(const char *root, char *line)
{
    strsep(&line, ":");
    char *controllers = strsep(&line, ":");
    if (line == NULL) {
        return UINT64_MAX;
    }
    if (*controllers == '\0') {
        return limit_upwards(root, "", line, "memory.max");
    }
    return has_word(controllers, "memory") ? limit_upwards(root, "memory", line, "memory.limit_in_bytes") : UINT64_MAX;
}

static uint64_t limit_of_groups(const char *root)
{
    auto_free char *path = mem_printf("%s/proc/self/cgroup", root);
    auto_free char *text = text_of(path);
    uint64_t limit = UINT64_MAX;
    char *rest = text;
    for (char *line; (line = strsep(&rest, "\n")) != NULL;) {
        limit = least(limit, limit_of_line(root, line));
    }
    return limit;
}

uint64_t memory_limit(const char *root)
{
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    uint64_t machine = pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page : UINT64_MAX;
    return least(machine, limit_of_groups(root));
}
