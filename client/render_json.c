// JSON of a value, by an explicit stack of what is open: no recursion on the value's depth.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "client/frame.h"
#include "client/render_pandas.h"
#include "client/render_parts.h"
#include "client/render_walk.h"

enum { MAX_TEXT = 1 << 20, MAX_NAME = 1024 };

static void put_unsupported(struct out *o, const struct value *v)
{
    char name[MAX_NAME] = "UnsupportedType : ";
    size_t at = strlen(name);
    value_class_name(v, name + at, sizeof name - at);
    out_string(o, (const uint8_t *)name, strlen(name));
}

static void put_float(struct walk *w, double x, unsigned depth)
{
    if (isfinite(x)) {
        text_float(&w->text, x, FLOAT_64);
        out_buf(w->out, &w->text);
    } else {
        out_tagged(w->out, depth, "__float__", isnan(x) ? "NaN" : x < 0 ? "-Infinity" : "Infinity");
    }
}

// It grows by less than the square: by Karatsuba's exponent, almost.
static uint64_t work_of_bigint(size_t len)
{
    return (uint64_t)((double)len * sqrt((double)len));
}

static void put_int(struct walk *w, const struct value *v)
{
    if (v->kind == VALUE_INT)
        text_int(&w->text, v->u.integer);
    else if (!text_bigint(&w->text, v->u.bytes.data, v->u.bytes.len)) {
        put_unsupported(w->out, v);
        return;
    }
    out_work(w->out, v->kind == VALUE_BIGINT ? work_of_bigint(v->u.bytes.len) : 0);
    out_buf(w->out, &w->text);
}

// The kinds that are one piece of text; false for the others.
static bool put_plain(struct walk *w, const struct value *v, unsigned depth)
{
    struct out *o = w->out;
    switch (v->kind) {
    case VALUE_NONE: out_puts(o, "null"); return true;
    case VALUE_BOOL: out_puts(o, v->u.boolean ? "true" : "false"); return true;
    case VALUE_INT:
    case VALUE_BIGINT: put_int(w, v); return true;
    case VALUE_FLOAT: put_float(w, v->u.real, depth); return true;
    case VALUE_STR: out_string(o, v->u.bytes.data, v->u.bytes.len); return true;
    case VALUE_BYTES:
    case VALUE_BYTEARRAY: out_bytes(o, depth, v->u.bytes.data, v->u.bytes.len); return true;
    case VALUE_GLOBAL:
    case VALUE_EXT:
        if (is_pandas_na(v))
            out_puts(o, "null");
        else
            put_unsupported(o, v);
        return true;
    default: return false;
    }
}

// A numpy scalar; *ret_object: it only holds that value. False when v is none.
static bool put_numpy_scalar(struct walk *w, const struct value *v, unsigned depth,
                             const struct value **ret_object)
{
    struct npy_type *t = NULL;
    const uint8_t *at;
    enum npy_is is = npy_scalar(v, &t, &at, ret_object);
    if (is == NPY_BAD)
        put_unsupported(w->out, v);
    else if (is == NPY_YES && !*ret_object)
        npy_json(w->out, t, at, depth);
    npy_type_free(t);
    return is != NPY_NO;
}

// A table of pandas, or what else is read as one.
static bool put_table(struct walk *w, const struct value *v, unsigned depth)
{
    if (!frame_is(v))
        return false;
    struct frame *f = NULL;
    struct err err = ERR_INIT;
    errc e = frame_of(v, w->out->cancel, &f, &err);
    if (e == ERR_OK) {
        out_work(w->out, f->n_columns + f->n_index);
        walk_open_table(w, v, f, depth);
    } else if (e == ERR_NO_FORM) {
        put_unsupported(w->out, v);
    } else {
        out_fail(w->out, e, err.cause);
    }
    return true;
}

static bool put_numpy_array(struct walk *w, const struct value *v, unsigned depth)
{
    struct npy_array a;
    enum npy_is is = npy_array(v, &a);
    if (is == NPY_BAD) {
        if (!put_table(w, v, depth)) // of variable strings
            put_unsupported(w->out, v);
    } else if (is == NPY_YES && a.objects) {
        walk_open_grid(w, v, &a, depth);
    } else if (is == NPY_YES && a.count == 0 && a.type->kind == 'O') {
        a.type->itemsize = 0;
        npy_array_json(w->out, &a, depth);
    } else if (is == NPY_YES) {
        npy_array_json(w->out, &a, depth);
    }
    npy_array_free(&a);
    return is != NPY_NO;
}

// Where the value is open already, the place where that began.
static bool put_reference(struct walk *w, const struct value *v, unsigned depth)
{
    if (!walk_is_open(w, v))
        return false;
    struct buf path = {.max = MAX_TEXT};
    walk_path(w, v, &path);
    if (path.over)
        out_fail(w->out, ERR_LIMIT, "the path of a self-reference in the value is too long");
    else
        out_tagged(w->out, depth, "__ref__", path.data ? path.data : "$");
    buf_free(&path);
    return true;
}

// The scalar types that are their text; false for the others.
static bool put_text(struct walk *w, const struct value *v)
{
    bool ok = text_call(&w->text, v);
    if (ok && w->text.over)
        put_unsupported(w->out, v);
    else if (ok)
        out_string(w->out, (const uint8_t *)w->text.data, w->text.len);
    if (ok) {
        w->text.len = 0;
        w->text.over = false;
    }
    return ok;
}

// Writes a value, or its beginning: the rest then lies on the stack.
static void put_value(struct walk *w, const struct value *v, unsigned depth)
{
    const struct value *object = NULL;
    out_work(w->out, 1);
    if (put_plain(w, v, depth) || put_reference(w, v, depth))
        return;
    if (v->kind == VALUE_CALL) {
        if (put_numpy_scalar(w, v, depth, &object)) {
            if (object)
                walk_open_grid(w, v, NULL, depth);
            return;
        }
        if (put_numpy_array(w, v, depth) || put_table(w, v, depth))
            return;
        if (put_text(w, v))
            return;
    }
    if (!walk_open(w, v, depth))
        put_unsupported(w->out, v);
}

void json_value(struct out *o, const struct value *root)
{
    struct walk w = {.out = o, .text.max = MAX_TEXT};
    const struct value *next;
    unsigned depth;
    put_value(&w, root, 0);
    while (!o->failed && walk_next(&w, &next, &depth))
        put_value(&w, next, depth);
    walk_free(&w);
}
