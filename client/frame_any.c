// A column of whatever array a pickle has: of numpy, of pandas, or an Index.
#include <string.h>

#include "base/mem.h"
#include "client/frame_i.h"

// Categories that are intervals of dates are three deep; a pickle can say any number, and each level can need the next
// more than once.
enum { MAX_NESTING = 5 };
static _Thread_local unsigned nesting;

struct column *column_unreadable(const struct value *array, size_t rows)
{
    char name[256];
    const struct value *class = made_class(array);
    value_type_name(class ? class : array, name, sizeof name);
    return column_unsupported(name, rows);
}

// How many an array that cannot be read has, by the first array of numpy in its state.
static size_t guess_rows(const struct value *array)
{
    static const char *const keys[] = {"_ndarray", "_data", "_codes", "_left"};
    const struct value *state = called_global(array) ? array->u.call.state : NULL;
    size_t rows = ROWS_ANY;
    for (size_t i = 0; i < 6 && rows == ROWS_ANY; i++) {
        const struct value *v = i < 2 ? seq_at(state, i) : value_dict_get(state, keys[i - 2]);
        struct grid *g = frame_is_array(v) ? grid_open(v) : NULL;
        if (g && g->ndim == 1)
            rows = g->shape[0];
        grid_close(g);
    }
    return rows;
}

static struct column *of_grid(struct grid *g, size_t rows)
{
    if (g->ndim != 1)
        return column_unsupported(g->name, rows);
    return grid_line(g, 0, 0, rows == ROWS_ANY ? g->shape[0] : rows);
}

// The only level of an Index.
static struct column *of_index(const struct value *array, size_t rows)
{
    struct axis axis;
    struct column *c = NULL;
    if (!axis_of_index(array, &axis))
        return NULL;
    if (axis.n_levels == 1 && (rows == ROWS_ANY || axis.rows == rows))
        c = steal_ptr(&axis.levels[0]);
    axis_free(&axis);
    return c;
}

static struct column *of_extension(const struct value *array, size_t rows)
{
    struct column *c = column_of_extension(array, rows);
    if (rows != ROWS_ANY || (c && c->rows != ROWS_ANY))
        return c;
    column_free(c);
    rows = guess_rows(array);
    return rows == ROWS_ANY ? NULL : column_of_extension(array, rows);
}

static struct column *of_array(const struct value *array, size_t rows)
{
    struct grid *g = grid_open(array);
    if (g) {
        struct column *c = of_grid(g, rows);
        grid_close(g);
        return c;
    }
    struct column *c = axis_is_index(array) ? of_index(array, rows) : of_extension(array, rows);
    return c ? c : column_unreadable(array, rows == ROWS_ANY ? guess_rows(array) : rows);
}

bool column_is_nested(void)
{
    return nesting > 0;
}

struct column *column_of_array(const struct value *array, size_t rows)
{
    if (nesting >= MAX_NESTING)
        return column_unreadable(array, rows);
    nesting++;
    struct column *c = of_array(array, rows);
    nesting--;
    return c;
}

struct column *column_of_bare(const struct value *v)
{
    const struct value *class = made_class(v);
    if (!class || strncmp(class->u.global.module, "pandas", 6) != 0 || nesting >= MAX_NESTING)
        return NULL;
    nesting++;
    struct grid *g = grid_open(v); // dates and spans without a zone
    struct column *c = !g ? of_extension(v, ROWS_ANY) : g->ndim == 1 ? of_grid(g, ROWS_ANY) : NULL;
    grid_close(g);
    nesting--;
    return c;
}

// --- Rows of extension arrays of two dimensions ---

// One row as an array of its own: values that no pickle had, and the column that reads them.
struct row_column {
    struct column base;
    struct column *inner;
    uint8_t *copy;               // of a row whose elements are not side by side; owned
    struct value array, backed, function, order, bytes, length, shape, args, state;
    struct value *args_items[4], *state_items[3], *shape_items[1];
};

static void row_cell(struct column *c, size_t row, enum cell_style style, struct cell *ret)
{
    column_cell(((struct row_column *)c)->inner, row, style, ret);
}

static void destroy_row(struct column *c)
{
    struct row_column *r = (struct row_column *)c;
    column_free(r->inner);
    free(r->copy);
    free(r);
}

static void make_tuple(struct value *v, struct value **items, size_t n)
{
    v->kind = VALUE_TUPLE;
    v->u.seq.items = items;
    v->u.seq.len = n;
}

