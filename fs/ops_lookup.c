// Names and attributes.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/mem.h"
#include "fs/grow.h"
#include "fs/handle.h"
#include "fs/ops_batch.h"

#define MAX_BACKGROUND 2048
#define CONGESTION 1536
#define ANSWER_MS 10000 // for a sign of more of a file that is being fetched

void ops_init(void *userdata, struct fuse_conn_info *conn)
{
    struct serve *s = userdata;
    conn->want |= conn->capable & (FUSE_CAP_ASYNC_READ | FUSE_CAP_AUTO_INVAL_DATA | FUSE_CAP_READDIRPLUS |
                                   FUSE_CAP_READDIRPLUS_AUTO | FUSE_CAP_ATOMIC_O_TRUNC |
                                   FUSE_CAP_PARALLEL_DIROPS);
    conn->max_background = MAX_BACKGROUND;
    conn->congestion_threshold = CONGESTION;
    notify_start(s->notify, s->se, conn->capable & FUSE_CAP_EXPIRE_ONLY);
    atomic_store(&s->started, true);
}

// Said from memory: no such name, for long.
static void reply_never(fuse_req_t req)
{
    struct fuse_entry_param e = {.ino = 0, .entry_timeout = NEVER_TTL_S};
    fuse_reply_entry(req, &e);
}

static void run_lookup(struct request *r)
{
    ops_run_find(r, tree_lookup);
}

void ops_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    struct serve *s = serve_of(req);
    struct inode_view dir, v;
    count_op(s, OP_LOOKUP);
    int64_t now = clock_mono_ms();
    if (!inodes_get(s->inodes, parent, now, &dir)) {
        fuse_reply_err(req, ESTALE);
        return;
    }
    if (strlen(name) > 255) {
        fuse_reply_err(req, ENAMETOOLONG);
        return;
    }
    enum kind entered = dir.kind == K_ROOT && strcmp(name, ".batch") == 0 ? K_BATCH : dir.kind;
    if (ops_batch_denied(req, OP_LOOKUP, parent, name, entered)) {
        return;
    }
    if (tree_never(s->tree, dir.kind, name)) {
        reply_never(req);
        return;
    }
    if (inodes_find(s->inodes, parent, name, true, now, &v) && v.fresh) {
        struct fuse_entry_param e;
        ops_entry(s, &v, &e);
        if (fuse_reply_entry(req, &e) < 0) {
            inodes_forget(s->inodes, v.nodeid, 1);
        }
        return;
    }
    ops_hand_over(req, OP_LOOKUP, parent, name, run_lookup, s, NULL);
}

void ops_forget(fuse_req_t req, fuse_ino_t ino, uint64_t n)
{
    struct serve *s = serve_of(req);
    count_op(s, OP_FORGET);
    inodes_forget(s->inodes, ino, n);
    fuse_reply_none(req);
}

void ops_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
    struct serve *s = serve_of(req);
    stats_add(&s->stats.ops[OP_FORGET], count);
    for (size_t i = 0; i < count; i++) {
        inodes_forget(s->inodes, forgets[i].ino, forgets[i].nlookup);
    }
    fuse_reply_none(req);
}

static errc renew_attr(struct serve *s, struct request *r, struct inode_view *ret, struct err *err)
{
    struct tref node __attribute__((cleanup(tref_free))) = {0};
    struct tattr attr;
    errc e = ops_tref(s, r->nodeid, &node, err);
    if (!e) {
        e = grow_look(s, r->nodeid, &node, &r->cancel, err);
    }
    if (!e) {
        e = tree_attr(s->tree, &node, &r->cancel, &attr, err);
    }
    if (e) {
        return e;
    }
    return inodes_set_attr(s->inodes, r->nodeid, &attr, clock_mono_ms(), ret)
               ? ERR_OK
               : err_set(err, ERR_NOT_FOUND, "the node is not there any more");
}

