// Nested cells of Arrow (lists, maps, structs) as values, as pyarrow's to_pylist() has them. Times and decimals in them
// are their text.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "client/frame_ext_arrow.h"
#include "client/pickle_arena.h"

// Rows may share what they point to, many times over: one cell must not become endless.
enum { MAX_CELL = 64 << 20 };

struct arrow_tree {
    struct arena arena;
};

// PYTHON: of JSON what is in a struct or map, where narrow floats are Python's; in lists they are numpy's.
enum tree_style { TREE_CSV, TREE_JSON, TREE_PYTHON };

struct arrow_tree *arrow_tree_new(void)
{
    return mem_zalloc(sizeof(struct arrow_tree));
}

void arrow_tree_free(struct arrow_tree *t)
{
    if (t)
        arena_free(&t->arena);
    free(t);
}

static struct value *build(struct arena *m, const struct arrow_array *a, size_t row, enum tree_style style);

static struct value *new_value(struct arena *m, enum value_kind kind)
{
    struct value *v = arena_alloc(m, sizeof *v);
    if (v) {
        memset(v, 0, sizeof *v);
        v->kind = kind;
    }
    return v;
}

static struct value *new_bytes(struct arena *m, enum value_kind kind, const void *data, size_t len)
{
    struct value *v = new_value(m, kind);
    if (v) {
        v->u.bytes.data = data;
        v->u.bytes.len = len;
    }
    return v;
}

static struct value *new_seq(struct arena *m, enum value_kind kind, size_t n)
{
    size_t size;
    struct value *v = new_value(m, kind);
    if (!v || __builtin_mul_overflow(n ? n : 1, sizeof *v->u.seq.items, &size) ||
        !(v->u.seq.items = arena_alloc(m, size)))
        return NULL;
    v->u.seq.len = v->u.seq.cap = n;
    return v;
}

static struct value *build_text(struct arena *m, const struct arrow_array *a, size_t row)
{
    struct buf text = {0};
    struct value *v = NULL;
    char *copy = NULL;
    if (arrow_cell_text(&text, a, row, STYLE_JSON) && !text.over && (copy = arena_alloc(m, text.len ? text.len : 1))) {
        if (text.len)
            memcpy(copy, text.data, text.len);
        v = new_bytes(m, VALUE_STR, copy, text.len);
    }
    buf_free(&text);
    return v;
}

static double as_double(const struct npy_type *t, const uint8_t *at)
{
    int64_t whole;
    uint64_t large = 0;
    if (npy_int(t, at, &whole))
        return (double)whole;
    memcpy(&large, at, t->itemsize); // beyond int64: of eight bytes
    return (double)large;
}

// A narrow float as the double whose text is that of the narrow one: 0.1.
static double own_width(long double x, enum float_width width)
{
    char text[FLOAT_ROOM + 1];
    if (!isfinite(x) || (width != FLOAT_16 && width != FLOAT_32))
        return (double)x;
    text[format_float(text, x, width)] = '\0';
    return strtod(text, NULL);
}

static struct value *build_number(struct arena *m, const struct arrow_array *a, size_t row, enum tree_style style)
{
    const struct npy_type *t = a->type.npy;
    const uint8_t *at = a->first.data + (a->offset + row) * t->itemsize;
    enum float_width width;
    long double x;
    int64_t i;
    struct value *v;
    bool is_real = npy_real(t, at, &x, &width);
    if (is_real || (style == TREE_CSV && a->has_nulls)) {
        if ((v = new_value(m, VALUE_FLOAT)))
            v->u.real = !is_real ? as_double(t, at) : style == TREE_JSON ? own_width(x, width) : (double)x;
        return v;
    }
    if (npy_int(t, at, &i)) {
        if ((v = new_value(m, VALUE_INT)))
            v->u.integer = i;
        return v;
    }
    uint8_t *big = arena_alloc(m, 9); // an unsigned number beyond int64, and a zero for its sign
    if (!big)
        return NULL;
    memcpy(big, at, 8);
    big[8] = 0;
    return new_bytes(m, VALUE_BIGINT, big, 9);
}

// --- Arrays of numpy ---

// Whether numpy has the child's values as such, or as floats.
static bool is_array(const struct arrow_array *a)
{
    if (a->type.kind == ARROW_NUMBER)
        return !a->type.npy->swap;
    return (a->type.kind == ARROW_BOOL || a->type.kind == ARROW_TEXT) && !a->has_nulls;
}

static struct value *new_text(struct arena *m, const char *s)
{
    size_t len = strlen(s);
    char *copy = arena_alloc(m, len + 1);
    if (copy)
        memcpy(copy, s, len + 1);
    return copy ? new_bytes(m, VALUE_STR, copy, len) : NULL;
}

