#include "batch/journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "batch/journal_i.h"

#define MAX_FILE 240      // of a file's name without its ending
#define LOCK_POLL_MS 20
#define UNSETTLED_NS 100000000 // coarser than any clock of a file system

struct journal {
    char *dir;
    int fd;
};

struct journal_lock {
    int fd;
    char *name, *file; // the record's, and that without its ending
};

// --- names -------------------------------------------------------------------------------------------------

errc journal_file_of(const char *name, char **ret, struct err *err)
{
    struct buf file = {.max = MAX_FILE};
    for (const char *p = name; *p; p++) {
        if (*p == '/' || *p == '%' || (*p == '.' && p == name)) {
            buf_printf(&file, "%%%02X", (unsigned char)*p);
        } else {
            buf_putc(&file, *p);
        }
    }
    if (file.len == 0 || file.over) {
        buf_free(&file);
        return err_set(err, ERR_INVALID, "\"%.100s\" cannot be a job's name: it has 1 to 200 bytes, fewer with '%%'",
                       name);
    }
    *ret = buf_steal(&file);
    return ERR_OK;
}

char *journal_name_of(const char *file, size_t len)
{
    struct buf name = {0};
    struct err ignored = ERR_INIT;
    auto_free char *again = NULL;
    for (size_t i = 0; i < len; i++) {
        char hex[3] = "";
        if (file[i] != '%') {
            buf_putc(&name, file[i]);
            continue;
        }
        memcpy(hex, file + i + 1, len - i - 1 < 2 ? len - i - 1 : 2);
        buf_putc(&name, (char)strtoul(hex, NULL, 16)); // what is no code does not come back the same
        i += 2;
    }
    char *text = buf_steal(&name);
    bool same = !journal_file_of(text, &again, &ignored) && strlen(again) == len && strncmp(again, file, len) == 0;
    if (!same) {
        free(text);
        return NULL;
    }
    return text;
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n > m && strcmp(text + n - m, end) == 0;
}

// --- the folder --------------------------------------------------------------------------------------------

static void sync_parent(const char *path)
{
    auto_free char *parent = mem_strdup(path);
    char *slash = strrchr(parent, '/');
    if (slash && slash != parent) {
        *slash = '\0';
    }
    int fd = open(slash ? parent : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
}

static errc make_all(const char *dir, struct err *err)
{
    auto_free char *path = mem_strdup(dir);
    for (char *p = path + 1;; p++) {
        char was = *p;
        if (was != '/' && was != '\0') {
            continue;
        }
        *p = '\0';
        if (mkdir(path, 0700) == 0) {
            sync_parent(path);
        } else if (errno != EEXIST && errno != EISDIR && (was == '\0' || (errno != EACCES && errno != EROFS))) {
            // (Above a folder that exists nothing needs to be writable.)
            int why = errno;
            err_set_errno(err, why, "the folder %.300s of the jobs' journal cannot be made", path);
            err->code = why == ENOSPC || why == EDQUOT ? ERR_NO_SPACE : ERR_IO;
            return err->code;
        }
        *p = was;
        if (was == '\0') {
            return ERR_OK;
        }
    }
}

static errc check_folder(int fd, const char *dir, struct err *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0) {
        return err_set_errno(err, errno, "cannot stat %.300s", dir);
    }
    if (st.st_uid != geteuid()) {
        return err_set(err, ERR_DENIED, "the folder %.300s of the jobs' journal belongs to somebody else (user %u), "
                                        "who could have jobs run in your name", dir, (unsigned)st.st_uid);
    }
    if (st.st_mode & (S_IWGRP | S_IWOTH)) {
        return err_set(err, ERR_DENIED, "the folder %.300s of the jobs' journal can be written by others (mode %03o): "
                                        "make it yours alone with chmod 700", dir, (unsigned)(st.st_mode & 07777));
    }
    return ERR_OK;
}

