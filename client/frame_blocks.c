// pandas' managers: a DataFrame's columns lie as rows in blocks, arrays of one type each, which say which columns they
// have (pandas/core/internals/managers.py and pandas/_libs/internals.pyx).
#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "client/frame_i.h"

enum { MAX_COLUMNS = 1 << 20, CANCEL_EVERY = 1024 };

struct manager {
    const struct value *labels, *index; // axes; a Series has no labels
    struct value *const *blocks;
    size_t n_blocks;
    bool is_single;  // of a Series
    bool has_arrays; // an ArrayManager: each block is the array of the next column
};

struct block {
    const struct value *values, *places;
};

// Which columns a block has: a slice, or an array of integers.
struct places {
    int64_t start, step;
    size_t len;
    struct column *array; // owned
};

// --- What is there ---

// The state of pandas < 1.3, and of every Series: (axes, values, items, {"0.14.1": {"axes", "blocks"}}).
static bool read_state(const struct value *state, struct manager *m)
{
    const struct value *newer = value_dict_get(seq_at(state, 3), "0.14.1");
    const struct value *axes = value_dict_get(newer, "axes");
    m->labels = m->is_single ? NULL : seq_at(axes, 0);
    m->index = seq_at(axes, m->is_single ? 0 : 1);
    return newer && seq_items(value_dict_get(newer, "blocks"), &m->blocks, &m->n_blocks);
}

static bool read_manager(const struct value *v, struct manager *m)
{
    const struct value *name = called_global(v);
    m->is_single = global_is(name, "pandas", "SingleBlockManager") || global_is(name, "pandas", "SingleArrayManager");
    m->has_arrays = global_is(name, "pandas", "ArrayManager") || global_is(name, "pandas", "SingleArrayManager");
    if (!m->is_single && !m->has_arrays && !global_is(name, "pandas", "BlockManager"))
        return false;
    const struct value *state = v->u.call.state, *args = v->u.call.args;
    if (m->has_arrays) {
        const struct value *axes = seq_at(state, 1);
        m->index = seq_at(axes, 0);
        m->labels = seq_at(axes, 1);
        return seq_items(seq_at(state, 0), &m->blocks, &m->n_blocks);
    }
    if (state && state->kind == VALUE_TUPLE)
        return read_state(state, m);
    const struct value *axes = seq_at(args, 1);
    bool lone = m->is_single && called_global(seq_at(args, 0)); // SingleBlockManager(block, axis)
    if (lone) {
        m->blocks = args->u.seq.items;
        m->n_blocks = 1;
        m->index = axes && axes->kind != VALUE_LIST ? axes : seq_at(axes, 0);
        return true;
    }
    m->labels = seq_at(axes, 0);
    m->index = seq_at(axes, m->is_single ? 0 : 1);
    return seq_items(seq_at(args, 0), &m->blocks, &m->n_blocks);
}

// _unpickle_block(values, places, dimensions); of pandas 1.3 partial(new_block, ndim=...)(values, places).
static bool is_block_call(const struct value *v)
{
    if (!v || v->kind != VALUE_CALL)
        return false;
    return global_is(called_global(v), "pandas", "_unpickle_block") ||
           (value_is_call(v->u.call.callee, "functools", "partial") &&
            global_is(seq_at(v->u.call.callee->u.call.args, 0), "pandas", "new_block"));
}

static bool read_block(const struct value *v, struct block *ret)
{
    if (is_block_call(v)) {
        ret->values = seq_at(v->u.call.args, 0);
        ret->places = seq_at(v->u.call.args, 1);
    } else {
        ret->values = value_dict_get(v, "values");
        ret->places = value_dict_get(v, "mgr_locs");
    }
    return ret->values && ret->places;
}

static bool get_int(const struct value *v, int64_t none, int64_t *ret)
{
    *ret = v && v->kind == VALUE_INT ? v->u.integer : none;
    return v && (v->kind == VALUE_INT || v->kind == VALUE_NONE);
}

static bool read_slice(const struct value *v, struct places *p)
{
    const struct value *args = v->u.call.args;
    int64_t stop;
    return get_int(seq_at(args, 2), 1, &p->step) && get_int(seq_at(args, 0), 0, &p->start) &&
           get_int(seq_at(args, 1), p->step < 0 ? -1 : 0, &stop) && range_len(p->start, stop, p->step, &p->len);
}