static struct value *new_call(struct arena *m, const char *module, const char *name, struct value *const *args,
                              size_t n)
{
    struct value *g = new_value(m, VALUE_GLOBAL), *v = new_value(m, VALUE_CALL), *tuple = new_seq(m, VALUE_TUPLE, n);
    if (!g || !v || !tuple)
        return NULL;
    g->u.global.module = module;
    g->u.global.name = name;
    for (size_t i = 0; i < n; i++)
        if (!(tuple->u.seq.items[i] = args[i]))
            return NULL;
    v->u.call.callee = g;
    v->u.call.args = tuple;
    return v;
}

// _frombuffer(bytes, dtype(code), (n,), "C")
static struct value *new_array(struct arena *m, char kind, size_t size, const void *data, size_t n)
{
    char code[32];
    struct value *length = new_value(m, VALUE_INT), *shape = new_seq(m, VALUE_TUPLE, 1);
    snprintf(code, sizeof code, "%c%zu", kind, kind == 'U' ? size / 4 : size);
    struct value *name = new_text(m, code);
    if (!length || !shape || !name)
        return NULL;
    length->u.integer = (int64_t)n;
    shape->u.seq.items[0] = length;
    struct value *args[] = {new_bytes(m, VALUE_BYTES, data, n * size), new_call(m, "numpy", "dtype", &name, 1), shape,
                            new_text(m, "C")};
    return new_call(m, "numpy._core.numeric", "_frombuffer", args, sizeof args / sizeof *args);
}

static void put_nan(uint8_t *to, size_t size)
{
    const uint16_t half = 0x7e00;
    const float narrow = __builtin_nanf("");
    const double wide = __builtin_nan("");
    memcpy(to, size == 2 ? (const void *)&half : size == 4 ? (const void *)&narrow : (const void *)&wide, size);
}

// Floats as they are, NaN where one is missing; integers are doubles then.
static struct value *array_of_numbers(struct arena *m, const struct arrow_array *a, size_t from, size_t n)
{
    const struct npy_type *t = a->type.npy;
    const uint8_t *at = a->first.data + (a->offset + from) * t->itemsize;
    size_t size = t->kind == 'f' ? t->itemsize : sizeof(double), bytes;
    if (!a->has_nulls)
        return new_array(m, t->kind, t->itemsize, n ? at : (const uint8_t *)"", n);
    uint8_t *copy = __builtin_mul_overflow(n ? n : 1, size, &bytes) ? NULL : arena_alloc(m, bytes);
    for (size_t i = 0; copy && i < n; i++) {
        double wide = t->kind == 'f' ? 0 : as_double(t, at + i * t->itemsize);
        if (!arrow_is_valid(a, from + i))
            put_nan(copy + i * size, size);
        else
            memcpy(copy + i * size, t->kind == 'f' ? (const void *)(at + i * size) : (const void *)&wide, size);
    }
    return copy ? new_array(m, 'f', size, copy, n) : NULL;
}

static struct value *array_of_bools(struct arena *m, const struct arrow_array *a, size_t from, size_t n)
{
    uint8_t *copy = arena_alloc(m, n ? n : 1);
    for (size_t i = 0; copy && i < n; i++)
        copy[i] = arrow_bit(a, from + i);
    return copy ? new_array(m, 'b', 1, copy, n) : NULL;
}

static uint32_t next_point(const uint8_t **at)
{
    const uint8_t *s = *at;
    size_t n = *s < 0x80 ? 1 : *s >= 0xf0 ? 4 : *s >= 0xe0 ? 3 : 2; // it is known to be UTF-8
    uint32_t c = n == 1 ? *s : *s & (0x7fu >> n);
    for (size_t i = 1; i < n; i++)
        c = c << 6 | (s[i] & 0x3f);
    *at += n;
    return c;
}

// Text of one width, as wide as the longest.
static struct value *array_of_texts(struct arena *m, const struct arrow_array *a, size_t from, size_t n)
{
    struct arrow_bytes text;
    size_t width = 1, size, bytes;
    for (size_t i = 0; i < n; i++) {
        if (!arrow_cell_bytes(a, from + i, &text))
            return NULL;
        width = text.len > width ? text.len : width;
    }
    if (__builtin_mul_overflow(width, 4, &size) || __builtin_mul_overflow(size, n ? n : 1, &bytes))
        return NULL;
    uint8_t *copy = arena_alloc(m, bytes);
    if (!copy)
        return NULL;
    memset(copy, 0, bytes);
    for (size_t i = 0; i < n; i++) {
        (void)arrow_cell_bytes(a, from + i, &text);
        uint8_t *to = copy + i * size;
        for (const uint8_t *at = text.data; at < text.data + text.len; to += 4) {
            uint32_t c = next_point(&at);
            memcpy(to, &c, 4);
        }
    }
    return new_array(m, 'U', size, copy, n);
}

