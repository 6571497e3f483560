// Arrays whose cells are looked up elsewhere: Categorical (a code for each row) and SparseArray (the rows that are not
// the fill value).
#include "client/frame_ext.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "client/render_pandas.h"

struct category_column {
    struct column base;
    struct items codes;
    struct column *categories; // owned
    struct ticks dates;        // the same, where they are times or spans
    struct date_style style;   // of those that rows have; made when it is asked for
};

// Categories that no row has do not count for the format of a column: to_csv() looks at the rows.
static void style_of_rows(struct category_column *k)
{
    const struct items *dates = &k->dates.items;
    uint8_t *unused = malloc(dates->len ? dates->len : 1);
    if (unused)
        memset(unused, 1, dates->len);
    for (size_t i = 0; unused && i < k->codes.len; i++) {
        int64_t code;
        if (items_int(&k->codes, i, &code) && code >= 0 && (uint64_t)code < dates->len)
            unused[code] = 0;
    }
    date_style_of(&k->style, dates->array.type, dates->array.data, 8, dates->len, unused, 1);
    free(unused);
}

// A time or span as to_csv() writes it.
static void date_cell(struct category_column *k, size_t code, struct cell *ret)
{
    const struct ticks *d = &k->dates;
    int64_t t = PANDAS_NAT;
    if (!k->style.is_known)
        style_of_rows(k);
    (void)items_int(&d->items, code, &t);
    k->base.text.len = 0;
    if (t == PANDAS_NAT) {
        ret->kind = CELL_NA;
        return;
    }
    if (d->tz)
        text_timestamp_fixed(&k->base.text, t, d->digits, d->tz, ' ', k->style.digits);
    else
        (void)date_text(&k->base.text, &k->style, d->items.array.type, items_at(&d->items, code));
    cell_of_text(&k->base, ret);
}

static void category_cell(struct column *c, size_t row, enum cell_style style, struct cell *ret)
{
    struct category_column *k = (struct category_column *)c;
    int64_t code = -1;
    (void)items_int(&k->codes, row, &code);
    if (code == -1) {
        ret->kind = CELL_NA;
    } else if (code < 0 || (uint64_t)code >= k->categories->rows) {
        cell_unsupported(c, ret);
    } else if (style == STYLE_CSV && (k->dates.is_date || k->dates.is_span)) {
        date_cell(k, (size_t)code, ret);
    } else {
        column_cell(k->categories, (size_t)code, style, ret);
        if (ret->kind == CELL_ELEMENT)
            cell_of_number(c, ret, ret->type, ret->at, style, true, false);
    }
}

static void destroy_category(struct column *c)
{
    struct category_column *k = (struct category_column *)c;
    items_close(&k->codes);
    column_free(k->categories);
    ticks_close(&k->dates);
    free(k);
}

static bool all_in_range(const struct category_column *k)
{
    for (size_t i = 0; i < k->codes.len; i++) {
        int64_t code;
        if (!items_int(&k->codes, i, &code) || code < 0 || (uint64_t)code >= k->categories->rows)
            return false;
    }
    return true;
}

struct column *column_of_categories(const struct ext *e, size_t rows)
{
    const struct value *categories = dtype_field(e->dtype, "categories");
    struct category_column *k = mem_zalloc(sizeof *k);
    if (!categories || !items_open(&k->codes, e->data, rows)) {
        free(k);
        return NULL;
    }
    k->base.cell = category_cell;
    k->base.destroy = destroy_category;
    k->base.rows = k->codes.len;
    k->categories = column_of_array(categories, ROWS_ANY);
    if (k->codes.array.objects || k->codes.array.type->kind != 'i' || !k->categories ||
        k->categories->rows == ROWS_ANY) {
        destroy_category(&k->base);
        return NULL;
    }
    if (!ticks_open(&k->dates, categories, k->categories->rows))
        k->dates.is_date = k->dates.is_span = false;
    k->base.dtype = mem_strdup("category");
    k->base.npy = all_in_range(k) ? column_npy_type(k->categories) : NULL;
    return &k->base;
}

// --- SparseArray ---

struct sparse_column {
    struct column base;
    struct items values;
    struct items starts;        // of blocks; of single rows where there are no lengths
    struct items lengths;
    bool has_lengths;
    size_t block, before;       // where the last look-up ended: the block, and the values before it,
    size_t reached;             // and the row that was asked for
    const struct value *fill;   // as pickled
    bool fill_is_element;
    uint8_t element[16];        // the fill value as numpy would have it
};

