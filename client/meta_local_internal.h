// What the files of the local provider share among themselves. No other module includes it.
#ifndef CLIENT_META_LOCAL_INTERNAL_H
#define CLIENT_META_LOCAL_INTERNAL_H

#include <dirent.h>
#include <stdatomic.h>

#include "base/buf.h"
#include "client/confine.h"
#include "client/meta.h"
#include "client/meta_local.h"

struct meta_local {
    struct meta meta;
    struct confine *root;
    char *user; // or NULL
    struct ages *ages; // client/meta_local_newest.c
    atomic_uint_fast64_t gets, lists, records, artifacts, files_read, dirs_read;
};

// When runs were created, by what their file looks like from outside.
struct ages;
struct ages *ages_new(void);
void ages_free(struct ages *a);

static inline struct meta_local *meta_local_of(struct meta *m)
{
    return (struct meta_local *)m;
}

// "F/R/_meta" and what else `tail` adds, relative to the root; owned by the caller. NULL when an id
// could not be one, which is then answered as missing.
char *meta_local_rel(const struct pathspec *ps, const char *tail);
// Sets ERR_NOT_FOUND for the object at ps and returns it.
void meta_local_say_missing(struct meta_local *m, const struct pathspec *ps, struct err *err);
static inline errc meta_local_missing(struct meta_local *m, const struct pathspec *ps, struct err *err)
{
    meta_local_say_missing(m, ps, err);
    return ERR_NOT_FOUND;
}

// Reads the small file `rel` whole.
errc meta_local_read(struct meta_local *m, const char *rel, struct buf *buf, struct err *err) ERR_MUST_CHECK;
// Reads and parses the `_self.json` of ps alone (tags as that file has them); ids are filled in.
errc meta_local_self(struct meta_local *m, const struct pathspec *ps, struct meta_object **ret,
                     struct err *err) ERR_MUST_CHECK;
// Opens a directory to list it.
errc meta_local_opendir(struct meta_local *m, const char *rel, DIR **ret, struct err *err) ERR_MUST_CHECK;
void meta_local_closedirp(DIR **dir);
// Next name that does not begin with a dot, NULL at the end; *ret_type is a DT_ value. Looks at cancel.
errc meta_local_readdir(DIR *dir, struct cancel *cancel, const char **ret_name, unsigned char *ret_type,
                        struct err *err) ERR_MUST_CHECK;

errc meta_local_records(struct meta *m, const struct pathspec *task, struct cancel *cancel,
                        struct meta_records *ret, struct err *err) ERR_MUST_CHECK;
errc meta_local_field(struct meta *m, const struct pathspec *task, const char *field,
                      struct cancel *cancel, struct meta_records *ret, struct err *err) ERR_MUST_CHECK;
errc meta_local_newest_ms(struct meta *m, const char *flow, struct cancel *cancel, int64_t *ret_ms,
                          struct err *err);
errc meta_local_newest(struct meta *m, const char *flow, struct cancel *cancel, meta_list_fn fn,
                       void *arg, struct err *err) ERR_MUST_CHECK;
errc meta_local_artifacts(struct meta *m, const struct pathspec *task, int attempt,
                          struct cancel *cancel, int *ret_attempt, struct meta_artifacts *ret,
                          struct err *err) ERR_MUST_CHECK;
errc meta_local_artifact(struct meta *m, const struct pathspec *task, int attempt, const char *name,
                         struct cancel *cancel, struct meta_artifacts *ret_one,
                         struct err *err) ERR_MUST_CHECK;
errc meta_local_mutate_tags(struct meta *m, const struct pathspec *run, const struct strv *add,
                            const struct strv *remove, struct cancel *cancel,
                            struct err *err) ERR_MUST_CHECK;

#endif
