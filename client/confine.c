#include "client/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"

struct confine {
    int fd;
    char *path;
};

errc confine_new(const char *dir, struct confine **ret, struct err *err)
{
    int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return err_set_errno(err, errno, "cannot open the directory %s", dir);
    struct confine *c = mem_zalloc(sizeof *c);
    c->fd = fd;
    c->path = mem_strdup(dir);
    *ret = c;
    return ERR_OK;
}

void confine_free(struct confine *c)
{
    if (!c)
        return;
    close(c->fd);
    free(c->path);
    free(c);
}

const char *confine_path(const struct confine *c)
{
    return c->path;
}

bool confine_is_part(const char *name)
{
    return name[0] && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 && !strchr(name, '/');
}

bool confine_is_path(const char *rel)
{
    for (;;) {
        size_t len = strcspn(rel, "/");
        if (len == 0 || (rel[0] == '.' && (len == 1 || (len == 2 && rel[1] == '.'))))
            return false;
        if (!rel[len])
            return true;
        rel += len + 1;
    }
}

// Where an open file is, as the kernel sees it now.
static bool real_path(int fd, char out[PATH_MAX])
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, out, PATH_MAX - 1);
    if (n <= 0)
        return false;
    out[n] = '\0';
    return true;
}

static bool is_inside(int root_fd, int fd)
{
    char root[PATH_MAX], path[PATH_MAX];
    if (!real_path(root_fd, root) || !real_path(fd, path))
        return false;
    size_t len = strlen(root);
    if (strcmp(root, "/") == 0)
        return path[0] == '/';
    return strncmp(root, path, len) == 0 && (path[len] == '\0' || path[len] == '/');
}

// For kernels without openat2, and for absolute links, which it refuses wherever they lead: pins the
// file without opening it, asks the kernel where it is, and opens that very file.
static errc open_pinned(struct confine *c, const char *rel, int flags, int *ret_fd, struct err *err)
{
    int pin = openat(c->fd, rel, O_PATH | O_CLOEXEC | (flags & O_DIRECTORY));
    if (pin < 0)
        return err_set_errno(err, errno, "cannot open %s/%s", c->path, rel);
    if (!is_inside(c->fd, pin)) {
        close(pin);
        return err_set(err, ERR_DENIED, "%s/%s is a link that leads out of the datastore: refused",
                       c->path, rel);
    }
    if (flags & O_PATH) {
        *ret_fd = pin;
        return ERR_OK;
    }
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", pin);
    int fd = open(link, flags);
    int failed = errno;
    close(pin);
    if (fd < 0)
        return err_set_errno(err, failed, "cannot open %s/%s", c->path, rel);
    *ret_fd = fd;
    return ERR_OK;
}

static int full_flags(int flags)
{
    // openat2 refuses flags that mean nothing together with O_PATH.
    return flags | O_CLOEXEC | (flags & O_PATH ? 0 : O_NOCTTY | O_NONBLOCK);
}

errc confine_open(struct confine *c, const char *rel, int flags, int *ret_fd, struct err *err)
{
    struct open_how how = {.flags = (unsigned)full_flags(flags),
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    long fd = syscall(SYS_openat2, c->fd, rel, &how, sizeof how);
    if (fd >= 0) {
        *ret_fd = (int)fd;
        return ERR_OK;
    }
    switch (errno) {
    case ENOSYS:
    case EPERM: // a sandbox that does not know the call
    case EXDEV:
    case EAGAIN:
        return open_pinned(c, rel, full_flags(flags), ret_fd, err);
    default:
        return err_set_errno(err, errno, "cannot open %s/%s", c->path, rel);
    }
}

errc confine_open_in(struct confine *c, int dir_fd, const char *dir_rel, const char *name, int flags,
                     int *ret_fd, struct err *err)
{
    int fd = openat(dir_fd, name, full_flags(flags) | O_NOFOLLOW);
    if (fd >= 0 && !(flags & O_PATH)) {
        *ret_fd = fd;
        return ERR_OK;
    }
    int failed = errno;
    if (fd >= 0)
        close(fd); // with O_PATH the link itself was opened
    auto_free char *rel = mem_printf("%s/%s", dir_rel, name);
    if (fd >= 0 || failed == ELOOP)
        return confine_open(c, rel, flags, ret_fd, err);
    return err_set_errno(err, failed, "cannot open %s/%s", c->path, rel);
}
