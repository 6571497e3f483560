// Opcodes of numbers, strings and byte strings in binary form.
#include "client/pickle_reader.h"

#include <string.h>

errc op_none(struct reader *r)
{
    return reader_push(r, &r->p->none);
}

errc op_newtrue(struct reader *r)
{
    return reader_push(r, &r->p->yes);
}

errc op_newfalse(struct reader *r)
{
    return reader_push(r, &r->p->no);
}

errc op_binint(struct reader *r)
{
    const uint8_t *p = reader_take(r, 4);
    return p ? reader_push(r, reader_new_int(r, (int32_t)reader_le(p, 4))) : r->err->code;
}

errc op_binint1(struct reader *r)
{
    const uint8_t *p = reader_take(r, 1);
    return p ? reader_push(r, reader_new_int(r, *p)) : r->err->code;
}

errc op_binint2(struct reader *r)
{
    const uint8_t *p = reader_take(r, 2);
    return p ? reader_push(r, reader_new_int(r, (int64_t)reader_le(p, 2))) : r->err->code;
}

errc op_binfloat(struct reader *r)
{
    const uint8_t *p = reader_take(r, 8);
    if (!p)
        return r->err->code;
    uint64_t bits = 0;
    for (unsigned i = 0; i < 8; i++)
        bits = bits << 8 | p[i];
    struct value *v = reader_new(r, VALUE_FLOAT);
    if (v)
        memcpy(&v->u.real, &bits, sizeof bits);
    return reader_push(r, v);
}

// The counted bytes behind an opcode: a length of `width` bytes and then so many bytes.
static const uint8_t *counted(struct reader *r, unsigned width, size_t *ret_len)
{
    const uint8_t *p = reader_take(r, width);
    if (!p)
        return NULL;
    uint64_t len = reader_le(p, width);
    const uint8_t *data = reader_take(r, len);
    *ret_len = (size_t)len;
    return data;
}

static errc push_long(struct reader *r, unsigned width)
{
    size_t len;
    const uint8_t *p = counted(r, width, &len);
    return p ? reader_push(r, reader_new_long(r, p, len)) : r->err->code;
}

errc op_long1(struct reader *r)
{
    return push_long(r, 1);
}

errc op_long4(struct reader *r)
{
    return push_long(r, 4);
}

static errc push_bytes(struct reader *r, unsigned width, enum value_kind kind)
{
    size_t len;
    const uint8_t *p = counted(r, width, &len);
    if (!p)
        return r->err->code;
    if (kind == VALUE_STR && !pickle_utf8_valid(p, len, true))
        return reader_corrupt(r, "its %zu bytes are not UTF-8", len);
    return reader_push(r, reader_new_bytes(r, kind, p, len));
}

errc op_short_binunicode(struct reader *r)
{
    return push_bytes(r, 1, VALUE_STR);
}

errc op_binunicode(struct reader *r)
{
    return push_bytes(r, 4, VALUE_STR);
}

errc op_binunicode8(struct reader *r)
{
    return push_bytes(r, 8, VALUE_STR);
}

errc op_short_binbytes(struct reader *r)
{
    return push_bytes(r, 1, VALUE_BYTES);
}

errc op_binbytes(struct reader *r)
{
    return push_bytes(r, 4, VALUE_BYTES);
}

errc op_binbytes8(struct reader *r)
{
    return push_bytes(r, 8, VALUE_BYTES);
}

errc op_bytearray8(struct reader *r)
{
    return push_bytes(r, 8, VALUE_BYTEARRAY);
}

// A Python 2 str: text while it is ASCII, as pickle.loads takes it, else bytes.
static errc push_legacy_str(struct reader *r, unsigned width)
{
    size_t len;
    const uint8_t *p = counted(r, width, &len);
    if (!p)
        return r->err->code;
    enum value_kind kind = pickle_is_ascii(p, len) ? VALUE_STR : VALUE_BYTES;
    return reader_push(r, reader_new_bytes(r, kind, p, len));
}

errc op_short_binstring(struct reader *r)
{
    return push_legacy_str(r, 1);
}

errc op_binstring(struct reader *r)
{
    return push_legacy_str(r, 4);
}

static errc push_ext(struct reader *r, int64_t code)
{
    struct value *v = reader_new(r, VALUE_EXT);
    if (v)
        v->u.ext = code;
    return reader_push(r, v);
}

static errc push_ext_code(struct reader *r, unsigned width)
{
    const uint8_t *p = reader_take(r, width);
    if (!p)
        return r->err->code;
    int32_t code = (int32_t)reader_le(p, width);
    if (code <= 0)
        return reader_corrupt(r, "extension code %d is not positive", code);
    return push_ext(r, code);
}

errc op_ext1(struct reader *r)
{
    return push_ext_code(r, 1);
}

errc op_ext2(struct reader *r)
{
    return push_ext_code(r, 2);
}

errc op_ext4(struct reader *r)
{
    return push_ext_code(r, 4);
}

errc op_persid(struct reader *r)
{
    const uint8_t *line;
    size_t len;
    return reader_line(r, &line, &len) ? r->err->code : push_ext(r, VALUE_EXT_PERSISTENT);
}

errc op_binpersid(struct reader *r)
{
    return reader_pop(r) ? push_ext(r, VALUE_EXT_PERSISTENT) : r->err->code;
}

errc op_next_buffer(struct reader *r)
{
    return push_ext(r, VALUE_EXT_BUFFER);
}

errc op_readonly_buffer(struct reader *r)
{
    return reader_top(r) ? ERR_OK : r->err->code;
}