static void places_free(struct places *p)
{
    column_free(p->array);
    p->array = NULL;
}

static bool read_places(const struct value *v, struct places *p)
{
    memset(p, 0, sizeof *p);
    if (value_is_call(v, "builtins", "slice"))
        return read_slice(v, p);
    if (!frame_is_array(v))
        return false;
    p->array = column_of_array(v, ROWS_ANY);
    p->len = p->array->rows;
    if (p->len != ROWS_ANY)
        return true;
    places_free(p);
    return false;
}

static bool place_at(const struct places *p, size_t i, int64_t *ret)
{
    struct cell cell;
    if (p->array) {
        column_cell(p->array, i, STYLE_JSON, &cell);
        return cell.kind == CELL_ELEMENT && npy_int(cell.type, cell.at, ret);
    }
    __int128 at = p->start + (__int128)i * p->step;
    *ret = (int64_t)at;
    return at >= 0 && at <= INT64_MAX;
}

// --- Columns ---

static struct column *block_column(const struct block *b, struct grid *g, size_t i, size_t len, size_t rows)
{
    struct column *c;
    if (g && g->ndim == 2 && g->shape[0] == len)
        return grid_line(g, 0, i, rows);
    if (g && g->ndim == 1 && len == 1)
        return grid_line(g, 0, 0, rows);
    if (g)
        return column_unsupported(g->name, rows);
    c = column_of_extension_row(b->values, i, rows);
    if (c)
        return c;
    return len == 1 ? column_of_array(b->values, rows) : column_unreadable(b->values, rows);
}

static errc place_block(struct frame *f, const struct block *b, struct grid *g, const struct places *p,
                        struct cancel *cancel, struct err *err)
{
    for (size_t i = 0; i < p->len; i++) {
        int64_t at = -1;
        if (i % CANCEL_EVERY == 0 && cancel_check(cancel, err))
            return err->code;
        if (!place_at(p, i, &at) || at < 0 || (uint64_t)at >= f->n_columns)
            return err_set(err, ERR_CORRUPT, "a block of this DataFrame says that it is column %" PRId64 " of %zu", at,
                           f->n_columns);
        if (f->columns[at])
            return err_set(err, ERR_CORRUPT, "two blocks of this DataFrame say that they are column %" PRId64, at);
        f->columns[at] = block_column(b, g, i, p->len, f->rows);
    }
    return ERR_OK;
}

static errc read_blocks(struct frame *f, const struct manager *m, struct cancel *cancel, struct err *err)
{
    for (size_t i = 0; i < m->n_blocks; i++) {
        struct block b;
        struct places p;
        if (i % CANCEL_EVERY == 0 && cancel_check(cancel, err))
            return err->code;
        if (m->has_arrays) {
            if (i < f->n_columns)
                f->columns[i] = column_of_array(m->blocks[i], f->rows);
            continue;
        }
        if (!read_block(m->blocks[i], &b) || !read_places(b.places, &p))
            return err_set(err, ERR_CORRUPT, "block %zu of this DataFrame does not say which columns it has", i);
        struct grid *g = grid_open(b.values);
        errc e = place_block(f, &b, g, &p, cancel, err);
        grid_close(g);
        places_free(&p);
        if (e)
            return e;
    }
    return ERR_OK;
}

// --- Axes that cannot be read ---

static size_t block_rows(const struct block *b)
{
    struct grid *g = grid_open(b->values);
    size_t rows = g && (g->ndim == 1 || g->ndim == 2) ? g->shape[g->ndim - 1] : ROWS_ANY;
    grid_close(g);
    if (!g) {
        struct column *c = column_of_array(b->values, ROWS_ANY);
        rows = c->rows;
        column_free(c);
    }
    return rows;
}

// How many rows the blocks have, by the first that tells.
static bool rows_of_blocks(const struct manager *m, size_t *ret)
{
    for (size_t i = 0; i < m->n_blocks && i < CANCEL_EVERY; i++) {
        struct block b = {.values = m->blocks[i]};
        if (!m->has_arrays && !read_block(m->blocks[i], &b))
            continue;
        *ret = block_rows(&b);
        if (*ret != ROWS_ANY)
            return true;
    }
    return false;
}

