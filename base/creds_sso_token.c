// The token that `aws sso login` left, and its renewal (botocore/tokens.py: SSOTokenProvider; AWS IAM Identity Center
// OIDC API Reference, CreateToken). A token of an sso-session that is about to expire or has expired is renewed where
// the login left what that takes, and the file is written back for all other tools.
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/creds_i.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"

#define MAX_TOKEN_FILE (256 * 1024)
#define AHEAD_MS (15 * 60 * 1000) // botocore's window
#define MAX_LIFE_S (10LL * 366 * 24 * 3600)

struct login {
    char *access, *refresh, *client_id, *client_secret, *registration; // of the file; all but the first may be NULL
    int64_t expires_ms;
};

static void login_free(struct login *t)
{
    mem_wipe(&t->access);
    mem_wipe(&t->refresh);
    mem_wipe(&t->client_id);
    mem_wipe(&t->client_secret);
    mem_wipe(&t->registration);
}

static char *text_of(const struct json *object, const char *key)
{
    return mem_strdup(json_str(json_get(object, key)));
}

static void keep_secrets(struct look *l, const struct login *t)
{
    look_keep_secret(l, t->access);
    look_keep_secret(l, t->refresh);
    look_keep_secret(l, t->client_secret);
}

// --- the file --------------------------------------------------------------------------------------------------

static char *path_of(struct look *l, const struct sso *s)
{
    char name[41];
    const char *key = s->session ? s->session : s->start_url;
    sha1_hex_of(key, strlen(key), name);
    auto_free char *pattern = mem_printf("~/.aws/sso/cache/%s.json", name);
    return aws_path_expand(l->env, pattern);
}

static errc read_login(struct look *l, const struct sso *s, const char *path, struct login *ret, struct err *err)
{
    auto_cleanup(json_freep) struct json *json = NULL;
    auto_cleanup(buf_wipe) struct buf text = {.max = 2 * MAX_TOKEN_FILE};
    struct err ignored = ERR_INIT;
    errc e = file_read(path, MAX_TOKEN_FILE, &text, &ignored);
    e = e ? e : creds_parse_json(&text, "the token file", &json, &ignored);
    const char *token = json_str(json_get(json, "accessToken")), *when = json_str(json_get(json, "expiresAt"));
    int64_t expires = 0;
    if (e || !token || !when || !creds_parse_time(when, &expires)) {
        return creds_sso_login_again(s, "there is no token of a login", err);
    }
    *ret = (struct login){.access = mem_strdup(token), .refresh = text_of(json, "refreshToken"),
                          .client_id = text_of(json, "clientId"), .client_secret = text_of(json, "clientSecret"),
                          .registration = text_of(json, "registrationExpiresAt"), .expires_ms = expires};
    keep_secrets(l, ret);
    return ERR_OK;
}

// The members are botocore's. A home that cannot be written to keeps nobody from what the token is good for.
static void write_login(const struct sso *s, const char *path, const struct login *t)
{
    char when[28];
    struct err err = ERR_INIT;
    auto_cleanup(buf_wipe) struct buf text = {0};
    struct json_out out = {.buf = &text};
    const char *const members[][2] = {
        {"startUrl", s->start_url}, {"region", s->region}, {"accessToken", t->access}, {"expiresAt", when},
        {"clientId", t->client_id}, {"clientSecret", t->client_secret}, {"registrationExpiresAt", t->registration},
        {"refreshToken", t->refresh},
    };
    clock_iso8601(t->expires_ms, when, sizeof(when));
    memcpy(when + strlen("2030-01-31T12:00:00"), "Z", sizeof("Z"));
    json_out_begin(&out, '{');
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        if (members[i][1]) {
            json_out_key(&out, members[i][0]);
            json_out_str(&out, members[i][1]);
        }
    }
    json_out_end(&out, '}');
    if (file_replace(path, text.data, text.len, &err)) {
        log_warn("creds", "the renewed SSO token is not kept for other programs: %s", err.cause);
    }
}

// --- renewal ---------------------------------------------------------------------------------------------------

static bool can_renew(const struct sso *s, const struct login *t)
{
    int64_t until = 0;
    return s->session && t->refresh && t->client_id && t->client_secret && t->registration &&
           creds_parse_time(t->registration, &until) && until > clock_wall_ms();
}

static void put_request(const struct login *t, struct buf *body)
{
    struct json_out out = {.buf = body};
    const char *const members[][2] = {{"grantType", "refresh_token"}, {"clientId", t->client_id},
                                      {"clientSecret", t->client_secret}, {"refreshToken", t->refresh}};
    json_out_begin(&out, '{');
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        json_out_key(&out, members[i][0]);
        json_out_str(&out, members[i][1]);
    }
    json_out_end(&out, '}');
}

