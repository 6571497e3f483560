// A pickled Index of pandas as the columns of its levels. Every kind is a call of a function _new_...Index(class, dict)
// (pandas/core/indexes/base.py, datetimes.py, period.py, timedeltas.py, interval.py).
#include <string.h>

#include "base/mem.h"
#include "client/frame_i.h"

enum { MAX_LEVELS = 1024 };

bool axis_is_index(const struct value *v)
{
    const struct value *callee = called_global(v);
    if (!callee || strncmp(callee->u.global.module, "pandas.", 7) != 0)
        return false;
    const char *name = callee->u.global.name;
    size_t len = strlen(name);
    return len >= 10 && strncmp(name, "_new_", 5) == 0 && strcmp(name + len - 5, "Index") == 0;
}

void axis_free(struct axis *a)
{
    for (size_t i = 0; a->levels && i < a->n_levels; i++)
        column_free(a->levels[i]);
    free(a->levels);
    free(a->names);
    memset(a, 0, sizeof *a);
}

static void make_levels(struct axis *a, size_t n)
{
    a->n_levels = n;
    a->levels = mem_zalloc((n ? n : 1) * sizeof(struct column *));
    a->names = mem_zalloc((n ? n : 1) * sizeof(struct value *));
}

void axis_of_range(size_t rows, struct axis *ret)
{
    memset(ret, 0, sizeof *ret);
    make_levels(ret, 1);
    ret->rows = rows;
    ret->levels[0] = column_of_range(0, 1, rows);
    ret->is_plain = true;
}

static bool get_int(const struct value *dict, const char *key, int64_t *ret)
{
    const struct value *v = value_dict_get(dict, key);
    if (v && v->kind == VALUE_INT)
        *ret = v->u.integer;
    return v && v->kind == VALUE_INT;
}

static bool range_axis(const struct value *dict, struct axis *ret)
{
    int64_t start, stop, step;
    size_t rows;
    if (!get_int(dict, "start", &start) || !get_int(dict, "stop", &stop) || !get_int(dict, "step", &step) ||
        !range_len(start, stop, step, &rows))
        return false;
    make_levels(ret, 1);
    ret->rows = rows;
    ret->levels[0] = column_of_range(start, step, ret->rows);
    ret->names[0] = none_is_null(value_dict_get(dict, "name"));
    ret->is_plain = start == 0 && step == 1 && !ret->names[0];
    return true;
}

// --- Levels of a MultiIndex ---

struct codes_column {
    struct column base;
    struct column *level, *codes; // owned
};

static void codes_cell(struct column *c, size_t row, enum cell_style style, struct cell *ret)
{
    const struct codes_column *k = (const struct codes_column *)c;
    struct cell code;
    int64_t i = -1;
    column_cell(k->codes, row, STYLE_JSON, &code);
    bool known = code.kind == CELL_ELEMENT && npy_int(code.type, code.at, &i);
    ret->kind = CELL_NA;
    if (known && i >= 0 && (uint64_t)i < k->level->rows) {
        column_cell(k->level, (size_t)i, style, ret);
    } else if (!known || i >= 0) {
        ret->kind = CELL_UNSUPPORTED;
        ret->text = c->dtype;
        ret->len = strlen(c->dtype);
    }
}

static void destroy_codes(struct column *c)
{
    column_free(((struct codes_column *)c)->level);
    column_free(((struct codes_column *)c)->codes);
    free(c);
}

// Whether every code names a value: then the level's cells are all of its type.
static bool codes_are_whole(const struct codes_column *k)
{
    struct cell code;
    int64_t i;
    for (size_t row = 0; row < k->base.rows; row++) {
        column_cell(k->codes, row, STYLE_JSON, &code);
        if (code.kind != CELL_ELEMENT || !npy_int(code.type, code.at, &i) || i < 0 || (uint64_t)i >= k->level->rows)
            return false;
    }
    return true;
}

static size_t array_len(const struct value *array)
{
    struct grid *g = grid_open(array);
    size_t n = g && g->ndim == 1 ? g->shape[0] : 0;
    grid_close(g);
    return n;
}

