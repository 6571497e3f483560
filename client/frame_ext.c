// Extension arrays of pandas: which kind one is, and those that are simple.
#include "client/frame_ext.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "client/render_pandas.h"

// --- What an array is made of ---

static const struct value *first_of(const struct value *state, const char *const *keys, size_t n)
{
    const struct value *found = NULL;
    for (size_t i = 0; i < n && !found; i++)
        found = value_dict_get(state, keys[i]);
    return found;
}

bool ext_open(const struct value *array, struct ext *ret)
{
    static const char *const data_keys[] = {"_ndarray", "_pa_array", "_codes", "_data"};
    const struct value *class = made_class(array), *state = called_global(array) ? array->u.call.state : NULL;
    if (!class || strncmp(class->u.global.module, "pandas", 6) != 0 || !state)
        return false;
    const char *dot = strrchr(class->u.global.name, '.');
    memset(ret, 0, sizeof *ret);
    ret->name = dot ? dot + 1 : class->u.global.name;
    if (state->kind == VALUE_TUPLE && state->u.seq.len >= 2) {
        bool array_first = frame_is_array(seq_at(state, 0)); // the order of attributes in some versions
        ret->dtype = seq_at(state, array_first ? 1 : 0);
        ret->data = seq_at(state, array_first ? 0 : 1);
        return true;
    }
    if (state->kind == VALUE_TUPLE)
        state = seq_at(state, 0);
    if (!state || state->kind != VALUE_DICT)
        return false;
    ret->state = state;
    ret->dtype = value_dict_get(state, "_dtype");
    ret->data = first_of(state, data_keys, sizeof data_keys / sizeof *data_keys);
    return true;
}

const struct value *dtype_field(const struct value *dtype, const char *name)
{
    const struct value *state = dtype && dtype->kind == VALUE_CALL ? dtype->u.call.state : NULL;
    return value_dict_get(state, name);
}

char *dtype_name(struct buf *b)
{
    static const char more[] = "...";
    size_t keep = DTYPE_MAX - strlen(more);
    if (b->len > DTYPE_MAX) {
        while (keep && ((uint8_t)b->data[keep] & 0xc0) == 0x80) // not within a character
            keep--;
        memcpy(b->data + keep, more, sizeof more);
        b->len = keep + strlen(more);
    }
    return buf_steal(b);
}

// --- Elements of numpy ---

bool items_open(struct items *it, const struct value *array, size_t rows)
{
    if (!array || npy_array(array, &it->array) != NPY_YES)
        return false;
    it->len = it->array.shape[0];
    if (it->array.ndim == 1 && (rows == ROWS_ANY || it->len == rows))
        return true;
    npy_array_free(&it->array);
    return false;
}

void items_close(struct items *it)
{
    npy_array_free(&it->array);
}

const uint8_t *items_at(const struct items *it, size_t i)
{
    return it->array.data + i * it->array.type->itemsize;
}

bool items_int(const struct items *it, size_t i, int64_t *ret)
{
    const struct npy_type *t = it->array.type;
    if (it->array.objects)
        return false;
    if (t->kind != 'M' && t->kind != 'm')
        return npy_int(t, items_at(it, i), ret);
    *ret = npy_ticks(t, items_at(it, i));
    return true;
}

static bool is_ticks(const struct items *it, char kind, unsigned *ret_digits)
{
    const struct npy_type *t = it->array.type;
    return t->kind == kind && t->unit_count == 1 && !it->array.objects && digits_of_unit(t->unit, ret_digits);
}

bool items_is_date(const struct items *it, unsigned *ret_digits)
{
    return is_ticks(it, 'M', ret_digits);
}

bool items_is_span(const struct items *it, unsigned *ret_digits)
{
    return is_ticks(it, 'm', ret_digits);
}

// --- Cells ---

void cell_unsupported(struct column *c, struct cell *ret)
{
    ret->kind = CELL_UNSUPPORTED;
    ret->text = c->dtype;
    ret->len = strlen(c->dtype);
}