// Of a file that is being fetched: who goes by the size (wc -c, tail -c, SEEK_END) stops there.
static errc wait_for_end(struct serve *s, struct request *r, struct inode_view *ret, struct err *err)
{
    struct tref node __attribute__((cleanup(tref_free))) = {0};
    errc e = ops_tref(s, r->nodeid, &node, err);
    while (!e && grow_has_more(s, ret)) {
        request_extend(r, clock_mono_ms() + ANSWER_MS);
        e = grow_wait(s, r->nodeid, &node, ret->attr.size, &r->cancel, err);
        if (!e && !inodes_get(s->inodes, r->nodeid, clock_mono_ms(), ret)) {
            e = err_set(err, ERR_NOT_FOUND, "the node is not there any more");
        }
    }
    return e;
}

struct get_attr {
    struct serve *serve;
    pid_t asker;    // a thread
    bool is_of_handle;
};

static void run_getattr(struct request *r)
{
    struct get_attr *j = r->arg;
    struct serve *s = j->serve;
    struct err err = ERR_INIT;
    struct inode_view v;
    errc e = renew_attr(s, r, &v, &err);
    if (!e && grow_has_more(s, &v) && (j->is_of_handle || handles_follow(s->handles, r->nodeid, j->asker))) {
        e = wait_for_end(s, r, &v, &err);
    }
    if (e) {
        request_fail(r, &err);
    } else if (request_claim(r)) {
        ops_reply_attr(s, r->req, &v);
    }
}

void ops_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    struct serve *s = serve_of(req);
    struct handle *h = fi != NULL ? (struct handle *)(uintptr_t)fi->fh : NULL;
    struct inode_view v;
    count_op(s, OP_GETATTR);
    if (!inodes_get(s->inodes, ino, clock_mono_ms(), &v)) {
        fuse_reply_err(req, ESTALE);
    } else if (v.fresh && !grow_due(s, &v) && !grow_has_more(s, &v)) {
        if (v.attr.ttl_ms == 0 && !kind_is_batch(v.kind)) { // open, and its bytes stay what they are
            v.attr.ttl_ms = OPEN_TTL_MS;
        }
        ops_reply_attr(s, req, &v);
    } else {
        struct get_attr *j = mem_zalloc(sizeof(*j));
        *j = (struct get_attr){
            .serve = s, .asker = fuse_req_ctx(req)->pid, .is_of_handle = h != NULL && !h->is_dir && h->follows};
        ops_hand_over(req, OP_GETATTR, ino, NULL, run_getattr, j, free);
    }
}

static void run_readlink(struct request *r)
{
    struct serve *s = r->arg;
    struct err err = ERR_INIT;
    struct tref node __attribute__((cleanup(tref_free))) = {0};
    auto_free char *target = NULL;
    errc e = ops_tref(s, r->nodeid, &node, &err);
    if (!e) {
        e = tree_readlink(s->tree, &node, &r->cancel, &target, &err);
    }
    if (e) {
        request_fail(r, &err);
    } else if (request_claim(r)) {
        fuse_reply_readlink(r->req, target);
    }
}

void ops_readlink(fuse_req_t req, fuse_ino_t ino)
{
    struct serve *s = serve_of(req);
    struct inode_view v;
    count_op(s, OP_READLINK);
    if (inodes_get(s->inodes, ino, 0, &v) && ops_batch_denied(req, OP_READLINK, ino, NULL, v.kind)) {
        return;
    }
    ops_hand_over(req, OP_READLINK, ino, NULL, run_readlink, s, NULL);
}

void ops_statfs(fuse_req_t req, fuse_ino_t ino)
{
    (void)ino;
    struct serve *s = serve_of(req);
    struct inodes_stats nodes;
    count_op(s, OP_STATFS);
    inodes_stats(s->inodes, &nodes);
    struct statvfs st = {.f_bsize = 4096, .f_frsize = 4096, .f_files = nodes.nodes, .f_namemax = 255};
    fuse_reply_statfs(req, &st);
}
