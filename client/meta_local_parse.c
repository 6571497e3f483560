#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "client/meta_local.h"

// Metaflow writes whole milliseconds; a float of another writer loses its fraction.
static bool json_ms(const struct json *json, int64_t *ret)
{
    if (json_int(json, ret))
        return true;
    double real;
    if (!json_real(json, &real) || !(real > -9e15 && real < 9e15))
        return false;
    *ret = (int64_t)real;
    return true;
}

static errc parse_object_text(const char *text, size_t len, const char *what, struct json **ret,
                              int64_t *ret_created_ms, struct err *err)
{
    struct json *json;
    errc e = json_parse(text, len, what, &json, err);
    if (e)
        return e;
    if (json_kind(json) != JSON_OBJECT)
        e = err_set(err, ERR_CORRUPT, "%s is not a JSON object", what);
    else if (!json_ms(json_get(json, "ts_epoch"), ret_created_ms))
        e = err_set(err, ERR_CORRUPT, "%s has no ts_epoch in milliseconds", what);
    if (e) {
        json_free(json);
        return e;
    }
    *ret = json;
    return ERR_OK;
}

static void take_tags(const struct json *list, struct strv *to)
{
    for (size_t i = 0; i < json_len(list); i++) {
        const char *tag = json_str(json_at(list, i));
        if (tag)
            strv_add(to, tag);
    }
}

errc meta_local_parse_object(const char *text, size_t len, const char *what, struct meta_object *ret,
                             struct err *err)
{
    auto_cleanup(json_freep) struct json *json = NULL;
    struct meta_object o = {.heartbeat_ms = -1};
    errc e = parse_object_text(text, len, what, &json, &o.created_ms, err);
    if (e)
        return e;
    o.user = mem_strdup(json_str(json_get(json, "user_name")));
    take_tags(json_get(json, "tags"), &o.tags);
    take_tags(json_get(json, "system_tags"), &o.system_tags);
    *ret = o;
    return ERR_OK;
}

// Metaflow: re.match(r"attempt_id:([0-9]+)", tag), the first tag that matches.
static int attempt_of_tags(const struct json *tags)
{
    static const char prefix[] = "attempt_id:";
    for (size_t i = 0; i < json_len(tags); i++) {
        const char *tag = json_str(json_at(tags, i));
        if (!tag || strncmp(tag, prefix, sizeof prefix - 1) != 0)
            continue;
        const char *p = tag + sizeof prefix - 1;
        int attempt = 0;
        size_t n = 0;
        for (; p[n] >= '0' && p[n] <= '9'; n++) {
            if (attempt < 100000)
                attempt = attempt * 10 + (p[n] - '0');
        }
        if (n)
            return attempt;
    }
    return -1;
}

// A value that is not a string is shown as its JSON text.
static char *value_text(const struct json *value)
{
    const char *s = json_str(value);
    if (s)
        return mem_strdup(s);
    struct buf text = {0};
    json_dump(value, &text);
    return buf_steal(&text);
}

errc meta_local_parse_record(const char *text, size_t len, const char *what, struct meta_record *ret,
                             struct err *err)
{
    auto_cleanup(json_freep) struct json *json = NULL;
    struct meta_record r = {0};
    errc e = parse_object_text(text, len, what, &json, &r.created_ms, err);
    if (e)
        return e;
    const char *field = json_str(json_get(json, "field_name"));
    if (!field || !json_get(json, "value"))
        return err_set(err, ERR_CORRUPT, "%s has no %s", what, field ? "value" : "field_name");
    r.field = mem_strdup(field);
    r.type = mem_strdup(json_str(json_get(json, "type")));
    r.value = value_text(json_get(json, "value"));
    r.is_json = json_kind(json_get(json, "value")) != JSON_STR;
    r.attempt = attempt_of_tags(json_get(json, "tags"));
    *ret = r;
    return ERR_OK;
}

errc meta_local_parse_artifact(const char *text, size_t len, const char *what, const char *name,
                               int attempt, struct meta_artifact *ret, struct err *err)
{
    auto_cleanup(json_freep) struct json *json = NULL;
    struct meta_artifact a = {.attempt = attempt};
    errc e = parse_object_text(text, len, what, &json, &a.created_ms, err);
    if (e)
        return e;
    const char *sha = json_str(json_get(json, "sha"));
    if (!sha)
        return err_set(err, ERR_CORRUPT, "%s has no sha", what);
    a.name = mem_strdup(name);
    a.sha = mem_strdup(sha);
    a.content_type = mem_strdup(json_str(json_get(json, "content_type")));
    a.ds_type = mem_strdup(json_str(json_get(json, "ds_type")));
    a.location = mem_strdup(json_str(json_get(json, "location")));
    *ret = a;
    return ERR_OK;
}

bool meta_local_artifact_file(const char *file_name, int *ret_attempt, char **ret_name)
{
    static const char middle[] = "_artifact_", end[] = ".json";
    int attempt = 0;
    size_t n = 0;
    for (; file_name[n] >= '0' && file_name[n] <= '9'; n++) {
        if (n == 6)
            return false;
        attempt = attempt * 10 + (file_name[n] - '0');
    }
    if (n == 0 || (file_name[0] == '0' && n > 1))
        return false;
    const char *rest = file_name + n;
    if (strncmp(rest, middle, sizeof middle - 1) != 0)
        return false;
    const char *name = rest + sizeof middle - 1;
    size_t len = strlen(name);
    if (len < sizeof end || strcmp(name + len - (sizeof end - 1), end) != 0)
        return false;
    *ret_attempt = attempt;
    *ret_name = mem_strndup(name, len - (sizeof end - 1));
    return true;
}
