// Endpoints next to us: the container's (Amazon ECS Developer Guide, "Task IAM role"; Amazon EKS User Guide, "Pod
// Identity") and the instance's (Amazon EC2 User Guide, "Use IMDSv2").
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/creds_i.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"

#define CONTAINER_TRIES 3
#define CONTAINER_MS 2000
#define INSTANCE_MS 1000
#define MAX_TOKEN_BYTES (64 * 1024)
#define STRETCH_MS (15 * 60 * 1000)

static const struct creds_names names = {.access_key = "AccessKeyId", .secret_key = "SecretAccessKey", .token = "Token",
                                         .expires = "Expiration", .needs_token = true, .needs_expires = true};

// --- the container's -----------------------------------------------------------------------------------------

static bool is_near(const char *host)
{
    static const char *const known[] = {"localhost", "169.254.170.2", "169.254.170.23"};
    struct in_addr v4;
    struct in6_addr v6, eks;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcasecmp(host, known[i]) == 0) {
            return true;
        }
    }
    if (inet_pton(AF_INET, host, &v4) == 1) {
        return ntohl(v4.s_addr) >> 24 == 127;
    }
    return inet_pton(AF_INET6, host, &v6) == 1 && inet_pton(AF_INET6, "fd00:ec2::23", &eks) == 1 &&
           (IN6_IS_ADDR_LOOPBACK(&v6) || memcmp(&v6, &eks, sizeof(v6)) == 0);
}

