// The texts of `.metaflowfs/` for a mount: a struct ctl_source over the mount's own state.
#ifndef FS_CTL_TEXT_H
#define FS_CTL_TEXT_H

#include "fs/ctl.h"
#include "fs/serve.h"
#include "fs/stack.h"

struct ctl {
    struct ctl_source source;       // for tree_conf
    const struct options *options;  // all borrowed
    const struct stack *stack;
    struct serve *serve;            // set before the first request
    char *mountpoint;
    int64_t started_ms;             // wall time
};

void ctl_init(struct ctl *c, const struct options *o, const struct stack *stack);

#endif
