// Defaults and types of Metaflow's settings (metaflow_config.py), and how a value that was found takes
// the type of its default (metaflow_config_funcs.py: from_conf).
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "client/config_internal.h"

enum type { TYPE_RAW, TYPE_STR, TYPE_INT, TYPE_BOOL, TYPE_DICT };

struct row {
    const char *name;
    enum type type;      // TYPE_RAW: the default is None and nothing is converted
    const char *text;    // the default, or NULL
    const char *join;    // or: the value of this name, when not empty, and `text` as path below it
    const char *same_as; // or: the value of this name
};

// In an order in which what a default is made of comes first.
static const struct row table[] = {
    {"DEFAULT_METADATA", TYPE_STR, "local", NULL, NULL},
    {"DEFAULT_DATASTORE", TYPE_STR, "local", NULL, NULL},
    {"DEFAULT_ENVIRONMENT", TYPE_STR, "local", NULL, NULL},
    {"USER", TYPE_RAW, NULL, NULL, NULL},
    {"DATASTORE_SYSROOT_LOCAL", TYPE_RAW, NULL, NULL, NULL},
    {"DATASTORE_SYSROOT_SPIN", TYPE_RAW, NULL, NULL, NULL},
    {"DATASTORE_SYSROOT_S3", TYPE_RAW, NULL, NULL, NULL},
    {"DATASTORE_SYSROOT_AZURE", TYPE_RAW, NULL, NULL, NULL},
    {"DATASTORE_SYSROOT_GS", TYPE_RAW, NULL, NULL, NULL},
    {"CLIENT_CACHE_PATH", TYPE_STR, "/tmp/metaflow_client", NULL, NULL},
    {"CLIENT_CACHE_MAX_SIZE", TYPE_INT, "10000", NULL, NULL},
    {"CLIENT_CACHE_MAX_FLOWDATASTORE_COUNT", TYPE_INT, "50", NULL, NULL},
    {"CLIENT_CACHE_MAX_TASKDATASTORE_COUNT", TYPE_INT, NULL, NULL, NULL}, // a hundred times the former
    {"S3_ENDPOINT_URL", TYPE_RAW, NULL, NULL, NULL},
    {"S3_VERIFY_CERTIFICATE", TYPE_RAW, NULL, NULL, NULL},
    {"S3_SERVER_SIDE_ENCRYPTION", TYPE_RAW, NULL, NULL, NULL},
    {"S3_RETRY_COUNT", TYPE_INT, "7", NULL, NULL},
    {"S3_WORKER_COUNT", TYPE_INT, "64", NULL, NULL},
    {"S3_TRANSIENT_RETRY_COUNT", TYPE_INT, "20", NULL, NULL},
    {"S3_LOG_TRANSIENT_RETRIES", TYPE_BOOL, "false", NULL, NULL},
    {"S3_CLIENT_RETRY_CONFIG", TYPE_DICT, "{\"max_attempts\":10,\"mode\":\"adaptive\"}", NULL, NULL},
    {"DATATOOLS_SUFFIX", TYPE_STR, "data", NULL, NULL},
    {"DATATOOLS_S3ROOT", TYPE_STR, NULL, "DATASTORE_SYSROOT_S3", "DATATOOLS_SUFFIX"},
    {"DATATOOLS_LOCALROOT", TYPE_STR, NULL, "DATASTORE_SYSROOT_LOCAL", "DATATOOLS_SUFFIX"},
    {"TEMPDIR", TYPE_STR, ".", NULL, NULL},
    {"DATATOOLS_CLIENT_PARAMS", TYPE_DICT, "{}", NULL, NULL},
    {"DATATOOLS_SESSION_VARS", TYPE_DICT, "{}", NULL, NULL},
    {"ARTIFACT_LOCALROOT", TYPE_STR, NULL, NULL, NULL}, // the working directory
    {"CARD_LOCALROOT", TYPE_RAW, NULL, NULL, NULL},
    {"CARD_S3ROOT", TYPE_STR, "mf.cards", "DATASTORE_SYSROOT_S3", NULL},
    {"SERVICE_URL", TYPE_RAW, NULL, NULL, NULL},
    {"SERVICE_RETRY_COUNT", TYPE_INT, "5", NULL, NULL},
    {"SERVICE_AUTH_KEY", TYPE_RAW, NULL, NULL, NULL},
    {"SERVICE_HEADERS", TYPE_DICT, "{}", NULL, NULL},
    {"SERVICE_VERSION_CHECK", TYPE_BOOL, "true", NULL, NULL},
    {"SERVICE_INTERNAL_URL", TYPE_STR, NULL, NULL, "SERVICE_URL"},
    {"DEFAULT_CONTAINER_IMAGE", TYPE_RAW, NULL, NULL, NULL},
    {"DEFAULT_CONTAINER_REGISTRY", TYPE_RAW, NULL, NULL, NULL},
    {"CONTACT_INFO", TYPE_DICT,
     "{\"Read the documentation\":\"http://docs.metaflow.org\","
     "\"Chat with us\":\"http://chat.metaflow.org\",\"Get help by email\":\"help@metaflow.org\"}",
     NULL, NULL},
    {"ECS_S3_ACCESS_IAM_ROLE", TYPE_RAW, NULL, NULL, NULL},
    {"ECS_FARGATE_EXECUTION_ROLE", TYPE_RAW, NULL, NULL, NULL},
    {"BATCH_JOB_QUEUE", TYPE_RAW, NULL, NULL, NULL},
    {"BATCH_CONTAINER_IMAGE", TYPE_STR, NULL, NULL, "DEFAULT_CONTAINER_IMAGE"},
    {"BATCH_CONTAINER_REGISTRY", TYPE_STR, NULL, NULL, "DEFAULT_CONTAINER_REGISTRY"},
    {"BATCH_EMIT_TAGS", TYPE_BOOL, "false", NULL, NULL},
    {"BATCH_DEFAULT_TAGS", TYPE_DICT, "{}", NULL, NULL},
    {"DEFAULT_SECRETS_BACKEND_TYPE", TYPE_RAW, NULL, NULL, NULL},
    {"AWS_SECRETS_MANAGER_DEFAULT_REGION", TYPE_RAW, NULL, NULL, NULL},
    {"CONDA_PACKAGE_S3ROOT", TYPE_RAW, NULL, NULL, NULL},
    {"CONDA_PACKAGE_AZUREROOT", TYPE_RAW, NULL, NULL, NULL},
    {"CONDA_PACKAGE_GSROOT", TYPE_RAW, NULL, NULL, NULL},
    {"CONDA_DEPENDENCY_RESOLVER", TYPE_STR, "conda", NULL, NULL},
    {"CONDA_USE_FAST_INIT", TYPE_BOOL, "false", NULL, NULL},
    {"DEBUG_SUBCOMMAND", TYPE_BOOL, "false", NULL, NULL},
    {"DEBUG_SIDECAR", TYPE_BOOL, "false", NULL, NULL},
    {"DEBUG_S3CLIENT", TYPE_BOOL, "false", NULL, NULL},
    {"DEBUG_TRACING", TYPE_BOOL, "false", NULL, NULL},
    {"DEBUG_STUBGEN", TYPE_BOOL, "false", NULL, NULL},
    {"DEBUG_USERCONF", TYPE_BOOL, "false", NULL, NULL},
    {"DEBUG_CONDA", TYPE_BOOL, "false", NULL, NULL},
    {"DEBUG_PACKAGE", TYPE_BOOL, "false", NULL, NULL},
    {"AWS_SANDBOX_ENABLED", TYPE_BOOL, "false", NULL, NULL},
    {"OTEL_ENDPOINT", TYPE_RAW, NULL, NULL, NULL},
    {"OTEL_SERVICE_NAME", TYPE_STR, "metaflow", NULL, NULL},
};