// Takes a name's lock where nobody has it. ERR_BUSY when somebody has.
static errc try_lock(struct journal *j, const char *file, int *ret, struct err *err)
{
    auto_free char *lock = mem_printf("%s.lock", file);
    for (;;) {
        struct stat mine, there;
        int fd = openat(j->fd, lock, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);
        if (fd < 0) {
            err_set_errno(err, errno, "the lock %.200s/%.100s cannot be opened", j->dir, lock);
            err->code = err->code == ERR_NOT_FOUND ? ERR_IO : err->code;
            return err->code;
        }
        if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
            int why = errno;
            close(fd);
            if (why == EINTR) {
                continue;
            }
            return why == EWOULDBLOCK ? err_set(err, ERR_BUSY, "the job is being changed by another mount")
                                      : err_set_errno(err, why, "cannot lock %.200s/%.100s", j->dir, lock);
        }
        // Somebody may have removed the file between the two: then another one is the lock.
        if (fstat(fd, &mine) == 0 && fstatat(j->fd, lock, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
            mine.st_ino == there.st_ino && mine.st_dev == there.st_dev) {
            *ret = fd;
            return ERR_OK;
        }
        close(fd);
    }
}

static DIR *open_listing(const struct journal *j)
{
    int fd = openat(j->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir && fd >= 0) {
        close(fd);
    }
    return dir;
}

// What a process that was killed left half-written.
static void sweep(struct journal *j)
{
    DIR *dir = open_listing(j);
    for (struct dirent *e; dir && (e = readdir(dir));) {
        struct err ignored = ERR_INIT;
        int fd = -1;
        if (!ends_with(e->d_name, ".tmp")) {
            continue;
        }
        auto_free char *file = mem_strndup(e->d_name, strlen(e->d_name) - strlen(".tmp"));
        if (!try_lock(j, file, &fd, &ignored)) {
            unlinkat(j->fd, e->d_name, 0);
            close(fd);
        }
    }
    if (dir) {
        closedir(dir);
    }
}

errc journal_open(const char *dir, struct journal **ret, struct err *err)
{
    errc e = *dir ? make_all(dir, err) : err_set(err, ERR_INVALID, "the jobs' journal needs a folder");
    if (e) {
        return e;
    }
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        int why = errno;
        err_set_errno(err, why, "the folder %.300s of the jobs' journal cannot be opened%s", dir,
                      why == ELOOP || why == ENOTDIR ? " (it has to be a folder itself, not a link to one)" : "");
        err->code = err->code == ERR_DENIED ? ERR_DENIED : ERR_IO;
        return err->code;
    }
    e = check_folder(fd, dir, err);
    if (e) {
        close(fd);
        return e;
    }
    struct journal *j = mem_zalloc(sizeof(*j));
    j->dir = mem_strdup(dir);
    j->fd = fd;
    sweep(j);
    *ret = j;
    return ERR_OK;
}

void journal_free(struct journal *j)
{
    if (!j) {
        return;
    }
    close(j->fd);
    free(j->dir);
    free(j);
}

uint64_t journal_stamp(struct journal *j)
{
    struct stat st;
    struct timespec now;
    if (fstat(j->fd, &st) != 0) {
        return 0;
    }
    int64_t stamp = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t wall = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
    // A further change may still get the same time: until it cannot, each answer is another one.
    return wall - stamp < UNSETTLED_NS ? (uint64_t)stamp ^ ((uint64_t)wall << 8) : (uint64_t)stamp;
}

errc journal_names(struct journal *j, bool (*fn)(void *arg, const char *name), void *arg, struct err *err)
{
    DIR *dir = open_listing(j);
    if (!dir) {
        return err_set_errno(err, errno, "the jobs' journal %.300s cannot be listed", j->dir);
    }
    errno = 0;
    bool go_on = true;
    for (struct dirent *e; go_on && (e = readdir(dir)); errno = 0) {
        if (!ends_with(e->d_name, ".json")) {
            continue;
        }
        auto_free char *name = journal_name_of(e->d_name, strlen(e->d_name) - strlen(".json"));
        go_on = !name || fn(arg, name);
    }
    errc e = go_on && errno ? err_set_errno(err, errno, "the jobs' journal %.300s cannot be listed", j->dir) : ERR_OK;
    closedir(dir);
    return e;
}

