// The layers below the mount, put together from the command line and Metaflow's configuration: used
// by the mount, by --check and by `metaflowfs ls|cat|get`.
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
#include "fs/s3_settings.h"
#include "fs/stack_keeper.h"
#include "fs/tree.h"
#include "s3/staging.h"

struct stack {
    // Found by stack_find.
    struct config *config;
    char *root;               // the .metaflow directory, absolute; with a service it need not exist
    char *s3_root;            // the datastore, "s3://bucket/prefix"; NULL: it is the local root
    struct s3_settings s3_settings;
    char *identity;           // what is mounted, for keys: metadata and datastore
    char *service_shown;      // URL of the metadata service without its user part; NULL: local metadata
    char *cache_dir;          // of a service or S3: where what they told is kept; NULL with --no-cache
    char *ca_file;            // of a service: certificates to trust, or NULL for the system's
    char *tempdir;            // METAFLOW_TEMPDIR, absolute
    struct fault *fault;      // or NULL
    // Made by stack_build.
    struct pool *producers;
    struct staging *staging;
    struct http *http;        // or NULL
    struct service *service;  // belongs to the client, as the cache does; NULL: local metadata
    struct cache *cache;      // of a service or S3, else NULL
    struct keeper *keeper;    // owns the cache where metadata is local
    struct stack_aws *aws;    // fs/stack_aws.h
    struct stack_s3 *s3;      // fs/stack_s3.h
    struct stack_batch *batch; // fs/stack_batch.h; NULL: there is no .batch
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
// Where the bytes are, for people: the S3 URL, or the local root.
const char *stack_datastore(const struct stack *s);
// How main ends when the metadata cannot be read.
enum exit_code stack_unread(const struct stack *s);
// How main ends when something that was read could not be reached, or refused: asks S3 once more whether it was that.
enum exit_code stack_unreached(const struct stack *s);
// In any state; empties it. What hangs in the storage for some seconds is left as it is, for the process to end with.
void stack_free(struct stack *s);

#endif
