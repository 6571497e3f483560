// Opcodes of the stack, the memo and the frame of a pickle.
#include "client/pickle_reader.h"

errc op_proto(struct reader *r)
{
    const uint8_t *p = reader_take(r, 1);
    if (!p)
        return r->err->code;
    if (*p > 5)
        return reader_corrupt(r, "protocol %u is newer than 5", *p);
    r->proto = *p;
    return ERR_OK;
}

// A frame only says how far a reader may read ahead; here all of the input is at hand.
errc op_frame(struct reader *r)
{
    const uint8_t *p = reader_take(r, 8);
    if (!p)
        return r->err->code;
    uint64_t size = reader_le(p, 8);
    if (size > r->len - r->at)
        return reader_corrupt(r, "a frame of %llu bytes is announced, %zu are left",
                              (unsigned long long)size, r->len - r->at);
    return ERR_OK;
}

errc op_stop(struct reader *r)
{
    struct value *v = reader_pop(r);
    if (!v)
        return r->err->code;
    r->p->root = v;
    r->stopped = true;
    return ERR_OK;
}

errc op_mark(struct reader *r)
{
    if (r->marks_len >= r->max_depth)
        return err_set(r->err, ERR_LIMIT, "the pickle is nested more than %zu deep (offset %zu)",
                       r->max_depth, r->op_at);
    if (r->marks_len == r->marks_cap) {
        size_t cap = r->marks_cap ? r->marks_cap * 2 : 32, item = sizeof *r->marks;
        size_t *marks = arena_grow(&r->p->arena, r->marks, r->marks_cap * item, cap * item);
        if (!marks)
            return reader_no_room(r);
        r->marks = marks;
        r->marks_cap = cap;
    }
    r->marks[r->marks_len++] = r->stack_len;
    return ERR_OK;
}

errc op_pop(struct reader *r)
{
    if (r->marks_len && r->marks[r->marks_len - 1] == r->stack_len) {
        r->marks_len--;
        return ERR_OK;
    }
    return reader_pop(r) ? ERR_OK : r->err->code;
}

errc op_pop_mark(struct reader *r)
{
    size_t from;
    if (reader_pop_mark(r, &from))
        return r->err->code;
    r->stack_len = from;
    return ERR_OK;
}

errc op_dup(struct reader *r)
{
    struct value *v = reader_top(r);
    return v ? reader_push(r, v) : r->err->code;
}

static errc get(struct reader *r, uint64_t index)
{
    struct value *v = memo_get(r, index);
    if (!v)
        return reader_corrupt(r, "memo %llu was never put", (unsigned long long)index);
    return reader_push(r, v);
}

static errc put(struct reader *r, uint64_t index)
{
    struct value *v = reader_top(r);
    if (!v)
        return r->err->code;
    return memo_put(r, index, v) ? ERR_OK : reader_no_room(r);
}

// The decimal index of GET and PUT.
static errc line_index(struct reader *r, uint64_t *ret)
{
    const uint8_t *s;
    size_t len;
    if (reader_line(r, &s, &len))
        return r->err->code;
    uint64_t v = 0;
    for (size_t i = 0; i < len; i++) {
        if (s[i] < '0' || s[i] > '9' || i >= 18)
            return reader_corrupt(r, "its index is no small decimal number");
        v = v * 10 + (s[i] - '0');
    }
    if (!len)
        return reader_corrupt(r, "its index is empty");
    *ret = v;
    return ERR_OK;
}

errc op_get(struct reader *r)
{
    uint64_t index = 0;
    return line_index(r, &index) ? r->err->code : get(r, index);
}

errc op_put(struct reader *r)
{
    uint64_t index = 0;
    return line_index(r, &index) ? r->err->code : put(r, index);
}

errc op_binget(struct reader *r)
{
    const uint8_t *p = reader_take(r, 1);
    return p ? get(r, *p) : r->err->code;
}

errc op_long_binget(struct reader *r)
{
    const uint8_t *p = reader_take(r, 4);
    return p ? get(r, reader_le(p, 4)) : r->err->code;
}

errc op_binput(struct reader *r)
{
    const uint8_t *p = reader_take(r, 1);
    return p ? put(r, *p) : r->err->code;
}

errc op_long_binput(struct reader *r)
{
    const uint8_t *p = reader_take(r, 4);
    return p ? put(r, reader_le(p, 4)) : r->err->code;
}

errc op_memoize(struct reader *r)
{
    return put(r, r->memo.count);
}
