// Metaflow's configuration as Metaflow itself finds it (metaflow_config_funcs.py, metaflow_config.py):
// environment, then the project's .metaflow/config.json, then $METAFLOW_HOME/config[_PROFILE].json,
// then the default; and the local datastore root by the rules of metaflow/plugins/datastores/local_storage.py.
#ifndef CLIENT_CONFIG_H
#define CLIENT_CONFIG_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

struct config; // immutable after loading; thread-safe

enum config_source { CONFIG_DEFAULT, CONFIG_GLOBAL_FILE, CONFIG_PROJECT_FILE, CONFIG_ENV, CONFIG_OPTION };

// Loads for a process whose working directory is `cwd` (absolute). A named profile without a file, or
// a file that is not a JSON object, is ERR_INVALID with what to do.
errc config_load(const char *cwd, struct config **ret, struct err *err) ERR_MUST_CHECK;
void config_free(struct config *c);

// The value of METAFLOW_<name> ("DEFAULT_METADATA"), with Metaflow's default; NULL where that is None.
// JSON values (SERVICE_HEADERS) are their compact JSON text, with what Metaflow merges into them;
// booleans are "true" or "false", numbers decimal. Borrowed until the next config_override.
const char *config_get(const struct config *c, const char *name);
enum config_source config_source(const struct config *c, const char *name);
// An option of the command line overrides everything. Call it before the configuration is shared. A
// value that Metaflow would not accept for its type is ignored.
void config_override(struct config *c, const char *name, const char *value);

// The local root, a directory `.metaflow`: DATASTORE_SYSROOT_LOCAL/.metaflow when set, else the nearest
// ancestor of cwd that has one. ERR_NOT_FOUND says where was looked and names --datastore-root.
// `explicit_root`, when not NULL, is --datastore-root: a `.metaflow` directory, one that contains it, or
// one that has flows like it under another name (a renamed copy). Owned by the caller.
errc config_local_root(const struct config *c, const char *explicit_root, char **ret_root,
                       struct err *err) ERR_MUST_CHECK;

// Whether Metaflow puts its bytes into S3 (METAFLOW_DEFAULT_DATASTORE=s3).
bool config_wants_s3(const struct config *c);
// The root of the datastore in S3 (METAFLOW_DATASTORE_SYSROOT_S3), without slashes at its end: "s3://bucket/prefix".
// ERR_INVALID when it is not set, or no such URL. `explicit_root`, when not NULL, is what an option gave instead.
// Owned by the caller.
errc config_s3_root(const struct config *c, const char *explicit_root, char **ret_root, struct err *err) ERR_MUST_CHECK;

// The local root that Metaflow would make where there is none yet. Owned by the caller.
char *config_local_root_default(const struct config *c);
// Where answers of a service are kept: `given` (an option, or NULL), else $XDG_CACHE_HOME/metaflowfs, else
// ~/.cache/metaflowfs; NULL without a home. Absolute; owned by the caller.
char *config_cache_dir(const struct config *c, const char *given);
// The bundle of certificates that Python's requests, curl or OpenSSL were told to trust (REQUESTS_CA_BUNDLE,
// CURL_CA_BUNDLE, SSL_CERT_FILE), absolute, or NULL. Owned by the caller.
char *config_ca_file(const struct config *c);

// Metaflow's user name: the first of METAFLOW_USER, SUDO_USER, USERNAME and USER that is set and not
// "root"; NULL when there is none. Borrowed until the next config_override.
const char *config_user(const struct config *c);

// All names that are set or have a default, one "NAME = value  (source)" a line, secrets as
// ***: values of secret names, members of such names in JSON values, and the user part of URLs.
void config_print(const struct config *c, struct buf *out);
// Whether a value of this name must never be shown (base/secret.h).
int config_is_secret(const char *name);

#endif
