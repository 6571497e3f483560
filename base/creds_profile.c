// Credentials of the environment and of profiles in the shared files: keys, and roles that are assumed with others.
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/creds_i.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"

#define MAX_ROLES 16 // that lead to one another
#define MAX_TOKEN_BYTES (64 * 1024)

errc creds_from_env(struct look *l, struct found *ret, struct err *err)
{
    const char *key = aws_env_get(l->env, "AWS_ACCESS_KEY_ID");
    const char *secret = aws_env_get(l->env, "AWS_SECRET_ACCESS_KEY");
    const char *token = aws_env_get(l->env, "AWS_SECURITY_TOKEN");
    token = token ? token : aws_env_get(l->env, "AWS_SESSION_TOKEN");
    if (!key) {
        return err_set(err, ERR_NOT_FOUND, "the environment has no AWS_ACCESS_KEY_ID");
    }
    if (!secret) {
        return err_set(err, ERR_DENIED, "the environment has AWS_ACCESS_KEY_ID but no AWS_SECRET_ACCESS_KEY");
    }
    *ret = (struct found){.value = {mem_strdup(key), mem_strdup(secret), mem_strdup(token), -1, 0},
                          .source = mem_strdup("environment"), .is_fixed = true};
    creds_value_secret(l, &ret->value);
    return ERR_OK;
}

errc creds_from_keys(struct look *l, enum aws_file file, const char *profile, struct found *ret, struct err *err)
{
    const char *where = file == AWS_FILE_CREDENTIALS ? "credentials" : "config";
    const char *key = aws_file_get(l->files, file, profile, "aws_access_key_id");
    const char *secret = aws_file_get(l->files, file, profile, "aws_secret_access_key");
    const char *token = aws_file_get(l->files, file, profile, "aws_security_token");
    token = token ? token : aws_file_get(l->files, file, profile, "aws_session_token");
    if (!key) {
        return err_set(err, ERR_NOT_FOUND, "profile %.60s has no aws_access_key_id in the %s file", profile, where);
    }
    if (!secret) {
        return err_set(err, ERR_DENIED, "profile %.60s has an aws_access_key_id but no aws_secret_access_key in the "
                                        "%s file", profile, where);
    }
    token = token && *token ? token : NULL;
    *ret = (struct found){.value = {mem_strdup(key), mem_strdup(secret), mem_strdup(token), -1, 0},
                          .source = mem_printf("keys of profile %s in the %s file", profile, where)};
    creds_value_secret(l, &ret->value);
    return ERR_OK;
}

// --- a web identity ------------------------------------------------------------------------------------------

static errc read_token(struct look *l, const char *path, struct buf *ret, struct err *err)
{
    auto_free char *full = aws_path_expand(l->env, path);
    ret->max = 2 * MAX_TOKEN_BYTES;
    errc e = file_read(full, MAX_TOKEN_BYTES, ret, err);
    while (!e && ret->len > 0 && strchr("\r\n \t", ret->data[ret->len - 1])) {
        ret->data[--ret->len] = '\0';
    }
    if (e || ret->len == 0 || strlen(ret->data) != ret->len) {
        return e ? err_set(err, ERR_DENIED, "the web identity token cannot be read: %.300s", err->cause)
                 : err_set(err, ERR_DENIED, "the web identity token file %.200s holds no token", full);
    }
    return ERR_OK;
}

// As botocore does it, each of the three may come from the environment or from the profile.
static const char *web_setting(struct look *l, const char *profile, bool use_env, const char *variable,
                               const char *key)
{
    const char *value = use_env ? aws_env_get(l->env, variable) : NULL;
    value = value ? value : aws_profile_get(l->files, profile, NULL, key);
    return value && *value ? value : NULL;
}