// The rows [*ret_from, *ret_to) of a block.
static void block_rows(const struct sparse_column *s, size_t block, size_t *ret_from, size_t *ret_to)
{
    int64_t from = 0, len = 1;
    (void)items_int(&s->starts, block, &from);
    if (s->has_lengths)
        (void)items_int(&s->lengths, block, &len);
    *ret_from = (size_t)from;
    *ret_to = (size_t)from + (size_t)len;
}

// Where a row's value is; false where it is the fill value. Rows are mostly asked for one after another.
static bool find_row(struct sparse_column *s, size_t row, size_t *ret)
{
    size_t from = 0, to;
    if (row < s->reached)
        s->block = s->before = 0;
    s->reached = row;
    for (; s->block < s->starts.len; s->block++) {
        block_rows(s, s->block, &from, &to);
        if (row < to)
            break;
        s->before += to - from;
    }
    if (s->block == s->starts.len || row < from)
        return false;
    *ret = s->before + (row - from);
    return true;
}

// A look-up by halving, for single rows.
static bool find_index(const struct sparse_column *s, size_t row, size_t *ret)
{
    size_t low = 0, high = s->starts.len;
    while (low < high) {
        size_t middle = low + (high - low) / 2, from, to;
        block_rows(s, middle, &from, &to);
        if (from < row)
            low = middle + 1;
        else
            high = middle;
    }
    size_t from, to;
    if (low == s->starts.len)
        return false;
    block_rows(s, low, &from, &to);
    *ret = low;
    return from == row;
}

// to_csv() writes dates and spans of a sparse array one by one.
static void ticks_cell(struct sparse_column *s, const uint8_t *at, enum cell_style style, struct cell *ret)
{
    const struct npy_type *t = s->values.array.type;
    unsigned digits;
    int64_t ticks = npy_ticks(t, at);
    cell_of_element(ret, t, at);
    if (style != STYLE_CSV)
        return;
    if (ticks == PANDAS_NAT || !digits_of_unit(t->unit, &digits)) {
        ret->kind = CELL_NA;
        return;
    }
    s->base.text.len = 0;
    if (t->kind == 'M')
        text_timestamp(&s->base.text, ticks, digits, NULL, ' ');
    else
        text_timedelta(&s->base.text, ticks, digits);
    cell_of_text(&s->base, ret);
}

static void sparse_cell(struct column *c, size_t row, enum cell_style style, struct cell *ret)
{
    struct sparse_column *s = (struct sparse_column *)c;
    const struct npy_type *t = s->values.array.type;
    size_t at;
    bool found = s->has_lengths ? find_row(s, row, &at) : find_index(s, row, &at);
    if (s->values.array.objects || (!found && !s->fill_is_element)) {
        ret->kind = CELL_VALUE;
        ret->value = found ? s->values.array.objects[at] : s->fill;
        return;
    }
    const uint8_t *element = found ? items_at(&s->values, at) : s->element;
    if (t->kind == 'M' || t->kind == 'm')
        ticks_cell(s, element, style, ret);
    else
        cell_of_number(c, ret, t, element, style, true, false);
}

static void destroy_sparse(struct column *c)
{
    struct sparse_column *s = (struct sparse_column *)c;
    items_close(&s->values);
    items_close(&s->starts);
    items_close(&s->lengths);
    free(s);
}

// The index in order, within the rows, and with as many rows as there are values.
static bool check_index(const struct sparse_column *s)
{
    size_t end = 0, count = 0;
    for (size_t i = 0; i < s->starts.len; i++) {
        int64_t from, len = 1;
        if (!items_int(&s->starts, i, &from) || (s->has_lengths && !items_int(&s->lengths, i, &len)) || from < 0 ||
            len < 1 || (uint64_t)from < end || (uint64_t)from >= s->base.rows ||
            (uint64_t)len > s->base.rows - (uint64_t)from)
            return false;
        end = (size_t)from + (size_t)len;
        count += (size_t)len;
    }
    return count == s->values.len;
}

// IntIndex(length, rows) or BlockIndex(length, starts, lengths)
static bool open_index(struct sparse_column *s, const struct value *index, size_t rows)
{
    const struct value *args = index && index->kind == VALUE_CALL ? index->u.call.args : NULL, *len = seq_at(args, 0);
    const struct value *class = called_global(index);
    s->has_lengths = global_is(class, "pandas", "BlockIndex");
    if (!len || len->kind != VALUE_INT || len->u.integer < 0)
        return false;
    if (!s->has_lengths && !global_is(class, "pandas", "IntIndex"))
        return false;
    s->base.rows = (size_t)len->u.integer;
    if ((rows != ROWS_ANY && rows != s->base.rows) || !items_open(&s->starts, seq_at(args, 1), ROWS_ANY))
        return false;
    if (s->has_lengths && !items_open(&s->lengths, seq_at(args, 2), s->starts.len))
        return false;
    return check_index(s);
}

