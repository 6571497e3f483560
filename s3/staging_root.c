// The staging root: one directory for a process, its unnamed files, and what dead processes left.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "s3/staging_i.h"

#define ROOT_PREFIX "metaflow.s3."
#define ROOT_RANDOM "XXXXXXXX"
#define LOCK_NAME ".metaflowfs.lock"
#define LOCK_NEW ".metaflowfs.lock.new"

errc staging_set_errno(struct err *err, errc code, int sys_errno, const char *fmt, ...)
{
    char what[400];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    err_set_errno(err, sys_errno, "%s", what);
    err->code = code;
    return code;
}

// What is full may have room again, and what is open be closed; any other reason is one of the directory.
static errc kind_of(int sys_errno)
{
    switch (sys_errno) {
    case ENOSPC:
    case EDQUOT:
        return ERR_NO_SPACE;
    case EMFILE:
    case ENFILE:
        return ERR_TOO_MANY;
    case ENOMEM:
        return ERR_NO_MEMORY;
    default:
        return ERR_TEMPDIR;
    }
}

errc staging_root_init(struct staging_root *r, const char *tempdir, struct err *err)
{
    const char *dir = tempdir && *tempdir ? tempdir : ".";
    auto_free char *full = realpath(dir, NULL);
    struct stat st;
    if (!full || stat(full, &st) != 0 || !S_ISDIR(st.st_mode))
        return staging_set_errno(
            err, ERR_INVALID, full ? ENOTDIR : errno,
            "METAFLOW_TEMPDIR has to be a directory for temporary files, and is "
            "%.300s",
            dir);
    *r = (struct staging_root){.tempdir = steal_ptr(&full), .dirfd = -1, .lockfd = -1};
    pthread_mutex_init(&r->lock, NULL);
    return ERR_OK;
}

// A root is one of ours that nobody uses when its lock file can be locked.
static bool root_is_dead(int dirfd, int *ret_lock)
{
    struct stat st;
    if (fstat(dirfd, &st) != 0 || st.st_uid != geteuid())
        return false;
    int fd = openat(dirfd, LOCK_NAME, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return false;
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        close(fd);
        return false;
    }
    *ret_lock = fd;
    return true;
}

static void remove_files(int dirfd)
{
    int copy = fcntl(dirfd, F_DUPFD_CLOEXEC, 0);
    DIR *dir = copy < 0 ? NULL : fdopendir(copy);
    if (!dir) {
        if (copy >= 0)
            close(copy);
        return;
    }
    for (struct dirent *e; (e = readdir(dir));) {
        if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
            unlinkat(dirfd, e->d_name, 0);
    }
    closedir(dir);
}

