// What jobs take from Metaflow's configuration: metaflow_config.py for the values, plugins/aws/batch/batch.py
// (create_job) for the order of the container's environment.
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/mem.h"
#include "fs/stack_batch.h"

// --- Python's json.dumps --------------------------------------------------------------------------

static void put_escape(struct buf *out, unsigned unit)
{
    buf_printf(out, "\\u%04x", unit);
}

// One character that is not ASCII, as UTF-16. The text is valid UTF-8. Returns its length.
static size_t put_character(struct buf *out, const char *p)
{
    unsigned char first = (unsigned char)p[0];
    size_t len = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    unsigned code = first & (0xffu >> (len + 1));
    for (size_t i = 1; i < len; i++) {
        if (p[i] == '\0') {
            return i;
        }
        code = code << 6 | ((unsigned char)p[i] & 0x3fu);
    }
    if (code >= 0x10000) {
        put_escape(out, 0xd800 + ((code - 0x10000) >> 10));
        put_escape(out, 0xdc00 + ((code - 0x10000) & 0x3ff));
    } else {
        put_escape(out, code);
    }
    return len;
}

// The inside of a string, from its opening quote to the closing one. Returns how much was read.
static size_t put_string(struct buf *out, const char *text)
{
    size_t i = 1;
    buf_putc(out, '"');
    while (text[i] != '\0' && text[i] != '"') {
        if ((unsigned char)text[i] >= 0x80) {
            i += put_character(out, text + i);
        } else if (text[i] == '\\' && text[i + 1] == 'u') {
            buf_puts(out, "\\u");
            i += 2;
            for (unsigned k = 0; k < 4 && text[i] != '\0'; k++, i++) {
                buf_putc(out, text[i] >= 'A' && text[i] <= 'F' ? (char)(text[i] - 'A' + 'a') : text[i]);
            }
        } else if (text[i] == '\\' && text[i + 1] != '\0') {
            buf_put(out, text + i, 2);
            i += 2;
        } else {
            buf_putc(out, text[i++]);
        }
    }
    buf_putc(out, '"');
    return text[i] == '"' ? i + 1 : i;
}

char *batch_python_json(const char *json)
{
    struct json *value = NULL;
    struct err ignored = ERR_INIT;
    auto_cleanup(buf_free) struct buf compact = {0};
    struct buf out = {0};
    if (json_parse(json, strlen(json), "a value", &value, &ignored) != ERR_OK) {
        return mem_strdup(json);
    }
    json_dump(value, &compact);
    json_free(value);
    for (const char *p = compact.data != NULL ? compact.data : ""; *p != '\0';) {
        if (*p == '"') {
            p += put_string(&out, p);
        } else {
            buf_putc(&out, *p);
            buf_puts(&out, *p == ',' || *p == ':' ? " " : "");
            p++;
        }
    }
    return buf_steal(&out);
}

// --- the environment ------------------------------------------------------------------------------

// A value that is None is not sent; one that is empty is.
static void put(struct pairs *env, const char *name, const char *value)
{
    if (value != NULL) {
        auto_free char *full = mem_printf("METAFLOW_%s", name);
        pairs_set(env, full, value);
    }
}

// config_values(): what differs from its default, in the order of metaflow_config.py.
static void put_changed(struct pairs *env, const struct config *c)
{
    static const char *const texts[] = {"CONDA_PACKAGE_S3ROOT", "CONDA_PACKAGE_AZUREROOT", "CONDA_PACKAGE_GSROOT"};
    static const char *const flags[] = {"CONDA_USE_FAST_INIT", "DEBUG_SUBCOMMAND", "DEBUG_SIDECAR", "DEBUG_S3CLIENT",
                                        "DEBUG_TRACING", "DEBUG_STUBGEN", "DEBUG_USERCONF", "DEBUG_CONDA",
                                        "DEBUG_PACKAGE"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        put(env, texts[i], config_get(c, texts[i]));
    }
    const char *resolver = config_get(c, "CONDA_DEPENDENCY_RESOLVER");
    if (resolver != NULL && strcmp(resolver, "conda") != 0) {
        put(env, "CONDA_DEPENDENCY_RESOLVER", resolver);
    }
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        const char *value = config_get(c, flags[i]);
        if (value != NULL && strcmp(value, "true") == 0) {
            put(env, flags[i], "True");
        }
    }
}

static bool is_true(const struct config *c, const char *name)
{
    const char *value = config_get(c, name);
    return value != NULL && strcmp(value, "true") == 0;
}

