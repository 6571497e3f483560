// str() of dtypes with fields and of arrays of one type, as numpy/_core/_dtype.py writes them.
#include <string.h>

#include "client/render_parts.h"

enum { ALIGNED_STRUCT = 0x80 }; // of a dtype's flags (numpy/ndarraytypes.h: NPY_ALIGNED_STRUCT)

static bool put_type(struct buf *b, const struct value *v, const struct npy_type *t, bool with_align);

// The state: (version, byteorder, subdtype, names, fields, itemsize, alignment, flags[, metadata]).
static const struct value *part(const struct value *v, size_t i)
{
    return v && v->kind == VALUE_TUPLE && i < v->u.seq.len ? v->u.seq.items[i] : NULL;
}

// (dtype, offset[, title]) of a field.
static const struct value *field_part(const struct value *v, const struct npy_field *f, size_t i)
{
    char name[256];
    if (f->name_len >= sizeof name)
        return NULL;
    memcpy(name, f->name, f->name_len);
    name[f->name_len] = '\0';
    return part(value_dict_get(part(v->u.call.state, 4), name), i);
}

static bool is_aligned(const struct value *v)
{
    int64_t flags;
    return value_int(part(v->u.call.state, 7), &flags) && flags & ALIGNED_STRUCT;
}

static size_t alignment(const struct value *v, const struct npy_type *t)
{
    int64_t stated;
    if (t->sub)
        return alignment(part(part(v->u.call.state, 2), 0), t->sub);
    if (t->fields)
        return value_int(part(v->u.call.state, 6), &stated) && stated > 0 ? (size_t)stated : 1;
    switch (t->kind) {
    case 'S':
    case 'V': return 1;
    case 'U': return 4;
    case 'c': return t->itemsize / 2;
    default: return t->itemsize ? t->itemsize : 1;
    }
}

static size_t round_up(size_t n, size_t to)
{
    return n % to ? n + (to - n % to) : n;
}

// Whether the fields follow each other, with no more between them than their alignment asks for.
static bool is_packed(const struct value *v, const struct npy_type *t)
{
    bool aligned = is_aligned(v);
    size_t total = 0, largest = 1;
    for (size_t i = 0; i < t->n_fields; i++) {
        const struct npy_field *f = &t->fields[i];
        size_t own = aligned ? alignment(field_part(v, f, 0), f->type) : 1;
        largest = own > largest ? own : largest;
        total = round_up(total, own);
        if (f->offset != total)
            return false;
        total += f->type->itemsize;
    }
    return round_up(total, largest) == t->itemsize;
}

static void put_code(struct buf *b, const struct npy_type *t)
{
    bool ordered = t->kind == 'U' || (strchr("iufcMm", t->kind) && t->itemsize > 1);
    bool little = (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__) != t->swap;
    size_t size = t->kind == 'U' ? t->itemsize / 4 : t->itemsize;
    if (t->kind == 'b' || t->kind == 'O') {
        buf_puts(b, t->kind == 'b' ? "'?'" : "'O'");
        return;
    }
    buf_printf(b, "'%s%c", !ordered ? "" : little ? "<" : ">", t->kind);
    if (size || !strchr("SUV", t->kind))
        text_uint(b, size);
    if (t->kind == 'M' || t->kind == 'm')
        npy_type_unit(b, t);
    buf_putc(b, '\'');
}

static void put_shape(struct buf *b, const struct npy_type *t)
{
    buf_putc(b, '(');
    for (unsigned i = 0; i < t->ndim; i++)
        buf_printf(b, i ? ", %zu" : "%zu", t->shape[i]);
    buf_puts(b, t->ndim == 1 ? ",)" : ")");
}

// "'<f4', (2,)"
static bool put_sub(struct buf *b, const struct value *v, const struct npy_type *t)
{
    bool ok = put_type(b, part(part(v->u.call.state, 2), 0), t->sub, false);
    buf_puts(b, ", ");
    put_shape(b, t);
    return ok;
}

