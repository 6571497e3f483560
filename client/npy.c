// Arrays and scalars of numpy as .npy files; tables are in npy_table.c.
#include "client/npy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "client/npy_i.h"

enum { PUT_AT_ONCE = 1 << 20 };

// --- Output ---

void npy_fail(struct npy_out *o, errc code, const char *cause)
{
    if (!o->failed)
        o->failed = err_set(o->err, code, "%s", cause);
}

void npy_check(struct npy_out *o)
{
    if (!o->failed)
        o->failed = cancel_check(o->cancel, o->err);
}

static void send(struct npy_out *o, const void *data, size_t len)
{
    npy_check(o);
    if (!o->failed && len && !sink_put(o->sink, data, len))
        npy_fail(o, ERR_INTERRUPTED, "the reader of the array stopped");
}

void npy_flush(struct npy_out *o)
{
    send(o, o->room, o->len);
    o->len = 0;
}

void npy_put(struct npy_out *o, const void *data, size_t len)
{
    const uint8_t *p = data;
    if (len > NPY_ROOM - o->len)
        npy_flush(o);
    for (; len > NPY_ROOM && !o->failed;) {
        size_t n = len < PUT_AT_ONCE ? len : PUT_AT_ONCE;
        send(o, p, n);
        p += n;
        len -= n;
    }
    if (o->failed)
        return;
    if (len)
        memcpy(o->room + o->len, p, len);
    o->len += len;
}

// --- Arrays ---

// An element whose fields are in another order than in memory, or overlap there: one behind the other. The depth of
// a type is bounded where it is read.
static void put_packed(struct npy_out *o, const struct npy_type *t, const uint8_t *at)
{
    if (t->sub) {
        size_t count = 1;
        for (unsigned i = 0; i < t->ndim; i++)
            count *= t->shape[i];
        for (size_t i = 0; i < count && !o->failed; i++)
            put_packed(o, t->sub, at + i * t->sub->itemsize);
    } else if (t->fields) {
        for (size_t i = 0; i < t->n_fields && !o->failed; i++)
            put_packed(o, t->fields[i].type, at + t->fields[i].offset);
    } else {
        npy_put(o, at, t->itemsize);
    }
}

static void put_elements(struct npy_out *o, const struct npy_type *t, const uint8_t *data, size_t count, bool fortran,
                         const size_t *shape, unsigned ndim)
{
    bool packed = !npy_is_ordered(t);
    struct buf descr = {0};
    npy_descr(&descr, t, packed);
    npy_header(o, &descr, fortran, shape, ndim);
    buf_free(&descr);
    if (!packed)
        npy_put(o, data, count * t->itemsize);
    for (size_t i = 0; i < count && packed && !o->failed; i++)
        put_packed(o, t, data + i * t->itemsize);
}

static void put_objects(struct npy_out *o, struct value *const *items, size_t count, const size_t *shape, unsigned ndim)
{
    struct npy_text t;
    struct buf descr = {0};
    if (!items)
        count = 0; // none are there
    if (!npy_text_new(&t, o))
        return;
    for (size_t i = 0; i < count && !o->failed; i++) {
        if (i % 65536 == 0)
            npy_check(o);
        npy_text_value(&t, o, items[i]);
    }
    npy_text_check(&t, o);
    npy_text_room(o, npy_text_size(t.width, count), "the array's text", t.width, count, "elements");
    npy_text_descr(&descr, t.width);
    npy_header(o, &descr, false, shape, ndim);
    t.to = o;
    for (size_t i = 0; i < count && !o->failed; i++)
        npy_text_value(&t, o, items[i]);
    npy_text_free(&t);
    buf_free(&descr);
}

static void put_array(struct npy_out *o, const struct npy_array *a)
{
    if (a->objects || a->type->kind == 'O')
        put_objects(o, a->objects, a->count, a->shape, a->ndim);
    else if (npy_has_objects(a->type))
        npy_fail(o, ERR_CORRUPT, "the array has fields of Python objects, but its elements are bytes");
    else
        put_elements(o, a->type, a->data, a->count, a->fortran, a->shape, a->ndim);
}

static bool put_scalar(struct npy_out *o, const struct value *v)
{
    auto_cleanup(npy_type_freep) struct npy_type *t = NULL;
    const uint8_t *at;
    const struct value *object = NULL;
    enum npy_is is = npy_scalar(v, &t, &at, &object);
    if (is == NPY_YES && object)
        put_objects(o, &v->u.call.args->u.seq.items[1], 1, NULL, 0);
    else if (is == NPY_YES && npy_has_objects(t))
        npy_fail(o, ERR_NO_FORM, "a record that holds Python objects has no .npy form; its .json has them");
    else if (is == NPY_YES)
        put_elements(o, t, at, 1, false, NULL, 0);
    return is == NPY_YES;
}

static void put_frame(struct npy_out *o, const struct value *v, bool is_records)
{
    struct frame *f = NULL;
    unsigned ndim = 1;
    if (!frame_is(v)) {
        char name[256], cause[400];
        value_type_name(v, name, sizeof name);
        snprintf(cause, sizeof cause, ".npy is a form of numpy's arrays and scalars and of pandas' tables, not of %s",
                 name);
        npy_fail(o, ERR_NO_FORM, cause);
        return;
    }
    errc e = frame_of(v, o->cancel, &f, o->err);
    if (e)
        o->failed = e;
    else
        npy_table(o, f, npy_ndim(v, &ndim) ? ndim : 1, is_records);
    frame_free(f);
}

static void put_value(struct npy_out *o, const struct value *v)
{
    struct npy_array a;
    if (put_scalar(o, v))
        return;
    enum npy_is is = npy_array(v, &a);
    // Records with objects in them are a tuple each: columns of a table, then.
    bool is_records = is == NPY_YES && a.objects && a.type->kind == 'V';
    if (is == NPY_YES && !is_records)
        put_array(o, &a);
    else
        put_frame(o, v, is_records);
    npy_array_free(&a);
}

errc npy_write(const struct value *v, uint64_t most, struct cancel *cancel, struct sink *sink, struct err *err)
{
    auto_free struct npy_out *o = mem_zalloc(sizeof *o);
    o->sink = sink;
    o->cancel = cancel;
    o->err = err;
    o->failed = ERR_OK;
    o->most = most;
    o->len = 0;
    put_value(o, v);
    npy_flush(o);
    return o->failed;
}
