// Arrays of Arrow as pyarrow pickles them: their buffers, checked against their lengths.
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "client/frame_ext_arrow.h"

bool arrow_buffer(const struct value *v, struct arrow_bytes *ret)
{
    memset(ret, 0, sizeof *ret);
    if (!none_is_null(v))
        return true;
    const struct value *bytes = arrow_call_arg(v, "py_buffer", 0);
    if (!bytes && v->kind == VALUE_CALL)
        return false;
    bytes = bytes ? bytes : v;
    // bytearray() of nothing is a call without arguments in some protocols.
    if (bytes->kind == VALUE_BYTES || bytes->kind == VALUE_BYTEARRAY) {
        ret->data = bytes->u.bytes.len ? bytes->u.bytes.data : (const uint8_t *)"";
        ret->len = bytes->u.bytes.len;
        return true;
    }
    ret->data = (const uint8_t *)"";
    return value_is_call(bytes, "builtins", "bytearray") && !bytes->u.call.args->u.seq.len;
}

static bool holds(const struct arrow_bytes *b, size_t count, size_t width)
{
    size_t need;
    return !count || (b->data && !__builtin_mul_overflow(count, width, &need) && need <= b->len);
}

static bool get_size(const struct value *v, size_t *ret)
{
    if (!v || v->kind != VALUE_INT || v->u.integer < 0)
        return false;
    *ret = (size_t)v->u.integer;
    return true;
}

// How many elements the children have to have: all that the array's rows may stand for.
static bool children_fit(const struct arrow_array *a, size_t end)
{
    size_t need = end;
    if (a->type.kind == ARROW_FIXED_LIST && __builtin_mul_overflow(end, a->type.size, &need))
        return false;
    if (a->type.kind != ARROW_STRUCT && a->type.kind != ARROW_FIXED_LIST)
        return true;
    for (size_t i = 0; i < a->n_children; i++)
        if (a->children[i].len < need)
            return false;
    return true;
}

static bool check_sizes(const struct arrow_array *a)
{
    const struct arrow_type *t = &a->type;
    size_t end;
    if (__builtin_add_overflow(a->offset, a->len, &end) || end > SIZE_MAX - 8)
        return false;
    if (a->validity.data && (end + 7) / 8 > a->validity.len)
        return false;
    switch (t->kind) {
    case ARROW_NULL: return true;
    case ARROW_BOOL: return holds(&a->first, (end + 7) / 8, 1);
    case ARROW_TEXT:
    case ARROW_BYTES:
        if (t->layout == LAYOUT_OFFSETS)
            return holds(&a->first, a->len ? end + 1 : 0, t->width);
        return holds(&a->first, end, t->width);
    case ARROW_LIST:
    case ARROW_MAP: return a->n_children == 1 && holds(&a->first, a->len ? end + 1 : 0, t->width);
    case ARROW_FIXED_LIST: return a->n_children == 1 && children_fit(a, end);
    case ARROW_STRUCT: return children_fit(a, end);
    default: return holds(&a->first, end, t->width);
    }
}

static bool read_parts(const struct value *parts, struct arrow_array *a, size_t *budget, unsigned depth);

// Work is counted as arrays are: shared parts could make little data endless.
static bool spend(size_t *budget, size_t steps, unsigned shift)
{
    size_t cost = steps >> shift;
    if (cost > *budget)
        return false;
    *budget -= cost;
    return true;
}

static bool any_null(const struct arrow_array *a, size_t from, size_t to)
{
    const uint8_t *bits = a->validity.data;
    if (!bits)
        return a->type.kind == ARROW_NULL && to > from;
    for (size_t i = from; i < to;) {
        size_t bit = a->offset + i;
        if (bit % 8 == 0 && to - i >= 8 && bits[bit / 8] == 0xff)
            i += 8;
        else if (!arrow_is_valid(a, i++))
            return true;
    }
    return false;
}

// Of a list's child what valid rows have. Rows that share what they have could make this endless: then all of it.
static bool any_null_in_rows(const struct arrow_array *a)
{
    const struct arrow_array *child = a->children;
    size_t from, to, seen = 0;
    for (size_t row = 0; child->validity.data && row < a->len && seen <= child->len; row++) {
        if (!arrow_is_valid(a, row) || !arrow_cell_range(a, row, &from, &to))
            continue;
        if (any_null(child, from, to))
            return true;
        seen += to - from;
    }
    return seen > child->len && any_null(child, 0, child->len);
}

