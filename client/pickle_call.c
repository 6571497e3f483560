// Globals and calls: the names of Python 2, and the calls by which Python writes its plain types at
// protocols that have no opcode for them.
#include "client/pickle_reader.h"

#include <string.h>

struct rename {
    const char *module, *name; // name NULL: every name of the module
    const char *to_module, *to_name;
};

// Python 3's names of what Python 2 (and protocols 0 to 2 of Python 3) wrote: the part of Lib/
// _compat_pickle.py that renderers know.
static const struct rename renames[] = {
    {"__builtin__", "xrange", "builtins", "range"},
    {"__builtin__", "unicode", "builtins", "str"},
    {"__builtin__", "long", "builtins", "int"},
    {"__builtin__", NULL, "builtins", NULL},
    {"exceptions", NULL, "builtins", NULL},
    {"copy_reg", NULL, "copyreg", NULL},
    {"UserDict", "IterableUserDict", "collections", "UserDict"},
    {"UserDict", NULL, "collections", NULL},
    {"UserList", NULL, "collections", NULL},
    {"UserString", NULL, "collections", NULL},
};

static bool is_text(const uint8_t *s, size_t len, const char *text)
{
    return strlen(text) == len && !memcmp(s, text, len);
}

static const char *keep_text(struct reader *r, const uint8_t *s, size_t len)
{
    char *text = arena_alloc(&r->p->arena, len + 1);
    if (!text)
        return NULL;
    memcpy(text, s, len);
    text[len] = '\0';
    return text;
}

struct value *reader_new_global(struct reader *r, const uint8_t *module, size_t module_len,
                                const uint8_t *name, size_t name_len)
{
    if (memchr(module, '\0', module_len) || memchr(name, '\0', name_len) ||
        !pickle_utf8_valid(module, module_len, false) || !pickle_utf8_valid(name, name_len, false)) {
        (void)reader_corrupt(r, "the name of a module, class or function is malformed");
        return NULL;
    }
    const struct rename *to = NULL;
    for (size_t i = 0; r->proto < 3 && !to && i < sizeof renames / sizeof *renames; i++) {
        const struct rename *n = &renames[i];
        if (is_text(module, module_len, n->module) && (!n->name || is_text(name, name_len, n->name)))
            to = n;
    }
    struct value *v = reader_new(r, VALUE_GLOBAL);
    if (!v)
        return NULL;
    v->u.global.module = to ? to->to_module : keep_text(r, module, module_len);
    v->u.global.name = to && to->to_name ? to->to_name : keep_text(r, name, name_len);
    return v->u.global.module && v->u.global.name ? v : NULL;
}

static bool is_latin1_name(const struct value *v)
{
    return v->kind == VALUE_STR && (is_text(v->u.bytes.data, v->u.bytes.len, "latin1") ||
                                    is_text(v->u.bytes.data, v->u.bytes.len, "latin-1"));
}

// The bytes whose Latin-1 text this is. *ret_bytes NULL: some character is not in Latin-1.
static bool latin1_encode(struct reader *r, const struct value *text, enum value_kind kind,
                          struct value **ret_bytes)
{
    const uint8_t *s = text->u.bytes.data;
    size_t len = text->u.bytes.len, n = 0;
    *ret_bytes = NULL;
    if (!pickle_is_ascii(s, len)) {
        uint8_t *to = arena_alloc(&r->p->arena, len);
        if (!to)
            return false;
        for (size_t i = 0; i < len; i++) {
            if (s[i] > 0xc3)
                return true;
            to[n++] = s[i] < 0x80 ? s[i] : (uint8_t)(s[i] << 6 | (s[i + 1] & 0x3f));
            i += s[i] >= 0x80;
        }
        s = to;
        len = n;
    }
    *ret_bytes = reader_new_bytes(r, kind, s, len);
    return *ret_bytes;
}

// bytes(), bytes(b), bytearray(), bytearray(b), bytearray(text, 'latin-1'), _codecs.encode(text, 'latin1').
// False: no room. *ret NULL: not of these forms.
static bool fold_bytes(struct reader *r, const struct value *args, enum value_kind kind, struct value **ret)
{
    struct value *const *a = args->u.seq.items;
    size_t n = args->u.seq.len;
    *ret = NULL;
    if (n == 2 && a[0]->kind == VALUE_STR && is_latin1_name(a[1]))
        return latin1_encode(r, a[0], kind, ret);
    if (n == 0)
        *ret = reader_new_bytes(r, kind, (const uint8_t *)"", 0);
    else if (n == 1 && a[0]->kind == VALUE_BYTES)
        *ret = reader_new_bytes(r, kind, a[0]->u.bytes.data, a[0]->u.bytes.len);
    else
        return true;
    return *ret;
}

