// What renderers ask of a value.
#include "client/pickle.h"

#include <stdio.h>
#include <string.h>

enum { MAX_CALLEES = 100 }; // calls of calls that are followed to find a name

bool value_is_global(const struct value *v, const char *module, const char *name)
{
    return v && v->kind == VALUE_GLOBAL && !strcmp(v->u.global.module, module) &&
           !strcmp(v->u.global.name, name);
}

bool value_is_call(const struct value *v, const char *module, const char *name)
{
    return v && v->kind == VALUE_CALL && value_is_global(v->u.call.callee, module, name);
}

static void ext_name(const struct value *v, char *out, size_t size)
{
    if (v->u.ext == VALUE_EXT_PERSISTENT)
        snprintf(out, size, "persistent id");
    else if (v->u.ext == VALUE_EXT_BUFFER)
        snprintf(out, size, "out-of-band buffer");
    else
        snprintf(out, size, "extension %lld", (long long)v->u.ext);
}

// A cut text ends with a whole character.
static void cut_utf8(char *text, size_t len)
{
    size_t lead = len;
    while (lead && ((unsigned char)text[lead - 1] & 0xc0) == 0x80)
        lead--;
    unsigned char c = lead ? (unsigned char)text[lead - 1] : 0;
    size_t want = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;
    if (lead && len - (lead - 1) < want)
        text[lead - 1] = '\0';
}

// A private function whose first argument is a class makes an object of that class, as numpy's
// _reconstruct(ndarray, ...) and pandas's _new_Index(Index, ...) do.
static const struct value *named_by(const struct value *v)
{
    const struct value *callee = v->u.call.callee, *args = v->u.call.args;
    if (callee->kind == VALUE_GLOBAL && callee->u.global.name[0] == '_' && args->u.seq.len &&
        args->u.seq.items[0]->kind == VALUE_GLOBAL)
        return args->u.seq.items[0];
    return callee;
}

void value_type_name(const struct value *v, char *out, size_t size)
{
    static const char *const plain[] = {
        [VALUE_NONE] = "NoneType", [VALUE_BOOL] = "bool", [VALUE_INT] = "int", [VALUE_BIGINT] = "int",
        [VALUE_FLOAT] = "float", [VALUE_STR] = "str", [VALUE_BYTES] = "bytes",
        [VALUE_BYTEARRAY] = "bytearray", [VALUE_LIST] = "list", [VALUE_TUPLE] = "tuple",
        [VALUE_DICT] = "dict", [VALUE_SET] = "set", [VALUE_FROZENSET] = "frozenset",
        [VALUE_CALL] = "object",
    };
    for (unsigned n = 0; v->kind == VALUE_CALL && n < MAX_CALLEES; n++)
        v = named_by(v);
    if (v->kind == VALUE_EXT) {
        ext_name(v, out, size);
    } else if (v->kind != VALUE_GLOBAL) {
        snprintf(out, size, "%s", plain[v->kind]);
    } else {
        int n = snprintf(out, size, "%s.%s", v->u.global.module, v->u.global.name);
        if (size && n >= 0 && (size_t)n >= size)
            cut_utf8(out, size - 1);
    }
}

void value_class_name(const struct value *v, char *out, size_t size)
{
    bool is_plain = v->kind < VALUE_GLOBAL;
    int n = snprintf(out, size, "%s", is_plain ? "builtins." : "");
    if (n >= 0 && (size_t)n < size)
        value_type_name(v, out + n, size - (size_t)n);
}

const struct value *value_dict_get(const struct value *dict, const char *key)
{
    if (!dict || dict->kind != VALUE_DICT)
        return NULL;
    size_t len = strlen(key);
    for (size_t i = 0; i < dict->u.dict.len; i++) {
        const struct value *k = dict->u.dict.pairs[i].key;
        if (k->kind == VALUE_STR && k->u.bytes.len == len && !memcmp(k->u.bytes.data, key, len))
            return dict->u.dict.pairs[i].value;
    }
    return NULL;
}

const struct value *value_arg(const struct value *call, size_t i)
{
    const struct value *args = call->u.call.args;
    return i < args->u.seq.len ? args->u.seq.items[i] : NULL;
}

bool value_int(const struct value *v, int64_t *ret)
{
    if (v && v->kind == VALUE_INT)
        *ret = v->u.integer;
    return v && v->kind == VALUE_INT;
}
