// Columns that need no array: ranges, values, names, and what is not supported.
#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "client/frame_i.h"

static const struct npy_type int64_type = {.kind = 'i', .itemsize = 8, .unit = "generic", .unit_count = 1};

void column_free(struct column *c)
{
    if (!c)
        return;
    free(c->dtype);
    buf_free(&c->text);
    c->destroy(c);
}

static void unsupported_cell(struct column *c, size_t row, enum cell_style style, struct cell *ret)
{
    (void)row;
    (void)style;
    ret->kind = CELL_UNSUPPORTED;
    ret->text = c->dtype;
    ret->len = strlen(c->dtype);
}

void column_cell(struct column *c, size_t row, enum cell_style style, struct cell *ret)
{
    if (row < c->rows)
        c->cell(c, row, style, ret);
    else
        unsupported_cell(c, row, style, ret);
}

const char *column_dtype(const struct column *c)
{
    return c->dtype;
}

const struct npy_type *column_npy_type(const struct column *c)
{
    return c->npy;
}

static void destroy_plain(struct column *c)
{
    free(c);
}

struct column *column_unsupported(const char *type_name, size_t rows)
{
    struct column *c = mem_zalloc(sizeof *c);
    c->cell = unsupported_cell;
    c->destroy = destroy_plain;
    c->rows = rows;
    c->dtype = mem_strdup(type_name);
    return c;
}

// --- Ranges ---

struct range_column {
    struct column base;
    int64_t start, step, now;
};

static void range_cell(struct column *c, size_t row, enum cell_style style, struct cell *ret)
{
    struct range_column *r = (struct range_column *)c;
    (void)style;
    // Wraps where a pickle says so; Python cannot make such an index.
    r->now = (int64_t)((uint64_t)r->start + (uint64_t)row * (uint64_t)r->step);
    ret->kind = CELL_ELEMENT;
    ret->type = &int64_type;
    ret->at = (const uint8_t *)&r->now;
}

struct column *column_of_range(int64_t start, int64_t step, size_t rows)
{
    struct range_column *r = mem_zalloc(sizeof *r);
    r->base.cell = range_cell;
    r->base.destroy = destroy_plain;
    r->base.rows = rows;
    r->base.dtype = mem_strdup("int64");
    r->base.npy = &int64_type;
    r->start = start;
    r->step = step;
    return &r->base;
}

// --- Values ---

struct values_column {
    struct column base;
    struct value *const *items;
    size_t stride;
};

static void values_cell(struct column *c, size_t row, enum cell_style style, struct cell *ret)
{
    const struct values_column *v = (const struct values_column *)c;
    (void)style;
    ret->kind = CELL_VALUE;
    ret->value = v->items[row * v->stride];
}

struct column *column_of_values(struct value *const *items, size_t stride, size_t rows)
{
    struct values_column *v = mem_zalloc(sizeof *v);
    v->base.cell = values_cell;
    v->base.destroy = destroy_plain;
    v->base.rows = rows;
    v->base.dtype = mem_strdup("object");
    v->items = items;
    v->stride = stride;
    return &v->base;
}

// --- Names ---

struct names_column {
    struct column base;
    const struct value **names;
    int64_t now;
};

static void names_cell(struct column *c, size_t row, enum cell_style style, struct cell *ret)
{
    struct names_column *n = (struct names_column *)c;
    (void)style;
    if (n->names[row]) {
        ret->kind = CELL_VALUE;
        ret->value = n->names[row];
        return;
    }
    n->now = (int64_t)row;
    ret->kind = CELL_ELEMENT;
    ret->type = &int64_type;
    ret->at = (const uint8_t *)&n->now;
}

static void destroy_names(struct column *c)
{
    free(((struct names_column *)c)->names);
    free(c);
}

struct column *column_of_names(const struct value **names, size_t rows)
{
    struct names_column *n = mem_zalloc(sizeof *n);
    n->base.cell = names_cell;
    n->base.destroy = destroy_names;
    n->base.rows = rows;
    n->base.dtype = mem_strdup("object");
    n->names = names;
    return &n->base;
}
