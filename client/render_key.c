// Dict keys as text: a string as it is, anything else as its Python literal.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "client/render_pandas.h"
#include "client/render_parts.h"

enum { MAX_DEPTH = 32, MAX_NAME = 512 };

static void literal(struct buf *b, const struct value *v, unsigned depth);

static void unsupported(struct buf *b, const struct value *v)
{
    char name[MAX_NAME];
    value_class_name(v, name, sizeof name);
    buf_printf(b, "UnsupportedType : %s", name);
}

// "(1, 2)", "(1,)", "frozenset({1, 2})"
static void items_literal(struct buf *b, struct value *const *items, size_t n, const char *open,
                          const char *close, bool lone_comma, unsigned depth)
{
    buf_puts(b, open);
    for (size_t i = 0; i < n && !b->over; i++) {
        if (i)
            buf_puts(b, ", ");
        literal(b, items[i], depth + 1);
    }
    if (lone_comma && n == 1)
        buf_putc(b, ',');
    buf_puts(b, close);
}

static void seq_literal(struct buf *b, const struct value *v, unsigned depth)
{
    struct view view;
    view_of(v, &view);
    if (view.kind == VIEW_SEQ && view.is_tuple && depth < MAX_DEPTH) {
        items_literal(b, view.items, view.len, "(", ")", true, depth);
    } else if (view.kind == VIEW_SEQ && view.is_set && depth < MAX_DEPTH) {
        auto_free struct value **sorted = sort_items(view.items, view.len);
        if (view.len)
            items_literal(b, sorted ? sorted : view.items, view.len, "frozenset({", "})", false, depth);
        else
            buf_puts(b, "frozenset()");
    } else {
        unsupported(b, v);
    }
    free(view.owned);
}

// A numpy scalar as the literal of its value.
static bool numpy_literal(struct buf *b, const struct value *v, unsigned depth)
{
    struct npy_type *t = NULL;
    const uint8_t *at;
    const struct value *object;
    if (npy_scalar(v, &t, &at, &object) != NPY_YES)
        return false;
    bool ok = true;
    if (object)
        unsupported(b, v);
    else if (t->kind == 'U' && depth) {
        struct buf text = {0};
        npy_unicode(&text, t, at);
        text_str_repr(b, (const uint8_t *)text.data, text.len);
        buf_free(&text);
    } else {
        ok = npy_text(b, t, at);
    }
    npy_type_free(t);
    return ok;
}

// The scalar types that have no literal: their text, in quotes inside a tuple.
static bool call_literal(struct buf *b, const struct value *v, unsigned depth)
{
    struct buf text = {0};
    bool ok = text_call(&text, v);
    if (ok && depth && !value_is_call(v, "builtins", "complex"))
        text_str_repr(b, (const uint8_t *)text.data, text.len);
    else if (ok)
        buf_put(b, text.data, text.len);
    buf_free(&text);
    return ok;
}

static void enum_literal(struct buf *b, const struct value *v, const struct value *member, unsigned depth)
{
    char name[MAX_NAME];
    value_type_name(v, name, sizeof name);
    buf_printf(b, "%s(", name);
    literal(b, member, depth + 1);
    buf_putc(b, ')');
}

static void call_or_seq(struct buf *b, const struct value *v, unsigned depth)
{
    const struct value *member = v->kind == VALUE_CALL ? view_enum_value(v) : NULL;
    if (v->kind == VALUE_CALL && (numpy_literal(b, v, depth) || call_literal(b, v, depth)))
        return;
    if (member && depth < MAX_DEPTH)
        enum_literal(b, v, member, depth);
    else
        seq_literal(b, v, depth);
}

static void literal(struct buf *b, const struct value *v, unsigned depth)
{
    switch (v->kind) {
    case VALUE_NONE: buf_puts(b, "None"); break;
    case VALUE_BOOL: buf_puts(b, v->u.boolean ? "True" : "False"); break;
    case VALUE_INT: text_int(b, v->u.integer); break;
    case VALUE_BIGINT:
        b->over |= v->u.bytes.len > KEY_INT_MAX;
        if (!b->over && !text_bigint(b, v->u.bytes.data, v->u.bytes.len))
            unsupported(b, v);
        break;
    case VALUE_FLOAT: text_float(b, v->u.real, FLOAT_64); break;
    case VALUE_STR: text_str_repr(b, v->u.bytes.data, v->u.bytes.len); break;
    case VALUE_BYTES: text_bytes_repr(b, v->u.bytes.data, v->u.bytes.len); break;
    case VALUE_TUPLE:
    case VALUE_FROZENSET:
    case VALUE_CALL: call_or_seq(b, v, depth); break;
    case VALUE_GLOBAL:
        if (is_pandas_na(v))
            buf_puts(b, "<NA>");
        else
            unsupported(b, v);
        break;
    default: unsupported(b, v); break;
    }
}

bool key_text(struct buf *b, const struct value *key)
{
    size_t start = b->len;
    if (key->kind == VALUE_STR)
        buf_put(b, key->u.bytes.data, key->u.bytes.len);
    else
        literal(b, key, 0);
    if (!b->over || key->kind == VALUE_STR)
        return true;
    b->over = false;
    b->len = start;
    unsupported(b, key);
    return false;
}

uint64_t key_hash(struct buf *scratch, const struct value *key, bool *ret_whole, uint64_t *ret_work)
{
    static const uint8_t seed[16] = "metaflowfs keys";
    *ret_whole = true;
    scratch->len = 0;
    if (key->kind == VALUE_STR) {
        *ret_work = key->u.bytes.len;
        return hash_sip64(seed, key->u.bytes.data, key->u.bytes.len);
    }
    *ret_whole = key_text(scratch, key);
    *ret_work = *ret_whole ? scratch->len : KEY_MAX;
    return hash_sip64(seed, scratch->data, scratch->len);
}

static int by_value(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

// Keys that are all strings, or all integers, are as different as their texts.
static bool are_alike(const struct value_pair *pairs, size_t n)
{
    enum value_kind first = n ? pairs[0].key->kind : VALUE_STR;
    for (size_t i = 1; i < n; i++) {
        if (pairs[i].key->kind != first)
            return false;
    }
    return first == VALUE_STR || first == VALUE_INT;
}

bool keys_meet(struct out *o, const struct value_pair *pairs, size_t n)
{
    if (n < 2 || are_alike(pairs, n))
        return false;
    uint64_t *hashes = malloc(n * sizeof *hashes);
    if (!hashes) {
        out_fail(o, ERR_NO_MEMORY, "no memory to compare the keys of a dict");
        return false;
    }
    bool meet = false;
    struct buf scratch = {.max = KEY_MAX};
    for (size_t i = 0; i < n && !o->failed; i++) {
        bool whole;
        uint64_t work;
        hashes[i] = key_hash(&scratch, pairs[i].key, &whole, &work);
        out_work(o, 16 + work);
    }
    if (!o->failed)
        qsort(hashes, n, sizeof *hashes, by_value);
    for (size_t i = 1; i < n && !o->failed; i++)
        meet = meet || hashes[i] == hashes[i - 1];
    buf_free(&scratch);
    free(hashes);
    return meet;
}