errc creds_container_url(aws_env_fn env, char **ret, struct err *err)
{
    const char *relative = aws_env_get(env, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    const char *full = aws_env_get(env, "AWS_CONTAINER_CREDENTIALS_FULL_URI");
    struct url_parts u;
    if (!relative && !full) {
        return err_set(err, ERR_NOT_FOUND,
                       "the environment has no AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI");
    }
    auto_free char *url = relative ? mem_printf("http://169.254.170.2%s", relative) : mem_strdup(full);
    if ((relative && relative[0] != '/') || !url_split(url, &u)) {
        return err_set(err, ERR_DENIED, "AWS_CONTAINER_CREDENTIALS_%s is not acceptable", relative
                       ? "RELATIVE_URI has to be a path that begins with a slash; what there is"
                       : "FULL_URI has to be a plain http or https URL; what there is");
    }
    bool ok = strcmp(u.scheme, "https") == 0 || is_near(u.name);
    errc e = ok ? ERR_OK
                : err_set(err, ERR_DENIED, "AWS_CONTAINER_CREDENTIALS_FULL_URI asks %.100s by http, which is for this "
                                           "machine, 169.254.170.2, 169.254.170.23 and [fd00:ec2::23]; others have to "
                                           "be https", u.name);
    url_parts_free(&u);
    if (!e) {
        *ret = steal_ptr(&url);
    }
    return e;
}

// The file is written anew when the token changes, so it is read each time.
static errc container_token(struct look *l, struct strv *headers, struct err *err)
{
    const char *path = aws_env_get(l->env, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    const char *given = aws_env_get(l->env, "AWS_CONTAINER_AUTHORIZATION_TOKEN");
    struct buf text = {.max = 2 * MAX_TOKEN_BYTES};
    errc e = ERR_OK;
    if (path) {
        e = file_read(path, MAX_TOKEN_BYTES, &text, err);
    } else if (given) {
        buf_puts(&text, given);
    }
    while (!e && text.len > 0 && strchr("\r\n", text.data[text.len - 1])) {
        text.data[--text.len] = '\0';
    }
    bool bad = !e && text.len > 0 && (strlen(text.data) != text.len || strpbrk(text.data, "\r\n"));
    if (e || bad) {
        e = bad ? err_set(err, ERR_DENIED, "the container's authorization token has line ends or NULs in it")
                : err_set(err, ERR_DENIED, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: %.300s", err->cause);
    } else if (text.len > 0) {
        look_keep_secret(l, text.data);
        strv_take(headers, mem_printf("Authorization: %s", text.data));
    }
    buf_wipe(&text);
    return e;
}

static errc read_container(struct look *l, const struct creds_answer *a, struct creds_value *ret, struct err *err)
{
    auto_cleanup(json_freep) struct json *json = NULL;
    if (a->status != 200) {
        errc kind = a->status == 429 ? ERR_THROTTLED : a->status >= 500 ? ERR_IO : ERR_DENIED;
        return err_set(err, kind, "the container's endpoint answered %d", a->status);
    }
    errc e = creds_parse_json(&a->body, "the container's endpoint", &json, err);
    return e ? e : creds_from_json(l, json, &names, "the container's endpoint", ret, err);
}

errc creds_from_container(struct look *l, struct found *ret, struct err *err)
{
    auto_free char *url = NULL;
    struct strv headers = {0};
    struct creds_answer a = {0};
    struct creds_value v = {0};
    errc e = creds_container_url(l->env, &url, err);
    if (e) {
        return e;
    }
    strv_add(&headers, "Accept: application/json");
    e = container_token(l, &headers, err);
    if (!e) {
        const struct creds_ask ask = {.what = "the container's endpoint", .url = url, .headers = &headers,
                                      .tries = CONTAINER_TRIES, .timeout_ms = CONTAINER_MS, .is_direct = true};
        e = creds_http(l, &ask, &a, err);
    }
    e = e ? e : read_container(l, &a, &v, err);
    creds_answer_free(&a);
    strv_free(&headers);
    if (!e) {
        *ret = (struct found){.value = v, .source = mem_strdup("container")};
    }
    return e;
}

// --- the instance's ------------------------------------------------------------------------------------------

struct instance {
    char *base;   // owned
    char *token;  // owned
};

static char *instance_base(struct look *l)
{
    const char *url = aws_env_get(l->env, "AWS_EC2_METADATA_SERVICE_ENDPOINT");
    url = url ? url : aws_profile_get(l->files, l->profile, NULL, "ec2_metadata_service_endpoint");
    const char *mode = aws_env_get(l->env, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");
    mode = mode ? mode : aws_profile_get(l->files, l->profile, NULL, "ec2_metadata_service_endpoint_mode");
    bool six = mode && strcasecmp(mode, "ipv6") == 0;
    char *base = mem_strdup(url && *url ? url : six ? "http://[fd00:ec2::254]" : "http://169.254.169.254");
    for (size_t len = strlen(base); len > 0 && base[len - 1] == '/'; len--) {
        base[len - 1] = '\0';
    }
    return base;
}

// One request, once. Anything but 200 with a body is "no credentials here".
static errc instance_ask(struct look *l, const struct instance *i, const char *method, const char *path,
                         struct creds_answer *ret, struct err *err)
{
    struct strv headers = {0};
    auto_free char *url = mem_printf("%s/latest/%s", i->base, path);
    strv_take(&headers, i->token ? mem_printf("X-aws-ec2-metadata-token: %s", i->token)
                                 : mem_strdup("X-aws-ec2-metadata-token-ttl-seconds: 21600"));
    const struct creds_ask ask = {.what = "the instance's metadata", .method = method, .url = url, .headers = &headers,
                                  .tries = 1, .timeout_ms = INSTANCE_MS, .is_direct = true};
    struct creds_answer a = {0};
    errc e = creds_http(l, &ask, &a, err);
    strv_free(&headers);
    if (e == ERR_INTERRUPTED || (e && cancel_check(l->cancel, &(struct err){0}) != ERR_OK)) {
        return e;
    }
    if (e) {
        err->code = ERR_NOT_FOUND; // we run somewhere else
        return ERR_NOT_FOUND;
    }
    if (a.status != 200 || a.body.len == 0 || strlen(a.body.data) != a.body.len) {
        int status = a.status;
        creds_answer_free(&a);
        return err_set(err, ERR_NOT_FOUND, "the instance's metadata answered %d%s for %.40s", status,
                       status == 200 ? " and nothing" : "", strchr(path, '/') ? path : "");
    }
    *ret = a;
    return ERR_OK;
}

static char *first_line(const struct buf *text)
{
    return mem_strndup(text->data, strcspn(text->data, "\r\n"));
}

// IMDS goes on serving what has expired when its own source is down, and AWS goes on taking it: so it is kept a while.
static void stretch(struct creds_value *v)
{
    int64_t now = clock_wall_ms();
    if (v->expires_ms <= now) {
        log_warn("creds", "the instance's credentials have expired and are used on until there are new ones");
        v->expires_ms = now + STRETCH_MS;
    }
}

static errc instance_value(struct look *l, struct instance *i, char **ret_role, struct creds_value *ret,
                           struct err *err)
{
    static const char list[] = "meta-data/iam/security-credentials/";
    struct creds_answer a = {0};
    auto_cleanup(json_freep) struct json *json = NULL;
    errc e = instance_ask(l, i, "PUT", "api/token", &a, err);
    if (e) {
        return e;
    }
    i->token = first_line(&a.body);
    look_keep_secret(l, i->token);
    creds_answer_free(&a);
    e = instance_ask(l, i, "GET", list, &a, err);
    if (e) {
        return e;
    }
    *ret_role = first_line(&a.body);
    creds_answer_free(&a);
    if (**ret_role == '\0') {
        return err_set(err, ERR_NOT_FOUND, "the instance's metadata names no role");
    }
    auto_cleanup(buf_free) struct buf path = {0};
    buf_puts(&path, list);
    http_url_put(&path, *ret_role);
    e = instance_ask(l, i, "GET", path.data, &a, err);
    e = e ? e : creds_parse_json(&a.body, "the instance's metadata", &json, err);
    creds_answer_free(&a);
    const char *code = json_str(json_get(json, "Code"));
    if (!e && code && strcmp(code, "Success") != 0) {
        return err_set(err, ERR_NOT_FOUND, "the instance's metadata has no credentials for role %.60s: code %.60s",
                       *ret_role, code);
    }
    return e ? e : creds_from_json(l, json, &names, "the instance's metadata", ret, err);
}

errc creds_from_instance(struct look *l, struct found *ret, struct err *err)
{
    const char *off = aws_env_get(l->env, "AWS_EC2_METADATA_DISABLED");
    struct url_parts u;
    if (off && strcasecmp(off, "true") == 0) {
        return err_set(err, ERR_NOT_FOUND, "the instance's metadata is switched off (AWS_EC2_METADATA_DISABLED)");
    }
    struct instance i = {.base = instance_base(l)};
    if (!url_split(i.base, &u)) {
        free(i.base);
        return err_set(err, ERR_DENIED, "AWS_EC2_METADATA_SERVICE_ENDPOINT is no URL like http://169.254.169.254");
    }
    url_parts_free(&u);
    auto_free char *role = NULL;
    struct creds_value v = {0};
    errc e = instance_value(l, &i, &role, &v, err);
    mem_wipe(&i.token);
    free(i.base);
    if (!e) {
        stretch(&v);
        *ret = (struct found){.value = v, .source = mem_printf("instance role %s", role)};
    }
    return e;
}
