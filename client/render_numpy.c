// numpy's types, scalars and arrays as pickles hold them (numpy 1 and 2): what a dtype's call and
// state say, and where the elements are.
#include <stdlib.h>
#include <string.h>

#include "client/render_parts.h"

enum { MAX_NESTING = 8, MAX_NODES = 4096 };

static const struct value *item(const struct value *seq, size_t i)
{
    return seq && seq->kind == VALUE_TUPLE && i < seq->u.seq.len ? seq->u.seq.items[i] : NULL;
}

static bool get_size(const struct value *v, size_t *ret)
{
    if (!v || v->kind != VALUE_INT || v->u.integer < 0)
        return false;
    *ret = (size_t)v->u.integer;
    return true;
}

void npy_type_free(struct npy_type *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->n_fields; i++)
        npy_type_free(t->fields[i].type);
    free(t->fields);
    npy_type_free(t->sub);
    free(t);
}

void npy_type_freep(struct npy_type **t)
{
    npy_type_free(*t);
    *t = NULL;
}

static bool get_shape(const struct value *v, size_t shape[64], unsigned *ret_ndim)
{
    if (v && v->kind == VALUE_INT) { // sub-arrays of old files
        *ret_ndim = 1;
        return get_size(v, &shape[0]);
    }
    if (!v || v->kind != VALUE_TUPLE || v->u.seq.len > 64)
        return false;
    for (size_t i = 0; i < v->u.seq.len; i++) {
        if (!get_size(v->u.seq.items[i], &shape[i]))
            return false;
    }
    *ret_ndim = (unsigned)v->u.seq.len;
    return true;
}

static bool shape_count(const size_t *shape, unsigned ndim, size_t *ret)
{
    size_t n = 1;
    for (unsigned i = 0; i < ndim; i++) {
        if (__builtin_mul_overflow(n, shape[i], &n))
            return false;
    }
    *ret = n;
    return true;
}

// "f8", "U5", "V16": the kind and the size in bytes. A record array's is the class of its elements (numpy/rec.py).
static bool parse_code(const struct value *v, struct npy_type *t)
{
    if (v && v->kind == VALUE_GLOBAL && strcmp(v->u.global.name, "record") == 0) {
        t->kind = 'V';
        return true;
    }
    if (!v || (v->kind != VALUE_STR && v->kind != VALUE_BYTES) || !v->u.bytes.len || v->u.bytes.len > 12)
        return false;
    const uint8_t *s = v->u.bytes.data, *end = s + v->u.bytes.len;
    if (memchr("<>|=", *s, 4))
        s++;
    if (s == end || !memchr("biufcMmSUVO", *s, 11))
        return false;
    t->kind = (char)*s++;
    t->itemsize = 0;
    for (; s < end && *s >= '0' && *s <= '9'; s++)
        t->itemsize = t->itemsize * 10 + (size_t)(*s - '0');
    if (t->kind == 'U')
        t->itemsize *= 4;
    return true;
}

static bool size_fits_kind(const struct npy_type *t)
{
    size_t n = t->itemsize;
    switch (t->kind) {
    case 'b': return n == 1;
    case 'i':
    case 'u': return n == 1 || n == 2 || n == 4 || n == 8;
    case 'f': return n == 2 || n == 4 || n == 8 || n == sizeof(long double);
    case 'c': return n == 8 || n == 16 || n == 2 * sizeof(long double);
    case 'M':
    case 'm': return n == 8;
    case 'U': return n % 4 == 0;
    default: return true;
    }
}

static bool parse_unit(const struct value *metadata, struct npy_type *t)
{
    static const char *const units[] = {"Y",  "M",  "W",  "D",  "h",  "m",  "s",
                                        "ms", "us", "ns", "ps", "fs", "as", "generic"};
    const struct value *about = item(metadata, 1), *unit = item(about, 0), *count = item(about, 1);
    t->unit = "generic";
    t->unit_count = 1;
    if (!unit)
        return true;
    if ((unit->kind != VALUE_BYTES && unit->kind != VALUE_STR) || !count || count->kind != VALUE_INT)
        return false;
    t->unit = NULL;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (strlen(units[i]) == unit->u.bytes.len && !memcmp(units[i], unit->u.bytes.data, unit->u.bytes.len))
            t->unit = units[i];
    }
    t->unit_count = count->u.integer;
    return t->unit && t->unit_count > 0 && t->unit_count <= INT32_MAX;
}

