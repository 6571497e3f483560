#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "client/confine.h"
#include "client/store.h"

#define PIECE_MAX ((size_t)256 * 1024)
#define ATTRIBUTES_MAX ((size_t)64 * 1024)

struct store_local {
    struct store store;
    struct confine *root;
};

static struct store_local *self(struct store *s)
{
    return (struct store_local *)s;
}

static void closep(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static void closedirp(DIR **dir)
{
    if (*dir)
        closedir(*dir);
}

static errc store_open(struct store_local *s, const char *path, int flags, int *ret_fd,
                       struct stat *ret_stat, struct err *err)
{
    if (!confine_is_path(path))
        return err_set(err, ERR_NOT_FOUND, "there is no %s in %s", path, s->store.sysroot);
    auto_cleanup(closep) int fd = -1;
    errc e = confine_open(s->root, path, flags, &fd, err);
    if (e)
        return e;
    if (fstat(fd, ret_stat) != 0)
        return err_set_errno(err, errno, "cannot stat %s/%s", s->store.sysroot, path);
    if (!S_ISREG(ret_stat->st_mode))
        return err_set(err, ERR_INVALID, "%s/%s is not a regular file", s->store.sysroot, path);
    *ret_fd = fd;
    fd = -1;
    return ERR_OK;
}

static int64_t mtime_ms(const struct stat *st)
{
    return (int64_t)st->st_mtim.tv_sec * 1000 + st->st_mtim.tv_nsec / 1000000;
}

static errc read_attributes(struct store_local *s, const char *path, char **ret, struct err *err)
{
    auto_free char *sidecar = mem_printf("%s_meta", path);
    auto_cleanup(closep) int fd = -1;
    errc e = confine_open(s->root, sidecar, O_RDONLY, &fd, err);
    if (e == ERR_NOT_FOUND) {
        *ret = NULL;
        return ERR_OK;
    }
    if (e)
        return e;
    struct buf text = {0};
    e = file_read_fd(fd, sidecar, ATTRIBUTES_MAX, &text, err);
    if (e) {
        buf_free(&text);
        return e;
    }
    *ret = buf_steal(&text);
    return ERR_OK;
}

static errc fill_info(struct store_local *s, const char *path, const struct stat *st,
                      unsigned flags, struct store_info *ret, struct err *err)
{
    struct store_info info = {.size = (uint64_t)st->st_size, .mtime_ms = mtime_ms(st)};
    if (flags & STORE_ATTRIBUTES) {
        errc e = read_attributes(s, path, &info.attributes, err);
        if (e)
            return e;
    }
    *ret = info;
    return ERR_OK;
}

static errc local_info(struct store *store, const char *path, unsigned flags,
                       struct cancel *cancel, struct store_info *ret, struct err *err)
{
    struct store_local *s = self(store);
    errc e = cancel_check(cancel, err);
    if (e)
        return e;
    auto_cleanup(closep) int fd = -1;
    struct stat st;
    e = store_open(s, path, O_PATH, &fd, &st, err);
    if (e)
        return e;
    return fill_info(s, path, &st, flags, ret, err);
}

static errc read_pieces(int fd, const char *path, uint64_t offset, size_t piece,
                        struct cancel *cancel, store_bytes_fn fn, void *arg, struct err *err)
{
    auto_free char *data = mem_realloc(NULL, piece);
    for (;;) {
        errc e = cancel_check(cancel, err);
        if (e)
            return e;
        ssize_t got = pread(fd, data, piece, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_set_errno(err, errno, "cannot read %s", path);
        if (got == 0)
            return ERR_OK;
        e = fn(arg, data, (size_t)got, err);
        if (e)
            return e;
        offset += (uint64_t)got;
    }
}

static errc local_read(struct store *store, const char *path, uint64_t offset, struct cancel *cancel,
                       struct store_info *ret_info, store_bytes_fn fn, void *arg, struct err *err)
{
    struct store_local *s = self(store);
    errc e = cancel_check(cancel, err);
    if (e)
        return e;
    auto_cleanup(closep) int fd = -1;
    struct stat st;
    e = store_open(s, path, O_RDONLY, &fd, &st, err);
    if (e)
        return e;
    struct store_info info = {0};
    if (ret_info) {
        e = fill_info(s, path, &st, STORE_ATTRIBUTES, &info, err);
        if (e)
            return e;
        *ret_info = info;
    }
    if (offset > INT64_MAX || (st.st_size > 0 && offset >= (uint64_t)st.st_size))
        return ERR_OK;
    uint64_t left = (uint64_t)st.st_size - (st.st_size ? offset : 0);
    size_t piece = left < PIECE_MAX ? (size_t)left + 1 : PIECE_MAX;
    if (left > PIECE_MAX)
        posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    return read_pieces(fd, path, offset, piece, cancel, fn, arg, err);
}

// Type, size and time of one entry. False for what is gone meanwhile and for links that lead out.
static bool entry_stat(struct store_local *s, int dir_fd, const char *dir, const char *name,
                       struct stat *ret)
{
    if (fstatat(dir_fd, name, ret, AT_SYMLINK_NOFOLLOW) != 0)
        return false;
    if (!S_ISLNK(ret->st_mode))
        return true;
    auto_cleanup(closep) int fd = -1;
    struct err ignored = ERR_INIT;
    return confine_open_in(s->root, dir_fd, dir, name, O_PATH, &fd, &ignored) == ERR_OK &&
           fstat(fd, ret) == 0;
}

static errc list_entries(struct store_local *s, DIR *dir, const char *path, struct cancel *cancel,
                         store_list_fn fn, void *arg, struct err *err)
{
    for (;;) {
        errc e = cancel_check(cancel, err);
        if (e)
            return e;
        errno = 0;
        struct dirent *entry = readdir(dir); // NOLINT(concurrency-mt-unsafe): nobody else has this DIR
        if (!entry)
            return errno ? err_set_errno(err, errno, "cannot list %s/%s", s->store.sysroot, path)
                         : ERR_OK;
        const char *name = entry->d_name;
        // As Metaflow's own listing: metadata is not part of the datastore.
        if (!confine_is_part(name) || strcmp(name, "_meta") == 0)
            continue;
        struct stat st;
        if (!entry_stat(s, dirfd(dir), path, name, &st))
            continue;
        bool is_dir = S_ISDIR(st.st_mode);
        if (!fn(arg, name, is_dir, is_dir ? -1 : (int64_t)st.st_size, mtime_ms(&st)))
            return ERR_OK;
    }
}

static errc local_list(struct store *store, const char *path, struct cancel *cancel,
                       store_list_fn fn, void *arg, struct err *err)
{
    struct store_local *s = self(store);
    if (path[0] && !confine_is_path(path))
        return ERR_OK;
    if (!path[0])
        path = ".";
    int fd;
    errc e = confine_open(s->root, path, O_RDONLY | O_DIRECTORY, &fd, err);
    if (e == ERR_NOT_FOUND)
        return ERR_OK;
    if (e)
        return e;
    auto_cleanup(closedirp) DIR *dir = fdopendir(fd);
    if (!dir) {
        close(fd);
        return err_set_errno(err, errno, "cannot list %s/%s", store->sysroot, path);
    }
    return list_entries(s, dir, path, cancel, fn, arg, err);
}

static void local_free(struct store *store)
{
    struct store_local *s = self(store);
    confine_free(s->root);
    free(s);
}

static const struct store_ops local_ops = {
    .info = local_info,
    .read = local_read,
    .list = local_list,
    .free = local_free,
};

errc store_local_new(const char *sysroot, struct store **ret, struct err *err)
{
    struct confine *root;
    errc e = confine_new(sysroot, &root, err);
    if (e)
        return e;
    struct store_local *s = mem_zalloc(sizeof *s);
    s->store = (struct store){.ops = &local_ops, .type = "local", .sysroot = confine_path(root)};
    s->root = root;
    *ret = &s->store;
    return ERR_OK;
}
