#include "fs/s3_params.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"

enum kind { TEXT, FLAG, VERIFY, STYLE, SIGNATURE, OBJECT, UNUSED, REFUSED };

struct param {
    const char *name;
    enum kind kind;
    size_t offset; // in struct s3_params, of what TEXT and FLAG set
};

#define AT(member) offsetof(struct s3_params, member)

static const struct param of_client[] = {
    {"endpoint_url", TEXT, AT(endpoint_url)}, {"region_name", TEXT, AT(region)},
    {"aws_access_key_id", TEXT, AT(access_key)}, {"aws_secret_access_key", TEXT, AT(secret_key)},
    {"aws_session_token", TEXT, AT(token)}, {"verify", VERIFY, 0}, {"use_ssl", FLAG, AT(use_ssl)},
    {"config", OBJECT, 0}, {"api_version", UNUSED, 0}, {"aws_account_id", UNUSED, 0}, {NULL, UNUSED, 0},
};
// botocore/config.py: OPTION_DEFAULTS.
static const struct param of_config[] = {
    {"region_name", TEXT, AT(region)}, {"signature_version", SIGNATURE, 0}, {"s3", OBJECT, 0},
    {"use_fips_endpoint", FLAG, AT(fips)}, {"use_dualstack_endpoint", FLAG, AT(dualstack)},
    {"ignore_configured_endpoint_urls", FLAG, AT(ignore_endpoints)}, {"proxies", REFUSED, 0},
    {"client_cert", REFUSED, 0}, {"proxies_config", REFUSED, 0}, {"retries", UNUSED, 0}, {"user_agent", UNUSED, 0},
    {"user_agent_extra", UNUSED, 0}, {"user_agent_appid", UNUSED, 0}, {"connect_timeout", UNUSED, 0},
    {"read_timeout", UNUSED, 0}, {"parameter_validation", UNUSED, 0}, {"max_pool_connections", UNUSED, 0},
    {"inject_host_prefix", UNUSED, 0}, {"endpoint_discovery_enabled", UNUSED, 0}, {"defaults_mode", UNUSED, 0},
    {"tcp_keepalive", UNUSED, 0}, {"request_min_compression_size_bytes", UNUSED, 0},
    {"disable_request_compression", UNUSED, 0}, {"client_context_params", UNUSED, 0},
    {"sigv4a_signing_region_set", UNUSED, 0}, {"request_checksum_calculation", UNUSED, 0},
    {"response_checksum_validation", UNUSED, 0}, {"account_id_endpoint_mode", UNUSED, 0},
    {"auth_scheme_preference", UNUSED, 0}, {NULL, UNUSED, 0},
};
static const struct param of_s3[] = {
    {"addressing_style", STYLE, 0}, {"use_accelerate_endpoint", REFUSED, 0},
    {"use_dualstack_endpoint", FLAG, AT(dualstack)}, {NULL, UNUSED, 0},
};

struct reading {
    struct s3_params *params;
    const struct param *table;
    const char *prefix; // "config.s3."
    struct err *err;
    errc e;
};

static bool refuse(struct reading *r, const char *name, const char *why)
{
    r->e = err_set(r->err, ERR_INVALID, "%s: %s%.60s %s", S3_PARAMS_NAME, r->prefix, name, why);
    return false;
}

// What a parameter of both objects says first counts: with botocore the client's own region goes before config's.
static bool take_text(struct reading *r, const char *name, const struct json *value, char **ret)
{
    const char *text = json_str(value);
    if (!text) {
        return refuse(r, name, "has a value that is no text");
    }
    if (!*ret && *text) {
        *ret = mem_strdup(text);
    }
    return true;
}

static bool take_flag(struct reading *r, const char *name, const struct json *value, enum s3_param_flag *ret)
{
    bool is_true = false;
    if (!json_bool(value, &is_true)) {
        return refuse(r, name, "has a value that is neither true nor false");
    }
    *ret = is_true ? S3_PARAM_TRUE : S3_PARAM_FALSE;
    return true;
}

static bool take_style(struct reading *r, const char *name, const struct json *value)
{
    const char *text = json_str(value);
    if (!text || (strcmp(text, "auto") != 0 && strcmp(text, "path") != 0 && strcmp(text, "virtual") != 0)) {
        return refuse(r, name, "is none of auto, path and virtual");
    }
    return take_text(r, name, value, &r->params->addressing_style);
}

static bool take_signature(struct reading *r, const char *name, const struct json *value)
{
    const char *text = json_str(value);
    bool is_v4 = text && (strcmp(text, "s3v4") == 0 || strcmp(text, "v4") == 0);
    return is_v4 || refuse(r, name, "is not s3v4, and requests are signed with no other version");
}

