// What `.metaflowfs/` shows: made from memory alone, so that it answers with every backend down. The
// daemon fills in a struct ctl_source; tree.c serves it.
#ifndef FS_CTL_H
#define FS_CTL_H

#include "base/buf.h"
#include "base/err.h"
#include "client/content.h"

struct ctl_source {
    void *arg;
    // Appends the text of one file: "README", "status", "stats", "errors", "config", "version".
    // False for any other name.
    bool (*text)(void *arg, const char *name, struct buf *out);
    // Absolute path of the staging root, owned by the caller; NULL when there is none.
    char *(*tempdir)(void *arg);
    // Called by tree_refresh after the client forgot, to invalidate what the kernel holds.
    void (*refreshed)(void *arg, const char *path);
};

// The names that .metaflowfs/ lists, ended by NULL.
extern const char *const ctl_names[];

#endif
