#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/mem.h"
#include "fs/batch_source.h"
#include "fs/errno_map.h"
#include "fs/grow.h"
#include "fs/ops.h"

#define BLOCK_SIZE 131072 // what is best read at once: the kernel's read-ahead

// wc does not skip the first block of a file: before a page is opened, it is one, as its size is no more than room.
static blksize_t block_size(const struct inode_view *v)
{
    bool is_room = kind_is_page(v->kind) && !v->attr.size_exact && v->attr.size > BLOCK_SIZE;
    return is_room ? (blksize_t)v->attr.size : BLOCK_SIZE;
}

void ops_stat(const struct serve *s, const struct inode_view *v, struct stat *st)
{
    *st = (struct stat){
        .st_ino = v->ino,
        .st_mode = v->attr.mode,
        .st_nlink = 1,
        // What jobs run as is who mounted, whoever is shown as the owner of the rest.
        .st_uid = s->batch != NULL && kind_is_batch(v->kind) ? s->batch->uid : s->uid,
        .st_gid = s->gid,
        .st_size = (off_t)v->attr.size,
        .st_blksize = block_size(v),
        // tar and cp take 0 blocks for a hole.
        .st_blocks = (blkcnt_t)(v->attr.size / 512 + (v->attr.size % 512 != 0)),
    };
    struct timespec t = {.tv_sec = v->attr.mtime_ms / 1000, .tv_nsec = v->attr.mtime_ms % 1000 * 1000000};
    st->st_atim = st->st_mtim = st->st_ctim = t;
}

// A size that is not exact must not be believed beyond the call that asked: FUSE.md, Sizes.
double ops_attr_timeout(struct serve *s, const struct inode_view *v)
{
    int64_t ms = v->attr.ttl_ms;
    if (S_ISREG(v->attr.mode) && (!v->attr.size_exact || grow_has_more(s, v))) {
        ms = 0;
    } else if (v->attr.growing && ms > GROWING_TTL_MS) {
        ms = GROWING_TTL_MS;
    }
    return (double)ms / 1000;
}

void ops_entry(struct serve *s, const struct inode_view *v, struct fuse_entry_param *e)
{
    *e = (struct fuse_entry_param){
        .ino = v->nodeid,
        .entry_timeout = (double)v->attr.ttl_ms / 1000,
        .attr_timeout = ops_attr_timeout(s, v),
    };
    ops_stat(s, v, &e->attr);
}

void ops_reply_found(struct serve *s, fuse_req_t req, uint64_t parent, const char *name, enum kind kind,
                     const struct tattr *attr)
{
    struct inode_view v;
    struct fuse_entry_param e;
    if (!inodes_enter(s->inodes, parent, name, kind, attr, clock_mono_ms(), &v)) {
        fuse_reply_err(req, ENOENT); // the directory was forgotten meanwhile
        return;
    }
    ops_entry(s, &v, &e);
    if (fuse_reply_entry(req, &e) < 0) {
        inodes_forget(s->inodes, v.nodeid, 1);
    }
}

void ops_run_find(struct request *r, ops_find_fn find)
{
    struct serve *s = r->arg;
    struct err err = ERR_INIT;
    struct tref dir __attribute__((cleanup(tref_free))) = {0};
    enum kind kind;
    struct tattr attr;
    errc e = ops_tref(s, r->nodeid, &dir, &err);
    if (!e) {
        ops_ahead_looked(s, r->nodeid, &dir, r->name);
        e = find(s->tree, &dir, r->name, &r->cancel, &kind, &attr, &err);
    }
    if (e) {
        request_fail(r, &err);
    } else if (request_claim(r)) {
        ops_reply_found(s, r->req, r->nodeid, r->name, kind, &attr);
    }
}

void ops_reply_attr(struct serve *s, fuse_req_t req, const struct inode_view *v)
{
    struct stat st;
    ops_stat(s, v, &st);
    fuse_reply_attr(req, &st, ops_attr_timeout(s, v));
}

static void note_failure(struct serve *s, enum stat_op op, uint64_t nodeid, const char *name,
                         const struct err *err)
{
    if ((unsigned)err->code < STATS_ERR_COUNT) {
        stats_add(&s->stats.errors[err->code], 1);
    }
    bool is_save = op == OP_WRITE || op == OP_FLUSH || op == OP_RENAME;
    bool is_lost = is_save && err->code == ERR_INTERRUPTED; // a shell's own echo says nothing of it
    if (is_lost || !errno_of(err->code)->expected) {
        auto_free char *path = inodes_path(s->inodes, nodeid, name);
        errlog_add(s->errlog, stat_op_names[op], path, err);
        log_debug("serve", "%s /%s: %s", stat_op_names[op], path, err->cause);
    }
}

void ops_note_failure(void *serve, enum stat_op op, uint64_t nodeid, const char *name, const struct err *err)
{
    note_failure(serve, op, nodeid, name, err);
}

void ops_fail(fuse_req_t req, enum stat_op op, uint64_t nodeid, const char *name, errc code,
              const char *cause)
{
    struct err err = ERR_INIT;
    err_set(&err, code, "%s", cause);
    note_failure(serve_of(req), op, nodeid, name, &err);
    fuse_reply_err(req, errno_of(code)->number);
}

errc ops_tref(struct serve *s, uint64_t nodeid, struct tref *ret, struct err *err)
{
    struct inode_chain chain;
    if (!inodes_chain(s->inodes, nodeid, &chain)) {
        return err_set(err, ERR_NOT_FOUND, "the node is not there any more");
    }
    tref_init_root(ret);
    for (unsigned i = 0; i < chain.len; i++) {
        if (!tref_step(s->tree, ret, chain.kind[i], chain.name[i])) {
            tref_free(ret);
            return err_set(err, ERR_NOT_FOUND, "there is no \"%s\"", chain.name[i]);
        }
    }
    return ERR_OK;
}

static void hand_over(struct request *r, void *arg, void (*free_arg)(void *arg))
{
    r->arg = arg;
    r->free_arg = free_arg;
    engine_arm(r);
    engine_run(r);
    request_unref(r);
}

void ops_hand_over(fuse_req_t req, enum stat_op op, uint64_t nodeid, const char *name,
                   void (*run)(struct request *r), void *arg, void (*free_arg)(void *arg))
{
    hand_over(request_new(serve_of(req)->engine, req, op, nodeid, name, run), arg, free_arg);
}

void ops_hand_over_save(fuse_req_t req, enum stat_op op, uint64_t nodeid, const char *name,
                        void (*run)(struct request *r), void *arg, void (*free_arg)(void *arg))
{
    struct request *r = request_new(serve_of(req)->engine, req, op, nodeid, name, run);
    r->is_save = true;
    r->caller = fuse_req_ctx(req)->pid;
    hand_over(r, arg, free_arg);
}
