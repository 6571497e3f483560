// Times in a zone (DatetimeArray with a DatetimeTZDtype) and periods (PeriodArray).
#include "client/frame_ext.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "client/render_pandas.h"

struct zoned_column {
    struct column base;
    struct items items;
    unsigned digits;
    struct tz *tz;           // owned
    struct date_style style; // of the column as to_csv() writes it; made when it is asked for
};

static void zoned_cell(struct column *c, size_t row, enum cell_style style, struct cell *ret)
{
    struct zoned_column *z = (struct zoned_column *)c;
    int64_t t = PANDAS_NAT;
    (void)items_int(&z->items, row, &t);
    c->text.len = 0;
    if (t == PANDAS_NAT) {
        ret->kind = CELL_NA;
        return;
    }
    if (style == STYLE_JSON) {
        text_timestamp(&c->text, t, z->digits, z->tz, 'T');
    } else {
        if (!z->style.is_known)
            date_style_of(&z->style, z->items.array.type, z->items.array.data, 8, z->items.len, NULL, 0);
        text_timestamp_fixed(&c->text, t, z->digits, z->tz, ' ', z->style.digits);
    }
    cell_of_text(c, ret);
}

static void destroy_zoned(struct column *c)
{
    struct zoned_column *z = (struct zoned_column *)c;
    items_close(&z->items);
    tz_free(z->tz);
    free(z);
}

struct column *column_of_zoned(const struct ext *e, size_t rows)
{
    const struct value *tz = none_is_null(dtype_field(e->dtype, "tz"));
    struct zoned_column *z = mem_zalloc(sizeof *z);
    if (!tz || !items_open(&z->items, e->data, rows)) {
        free(z);
        return NULL;
    }
    if (!items_is_date(&z->items, &z->digits)) {
        destroy_zoned(&z->base);
        return NULL;
    }
    z->tz = tz_new(tz);
    z->base.cell = zoned_cell;
    z->base.destroy = destroy_zoned;
    z->base.rows = z->items.len;
    struct buf name = {0};
    buf_printf(&name, "datetime64[%s, %s]", z->items.array.type->unit, z->tz->name);
    z->base.dtype = dtype_name(&name);
    return &z->base;
}

// --- Periods ---

struct period_column {
    struct column base;
    struct items items;
    struct period_freq freq;
};

static void period_cell(struct column *c, size_t row, enum cell_style style, struct cell *ret)
{
    const struct period_column *p = (const struct period_column *)c;
    int64_t ordinal = PANDAS_NAT;
    (void)items_int(&p->items, row, &ordinal);
    (void)style;
    if (ordinal == PANDAS_NAT) {
        ret->kind = CELL_NA;
        return;
    }
    c->text.len = 0;
    text_period(&c->text, &p->freq, ordinal);
    cell_of_text(c, ret);
}

static void destroy_period(struct column *c)
{
    items_close(&((struct period_column *)c)->items);
    free(c);
}

// PeriodDtype(offset) of pandas 1, PeriodDtype("period[M]") of later ones; before 1.3 beside the array's data.
static bool freq_of(const struct ext *e, struct period_freq *ret)
{
    static const char prefix[] = "period[";
    const struct value *freq = e->dtype && e->dtype->kind == VALUE_CALL ? seq_at(e->dtype->u.call.args, 0) : NULL;
    if (!freq)
        freq = dtype_field(e->dtype, "_freq") ? dtype_field(e->dtype, "_freq") : value_dict_get(e->state, "_freq");
    if (!freq || freq->kind != VALUE_STR)
        return period_freq_of_offset(freq, ret);
    const char *s = (const char *)freq->u.bytes.data;
    size_t len = freq->u.bytes.len, n = strlen(prefix);
    if (len > n && !memcmp(s, prefix, n) && s[len - 1] == ']')
        return period_freq_of_name(s + n, len - n - 1, ret);
    return period_freq_of_name(s, len, ret);
}

struct column *column_of_periods(const struct ext *e, size_t rows)
{
    struct period_column *p = mem_zalloc(sizeof *p);
    if (!freq_of(e, &p->freq) || !items_open(&p->items, e->data, rows)) {
        free(p);
        return NULL;
    }
    if (p->items.array.type->kind != 'i' || p->items.array.type->itemsize != 8 || p->items.array.objects) {
        destroy_period(&p->base);
        return NULL;
    }
    struct buf name = {0};
    buf_puts(&name, "period[");
    text_period_freq(&name, &p->freq);
    buf_putc(&name, ']');
    p->base.cell = period_cell;
    p->base.destroy = destroy_period;
    p->base.rows = p->items.len;
    p->base.dtype = buf_steal(&name);
    return &p->base;
}
