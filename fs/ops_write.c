// The few writes: tags of a run (mkdir, rmdir), lines to .metaflowfs/refresh, and .batch (fs/ops_batch.h).
// Everything else is refused, whoever asks.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fs/ops_batch.h"

#define REFRESH_MAX 65536 // bytes of one write of paths

// --- refresh --------------------------------------------------------------------------------------

struct refresh_job {
    struct serve *serve;
    char *text; // owned
    size_t size;
};

static void refresh_job_free(void *arg)
{
    struct refresh_job *j = arg;
    free(j->text);
    free(j);
}

static void run_refresh(struct request *r)
{
    struct refresh_job *j = r->arg;
    struct err err = ERR_INIT;
    errc e = ERR_OK;
    char *rest = j->text;
    for (char *line; !e && (line = strsep(&rest, "\n")) != NULL;) {
        line += strspn(line, " \t\r");
        size_t len = strlen(line);
        while (len > 0 && strchr(" \t\r", line[len - 1]) != NULL) {
            line[--len] = '\0';
        }
        if (len > 0) {
            e = tree_refresh(j->serve->tree, line, &err);
        }
    }
    if (e) {
        request_fail(r, &err);
    } else if (request_claim(r)) {
        fuse_reply_write(r->req, j->size);
    }
}

void ops_write(fuse_req_t req, fuse_ino_t ino, const char *buf, size_t size, off_t off,
               struct fuse_file_info *fi)
{
    struct serve *s = serve_of(req);
    struct handle *h = (struct handle *)(uintptr_t)fi->fh;
    count_op(s, OP_WRITE);
    if (!h->writable) {
        ops_fail(req, OP_WRITE, ino, NULL, ERR_READ_ONLY, "it cannot be written");
    } else if (h->draft != NULL || h->job != NULL) {
        ops_batch_write(req, h, buf, size, off > 0 ? (uint64_t)off : 0);
    } else if (size > REFRESH_MAX || memchr(buf, '\0', size) != NULL) {
        ops_fail(req, OP_WRITE, ino, NULL, ERR_INVALID,
                 "a write to refresh is one path or more, a line each, 64 KiB at most");
    } else {
        struct refresh_job *j = mem_zalloc(sizeof(*j));
        *j = (struct refresh_job){.serve = s, .text = mem_strndup(buf, size), .size = size};
        ops_hand_over(req, OP_WRITE, ino, NULL, run_refresh, j, refresh_job_free);
    }
}

// `echo F > refresh` truncates first, and touch sets times: both mean nothing here.
void ops_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set, struct fuse_file_info *fi)
{
    struct serve *s = serve_of(req);
    struct inode_view v;
    int harmless = FUSE_SET_ATTR_SIZE | FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_MTIME | FUSE_SET_ATTR_ATIME_NOW |
                   FUSE_SET_ATTR_MTIME_NOW | FUSE_SET_ATTR_CTIME;
    count_op(s, OP_SETATTR);
    if (!inodes_get(s->inodes, ino, 0, &v)) {
        fuse_reply_err(req, ESTALE);
    } else if (ops_batch_denied(req, OP_SETATTR, ino, NULL, v.kind)) {
        return;
    } else if (s->batch != NULL && (v.kind == K_BATCH_FILE || v.kind == K_BATCH)) {
        ops_batch_setattr(req, &v, attr, to_set, fi);
    } else if ((v.kind == K_CTL_REFRESH || v.kind == K_JOB_CTL) && !s->read_only && !(to_set & ~harmless)) {
        ops_reply_attr(s, req, &v);
    } else {
        ops_fail(req, OP_SETATTR, ino, NULL, ERR_READ_ONLY, "attributes cannot be changed");
    }
}

// --- tags -----------------------------------------------------------------------------------------

static void run_mkdir(struct request *r)
{
    ops_run_find(r, tree_mkdir);
}

