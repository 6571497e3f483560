// The layers below the mount, put together from the command line and Metaflow's configuration: used
// by the mount, by --check and by `metaflowfs ls|cat`.
#ifndef FS_STACK_H
#define FS_STACK_H

#include "base/pool.h"
#include "client/config.h"
#include "client/model.h"
#include "fs/ctl.h"
#include "fs/options.h"
#include "fs/tree.h"
#include "s3/staging.h"

struct stack {
    // Found by stack_find.
    struct config *config;
    char *root;               // the .metaflow directory, absolute
    char *tempdir;            // METAFLOW_TEMPDIR, absolute
    struct fault *fault;      // or NULL
    // Made by stack_build.
    struct pool *producers;
    struct staging *staging;
    struct client *client;
    struct tree *tree;
};

// Reads the configuration and finds the datastore, from the working directory `cwd`. Starts no thread,
// so that the caller can fork after it. *ret_exit says how main ends when it fails.
errc stack_find(struct stack *s, const struct options *o, const char *cwd, enum exit_code *ret_exit,
                struct err *err) ERR_MUST_CHECK;
// Makes the layers. `ctl` may be NULL (no mount).
errc stack_build(struct stack *s, const struct options *o, const struct ctl_source *ctl,
                 struct err *err) ERR_MUST_CHECK;
void stack_free(struct stack *s); // in any state; empties it

#endif
