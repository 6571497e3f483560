// .batch: who may use it; create, open and attributes of the files in it.
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/mem.h"
#include "fs/batch_source.h"
#include "fs/ops_batch.h"

bool ops_batch_denied(fuse_req_t req, enum stat_op op, uint64_t nodeid, const char *name, enum kind kind)
{
    const struct batch_source *b = serve_of(req)->batch;
    if (!kind_is_batch(kind) || b == NULL || b->allow_other || fuse_req_ctx(req)->uid == b->uid) {
        return false;
    }
    ops_fail(req, op, nodeid, name, ERR_DENIED,
             ".batch is the mounting user's alone, who pays for the jobs; -o batch_allow_other lets others in");
    return true;
}

errc ops_batch_get(struct serve *s, struct jobs **jobs, struct drafts **drafts, struct err *err)
{
    if (s->batch == NULL) {
        return err_set(err, ERR_NOT_FOUND, "this mount has no .batch");
    }
    return s->batch->get(s->batch->arg, jobs, drafts, err);
}

// --- open -----------------------------------------------------------------------------------------

struct open_draft {
    struct serve *serve;
    struct fuse_file_info fi;
    struct draft *draft; // owned
    struct tattr attr;
};

static void open_draft_free(void *arg)
{
    struct open_draft *j = arg;
    draft_close(j->draft);
    free(j);
}

static unsigned draft_flags_of(int flags)
{
    unsigned f = (flags & O_ACCMODE) != O_RDONLY ? DRAFT_WRITE : 0;
    f |= flags & O_TRUNC ? DRAFT_TRUNC : 0;
    f |= flags & O_APPEND ? DRAFT_APPEND : 0;
    return f;
}

// The handle of an open draft, for the node; NULL when the node is gone.
static struct handle *draft_handle(struct open_draft *j, uint64_t nodeid)
{
    struct serve *s = j->serve;
    struct inode_size_change change;
    if (!inodes_open(s->inodes, nodeid, j->attr.size, 0, &change)) {
        return NULL;
    }
    stats_add(&s->stats.opens[K_BATCH_FILE], 1);
    struct handle *h = handle_new(s->handles, nodeid);
    h->draft = steal_ptr(&j->draft);
    h->writable = (j->fi.flags & O_ACCMODE) != O_RDONLY;
    j->fi.fh = (uintptr_t)h;
    j->fi.direct_io = 1;
    return h;
}

static void drop_handle(struct serve *s, struct handle *h)
{
    inodes_close(s->inodes, h->nodeid);
    handle_unref(h);
}

static void run_open(struct request *r)
{
    struct open_draft *j = r->arg;
    struct serve *s = j->serve;
    struct err err = ERR_INIT;
    struct jobs *jobs;
    struct drafts *drafts;
    struct tref node __attribute__((cleanup(tref_free))) = {0};
    errc e = ops_tref(s, r->nodeid, &node, &err);
    if (!e) {
        e = ops_batch_get(s, &jobs, &drafts, &err);
    }
    if (!e) {
        e = drafts_open(drafts, node.leaf, draft_flags_of(j->fi.flags), &j->draft, &err);
    }
    if (!e) {
        e = tree_attr(s->tree, &node, &r->cancel, &j->attr, &err);
    }
    if (e) {
        request_fail(r, &err);
    } else if (request_claim(r)) {
        struct handle *h = draft_handle(j, r->nodeid);
        if (h == NULL) {
            fuse_reply_err(r->req, ENOENT);
        } else if (fuse_reply_open(r->req, &j->fi) < 0) {
            drop_handle(s, h);
        }
    }
}

static void reply_created(struct request *r, struct open_draft *j)
{
    struct serve *s = j->serve;
    struct inode_view v;
    struct fuse_entry_param entry;
    if (!inodes_enter(s->inodes, r->nodeid, r->name, K_BATCH_FILE, &j->attr, clock_mono_ms(), &v)) {
        fuse_reply_err(r->req, ENOENT);
        return;
    }
    ops_entry(s, &v, &entry);
    struct handle *h = draft_handle(j, v.nodeid);
    if (h == NULL) {
        fuse_reply_err(r->req, ENOENT);
    } else if (fuse_reply_create(r->req, &entry, &j->fi) < 0) {
        drop_handle(s, h);
        inodes_forget(s->inodes, v.nodeid, 1);
    }
}

static void run_create(struct request *r)
{
    struct open_draft *j = r->arg;
    struct serve *s = j->serve;
    struct err err = ERR_INIT;
    struct jobs *jobs;
    struct drafts *drafts;
    enum kind kind;
    struct tref dir __attribute__((cleanup(tref_free))) = {0};
    unsigned flags = draft_flags_of(j->fi.flags) | DRAFT_CREATE | (j->fi.flags & O_EXCL ? DRAFT_EXCL : 0);
    errc e = ops_tref(s, r->nodeid, &dir, &err);
    if (!e) {
        e = ops_batch_get(s, &jobs, &drafts, &err);
    }
    if (!e) {
        e = drafts_open(drafts, r->name, flags, &j->draft, &err);
    }
    if (!e) {
        e = tree_lookup(s->tree, &dir, r->name, &r->cancel, &kind, &j->attr, &err);
    }
    if (e) {
        request_fail(r, &err);
    } else if (request_claim(r)) {
        reply_created(r, j);
    }
}

void ops_batch_create(fuse_req_t req, fuse_ino_t parent, const char *name, struct fuse_file_info *fi)
{
    struct open_draft *j = mem_zalloc(sizeof(*j));
    *j = (struct open_draft){.serve = serve_of(req), .fi = *fi};
    ops_hand_over(req, OP_CREATE, parent, name, run_create, j, open_draft_free);
}