static errc refused(const struct creds_answer *a, struct err *err)
{
    auto_cleanup(json_freep) struct json *json = NULL;
    struct err ignored = ERR_INIT;
    errc e = creds_parse_json(&a->body, "SSO OIDC", &json, &ignored);
    const char *code = e ? NULL : json_str(json_get(json, "error"));
    bool plain = code && strlen(code) == strspn(code, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_");
    errc kind = a->status == 429 ? ERR_THROTTLED : a->status >= 500 ? ERR_IO : ERR_DENIED;
    return err_set(err, kind, "SSO OIDC answered %d %.60s", a->status, plain ? code : "");
}

static errc read_answer(const struct creds_answer *a, const struct login *old, struct login *ret, struct err *err)
{
    auto_cleanup(json_freep) struct json *json = NULL;
    int64_t seconds = 0;
    if (a->status != 200) {
        return refused(a, err);
    }
    errc e = creds_parse_json(&a->body, "SSO OIDC", &json, err);
    const char *token = json_str(json_get(json, "accessToken"));
    if (e) {
        return e;
    }
    if (!token || !json_int(json_get(json, "expiresIn"), &seconds) || seconds <= 0 || seconds > MAX_LIFE_S) {
        return err_set(err, ERR_IO, "SSO OIDC gave an answer without accessToken or expiresIn");
    }
    *ret = (struct login){.access = mem_strdup(token), .refresh = text_of(json, "refreshToken"),
                          .client_id = mem_strdup(old->client_id), .client_secret = mem_strdup(old->client_secret),
                          .registration = mem_strdup(old->registration),
                          .expires_ms = clock_wall_ms() + seconds * 1000};
    return ERR_OK;
}

static errc ask(struct look *l, const struct sso *s, const struct login *old, struct creds_answer *ret, struct err *err)
{
    struct url_parts u;
    struct strv headers = {0};
    auto_cleanup(buf_wipe) struct buf body = {0};
    auto_free char *base = creds_endpoint(l, "AWS_ENDPOINT_URL_SSO_OIDC", "sso_oidc", "oidc", s->region);
    if (!url_split(base, &u)) {
        return err_set(err, ERR_DENIED,
                       "the endpoint of SSO OIDC is no URL like https://oidc.eu-west-1.amazonaws.com");
    }
    url_parts_free(&u);
    auto_free char *url = mem_printf("%s/token", base);
    put_request(old, &body);
    strv_add(&headers, "Content-Type: application/json");
    const struct creds_ask rq = {.what = "SSO OIDC", .method = "POST", .url = url, .headers = &headers,
                                 .body = body.data, .tries = CREDS_SSO_TRIES, .timeout_ms = CREDS_SSO_TIMEOUT_MS};
    errc e = creds_http(l, &rq, ret, err);
    strv_free(&headers);
    return e;
}

static errc renew(struct look *l, const struct sso *s, const char *path, struct login *t, struct err *err)
{
    struct login next = {0};
    struct creds_answer a;
    errc e = ask(l, s, t, &a, err);
    if (e) {
        return e;
    }
    e = read_answer(&a, t, &next, err);
    creds_answer_free(&a);
    if (!e) {
        login_free(t);
        *t = next;
        keep_secrets(l, t);
        log_info("creds", "the SSO token of session %s is renewed", s->session);
        write_login(s, path, t);
    }
    return e;
}

// What holds is used on; what does not is the failure's.
static errc renew_if_due(struct look *l, const struct sso *s, const char *path, struct login *t, struct err *err)
{
    struct err inner = ERR_INIT;
    int64_t left = t->expires_ms - clock_wall_ms();
    if (left < AHEAD_MS && can_renew(s, t)) {
        errc e = renew(l, s, path, t, &inner);
        if (!e) {
            return ERR_OK;
        }
        look_scrub(l, &inner);
        if (left <= 0 && e != ERR_DENIED) {
            *err = inner;
            return err_prefix(err, "the expired SSO login of profile %.60s cannot be renewed", s->profile);
        }
        if (left <= 0) {
            auto_free char *why = mem_printf("its login has expired and cannot be renewed (%.200s)", inner.cause);
            return creds_sso_login_again(s, why, err);
        }
        log_warn("creds", "the SSO token of session %s cannot be renewed yet: %s", s->session, inner.cause);
    }
    return left > 0 ? ERR_OK : creds_sso_login_again(s, "its login has expired", err);
}

errc creds_sso_token(struct look *l, const struct sso *s, char **ret, struct err *err)
{
    auto_cleanup(login_free) struct login login = {0};
    auto_free char *path = path_of(l, s);
    errc e = read_login(l, s, path, &login, err);
    e = e ? e : renew_if_due(l, s, path, &login, err);
    if (!e) {
        *ret = steal_ptr(&login.access);
    }
    return e;
}