static bool put_title(struct buf *b, const struct value *title)
{
    if (!title || title->kind == VALUE_NONE)
        buf_puts(b, "None");
    else if (title->kind == VALUE_STR)
        text_str_repr(b, title->u.bytes.data, title->u.bytes.len);
    else
        return false;
    return true;
}

// [('a', '<i4'), (('title', 'b'), '<f8', (2,))]
static bool put_list(struct buf *b, const struct value *v, const struct npy_type *t)
{
    bool ok = true;
    buf_putc(b, '[');
    for (size_t i = 0; i < t->n_fields && ok; i++) {
        const struct npy_field *f = &t->fields[i];
        const struct value *type = field_part(v, f, 0), *title = field_part(v, f, 2);
        buf_puts(b, i ? ", (" : "(");
        if (title) {
            buf_putc(b, '(');
            ok = put_title(b, title);
            buf_puts(b, ", ");
        }
        text_str_repr(b, f->name, f->name_len);
        buf_puts(b, title ? "), " : ", ");
        ok = ok && (f->type->sub ? put_sub(b, type, f->type) : put_type(b, type, f->type, false));
        buf_putc(b, ')');
    }
    buf_putc(b, ']');
    return ok;
}

enum column { NAMES, FORMATS, OFFSETS, TITLES };

static bool put_entry(struct buf *b, const struct value *v, const struct npy_field *f, enum column column)
{
    switch (column) {
    case NAMES: text_str_repr(b, f->name, f->name_len); return true;
    case FORMATS: return put_type(b, field_part(v, f, 0), f->type, false);
    case OFFSETS: text_uint(b, f->offset); return true;
    case TITLES: break;
    }
    return put_title(b, field_part(v, f, 2));
}

// {'names': ['a'], 'formats': ['<i4'], 'offsets': [4], 'itemsize': 8}
static bool put_dict(struct buf *b, const struct value *v, const struct npy_type *t, bool with_align)
{
    static const char *const heads[] = {"{'names': [", "], 'formats': [", "], 'offsets': [", "], 'titles': ["};
    bool ok = true, titles = false;
    for (size_t i = 0; i < t->n_fields; i++)
        titles = titles || field_part(v, &t->fields[i], 2);
    for (enum column c = NAMES; c <= (titles ? TITLES : OFFSETS); c++) {
        buf_puts(b, heads[c]);
        for (size_t i = 0; i < t->n_fields && ok; i++) {
            buf_puts(b, i ? ", " : "");
            ok = put_entry(b, v, &t->fields[i], c);
        }
    }
    buf_printf(b, "], 'itemsize': %zu%s}", t->itemsize, with_align && is_aligned(v) ? ", 'aligned': True" : "");
    return ok;
}

// A list cannot say that the whole is aligned, nor where else than behind each other the fields lie.
static bool put_fields(struct buf *b, const struct value *v, const struct npy_type *t, bool with_align)
{
    const struct value *code = value_arg(v, 0);
    bool is_record = code && code->kind == VALUE_GLOBAL, ok;
    if (is_record)
        buf_puts(b, "(numpy.record, ");
    if (!(with_align && is_aligned(v)) && is_packed(v, t))
        ok = put_list(b, v, t);
    else
        ok = put_dict(b, v, t, with_align);
    if (is_record)
        buf_putc(b, ')');
    return ok;
}

static bool put_type(struct buf *b, const struct value *v, const struct npy_type *t, bool with_align)
{
    if (t->fields)
        return put_fields(b, v, t, with_align);
    if (!t->sub) {
        put_code(b, t);
        return true;
    }
    buf_putc(b, '(');
    bool ok = put_sub(b, v, t);
    buf_putc(b, ')');
    return ok;
}

bool text_structured(struct buf *b, const struct value *v, const struct npy_type *t)
{
    return put_type(b, v, t, true);
}