errc creds_from_web_identity(struct look *l, const char *profile, bool use_env, struct found *ret, struct err *err)
{
    const char *file = web_setting(l, profile, use_env, "AWS_WEB_IDENTITY_TOKEN_FILE", "web_identity_token_file");
    const char *role = web_setting(l, profile, use_env, "AWS_ROLE_ARN", "role_arn");
    const char *session = web_setting(l, profile, use_env, "AWS_ROLE_SESSION_NAME", "role_session_name");
    if (!file) {
        return err_set(err, ERR_NOT_FOUND, "there is no AWS_WEB_IDENTITY_TOKEN_FILE and no web_identity_token_file");
    }
    if (!role) {
        return err_set(err, ERR_DENIED, "there is a web identity token file but neither AWS_ROLE_ARN nor a role_arn");
    }
    struct buf token = {0};
    struct creds_value v = {0};
    errc e = read_token(l, file, &token, err);
    if (!e) {
        const struct sts_call call = {.action = "AssumeRoleWithWebIdentity", .role_arn = role,
                                      .session_name = session, .token = token.data};
        e = creds_ask_sts(l, &call, &v, err);
    }
    buf_wipe(&token);
    if (e) {
        return err_prefix(err, "web identity");
    }
    *ret = (struct found){.value = v, .source = mem_printf("web identity (role %s)", role)};
    return ERR_OK;
}

// --- a role --------------------------------------------------------------------------------------------------

static bool has_role(struct look *l, const char *profile)
{
    return aws_profile_get(l->files, profile, NULL, "role_arn") &&
           !aws_profile_get(l->files, profile, NULL, "web_identity_token_file");
}

static bool has_keys(struct look *l, const char *profile)
{
    return aws_profile_get(l->files, profile, NULL, "aws_access_key_id") != NULL;
}

// What stands behind it in the chain would be somebody else's keys.
static errc refuse_login(struct look *l, const char *profile, struct err *err)
{
    if (!aws_profile_get(l->files, profile, NULL, "login_session")) {
        return err_set(err, ERR_NOT_FOUND, "profile %.60s has no login_session", profile);
    }
    return err_set(err, ERR_DENIED,
                   "profile %.60s has a login_session (of `aws login`), which is not read here; give another profile "
                   "with credential_process = aws configure export-credentials --profile %.60s, or set the variables "
                   "that `aws configure export-credentials --profile %.60s --format env` prints", profile, profile,
                   profile);
}

errc creds_from_profile(struct look *l, const char *profile, bool use_env, struct found *ret, struct err *err)
{
    errc e = creds_from_web_identity(l, profile, use_env, ret, err);
    e = e == ERR_NOT_FOUND ? creds_from_sso(l, profile, ret, err) : e;
    e = e == ERR_NOT_FOUND ? creds_from_keys(l, AWS_FILE_CREDENTIALS, profile, ret, err) : e;
    e = e == ERR_NOT_FOUND ? refuse_login(l, profile, err) : e;
    e = e == ERR_NOT_FOUND ? creds_from_process(l, profile, ret, err) : e;
    e = e == ERR_NOT_FOUND ? creds_from_keys(l, AWS_FILE_CONFIG, profile, ret, err) : e;
    if (e == ERR_NOT_FOUND) {
        return err_set(err, ERR_NOT_FOUND,
                       "profile %.60s has no keys, no login_session, no credential_process, no SSO and no web identity",
                       profile);
    }
    return e;
}

// The profile whose keys are used to assume the role of another. A profile may name itself when it has keys.
static errc from_source_profile(struct look *l, const char *profile, const char *source, struct found *ret,
                                struct err *err)
{
    if (!aws_profile_exists(l->files, source)) {
        return err_set(err, ERR_DENIED, "profile %.60s names source_profile %.60s, which is in neither shared file",
                       profile, source);
    }
    bool again = strv_has(&l->visited, source), own = strcmp(profile, source) == 0;
    if (again && !(own && has_keys(l, source))) {
        return err_set(err, ERR_DENIED, "the source_profile of profile %.60s leads back to profile %.60s", profile,
                       source);
    }
    if (l->visited.len >= MAX_ROLES) {
        return err_set(err, ERR_DENIED, "more than %d profiles lead to one another by source_profile", MAX_ROLES);
    }
    if (!again) {
        strv_add(&l->visited, source);
    }
    if (has_keys(l, source) || !has_role(l, source)) {
        return creds_from_profile(l, source, false, ret, err);
    }
    return creds_from_role(l, source, ret, err);
}

