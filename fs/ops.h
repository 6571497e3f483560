// Private to fs/ops_*.c: the operations and the helpers that they share.
#ifndef FS_OPS_H
#define FS_OPS_H

#include "base/log.h"
#include "fs/fuse_api.h"
#include "fs/serve.h"

static inline struct serve *serve_of(fuse_req_t req)
{
    return fuse_req_userdata(req);
}

static inline void count_op(struct serve *s, enum stat_op op)
{
    stats_add(&s->stats.ops[op], 1);
}

// Attributes and time-outs as the kernel wants them.
void ops_stat(const struct serve *s, const struct inode_view *v, struct stat *st);
double ops_attr_timeout(struct serve *s, const struct inode_view *v);
void ops_entry(struct serve *s, const struct inode_view *v, struct fuse_entry_param *e);
// Enters what was found and replies; takes the count back when the reply cannot be sent.
void ops_reply_found(struct serve *s, fuse_req_t req, uint64_t parent, const char *name, enum kind kind,
                     const struct tattr *attr);
// On a worker: looks r->name up, or makes it, in the directory r->nodeid, and replies with the entry.
typedef errc (*ops_find_fn)(struct tree *t, const struct tref *dir, const char *name, struct cancel *cancel,
                            enum kind *ret_kind, struct tattr *ret_attr, struct err *err);
void ops_run_find(struct request *r, ops_find_fn find);
void ops_reply_attr(struct serve *s, fuse_req_t req, const struct inode_view *v);

// Replies with a failure from libfuse's thread, recorded.
void ops_fail(fuse_req_t req, enum stat_op op, uint64_t nodeid, const char *name, errc code,
              const char *cause);
// What the engine tells of failures; the first argument is the struct serve.
void ops_note_failure(void *serve, enum stat_op op, uint64_t nodeid, const char *name, const struct err *err);
// The tree's name of a node.
errc ops_tref(struct serve *s, uint64_t nodeid, struct tref *ret, struct err *err) ERR_MUST_CHECK;
// Hands over; `arg` is taken.
void ops_hand_over(fuse_req_t req, enum stat_op op, uint64_t nodeid, const char *name,
                   void (*run)(struct request *r), void *arg, void (*free_arg)(void *arg));
// The same for what only a signal that ends the caller may interrupt (fs/engine.h).
void ops_hand_over_save(fuse_req_t req, enum stat_op op, uint64_t nodeid, const char *name,
                        void (*run)(struct request *r), void *arg, void (*free_arg)(void *arg));

// ops_ahead.c: what fetch-ahead learns from. Nothing is done where it is off.
void ops_ahead_opened(struct serve *s, uint64_t nodeid, const struct tref *r);
void ops_ahead_listed(struct serve *s, uint64_t nodeid, const struct tref *dir);
void ops_ahead_looked(struct serve *s, uint64_t nodeid, const struct tref *dir, const char *name);
// name: of the extended attribute, or NULL: their names are listed.
void ops_ahead_attribute(struct serve *s, uint64_t nodeid, const struct tref *r, const char *name);

// ops_lookup.c
void ops_init(void *userdata, struct fuse_conn_info *conn);
void ops_lookup(fuse_req_t req, fuse_ino_t parent, const char *name);
void ops_forget(fuse_req_t req, fuse_ino_t ino, uint64_t n);
void ops_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets);
void ops_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void ops_readlink(fuse_req_t req, fuse_ino_t ino);
void ops_statfs(fuse_req_t req, fuse_ino_t ino);
// ops_dir.c
void ops_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void ops_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi);
void ops_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi);
void ops_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
// ops_file.c
void ops_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void ops_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi);
void ops_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void ops_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi);
void ops_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
// ops_write.c
void ops_write(fuse_req_t req, fuse_ino_t ino, const char *buf, size_t size, off_t off,
               struct fuse_file_info *fi);
void ops_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set, struct fuse_file_info *fi);
void ops_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode);
void ops_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name);
void ops_unlink(fuse_req_t req, fuse_ino_t parent, const char *name);
void ops_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev);
void ops_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, struct fuse_file_info *fi);
void ops_symlink(fuse_req_t req, const char *link, fuse_ino_t parent, const char *name);
void ops_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char *name);
void ops_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
                const char *new_name, unsigned flags);
// ops_xattr.c
void ops_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size);
void ops_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size);
void ops_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name, const char *value, size_t size, int flags);
void ops_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name);

#endif
