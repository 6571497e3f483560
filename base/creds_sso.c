// Profiles of IAM Identity Center: the keys that a login's token (creds_sso_token.c) is good for (AWS SSO Portal API
// Reference, GetRoleCredentials).
#include <stdlib.h>
#include <string.h>

#include "base/creds_i.h"
#include "base/mem.h"

errc creds_sso_login_again(const struct sso *s, const char *why, struct err *err)
{
    return err_set(err, ERR_DENIED, "profile %.60s uses SSO, and %s; run `aws sso login --profile %.60s`", s->profile,
                   why, s->profile);
}

static const char *setting(struct look *l, const struct sso *s, const char *key)
{
    const char *value = s->session ? aws_sso_session_get(l->files, s->session, key) : NULL;
    return value ? value : aws_profile_get(l->files, s->profile, NULL, key);
}

static errc read_settings(struct look *l, struct sso *s, struct err *err)
{
    s->role = aws_profile_get(l->files, s->profile, NULL, "sso_role_name");
    s->account = aws_profile_get(l->files, s->profile, NULL, "sso_account_id");
    s->session = aws_profile_get(l->files, s->profile, NULL, "sso_session");
    if (!s->role && !s->account) {
        return err_set(err, ERR_NOT_FOUND, "profile %.60s has no SSO settings", s->profile);
    }
    if (s->session && !aws_sso_session_exists(l->files, s->session)) {
        return err_set(err, ERR_DENIED, "profile %.60s names sso_session %.60s, which is not in the config file",
                       s->profile, s->session);
    }
    s->start_url = setting(l, s, "sso_start_url");
    s->region = setting(l, s, "sso_region");
    if (!s->role || !s->account || !s->start_url || !s->region) {
        return err_set(err, ERR_DENIED, "profile %.60s uses SSO and lacks %s", s->profile,
                       !s->role        ? "sso_role_name"
                       : !s->account   ? "sso_account_id"
                       : !s->start_url ? "sso_start_url"
                                       : "sso_region");
    }
    if (strspn(s->region, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(s->region)) {
        return err_set(err, ERR_DENIED, "the sso_region of profile %.60s is no AWS region", s->profile);
    }
    return ERR_OK;
}

static errc read_keys(struct look *l, const struct sso *s, const struct creds_answer *a, struct creds_value *ret,
                      struct err *err)
{
    static const struct creds_names names = {.access_key = "accessKeyId", .secret_key = "secretAccessKey",
                                             .token = "sessionToken", .needs_token = true};
    auto_cleanup(json_freep) struct json *json = NULL;
    if (a->status == 401) {
        return creds_sso_login_again(s, "its login is no longer valid", err);
    }
    if (a->status != 200) {
        errc kind = a->status == 429 ? ERR_THROTTLED : a->status >= 500 ? ERR_IO : ERR_DENIED;
        return err_set(err, kind, "SSO answered %d for role %.60s in account %.20s (profile %.60s)", a->status, s->role,
                       s->account, s->profile);
    }
    errc e = creds_parse_json(&a->body, "SSO", &json, err);
    const struct json *keys = json_get(json, "roleCredentials");
    e = e ? e : creds_from_json(l, keys, &names, "SSO", ret, err);
    if (!e && !json_int(json_get(keys, "expiration"), &ret->expires_ms)) {
        creds_value_free(ret);
        e = err_set(err, ERR_IO, "SSO gave an answer without expiration as a number");
    }
    return e;
}

static errc get_keys(struct look *l, const struct sso *s, const char *token, struct creds_value *ret, struct err *err)
{
    struct strv headers = {0};
    struct creds_answer a;
    struct url_parts u;
    auto_cleanup(buf_free) struct buf url = {0};
    auto_free char *base = creds_endpoint(l, "AWS_ENDPOINT_URL_SSO", "sso", "portal.sso", s->region);
    if (!url_split(base, &u)) {
        return err_set(err, ERR_DENIED,
                       "the endpoint of SSO is no URL like https://portal.sso.eu-west-1.amazonaws.com");
    }
    url_parts_free(&u);
    buf_printf(&url, "%s/federation/credentials?role_name=", base);
    http_url_put(&url, s->role);
    buf_puts(&url, "&account_id=");
    http_url_put(&url, s->account);
    strv_take(&headers, mem_printf("x-amz-sso_bearer_token: %s", token));
    const struct creds_ask ask = {.what = "SSO", .url = url.data, .headers = &headers, .tries = CREDS_SSO_TRIES,
                                  .timeout_ms = CREDS_SSO_TIMEOUT_MS};
    errc e = creds_http(l, &ask, &a, err);
    strv_free(&headers);
    if (e) {
        return e;
    }
    e = read_keys(l, s, &a, ret, err);
    creds_answer_free(&a);
    return e;
}

errc creds_from_sso(struct look *l, const char *profile, struct found *ret, struct err *err)
{
    struct sso s = {.profile = profile};
    struct creds_value v = {0};
    char *token = NULL;
    errc e = read_settings(l, &s, err);
    e = e ? e : creds_sso_token(l, &s, &token, err);
    if (e) {
        return e;
    }
    e = get_keys(l, &s, token, &v, err);
    mem_wipe(&token);
    if (!e) {
        *ret = (struct found){.value = v, .source = mem_printf("SSO of profile %s (role %s)", profile, s.role)};
    }
    return e;
}
