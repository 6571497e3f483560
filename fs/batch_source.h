// Where the tree and the operations find the jobs of a mount. They are made when somebody first looks at .batch: a
// mount that nobody uses for jobs asks nothing and writes nothing.
#ifndef FS_BATCH_SOURCE_H
#define FS_BATCH_SOURCE_H

#include <stdbool.h>
#include <sys/types.h>

#include "batch/jobs.h"
#include "fs/drafts.h"

struct batch_source {
    void *arg;
    // Both, made at the first call, or why they could not be made. They live as long as the source. Thread-safe; may
    // wait for the disk.
    errc (*get)(void *arg, struct jobs **ret_jobs, struct drafts **ret_drafts, struct err *err);
    struct jobs *(*peek)(void *arg); // NULL: nobody looked yet
    uid_t uid;                       // the mounting user, whose alone .batch is
    bool allow_other;                // -o batch_allow_other: everybody's who can see the mount
};

#endif
