#include "fs/stack.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "client/store_awaited.h"
#include "fs/stack_aws.h"
#include "fs/stack_batch.h"
#include "fs/stack_s3.h"
#include "fs/stack_service.h"

// A glob looks at every task before the first is opened: what a walk of some thousand tasks asks for stays at hand.
#define RECENT_BYTES_S3 ((size_t)16 << 20)
#define PRODUCERS_MAX 1024 // as many as requests that can wait: none waits for the thread of another
#define UNREACHED_MS 5000
#define END_MS 3000

static const char *value_of(const struct config *c, const char *name)
{
    const char *value = config_get(c, name);
    return value != NULL ? value : "";
}

// Another datastore that is configured is said to be so rather than passed over in silence.
static errc check_datastore(const struct stack *s, const struct options *o, struct err *err)
{
    const char *datastore = value_of(s->config, "DEFAULT_DATASTORE");
    if (o->datastore_root != NULL || datastore[0] == '\0' || strcmp(datastore, "local") == 0 ||
        strcmp(datastore, "s3") == 0) {
        return ERR_OK;
    }
    return err_set(err, ERR_INVALID,
                   "Metaflow is configured for a datastore in %s (METAFLOW_DEFAULT_DATASTORE=%s), which this release "
                   "does not read. Set METAFLOW_DEFAULT_DATASTORE=local to mount what is on this machine, or mount "
                   "the .metaflow directory in DIR with --datastore-root DIR",
                   datastore, datastore);
}

static errc check_readable(const char *root, struct err *err)
{
    DIR *dir = opendir(root);
    if (dir == NULL) {
        return err_set_errno(err, errno, "the datastore %s cannot be read", root);
    }
    closedir(dir);
    return ERR_OK;
}

// Metadata on this machine, bytes on it or in S3.
static errc find_local(struct stack *s, const struct options *o, enum exit_code *ret_exit, struct err *err)
{
    const char *given = s->s3_root != NULL ? NULL : o->datastore_root;
    *ret_exit = EXIT_CONFIG;
    errc e = config_local_root(s->config, given, &s->root, err);
    if (e) {
        *ret_exit = e == ERR_DENIED ? EXIT_DATASTORE : EXIT_CONFIG;
        return e;
    }
    if (s->s3_root != NULL) {
        s->identity = mem_printf("%s\n%s", s->root, s->s3_root);
        s->cache_dir = o->no_cache ? NULL : config_cache_dir(s->config, o->cache_dir);
    } else {
        s->identity = mem_strdup(s->root);
    }
    *ret_exit = EXIT_DATASTORE;
    return check_readable(s->root, err);
}

// Names from a service. Its bytes are in S3, or in a local root that need not exist: then they are where the service
// recorded them.
static errc find_service(struct stack *s, const struct options *o, enum exit_code *ret_exit, struct err *err)
{
    errc e = s->s3_root != NULL ? err_set(err, ERR_NOT_FOUND, "not looked for")
                                : config_local_root(s->config, NULL, &s->root, err);
    *ret_exit = e == ERR_DENIED ? EXIT_DATASTORE : EXIT_CONFIG;
    if (e && e != ERR_NOT_FOUND) {
        return e;
    }
    if (e) {
        s->root = config_local_root_default(s->config);
    } else {
        *ret_exit = EXIT_DATASTORE;
        e = check_readable(s->root, err);
        if (e) {
            return e;
        }
    }
    *ret_exit = EXIT_CONFIG;
    return stack_service_find(s, o, err);
}

static errc find_root(struct stack *s, const struct options *o, enum exit_code *ret_exit, struct err *err)
{
    *ret_exit = EXIT_PROVIDER;
    errc e = check_datastore(s, o, err);
    if (!e && stack_wants_s3(s, o)) {
        *ret_exit = EXIT_CONFIG;
        e = stack_s3_find(s, o, err);
    }
    if (e) {
        return e;
    }
    return stack_wants_service(s, o) ? find_service(s, o, ret_exit, err) : find_local(s, o, ret_exit, err);
}

errc stack_find(struct stack *s, const struct options *o, const char *cwd, enum exit_code *ret_exit,
                struct err *err)
{
    *s = (struct stack){0};
    *ret_exit = EXIT_CONFIG;
    errc e = config_load(cwd, &s->config, err);
    if (!e) {
        e = find_root(s, o, ret_exit, err);
    }
    if (e) {
        return e;
    }
    const char *tempdir = value_of(s->config, "TEMPDIR");
    s->tempdir = tempdir[0] == '/' ? mem_strdup(tempdir) : file_join(cwd, tempdir[0] != '\0' ? tempdir : ".");
    if (o->fault != NULL) {
        *ret_exit = EXIT_USAGE;
        e = fault_parse(o->fault, &s->fault, err);
    }
    return e;
}

static errc open_store(const struct stack *s, struct store **ret, struct err *err)
{
    if (s->s3_root != NULL) {
        return stack_s3_store(s->s3, s->s3_root, ret, err);
    }
    if (s->service_shown != NULL && access(s->root, F_OK) != 0) {
        *ret = store_awaited_new(s->root);
        return ERR_OK;
    }
    return store_local_new(s->root, ret, err);
}

// What S3 gave is kept as what a service told is.
static errc open_cache(struct stack *s, const struct options *o, struct err *err)
{
    struct cache_conf conf = {.dir = s->cache_dir, .tempdir = s->tempdir, .identity = s->identity,
                              .max_bytes = o->cache_bytes};
    struct cache *cache;
    errc e = cache_open(&conf, &cache, err);
    if (e) {
        return e;
    }
    s->keeper = keeper_new(cache);
    if (s->keeper == NULL) {
        return err_set(err, ERR_NO_MEMORY, "there are no threads or memory to start with");
    }
    s->cache = cache;
    return ERR_OK;
}