static bool put_number(uint8_t *to, const struct npy_type *t, const void *from, size_t size)
{
    if (t->itemsize != size)
        return false;
    const uint8_t *p = from;
    for (size_t i = 0; i < size; i++)
        to[i] = p[t->swap ? size - 1 - i : i];
    return true;
}

static bool fill_float(struct sparse_column *s, double x)
{
    const struct npy_type *t = s->values.array.type;
    float narrow = (float)x;
    return put_number(s->element, t, &x, 8) || put_number(s->element, t, &narrow, 4);
}

static bool fill_int(struct sparse_column *s, int64_t i)
{
    const struct npy_type *t = s->values.array.type;
    if (t->kind == 'f')
        return fill_float(s, (double)i);
    if (t->kind != 'b' && t->kind != 'i' && t->kind != 'u')
        return false;
    // The low bytes are the number, in any width that holds it.
    uint8_t little[8];
    for (unsigned k = 0; k < 8; k++)
        little[k] = (uint8_t)((uint64_t)i >> (8 * k));
    bool big = (__BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__) != t->swap;
    for (size_t k = 0; k < t->itemsize; k++)
        s->element[k] = little[big ? t->itemsize - 1 - k : k];
    int64_t back;
    return npy_int(t, s->element, &back) && back == i;
}

// The fill value as an element of the same type, so that all cells are alike.
static bool fill_element(struct sparse_column *s)
{
    const struct npy_type *t = s->values.array.type;
    struct npy_type *own = NULL;
    const uint8_t *at;
    const struct value *object;
    int64_t i, nat = PANDAS_NAT;
    long double x;
    enum float_width width;
    if (s->fill->kind == VALUE_INT || s->fill->kind == VALUE_BOOL)
        return fill_int(s, s->fill->kind == VALUE_INT ? s->fill->u.integer : s->fill->u.boolean);
    if (s->fill->kind == VALUE_FLOAT && t->kind == 'f')
        return fill_float(s, s->fill->u.real);
    if ((t->kind == 'M' || t->kind == 'm') && (is_pandas_nat(s->fill) || s->fill->kind == VALUE_FLOAT))
        return put_number(s->element, t, &nat, 8);
    bool ok = npy_scalar(s->fill, &own, &at, &object) == NPY_YES && !object;
    if (ok && own->kind == t->kind && own->itemsize == t->itemsize && own->swap == t->swap && own->itemsize <= 16)
        memcpy(s->element, at, own->itemsize);
    else if (ok && npy_int(own, at, &i))
        ok = fill_int(s, i);
    else if (ok && npy_real(own, at, &x, &width))
        ok = fill_float(s, (double)x);
    else
        ok = false;
    npy_type_free(own);
    return ok;
}

// "Sparse[int64, 0]"
static char *sparse_name(const struct sparse_column *s)
{
    const struct npy_type *t = s->values.array.type;
    struct buf b = {0};
    buf_puts(&b, "Sparse[");
    npy_type_name(&b, t);
    buf_puts(&b, ", ");
    if (s->fill->kind == VALUE_BOOL)
        buf_puts(&b, s->fill->u.boolean ? "True" : "False");
    else if (s->fill->kind == VALUE_STR)
        text_str_repr(&b, s->fill->u.bytes.data, s->fill->u.bytes.len);
    else if (s->fill->kind == VALUE_NONE)
        buf_puts(&b, "None");
    else if (!text_bound(&b, s->fill))
        buf_puts(&b, "...");
    buf_putc(&b, ']');
    return dtype_name(&b);
}

struct column *column_of_sparse(const struct ext *e, size_t rows)
{
    struct sparse_column *s = mem_zalloc(sizeof *s);
    const struct value *fill = dtype_field(e->dtype, "_fill_value");
    s->base.cell = sparse_cell;
    s->base.destroy = destroy_sparse;
    s->fill = fill ? fill : value_dict_get(e->state, "_fill_value");
    if (!s->fill || !items_open(&s->values, value_dict_get(e->state, "_sparse_values"), ROWS_ANY) ||
        !open_index(s, value_dict_get(e->state, "_sparse_index"), rows) ||
        (s->values.len && s->values.array.type->kind == 'O' && !s->values.array.objects)) {
        destroy_sparse(&s->base);
        return NULL;
    }
    s->fill_is_element = !s->values.array.objects && s->values.array.type->kind != 'O' && fill_element(s);
    s->base.dtype = sparse_name(s);
    s->base.npy = s->fill_is_element ? s->values.array.type : NULL;
    return &s->base;
}