static struct column *column_of_codes(struct column *level, const struct value *codes, size_t rows)
{
    struct codes_column *k = mem_zalloc(sizeof *k);
    k->base.cell = codes_cell;
    k->base.destroy = destroy_codes;
    k->base.rows = rows;
    k->base.dtype = mem_strdup(column_dtype(level));
    k->level = level;
    k->codes = column_of_array(codes, rows);
    if (column_npy_type(level) && codes_are_whole(k))
        k->base.npy = column_npy_type(level);
    return &k->base;
}

static bool multi_axis(const struct value *dict, struct axis *ret)
{
    struct value *const *levels, *const *codes, *const *names = NULL;
    size_t n, n_codes, n_names = 0;
    const struct value *coded = value_dict_get(dict, "codes");
    if (!seq_items(value_dict_get(dict, "levels"), &levels, &n) ||
        !seq_items(coded ? coded : value_dict_get(dict, "labels"), &codes, &n_codes) || n != n_codes || !n ||
        n > MAX_LEVELS)
        return false;
    (void)seq_items(value_dict_get(dict, "names"), &names, &n_names);
    make_levels(ret, n);
    ret->rows = array_len(codes[0]);
    for (size_t i = 0; i < n; i++) {
        struct axis level = {0};
        bool is_one = axis_is_index(levels[i]) && !value_dict_get(seq_at(levels[i]->u.call.args, 1), "levels") &&
                      axis_of_index(levels[i], &level);
        struct column *values = is_one ? steal_ptr(&level.levels[0]) : column_unsupported("pandas.Index", 0);
        axis_free(&level);
        ret->levels[i] = column_of_codes(values, codes[i], ret->rows);
        ret->names[i] = i < n_names ? none_is_null(names[i]) : NULL;
    }
    return true;
}

// --- The others ---

// What pandas 0.23 and earlier wrote: numbers of another array, whose zone or frequency stands beside it. Such an array
// alone would be shown as what it is not.
static const char *says_more(const struct value *index, const struct value *dict, const struct value *data)
{
    struct grid *g = grid_open(data);
    grid_close(g);
    if (g && none_is_null(value_dict_get(dict, "tz")))
        return "datetime64 with a zone";
    return g && global_is(made_class(index), "pandas", "PeriodIndex") ? "period" : NULL;
}

static bool data_axis(const struct value *index, const struct value *dict, struct axis *ret)
{
    const struct value *data = value_dict_get(dict, "data"), *left = value_dict_get(dict, "left");
    struct column *c;
    size_t rows;
    if (data) {
        const char *type = says_more(index, dict, data);
        c = column_of_array(data, ROWS_ANY);
        rows = c->rows;
        if (type) {
            column_free(c);
            c = column_unsupported(type, rows);
        }
    } else if (left) { // of intervals, by their ends
        struct column *ends = column_of_array(left, ROWS_ANY);
        rows = ends->rows;
        column_free(ends);
        c = rows == ROWS_ANY ? NULL : column_of_extension(index, rows);
        c = c ? c : column_unsupported("interval", rows);
    } else {
        return false;
    }
    if (rows == ROWS_ANY) {
        column_free(c);
        return false;
    }
    make_levels(ret, 1);
    ret->rows = rows;
    ret->levels[0] = c;
    ret->names[0] = none_is_null(value_dict_get(dict, "name"));
    return true;
}

static bool axis_of_dict(const struct value *index, const struct value *dict, struct axis *ret)
{
    if (value_dict_get(dict, "levels"))
        return !column_is_nested() && multi_axis(dict, ret);
    if (value_dict_get(dict, "start"))
        return range_axis(dict, ret);
    return data_axis(index, dict, ret);
}

bool axis_of_index(const struct value *index, struct axis *ret)
{
    memset(ret, 0, sizeof *ret);
    const struct value *dict = axis_is_index(index) ? seq_at(index->u.call.args, 1) : NULL;
    if (!dict || dict->kind != VALUE_DICT)
        return false;
    return axis_of_dict(index, dict, ret);
}
