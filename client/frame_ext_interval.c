// IntervalArray and IntervalIndex: two arrays of bounds, of numbers, times or spans.
#include "client/frame_ext.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "client/render_pandas.h"

enum { MAX_WRAPPERS = 8 }; // of an array: an Index around an extension array around numpy's

struct interval_column {
    struct column base;
    struct ticks left, right;
    bool closed_left, closed_right;
};

bool ticks_open(struct ticks *b, const struct value *v, size_t rows)
{
    struct ext e;
    for (unsigned n = 0; v && v->kind == VALUE_CALL && n < MAX_WRAPPERS && !frame_is_array(v); n++) {
        const struct value *in_index = value_dict_get(seq_at(v->u.call.args, 1), "data");
        if (in_index) {
            v = in_index;
        } else if (ext_open(v, &e)) {
            if (!b->tz)
                b->tz = tz_new(dtype_field(e.dtype, "tz"));
            v = e.data;
        } else {
            return false;
        }
    }
    if (!items_open(&b->items, v, rows))
        return false;
    b->is_date = items_is_date(&b->items, &b->digits);
    b->is_span = items_is_span(&b->items, &b->digits);
    return !b->items.array.objects && (b->is_date || b->is_span || strchr("iuf", b->items.array.type->kind));
}

void ticks_close(struct ticks *b)
{
    items_close(&b->items);
    tz_free(b->tz);
}

static bool is_missing(const struct ticks *b, size_t row)
{
    long double x;
    enum float_width width;
    int64_t t;
    if (b->is_date || b->is_span)
        return items_int(&b->items, row, &t) && t == PANDAS_NAT;
    return npy_real(b->items.array.type, items_at(&b->items, row), &x, &width) && isnan(x);
}

static void put_bound(struct buf *text, const struct ticks *b, size_t row)
{
    int64_t t = PANDAS_NAT;
    if (!b->is_date && !b->is_span) {
        (void)text_formatted(text, b->items.array.type, items_at(&b->items, row));
        return;
    }
    (void)items_int(&b->items, row, &t);
    if (b->is_date)
        text_timestamp(text, t, b->digits, b->tz, ' ');
    else
        text_timedelta(text, t, b->digits);
}

static void interval_cell(struct column *c, size_t row, enum cell_style style, struct cell *ret)
{
    const struct interval_column *i = (const struct interval_column *)c;
    (void)style;
    if (is_missing(&i->left, row)) {
        ret->kind = CELL_NA;
        return;
    }
    c->text.len = 0;
    buf_putc(&c->text, i->closed_left ? '[' : '(');
    put_bound(&c->text, &i->left, row);
    buf_puts(&c->text, ", ");
    put_bound(&c->text, &i->right, row);
    buf_putc(&c->text, i->closed_right ? ']' : ')');
    cell_of_text(c, ret);
}

static void destroy_interval(struct column *c)
{
    struct interval_column *i = (struct interval_column *)c;
    ticks_close(&i->left);
    ticks_close(&i->right);
    free(i);
}

static bool read_closed(struct interval_column *i, const struct value *closed, const char **ret_name)
{
    static const struct { const char *name; bool left, right; } sides[] = {
        {"right", false, true}, {"left", true, false}, {"both", true, true}, {"neither", false, false}};
    for (size_t k = 0; closed && closed->kind == VALUE_STR && k < sizeof sides / sizeof *sides; k++) {
        *ret_name = sides[k].name;
        if (strlen(*ret_name) == closed->u.bytes.len && !memcmp(*ret_name, closed->u.bytes.data, closed->u.bytes.len)) {
            i->closed_left = sides[k].left;
            i->closed_right = sides[k].right;
            return true;
        }
    }
    return false;
}

// "interval[int64, right]"
static char *interval_name(const struct ticks *b, const char *closed)
{
    struct buf name = {0};
    buf_puts(&name, "interval[");
    if (b->tz)
        buf_printf(&name, "datetime64[%s, %s]", b->items.array.type->unit, b->tz->name);
    else
        npy_type_name(&name, b->items.array.type);
    buf_printf(&name, ", %s]", closed);
    return dtype_name(&name);
}

struct column *column_of_intervals(const struct value *left, const struct value *right, const struct value *closed,
                                   size_t rows)
{
    struct interval_column *i = mem_zalloc(sizeof *i);
    const char *side = NULL;
    i->base.cell = interval_cell;
    i->base.destroy = destroy_interval;
    if (!read_closed(i, closed, &side) || !ticks_open(&i->left, left, rows) ||
        !ticks_open(&i->right, right, i->left.items.len)) {
        destroy_interval(&i->base);
        return NULL;
    }
    i->base.rows = i->left.items.len;
    i->base.dtype = interval_name(&i->left, side);
    return &i->base;
}