static void sweep_one(int tempfd, const char *name)
{
    int dirfd = openat(tempfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (dirfd < 0)
        return;
    int lockfd;
    if (root_is_dead(dirfd, &lockfd)) {
        log_info("staging", "removing %s, left by a process that was killed", name);
        remove_files(dirfd);
        unlinkat(tempfd, name, AT_REMOVEDIR);
        close(lockfd);
    }
    close(dirfd);
}

static void sweep(const char *tempdir)
{
    DIR *dir = opendir(tempdir);
    if (!dir)
        return;
    for (struct dirent *e; (e = readdir(dir));) {
        if (strlen(e->d_name) == sizeof ROOT_PREFIX ROOT_RANDOM - 1 &&
            strncmp(e->d_name, ROOT_PREFIX, sizeof ROOT_PREFIX - 1) == 0)
            sweep_one(dirfd(dir), e->d_name);
    }
    closedir(dir);
}

// The lock file gets its name only when it is locked, so that no sweep takes a root being made for
// dead.
static int make_lock(int dirfd)
{
    int fd = openat(dirfd, LOCK_NEW, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return -1;
    if (flock(fd, LOCK_EX | LOCK_NB) != 0 || renameat(dirfd, LOCK_NEW, dirfd, LOCK_NAME) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

// Opens and locks the directory at path, which is ours and empty.
static errc root_take(struct staging_root *r, const char *path, struct err *err)
{
    int dirfd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int lockfd = dirfd < 0 ? -1 : make_lock(dirfd);
    if (lockfd < 0) {
        int e = errno;
        if (dirfd >= 0)
            close(dirfd);
        rmdir(path);
        return staging_set_errno(err, kind_of(e), e, "cannot use %.300s for temporary files",
                                 path);
    }
    if (r->dirfd >= 0)
        close(r->dirfd);
    if (r->lockfd >= 0)
        close(r->lockfd);
    r->dirfd = dirfd;
    r->lockfd = lockfd;
    return ERR_OK;
}

// With r->lock held.
static errc root_make(struct staging_root *r, struct err *err)
{
    if (r->gone)
        return err_set(err, ERR_INTERRUPTED, "the staging area is closed");
    if (r->path)
        return ERR_OK;
    sweep(r->tempdir);
    auto_free char *path = file_join(r->tempdir, ROOT_PREFIX ROOT_RANDOM);
    if (!mkdtemp(path))
        return staging_set_errno(
            err, kind_of(errno), errno,
            "METAFLOW_TEMPDIR has to be a directory that can be written; making "
            "one for temporary files in %.250s",
            r->tempdir);
    errc e = root_take(r, path, err);
    if (e == ERR_OK)
        r->path = steal_ptr(&path);
    return e;
}

// With r->lock held. Kernels differ in how they refuse a new file in a directory that is gone.
static bool root_is_gone(const struct staging_root *r)
{
    struct stat st;
    return lstat(r->path, &st) != 0 && errno == ENOENT;
}

// With r->lock held: a cleaner of temporary directories took the root away; it comes back by its
// name.
static errc root_remake(struct staging_root *r, struct err *err)
{
    if (mkdir(r->path, 0700) != 0)
        return staging_set_errno(err, kind_of(errno), errno, "cannot make %.300s again", r->path);
    return root_take(r, r->path, err);
}

const char *staging_root_path(struct staging_root *r, struct err *err)
{
    pthread_mutex_lock(&r->lock);
    errc e = root_make(r, err);
    const char *path = e == ERR_OK ? r->path : NULL;
    pthread_mutex_unlock(&r->lock);
    return path;
}

// The file system has no unnamed files (NFS, some FUSE): a named one that is unlinked at once.
static int named_file(const char *root)
{
    auto_free char *path = file_join(root, "staged." ROOT_RANDOM);
    int fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0)
        unlink(path);
    return fd;
}

static bool has_no_unnamed_files(int sys_errno)
{
    return sys_errno == EOPNOTSUPP || sys_errno == EISDIR || sys_errno == EINVAL;
}

static int unnamed_file(struct staging_root *r)
{
    int fd = openat(r->dirfd, ".", O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 && has_no_unnamed_files(errno))
        fd = named_file(r->path);
    return fd;
}

errc staging_root_file(struct staging_root *r, int *ret_fd, struct err *err)
{
    pthread_mutex_lock(&r->lock);
    errc e = root_make(r, err);
    int fd = -1, no = 0;
    if (e == ERR_OK) {
        fd = unnamed_file(r);
        no = errno;
        if (fd < 0 && root_is_gone(r) && (e = root_remake(r, err)) == ERR_OK) {
            fd = unnamed_file(r);
            no = errno;
        }
    }
    if (e == ERR_OK && fd < 0)
        e = staging_set_errno(err, kind_of(no), no, "cannot make a temporary file in %.300s", r->path);
    pthread_mutex_unlock(&r->lock);
    if (e == ERR_OK)
        *ret_fd = fd;
    return e;
}

// 0, or the errno with which something new in the directory is refused.
static int try_dir(const char *dir)
{
    int fd = open(dir, O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0) {
        close(fd);
        return 0;
    }
    if (!has_no_unnamed_files(errno))
        return errno;
    auto_free char *path = file_join(dir, ROOT_PREFIX ROOT_RANDOM);
    return mkdtemp(path) && rmdir(path) == 0 ? 0 : errno;
}

errc staging_check(const char *tempdir, struct err *err)
{
    struct stat st;
    if (stat(tempdir, &st) != 0 || !S_ISDIR(st.st_mode))
        return ERR_OK; // staging_new says it
    int no = try_dir(tempdir);
    if (no == 0 || kind_of(no) != ERR_TEMPDIR)
        return ERR_OK;
    return staging_set_errno(err, ERR_TEMPDIR, no,
                             "what is larger than %d KiB cannot be read, since no temporary file can be made in "
                             "%.200s: set METAFLOW_TEMPDIR to a directory that can be written",
                             STAGING_MEMORY_MAX / 1024, tempdir);
}

uint64_t staging_root_free_bytes(struct staging_root *r, uint64_t *ret_total)
{
    struct statvfs st;
    uint64_t bytes;
    *ret_total = UINT64_MAX;
    // Of no blocks at all are a tmpfs without a limit and what is no place for files; what cannot be written has its
    // own cause, which is not that it is full.
    if (statvfs(r->tempdir, &st) != 0 || st.f_blocks == 0 || (st.f_flag & ST_RDONLY) != 0 ||
        __builtin_mul_overflow((uint64_t)st.f_bavail, (uint64_t)st.f_frsize, &bytes) ||
        __builtin_mul_overflow((uint64_t)st.f_blocks, (uint64_t)st.f_frsize, ret_total))
        return UINT64_MAX;
    return bytes;
}

void staging_root_close(struct staging_root *r)
{
    pthread_mutex_lock(&r->lock);
    r->gone = true;
    if (r->path) {
        struct err err = ERR_INIT;
        remove_files(r->dirfd);
        if (rmdir(r->path) != 0 && errno != ENOENT &&
            err_set_errno(&err, errno, "cannot remove %.300s", r->path) != ERR_OK)
            log_warn("staging", "%s", err.cause);
        close(r->dirfd);
        close(r->lockfd);
    }
    r->dirfd = r->lockfd = -1;
    pthread_mutex_unlock(&r->lock);
}
