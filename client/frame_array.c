// Arrays of numpy as columns: their elements stay where they are in the pickle.
#include <string.h>

#include "base/mem.h"
#include "client/frame_i.h"

struct array_column {
    struct column base;
    struct grid *grid;
    const struct npy_type *type;    // of the cells
    const uint8_t *at;              // the first cell, where there are elements
    struct value *const *items;     // else
    size_t stride;                  // from cell to cell: bytes, or items
    const uint8_t *mask;
    size_t mask_stride;
    size_t field;                   // of a record of objects
    bool is_float;                  // whole numbers, some of the array's masked: pandas makes floats of them
    double now;                     // such a one
    struct date_style style;
};

// --- Opening ---

static bool is_numpy(const struct value *v, const char *name)
{
    return global_is(called_global(v), "numpy", name);
}

bool frame_is_array(const struct value *v)
{
    return is_numpy(v, "_reconstruct") || is_numpy(v, "_frombuffer") || is_numpy(v, "_mareconstruct");
}

static bool is_date_class(const struct value *class)
{
    return global_is(class, "pandas", "DatetimeArray") || global_is(class, "pandas", "TimedeltaArray");
}

// The numpy array within an array of pandas that has no more to it: dates and spans without a zone. `v` itself where
// it is none of these. (pandas 1.3 and later: a Cython class with the state (dtype, ndarray, attributes); before: an
// object with a dict.)
static const struct value *within(const struct value *v)
{
    const struct value *dtype, *array;
    if (!is_date_class(made_class(v)))
        return v;
    const struct value *state = v->u.call.state;
    if (state && state->kind == VALUE_DICT) {
        dtype = value_dict_get(state, "_dtype");
        array = value_dict_get(state, "_ndarray");
        if (!array)
            array = value_dict_get(state, "_data");
    } else {
        bool first = frame_is_array(seq_at(state, 0));
        array = seq_at(state, first ? 0 : 1);
        dtype = seq_at(state, first ? 1 : 0);
    }
    bool plain = frame_is_array(array) && (!dtype || value_is_call(dtype, "numpy", "dtype"));
    return plain ? array : v;
}

// The common types are kept once: tables can have as many blocks as columns.
static const struct npy_type common[] = {
    {.kind = 'f', .itemsize = 8, .unit = "generic", .unit_count = 1},
    {.kind = 'i', .itemsize = 8, .unit = "generic", .unit_count = 1},
    {.kind = 'O', .itemsize = 8, .unit = "generic", .unit_count = 1},
    {.kind = 'b', .itemsize = 1, .unit = "generic", .unit_count = 1},
    {.kind = 'f', .itemsize = 4, .unit = "generic", .unit_count = 1},
    {.kind = 'i', .itemsize = 4, .unit = "generic", .unit_count = 1},
    {.kind = 'i', .itemsize = 1, .unit = "generic", .unit_count = 1},
    {.kind = 'M', .itemsize = 8, .unit = "ns", .unit_count = 1},
    {.kind = 'M', .itemsize = 8, .unit = "us", .unit_count = 1},
    {.kind = 'm', .itemsize = 8, .unit = "ns", .unit_count = 1},
};

static bool same_type(const struct npy_type *a, const struct npy_type *b)
{
    return a->kind == b->kind && a->itemsize == b->itemsize && !a->swap && a->unit_count == b->unit_count &&
           strcmp(a->unit, b->unit) == 0;
}

static void take_array(struct grid *g, struct npy_array *a)
{
    for (size_t i = 0; i < sizeof common / sizeof *common && !g->type; i++)
        if (same_type(a->type, &common[i]))
            g->type = &common[i];
    if (!g->type)
        g->type = g->own_type = steal_ptr(&a->type);
    g->ndim = a->ndim;
    for (unsigned i = 0; i < g->ndim && i < 2; i++)
        g->shape[i] = a->shape[i];
    g->fortran = a->fortran;
    g->objects = a->objects;
    g->has_objects = a->objects || g->type->kind == 'O';
    g->data = a->data;
}

// A masked array's state is that of an array, and then its mask's bytes and its fill value.
static enum npy_is read_masked(const struct value *v, struct npy_array *a, struct grid *g)
{
    struct value name = {.kind = VALUE_GLOBAL, .u.global = {"numpy._core.multiarray", "_reconstruct"}};
    struct value none = {.kind = VALUE_TUPLE};
    struct value call = {.kind = VALUE_CALL};
    call.u.call.callee = &name;
    call.u.call.args = &none;
    call.u.call.state = v->u.call.state;
    enum npy_is is = npy_array(&call, a);
    const struct value *mask = seq_at(v->u.call.state, 5);
    if (is != NPY_YES || !mask)
        return is;
    // A mask of a structured array has a byte for each field, where these have none in them.
    size_t masks = a->type->fields ? a->type->n_fields : 1, bytes;
    bool fits = (mask->kind == VALUE_BYTES || mask->kind == VALUE_STR) && masks &&
                !__builtin_mul_overflow(a->count, masks, &bytes) && bytes == mask->u.bytes.len;
    if (!fits) {
        npy_array_free(a);
        return NPY_BAD;
    }
    g->mask = mask->u.bytes.data;
    g->masks = masks;
    for (size_t i = 0; i < bytes && !g->any_masked; i++)
        g->any_masked = g->mask[i];
    return NPY_YES;
}

