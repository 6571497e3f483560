#include "client/frame.h"

#include <string.h>

#include "base/mem.h"
#include "client/frame_i.h"

// --- What is a table ---

// A Series or DataFrame of pandas, or of a class that keeps the same state (pandas/core/generic.py, __getstate__).
static bool kind_of_object(const struct value *v, enum frame_kind *ret)
{
    const struct value *class = called_global(v), *state = class ? v->u.call.state : NULL;
    const struct value *type = value_dict_get(state, "_typ");
    bool typed = type && type->kind == VALUE_STR;
    *ret = FRAME_DATAFRAME;
    if (global_is(class, "pandas", "DataFrame") || (typed && type->u.bytes.len == 9 &&
                                                     memcmp(type->u.bytes.data, "dataframe", 9) == 0))
        return true;
    *ret = FRAME_SERIES;
    return global_is(class, "pandas", "Series") ||
           (typed && type->u.bytes.len == 6 && memcmp(type->u.bytes.data, "series", 6) == 0);
}

bool frame_is(const struct value *v)
{
    enum frame_kind kind;
    if (v && (kind_of_object(v, &kind) || axis_is_index(v) || frame_is_array(v)))
        return true;
    struct column *bare = v ? column_of_bare(v) : NULL;
    column_free(bare);
    return bare != NULL;
}

// --- Labels ---

// One label for each name, its number where it has none. A tuple that names the only column is as many levels.
static void label_by_names(struct frame *f, const struct value **names, size_t n)
{
    const struct value *only = n == 1 ? names[0] : NULL;
    size_t levels = only && only->kind == VALUE_TUPLE && only->u.seq.len ? only->u.seq.len : 1;
    f->labels = mem_zalloc(levels * sizeof(struct column *));
    f->label_names = mem_zalloc(levels * sizeof(struct value *));
    f->n_labels = levels;
    if (only && only->kind == VALUE_TUPLE && only->u.seq.len) {
        for (size_t i = 0; i < levels; i++)
            f->labels[i] = column_of_values(only->u.seq.items + i, 1, 1);
        free(names);
    } else {
        f->labels[0] = column_of_names(names, n);
    }
}

// --- Kinds ---

static errc read_object(struct frame *f, const struct value *v, struct cancel *cancel, struct err *err)
{
    const struct value *state = v->u.call.state, *manager = value_dict_get(state, "_mgr");
    if (!manager)
        manager = value_dict_get(state, "_data");
    if (frame_read_manager(f, manager, cancel, err))
        return err->code;
    if (f->kind == FRAME_DATAFRAME && f->n_labels == 0)
        return err_set(err, ERR_CORRUPT, "this DataFrame is kept as a Series");
    if (f->kind == FRAME_SERIES) {
        if (f->n_labels)
            return err_set(err, ERR_CORRUPT, "this Series is kept as a DataFrame");
        const struct value *name = value_dict_get(state, "_name"), **names = mem_zalloc(sizeof *names);
        f->name = none_is_null(name ? name : value_dict_get(state, "name"));
        names[0] = f->name;
        label_by_names(f, names, 1);
    }
    return ERR_OK;
}

static errc read_index(struct frame *f, const struct value *v, struct err *err)
{
    struct axis axis, rows;
    char name[256];
    if (!axis_of_index(v, &axis)) {
        value_type_name(made_class(v), name, sizeof name);
        return err_set(err, ERR_CORRUPT, "this %s has neither values nor levels nor a range that can be read", name);
    }
    axis_of_range(axis.rows, &rows);
    frame_take_index(f, &rows);
    f->columns = axis.levels;
    f->n_columns = axis.n_levels;
    bool multi = value_dict_get(seq_at(v->u.call.args, 1), "levels");
    f->name = multi ? NULL : axis.names[0];
    label_by_names(f, axis.names, axis.n_levels);
    return ERR_OK;
}

