// What the files of the configuration share among themselves. No other module includes it.
#ifndef CLIENT_CONFIG_INTERNAL_H
#define CLIENT_CONFIG_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/json.h"
#include "client/config.h"

#define CONFIG_PREFIX "METAFLOW_"

// One value: as it was found, or as it holds after typing and defaults.
struct config_value {
    char *name;          // without METAFLOW_; owned
    enum json_kind kind; // of a file's value; JSON_STR from elsewhere, JSON_NULL without a value
    char *text;          // owned; NULL without a value
    enum config_source source;
};
struct config_values {
    struct config_value *items;
    size_t len, cap;
};

struct config {
    char *cwd;
    char *global_file, *project_file; // paths of what was read, or NULL
    char *user_env;                   // first acceptable of SUDO_USER, USERNAME, USER, or NULL
    struct config_values found;       // one for a name: the one that wins
    struct config_values values;      // found and defaults, typed
};

const struct config_value *config_find(const struct config_values *v, const char *name);
// Adds a value, or replaces the one of that name. Copies the strings.
void config_set(struct config_values *v, const char *name, enum json_kind kind, const char *text,
                enum config_source source);
void config_values_free(struct config_values *v);

// Adds what both files have for names that `found` has not. ERR_INVALID for bad files.
errc config_read_files(struct config *c, struct err *err) ERR_MUST_CHECK;
// Makes `values` from `found`. ERR_INVALID for a value of the wrong type.
errc config_resolve(const struct config *c, struct config_values *ret, struct err *err) ERR_MUST_CHECK;

// The environment is never changed by this program, so reading it is safe from any thread.
static inline const char *config_env(const char *name)
{
    return getenv(name); // NOLINT(concurrency-mt-unsafe)
}

// Python's os.path.join and os.path.expanduser; owned by the caller.
char *config_join(const char *a, const char *b);
char *config_expand_user(const char *path);
bool config_is_dir(const char *path);
// The nearest ancestor of cwd (or cwd itself) that has a directory `.metaflow`: its path, or NULL.
char *config_project_dir(const char *cwd);

#endif
