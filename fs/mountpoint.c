// Start-up checks: each says in one sentence what is wrong and what to do.
#include <errno.h>
#include <limits.h>
#include <mntent.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "fs/mount.h"

#define FUSE_MAJOR 10 // of /dev/fuse: Linux, admin-guide/devices.txt
#define FUSE_MINOR 229
#define FUSE_CONF "/etc/fuse.conf"

char *unmount_line(const char *mountpoint)
{
    return mem_printf("fusermount3 -u %s", mountpoint);
}

// Type of what is mounted at a path: "" for nothing, "autofs" only when nothing is mounted over it.
static char *mounted_type(const char *path)
{
    char *type = mem_strdup("");
    FILE *f = setmntent("/proc/self/mounts", "re");
    if (f == NULL) {
        return type;
    }
    char text[8192];
    struct mntent entry;
    while (getmntent_r(f, &entry, text, sizeof(text)) != NULL) {
        if (strcmp(entry.mnt_dir, path) == 0) {
            free(type);
            type = mem_strdup(entry.mnt_type);
        }
    }
    endmntent(f);
    return type;
}

static bool is_inside(const char *path, const char *dir)
{
    size_t len = strlen(dir);
    while (len > 1 && dir[len - 1] == '/') {
        len--;
    }
    return strncmp(path, dir, len) == 0 && (path[len] == '\0' || path[len] == '/' || len == 1);
}

// The path with links followed; as it is where that cannot be done.
static char *real_or_same(const char *path)
{
    char *real = realpath(path, NULL);
    return real != NULL ? real : mem_strdup(path);
}

static errc check_outside(const struct stack *stack, const char *mountpoint, enum exit_code *ret_exit,
                          struct err *err)
{
    auto_free char *root = real_or_same(stack->root);
    auto_free char *tempdir = real_or_same(stack->tempdir);
    *ret_exit = EXIT_MOUNTPOINT;
    if (is_inside(root, mountpoint)) {
        return err_set(err, ERR_INVALID, "%s cannot be the mountpoint: it would hide the datastore %s", mountpoint,
                       root);
    }
    if (is_inside(tempdir, mountpoint)) {
        return err_set(err, ERR_INVALID,
                       "%s cannot be the mountpoint: what is read is staged in METAFLOW_TEMPDIR, which is %s. "
                       "Start from another directory, or set METAFLOW_TEMPDIR",
                       mountpoint, tempdir);
    }
    return ERR_OK;
}

static errc stat_failed(const char *path, int number, enum exit_code *ret_exit, struct err *err)
{
    *ret_exit = EXIT_MOUNTPOINT;
    if (number == ENOTCONN) {
        auto_free char *line = unmount_line(path);
        *ret_exit = EXIT_STALE;
        return err_set(err, ERR_BUSY,
                       "the mountpoint %s is stale (Transport endpoint is not connected: a metaflowfs that was "
                       "killed left it). Unmount it with: %s   (or start with --clean-stale)",
                       path, line);
    }
    if (number == ENOENT) {
        return err_set(err, ERR_NOT_FOUND, "the mountpoint %s does not exist: mkdir -p %s", path, path);
    }
    return err_set_errno(err, number, "the mountpoint %s cannot be used", path);
}

static void clean_stale(const char *path)
{
    auto_free char *target = mem_strdup(path);
    char *const argv[] = {(char[]){"fusermount3"}, (char[]){"-u"}, (char[]){"-z"}, (char[]){"--"}, target, NULL};
    pid_t pid;
    if (posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ) == 0) {
        waitpid(pid, NULL, 0);
    }
}

// The errno of a look, or 0. The kernel may remember the attributes of a stale mountpoint; statfs is
// asked of its daemon.
static int look_at(const char *path, struct stat *st)
{
    struct statfs fs;
    return stat(path, st) == 0 && statfs(path, &fs) == 0 ? 0 : errno;
}

static errc stat_mountpoint(const struct options *o, struct stat *st, enum exit_code *ret_exit,
                            struct err *err)
{
    int failed = look_at(o->mountpoint, st);
    if (failed == ENOTCONN && o->clean_stale) {
        clean_stale(o->mountpoint);
        failed = look_at(o->mountpoint, st);
    }
    if (failed != 0) {
        return stat_failed(o->mountpoint, failed, ret_exit, err);
    }
    *ret_exit = EXIT_MOUNTPOINT;
    return S_ISDIR(st->st_mode) ? ERR_OK
                                : err_set(err, ERR_INVALID, "the mountpoint %s is not a directory", o->mountpoint);
}