static bool find_nulls(struct arrow_array *a, size_t *budget)
{
    if (a->type.kind == ARROW_LIST || (a->type.kind == ARROW_FIXED_LIST && a->type.size)) {
        if (!spend(budget, a->len, 12) || !spend(budget, a->children->len, 16))
            return false;
        a->children->has_nulls = any_null_in_rows(a);
    }
    for (size_t i = 0; a->type.kind == ARROW_STRUCT && i < a->n_children; i++) {
        if (!spend(budget, a->len, 16))
            return false;
        a->children[i].has_nulls = any_null(&a->children[i], a->offset, a->offset + a->len);
    }
    return true;
}

static bool read_children(const struct value *children, struct arrow_array *a, size_t *budget, unsigned depth)
{
    if (!children || children->kind != VALUE_LIST || children->u.seq.len > *budget)
        return false;
    if (children->u.seq.len)
        a->children = calloc(children->u.seq.len, sizeof *a->children);
    if (children->u.seq.len && !a->children)
        return false;
    for (size_t i = 0; i < children->u.seq.len; i++) {
        if (!read_parts(children->u.seq.items[i], &a->children[i], budget, depth))
            return false;
        a->n_children++;
    }
    return true;
}

// The entries of a map are a struct of a key and a value.
static bool check_kind(const struct value *type, struct arrow_array *a)
{
    if (a->type.kind == ARROW_STRUCT) {
        a->fields = seq_at(type->u.call.args, 0);
        return a->fields && a->fields->kind == VALUE_LIST && a->fields->u.seq.len == a->n_children;
    }
    if (a->type.kind == ARROW_MAP)
        return a->n_children == 1 && a->children[0].type.kind == ARROW_STRUCT && a->children[0].n_children == 2;
    return true;
}

static bool read_buffers(struct arrow_array *a)
{
    bool ok = arrow_buffer(seq_at(a->buffers, 0), &a->validity) && arrow_buffer(seq_at(a->buffers, 1), &a->first);
    // LAYOUT_VIEW reads what follows for itself.
    bool has_text = (a->type.kind == ARROW_TEXT || a->type.kind == ARROW_BYTES) && a->type.layout == LAYOUT_OFFSETS;
    return ok && (!has_text || arrow_buffer(seq_at(a->buffers, 2), &a->rest));
}

// Recursion is bounded by ARROW_DEPTH; shared parts are read again each time, which *budget bounds.
static bool read_parts(const struct value *parts, struct arrow_array *a, size_t *budget, unsigned depth)
{
    const struct value *type = seq_at(parts, 0), *dictionary = none_is_null(seq_at(parts, 6));
    memset(a, 0, sizeof *a);
    if (!type || depth > ARROW_DEPTH || !*budget)
        return false;
    --*budget;
    a->buffers = seq_at(parts, 4);
    bool ok = arrow_type_of(type, &a->type) && get_size(seq_at(parts, 1), &a->len) &&
              get_size(seq_at(parts, 3), &a->offset) && read_buffers(a);
    if (ok && a->type.kind == ARROW_DICTIONARY) {
        a->children = mem_zalloc(sizeof *a->children);
        ok = dictionary && read_parts(dictionary, a->children, budget, depth + 1);
        a->n_children = ok;
    } else if (ok) {
        ok = read_children(seq_at(parts, 5), a, budget, depth + 1) && check_kind(type, a);
    }
    if (!ok || !check_sizes(a) || !find_nulls(a, budget)) {
        arrow_array_clear(a);
        return false;
    }
    if (a->type.zone) {
        auto_free char *name = mem_strndup((const char *)a->type.zone->u.bytes.data, a->type.zone->u.bytes.len);
        a->tz = tz_named(name);
    }
    return true;
}

bool arrow_array_read(const struct value *parts, struct arrow_array *ret, size_t *budget)
{
    return read_parts(parts, ret, budget, 0);
}

void arrow_array_clear(struct arrow_array *a)
{
    for (size_t i = 0; i < a->n_children; i++)
        arrow_array_clear(&a->children[i]);
    free(a->children);
    tz_free(a->tz);
    memset(a, 0, sizeof *a);
}
