// A function of a test that runs in a process of its own, with a small file system of its own at `tempdir`.
#ifndef TESTS_UNIT_SMALL_FS_H
#define TESTS_UNIT_SMALL_FS_H

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "base/mem.h"
#include "tempdir.h"

static inline void small_fs_map_id(const char *path, unsigned id)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd >= 0) {
        dprintf(fd, "0 %u 1", id);
        close(fd);
    }
}

static inline int small_fs_enter(const char *options)
{
    unsigned uid = geteuid(), gid = getegid();
    if (unshare(CLONE_NEWNS) != 0) {
        if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
            return -1;
        small_fs_map_id("/proc/self/uid_map", uid);
        int fd = open("/proc/self/setgroups", O_WRONLY | O_CLOEXEC);
        if (fd >= 0) {
            dprintf(fd, "deny");
            close(fd);
        }
        small_fs_map_id("/proc/self/gid_map", gid);
    }
    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL);
    return mount("tmpfs", tempdir, "tmpfs", 0, options);
}

// 77 where no file system can be mounted here, else what the function returned, or 128 + the signal it ended on.
static inline int small_fs_run(const char *options, int (*fn)(void))
{
    int status;
    pid_t pid = fork();
    if (pid == 0)
        _exit(small_fs_enter(options) != 0 ? 77 : fn());
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return -1;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

// Takes every byte that is left.
static inline void small_fs_fill(void)
{
    static const char bytes[4096];
    auto_free char *path = mem_printf("%s/fill", tempdir);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    while (write(fd, bytes, sizeof bytes) > 0) {
    }
    close(fd);
}

#endif
