// Extended attributes: ours are below "user.metaflow."; the rest is refused from memory, so that ls
// (which asks for ACLs and capabilities of everything) costs nothing.
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "fs/ops.h"

#define OURS "user.metaflow."
#define XATTR_MAX 65536 // the kernel's own limit of a value and of a list

struct xattr_job {
    struct serve *serve;
    size_t size; // of the caller's buffer; 0 asks for the length
};

static void xattr_job_free(void *arg)
{
    free(arg);
}

static void reply_bytes(fuse_req_t req, size_t size, const struct buf *b)
{
    if (b->over || b->len > XATTR_MAX) {
        fuse_reply_err(req, E2BIG);
    } else if (size == 0) {
        fuse_reply_xattr(req, b->len);
    } else if (b->len > size) {
        fuse_reply_err(req, ERANGE);
    } else {
        fuse_reply_buf(req, b->data, b->len);
    }
}

static void run_xattr(struct request *r)
{
    struct xattr_job *j = r->arg;
    struct serve *s = j->serve;
    struct err err = ERR_INIT;
    struct tref node __attribute__((cleanup(tref_free))) = {0};
    auto_cleanup(buf_free) struct buf b = {.max = XATTR_MAX + 1};
    errc e = ops_tref(s, r->nodeid, &node, &err);
    if (!e) {
        ops_ahead_attribute(s, r->nodeid, &node, r->name);
        e = r->name != NULL ? tree_xattr_get(s->tree, &node, r->name, &r->cancel, &b, &err)
                            : tree_xattr_list(s->tree, &node, &r->cancel, &b, &err);
    }
    if (e == ERR_NOT_FOUND && r->name != NULL) {
        if (request_claim(r)) {
            fuse_reply_err(r->req, ENODATA);
        }
    } else if (e) {
        request_fail(r, &err);
    } else if (request_claim(r)) {
        reply_bytes(r->req, j->size, &b);
    }
}

static void hand_over(fuse_req_t req, enum stat_op op, fuse_ino_t ino, const char *name, size_t size)
{
    struct xattr_job *j = mem_zalloc(sizeof(*j));
    *j = (struct xattr_job){.serve = serve_of(req), .size = size};
    ops_hand_over(req, op, ino, name, run_xattr, j, xattr_job_free);
}

void ops_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{
    count_op(serve_of(req), OP_GETXATTR);
    if (strncmp(name, OURS, strlen(OURS)) == 0) {
        hand_over(req, OP_GETXATTR, ino, name, size);
    } else {
        fuse_reply_err(req, strncmp(name, "user.", 5) == 0 ? ENODATA : EOPNOTSUPP);
    }
}

void ops_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
    count_op(serve_of(req), OP_LISTXATTR);
    hand_over(req, OP_LISTXATTR, ino, NULL, size);
}

void ops_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name, const char *value, size_t size, int flags)
{
    (void)name;
    (void)value;
    (void)size;
    (void)flags;
    struct serve *s = serve_of(req);
    struct inode_view v;
    count_op(s, OP_REFUSED);
    if (s->batch != NULL && inodes_get(s->inodes, ino, 0, &v) && (v.kind == K_BATCH_FILE || v.kind == K_BATCH)) {
        // Who copies access lists goes on without where there are none.
        fuse_reply_err(req, EOPNOTSUPP);
        return;
    }
    ops_fail(req, OP_REFUSED, ino, NULL, ERR_READ_ONLY, "extended attributes cannot be changed");
}

void ops_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name)
{
    ops_setxattr(req, ino, name, NULL, 0, 0);
}