static errc open_meta(struct stack *s, const struct options *o, struct meta **ret, struct err *err)
{
    if (s->service_shown != NULL) {
        return stack_service_meta(s, o, ret, err);
    }
    errc e = s->s3_root != NULL ? open_cache(s, o, err) : ERR_OK;
    return e ? e : meta_local_new(s->root, ret, err);
}

static errc build_client(struct stack *s, const struct options *o, struct err *err)
{
    struct meta *meta;
    struct store *store;
    errc e = open_meta(s, o, &meta, err);
    if (e) {
        return e;
    }
    s->aws = stack_aws_new(s, o);
    s->s3 = stack_s3_new(s, o);
    e = open_store(s, &store, err);
    if (e) {
        meta->ops->free(meta); // with service and cache
        s->service = NULL;
        s->cache = s->keeper != NULL ? s->cache : NULL;
        return e;
    }
    if (s->fault != NULL) {
        meta = fault_meta(s->fault, meta);
        store = fault_store(s->fault, store);
    }
    struct client_conf conf = {
        .meta = meta,
        .store = store,
        .store_open = stack_s3_store,
        .store_open_arg = s->s3,
        .staging = s->staging,
        .ns = o->ns,
        .ttl_ms = o->ttl_ms,
        .stale_after_ms = o->stale_after_ms > 0 ? o->stale_after_ms : 1, // 0 means the default there
        .settle_after_ms = o->settle_after_ms > 0 ? o->settle_after_ms : 1,
        .recent_bytes = s->s3_root != NULL ? RECENT_BYTES_S3 : 0,
    };
    s->client = client_new(&conf);
    return ERR_OK;
}

errc stack_build(struct stack *s, const struct options *o, const struct ctl_source *ctl, enum exit_code *ret_exit,
                 struct err *err)
{
    *ret_exit = EXIT_OTHER;
    struct pool_conf pool = {.max_threads = PRODUCERS_MAX, .idle_ms = 2000, .name = "mf-produce"};
    s->producers = pool_new(&pool);
    struct staging_conf staging = {.tempdir = s->tempdir,
                                   .max_bytes = o->staging_bytes,
                                   .cap_option = "--staging-size",
                                   .pool = s->producers};
    errc e = staging_new(&staging, &s->staging, err);
    if (!e) {
        e = build_client(s, o, err);
        *ret_exit = e == ERR_INVALID ? EXIT_CONFIG : EXIT_OTHER;
    }
    if (e) {
        return e;
    }
    // What is not mounted has nobody who would write into it.
    if (ctl != NULL && !o->read_only && !o->no_batch) {
        s->batch = stack_batch_new(s, o);
    }
    struct tree_conf conf = {
        .client = s->client,
        .staging = s->staging,
        .uid = o->has_uid ? (uid_t)o->uid : getuid(),
        .gid = o->has_gid ? (gid_t)o->gid : getgid(),
        .umask = (mode_t)o->umask,
        .list_dots = o->list_dots,
        .read_only = o->read_only,
        .ttl_ms = o->ttl_ms,
        .strict_names = s->service_shown != NULL,
        .ctl = ctl,
        .batch = s->batch != NULL ? stack_batch_source(s->batch) : NULL,
    };
    s->tree = tree_new(&conf);
    return ERR_OK;
}

const char *stack_source(const struct stack *s)
{
    return s->service_shown != NULL ? s->service_shown : s->root;
}

enum exit_code stack_unread(const struct stack *s)
{
    return s->service_shown != NULL ? EXIT_SERVICE : EXIT_DATASTORE;
}

const char *stack_datastore(const struct stack *s)
{
    return s->s3_root != NULL ? s->s3_root : s->root;
}

enum exit_code stack_unreached(const struct stack *s)
{
    struct cancel cancel = {.deadline_ms = clock_mono_ms() + UNREACHED_MS};
    struct err err = ERR_INIT;
    return s->s3_root != NULL && stack_s3_check(s, &cancel, &err) ? EXIT_DATASTORE : stack_unread(s);
}

// What is being made uses the client's sources: nobody waits for it any more, so that it ends soon.
static bool producers_end(const struct stack *s)
{
    int64_t end = clock_mono_ms() + END_MS;
    while (s->producers != NULL && pool_busy(s->producers) > 0 && clock_mono_ms() < end) {
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    return s->producers == NULL || pool_busy(s->producers) == 0;
}

void stack_free(struct stack *s)
{
    if (!producers_end(s)) {
        return;
    }
    if (s->tree != NULL) {
        tree_free(s->tree);
    }
    stack_batch_free(s->batch); // asks the client
    if (s->client != NULL) {
        client_free(s->client); // with service and cache
    }
    keeper_free(s->keeper);
    stack_s3_free(s->s3);
    stack_aws_free(s->aws);
    http_free(s->http);
    // The producers go first: what they make belongs to the staging area.
    pool_free(s->producers);
    if (s->staging != NULL) {
        staging_free(s->staging);
    }
    if (s->fault != NULL) {
        fault_free(s->fault);
    }
    config_free(s->config);
    s3_settings_free(&s->s3_settings);
    free(s->s3_root);
    free(s->root);
    free(s->identity);
    free(s->service_shown);
    free(s->cache_dir);
    free(s->ca_file);
    free(s->tempdir);
    *s = (struct stack){0};
}
