// What the operations of a mount share. One struct serve a mount; made by fs/mount.c.
#ifndef FS_SERVE_H
#define FS_SERVE_H

#include "fs/ahead.h"
#include "fs/engine.h"
#include "fs/errlog.h"
#include "fs/inode.h"
#include "fs/iobuf.h"
#include "fs/live.h"
#include "fs/notify.h"
#include "fs/stats.h"
#include "fs/tree.h"

#define NEVER_TTL_S 60.0       // how long the kernel remembers that a name cannot exist
#define GROWING_TTL_MS 1000    // most, for what may grow
#define OPEN_TTL_MS 1000       // of the attributes of what is open and cannot change: or each read(2) asks for them

struct batch_source;
struct fuse_session;
struct fuse_lowlevel_ops;

struct serve {
    struct fuse_session *se;   // set once, before the first request
    struct tree *tree;         // borrowed
    struct batch_source *batch; // borrowed; NULL: there is no .batch
    struct ahead *ahead;       // NULL: nothing is fetched ahead
    struct inodes *inodes;
    struct engine *engine;
    struct notify *notify;
    struct errlog *errlog;
    struct lives *lives;
    struct iobufs *iobufs;
    struct handles *handles;
    struct stats stats;
    uid_t uid;                 // owner of everything
    gid_t gid;
    bool read_only;
    int64_t ttl_ms;
    atomic_bool started;       // the kernel's INIT came
    atomic_bool init_replied;  // and its answer was sent (fs/parallel_dirops.c)
};

struct serve_conf {
    struct tree *tree;
    struct batch_source *batch; // fs/batch_source.h; or NULL
    struct ahead *ahead;       // or NULL; taken over, also on failure
    uint8_t ino_key[16];
    uid_t uid;
    gid_t gid;
    bool read_only;
    int64_t ttl_ms;
    int64_t deadline_ms;       // of a request; 0 means 30 s
    const struct tattr *root;
};
// NULL when the system has no threads or memory for it.
struct serve *serve_new(const struct serve_conf *conf);
// False when workers are stuck: nothing was freed then.
bool serve_free(struct serve *s, int64_t ms);

// The operations, for fuse_session_new; the session's user data is the struct serve.
extern const struct fuse_lowlevel_ops serve_ops;

// Invalidates what the kernel holds at and below a path of the mount.
void serve_refreshed(struct serve *s, const char *path);

#endif