// The names of a structured array's fields: the state of its dtype.
static errc read_fields(struct frame *f, struct grid *g, const struct value *array, struct err *err)
{
    const struct value *dtype = seq_at(array->u.call.state, 2);
    if (!dtype)
        dtype = seq_at(array->u.call.args, 1);
    const struct value *names = called_global(dtype) ? seq_at(dtype->u.call.state, 3) : NULL;
    size_t n = g->type->n_fields;
    if (!names || names->kind != VALUE_TUPLE || names->u.seq.len != n)
        return err_set(err, ERR_CORRUPT, "the fields of this array have no names");
    f->labels = mem_zalloc(sizeof(struct column *));
    f->label_names = mem_zalloc(sizeof(struct value *));
    f->n_labels = 1;
    f->labels[0] = column_of_values(names->u.seq.items, 1, n);
    if (frame_make_columns(f, n, err))
        return err->code;
    for (size_t i = 0; i < n; i++)
        f->columns[i] = grid_field(g, i, f->rows);
    return ERR_OK;
}

static errc read_lines(struct frame *f, struct grid *g, struct cancel *cancel, struct err *err)
{
    struct axis labels;
    size_t n = g->ndim == 2 ? g->shape[1] : 1;
    if (frame_make_columns(f, n, err))
        return err->code;
    axis_of_range(n, &labels);
    frame_take_labels(f, &labels);
    for (size_t i = 0; i < n; i++) {
        f->columns[i] = grid_line(g, 1, i, f->rows);
        if (i % 1024 == 0 && cancel_check(cancel, err))
            return err->code;
    }
    return ERR_OK;
}

errc frame_read_array(struct frame *f, const struct value *array, struct cancel *cancel, struct err *err)
{
    struct grid *g = grid_open(array);
    struct axis rows;
    errc e;
    if (!g)
        return err_set(err, ERR_NO_FORM, "this is no array of numpy");
    if (g->ndim == 1 || g->ndim == 2) {
        axis_of_range(g->shape[0], &rows);
        frame_take_index(f, &rows);
        bool structured = g->ndim == 1 && g->type && g->type->fields;
        e = structured ? read_fields(f, g, array, err) : read_lines(f, g, cancel, err);
    } else if (g->type) {
        e = err_set(err, ERR_NO_FORM, "an array of %u dimensions is no table: one or two dimensions are", g->ndim);
    } else {
        e = err_set(err, ERR_NO_FORM, "a %s of this type or state cannot be read", g->name);
    }
    grid_close(g);
    return e;
}

// A categorical, an array of nullable numbers, ... by itself: as an array of one dimension.
static errc read_bare(struct frame *f, struct column *column, struct err *err)
{
    struct axis rows, labels;
    axis_of_range(column->rows, &rows);
    frame_take_index(f, &rows);
    axis_of_range(1, &labels);
    frame_take_labels(f, &labels);
    if (frame_make_columns(f, 1, err)) {
        column_free(column);
        return err->code;
    }
    f->columns[0] = column;
    return ERR_OK;
}

// --- The whole ---

static errc read_frame(struct frame *f, const struct value *v, struct cancel *cancel, struct err *err)
{
    char name[256];
    if (kind_of_object(v, &f->kind))
        return read_object(f, v, cancel, err);
    if (axis_is_index(v)) {
        f->kind = FRAME_INDEX;
        return read_index(f, v, err);
    }
    if (frame_is_array(v)) {
        f->kind = FRAME_ARRAY;
        f->is_numpy = true;
        return frame_read_array(f, v, cancel, err);
    }
    struct column *bare = column_of_bare(v);
    if (bare) {
        f->kind = FRAME_ARRAY;
        return read_bare(f, bare, err);
    }
    value_type_name(v, name, sizeof name);
    return err_set(err, ERR_NO_FORM,
                   "a %s is no table: a DataFrame, Series, Index or array of pandas and an array of numpy are", name);
}

errc frame_of(const struct value *v, struct cancel *cancel, struct frame **ret, struct err *err)
{
    auto_cleanup(frame_freep) struct frame *f = mem_zalloc(sizeof *f);
    if (read_frame(f, v, cancel, err))
        return err->code;
    *ret = steal_ptr(&f);
    return ERR_OK;
}

static void free_columns(struct column **columns, size_t n)
{
    for (size_t i = 0; columns && i < n; i++)
        column_free(columns[i]);
    free(columns);
}

void frame_free(struct frame *f)
{
    if (!f)
        return;
    free_columns(f->columns, f->n_columns);
    free_columns(f->index, f->n_index);
    free_columns(f->labels, f->n_labels);
    free(f->index_names);
    free(f->label_names);
    free(f);
}

void frame_freep(struct frame **f)
{
    frame_free(*f);
    *f = NULL;
}