void cell_of_text(struct column *c, struct cell *ret)
{
    if (c->text.over) {
        cell_unsupported(c, ret);
        return;
    }
    ret->kind = CELL_TEXT;
    ret->text = c->text.data ? c->text.data : "";
    ret->len = c->text.len;
}

void cell_of_element(struct cell *ret, const struct npy_type *type, const uint8_t *at)
{
    ret->kind = CELL_ELEMENT;
    ret->type = type;
    ret->at = at;
}

void cell_of_number(struct column *c, struct cell *ret, const struct npy_type *type, const uint8_t *at,
                    enum cell_style style, bool is_object, bool is_nan_text)
{
    long double x;
    enum float_width width;
    cell_of_element(ret, type, at);
    if (style != STYLE_CSV || !npy_real(type, at, &x, &width))
        return;
    if (isnan(x) ? is_nan_text : is_object && (width == FLOAT_16 || width == FLOAT_32)) {
        c->text.len = 0;
        (void)text_formatted(&c->text, type, at);
        cell_of_text(c, ret);
    }
}

// --- Masked arrays: IntegerArray, FloatingArray, BooleanArray ---

struct masked_column {
    struct column base;
    struct items data, mask;
};

static void masked_cell(struct column *c, size_t row, enum cell_style style, struct cell *ret)
{
    const struct masked_column *m = (const struct masked_column *)c;
    if (*items_at(&m->mask, row))
        ret->kind = CELL_NA;
    else
        cell_of_number(c, ret, m->data.array.type, items_at(&m->data, row), style, false, true);
}

static void destroy_masked(struct column *c)
{
    struct masked_column *m = (struct masked_column *)c;
    items_close(&m->data);
    items_close(&m->mask);
    free(m);
}

static char *masked_name(const struct npy_type *t)
{
    if (t->kind == 'b')
        return mem_strdup("boolean");
    const char *kind = t->kind == 'i' ? "Int" : t->kind == 'u' ? "UInt" : "Float";
    return mem_printf("%s%zu", kind, t->itemsize * 8);
}

static bool any_set(const struct items *mask)
{
    for (size_t i = 0; i < mask->len; i++)
        if (mask->array.data[i])
            return true;
    return false;
}

struct column *column_of_masked(const struct ext *e, size_t rows)
{
    struct masked_column *m = mem_zalloc(sizeof *m);
    if (!items_open(&m->data, e->data, rows)) {
        free(m);
        return NULL;
    }
    const struct npy_type *t = m->data.array.type;
    if (!items_open(&m->mask, value_dict_get(e->state, "_mask"), m->data.len)) {
        items_close(&m->data);
        free(m);
        return NULL;
    }
    if (m->data.array.objects || m->mask.array.objects || !strchr("biuf", t->kind) || m->mask.array.type->kind != 'b') {
        destroy_masked(&m->base);
        return NULL;
    }
    m->base.cell = masked_cell;
    m->base.destroy = destroy_masked;
    m->base.rows = m->data.len;
    m->base.dtype = masked_name(t);
    m->base.npy = any_set(&m->mask) ? NULL : t;
    return &m->base;
}

// --- StringArray: an array of objects that are texts or missing ---

struct strings_column {
    struct column base;
    struct items items;
};

static void strings_cell(struct column *c, size_t row, enum cell_style style, struct cell *ret)
{
    const struct strings_column *s = (const struct strings_column *)c;
    const struct value *v = s->items.array.objects[row];
    (void)style;
    if (v->kind == VALUE_STR) {
        ret->kind = CELL_TEXT;
        ret->text = (const char *)v->u.bytes.data;
        ret->len = v->u.bytes.len;
    } else if (v->kind == VALUE_NONE || is_pandas_na(v) || (v->kind == VALUE_FLOAT && isnan(v->u.real))) {
        ret->kind = CELL_NA;
    } else {
        ret->kind = CELL_VALUE;
        ret->value = v;
    }
}

