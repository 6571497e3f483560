// Single cells of arrays of Arrow. Whatever a cell points to is checked when it is asked for.
#include <inttypes.h>
#include <string.h>

#include "client/frame_ext_arrow.h"
#include "client/pickle_reader.h"
#include "client/render_pandas.h"

static bool bit_at(const uint8_t *bits, size_t i)
{
    return bits[i / 8] >> (i % 8) & 1;
}

bool arrow_is_valid(const struct arrow_array *a, size_t row)
{
    if (a->type.kind == ARROW_NULL)
        return false;
    return !a->validity.data || bit_at(a->validity.data, a->offset + row);
}

bool arrow_bit(const struct arrow_array *a, size_t row)
{
    return bit_at(a->first.data, a->offset + row);
}

// A little-endian number of two's complement.
static int64_t load(const uint8_t *at, size_t width)
{
    uint64_t u = at[width - 1] & 0x80 ? UINT64_MAX : 0;
    for (size_t i = width; i-- > 0;)
        u = u << 8 | at[i];
    return (int64_t)u;
}

static const uint8_t *element(const struct arrow_array *a, size_t row)
{
    return a->first.data + (a->offset + row) * a->type.width;
}

bool arrow_int(const struct arrow_array *a, size_t row, int64_t *ret)
{
    if (a->type.npy)
        return npy_int(a->type.npy, element(a, row), ret);
    *ret = load(element(a, row), a->type.width);
    return true;
}

bool arrow_resolve(const struct arrow_array **a, size_t *row)
{
    int64_t index;
    while ((*a)->type.kind == ARROW_DICTIONARY && arrow_is_valid(*a, *row)) { // as often as types are in types
        if (!arrow_int(*a, *row, &index) || index < 0 || (uint64_t)index >= (*a)->children->len)
            return false;
        *a = (*a)->children;
        *row = (size_t)index;
    }
    return true;
}

// The offsets of a row: [*ret_from, *ret_to).
static bool offsets_of(const struct arrow_array *a, size_t row, size_t limit, size_t *ret_from, size_t *ret_to)
{
    int64_t from = load(element(a, row), a->type.width), to = load(element(a, row) + a->type.width, a->type.width);
    if (from < 0 || to < from || (uint64_t)to > limit)
        return false;
    *ret_from = (size_t)from;
    *ret_to = (size_t)to;
    return true;
}

// Sixteen bytes: a length, and the text itself when it has no more than twelve, else a prefix, the number of a buffer
// and where the text begins there.
static bool view_of_row(const struct arrow_array *a, size_t row, struct arrow_bytes *ret)
{
    const uint8_t *at = element(a, row);
    int64_t len = load(at, 4), number = load(at + 8, 4), from = load(at + 12, 4);
    struct arrow_bytes buffer;
    if (len < 0)
        return false;
    ret->len = (size_t)len;
    ret->data = at + 4;
    if (len <= 12)
        return true;
    if (number < 0 || from < 0 || !arrow_buffer(seq_at(a->buffers, (size_t)number + 2), &buffer) || !buffer.data ||
        (uint64_t)from > buffer.len || (uint64_t)len > buffer.len - (uint64_t)from)
        return false;
    ret->data = buffer.data + from;
    return true;
}

bool arrow_cell_bytes(const struct arrow_array *a, size_t row, struct arrow_bytes *ret)
{
    size_t from, to;
    bool ok = true;
    if (a->type.layout == LAYOUT_FIXED) {
        ret->data = a->type.width ? element(a, row) : (const uint8_t *)"";
        ret->len = a->type.width;
    } else if (a->type.layout == LAYOUT_VIEW) {
        ok = view_of_row(a, row, ret);
    } else {
        ok = offsets_of(a, row, a->rest.len, &from, &to);
        if (ok) {
            ret->data = to > from ? a->rest.data + from : (const uint8_t *)"";
            ret->len = to - from;
        }
    }
    return ok && (a->type.kind != ARROW_TEXT || pickle_utf8_valid(ret->data, ret->len, true));
}

bool arrow_cell_range(const struct arrow_array *a, size_t row, size_t *ret_from, size_t *ret_to)
{
    if (a->type.kind != ARROW_FIXED_LIST)
        return offsets_of(a, row, a->children->len, ret_from, ret_to);
    *ret_from = (a->offset + row) * a->type.size;
    *ret_to = *ret_from + a->type.size;
    return true;
}

// --- Texts ---

// str() of a Decimal with that coefficient and exponent -scale (decimal.Decimal.__str__).
static void put_decimal(struct buf *b, const char *digits, size_t len, bool negative, int64_t scale)
{
    int64_t point = (int64_t)len - scale; // digits before the point
    if (negative)
        buf_putc(b, '-');
    if (scale < 0 || point <= -6) { // scientific
        buf_putc(b, *digits);
        if (len > 1) {
            buf_putc(b, '.');
            buf_put(b, digits + 1, len - 1);
        }
        buf_printf(b, "E%+" PRId64, point - 1);
        return;
    }
    if (point <= 0) {
        buf_puts(b, "0.");
        for (; point < 0; point++)
            buf_putc(b, '0');
        buf_put(b, digits, len);
        return;
    }
    buf_put(b, digits, (size_t)point);
    if (scale) {
        buf_putc(b, '.');
        buf_put(b, digits + point, (size_t)scale);
    }
}

static bool put_decimal_cell(struct buf *b, const struct arrow_array *a, size_t row)
{
    struct buf digits = {0};
    const uint8_t *at = element(a, row);
    bool ok = text_bigint(&digits, at, a->type.width);
    if (ok) {
        bool negative = *digits.data == '-';
        put_decimal(b, digits.data + negative, digits.len - negative, negative, a->type.scale);
    }
    buf_free(&digits);
    return ok;
}

static void put_date(struct buf *b, int64_t t, unsigned digits)
{
    int64_t year;
    unsigned month, day;
    __int128 rest, days = digits ? floor_div(t, 86400000, &rest) : t;
    civil_from_days(days, &year, &month, &day);
    buf_printf(b, "%04" PRId64 "-%02u-%02u", year, month, day);
}

// isoformat() of a datetime.time, which has microseconds.
static bool put_time(struct buf *b, int64_t t, unsigned digits)
{
    static const int64_t powers[] = {1, 1000, 1000000, 1000000000};
    int64_t second = powers[digits / 3], seconds = t / second;
    if (t < 0 || seconds >= 86400)
        return false;
    buf_printf(b, "%02d:%02d:%02d", (int)(seconds / 3600), (int)(seconds / 60 % 60), (int)(seconds % 60));
    int64_t fraction = t % second, micros = digits == 9 ? fraction / 1000 : digits == 3 ? fraction * 1000 : fraction;
    if (micros)
        buf_printf(b, ".%06" PRId64, micros);
    return true;
}

bool arrow_cell_text(struct buf *b, const struct arrow_array *a, size_t row, enum cell_style style)
{
    int64_t t;
    if (a->type.kind == ARROW_DECIMAL)
        return put_decimal_cell(b, a, row);
    if (!arrow_int(a, row, &t))
        return false;
    switch (a->type.kind) {
    case ARROW_DATE: put_date(b, t, a->type.digits); return true;
    case ARROW_TIME: return put_time(b, t, a->type.digits);
    case ARROW_TIMESTAMP: text_timestamp(b, t, a->type.digits, a->tz, style == STYLE_CSV ? ' ' : 'T'); return true;
    case ARROW_DURATION: text_timedelta(b, t, a->type.digits); return true;
    default: return false;
    }
}