// --- locks -------------------------------------------------------------------------------------------------

errc journal_lock(struct journal *j, const char *name, struct cancel *cancel, struct journal_lock **ret,
                  struct err *err)
{
    auto_free char *file = NULL;
    int fd = -1;
    errc e = journal_file_of(name, &file, err);
    e = e ? e : cancel_check(cancel, err);
    while (!e) {
        e = try_lock(j, file, &fd, err);
        if (e != ERR_BUSY) {
            break;
        }
        e = cancel_sleep(cancel, LOCK_POLL_MS, err);
        if (e) {
            return err_prefix(err, "another mount or call is changing the job \"%.100s\"", name);
        }
    }
    if (e) {
        return e;
    }
    struct journal_lock *l = mem_zalloc(sizeof(*l));
    *l = (struct journal_lock){fd, mem_strdup(name), steal_ptr(&file)};
    *ret = l;
    return ERR_OK;
}

void journal_unlock(struct journal_lock *l)
{
    if (!l) {
        return;
    }
    close(l->fd);
    free(l->name);
    free(l->file);
    free(l);
}

// --- records -----------------------------------------------------------------------------------------------

errc journal_load(struct journal *j, const char *name, struct record *ret, struct err *err)
{
    auto_free char *file = NULL;
    errc e = journal_file_of(name, &file, err);
    if (e) {
        return e;
    }
    auto_free char *path = mem_printf("%s/%s.json", j->dir, file);
    auto_free char *base = mem_printf("%s.json", file);
    struct buf text = {.max = RECORD_MAX + 1};
    int fd = openat(j->fd, base, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        return errno == ELOOP ? err_set(err, ERR_CORRUPT, "%.300s is a link and no record of a job: move it away", path)
                              : err_set_errno(err, errno, "cannot open %.300s", path);
    }
    e = file_read_fd(fd, path, RECORD_MAX, &text, err);
    close(fd);
    if (e == ERR_INVALID || e == ERR_LIMIT) {
        e = err->code = ERR_CORRUPT;
    }
    e = e ? e : record_read(text.data ? text.data : "", text.len, name, path, ret, err);
    buf_free(&text);
    return e;
}

static errc write_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);
        if (n < 0 && errno != EINTR) {
            return ERR_IO;
        }
        if (n == 0) {
            errno = EIO;
            return ERR_IO;
        }
        data += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
    return ERR_OK;
}

// The whole text on disk under that name, or errno.
static int put_file(int dirfd, const char *name, const struct buf *text)
{
    unlinkat(dirfd, name, 0); // of one that was killed
    int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) {
        return errno;
    }
    int why = write_all(fd, text->data, text->len) || fsync(fd) != 0 ? errno : 0;
    if (close(fd) != 0 && !why) {
        why = errno;
    }
    return why;
}

errc journal_save(struct journal *j, const struct journal_lock *l, const struct record *r, struct err *err)
{
    struct buf text = {0};
    if (strcmp(l->name, r->name) != 0) {
        return err_set(err, ERR_INVALID, "the lock of \"%.100s\" is not that of \"%.100s\"", l->name, r->name);
    }
    errc e = record_write(r, &text, err);
    if (e) {
        return e;
    }
    auto_free char *temp = mem_printf("%s.tmp", l->file);
    auto_free char *file = mem_printf("%s.json", l->file);
    int why = put_file(j->fd, temp, &text);
    if (!why && renameat(j->fd, temp, j->fd, file) != 0) {
        why = errno;
    }
    buf_free(&text);
    if (why) {
        unlinkat(j->fd, temp, 0);
    } else if (fsync(j->fd) != 0 && errno != EINVAL && errno != ENOTSUP) {
        why = errno;
    }
    if (!why) {
        return ERR_OK;
    }
    err_set_errno(err, why, "the job cannot be written down in %.200s/%.100s", j->dir, file);
    err->code = err->code == ERR_NOT_FOUND || err->code == ERR_INTERRUPTED ? ERR_IO : err->code;
    return err->code;
}
