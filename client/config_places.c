// Where things are on this machine that Metaflow itself has no word for, or would make.
#include <string.h>

#include "base/mem.h"
#include "client/config_internal.h"

char *config_local_root_default(const struct config *c)
{
    const char *sysroot = config_get(c, "DATASTORE_SYSROOT_LOCAL");
    auto_free char *base = sysroot ? config_join(c->cwd, sysroot) : mem_strdup(c->cwd);
    return config_join(base, ".metaflow");
}

bool config_wants_s3(const struct config *c)
{
    const char *datastore = config_get(c, "DEFAULT_DATASTORE");
    return datastore && strcmp(datastore, "s3") == 0;
}

// Whether it is s3://BUCKET or s3://BUCKET/PREFIX. Metaflow takes a '?' for the end of the path.
static bool is_s3_root(const char *url)
{
    const char *bucket = url + 5;
    if (strncmp(url, "s3://", 5) != 0 || strchr(url, '?')) {
        return false;
    }
    size_t len = strcspn(bucket, "/");
    return len && strspn(bucket, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == len;
}

errc config_s3_root(const struct config *c, const char *explicit_root, char **ret_root, struct err *err)
{
    const char *given = explicit_root ? explicit_root : config_get(c, "DATASTORE_SYSROOT_S3");
    const char *name = explicit_root ? "the root of the datastore" : "METAFLOW_DATASTORE_SYSROOT_S3";
    if (!given || !given[0]) {
        return err_set(err, ERR_INVALID,
                       "Metaflow is configured for a datastore in S3, but METAFLOW_DATASTORE_SYSROOT_S3 is not set: "
                       "set it to s3://BUCKET/PREFIX, in the environment or in Metaflow's config.json");
    }
    if (!is_s3_root(given)) {
        return err_set(err, ERR_INVALID, "%s is \"%.300s\", which is no S3 URL: it has the form s3://BUCKET/PREFIX",
                       name, given);
    }
    size_t len = strlen(given);
    while (given[len - 1] == '/') {
        len--;
    }
    *ret_root = mem_strndup(given, len);
    return ERR_OK;
}

char *config_cache_dir(const struct config *c, const char *given)
{
    if (given)
        return config_join(c->cwd, given);
    const char *xdg = config_env("XDG_CACHE_HOME");
    // "All paths set in these environment variables must be absolute", else they are ignored.
    if (xdg && xdg[0] == '/')
        return config_join(xdg, "metaflowfs");
    char *dir = config_expand_user("~/.cache/metaflowfs");
    if (dir[0] != '/') {
        free(dir);
        return NULL;
    }
    return dir;
}

char *config_ca_file(const struct config *c)
{
    static const char *const names[] = {"REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *path = config_env(names[i]);
        if (path && path[0])
            return config_join(c->cwd, path);
    }
    return NULL;
}
