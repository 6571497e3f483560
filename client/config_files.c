// Where the configuration files are and what they hold (metaflow_config_funcs.py: init_config,
// init_local_config).
#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "client/config_internal.h"

#define FILE_MAX_BYTES ((size_t)16 << 20)

char *config_join(const char *a, const char *b)
{
    if (b[0] == '/' || !a[0])
        return mem_strdup(b);
    return file_join(a, b);
}

bool config_is_dir(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

// Home directory by passwd: of a user, or of this process with NULL. Owned, or NULL.
static char *passwd_home(const char *user)
{
    char room[16384];
    struct passwd entry, *found = NULL;
    if (user)
        getpwnam_r(user, &entry, room, sizeof room, &found);
    else
        getpwuid_r(getuid(), &entry, room, sizeof room, &found);
    return found ? mem_strdup(found->pw_dir) : NULL;
}

char *config_expand_user(const char *path)
{
    if (path[0] != '~')
        return mem_strdup(path);
    size_t len = strcspn(path, "/");
    auto_free char *user = len > 1 ? mem_strndup(path + 1, len - 1) : NULL;
    auto_free char *home = NULL;
    if (user || !config_env("HOME"))
        home = passwd_home(user);
    else
        home = mem_strdup(config_env("HOME"));
    if (!home)
        return mem_strdup(path);
    size_t n = strlen(home);
    while (n && home[n - 1] == '/')
        home[--n] = '\0';
    char *full = mem_printf("%s%s", home, path + len);
    if (full[0])
        return full;
    free(full);
    return mem_strdup("/");
}

struct adding {
    struct config_values *to;
    enum config_source source;
};

static bool add_member(void *arg, const char *key, const struct json *value)
{
    struct adding *into = arg;
    if (strncmp(key, CONFIG_PREFIX, sizeof CONFIG_PREFIX - 1) != 0)
        return true;
    const char *name = key + sizeof CONFIG_PREFIX - 1;
    if (config_find(into->to, name))
        return true;
    enum json_kind kind = json_kind(value);
    const char *text = json_str(value);
    auto_cleanup(buf_free) struct buf dumped = {0};
    if (!text && kind != JSON_NULL) {
        json_dump(value, &dumped);
        text = dumped.data ? dumped.data : "";
    }
    config_set(into->to, name, kind, text, into->source);
    return true;
}

static errc read_file(struct config *c, const char *path, enum config_source source, struct err *err)
{
    auto_cleanup(buf_free) struct buf text = {0};
    auto_cleanup(json_freep) struct json *json = NULL;
    errc e = file_read(path, FILE_MAX_BYTES, &text, err);
    if (e)
        return e;
    e = json_parse(text.data ? text.data : "", text.len, path, &json, err);
    if (!e && json_kind(json) != JSON_OBJECT)
        e = err_set(err, ERR_CORRUPT, "%s is not a JSON object", path);
    if (e == ERR_CORRUPT) {
        // Not stored data but a setting: the one who wrote it can put it right.
        err_prefix(err, "Metaflow's configuration cannot be read; correct or remove the file");
        err->code = ERR_INVALID;
        return ERR_INVALID;
    }
    if (e)
        return e;
    struct adding into = {&c->found, source};
    json_each(json, add_member, &into);
    return ERR_OK;
}

char *config_project_dir(const char *cwd)
{
    auto_free char *at = mem_strdup(cwd);
    auto_free char *first = config_join(at, ".metaflow");
    if (config_is_dir(first))
        return realpath(first, NULL);
    for (;;) {
        char *slash = strrchr(at, '/');
        if (!slash || !at[1])
            return NULL;
        slash[slash == at] = '\0';
        char *dir = config_join(at, ".metaflow");
        if (config_is_dir(dir))
            return dir;
        free(dir);
    }
}

static char *global_file(const struct config *c, const char *home, const char *profile)
{
    auto_free char *name = profile && profile[0] ? mem_printf("config_%s.json", profile)
                                                 : mem_strdup("config.json");
    auto_free char *path = config_join(home, name);
    auto_free char *expanded = config_expand_user(path);
    return config_join(c->cwd, expanded);
}

errc config_read_files(struct config *c, struct err *err)
{
    auto_free char *project = config_project_dir(c->cwd);
    auto_free char *project_file = project ? config_join(project, "config.json") : NULL;
    if (project_file && access(project_file, F_OK) == 0) {
        errc e = read_file(c, project_file, CONFIG_PROJECT_FILE, err);
        if (e)
            return e;
        c->project_file = steal_ptr(&project_file);
    }
    // These two are the environment's alone.
    const char *home = config_env("METAFLOW_HOME"), *profile = config_env("METAFLOW_PROFILE");
    if (!home)
        home = "~/.metaflowconfig";
    auto_free char *path = global_file(c, home, profile);
    if (access(path, F_OK) == 0) {
        errc e = read_file(c, path, CONFIG_GLOBAL_FILE, err);
        if (e)
            return e;
        c->global_file = steal_ptr(&path);
    } else if (profile && profile[0]) {
        return err_set(err, ERR_INVALID,
                       "METAFLOW_PROFILE is %s, but there is no file %s: make it or unset METAFLOW_PROFILE",
                       profile, path);
    }
    return ERR_OK;
}