static bool columns_of_blocks(const struct manager *m, size_t *ret)
{
    size_t n = m->has_arrays ? m->n_blocks : 0;
    for (size_t i = 0; i < m->n_blocks && !m->has_arrays; i++) {
        struct block b;
        struct places p;
        bool ok = read_block(m->blocks[i], &b) && read_places(b.places, &p);
        if (!ok || __builtin_add_overflow(n, p.len, &n))
            ok = false;
        if (ok)
            places_free(&p);
        else
            return false;
    }
    *ret = n;
    return true;
}

// The axis, or one of so many labels that cannot be read.
static bool read_axis(const struct value *v, const struct manager *m, bool is_index, struct axis *ret)
{
    char name[256] = "pandas.Index";
    size_t rows;
    if (axis_of_index(v, ret))
        return true;
    if (!v || !(is_index ? rows_of_blocks(m, &rows) : columns_of_blocks(m, &rows)))
        return false;
    if (made_class(v))
        value_type_name(made_class(v), name, sizeof name);
    axis_of_range(rows, ret);
    column_free(ret->levels[0]);
    ret->levels[0] = column_unsupported(name, rows);
    ret->is_plain = false;
    return true;
}

// --- The whole ---

errc frame_make_columns(struct frame *f, size_t n, struct err *err)
{
    if (n > MAX_COLUMNS)
        return err_set(err, ERR_LIMIT, "this table has %zu columns; at most %d can be shown", n, MAX_COLUMNS);
    f->columns = mem_zalloc((n ? n : 1) * sizeof(struct column *));
    f->n_columns = n;
    return ERR_OK;
}

void frame_take_index(struct frame *f, struct axis *a)
{
    f->rows = a->rows;
    f->n_index = a->n_levels;
    f->index = a->levels;
    f->index_names = a->names;
    f->plain_index = a->is_plain;
}

void frame_take_labels(struct frame *f, struct axis *a)
{
    f->n_labels = a->n_levels;
    f->labels = a->levels;
    f->label_names = a->names;
}

static errc read_columns(struct frame *f, const struct manager *m, struct cancel *cancel, struct err *err)
{
    if (m->is_single) { // its only block is the column
        struct block b = {.values = m->n_blocks ? m->blocks[0] : NULL};
        if (!b.values || (!m->has_arrays && !read_block(m->blocks[0], &b)))
            return err_set(err, ERR_CORRUPT, "this Series has no block of values");
        f->columns[0] = column_of_array(b.values, f->rows);
        return ERR_OK;
    }
    if (read_blocks(f, m, cancel, err))
        return err->code;
    for (size_t i = 0; i < f->n_columns; i++)
        if (!f->columns[i])
            f->columns[i] = column_unsupported("missing", f->rows);
    return ERR_OK;
}

errc frame_read_manager(struct frame *f, const struct value *manager, struct cancel *cancel, struct err *err)
{
    struct manager m = {0};
    struct axis axis;
    char name[256];
    if (!manager || !read_manager(manager, &m)) {
        if (!manager)
            return err_set(err, ERR_NO_FORM, "this table's state has neither _mgr nor _data");
        value_type_name(manager, name, sizeof name);
        return err_set(err, ERR_NO_FORM,
                       "this table is kept by a %s in a form that is not known (those of pandas 0.14 to 3 are)", name);
    }
    if (!read_axis(m.index, &m, true, &axis))
        return err_set(err, ERR_CORRUPT, "the row index of this table cannot be read, nor how many rows it has");
    frame_take_index(f, &axis);
    if (m.is_single)
        return frame_make_columns(f, 1, err) ? err->code : read_columns(f, &m, cancel, err);
    if (!read_axis(m.labels, &m, false, &axis))
        return err_set(err, ERR_CORRUPT, "the column labels of this table cannot be read, nor how many columns it has");
    frame_take_labels(f, &axis);
    if (frame_make_columns(f, axis.rows, err))
        return err->code;
    return read_columns(f, &m, cancel, err);
}