static errc from_named_source(struct look *l, const char *profile, const char *name, struct found *ret,
                              struct err *err)
{
    if (strcasecmp(name, "Environment") == 0) {
        return creds_from_env(l, ret, err);
    }
    if (strcasecmp(name, "EcsContainer") == 0) {
        return creds_from_container(l, ret, err);
    }
    if (strcasecmp(name, "Ec2InstanceMetadata") == 0) {
        return creds_from_instance(l, ret, err);
    }
    return err_set(err, ERR_DENIED, "profile %.60s has a credential_source other than Environment, EcsContainer and "
                                    "Ec2InstanceMetadata", profile);
}

static errc source_of(struct look *l, const char *profile, struct found *ret, struct err *err)
{
    const char *source = aws_profile_get(l->files, profile, NULL, "source_profile");
    const char *name = aws_profile_get(l->files, profile, NULL, "credential_source");
    if (!source == !name) {
        return err_set(err, ERR_DENIED, "profile %.60s has a role_arn and %s; give one of them", profile,
                       source ? "both source_profile and credential_source"
                              : "neither source_profile nor credential_source");
    }
    struct found f = {.source = NULL};
    errc e = source ? from_source_profile(l, profile, source, &f, err) : from_named_source(l, profile, name, &f, err);
    if (e) {
        (void)err_prefix(err, "the role of profile %.60s", profile);
        err->code = e == ERR_NOT_FOUND ? ERR_DENIED : e; // it is configured, and has nothing to go on
        return err->code;
    }
    e = creds_check(&f, err);
    if (e) {
        found_free(&f);
        return e;
    }
    *ret = f;
    return ERR_OK;
}

static const char *duration_of(struct look *l, const char *profile)
{
    const char *text = aws_profile_get(l->files, profile, NULL, "duration_seconds");
    if (text && (*text == '\0' || strspn(text, "0123456789") != strlen(text))) {
        log_warn("creds", "duration_seconds of profile %.60s is no whole number and is left out", profile);
        return NULL;
    }
    return text;
}

errc creds_from_role(struct look *l, const char *profile, struct found *ret, struct err *err)
{
    if (!has_role(l, profile)) {
        return err_set(err, ERR_NOT_FOUND, "profile %.60s has no role_arn", profile);
    }
    if (aws_profile_get(l->files, profile, NULL, "mfa_serial")) {
        return err_set(err, ERR_DENIED,
                       "profile %.60s asks for an MFA code (mfa_serial), and a mount has nobody to ask; put the keys "
                       "of `aws sts assume-role` with the code into the environment or a profile", profile);
    }
    struct found source = {.source = NULL};
    struct creds_value v = {0};
    errc e = source_of(l, profile, &source, err);
    if (e) {
        return e;
    }
    const char *role = aws_profile_get(l->files, profile, NULL, "role_arn");
    const struct sts_call call = {.source = &source.value, .action = "AssumeRole", .role_arn = role,
                                  .session_name = aws_profile_get(l->files, profile, NULL, "role_session_name"),
                                  .external_id = aws_profile_get(l->files, profile, NULL, "external_id"),
                                  .duration = duration_of(l, profile)};
    e = creds_ask_sts(l, &call, &v, err);
    found_free(&source);
    if (e) {
        return err_prefix(err, "profile %.60s", profile);
    }
    *ret = (struct found){.value = v, .source = mem_printf("profile %s (role %s)", profile, role)};
    return ERR_OK;
}
