#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

#define READ_PIECE (16 * 1024)

static errc file_read_all(int fd, const char *path, size_t max, size_t hint, struct buf *buf,
                          struct err *err)
{
    size_t start = buf->len, piece = hint + 1;
    for (;;) {
        size_t got_all = buf->len - start;
        if (piece - 1 > max - got_all)
            piece = max - got_all + 1; // one byte more than allowed tells that the file is larger
        char *to = buf_reserve(buf, piece);
        if (!to)
            return err_set(err, ERR_LIMIT, "%s is too large to be read", path);
        ssize_t got = read(fd, to, piece);
        if (got < 0) {
            if (errno == EINTR)
                continue;
            return err_set_errno(err, errno, "cannot read %s", path);
        }
        to[got] = '\0';
        buf->len += (size_t)got;
        if (got == 0)
            return ERR_OK;
        if (buf->len - start > max)
            return err_set(err, ERR_LIMIT, "%s is larger than %zu bytes", path, max);
        piece = READ_PIECE;
    }
}

errc file_read_fd(int fd, const char *path, size_t max, struct buf *buf, struct err *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return err_set_errno(err, errno, "cannot stat %s", path);
    if (!S_ISREG(st.st_mode))
        return err_set(err, ERR_INVALID, "%s is not a regular file", path);
    if (st.st_size > 0 && (uint64_t)st.st_size > max)
        return err_set(err, ERR_LIMIT, "%s is larger than %zu bytes", path, max);
    size_t start = buf->len;
    errc e = file_read_all(fd, path, max, (size_t)st.st_size, buf, err);
    if (e && buf->data) {
        buf->len = start;
        buf->data[start] = '\0';
    }
    return e;
}

errc file_read_at(int dirfd, const char *path, size_t max, struct buf *buf, struct err *err)
{
    // Not to wait for the other end of a fifo, nor to make a terminal ours.
    int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return err_set_errno(err, errno, "cannot open %s", path);
    errc e = file_read_fd(fd, path, max, buf, err);
    close(fd);
    return e;
}

errc file_read(const char *path, size_t max, struct buf *buf, struct err *err)
{
    return file_read_at(AT_FDCWD, path, max, buf, err);
}

static bool write_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        data += n;
        len -= (size_t)n;
    }
    return fsync(fd) == 0;
}

errc file_replace(const char *path, const void *data, size_t len, struct err *err)
{
    auto_free char *temp = mem_printf("%s.XXXXXX", path);
    int fd = mkostemp(temp, O_CLOEXEC);
    if (fd < 0)
        return err_set_errno(err, errno, "cannot make a file beside %s", path);
    bool done = write_all(fd, data, len);
    int error = errno;
    if (close(fd) != 0 && done) {
        error = errno;
        done = false;
    }
    if (done && rename(temp, path) == 0)
        return ERR_OK;
    error = done ? errno : error;
    unlink(temp);
    return err_set_errno(err, error, "cannot write %s", path);
}

char *file_join(const char *dir, const char *name)
{
    size_t len = strlen(dir);
    const char *slash = len && dir[len - 1] == '/' ? "" : "/";
    return mem_printf("%s%s%s", dir, slash, name);
}