static struct value *build_array(struct arena *m, const struct arrow_array *a, size_t from, size_t n)
{
    if (a->type.kind == ARROW_NUMBER)
        return array_of_numbers(m, a, from, n);
    return a->type.kind == ARROW_BOOL ? array_of_bools(m, a, from, n) : array_of_texts(m, a, from, n);
}

// --- Lists, maps, structs ---

static struct value *build_list(struct arena *m, const struct arrow_array *a, size_t row, enum tree_style style)
{
    size_t from, to;
    if (!arrow_cell_range(a, row, &from, &to))
        return NULL;
    struct value *v = style == TREE_CSV && is_array(a->children) ? build_array(m, a->children, from, to - from) : NULL;
    if (v) // it is none where one long text makes all of them long
        return v;
    v = new_seq(m, VALUE_LIST, to - from);
    for (size_t i = from; v && i < to; i++)
        if (!(v->u.seq.items[i - from] = build(m, a->children, i, style)))
            return NULL;
    return v;
}

// A map's cell: the struct's children by the struct's own rows.
static struct value *build_map(struct arena *m, const struct arrow_array *a, size_t row, enum tree_style style)
{
    size_t from, to;
    const struct arrow_array *entries = a->children;
    if (!arrow_cell_range(a, row, &from, &to))
        return NULL;
    struct value *v = new_seq(m, VALUE_LIST, to - from);
    for (size_t i = from; v && i < to; i++) {
        struct value *pair = new_seq(m, VALUE_TUPLE, 2);
        if (!pair)
            return NULL;
        v->u.seq.items[i - from] = pair;
        for (size_t k = 0; k < 2; k++)
            if (!(pair->u.seq.items[k] = build(m, &entries->children[k], entries->offset + i, style)))
                return NULL;
    }
    return v;
}

static struct value *field_name(struct arena *m, const struct arrow_array *a, size_t i)
{
    const struct value *name = arrow_call_arg(a->fields->u.seq.items[i], "field", 0);
    if (!name || name->kind != VALUE_STR)
        return NULL;
    return new_bytes(m, VALUE_STR, name->u.bytes.data, name->u.bytes.len);
}

static struct value *build_struct(struct arena *m, const struct arrow_array *a, size_t row, enum tree_style style)
{
    struct value *v = new_value(m, VALUE_DICT);
    size_t n = a->n_children;
    if (!v || !(v->u.dict.pairs = arena_alloc(m, (n ? n : 1) * sizeof *v->u.dict.pairs)))
        return NULL;
    v->u.dict.len = v->u.dict.cap = n;
    for (size_t i = 0; i < n; i++) {
        v->u.dict.pairs[i].key = field_name(m, a, i);
        v->u.dict.pairs[i].value = build(m, &a->children[i], a->offset + row, style);
        if (!v->u.dict.pairs[i].key || !v->u.dict.pairs[i].value)
            return NULL;
    }
    return v;
}

// Recursion is bounded by ARROW_DEPTH, which reading the array kept.
static struct value *build(struct arena *m, const struct arrow_array *a, size_t row, enum tree_style style)
{
    struct arrow_bytes bytes;
    struct value *v;
    enum tree_style within = style == TREE_JSON ? TREE_PYTHON : style;
    if (!arrow_resolve(&a, &row))
        return NULL;
    if (!arrow_is_valid(a, row))
        return new_value(m, VALUE_NONE);
    switch (a->type.kind) {
    case ARROW_BOOL:
        if ((v = new_value(m, VALUE_BOOL)))
            v->u.boolean = arrow_bit(a, row);
        return v;
    case ARROW_NUMBER: return build_number(m, a, row, style);
    case ARROW_TEXT:
    case ARROW_BYTES:
        if (!arrow_cell_bytes(a, row, &bytes))
            return NULL;
        return new_bytes(m, a->type.kind == ARROW_TEXT ? VALUE_STR : VALUE_BYTES, bytes.data, bytes.len);
    case ARROW_LIST:
    case ARROW_FIXED_LIST: return build_list(m, a, row, style);
    case ARROW_MAP: return build_map(m, a, row, within);
    case ARROW_STRUCT: return build_struct(m, a, row, within);
    default: return build_text(m, a, row);
    }
}

const struct value *arrow_tree_build(struct arrow_tree *t, const struct arrow_array *a, size_t row,
                                     enum cell_style style)
{
    arena_free(&t->arena);
    memset(&t->arena, 0, sizeof t->arena);
    t->arena.max = MAX_CELL;
    return build(&t->arena, a, row, style == STYLE_CSV ? TREE_CSV : TREE_JSON);
}