// The descriptor that a mountpoint "/dev/fd/N" names, or -1. libfuse takes such a one, too.
static int fd_of(const char *mountpoint)
{
    static const char prefix[] = "/dev/fd/";
    char *end = NULL;
    bool is_fd = mountpoint != NULL && strncmp(mountpoint, prefix, strlen(prefix)) == 0;
    const char *number = is_fd ? mountpoint + strlen(prefix) : "";
    errno = 0;
    long fd = strtol(number, &end, 10);
    return number[0] >= '0' && number[0] <= '9' && *end == '\0' && errno == 0 && fd <= INT_MAX ? (int)fd : -1;
}

// Whoever opened /dev/fuse has mounted it, too, and unmounts it.
static errc check_fd(int fd, const char *mountpoint, enum exit_code *ret_exit, struct err *err)
{
    struct stat st;
    *ret_exit = EXIT_MOUNTPOINT;
    if (fstat(fd, &st) != 0) {
        return err_set_errno(err, errno, "the mountpoint %s is no open file", mountpoint);
    }
    return S_ISCHR(st.st_mode) && st.st_rdev == makedev(FUSE_MAJOR, FUSE_MINOR)
               ? ERR_OK
               : err_set(err, ERR_INVALID, "the mountpoint %s is not /dev/fuse, opened and mounted", mountpoint);
}

errc mountpoint_check(const struct options *o, const struct stack *stack, char **ret_path,
                      enum exit_code *ret_exit, struct err *err)
{
    struct stat st;
    int fd = fd_of(o->mountpoint);
    errc e = fd >= 0 ? check_fd(fd, o->mountpoint, ret_exit, err) : stat_mountpoint(o, &st, ret_exit, err);
    if (e) {
        return e;
    }
    if (fd >= 0) {
        *ret_path = mem_strdup(o->mountpoint);
        return ERR_OK;
    }
    auto_free char *path = realpath(o->mountpoint, NULL);
    if (path == NULL) {
        return stat_failed(o->mountpoint, errno, ret_exit, err);
    }
    auto_free char *type = mounted_type(path);
    if (strcmp(type, "fuse.metaflowfs") == 0) {
        auto_free char *line = unmount_line(path);
        return err_set(err, ERR_BUSY, "a metaflowfs is mounted at %s already. Unmount it with: %s", path, line);
    }
    e = check_outside(stack, path, ret_exit, err);
    if (!e) {
        *ret_path = steal_ptr(&path);
    }
    return e;
}

bool program_is_found(const char *program)
{
    const char *path = getenv("PATH"); // NOLINT(concurrency-mt-unsafe): nobody sets it
    auto_free char *list = mem_printf("%s:/usr/bin:/bin", path != NULL ? path : "");
    char *rest = list;
    for (char *dir; (dir = strsep(&rest, ":")) != NULL;) {
        auto_free char *file = file_join(dir, program);
        if (dir[0] != '\0' && access(file, X_OK) == 0) {
            return true;
        }
    }
    return false;
}

static bool others_are_allowed(void)
{
    auto_cleanup(buf_free) struct buf text = {0};
    struct err ignored = ERR_INIT;
    if (file_read(FUSE_CONF, 65536, &text, &ignored) != ERR_OK || text.data == NULL) {
        return false;
    }
    char *rest = text.data;
    for (char *line; (line = strsep(&rest, "\n")) != NULL;) {
        line += strspn(line, " \t");
        size_t len = strcspn(line, " \t\r#");
        if (len == strlen("user_allow_other") && strncmp(line, "user_allow_other", len) == 0) {
            return true;
        }
    }
    return false;
}

errc fuse_check(const struct options *o, enum exit_code *ret_exit, struct err *err)
{
    *ret_exit = EXIT_FUSE;
    if (fd_of(o->mountpoint) >= 0) {
        return ERR_OK;
    }
    if (access("/dev/fuse", F_OK) != 0) {
        return err_set(err, ERR_NOT_FOUND,
                       "there is no /dev/fuse: load it with modprobe fuse, or start the container with --device "
                       "/dev/fuse --cap-add SYS_ADMIN. `metaflowfs ls` and `metaflowfs cat` work without it");
    }
    if (access("/dev/fuse", R_OK | W_OK) != 0) {
        return err_set(err, ERR_DENIED,
                       "you may not open /dev/fuse (%m): its mode should be 666, which is root's to set. `metaflowfs "
                       "ls` and `metaflowfs cat` work without it");
    }
    if (geteuid() != 0 && !program_is_found("fusermount3")) {
        return err_set(err, ERR_NOT_FOUND, "fusermount3 was not found: install the package fuse3");
    }
    if (geteuid() != 0 && (o->allow_other || o->allow_root) && !others_are_allowed()) {
        return err_set(err, ERR_NOT_PERMITTED,
                       "allow_other needs a line with the word user_allow_other in " FUSE_CONF ", which only root "
                       "can add");
    }
    return ERR_OK;
}
