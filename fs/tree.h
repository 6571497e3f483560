// The tree: every path of a mount as a node with a kind and attributes, its listing, and its content.
// Knows Metaflow's model and nothing of FUSE: `metaflowfs ls` and `cat` use it without a mount.
//
// A node is named by a struct tref: its kind and the ids that lead to it. Calls may wait (they read
// metadata and data through client/) and take a cancel token; none is made on a FUSE thread that must
// not wait. All are thread-safe.
#ifndef FS_TREE_H
#define FS_TREE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cancel.h"
#include "base/err.h"
#include "client/content.h"
#include "client/model.h"
#include "fs/kind.h"

struct tree;

struct tree_conf {
    struct client *client;     // borrowed
    struct staging *staging;   // borrowed
    uid_t uid;
    gid_t gid;
    mode_t umask;              // bits taken away from every mode
    bool list_dots;            // -o dots=list
    bool read_only;            // -o ro: nothing is writable
    int64_t ttl_ms;            // how long what is live may be remembered by the kernel
    bool strict_names;         // what Metaflow could not call a flow or step is not asked for (a service)
    const struct ctl_source *ctl; // fs/ctl.h: what .metaflowfs/ shows; borrowed, NULL without a mount
    struct batch_source *batch;   // fs/batch_source.h: what .batch/ shows; borrowed, NULL: there is none
};
struct tree *tree_new(const struct tree_conf *conf);
void tree_free(struct tree *t);

// Where a node is. Strings are decoded (Metaflow's own; names in .batch are as they are); owned.
struct tref {
    enum kind kind;
    char *flow, *run, *step, *task;
    enum kind dir;    // kind of the directory it is in
    int attempt;      // of TASK/.attempts/<n>/..., else -1
    char *job;        // directory below .batch
    char *job_attempt; // below its attempts/
    char *leaf;       // artifact, log part, card, tag, day, index, "<step>.<task>", control file, file in .batch
};
void tref_init_root(struct tref *r);
void tref_free(struct tref *r);
void tref_copy(struct tref *to, const struct tref *from);
struct pathspec tref_pathspec(const struct tref *r); // borrowed
// Goes one step down: `name` is the file name (still encoded), `kind` what look-up said it is. Pure, no
// waiting; used to rebuild a tref from the kinds and names of a node and its ancestors. False when the
// name cannot be decoded.
bool tref_step(const struct tree *t, struct tref *r, enum kind kind, const char *name);

struct tattr {
    mode_t mode;           // type and permissions
    uint64_t size;
    bool size_exact;       // false: OPEN resolves it (FUSE.md, Sizes)
    bool growing;          // may grow while open
    bool replaced;         // other content may take its place while it is open: each open reads its own, past the
                           // kernel's cache, which is the file's and not the open's
    int64_t mtime_ms;      // also atime and ctime; never 0
    int64_t ttl_ms;        // how long entry and attributes hold
};

// What look-up of `name` in a directory finds. ERR_NOT_FOUND when there is nothing.
errc tree_lookup(struct tree *t, const struct tref *dir, const char *name, struct cancel *cancel,
                 enum kind *ret_kind, struct tattr *ret_attr, struct err *err) ERR_MUST_CHECK;
// Whether `name` can be refused from memory, without asking anything: true means it does not exist. Once a
// listing had a name that was thought impossible, only what cannot be decoded is.
bool tree_never(const struct tree *t, enum kind dir, const char *name);
// The kind that an entry which is no dot name has in a directory, if it exists: by its name alone. K_NONE: none.
enum kind tree_kind_of_entry(enum kind dir, const char *name);
errc tree_attr(struct tree *t, const struct tref *r, struct cancel *cancel, struct tattr *ret,
               struct err *err) ERR_MUST_CHECK;

// Takes one entry: its file name (encoded, at most 255 bytes), kind, and attributes where the listing
// has them at hand (else NULL). False ends the listing.
typedef bool (*tree_list_fn)(void *arg, const char *name, enum kind kind, const struct tattr *attr);
errc tree_list(struct tree *t, const struct tref *dir, struct cancel *cancel, tree_list_fn fn, void *arg,
               struct err *err) ERR_MUST_CHECK;

errc tree_readlink(struct tree *t, const struct tref *r, struct cancel *cancel, char **ret_target,
                   struct err *err) ERR_MUST_CHECK;

// Opens a file: the content's size is exact from here on. *ret_version names the bytes: an open with
// the same version that is not 0 has the same bytes as before (what the kernel cached of them holds);
// 0 means that each open is a snapshot of its own.
errc tree_open(struct tree *t, const struct tref *r, struct cancel *cancel, struct content **ret,
               uint64_t *ret_version, struct err *err) ERR_MUST_CHECK;
// The newest content of a file that is open and may grow. Where more of it is known to come (content_has_more; logs of
// jobs), waits for more than `from` bytes, its end, or a sign that it comes; TREE_NOW waits for nothing.
#define TREE_NOW UINT64_MAX
errc tree_follow(struct tree *t, const struct tref *r, uint64_t from, struct cancel *cancel, struct content **ret,
                 struct err *err) ERR_MUST_CHECK;
// Writes the form of an artifact that is a file of .json/, .csv/ or .npy/ into `sink` as it is made, for a reader that
// needs no size; *ret_is_one is false, and nothing done, for every other file: those are opened. A sink that stops ends
// it with ERR_INTERRUPTED.
errc tree_stream(struct tree *t, const struct tref *r, struct cancel *cancel, struct sink *sink, bool *ret_is_one,
                 struct err *err) ERR_MUST_CHECK;
// What tells a file's bytes from others without opening it; 0 where nothing does. Of artifacts it is the version that
// tree_open gives; of .stdout and .stderr of a settled task it is one, too.
errc tree_version(struct tree *t, const struct tref *r, struct cancel *cancel, uint64_t *ret_version,
                  struct err *err) ERR_MUST_CHECK;

// Tags: mkdir and rmdir below RUN/.tags. Anything else is ERR_READ_ONLY.
errc tree_mkdir(struct tree *t, const struct tref *dir, const char *name, struct cancel *cancel,
                enum kind *ret_kind, struct tattr *ret_attr, struct err *err) ERR_MUST_CHECK;
errc tree_rmdir(struct tree *t, const struct tref *dir, const char *name, struct cancel *cancel,
                struct err *err) ERR_MUST_CHECK;
// A line written to .metaflowfs/refresh: a path below the mount; forgets what is known there.
errc tree_refresh(struct tree *t, const char *path, struct err *err) ERR_MUST_CHECK;

// Extended attributes: `user.metaflow.*` of the object, repeated from .meta. Appends NUL-ended names,
// or one value; ERR_NOT_FOUND for a name that is not there.
errc tree_xattr_list(struct tree *t, const struct tref *r, struct cancel *cancel, struct buf *out,
                     struct err *err) ERR_MUST_CHECK;
errc tree_xattr_get(struct tree *t, const struct tref *r, const char *name, struct cancel *cancel,
                    struct buf *out, struct err *err) ERR_MUST_CHECK;

// The file name of a node, owned by the caller; "" for the root. A link is named as what it is, not where it leads.
char *tref_file_name(struct tree *t, const struct tref *r);

// Resolves a path ("F/R/S/T/name", with dot names, links followed within the tree) from the root.
errc tree_resolve(struct tree *t, const char *path, bool follow_last, struct cancel *cancel,
                  struct tref *ret, struct tattr *ret_attr, struct err *err) ERR_MUST_CHECK;

#endif