static void destroy_strings(struct column *c)
{
    items_close(&((struct strings_column *)c)->items);
    free(c);
}

// "str" where NaN is what is missing: StringDtype(storage, na_value) of pandas 2.3 and later; else "string".
static const char *string_name(const struct value *dtype)
{
    const struct value *na = dtype && dtype->kind == VALUE_CALL ? seq_at(dtype->u.call.args, 1) : NULL;
    return na && na->kind == VALUE_FLOAT ? "str" : "string";
}

struct column *column_of_strings(const struct ext *e, size_t rows)
{
    struct strings_column *s = mem_zalloc(sizeof *s);
    if (!items_open(&s->items, e->data, rows)) {
        free(s);
        return NULL;
    }
    if (s->items.array.type->kind != 'O' || (s->items.len && !s->items.array.objects)) {
        destroy_strings(&s->base);
        return NULL;
    }
    s->base.cell = strings_cell;
    s->base.destroy = destroy_strings;
    s->base.rows = s->items.len;
    s->base.dtype = mem_strdup(string_name(e->dtype));
    return &s->base;
}

// --- Which kind ---

static bool is_one_of(const char *name, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(name, names[i]))
            return true;
    return false;
}

// Interval arrays before pandas 1.3 tell their closed side beside the bounds, later in the dtype.
static struct column *of_interval_array(const struct ext *e, size_t rows)
{
    const struct value *closed = dtype_field(e->dtype, "closed");
    if (!closed || closed->kind != VALUE_STR)
        closed = value_dict_get(e->state, "_closed");
    return column_of_intervals(value_dict_get(e->state, "_left"), value_dict_get(e->state, "_right"), closed, rows);
}

static struct column *of_parts(const struct ext *e, size_t rows)
{
    static const char *const masked[] = {"IntegerArray", "FloatingArray", "BooleanArray"};
    static const char *const strings[] = {"StringArray", "StringArrayNumpySemantics"};
    static const char *const arrow_strings[] = {"ArrowStringArray", "ArrowStringArrayNumpySemantics"};
    static const char *const numpy[] = {"NumpyExtensionArray", "PandasArray"};
    if (!strcmp(e->name, "Categorical"))
        return column_of_categories(e, rows);
    if (is_one_of(e->name, masked, 3))
        return column_of_masked(e, rows);
    if (is_one_of(e->name, strings, 2))
        return column_of_strings(e, rows);
    if (is_one_of(e->name, arrow_strings, 2))
        return column_of_arrow(e->data, string_name(e->dtype), rows);
    if (!strcmp(e->name, "ArrowExtensionArray"))
        return column_of_arrow(e->data, NULL, rows);
    if (is_one_of(e->name, numpy, 2) && e->data)
        return column_of_array(e->data, rows);
    if (!strcmp(e->name, "DatetimeArray"))
        return column_of_zoned(e, rows);
    if (!strcmp(e->name, "PeriodArray"))
        return column_of_periods(e, rows);
    if (!strcmp(e->name, "SparseArray"))
        return column_of_sparse(e, rows);
    return !strcmp(e->name, "IntervalArray") ? of_interval_array(e, rows) : NULL;
}

struct column *column_of_extension(const struct value *array, size_t rows)
{
    struct ext e;
    if (arrow_is_array(array))
        return column_of_arrow(array, NULL, rows);
    if (global_is(called_global(array), "pandas", "_new_IntervalIndex")) {
        const struct value *parts = seq_at(array->u.call.args, 1);
        if (!parts || parts->kind != VALUE_DICT)
            return NULL;
        return column_of_intervals(value_dict_get(parts, "left"), value_dict_get(parts, "right"),
                                   value_dict_get(parts, "closed"), rows);
    }
    return ext_open(array, &e) ? of_parts(&e, rows) : NULL;
}
