// The layers below the mount, put together from the command line and Metaflow's configuration: used
// by the mount, by --check and by `metaflowfs ls|cat`.
#ifndef FS_STACK_H
#define FS_STACK_H

#include "base/http.h"
#include "base/pool.h"
#include "client/cache.h"
#include "client/config.h"
#include "client/model.h"
#include "client/service.h"
#include "fs/ctl.h"
#include "fs/options.h"
#include "fs/tree.h"
#include "s3/staging.h"

struct stack {
    // Found by stack_find.
    struct config *config;
    char *root;               // the .metaflow directory, absolute; with a service it need not exist
    char *identity;           // what is mounted, for keys: the root, or service and root
    char *service_shown;      // URL of the metadata service without its user part; NULL: local metadata
    char *cache_dir;          // of a service: where its answers are kept; NULL with --no-cache
    char *ca_file;            // of a service: certificates to trust, or NULL for the system's
    char *tempdir;            // METAFLOW_TEMPDIR, absolute
    struct fault *fault;      // or NULL
    // Made by stack_build.
    struct pool *producers;
    struct staging *staging;
    struct http *http;        // or NULL
    struct service *service;  // belongs to the client, as the cache does; NULL: local metadata
    struct cache *cache;
    struct client *client;
    struct tree *tree;
};

// Reads the configuration and finds the datastore, from the working directory `cwd`. Starts no thread,
// so that the caller can fork after it. *ret_exit says how main ends when it fails.
errc stack_find(struct stack *s, const struct options *o, const char *cwd, enum exit_code *ret_exit,
                struct err *err) ERR_MUST_CHECK;
// Makes the layers, with threads and the cache: after any fork. `ctl` may be NULL (no mount).
errc stack_build(struct stack *s, const struct options *o, const struct ctl_source *ctl,
                 enum exit_code *ret_exit, struct err *err) ERR_MUST_CHECK;
// What is mounted, in a word for people: the service's URL, or the local root.
const char *stack_source(const struct stack *s);
// How main ends when the metadata cannot be read.
enum exit_code stack_unread(const struct stack *s);
void stack_free(struct stack *s); // in any state; empties it

#endif