static struct npy_type *parse_type(const struct value *v, unsigned depth, unsigned *nodes);

static bool parse_fields(const struct value *names, const struct value *fields, struct npy_type *t,
                         unsigned depth, unsigned *nodes)
{
    size_t n = names->u.seq.len;
    if (n > MAX_NODES)
        return false;
    t->fields = calloc(n ? n : 1, sizeof *t->fields);
    if (!t->fields)
        return false;
    for (size_t i = 0; i < n; i++) {
        char name[256];
        const struct value *key = names->u.seq.items[i];
        if (key->kind != VALUE_STR || key->u.bytes.len >= sizeof name || *nodes >= MAX_NODES)
            return false;
        memcpy(name, key->u.bytes.data, key->u.bytes.len);
        name[key->u.bytes.len] = '\0';
        const struct value *field = value_dict_get(fields, name);
        struct npy_field *f = &t->fields[t->n_fields];
        f->type = parse_type(item(field, 0), depth + 1, nodes);
        if (!f->type)
            return false;
        t->n_fields++;
        f->name = key->u.bytes.data;
        f->name_len = key->u.bytes.len;
        if (!get_size(item(field, 1), &f->offset) || f->offset > t->itemsize ||
            f->type->itemsize > t->itemsize - f->offset)
            return false;
    }
    return true;
}

static bool parse_sub(const struct value *sub, struct npy_type *t, unsigned depth, unsigned *nodes)
{
    size_t count;
    t->sub = parse_type(item(sub, 0), depth + 1, nodes);
    return t->sub && get_shape(item(sub, 1), t->shape, &t->ndim) && shape_count(t->shape, t->ndim, &count) &&
           !__builtin_mul_overflow(count, t->sub->itemsize, &count) && count <= t->itemsize;
}

// The state: (version, byteorder, subdtype, names, fields, itemsize, alignment, flags[, metadata]).
static bool parse_state(const struct value *state, struct npy_type *t, unsigned depth, unsigned *nodes)
{
    const struct value *order = item(state, 1), *sub = item(state, 2), *names = item(state, 3);
    if (order && (order->kind == VALUE_STR || order->kind == VALUE_BYTES) && order->u.bytes.len == 1) {
        char other = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? '>' : '<';
        t->swap = order->u.bytes.data[0] == (uint8_t)other;
    }
    size_t size;
    if (get_size(item(state, 5), &size) && size)
        t->itemsize = size;
    if ((t->kind == 'M' || t->kind == 'm') && !parse_unit(item(state, 8), t))
        return false;
    if (t->kind == 'V' && sub && sub->kind == VALUE_TUPLE)
        return parse_sub(sub, t, depth, nodes);
    if (t->kind == 'V' && names && names->kind == VALUE_TUPLE)
        return parse_fields(names, item(state, 4), t, depth, nodes);
    return true;
}

static struct npy_type *parse_type(const struct value *v, unsigned depth, unsigned *nodes)
{
    if (!v || !value_is_call(v, "numpy", "dtype") || depth > MAX_NESTING || ++*nodes > MAX_NODES)
        return NULL;
    struct npy_type *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->unit = "generic";
    t->unit_count = 1;
    if (!parse_code(item(v->u.call.args, 0), t) ||
        (v->u.call.state && !parse_state(v->u.call.state, t, depth, nodes)) || !size_fits_kind(t)) {
        npy_type_free(t);
        return NULL;
    }
    return t;
}

struct npy_type *npy_type_of(const struct value *v)
{
    unsigned nodes = 0;
    return parse_type(v, 0, &nodes);
}

static bool is_multiarray(const struct value *v, const char *name)
{
    return value_is_call(v, "numpy._core.multiarray", name) || value_is_call(v, "numpy.core.multiarray", name);
}

static bool raw(const struct value *v, const uint8_t **ret, size_t *ret_len)
{
    if (!v || (v->kind != VALUE_BYTES && v->kind != VALUE_BYTEARRAY && v->kind != VALUE_STR))
        return false;
    *ret = v->u.bytes.data;
    *ret_len = v->u.bytes.len;
    return true;
}

