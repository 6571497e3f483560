// AWS's shared files as botocore reads them (botocore/configloader.py, botocore/session.py):
// ~/.aws/config (AWS_CONFIG_FILE) with [default], [profile NAME], [services NAME], [sso-session NAME], and
// ~/.aws/credentials (AWS_SHARED_CREDENTIALS_FILE) with [NAME]. A missing file is empty. Immutable after loading;
// thread-safe. Loaded anew when credentials are refreshed, so that rotated keys are seen.
#ifndef BASE_AWS_PROFILE_H
#define BASE_AWS_PROFILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/endpoint.h"
#include "base/err.h"

struct aws_files;

// A file that cannot be read is ERR_DENIED or ERR_IO, a malformed line ERR_INVALID naming file and line (never
// its text, which may be a secret). The environment is read through `env` (getenv, or a test's own).
typedef const char *(*aws_env_fn)(const char *name);
errc aws_files_load(aws_env_fn env, struct aws_files **ret, struct err *err) ERR_MUST_CHECK;
void aws_files_free(struct aws_files *f); // NULL is fine

// AWS_PROFILE, AWS_DEFAULT_PROFILE or "default"; `given` (an option) wins when not NULL. Borrowed.
const char *aws_profile_name(aws_env_fn env, const char *given);
// Whether either file has the profile.
bool aws_profile_exists(const struct aws_files *f, const char *profile);
// A setting of a profile, in lower case; NULL when absent. Where both files have it the credentials file's counts, as
// with botocore. `section` is for nested settings ("s3" in "s3 =\n  addressing_style = path"), else NULL. Borrowed.
const char *aws_profile_get(const struct aws_files *f, const char *profile, const char *section, const char *key);
// The same of one file alone, for keys: they stand together in one file.
enum aws_file { AWS_FILE_CREDENTIALS, AWS_FILE_CONFIG };
const char *aws_file_get(const struct aws_files *f, enum aws_file file, const char *profile, const char *key);
// A setting below [services NAME], NAME being the profile's `services`: e.g. ("s3", "endpoint_url"). Borrowed.
const char *aws_service_get(const struct aws_files *f, const char *profile, const char *service, const char *key);
// A setting of [sso-session NAME]; NULL when absent. Borrowed.
const char *aws_sso_session_get(const struct aws_files *f, const char *session, const char *key);
bool aws_sso_session_exists(const struct aws_files *f, const char *session);

// Whether the variable is "true" in any case, or where it is not set the profile's key.
bool aws_is_wanted(aws_env_fn env, const char *variable, const struct aws_files *f, const char *profile,
                   const char *key);
// AWS_USE_FIPS_ENDPOINT and AWS_USE_DUALSTACK_ENDPOINT, else the profile's use_fips_endpoint and
// use_dualstack_endpoint.
struct aws_variant aws_variant_get(aws_env_fn env, const struct aws_files *f, const char *profile);

// The path with "~" or "~/" in front replaced by $HOME (or the user's home). Owned.
char *aws_path_expand(aws_env_fn env, const char *path);
// An environment variable that is set and not empty, or NULL.
const char *aws_env_get(aws_env_fn env, const char *name);

// The two files as bytes, for tests and the fuzz target; either may be NULL with length 0.
errc aws_files_parse(const char *config, size_t config_len, const char *credentials, size_t credentials_len,
                     struct aws_files **ret, struct err *err) ERR_MUST_CHECK;

#endif
