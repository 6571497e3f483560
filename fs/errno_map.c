#include "fs/errno_map.h"

#include <errno.h>
#include <stddef.h>

#define ROW(number, advice, expected) {number, #number, advice, expected}

static const struct errno_info table[] = {
    [ERR_OK] = {0, "OK", "", true},
    [ERR_NOT_FOUND] = ROW(ENOENT, "nothing: there is no such thing", true),
    [ERR_DENIED] = ROW(EACCES, "mount as the user who owns the data (Metaflow writes files of mode 0600), "
                               "or correct the permissions; where a service refuses, check METAFLOW_SERVICE_AUTH_KEY "
                               "and METAFLOW_SERVICE_HEADERS", false),
    [ERR_TIMEOUT] = ROW(ETIMEDOUT, "try again; if it lasts, the disk or server behind the mount is slow or hangs",
                        false),
    [ERR_UNREACHABLE] = ROW(EHOSTDOWN, "nothing, or check the network and METAFLOW_SERVICE_URL: it is tried again "
                                     "by itself, and what was seen before can be read meanwhile", false),
    [ERR_THROTTLED] = ROW(EAGAIN, "try again later: the server refused after several tries", false),
    [ERR_TOO_MANY] = ROW(EAGAIN, "try again: too many requests were waiting at once", false),
    [ERR_CORRUPT] = ROW(EIO, "the stored file is damaged: compare it with another copy, or run the task again",
                        false),
    [ERR_IO] = ROW(EIO, "look at the system's log, or the server's: it could not be read", false),
    [ERR_NO_SPACE] = ROW(ENOSPC, "free space below METAFLOW_TEMPDIR, or set it to a larger file system, or raise "
                                 "--staging-size", false),
    [ERR_INTERRUPTED] = ROW(EINTR, "nothing: the reader went away", true),
    [ERR_INVALID] = ROW(EINVAL, "correct what the cause names", false),
    [ERR_BUSY] = ROW(EBUSY, "wait until it ended", false),
    [ERR_ARCHIVED] = ROW(ENODATA, "restore the object from the archive first", false),
    [ERR_NO_FORM] = ROW(ENOTSUP, "read another form (.json/, .npy/), or the stored bytes (.pickle/, .code.tgz)", false),
    [ERR_NOT_PERMITTED] = ROW(EPERM, "nothing: Metaflow never allows it", false),
    [ERR_READ_ONLY] = ROW(EROFS, "nothing: only tags, files in .batch and .metaflowfs/refresh are written", true),
    [ERR_EXISTS] = ROW(EEXIST, "nothing: it is there already", true),
    [ERR_LIMIT] = ROW(EIO, "read the stored bytes, below .pickle/ or as .code.tgz: it is too large or too deep to show",
                      false),
    [ERR_NO_MEMORY] = ROW(ENOMEM, "free memory, then try again", false),
};

const struct errno_info *errno_of(errc code)
{
    static const struct errno_info unknown = {EIO, "EIO", "report it: this kind of error has no errno", false};
    size_t i = (size_t)code;
    return i < sizeof(table) / sizeof(table[0]) && table[i].name != NULL ? &table[i] : &unknown;
}
