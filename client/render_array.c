// numpy elements and arrays as JSON. Nothing here follows references: depth is that of the dtype.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "client/render_parts.h"

static void float_json(struct out *o, long double x, enum float_width width, unsigned depth)
{
    if (isnan(x) || isinf(x)) {
        out_tagged(o, depth, "__float__", isnan(x) ? "NaN" : x < 0 ? "-Infinity" : "Infinity");
        return;
    }
    text_float(&o->scratch, x, width);
    out_buf(o, &o->scratch);
}

static void text_json(struct out *o, const struct npy_type *t, const uint8_t *at)
{
    (void)npy_text(&o->scratch, t, at);
    if (o->scratch.over)
        out_fail(o, ERR_LIMIT, "a text in a numpy array is too long");
    out_string(o, (const uint8_t *)o->scratch.data, o->scratch.len);
    o->scratch.len = 0;
}

static void fields_json(struct out *o, const struct npy_type *t, const uint8_t *at, unsigned depth)
{
    if (!t->n_fields) {
        out_puts(o, "[]");
        return;
    }
    for (size_t i = 0; i < t->n_fields && !o->failed; i++) {
        out_puts(o, i ? "," : "[");
        out_line(o, depth + 1);
        npy_json(o, t->fields[i].type, at + t->fields[i].offset, depth + 1);
    }
    out_line(o, depth);
    out_puts(o, "]");
}

// A rectangular block of elements that are strides apart.
struct grid {
    const struct npy_type *type;
    const uint8_t *data;
    const size_t *shape;
    size_t strides[64];
    unsigned ndim;
};

// One pass over the whole grid, like an odometer: no recursion on the number of dimensions.
static void grid_json(struct out *o, const struct grid *g, unsigned depth)
{
    size_t at[64] = {0};
    const uint8_t *p = g->data;
    unsigned d = 0;
    if (!g->ndim) {
        npy_json(o, g->type, p, depth);
        return;
    }
    for (;;) {
        out_work(o, 1);
        if (o->failed)
            return;
        if (at[d] == g->shape[d]) { // this row is complete
            if (g->shape[d])
                out_line(o, depth + d);
            out_puts(o, g->shape[d] ? "]" : "[]");
            p -= g->shape[d] * g->strides[d];
            at[d] = 0;
            if (d == 0)
                return;
            d--;
        } else {
            out_puts(o, at[d] ? "," : "[");
            out_line(o, depth + d + 1);
            if (d + 1 < g->ndim) {
                d++;
                continue;
            }
            npy_json(o, g->type, p, depth + d + 1);
        }
        p += g->strides[d];
        at[d]++;
    }
}

static void set_strides(struct grid *g, bool fortran)
{
    size_t stride = g->type->itemsize;
    for (unsigned i = 0; i < g->ndim; i++) // nothing is there to step over
        stride = g->shape[i] ? stride : 0;
    for (unsigned i = 0; i < g->ndim; i++) {
        unsigned d = fortran ? i : g->ndim - 1 - i;
        g->strides[d] = stride;
        stride *= g->shape[d];
    }
}

void npy_json(struct out *o, const struct npy_type *t, const uint8_t *at, unsigned depth)
{
    long double x;
    enum float_width width;
    if (t->kind == 'b') {
        out_puts(o, *at ? "true" : "false");
    } else if (t->kind == 'i' || t->kind == 'u') {
        (void)npy_text(&o->scratch, t, at);
        out_buf(o, &o->scratch);
    } else if (npy_real(t, at, &x, &width)) {
        float_json(o, x, width, depth);
    } else if (t->kind == 'S' || (t->kind == 'V' && !t->fields && !t->sub)) {
        out_bytes(o, depth, at, t->kind == 'S' ? npy_bytes_len(t, at) : t->itemsize);
    } else if (t->fields) {
        fields_json(o, t, at, depth);
    } else if (t->sub) {
        struct grid g = {.type = t->sub, .data = at, .shape = t->shape, .ndim = t->ndim};
        set_strides(&g, false);
        grid_json(o, &g, depth);
    } else {
        text_json(o, t, at);
    }
}

void npy_array_json(struct out *o, const struct npy_array *a, unsigned depth)
{
    struct grid g = {.type = a->type, .data = a->data, .shape = a->shape, .ndim = a->ndim};
    set_strides(&g, a->fortran);
    grid_json(o, &g, depth);
}