static const char *value_of(const struct config_values *v, const char *name)
{
    const struct config_value *value = config_find(v, name);
    return value ? value->text : NULL;
}

// The default of a row, owned; NULL for None.
static char *default_of(const struct config *c, const struct row *row, const struct config_values *v)
{
    if (row->join) {
        const char *base = value_of(v, row->join);
        const char *below = row->same_as ? value_of(v, row->same_as) : row->text;
        return base && base[0] ? config_join(base, below) : NULL;
    }
    if (row->same_as)
        return mem_strdup(value_of(v, row->same_as));
    if (row->text)
        return mem_strdup(row->text);
    if (strcmp(row->name, "ARTIFACT_LOCALROOT") == 0)
        return mem_strdup(c->cwd);
    if (strcmp(row->name, "CLIENT_CACHE_MAX_TASKDATASTORE_COUNT") == 0) {
        const char *text = value_of(v, "CLIENT_CACHE_MAX_FLOWDATASTORE_COUNT");
        long long flows = text ? strtoll(text, NULL, 10) : 0;
        long long tasks;
        if (__builtin_mul_overflow(flows, 100LL, &tasks))
            tasks = flows;
        return mem_printf("%lld", tasks);
    }
    return NULL;
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

// Python's int(text): spaces around it, a sign, single underscores between digits. The decimal digits,
// owned; NULL when it is none.
static char *int_text(const char *text)
{
    size_t len = strlen(text);
    while (len && is_space(text[len - 1]))
        len--;
    while (len && is_space(text[0]))
        text++, len--;
    bool minus = len && text[0] == '-';
    if (len && (text[0] == '-' || text[0] == '+'))
        text++, len--;
    struct buf digits = {0};
    bool ok = len > 0;
    for (size_t i = 0; ok && i < len; i++) {
        if (text[i] >= '0' && text[i] <= '9')
            buf_putc(&digits, text[i]);
        else
            ok = text[i] == '_' && i > 0 && i + 1 < len && text[i - 1] != '_';
    }
    auto_free char *plain = buf_steal(&digits);
    if (!ok)
        return NULL;
    const char *first = plain;
    while (first[0] == '0' && first[1])
        first++;
    return mem_printf("%s%s", minus && strcmp(first, "0") != 0 ? "-" : "", first);
}

// Python's int() of a float: without its fraction.
static char *real_text(double real)
{
    if (real > -9e15 && real < 9e15)
        return mem_printf("%lld", (long long)real);
    return mem_printf("%.0f", real); // so large that it has none
}

static char *int_value(const struct config_value *found)
{
    switch (found->kind) {
    case JSON_BOOL:
        return mem_strdup(strcmp(found->text, "true") == 0 ? "1" : "0");
    case JSON_REAL:
        return real_text(strtod(found->text, NULL));
    case JSON_STR:
    case JSON_INT:
        return int_text(found->text);
    default:
        return NULL;
    }
}

static char *bool_value(const struct config_value *found)
{
    if (found->kind == JSON_BOOL)
        return mem_strdup(found->text);
    if (found->kind != JSON_STR)
        return NULL;
    bool no = !found->text[0] || strcmp(found->text, "0") == 0 || strcasecmp(found->text, "false") == 0;
    return mem_strdup(no ? "false" : "true");
}

static char *dict_value(const struct config_value *found)
{
    // Of a file, Metaflow takes a list as well as an object.
    if (found->kind == JSON_OBJECT || found->kind == JSON_ARRAY)
        return mem_strdup(found->text);
    if (found->kind != JSON_STR)
        return NULL;
    auto_cleanup(json_freep) struct json *json = NULL;
    struct err ignored = ERR_INIT;
    if (json_parse(found->text, strlen(found->text), found->name, &json, &ignored) != ERR_OK ||
        json_kind(json) != JSON_OBJECT)
        return NULL;
    struct buf text = {0};
    json_dump(json, &text);
    return buf_steal(&text);
}

static char *str_value(const struct config_value *found)
{
    if (found->kind == JSON_BOOL) // as Python's str() of it
        return mem_strdup(strcmp(found->text, "true") == 0 ? "True" : "False");
    return mem_strdup(found->text);
}

static errc bad_value(const struct config_value *found, enum type type, struct err *err)
{
    static const char *const expected[] = {
        [TYPE_RAW] = "a value",
        [TYPE_STR] = "text",
        [TYPE_INT] = "a whole number",
        [TYPE_BOOL] = "true or false",
        [TYPE_DICT] = "a JSON object",
    };
    // JSON may have secrets inside.
    if (type == TYPE_DICT || config_is_secret(found->name))
        return err_set(err, ERR_INVALID, CONFIG_PREFIX "%s must be %s", found->name, expected[type]);
    return err_set(err, ERR_INVALID, CONFIG_PREFIX "%s is \"%.80s\" but must be %s", found->name,
                   found->text, expected[type]);
}

static errc resolve_row(const struct config *c, const struct row *row, struct config_values *v,
                        struct err *err)
{
    auto_free char *preset = default_of(c, row, v);
    enum type type = preset ? row->type : TYPE_RAW;
    const struct config_value *found = config_find(&c->found, row->name);
    if (!found || (!found->text && type != TYPE_RAW)) {
        config_set(v, row->name, preset ? JSON_STR : JSON_NULL, preset, CONFIG_DEFAULT);
        return ERR_OK;
    }
    char *(*const convert[])(const struct config_value *) = {
        [TYPE_STR] = str_value,
        [TYPE_INT] = int_value,
        [TYPE_BOOL] = bool_value,
        [TYPE_DICT] = dict_value,
    };
    if (type == TYPE_RAW) {
        config_set(v, row->name, found->kind, found->text, found->source);
        return ERR_OK;
    }
    auto_free char *text = convert[type](found);
    if (!text)
        return bad_value(found, type, err);
    config_set(v, row->name, JSON_STR, text, found->source);
    return ERR_OK;
}

struct merge {
    struct json_out out;
    const char *key, *value;
    bool replace, present;
};

static bool merge_member(void *arg, const char *key, const struct json *value)
{
    struct merge *m = arg;
    bool same = strcmp(key, m->key) == 0;
    if (same)
        m->present = true;
    if (same && m->replace)
        return true;
    struct buf text = {0};
    json_dump(value, &text);
    auto_free char *owned = buf_steal(&text);
    json_out_key(&m->out, key);
    json_out_raw(&m->out, owned);
    return true;
}

// Puts a member into the object that is the value of `name`.
static void merge_into(struct config_values *v, const char *name, const char *key, const char *value,
                       bool replace)
{
    const struct config_value *object = config_find(v, name);
    auto_cleanup(json_freep) struct json *json = NULL, *merged = NULL;
    auto_cleanup(buf_free) struct buf indented = {0}, text = {0};
    struct err ignored = ERR_INIT;
    if (!object || json_parse(object->text, strlen(object->text), name, &json, &ignored) != ERR_OK ||
        json_kind(json) != JSON_OBJECT)
        return;
    struct merge m = {.out = {.buf = &indented}, .key = key, .value = value, .replace = replace};
    json_out_begin(&m.out, '{');
    json_each(json, merge_member, &m);
    if (replace || !m.present) {
        json_out_key(&m.out, key);
        json_out_str(&m.out, value);
    }
    json_out_end(&m.out, '}');
    if (json_parse(indented.data, indented.len, name, &merged, &ignored) != ERR_OK)
        return;
    json_dump(merged, &text);
    config_set(v, name, JSON_STR, text.data, object->source);
}

static void merge_all(struct config_values *v)
{
    const char *key = value_of(v, "SERVICE_AUTH_KEY");
    const char *endpoint = value_of(v, "S3_ENDPOINT_URL");
    const char *verify = value_of(v, "S3_VERIFY_CERTIFICATE");
    if (key)
        merge_into(v, "SERVICE_HEADERS", "x-api-key", key, true);
    if (endpoint && endpoint[0])
        merge_into(v, "DATATOOLS_CLIENT_PARAMS", "endpoint_url", endpoint, false);
    if (verify && verify[0])
        merge_into(v, "DATATOOLS_CLIENT_PARAMS", "verify", verify, true);
}

errc config_resolve(const struct config *c, struct config_values *ret, struct err *err)
{
    struct config_values v = {0};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        errc e = resolve_row(c, &table[i], &v, err);
        if (e) {
            config_values_free(&v);
            return e;
        }
    }
    merge_all(&v);
    for (size_t i = 0; i < c->found.len; i++) {
        const struct config_value *found = &c->found.items[i];
        if (!config_find(&v, found->name))
            config_set(&v, found->name, found->kind, found->text, found->source);
    }
    *ret = v;
    return ERR_OK;
}
