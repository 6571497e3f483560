// The one place where a kind of failure becomes an errno, and what a person can do about it.
#ifndef FS_ERRNO_MAP_H
#define FS_ERRNO_MAP_H

#include <stdbool.h>

#include "base/err.h"

struct errno_info {
    int number;
    const char *name;     // "ENOENT"
    const char *advice;   // what to do, for .metaflowfs/errors; true for each cause of it
    const char *batch_advice; // the same for what is in .batch; NULL: no other
    bool expected;        // part of ordinary use (a missing name, a refused write): not recorded
};
// Never NULL; ERR_OK has the number 0.
const struct errno_info *errno_of(errc code);
// What to do where it failed at that path, which has no / in front. Never NULL.
const char *errno_advice(errc code, const char *path);

#endif
