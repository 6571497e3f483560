#include "fs/stack.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "client/store_awaited.h"
#include "fs/stack_service.h"

#define PRODUCERS_MAX 1024 // as many as requests that can wait: none waits for the thread of another

static const char *value_of(const struct config *c, const char *name)
{
    const char *value = config_get(c, name);
    return value != NULL ? value : "";
}

// This release reads a local datastore; another one that is configured is said to be so rather than passed
// over in silence.
static errc check_datastore(const struct stack *s, const struct options *o, struct err *err)
{
    const char *datastore = value_of(s->config, "DEFAULT_DATASTORE");
    if (o->datastore_root != NULL || datastore[0] == '\0' || strcmp(datastore, "local") == 0) {
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

static errc find_root(struct stack *s, const struct options *o, enum exit_code *ret_exit, struct err *err)
{
    *ret_exit = EXIT_PROVIDER;
    errc e = check_datastore(s, o, err);
    if (e) {
        return e;
    }
    *ret_exit = EXIT_CONFIG;
    bool service = stack_wants_service(s, o);
    e = config_local_root(s->config, o->datastore_root, &s->root, err);
    if (e == ERR_NOT_FOUND && service) {
        // Names come from the service, and bytes from where it recorded them.
        s->root = config_local_root_default(s->config);
        return stack_service_find(s, o, err);
    }
    if (e) {
        *ret_exit = e == ERR_DENIED ? EXIT_DATASTORE : EXIT_CONFIG;
        return e;
    }
    *ret_exit = EXIT_DATASTORE;
    e = check_readable(s->root, err);
    if (e || !service) {
        s->identity = mem_strdup(s->root);
        return e;
    }
    *ret_exit = EXIT_CONFIG;
    return stack_service_find(s, o, err);
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
    if (s->service_shown != NULL && access(s->root, F_OK) != 0) {
        *ret = store_awaited_new(s->root);
        return ERR_OK;
    }
    return store_local_new(s->root, ret, err);
}

static errc build_client(struct stack *s, const struct options *o, struct err *err)
{
    struct store *store;
    errc e = open_store(s, &store, err);
    if (e) {
        return e;
    }
    struct meta *meta;
    e = s->service_shown != NULL ? stack_service_meta(s, o, &meta, err) : meta_local_new(s->root, &meta, err);
    if (e) {
        store->ops->free(store);
        return e;
    }
    if (s->fault != NULL) {
        meta = fault_meta(s->fault, meta);
        store = fault_store(s->fault, store);
    }
    struct client_conf conf = {
        .meta = meta,
        .store = store,
        .staging = s->staging,
        .ns = o->ns,
        .ttl_ms = o->ttl_ms,
        .stale_after_ms = o->stale_after_ms > 0 ? o->stale_after_ms : 1, // 0 means the default there
        .settle_after_ms = o->settle_after_ms > 0 ? o->settle_after_ms : 1,
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

void stack_free(struct stack *s)
{
    if (s->tree != NULL) {
        tree_free(s->tree);
    }
    if (s->client != NULL) {
        client_free(s->client); // with service and cache
    }
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
    free(s->root);
    free(s->identity);
    free(s->service_shown);
    free(s->cache_dir);
    free(s->ca_file);
    free(s->tempdir);
    *s = (struct stack){0};
}