static void open_ctl(fuse_req_t req, uint64_t nodeid, struct fuse_file_info *fi)
{
    struct serve *s = serve_of(req);
    struct inode_size_change change;
    struct err err = ERR_INIT;
    struct tref node __attribute__((cleanup(tref_free))) = {0};
    if (ops_tref(s, nodeid, &node, &err) || !inodes_open(s->inodes, nodeid, 0, 0, &change)) {
        fuse_reply_err(req, ENOENT);
        return;
    }
    struct handle *h = handle_new(s->handles, nodeid);
    h->writable = true;
    h->job = mem_strdup(node.job);
    fi->fh = (uintptr_t)h;
    fi->direct_io = 1;
    if (fuse_reply_open(req, fi) < 0) {
        drop_handle(s, h);
    }
}

void ops_batch_open(fuse_req_t req, const struct inode_view *v, struct fuse_file_info *fi)
{
    if (v->kind == K_JOB_CTL) {
        open_ctl(req, v->nodeid, fi);
        return;
    }
    struct open_draft *j = mem_zalloc(sizeof(*j));
    *j = (struct open_draft){.serve = serve_of(req), .fi = *fi};
    ops_hand_over(req, OP_OPEN, v->nodeid, NULL, run_open, j, open_draft_free);
}

// --- attributes -----------------------------------------------------------------------------------

struct set_attr {
    struct serve *serve;
    struct handle *handle; // held, or NULL
    struct stat attr;
    int to_set;
};

static void set_attr_free(void *arg)
{
    struct set_attr *j = arg;
    handle_unref(j->handle);
    free(j);
}

// Modes are what they are, and so are owners; programs that copy those need not fail because of it.
static errc set_owner(const struct set_attr *j, struct err *err)
{
    const struct serve *s = j->serve;
    bool other = (j->to_set & FUSE_SET_ATTR_UID && j->attr.st_uid != s->batch->uid) ||
                 (j->to_set & FUSE_SET_ATTR_GID && j->attr.st_gid != s->gid);
    return other ? err_set(err, ERR_NOT_PERMITTED, ".batch and its files belong to the mounting user")
                 : ERR_OK;
}

static errc set_attr(struct request *r, struct set_attr *j, struct inode_view *ret, struct err *err)
{
    struct serve *s = j->serve;
    struct jobs *jobs;
    struct drafts *drafts;
    struct tattr attr;
    struct tref node __attribute__((cleanup(tref_free))) = {0};
    errc e = ops_tref(s, r->nodeid, &node, err);
    if (!e) {
        e = ops_batch_get(s, &jobs, &drafts, err);
    }
    if (!e) {
        e = set_owner(j, err);
    }
    if (!e && (j->to_set & FUSE_SET_ATTR_SIZE)) {
        bool open = j->handle != NULL && j->handle->draft != NULL;
        e = open ? draft_truncate(j->handle->draft, (uint64_t)j->attr.st_size, err)
                 : drafts_truncate(drafts, node.leaf, (uint64_t)j->attr.st_size, err);
    }
    if (!e && (j->to_set & (FUSE_SET_ATTR_MTIME | FUSE_SET_ATTR_MTIME_NOW))) {
        int64_t ms = j->to_set & FUSE_SET_ATTR_MTIME_NOW
                         ? clock_wall_ms()
                         : (int64_t)j->attr.st_mtim.tv_sec * 1000 + j->attr.st_mtim.tv_nsec / 1000000;
        drafts_touch(drafts, node.leaf, ms);
    }
    if (!e) {
        e = tree_attr(s->tree, &node, &r->cancel, &attr, err);
    }
    if (!e && !inodes_set_attr(s->inodes, r->nodeid, &attr, clock_mono_ms(), ret)) {
        e = err_set(err, ERR_NOT_FOUND, "the file is not there any more");
    }
    return e;
}

static void run_set_attr(struct request *r)
{
    struct set_attr *j = r->arg;
    struct err err = ERR_INIT;
    struct inode_view v;
    if (set_attr(r, j, &v, &err)) {
        request_fail(r, &err);
    } else if (request_claim(r)) {
        ops_reply_attr(j->serve, r->req, &v);
    }
}

// Who copies a whole directory sets at the end what the directory has.
static void set_attr_of_batch(fuse_req_t req, const struct inode_view *v, const struct set_attr *j)
{
    struct err err = ERR_INIT;
    if (set_owner(j, &err)) {
        ops_fail(req, OP_SETATTR, v->nodeid, NULL, err.code, err.cause);
    } else {
        ops_reply_attr(j->serve, req, v);
    }
}

void ops_batch_setattr(fuse_req_t req, const struct inode_view *v, const struct stat *attr, int to_set,
                       struct fuse_file_info *fi)
{
    if (v->kind == K_BATCH) {
        struct set_attr of_batch = {.serve = serve_of(req), .attr = *attr, .to_set = to_set};
        set_attr_of_batch(req, v, &of_batch);
        return;
    }
    struct set_attr *j = mem_zalloc(sizeof(*j));
    struct handle *h = fi != NULL ? (struct handle *)(uintptr_t)fi->fh : NULL;
    *j = (struct set_attr){
        .serve = serve_of(req), .handle = h != NULL ? handle_ref(h) : NULL, .attr = *attr, .to_set = to_set};
    ops_hand_over(req, OP_SETATTR, v->nodeid, NULL, run_set_attr, j, set_attr_free);
}
