// The one error type. A function that can fail returns an errc and fills a struct err with a cause
// that a person can act on: what was wrong, where, and what would be accepted.
//
// Convention, everywhere: `errc f(..., struct err *err)`. The result is ERR_OK (0) or the kind of
// failure; `err` is never NULL, is written only on failure, and then err->code equals the result.
// Out-parameters are named ret_* and are written only on success. Kinds become an errno once, in fs/.
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdarg.h>

typedef enum err_code {
    ERR_OK = 0,
    ERR_NOT_FOUND,     // the thing does not exist
    ERR_DENIED,        // permission, 401, 403
    ERR_TIMEOUT,       // a deadline passed
    ERR_UNREACHABLE,   // the breaker is open
    ERR_THROTTLED,     // still refused after retries
    ERR_TOO_MANY,      // our own queue is full, or too many files are open
    ERR_CORRUPT,       // stored bytes are malformed or do not match their key
    ERR_IO,            // the system refused a read or write
    ERR_NO_SPACE,      // cannot stage
    ERR_INTERRUPTED,   // the caller went away
    ERR_INVALID,       // what the user gave is not acceptable
    ERR_BUSY,          // other content for a live thing
    ERR_ARCHIVED,      // the object must be restored first
    ERR_NO_FORM,       // the value has no such form
    ERR_NOT_PERMITTED, // never allowed (a system tag)
    ERR_READ_ONLY,     // any other write
    ERR_EXISTS,        // a thing of that name is there already
    ERR_LIMIT,         // a limit on depth, size or memory was reached
    ERR_TEMPDIR,       // temporary files cannot be made where they belong
    ERR_NO_MEMORY,
} errc;

struct err {
    errc code;
    char cause[600]; // one sentence or two, without a final newline
};

#define ERR_MUST_CHECK __attribute__((warn_unused_result))
#define ERR_INIT {ERR_OK, ""}

// Sets code and cause; returns code, so that `return err_set(err, ...)` fails in one line. (Seen by
// the compiler to return the code that it was given, so that static analysis follows failures.)
#define err_set(err, code, ...) err_set_code_((code), err_set_text((err), (code), __VA_ARGS__))
errc err_set_text(struct err *err, errc code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static inline errc err_set_code_(errc code, errc same)
{
    (void)same;
    return code;
}

// Sets the code that fits the errno value `sys_errno` and a cause "<what>: <strerror>". (Never ERR_OK,
// also in the eyes of the compiler.)
#define err_set_errno(...) err_is_failure_(err_set_errno_text(__VA_ARGS__))
errc err_set_errno_text(struct err *err, int sys_errno, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static inline errc err_is_failure_(errc code)
{
    if (code == ERR_OK)
        __builtin_unreachable();
    return code;
}

// Puts "<prefix>: " in front of the cause of a failure and returns its code.
errc err_prefix(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

// A short stable name for statistics and logs, such as "not-found". Never NULL.
const char *err_name(errc code);

#endif