// An array of numpy's StringDType: the state (version, shape, dtype, is_fortran, list).
static bool read_texts(const struct value *v, struct grid *g)
{
    const struct value *state = v->u.call.state, *shape = seq_at(state, 1), *list = seq_at(state, 4);
    size_t count = 1;
    if (!is_numpy(v, "_reconstruct") || !is_numpy(seq_at(state, 2), "_convert_to_stringdtype_kwargs") || !shape ||
        shape->kind != VALUE_TUPLE || !list || list->kind != VALUE_LIST || shape->u.seq.len > 2)
        return false;
    for (size_t i = 0; i < shape->u.seq.len; i++) {
        const struct value *n = shape->u.seq.items[i];
        if (n->kind != VALUE_INT || n->u.integer < 0 || __builtin_mul_overflow(count, (size_t)n->u.integer, &count))
            return false;
        g->shape[i] = (size_t)n->u.integer;
    }
    if (count != list->u.seq.len)
        return false;
    g->ndim = (unsigned)shape->u.seq.len;
    g->objects = list->u.seq.items;
    g->has_objects = g->is_texts = true;
    return true;
}

static void name_grid(struct grid *g, const struct value *v)
{
    char type[256] = "numpy.ndarray";
    struct buf name = {0};
    if (g->type) {
        npy_type_name(&name, g->type);
        g->name = buf_steal(&name);
        return;
    }
    if (made_class(v) != called_global(v))
        value_type_name(made_class(v), type, sizeof type);
    g->name = mem_strdup(g->is_texts ? "StringDType()" : type);
}

struct grid *grid_open(const struct value *v)
{
    v = within(v);
    if (!frame_is_array(v))
        return NULL;
    struct npy_array a;
    struct grid *g = mem_zalloc(sizeof *g);
    g->refs = 1;
    if ((is_numpy(v, "_mareconstruct") ? read_masked(v, &a, g) : npy_array(v, &a)) == NPY_YES) {
        take_array(g, &a);
        npy_array_free(&a);
    } else {
        (void)read_texts(v, g);
    }
    name_grid(g, v);
    return g;
}

void grid_close(struct grid *g)
{
    if (!g || --g->refs)
        return;
    npy_type_free(g->own_type);
    free(g->name);
    free(g);
}

// --- Cells ---

static bool is_masked(const struct array_column *a, size_t row, struct cell *ret)
{
    if (!a->mask || !a->mask[row * a->mask_stride])
        return false;
    ret->kind = CELL_NA;
    return true;
}

static void element_cell(struct column *c, size_t row, enum cell_style style, struct cell *ret)
{
    struct array_column *a = (struct array_column *)c;
    int64_t i;
    if (is_masked(a, row, ret))
        return;
    ret->kind = CELL_ELEMENT;
    ret->type = a->type;
    ret->at = a->at + row * a->stride;
    if (style == STYLE_CSV && a->is_float) {
        a->now = npy_int(a->type, ret->at, &i) ? (double)i : (double)npy_uint(a->type, ret->at);
        ret->type = &common[0];
        ret->at = (const uint8_t *)&a->now;
    }
}

static void date_cell(struct column *c, size_t row, enum cell_style style, struct cell *ret)
{
    struct array_column *a = (struct array_column *)c;
    element_cell(c, row, style, ret);
    if (style != STYLE_CSV || ret->kind != CELL_ELEMENT)
        return;
    if (!a->style.is_known)
        date_style_of(&a->style, a->type, a->at, a->stride, c->rows, a->mask, a->mask_stride);
    c->text.len = 0;
    if (!date_text(&c->text, &a->style, a->type, ret->at)) {
        ret->kind = CELL_NA;
        return;
    }
    ret->kind = CELL_TEXT;
    ret->text = c->text.data;
    ret->len = c->text.len;
}

static void object_cell(struct column *c, size_t row, enum cell_style style, struct cell *ret)
{
    const struct array_column *a = (const struct array_column *)c;
    (void)style;
    if (is_masked(a, row, ret))
        return;
    ret->kind = CELL_VALUE;
    ret->value = a->items[row * a->stride];
}

