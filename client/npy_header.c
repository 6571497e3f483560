// The header of a .npy file, byte for byte as numpy/lib/_format_impl.py writes it.
#include <string.h>

#include "client/npy_i.h"

enum { ALIGN = 64, GROWTH_DIGITS = 21, MAX_HEADER = 64 << 20 };

// numpy's dtype.str without quotes.
static void put_code(struct buf *b, const struct npy_type *t)
{
    bool ordered = t->kind == 'U' || (strchr("iufcMm", t->kind) && t->itemsize > 1);
    bool little = (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__) != t->swap;
    buf_printf(b, "%c%c%zu", !ordered ? '|' : little ? '<' : '>', t->kind,
               t->kind == 'U' ? t->itemsize / 4 : t->itemsize);
    if ((t->kind == 'M' || t->kind == 'm') && strcmp(t->unit, "generic") != 0) {
        buf_putc(b, '[');
        if (t->unit_count != 1)
            text_int(b, t->unit_count);
        buf_printf(b, "%s]", t->unit);
    }
}

static void put_shape(struct buf *b, const size_t *shape, unsigned ndim)
{
    buf_putc(b, '(');
    for (unsigned i = 0; i < ndim; i++)
        buf_printf(b, i ? ", %zu" : "%zu", shape[i]);
    buf_puts(b, ndim == 1 ? ",)" : ")");
}

static size_t packed_size(const struct npy_type *t)
{
    size_t size = 0, count = 1;
    if (t->sub) {
        for (unsigned i = 0; i < t->ndim; i++)
            count *= t->shape[i];
        return count * packed_size(t->sub);
    }
    for (size_t i = 0; i < t->n_fields; i++)
        size += packed_size(t->fields[i].type);
    return t->fields ? size : t->itemsize;
}

static void put_padding(struct buf *b, size_t n, bool first)
{
    if (n)
        buf_printf(b, "%s('', '|V%zu')", first ? "" : ", ", n);
}

static void put_fields(struct buf *b, const struct npy_type *t, bool packed)
{
    size_t offset = 0;
    bool first = true;
    buf_putc(b, '[');
    for (size_t i = 0; i < t->n_fields; i++) {
        const struct npy_field *f = &t->fields[i];
        const struct npy_type *base = f->type->sub ? f->type->sub : f->type;
        size_t padding = packed ? 0 : f->offset - offset;
        put_padding(b, padding, first);
        first = first && !padding;
        buf_puts(b, first ? "(" : ", (");
        text_str_repr(b, f->name, f->name_len);
        buf_puts(b, ", ");
        npy_descr(b, base, packed);
        if (f->type->sub) {
            buf_puts(b, ", ");
            put_shape(b, f->type->shape, f->type->ndim);
        }
        buf_putc(b, ')');
        first = false;
        offset = f->offset + f->type->itemsize;
    }
    if (!packed)
        put_padding(b, t->itemsize - offset, first);
    buf_putc(b, ']');
}

void npy_descr(struct buf *b, const struct npy_type *t, bool packed)
{
    if (t->fields) {
        put_fields(b, t, packed);
    } else if (t->sub) { // an array of these, as its bytes: nothing else can name it here
        buf_printf(b, "'|V%zu'", packed ? packed_size(t) : t->itemsize);
    } else {
        buf_putc(b, '\'');
        put_code(b, t);
        buf_putc(b, '\'');
    }
}

void npy_text_descr(struct buf *b, size_t width)
{
    buf_printf(b, "'<U%zu'", width);
}

bool npy_is_ordered(const struct npy_type *t)
{
    size_t offset = 0;
    if (t->sub)
        return npy_is_ordered(t->sub);
    for (size_t i = 0; i < t->n_fields; i++) {
        if (t->fields[i].offset < offset || !npy_is_ordered(t->fields[i].type))
            return false;
        offset = t->fields[i].offset + t->fields[i].type->itemsize;
    }
    return true;
}

bool npy_has_objects(const struct npy_type *t)
{
    if (t->sub)
        return npy_has_objects(t->sub);
    for (size_t i = 0; i < t->n_fields; i++)
        if (npy_has_objects(t->fields[i].type))
            return true;
    return t->kind == 'O';
}

// The text as Latin-1, in place; false, and as it was, where that has not all its characters.
static bool to_latin1(struct buf *b)
{
    for (size_t i = 0; i < b->len; i++)
        if ((uint8_t)b->data[i] > 0xc3)
            return false;
    size_t n = 0;
    for (size_t i = 0; i < b->len; i++) {
        uint8_t c = (uint8_t)b->data[i];
        if (c >= 0xc0 && i + 1 < b->len)
            c = (uint8_t)(c << 6 | ((uint8_t)b->data[++i] & 0x3f));
        b->data[n++] = (char)c;
    }
    b->len = n;
    return true;
}

static size_t digits_of(size_t n)
{
    size_t digits = 1;
    for (; n >= 10; n /= 10)
        digits++;
    return digits;
}

void npy_header(struct npy_out *o, const struct buf *descr, bool fortran, const size_t *shape, unsigned ndim)
{
    struct buf b = {.max = MAX_HEADER};
    buf_puts(&b, "{'descr': ");
    buf_put(&b, descr->data ? descr->data : "", descr->len);
    buf_printf(&b, ", 'fortran_order': %s, 'shape': ", fortran ? "True" : "False");
    put_shape(&b, shape, ndim);
    buf_puts(&b, ", }");
    // numpy leaves room here, so that the first dimension can grow.
    for (size_t n = ndim ? digits_of(shape[fortran ? ndim - 1 : 0]) : GROWTH_DIGITS; n < GROWTH_DIGITS; n++)
        buf_putc(&b, ' ');
    bool latin1 = !b.over && !descr->over && to_latin1(&b);
    bool wide = !latin1 || b.len + ALIGN + 1 > UINT16_MAX;
    size_t begin = wide ? 12 : 10, pad = ALIGN - (begin + b.len + 1) % ALIGN, len = b.len + pad + 1;
    uint8_t magic[12] = {0x93, 'N', 'U', 'M', 'P', 'Y', latin1 ? (wide ? 2 : 1) : 3, 0,
                         (uint8_t)len, (uint8_t)(len >> 8), (uint8_t)(len >> 16), (uint8_t)(len >> 24)};
    while (pad--)
        buf_putc(&b, ' ');
    buf_putc(&b, '\n');
    if (b.over || descr->over)
        npy_fail(o, ERR_LIMIT, "the names of the fields are too long for the header of a .npy file");
    npy_put(o, magic, begin);
    npy_put(o, b.data, b.len);
    buf_free(&b);
}
