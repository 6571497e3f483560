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