enum npy_is npy_scalar(const struct value *v, struct npy_type **ret_type, const uint8_t **ret_data,
                       const struct value **ret_object)
{
    size_t len;
    if (!is_multiarray(v, "scalar"))
        return NPY_NO;
    struct npy_type *t = npy_type_of(item(v->u.call.args, 0));
    const struct value *content = item(v->u.call.args, 1);
    *ret_object = NULL;
    *ret_data = NULL;
    if (t && t->kind == 'O') {
        *ret_object = content;
    } else if (t && !content && t->itemsize == 0) {
        *ret_data = (const uint8_t *)"";
    } else if (!t || !raw(content, ret_data, &len) || len != t->itemsize) {
        npy_type_free(t);
        return NPY_BAD;
    }
    if (t->kind == 'O' && !content) {
        npy_type_free(t);
        return NPY_BAD;
    }
    *ret_type = t;
    return NPY_YES;
}

void npy_array_free(struct npy_array *a)
{
    npy_type_freep(&a->type);
}

// Whether the elements are where the shape needs them.
static bool check_array(struct npy_array *a, const struct value *shape, const struct value *content)
{
    size_t bytes, len;
    if (!a->type || !get_shape(shape, a->shape, &a->ndim) || !shape_count(a->shape, a->ndim, &a->count))
        return false;
    if (content && content->kind == VALUE_LIST) { // objects, or records that hold some
        a->objects = content->u.seq.items; // NULL when there are none
        a->data = (const uint8_t *)"";
        return content->u.seq.len == a->count;
    }
    return a->type->kind != 'O' && raw(content, &a->data, &len) &&
           !__builtin_mul_overflow(a->count, a->type->itemsize, &bytes) && bytes == len;
}

bool npy_ndim(const struct value *v, unsigned *ret)
{
    size_t shape[64];
    bool is_array = is_multiarray(v, "_reconstruct") || value_is_call(v, "numpy.ma.core", "_mareconstruct") ||
                    value_is_call(v, "numpy.ma", "_mareconstruct");
    return is_array && get_shape(item(v->u.call.state, 1), shape, ret);
}

// An array.array: _array_reconstructor(class, typecode, machine format, bytes) (Modules/arraymodule.c). NULL where the
// format is one of text, or none.
static struct npy_type *machine_type(const struct value *format)
{
    static const char kinds[] = "uiuuiiuuiiuuiiffff";
    static const uint8_t sizes[] = {1, 1, 2, 2, 2, 2, 4, 4, 4, 4, 8, 8, 8, 8, 4, 4, 8, 8};
    const bool is_little = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;
    int64_t code;
    if (!value_int(format, &code) || code < 0 || (size_t)code >= sizeof sizes)
        return NULL;
    struct npy_type *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->kind = kinds[code];
    t->itemsize = sizes[code];
    t->swap = sizes[code] > 1 && (code % 2 != 0) == is_little; // odd: the more significant byte comes first
    t->unit = "generic";
    t->unit_count = 1;
    return t;
}

static bool machine_array(const struct value *args, struct npy_array *ret)
{
    size_t len;
    ret->type = machine_type(item(args, 2));
    if (!ret->type || !raw(item(args, 3), &ret->data, &len) || len % ret->type->itemsize)
        return false;
    ret->ndim = 1;
    ret->count = ret->shape[0] = len / ret->type->itemsize;
    return true;
}

enum npy_is npy_array(const struct value *v, struct npy_array *ret)
{
    bool ok;
    memset(ret, 0, sizeof *ret);
    if (value_is_call(v, "numpy._core.numeric", "_frombuffer") ||
        value_is_call(v, "numpy.core.numeric", "_frombuffer")) {
        const struct value *args = v->u.call.args, *order = item(args, 3);
        ret->type = npy_type_of(item(args, 1));
        ret->fortran = order && order->kind == VALUE_STR && order->u.bytes.len == 1 && *order->u.bytes.data == 'F';
        ok = args->u.seq.len == 4 && check_array(ret, item(args, 2), item(args, 0));
    } else if (is_multiarray(v, "_reconstruct")) {
        const struct value *state = v->u.call.state, *fortran = item(state, 3);
        ret->type = npy_type_of(item(state, 2));
        ret->fortran = fortran && ((fortran->kind == VALUE_BOOL && fortran->u.boolean) ||
                                   (fortran->kind == VALUE_INT && fortran->u.integer == 1));
        ok = check_array(ret, item(state, 1), item(state, 4));
    } else if (value_is_call(v, "array", "_array_reconstructor")) {
        ok = machine_array(v->u.call.args, ret);
    } else {
        return NPY_NO;
    }
    if (!ok)
        npy_array_free(ret);
    return ok ? NPY_YES : NPY_BAD;
}
