// Nested cells of Arrow (lists, maps, structs) as values, as pyarrow's to_pylist() has them. Times and decimals in them
// are their text.
#include <stdlib.h>
#include <string.h>

#include "client/frame_ext_arrow.h"
#include "client/pickle_arena.h"
#include "base/mem.h"

// Rows may share what they point to, many times over: one cell must not become endless.
enum { MAX_CELL = 64 << 20 };

struct arrow_tree {
    struct arena arena;
};

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

static struct value *build(struct arena *m, const struct arrow_array *a, size_t row);

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

static struct value *build_number(struct arena *m, const struct arrow_array *a, size_t row)
{
    const struct npy_type *t = a->type.npy;
    const uint8_t *at = a->first.data + (a->offset + row) * t->itemsize;
    enum float_width width;
    long double x;
    int64_t i;
    struct value *v;
    if (npy_real(t, at, &x, &width)) {
        if ((v = new_value(m, VALUE_FLOAT)))
            v->u.real = (double)x;
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

static struct value *build_list(struct arena *m, const struct arrow_array *a, size_t row)
{
    size_t from, to;
    if (!arrow_cell_range(a, row, &from, &to))
        return NULL;
    struct value *v = new_seq(m, VALUE_LIST, to - from);
    for (size_t i = from; v && i < to; i++)
        if (!(v->u.seq.items[i - from] = build(m, a->children, i)))
            return NULL;
    return v;
}

// A map's cell: the struct's children by the struct's own rows.
static struct value *build_map(struct arena *m, const struct arrow_array *a, size_t row)
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
            if (!(pair->u.seq.items[k] = build(m, &entries->children[k], entries->offset + i)))
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

static struct value *build_struct(struct arena *m, const struct arrow_array *a, size_t row)
{
    struct value *v = new_value(m, VALUE_DICT);
    size_t n = a->n_children;
    if (!v || !(v->u.dict.pairs = arena_alloc(m, (n ? n : 1) * sizeof *v->u.dict.pairs)))
        return NULL;
    v->u.dict.len = v->u.dict.cap = n;
    for (size_t i = 0; i < n; i++) {
        v->u.dict.pairs[i].key = field_name(m, a, i);
        v->u.dict.pairs[i].value = build(m, &a->children[i], a->offset + row);
        if (!v->u.dict.pairs[i].key || !v->u.dict.pairs[i].value)
            return NULL;
    }
    return v;
}

// Recursion is bounded by ARROW_DEPTH, which reading the array kept.
static struct value *build(struct arena *m, const struct arrow_array *a, size_t row)
{
    struct arrow_bytes bytes;
    struct value *v;
    if (!arrow_resolve(&a, &row))
        return NULL;
    if (!arrow_is_valid(a, row))
        return new_value(m, VALUE_NONE);
    switch (a->type.kind) {
    case ARROW_BOOL:
        if ((v = new_value(m, VALUE_BOOL)))
            v->u.boolean = arrow_bit(a, row);
        return v;
    case ARROW_NUMBER: return build_number(m, a, row);
    case ARROW_TEXT:
    case ARROW_BYTES:
        if (!arrow_cell_bytes(a, row, &bytes))
            return NULL;
        return new_bytes(m, a->type.kind == ARROW_TEXT ? VALUE_STR : VALUE_BYTES, bytes.data, bytes.len);
    case ARROW_LIST:
    case ARROW_FIXED_LIST: return build_list(m, a, row);
    case ARROW_MAP: return build_map(m, a, row);
    case ARROW_STRUCT: return build_struct(m, a, row);
    default: return build_text(m, a, row);
    }
}

const struct value *arrow_tree_build(struct arrow_tree *t, const struct arrow_array *a, size_t row)
{
    arena_free(&t->arena);
    memset(&t->arena, 0, sizeof t->arena);
    t->arena.max = MAX_CELL;
    return build(&t->arena, a, row);
}
