// Small helpers for files of the local file system.
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

// Reads a whole regular file of at most `max` bytes into buf. ERR_NOT_FOUND when it is missing,
// ERR_LIMIT when it is larger, ERR_INVALID when it is no regular file.
errc file_read(const char *path, size_t max, struct buf *buf, struct err *err) ERR_MUST_CHECK;
// The same relative to a directory descriptor (AT_FDCWD for none).
errc file_read_at(int dirfd, const char *path, size_t max, struct buf *buf, struct err *err) ERR_MUST_CHECK;
// The same of an open file, from its position on; `path` is for the cause. The caller closes it.
errc file_read_fd(int fd, const char *path, size_t max, struct buf *buf, struct err *err) ERR_MUST_CHECK;
// Puts a file of mode 0600 in the place of whatever had the name, at once and on the disk: readers see the old or the
// new one. A link is replaced, not followed.
errc file_replace(const char *path, const void *data, size_t len, struct err *err) ERR_MUST_CHECK;
// dir + "/" + name, owned by the caller.
char *file_join(const char *dir, const char *name);

#endif
