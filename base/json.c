#include "base/json.h"

#include <string.h>

#include "base/json_jansson.h"
#include "base/json_repair.h"
#include "base/mem.h"

// Values are read and freed by recursion, on threads whose stacks are small.
#define JSON_DEPTH_MAX 256

// A struct json is a json_t under another name; jansson wants it without const even to look at it.
static json_t *native(const struct json *json)
{
    return (json_t *)(uintptr_t)json;
}

static const struct json *ours(const json_t *native_json)
{
    return (const struct json *)native_json;
}

static bool json_too_deep(const char *text, size_t len)
{
    size_t depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '[' || c == '{') {
            if (++depth > JSON_DEPTH_MAX)
                return true;
        } else if ((c == ']' || c == '}') && depth) {
            depth--;
        }
    }
    return false;
}

// JSON has no NUL anywhere; jansson takes one that follows a number for a part of it.
static errc refuse_nul(const char *text, size_t len, const char *what, struct err *err)
{
    const char *nul = len > 0 ? memchr(text, '\0', len) : NULL;
    if (!nul)
        return ERR_OK;
    int line = 1;
    const char *line_start = text;
    for (const char *c = text; c < nul; c++) {
        if (*c == '\n') {
            line++;
            line_start = c + 1;
        }
    }
    return err_set(err, ERR_CORRUPT, "%s is not JSON: line %d column %td: a NUL byte", what, line,
                   nul - line_start + 1);
}

errc json_parse(const char *text, size_t len, const char *what, struct json **ret_json,
                struct err *err)
{
    errc refused = refuse_nul(text, len, what, err);
    if (refused != ERR_OK)
        return refused;
    if (json_too_deep(text, len))
        return err_set(err, ERR_CORRUPT, "%s: nested deeper than %d levels", what, JSON_DEPTH_MAX);
    json_error_t bad, ignored;
    json_t *json = json_loadb(text, len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &bad);
    if (!json) {
        auto_cleanup(buf_free) struct buf repaired = {.max = len < SIZE_MAX / 4 ? 2 * len + 16 : len};
        if (json_repair(text, len, &repaired))
            json = json_loadb(repaired.data, repaired.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &ignored);
    }
    if (!json)
        return err_set(err, ERR_CORRUPT, "%s is not JSON: line %d column %d: %s", what, bad.line,
                       bad.column, bad.text);
    *ret_json = (struct json *)json;
    return ERR_OK;
}

void json_free(struct json *json)
{
    json_decref((json_t *)json);
}

void json_freep(struct json **json)
{
    json_free(*json);
}

enum json_kind json_kind(const struct json *json)
{
    if (!json)
        return JSON_ABSENT;
    switch (json_typeof(native(json))) {
    case JANSSON_OBJECT:
        return JSON_OBJECT;
    case JANSSON_ARRAY:
        return JSON_ARRAY;
    case JSON_STRING:
        return JSON_STR;
    case JSON_INTEGER:
        return JSON_INT;
    case JANSSON_REAL:
        return JSON_REAL;
    case JSON_TRUE:
    case JSON_FALSE:
        return JSON_BOOL;
    case JANSSON_NULL:
        return JSON_NULL;
    }
    return JSON_ABSENT;
}

const struct json *json_get(const struct json *object, const char *key)
{
    if (json_kind(object) != JSON_OBJECT)
        return NULL;
    return ours(json_object_get(native(object), key));
}

size_t json_len(const struct json *json)
{
    switch (json_kind(json)) {
    case JSON_ARRAY:
        return json_array_size(native(json));
    case JSON_OBJECT:
        return json_object_size(native(json));
    default:
        return 0;
    }
}

const struct json *json_at(const struct json *array, size_t index)
{
    if (json_kind(array) != JSON_ARRAY)
        return NULL;
    return ours(json_array_get(native(array), index));
}

const char *json_str(const struct json *json)
{
    if (json_kind(json) != JSON_STR)
        return NULL;
    const char *s = json_string_value(native(json));
    return strlen(s) == json_string_length(native(json)) ? s : NULL;
}

const char *json_str_len(const struct json *json, size_t *ret_len)
{
    if (json_kind(json) != JSON_STR)
        return NULL;
    *ret_len = json_string_length(native(json));
    return json_string_value(native(json));
}

bool json_int(const struct json *json, int64_t *ret)
{
    if (json_kind(json) != JSON_INT)
        return false;
    *ret = json_integer_value(native(json));
    return true;
}

bool json_real(const struct json *json, double *ret)
{
    enum json_kind kind = json_kind(json);
    if (kind != JSON_INT && kind != JSON_REAL)
        return false;
    *ret = json_number_value(native(json));
    return true;
}

bool json_bool(const struct json *json, bool *ret)
{
    if (json_kind(json) != JSON_BOOL)
        return false;
    *ret = json_typeof(native(json)) == JSON_TRUE;
    return true;
}

void json_each(const struct json *object,
               bool (*fn)(void *arg, const char *key, const struct json *value), void *arg)
{
    if (json_kind(object) != JSON_OBJECT)
        return;
    json_t *o = native(object);
    for (void *it = json_object_iter(o); it; it = json_object_iter_next(o, it)) {
        if (!fn(arg, json_object_iter_key(it), ours(json_object_iter_value(it))))
            return;
    }
}
