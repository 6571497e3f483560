#include "base/err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

__attribute__((format(printf, 3, 0))) static void
err_vset(struct err *err, errc code, const char *fmt, va_list ap)
{
    char text[sizeof err->cause]; // apart, so that arguments may point into the old cause
    vsnprintf(text, sizeof text, fmt, ap);
    memcpy(err->cause, text, sizeof text);
    err->code = code;
}

errc err_set_text(struct err *err, errc code, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    err_vset(err, code, fmt, ap);
    va_end(ap);
    return code;
}

static errc code_of_errno(int sys_errno)
{
    switch (sys_errno) {
    case ENOENT:
    case ENOTDIR:
    case ENAMETOOLONG:
        return ERR_NOT_FOUND;
    case EACCES:
    case EPERM:
        return ERR_DENIED;
    case ENOSPC:
    case EDQUOT:
        return ERR_NO_SPACE;
    case ENOMEM:
        return ERR_NO_MEMORY;
    case EMFILE:
    case ENFILE:
        return ERR_TOO_MANY;
    case EINTR:
        return ERR_INTERRUPTED;
    case ETIMEDOUT:
        return ERR_TIMEOUT;
    case EEXIST:
        return ERR_EXISTS;
    case EROFS:
        return ERR_READ_ONLY;
    default:
        return ERR_IO;
    }
}

errc err_set_errno_text(struct err *err, int sys_errno, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    err_vset(err, code_of_errno(sys_errno), fmt, ap);
    va_end(ap);
    size_t len = strlen(err->cause);
    char room[128];
    snprintf(err->cause + len, sizeof err->cause - len, ": %s",
             strerror_r(sys_errno, room, sizeof room));
    return err->code;
}

errc err_prefix(struct err *err, const char *fmt, ...)
{
    struct err old = *err;
    va_list ap;
    va_start(ap, fmt);
    err_vset(err, old.code, fmt, ap);
    va_end(ap);
    size_t len = strlen(err->cause);
    snprintf(err->cause + len, sizeof err->cause - len, ": %s", old.cause);
    return err->code;
}

const char *err_name(errc code)
{
    static const char *const names[] = {
        [ERR_OK] = "ok",
        [ERR_NOT_FOUND] = "not-found",
        [ERR_DENIED] = "denied",
        [ERR_TIMEOUT] = "timeout",
        [ERR_UNREACHABLE] = "unreachable",
        [ERR_THROTTLED] = "throttled",
        [ERR_TOO_MANY] = "too-many",
        [ERR_CORRUPT] = "corrupt",
        [ERR_IO] = "io",
        [ERR_NO_SPACE] = "no-space",
        [ERR_INTERRUPTED] = "interrupted",
        [ERR_INVALID] = "invalid",
        [ERR_BUSY] = "busy",
        [ERR_ARCHIVED] = "archived",
        [ERR_NO_FORM] = "no-form",
        [ERR_NOT_PERMITTED] = "not-permitted",
        [ERR_READ_ONLY] = "read-only",
        [ERR_EXISTS] = "exists",
        [ERR_LIMIT] = "limit",
        [ERR_TEMPDIR] = "tempdir",
        [ERR_NO_MEMORY] = "no-memory",
    };
    if ((unsigned)code < sizeof names / sizeof *names)
        return names[code];
    return "unknown";
}
