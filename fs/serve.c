#include "fs/serve.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fs/fuse_api.h"
#include "fs/handle.h"
#include "fs/ops.h"

#define MAX_WAITING 1024
#define DEADLINE_MS 30000

const struct fuse_lowlevel_ops serve_ops = {
    .init = ops_init,
    .lookup = ops_lookup,
    .forget = ops_forget,
    .forget_multi = ops_forget_multi,
    .getattr = ops_getattr,
    .setattr = ops_setattr,
    .readlink = ops_readlink,
    .mknod = ops_mknod,
    .mkdir = ops_mkdir,
    .unlink = ops_unlink,
    .rmdir = ops_rmdir,
    .symlink = ops_symlink,
    .rename = ops_rename,
    .link = ops_link,
    .open = ops_open,
    .read = ops_read,
    .write = ops_write,
    .flush = ops_flush,
    .fsync = ops_fsync,
    .release = ops_release,
    .opendir = ops_opendir,
    .readdir = ops_readdir,
    .readdirplus = ops_readdirplus,
    .releasedir = ops_releasedir,
    .statfs = ops_statfs,
    .setxattr = ops_setxattr,
    .getxattr = ops_getxattr,
    .listxattr = ops_listxattr,
    .removexattr = ops_removexattr,
    .create = ops_create,
};

static bool make_parts(struct serve *s, const struct serve_conf *conf)
{
    struct inodes_conf inodes = {.root = conf->root};
    memcpy(inodes.key, conf->ino_key, sizeof(inodes.key));
    struct engine_conf engine = {
        .max_waiting = MAX_WAITING,
        .deadline_ms = conf->deadline_ms > 0 ? conf->deadline_ms : DEADLINE_MS,
        .stats = &s->stats,
        .failed = ops_note_failure,
        .arg = s,
    };
    s->errlog = errlog_new();
    s->lives = lives_new();
    s->handles = handles_new(s->lives);
    s->iobufs = iobufs_new();
    s->inodes = inodes_new(&inodes);
    s->notify = s->inodes != NULL ? notify_new(s->inodes) : NULL;
    s->engine = s->notify != NULL ? engine_new(&engine) : NULL;
    return s->engine != NULL;
}

static void free_parts(struct serve *s)
{
    ahead_free(s->ahead);
    notify_free(s->notify);
    handles_free(s->handles);
    lives_free(s->lives);
    inodes_free(s->inodes);
    iobufs_free(s->iobufs);
    errlog_free(s->errlog);
    free(s);
}

struct serve *serve_new(const struct serve_conf *conf)
{
    struct serve *s = mem_zalloc(sizeof(*s));
    s->tree = conf->tree;
    s->batch = conf->batch;
    s->ahead = conf->ahead;
    s->uid = conf->uid;
    s->gid = conf->gid;
    s->read_only = conf->read_only;
    s->ttl_ms = conf->ttl_ms;
    if (!make_parts(s, conf)) {
        free_parts(s);
        return NULL;
    }
    return s;
}

bool serve_free(struct serve *s, int64_t ms)
{
    if (s == NULL) {
        return true;
    }
    engine_abort(s->engine);
    handles_stop(s->handles);
    if (!engine_free(s->engine, ms)) {
        return false;
    }
    free_parts(s);
    return true;
}

void serve_refreshed(struct serve *s, const char *path)
{
    // What is not in the table is below something that is: nothing is remembered of it.
    uint64_t nodeid = inodes_walk_path(s->inodes, path);
    if (nodeid != 0) {
        notify_below(s->notify, nodeid);
    }
}