static void run_rmdir(struct request *r)
{
    struct serve *s = r->arg;
    struct err err = ERR_INIT;
    struct tref dir __attribute__((cleanup(tref_free))) = {0};
    errc e = ops_tref(s, r->nodeid, &dir, &err);
    if (!e) {
        e = tree_rmdir(s->tree, &dir, r->name, &r->cancel, &err);
    }
    if (e) {
        request_fail(r, &err);
        return;
    }
    inodes_expire_child(s->inodes, r->nodeid, r->name);
    if (request_claim(r)) {
        fuse_reply_err(r->req, 0);
    }
}

static void refuse(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    count_op(serve_of(req), OP_REFUSED);
    ops_fail(req, OP_REFUSED, parent, name, ERR_READ_ONLY,
             "only the tags of a run can be changed, and files in .batch");
}

static bool is_tags_dir(fuse_req_t req, fuse_ino_t parent)
{
    struct serve *s = serve_of(req);
    struct inode_view v;
    return !s->read_only && inodes_get(s->inodes, parent, 0, &v) && v.kind == K_RUN_TAGS;
}

void ops_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
    (void)mode;
    count_op(serve_of(req), OP_MKDIR);
    if (is_tags_dir(req, parent)) {
        ops_hand_over(req, OP_MKDIR, parent, name, run_mkdir, serve_of(req), NULL);
    } else {
        refuse(req, parent, name);
    }
}

void ops_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    count_op(serve_of(req), OP_RMDIR);
    if (is_tags_dir(req, parent)) {
        ops_hand_over(req, OP_RMDIR, parent, name, run_rmdir, serve_of(req), NULL);
    } else {
        refuse(req, parent, name);
    }
}

// --- everything else ------------------------------------------------------------------------------

// Whether the names in a directory are those of .batch's files. What was denied was answered.
enum in_batch { IN_BATCH, ELSEWHERE, DENIED };
static enum in_batch where(fuse_req_t req, enum stat_op op, fuse_ino_t parent, const char *name)
{
    struct serve *s = serve_of(req);
    struct inode_view v;
    if (s->batch == NULL || !inodes_get(s->inodes, parent, 0, &v)) {
        return ELSEWHERE;
    }
    if (ops_batch_denied(req, op, parent, name, v.kind)) {
        return DENIED;
    }
    return v.kind == K_BATCH ? IN_BATCH : ELSEWHERE;
}

void ops_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    enum in_batch at = where(req, OP_UNLINK, parent, name);
    if (at == IN_BATCH) {
        count_op(serve_of(req), OP_UNLINK);
        ops_batch_unlink(req, parent, name);
    } else if (at == ELSEWHERE) {
        refuse(req, parent, name);
    }
}

void ops_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev)
{
    (void)mode;
    (void)rdev;
    refuse(req, parent, name);
}

void ops_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, struct fuse_file_info *fi)
{
    (void)mode;
    enum in_batch at = where(req, OP_CREATE, parent, name);
    if (at == IN_BATCH) {
        count_op(serve_of(req), OP_CREATE);
        ops_batch_create(req, parent, name, fi);
    } else if (at == ELSEWHERE) {
        refuse(req, parent, name);
    }
}

static void refuse_link(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    enum in_batch at = where(req, OP_REFUSED, parent, name);
    if (at == IN_BATCH) {
        ops_fail(req, OP_REFUSED, parent, name, ERR_NOT_PERMITTED, "there are no links among the files in .batch");
    } else if (at == ELSEWHERE) {
        refuse(req, parent, name);
    }
}

void ops_symlink(fuse_req_t req, const char *link, fuse_ino_t parent, const char *name)
{
    (void)link;
    refuse_link(req, parent, name);
}

void ops_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char *name)
{
    (void)ino;
    refuse_link(req, parent, name);
}

void ops_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
                const char *new_name, unsigned flags)
{
    enum in_batch at = where(req, OP_RENAME, parent, name);
    if (at == IN_BATCH && parent == new_parent) {
        count_op(serve_of(req), OP_RENAME);
        ops_batch_rename(req, parent, name, new_name, flags);
    } else if (at != DENIED) {
        refuse(req, parent, name);
    }
}
