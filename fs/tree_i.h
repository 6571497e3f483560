// Private to fs/tree_*.c: the tree's state and the helpers that its parts share.
#ifndef FS_TREE_I_H
#define FS_TREE_I_H

#include <stdatomic.h>

#include "base/name.h"
#include "fs/ctl.h"
#include "fs/tree.h"

struct tree {
    struct tree_conf conf;
    struct long_names *long_names;
    atomic_bool odd_names; // a listing had a name that Metaflow does not give
    int64_t start_ms; // wall time of tree_new: the times of what has none of its own
};

// The pathspec cut at the level of an object: FLOW/RUN for a node below RUN/.failed, ...
struct pathspec tref_pathspec_upto(const struct tref *r, enum level level);

// A file name for a Metaflow name, remembered when it had to be cut. Owned by the caller.
char *tree_encode(struct tree *t, const char *name);
// A Metaflow name for a file name, owned; NULL when it is none.
char *tree_decode(const struct tree *t, const char *file_name);

// Type, permissions and times for a node of `kind`; size 0, exact, live.
void tree_fill_attr(const struct tree *t, enum kind kind, int64_t mtime_ms, struct tattr *ret);
// Attributes of an artifact in one of its forms.
void tree_artifact_attr(const struct tree *t, enum kind kind, const struct artifact *a, struct tattr *ret);
// Attributes of a raw log part or card.
void tree_part_attr(const struct tree *t, enum kind kind, uint64_t size, int64_t mtime_ms,
                    struct tattr *ret);
// mtime of the object that the node belongs to.
errc tree_object_mtime(struct tree *t, const struct tref *r, struct cancel *cancel, int64_t *ret,
                       struct err *err) ERR_MUST_CHECK;

// The artifact that an artifact node, pickle, JSON form or parameter is of, in a snapshot that the
// caller lets go of (artifacts_unref), and the environment to open it in.
errc tree_find_artifact(struct tree *t, const struct tref *r, struct cancel *cancel,
                        const struct artifacts **ret_list, const struct artifact **ret,
                        struct artifact_env *ret_env, struct err *err) ERR_MUST_CHECK;

// Whether an artifact is shown in that form: a table as CSV, ...; a type that was not recorded promises nothing.
bool tree_promises(enum kind form, const struct artifact *a);

// Splits "<step>.<task>" at its first dot, in place; false when there is none.
bool tree_split_task_name(char *name, char **ret_step, char **ret_task);
// "<type>[-<id>].html", the file name of the link to a card. Owned by the caller.
char *tree_card_link_name(const struct card *card);
// The newest card of a link's name, or NULL.
const struct card *tree_newest_card(const struct cards *cards, const char *link_name);

// fs/tree_batch.c: .batch and what is below it, and TASK/.batch.
errc tree_batch_lookup(struct tree *t, const struct tref *dir, const char *name, struct cancel *cancel,
                       enum kind *ret_kind, struct tattr *ret_attr, struct err *err) ERR_MUST_CHECK;
errc tree_batch_attr(struct tree *t, const struct tref *r, struct cancel *cancel, struct tattr *ret,
                     struct err *err) ERR_MUST_CHECK;
errc tree_batch_list(struct tree *t, const struct tref *dir, struct cancel *cancel, tree_list_fn fn, void *arg,
                     struct err *err) ERR_MUST_CHECK;
errc tree_batch_open(struct tree *t, const struct tref *r, struct cancel *cancel, struct content **ret,
                     struct err *err) ERR_MUST_CHECK;
errc tree_batch_link(struct tree *t, const struct tref *r, struct cancel *cancel, char **ret,
                     struct err *err) ERR_MUST_CHECK;

// fs/tree_code.c: the code package of a run. In a tref of what is below .code the leaf is the whole path.
errc tree_code_lookup(struct tree *t, const struct tref *dir, const char *name, struct cancel *cancel,
                      enum kind *ret_kind, struct tattr *ret_attr, struct err *err) ERR_MUST_CHECK;
errc tree_code_attr(struct tree *t, const struct tref *r, struct cancel *cancel, struct tattr *ret,
                    struct err *err) ERR_MUST_CHECK;
errc tree_code_list(struct tree *t, const struct tref *dir, struct cancel *cancel, tree_list_fn fn, void *arg,
                    struct err *err) ERR_MUST_CHECK;
errc tree_code_open(struct tree *t, const struct tref *r, struct cancel *cancel, struct content **ret,
                    uint64_t *ret_version, struct err *err) ERR_MUST_CHECK;
// Of a file, or of the whole package: tree_version.
errc tree_code_version(struct tree *t, const struct tref *r, struct cancel *cancel, uint64_t *ret_version,
                       struct err *err) ERR_MUST_CHECK;

// Text of .help for a directory of that kind, and of .metaflowfs/README.
// `batch`: this mount has .batch.
void help_text(enum kind dir, bool batch, struct buf *out);
void help_readme(bool batch, struct buf *out);

#endif