// A field of a record that is a tuple of objects.
static void member_cell(struct column *c, size_t row, enum cell_style style, struct cell *ret)
{
    const struct array_column *a = (const struct array_column *)c;
    (void)style;
    if (is_masked(a, row, ret))
        return;
    ret->value = seq_at(a->items[row * a->stride], a->field);
    ret->kind = CELL_VALUE;
    if (!ret->value) {
        ret->kind = CELL_UNSUPPORTED;
        ret->text = c->dtype;
        ret->len = strlen(c->dtype);
    }
}

static void text_cell(struct column *c, size_t row, enum cell_style style, struct cell *ret)
{
    const struct array_column *a = (const struct array_column *)c;
    const struct value *v = a->items[row * a->stride];
    (void)style;
    ret->kind = v->kind == VALUE_STR ? CELL_TEXT : CELL_NA;
    if (v->kind == VALUE_STR) {
        ret->text = (const char *)v->u.bytes.data;
        ret->len = v->u.bytes.len;
    }
}

// --- Columns ---

static void destroy_array(struct column *c)
{
    grid_close(((struct array_column *)c)->grid);
    free(c);
}

static bool has_mask(const struct array_column *a, size_t rows)
{
    for (size_t i = 0; a->mask && i < rows; i++)
        if (a->mask[i * a->mask_stride])
            return true;
    return false;
}

static struct column *finish(struct array_column *a, const char *dtype, size_t rows)
{
    bool whole = a->grid->any_masked && a->grid->masks == 1; // pandas makes no table of masked records
    a->is_float = whole && a->type && (a->type->kind == 'i' || a->type->kind == 'u');
    a->base.destroy = destroy_array;
    a->base.rows = rows;
    a->base.dtype = mem_strdup(dtype);
    a->grid->refs++;
    if (a->type && a->type->kind != 'O' && !has_mask(a, rows))
        a->base.npy = a->type;
    return &a->base;
}

static void set_elements(struct array_column *a, const struct npy_type *type, const uint8_t *at, size_t stride)
{
    a->type = type;
    a->at = at;
    a->stride = stride;
    a->base.cell = type->kind == 'M' || type->kind == 'm' ? date_cell : element_cell;
}

// Where line `i` begins and how far its cells are apart, in cells.
static bool line_of(const struct grid *g, bool fortran, unsigned along, size_t i, size_t rows, size_t *ret_first,
                    size_t *ret_step)
{
    bool whole = g->ndim == 1;
    if ((!whole && g->ndim != 2) || g->shape[whole ? 0 : 1 - along] != rows || (!whole && i >= g->shape[along]))
        return false;
    // The step across `along`, then that within the line.
    size_t across = (along == 0) == fortran ? 1 : g->shape[1 - along];
    *ret_first = whole || !rows ? 0 : i * across;
    *ret_step = whole || (along == 0) != fortran ? 1 : g->shape[along];
    return true;
}

struct column *grid_line(struct grid *g, unsigned along, size_t i, size_t rows)
{
    size_t first, step, mask_first, mask_step;
    if (!line_of(g, g->fortran && !g->has_objects, along, i, rows, &first, &step) ||
        !line_of(g, g->fortran, along, i, rows, &mask_first, &mask_step))
        return column_unsupported(g->name, rows);
    struct array_column *a = mem_zalloc(sizeof *a);
    a->grid = g;
    if (g->has_objects) {
        a->items = rows ? g->objects + first : NULL;
        a->stride = step;
        a->base.cell = g->is_texts ? text_cell : object_cell;
    } else {
        size_t size = g->type->itemsize;
        set_elements(a, g->type, rows ? g->data + first * size : g->data, step * size);
    }
    if (g->mask && g->masks == 1 && rows) {
        a->mask = g->mask + mask_first;
        a->mask_stride = mask_step;
    }
    return finish(a, g->name, rows);
}

struct column *grid_field(struct grid *g, size_t i, size_t rows)
{
    if (g->ndim != 1 || g->shape[0] != rows || i >= g->type->n_fields)
        return column_unsupported(g->name, rows);
    struct array_column *a = mem_zalloc(sizeof *a);
    const struct npy_field *field = &g->type->fields[i];
    a->grid = g;
    if (g->has_objects) {
        a->items = g->objects;
        a->stride = 1;
        a->field = i;
        a->base.cell = member_cell;
    } else {
        set_elements(a, field->type, g->data + (rows ? field->offset : 0), g->type->itemsize);
    }
    if (g->mask && rows) {
        a->mask = g->mask + i;
        a->mask_stride = g->masks;
    }
    struct buf name = {0};
    npy_type_name(&name, field->type);
    auto_free char *dtype = buf_steal(&name);
    return finish(a, dtype, rows);
}