// The elements of row `i`: in the pickle, or copied.
static bool row_bytes(struct row_column *r, const struct npy_array *a, size_t i)
{
    size_t size = a->type->itemsize, n = a->shape[1];
    r->bytes.kind = VALUE_BYTES;
    r->bytes.u.bytes.len = n * size;
    r->bytes.u.bytes.data = a->data + (a->fortran ? 0 : i * n * size);
    if (!a->fortran || a->shape[0] == 1)
        return true;
    r->copy = malloc(n && size ? n * size : 1);
    for (size_t k = 0; r->copy && k < n; k++)
        memcpy(r->copy + k * size, a->data + (k * a->shape[0] + i) * size, size);
    r->bytes.u.bytes.data = r->copy;
    return r->copy != NULL;
}

// NDArrayBacked: class, checksum, None; its state is (dtype, ndarray, attributes), or has the array first. The array
// is one of numpy, whose dtype is in the state of _reconstruct or among the arguments of _frombuffer.
static void make_row(struct row_column *r, const struct value *array, size_t at, const struct value *ndarray,
                     size_t rows)
{
    static const uint8_t c_order[] = "C";
    bool from_buffer = global_is(called_global(ndarray), "numpy", "_frombuffer");
    struct value *dtype = from_buffer ? ndarray->u.call.args->u.seq.items[1] : ndarray->u.call.state->u.seq.items[2];
    r->function.kind = VALUE_GLOBAL;
    r->function.u.global.module = "numpy._core.numeric";
    r->function.u.global.name = "_frombuffer";
    r->order.kind = VALUE_STR;
    r->order.u.bytes.data = c_order;
    r->order.u.bytes.len = 1;
    r->length.kind = VALUE_INT;
    r->length.u.integer = (int64_t)rows;
    r->shape_items[0] = &r->length;
    make_tuple(&r->shape, r->shape_items, 1);
    memcpy(r->args_items, (struct value *[4]){&r->bytes, dtype, &r->shape, &r->order},
           sizeof r->args_items);
    make_tuple(&r->args, r->args_items, 4);
    r->array.kind = VALUE_CALL;
    r->array.u.call.callee = &r->function;
    r->array.u.call.args = &r->args;
    size_t n = array->u.call.state->u.seq.len;
    for (size_t i = 0; i < n && i < 3; i++)
        r->state_items[i] = i == at ? &r->array : array->u.call.state->u.seq.items[i];
    make_tuple(&r->state, r->state_items, n < 3 ? n : 3);
    r->backed.kind = VALUE_CALL;
    r->backed.u.call = array->u.call;
    r->backed.u.call.state = &r->state;
}

struct column *column_of_extension_row(const struct value *array, size_t i, size_t rows)
{
    struct npy_array a;
    const struct value *state = called_global(array) ? array->u.call.state : NULL;
    size_t at = frame_is_array(seq_at(state, 0)) ? 0 : 1;
    const struct value *ndarray = seq_at(state, at);
    if (!frame_is_array(ndarray) || npy_array(ndarray, &a) != NPY_YES)
        return NULL;
    if (a.ndim != 2 || a.objects || i >= a.shape[0] || a.shape[1] != rows || rows > INT64_MAX) {
        npy_array_free(&a);
        return NULL;
    }
    struct row_column *r = mem_zalloc(sizeof *r);
    r->base.cell = row_cell;
    r->base.destroy = destroy_row;
    r->base.rows = rows;
    if (row_bytes(r, &a, i)) {
        make_row(r, array, at, ndarray, rows);
        r->inner = column_of_array(&r->backed, rows);
    }
    npy_array_free(&a);
    if (!r->inner) {
        destroy_row(&r->base);
        return NULL;
    }
    r->base.dtype = mem_strdup(column_dtype(r->inner));
    r->base.npy = column_npy_type(r->inner);
    return &r->base;
}

struct column *column_of_block_row(const struct value *array, size_t i, size_t rows)
{
    struct grid *g = grid_open(array);
    if (g) {
        struct column *c = g->ndim == 2 ? grid_line(g, 0, i, rows) : column_unsupported(g->name, rows);
        grid_close(g);
        return c;
    }
    struct column *c = column_of_extension_row(array, i, rows);
    return c ? c : column_unreadable(array, rows);
}
