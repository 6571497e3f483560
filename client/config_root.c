// Which directory is the local datastore (metaflow/plugins/datastores/local_storage.py:
// get_datastore_root_from_config, without making one).
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "client/config_internal.h"

#define LOCAL_DIR ".metaflow"

static bool has_local_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return strcmp(slash ? slash + 1 : path, LOCAL_DIR) == 0;
}

// Whether there is a flow.
static bool has_flows(const char *path)
{
    DIR *dir = opendir(path);
    if (!dir)
        return false;
    bool found = false;
    while (!found) {
        struct dirent *e = readdir(dir); // NOLINT(concurrency-mt-unsafe): nobody else has this DIR
        if (!e)
            break;
        char self[NAME_MAX + sizeof "/_meta/_self.json"];
        snprintf(self, sizeof self, "%s/_meta/_self.json", e->d_name);
        found = e->d_name[0] != '.' && faccessat(dirfd(dir), self, F_OK, 0) == 0;
    }
    closedir(dir);
    return found;
}

static errc explicit_local_root(const struct config *c, const char *given, char **ret_root,
                                struct err *err)
{
    auto_free char *path = config_join(c->cwd, given);
    auto_free char *root = realpath(path, NULL);
    if (!root)
        return err_set_errno(err, errno, "cannot open the datastore %s", path);
    if (!config_is_dir(root))
        return err_set(err, ERR_INVALID,
                       "%s is not a directory: give the .metaflow directory or the one that contains it", root);
    auto_free char *inner = config_join(root, LOCAL_DIR);
    bool has_inner = config_is_dir(inner);
    // With METAFLOW_DATASTORE_SYSROOT_LOCAL=.../.metaflow Metaflow makes a second one inside.
    if (has_inner && (!has_local_name(root) || (!has_flows(root) && has_flows(inner)))) {
        *ret_root = steal_ptr(&inner);
        return ERR_OK;
    }
    if (has_local_name(root) || has_flows(root)) {
        *ret_root = steal_ptr(&root);
        return ERR_OK;
    }
    return err_set(err, ERR_NOT_FOUND,
                   "%s is no Metaflow datastore: it has no directory .metaflow and no flows in it", root);
}

static errc sysroot_local_root(const struct config *c, const char *sysroot, char **ret_root,
                               struct err *err)
{
    auto_free char *given = config_join(c->cwd, sysroot);
    auto_free char *root = config_join(given, LOCAL_DIR);
    if (!config_is_dir(root)) {
        bool is_inner = has_local_name(given) && config_is_dir(given);
        return err_set(err, ERR_NOT_FOUND, "METAFLOW_DATASTORE_SYSROOT_LOCAL is %s, but there is no directory %s%s",
                       sysroot, root,
                       is_inner ? ": it must name the directory that contains .metaflow; name the datastore "
                                  "itself with --datastore-root"
                                : "; name the datastore with --datastore-root");
    }
    *ret_root = steal_ptr(&root);
    return ERR_OK;
}

errc config_local_root(const struct config *c, const char *explicit_root, char **ret_root,
                       struct err *err)
{
    if (explicit_root)
        return explicit_local_root(c, explicit_root, ret_root, err);
    const char *sysroot = config_get(c, "DATASTORE_SYSROOT_LOCAL");
    if (sysroot)
        return sysroot_local_root(c, sysroot, ret_root, err);
    char *root = config_project_dir(c->cwd);
    if (!root)
        return err_set(err, ERR_NOT_FOUND,
                       "there is no directory .metaflow in %s or above it, and METAFLOW_DATASTORE_SYSROOT_LOCAL "
                       "is not set: name the datastore with --datastore-root",
                       c->cwd);
    *ret_root = root;
    return ERR_OK;
}
