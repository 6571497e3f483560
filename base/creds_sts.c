// Roles: AWS STS (AWS Security Token Service API Reference: AssumeRole, AssumeRoleWithWebIdentity, "Making Query
// Requests").
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/creds_i.h"
#include "base/mem.h"
#include "base/sign.h"
#include "base/xml_text.h"

#define TRIES 3
#define TIMEOUT_MS 10000
#define MESSAGE_BYTES 240

static void put_field(struct buf *form, const char *name, const char *value)
{
    if (value) {
        buf_printf(form, "&%s=", name);
        http_url_put(form, value);
    }
}

static char *form_of(const struct sts_call *call)
{
    struct buf form = {0};
    auto_free char *own = mem_printf("metaflowfs-%lld", (long long)(clock_wall_ms() / 1000));
    buf_printf(&form, "Action=%s&Version=2011-06-15", call->action);
    put_field(&form, "RoleArn", call->role_arn);
    put_field(&form, "RoleSessionName", call->session_name ? call->session_name : own);
    put_field(&form, "ExternalId", call->external_id);
    put_field(&form, "DurationSeconds", call->duration);
    put_field(&form, "WebIdentityToken", call->token);
    return buf_steal(&form);
}

static const char *region_of(const struct look *l)
{
    const char *region = aws_env_get(l->env, "AWS_REGION");
    region = region ? region : aws_env_get(l->env, "AWS_DEFAULT_REGION");
    region = region ? region : aws_profile_get(l->files, l->profile, NULL, "region");
    return region && *region ? region : l->region;
}

// The region becomes a part of a host name.
static bool is_region(const char *text)
{
    for (const char *p = text; *p; p++) {
        if (!isalnum((unsigned char)*p) && *p != '-') {
            return false;
        }
    }
    return strlen(text) <= 40;
}

static errc endpoint_of(struct look *l, char **ret, struct err *err)
{
    const char *region = region_of(l);
    if (region && !is_region(region)) {
        return err_set(err, ERR_DENIED, "the region has characters that no AWS region has; give one like eu-west-1");
    }
    *ret = creds_endpoint(l, "AWS_ENDPOINT_URL_STS", "sts", "sts", region);
    return ERR_OK;
}

static void sign_call(struct look *l, const struct sts_call *call, const struct url_parts *u, const char *form,
                      struct strv *headers)
{
    char hash[65];
    const char *region = region_of(l);
    const struct creds_value *v = call->source;
    const struct sign_key key = {v->access_key, v->secret_key, v->token};
    size_t path = strcspn(u->path, "?");
    auto_free char *plain = mem_strndup(u->path, path);
    sign_payload_hash(form, strlen(form), hash);
    const struct sign_request rq = {.method = "POST", .host = u->host, .path = plain,
                                    .query = u->path[path] ? u->path + path + 1 : "", .signed_headers = headers,
                                    .payload_hash = hash, .region = region ? region : "us-east-1", .service = "sts",
                                    .time_ms = clock_wall_ms()};
    struct strv more = {0};
    sign_v4(&key, &rq, &more);
    strv_copy(headers, &more);
    strv_free(&more);
}

// What STS says of a call that it refused. A signature's mismatch comes with the text that was to be signed, token
// and all, in further lines: the first is enough.
static errc say_refusal(const struct sts_call *call, const struct creds_answer *a, const char *host, struct err *err)
{
    struct err ignored = ERR_INIT;
    auto_free char *code = NULL;
    auto_free char *message = NULL;
    const char *body = a->body.data ? a->body.data : "";
    if (xml_text(body, a->body.len, "Error/Code", &code, &ignored) != ERR_OK) {
        code = mem_strdup("no code");
    }
    if (xml_text(body, a->body.len, "Error/Message", &message, &ignored) != ERR_OK) {
        message = mem_strdup("no message");
    }
    message[strcspn(message, "\r\n")] = '\0';
    bool busy = strcmp(code, "Throttling") == 0 || strcmp(code, "ThrottlingException") == 0 || a->status == 429;
    errc kind = busy ? ERR_THROTTLED : a->status >= 500 ? ERR_IO : ERR_DENIED;
    return err_set(err, kind, "%s answered %s for %.200s with %d %.60s: %.*s", host, call->action, call->role_arn,
                   a->status, code, MESSAGE_BYTES, message);
}

static errc read_value(struct look *l, const struct sts_call *call, const struct creds_answer *a, const char *host,
                       struct creds_value *ret, struct err *err)
{
    static const char *const names[] = {"AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"};
    char *texts[4] = {NULL, NULL, NULL, NULL};
    errc e = ERR_OK;
    for (size_t i = 0; !e && i < 4; i++) {
        auto_free char *path = mem_printf("%sResult/Credentials/%s", call->action, names[i]);
        e = xml_text(a->body.data ? a->body.data : "", a->body.len, path, &texts[i], err);
        if (e) {
            e = err_set(err, ERR_IO, "%s answered %s without %s", host, call->action, path);
        } else if (i < 3) {
            look_keep_secret(l, texts[i]);
        }
    }
    struct creds_value v = {texts[0], texts[1], texts[2], -1, 0};
    if (!e && !creds_parse_time(texts[3], &v.expires_ms)) {
        e = err_set(err, ERR_IO, "%s answered %s with an Expiration that is no time", host, call->action);
    }
    free(texts[3]);
    if (e) {
        creds_value_free(&v);
        return e;
    }
    *ret = v;
    return ERR_OK;
}

static errc post(struct look *l, const struct sts_call *call, const struct url_parts *u, const char *endpoint,
                 struct creds_value *ret, struct err *err)
{
    struct strv headers = {0};
    struct creds_answer a;
    char *form = form_of(call);
    strv_add(&headers, "Content-Type: application/x-www-form-urlencoded; charset=utf-8");
    if (call->source) {
        sign_call(l, call, u, form, &headers);
    }
    strv_take(&headers, mem_printf("Host: %s", u->host));
    auto_free char *what = mem_printf("%s for %.200s", call->action, call->role_arn);
    const struct creds_ask ask = {.what = what, .method = "POST", .url = endpoint, .headers = &headers, .body = form,
                                  .tries = TRIES, .timeout_ms = TIMEOUT_MS};
    errc e = creds_http(l, &ask, &a, err);
    mem_wipe(&form);
    strv_free(&headers);
    if (e) {
        return e;
    }
    e = a.status == 200 ? read_value(l, call, &a, u->host, ret, err) : say_refusal(call, &a, u->host, err);
    creds_answer_free(&a);
    return e;
}

errc creds_ask_sts(struct look *l, const struct sts_call *call, struct creds_value *ret, struct err *err)
{
    auto_free char *endpoint = NULL;
    struct url_parts u;
    look_keep_secret(l, call->token);
    errc e = endpoint_of(l, &endpoint, err);
    if (e) {
        return e;
    }
    if (!url_split(endpoint, &u)) {
        return err_set(err, ERR_DENIED, "the endpoint of STS (AWS_ENDPOINT_URL_STS, AWS_ENDPOINT_URL or endpoint_url "
                                        "of the profile) is no URL like https://sts.eu-west-1.amazonaws.com");
    }
    auto_free char *url = mem_printf("%s%s", endpoint, strcmp(u.path, "/") == 0 ? "/" : "");
    e = post(l, call, &u, url, ret, err);
    url_parts_free(&u);
    return e;
}
