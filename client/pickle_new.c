// New values of a pickle. Only as much of a struct value is allocated as its kind uses.
#include "client/pickle_reader.h"

#include <string.h>

static size_t value_size(enum value_kind kind)
{
#define UP_TO(member) (offsetof(struct value, u) + sizeof(((struct value *)0)->u.member))
    switch (kind) {
    case VALUE_NONE:
    case VALUE_BOOL:
    case VALUE_INT: return UP_TO(integer);
    case VALUE_FLOAT: return UP_TO(real);
    case VALUE_EXT: return UP_TO(ext);
    case VALUE_BIGINT:
    case VALUE_STR:
    case VALUE_BYTES:
    case VALUE_BYTEARRAY: return UP_TO(bytes);
    case VALUE_LIST:
    case VALUE_TUPLE:
    case VALUE_SET:
    case VALUE_FROZENSET: return UP_TO(seq);
    case VALUE_DICT: return UP_TO(dict);
    case VALUE_GLOBAL: return UP_TO(global);
    case VALUE_CALL: return UP_TO(call);
    }
#undef UP_TO
    return sizeof(struct value);
}

struct value *reader_new(struct reader *r, enum value_kind kind)
{
    size_t size = value_size(kind);
    struct value *v = arena_alloc(&r->p->arena, size);
    if (v) {
        memset(v, 0, size);
        v->kind = kind;
    }
    return v;
}

struct value *reader_new_int(struct reader *r, int64_t i)
{
    bool is_small = i >= 0 && i < 256;
    if (is_small && r->p->small[i])
        return r->p->small[i];
    struct value *v = reader_new(r, VALUE_INT);
    if (v) {
        v->u.integer = i;
        if (is_small)
            r->p->small[i] = v;
    }
    return v;
}

struct value *reader_new_bytes(struct reader *r, enum value_kind kind, const uint8_t *data, size_t len)
{
    struct value *v = reader_new(r, kind);
    if (v) {
        v->u.bytes.data = data;
        v->u.bytes.len = len;
    }
    return v;
}

struct value *reader_new_long(struct reader *r, const uint8_t *data, size_t len)
{
    // Bytes at the top that only repeat the sign say nothing.
    while (len > 1 && (data[len - 1] == 0 || data[len - 1] == 0xff) &&
           (data[len - 1] & 0x80) == (data[len - 2] & 0x80))
        len--;
    if (len > 8)
        return reader_new_bytes(r, VALUE_BIGINT, data, len);
    uint64_t bits = len && data[len - 1] & 0x80 ? UINT64_MAX : 0;
    for (size_t i = len; i-- > 0;)
        bits = bits << 8 | data[i];
    return reader_new_int(r, (int64_t)bits);
}

// Room for n more items of `item` bytes in an array: exact at first, then with some to spare.
static bool grow(struct reader *r, void **array, size_t *cap, size_t len, size_t n, size_t item)
{
    if (n <= *cap - len)
        return true;
    size_t want = len + n, spare = *cap + *cap / 2;
    if (want < spare)
        want = spare;
    if (want > SIZE_MAX / 2 / item)
        return false;
    void *grown = arena_grow(&r->p->arena, *array, *cap * item, want * item);
    if (!grown)
        return false;
    *array = grown;
    *cap = want;
    return true;
}

bool reader_seq_add(struct reader *r, struct value *seq, struct value *const *items, size_t n)
{
    void *array = seq->u.seq.items;
    if (!n)
        return true;
    if (!grow(r, &array, &seq->u.seq.cap, seq->u.seq.len, n, sizeof(void *)))
        return false;
    seq->u.seq.items = array;
    memcpy(seq->u.seq.items + seq->u.seq.len, items, n * sizeof(void *));
    seq->u.seq.len += n;
    return true;
}

bool reader_dict_add(struct reader *r, struct value *dict, struct value *const *keys_values, size_t n_pairs)
{
    void *array = dict->u.dict.pairs;
    if (!n_pairs)
        return true;
    if (!grow(r, &array, &dict->u.dict.cap, dict->u.dict.len, n_pairs, sizeof(struct value_pair)))
        return false;
    dict->u.dict.pairs = array;
    for (size_t i = 0; i < n_pairs; i++) {
        struct value_pair pair = {keys_values[2 * i], keys_values[2 * i + 1]};
        dict->u.dict.pairs[dict->u.dict.len++] = pair;
    }
    return true;
}

struct value *reader_new_seq(struct reader *r, enum value_kind kind, struct value *const *items, size_t len)
{
    struct value *v = reader_new(r, kind);
    return v && reader_seq_add(r, v, items, len) ? v : NULL;
}