// True, 1 and a text of them are "check"; what is false is for find_certificates to refuse.
static bool take_verify(struct reading *r, const char *name, const struct json *value)
{
    return json_kind(value) == JSON_BOOL ? take_flag(r, name, value, &r->params->checks)
                                         : take_text(r, name, value, &r->params->verify);
}

static bool is_nothing(const struct json *value)
{
    bool is_true = true;
    return (json_bool(value, &is_true) && !is_true) || (json_kind(value) == JSON_OBJECT && json_len(value) == 0);
}

static bool take(void *arg, const char *key, const struct json *value);

static bool take_object(struct reading *r, const char *name, const struct json *value)
{
    if (json_kind(value) != JSON_OBJECT) {
        return refuse(r, name, "has a value that is no JSON object");
    }
    bool is_s3 = r->table == of_config;
    struct reading inner = {r->params, is_s3 ? of_s3 : of_config, is_s3 ? "config.s3." : "config.", r->err, ERR_OK};
    json_each(value, take, &inner);
    r->e = inner.e;
    return !r->e;
}

// Below config.s3 botocore takes any name.
static bool take_unused(struct reading *r, const struct param *p, const char *key)
{
    if (!p->name && r->table != of_s3) {
        return refuse(r, key, r->table == of_client
                                  ? "is no parameter that boto3 takes; those that are obeyed are endpoint_url, "
                                    "region_name, verify, aws_access_key_id, aws_secret_access_key, aws_session_token "
                                    "and config"
                                  : "is no parameter that botocore's Config takes");
    }
    strv_take(&r->params->unused, mem_printf("%s%s", r->prefix, key));
    return true;
}

static bool take(void *arg, const char *key, const struct json *value)
{
    struct reading *r = arg;
    const struct param *p = r->table;
    for (; p->name && strcmp(p->name, key) != 0; p++) {
    }
    char *at = (char *)r->params + p->offset;
    if (p->name && json_kind(value) == JSON_NULL) {
        return true;
    }
    switch (p->kind) {
    case TEXT:
        return take_text(r, key, value, (char **)(void *)at);
    case FLAG:
        return take_flag(r, key, value, (enum s3_param_flag *)(void *)at);
    case VERIFY:
        return take_verify(r, key, value);
    case STYLE:
        return take_style(r, key, value);
    case SIGNATURE:
        return take_signature(r, key, value);
    case OBJECT:
        return take_object(r, key, value);
    case REFUSED:
        return is_nothing(value) || refuse(r, key, "cannot be obeyed here; take it out");
    case UNUSED:
        break;
    }
    return take_unused(r, p, key);
}

static errc check_keys(const struct s3_params *p, struct err *err)
{
    if (!p->access_key == !p->secret_key && (p->access_key || !p->token)) {
        return ERR_OK;
    }
    return err_set(err, ERR_INVALID, "%s: %s is missing; give aws_access_key_id and aws_secret_access_key, or none of "
                                     "the keys", S3_PARAMS_NAME,
                   !p->access_key ? "aws_access_key_id" : "aws_secret_access_key");
}

errc s3_params_read(const char *text, struct s3_params *ret, struct err *err)
{
    auto_cleanup(json_freep) struct json *json = NULL;
    struct s3_params p = {0};
    struct err ignored = ERR_INIT;
    if (text && (json_parse(text, strlen(text), S3_PARAMS_NAME, &json, &ignored) || json_kind(json) != JSON_OBJECT)) {
        return err_set(err, ERR_INVALID, "%s is no JSON object: give one like {\"endpoint_url\": \"https://minio\"}",
                       S3_PARAMS_NAME);
    }
    struct reading r = {&p, of_client, "", err, ERR_OK};
    // The region of the client goes before that of its config, wherever they stand.
    p.region = mem_strdup(json_str(json_get(json, "region_name")));
    if (p.region && !*p.region) {
        free(steal_ptr(&p.region));
    }
    json_each(json, take, &r);
    errc e = r.e ? r.e : check_keys(&p, err);
    if (e) {
        s3_params_free(&p);
        return e;
    }
    *ret = p;
    return ERR_OK;
}

void s3_params_free(struct s3_params *p)
{
    free(p->endpoint_url);
    free(p->region);
    free(p->verify);
    free(p->addressing_style);
    mem_wipe(&p->access_key);
    mem_wipe(&p->secret_key);
    mem_wipe(&p->token);
    strv_free(&p->unused);
    *p = (struct s3_params){0};
}