// set([...]), frozenset([...]).
static bool fold_set(struct reader *r, const struct value *args, enum value_kind kind, struct value **ret)
{
    struct value *const *a = args->u.seq.items;
    size_t n = args->u.seq.len;
    *ret = NULL;
    if (n > 1 || (n == 1 && a[0]->kind != VALUE_LIST && a[0]->kind != VALUE_TUPLE))
        return true;
    *ret = n ? reader_new_seq(r, kind, a[0]->u.seq.items, a[0]->u.seq.len) : reader_new(r, kind);
    return *ret;
}

static struct value *new_call(struct reader *r, struct value *callee, struct value *args, bool is_new)
{
    struct value *v = reader_new(r, VALUE_CALL);
    if (v) {
        v->u.call.callee = callee;
        v->u.call.args = args;
        v->u.call.is_new = is_new;
    }
    return v;
}

// copyreg._reconstructor(class, base, state): an instance at protocols 0 and 1, its base's part given.
static bool fold_reconstructor(struct reader *r, const struct value *args, struct value **ret)
{
    struct value *const *a = args->u.seq.items;
    *ret = NULL;
    if (args->u.seq.len != 3 || a[1]->kind != VALUE_GLOBAL)
        return true;
    struct value *state = a[2];
    bool has_args = state->kind != VALUE_LIST && state->kind != VALUE_DICT && state->kind != VALUE_TUPLE &&
                    !value_is_global(a[1], "builtins", "object");
    struct value *given = state->kind == VALUE_TUPLE
                              ? state
                              : reader_new_seq(r, VALUE_TUPLE, &state, has_args ? 1 : 0);
    struct value *v = given ? new_call(r, a[0], given, true) : NULL;
    if (v && state->kind == VALUE_LIST)
        v->u.call.items = state;
    if (v && state->kind == VALUE_DICT)
        v->u.call.pairs = state;
    *ret = v;
    return v;
}

// copyreg.__newobj__(class, *args) and copyreg.__newobj_ex__(class, args, kwargs).
static bool fold_newobj(struct reader *r, const struct value *args, bool ex, struct value **ret)
{
    struct value *const *a = args->u.seq.items;
    size_t n = args->u.seq.len;
    *ret = NULL;
    if (n < 1 || (ex && (n != 3 || a[1]->kind != VALUE_TUPLE || a[2]->kind != VALUE_DICT)))
        return true;
    struct value *given = ex ? a[1] : reader_new_seq(r, VALUE_TUPLE, a + 1, n - 1);
    *ret = given ? new_call(r, a[0], given, true) : NULL;
    if (*ret && ex && a[2]->u.dict.len)
        (*ret)->u.call.kwargs = a[2];
    return *ret;
}

struct value *reader_call(struct reader *r, struct value *callee, struct value *args, bool is_new)
{
    struct value *v = NULL;
    bool room = true;
    if (is_new)
        return new_call(r, callee, args, true);
    if (value_is_global(callee, "_codecs", "encode") && args->u.seq.len == 2)
        room = fold_bytes(r, args, VALUE_BYTES, &v);
    else if (value_is_global(callee, "builtins", "bytes"))
        room = fold_bytes(r, args, VALUE_BYTES, &v);
    else if (value_is_global(callee, "builtins", "bytearray"))
        room = fold_bytes(r, args, VALUE_BYTEARRAY, &v);
    else if (value_is_global(callee, "builtins", "set"))
        room = fold_set(r, args, VALUE_SET, &v);
    else if (value_is_global(callee, "builtins", "frozenset"))
        room = fold_set(r, args, VALUE_FROZENSET, &v);
    else if (value_is_global(callee, "copyreg", "_reconstructor"))
        room = fold_reconstructor(r, args, &v);
    else if (value_is_global(callee, "copyreg", "__newobj__"))
        room = fold_newobj(r, args, false, &v);
    else if (value_is_global(callee, "copyreg", "__newobj_ex__"))
        room = fold_newobj(r, args, true, &v);
    if (!room)
        return NULL;
    return v ? v : new_call(r, callee, args, false);
}
