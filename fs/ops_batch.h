// Private to fs/ops_*.c: the operations on .batch, fs/ops_batch.c and fs/ops_batch_open.c.
#ifndef FS_OPS_BATCH_H
#define FS_OPS_BATCH_H

#include "fs/handle.h"
#include "fs/ops.h"

// Whether the caller must not use a node of this kind; it was answered with EACCES then.
bool ops_batch_denied(fuse_req_t req, enum stat_op op, uint64_t nodeid, const char *name, enum kind kind);
// The drafts and jobs of the mount, on a worker.
errc ops_batch_get(struct serve *s, struct jobs **jobs, struct drafts **drafts, struct err *err) ERR_MUST_CHECK;

// Attributes of K_BATCH and K_BATCH_FILE; open is of K_BATCH_FILE and K_JOB_CTL.
void ops_batch_open(fuse_req_t req, const struct inode_view *v, struct fuse_file_info *fi);
void ops_batch_create(fuse_req_t req, fuse_ino_t parent, const char *name, struct fuse_file_info *fi);
void ops_batch_setattr(fuse_req_t req, const struct inode_view *v, const struct stat *attr, int to_set,
                       struct fuse_file_info *fi);
// Of a handle that has a draft, or is a ctl.
void ops_batch_read(fuse_req_t req, struct handle *h, size_t size, uint64_t off);
void ops_batch_write(fuse_req_t req, struct handle *h, const char *data, size_t size, uint64_t off);
void ops_batch_flush(fuse_req_t req, struct handle *h);
// Names in the directory `.batch`.
void ops_batch_unlink(fuse_req_t req, fuse_ino_t parent, const char *name);
void ops_batch_rename(fuse_req_t req, fuse_ino_t parent, const char *name, const char *to, unsigned flags);

#endif
