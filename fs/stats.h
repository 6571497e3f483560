// The mount's own counters. The text of `.metaflowfs/stats` (Prometheus) is made of these and of what
// the layers below count.
#ifndef FS_STATS_H
#define FS_STATS_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/buf.h"
#include "client/model.h"
#include "fs/inode.h"
#include "fs/kind.h"
#include "s3/staging.h"

enum stat_op {
    OP_LOOKUP, OP_FORGET, OP_GETATTR, OP_SETATTR, OP_READLINK, OP_MKDIR, OP_RMDIR, OP_OPEN, OP_READ,
    OP_WRITE, OP_FLUSH, OP_RELEASE, OP_OPENDIR, OP_READDIR, OP_READDIRPLUS, OP_RELEASEDIR, OP_STATFS,
    OP_GETXATTR, OP_LISTXATTR, OP_CREATE, OP_FSYNC, OP_RENAME, OP_UNLINK, OP_REFUSED, OP_COUNT
};
extern const char *const stat_op_names[OP_COUNT]; // "lookup"

#define STATS_ERR_COUNT (ERR_NO_MEMORY + 1)

// Zeroed is empty.
struct stats {
    atomic_ullong ops[OP_COUNT];
    atomic_ullong opens[K_COUNT];       // by kind
    atomic_ullong errors[STATS_ERR_COUNT];
    atomic_ullong read_bytes, listed_entries, handed_over, interrupted;
    atomic_uint waiting;                // handed over and not answered yet
};

static inline void stats_add(atomic_ullong *counter, unsigned long long n)
{
    atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

struct stats_layers {
    struct inodes_stats inodes;
    struct staging_stats staging;
    struct client_stats client;
};
void stats_print(const struct stats *s, const struct stats_layers *layers, struct buf *out);
// Appends one more, of a layer that names its own (meta_counter_fn; `out` is a struct buf): a counter when its
// name ends in "_total", else a gauge.
void stats_put(void *out, const char *name, const char *help, uint64_t value);

#endif
