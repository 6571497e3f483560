// A directory below which files are opened by relative path, and never outside of it: links are
// followed where they stay inside and refused where they lead out, without a race between the check
// and the use. Thread-safe.
#ifndef CLIENT_CONFINE_H
#define CLIENT_CONFINE_H

#include <stdbool.h>

#include "base/err.h"

struct confine;

// `dir` may itself be a link. ERR_NOT_FOUND when it is missing or no directory.
errc confine_new(const char *dir, struct confine **ret, struct err *err) ERR_MUST_CHECK;
void confine_free(struct confine *c);
const char *confine_path(const struct confine *c); // as given

// Opens `rel` ("." for the directory itself) with the flags of open(2), O_CLOEXEC, O_NOCTTY and
// O_NONBLOCK added: a fifo or device never makes it wait. Missing is ERR_NOT_FOUND, a link that leads
// out ERR_DENIED. The caller closes *ret_fd.
errc confine_open(struct confine *c, const char *rel, int flags, int *ret_fd,
                  struct err *err) ERR_MUST_CHECK;
// The same for an entry of the open directory `dir_fd`, which is `dir_rel`.
errc confine_open_in(struct confine *c, int dir_fd, const char *dir_rel, const char *name, int flags,
                     int *ret_fd, struct err *err) ERR_MUST_CHECK;

// Whether a name can be one part of a path: not empty, no "." or "..", no '/'.
bool confine_is_part(const char *name);
// Whether every part of a relative path is one.
bool confine_is_path(const char *rel);

#endif