static void find_env(const struct config *c, struct batch_settings *s)
{
    struct pairs *env = &s->env_first;
    const char *headers = config_get(c, "SERVICE_HEADERS");
    auto_free char *dumped = batch_python_json(headers != NULL ? headers : "{}");
    put(env, "USER", s->user);
    put(env, "SERVICE_URL",
        config_get(c, s->sandbox ? "AWS_SANDBOX_INTERNAL_SERVICE_URL" : "SERVICE_INTERNAL_URL"));
    put(env, "SERVICE_HEADERS", dumped);
    put(env, "DATASTORE_SYSROOT_S3", config_get(c, "DATASTORE_SYSROOT_S3"));
    put(env, "DATATOOLS_S3ROOT", config_get(c, "DATATOOLS_S3ROOT"));
    put(env, "DEFAULT_DATASTORE", "s3");
    put(env, "DEFAULT_METADATA", config_get(c, "DEFAULT_METADATA"));
    put(env, "CARD_S3ROOT", config_get(c, "CARD_S3ROOT"));
    put(env, "OTEL_ENDPOINT", config_get(c, "OTEL_ENDPOINT"));
    put(env, "OTEL_SERVICE_NAME", config_get(c, "OTEL_SERVICE_NAME"));
    put(env, "RUNTIME_ENVIRONMENT", "aws-batch");
    put_changed(env, c);
    put(env, "DEFAULT_SECRETS_BACKEND_TYPE", config_get(c, "DEFAULT_SECRETS_BACKEND_TYPE"));
    put(env, "AWS_SECRETS_MANAGER_DEFAULT_REGION", config_get(c, "AWS_SECRETS_MANAGER_DEFAULT_REGION"));
    put(&s->env_last, "S3_SERVER_SIDE_ENCRYPTION", config_get(c, "S3_SERVER_SIDE_ENCRYPTION"));
    put(&s->env_last, "S3_ENDPOINT_URL", config_get(c, "S3_ENDPOINT_URL"));
}

// --- everything else ------------------------------------------------------------------------------

static char *system_user(void)
{
    struct passwd entry, *found = NULL;
    char room[4096];
    if (getpwuid_r(getuid(), &entry, room, sizeof(room), &found) == 0 && found != NULL && found->pw_name[0] != '\0') {
        return mem_strdup(found->pw_name);
    }
    return mem_printf("%lu", (unsigned long)getuid());
}

// An empty value is none, as in Python's conditions.
static char *copy_of(const struct config *c, const char *name)
{
    const char *value = config_get(c, name);
    return value != NULL && value[0] != '\0' ? mem_strdup(value) : NULL;
}

static bool take_tag(void *arg, const char *key, const struct json *value)
{
    struct buf text = {0};
    const char *plain = json_str(value);
    if (plain != NULL) {
        buf_puts(&text, plain);
    } else {
        json_dump(value, &text);
    }
    auto_free char *owned = buf_steal(&text);
    pairs_set(arg, key, owned);
    return true;
}

static void find_tags(const struct config *c, struct pairs *tags)
{
    const char *text = config_get(c, "BATCH_DEFAULT_TAGS");
    struct json *json = NULL;
    struct err ignored = ERR_INIT;
    if (text != NULL && json_parse(text, strlen(text), "tags", &json, &ignored) == ERR_OK) {
        json_each(json, take_tag, tags);
        json_free(json);
    }
}

void batch_settings_find(const struct config *c, const struct s3_settings *aws, struct batch_settings *ret)
{
    const char *user = config_user(c);
    *ret = (struct batch_settings){
        .user = user != NULL ? mem_strdup(user) : system_user(),
        .variant = aws->variant,
        .batch_endpoint = mem_strdup(aws->batch_endpoint),
        .logs_endpoint = mem_strdup(aws->logs_endpoint),
        .queue = copy_of(c, "BATCH_JOB_QUEUE"),
        .image = copy_of(c, "BATCH_CONTAINER_IMAGE"),
        .registry = copy_of(c, "BATCH_CONTAINER_REGISTRY"),
        .iam_role = copy_of(c, "ECS_S3_ACCESS_IAM_ROLE"),
        .execution_role = copy_of(c, "ECS_FARGATE_EXECUTION_ROLE"),
        .emit_tags = is_true(c, "BATCH_EMIT_TAGS"),
        .sandbox = is_true(c, "AWS_SANDBOX_ENABLED"),
    };
    ret->region = ret->sandbox ? copy_of(c, "AWS_SANDBOX_REGION") : mem_strdup(aws->region);
    find_tags(c, &ret->default_tags);
    find_env(c, ret);
}
