#include <string.h>

#include "base/mem.h"
#include "client/piece_sink.h"

// More than the text of any value that is not made to explode: a code of one byte in the pickle stands for the text of
// its category, which .npy has in 4 bytes a character.
#define BOUND_LEAST ((uint64_t)256 << 20)
#define BOUND_FACTOR 1024

static bool flush(struct piece_sink *p)
{
    bool ok = !p->len || sink_put(&p->to.sink, p->bytes, p->len);
    p->len = 0;
    return ok;
}

static bool put(struct sink *sink, const void *data, size_t len)
{
    struct piece_sink *p = (struct piece_sink *)sink;
    if (len > p->left && p->err.code == ERR_OK)
        err_set(&p->err, ERR_LIMIT,
                "the value's text is far larger than its pickle (which has a long range, or refers to the same parts "
                "again and again); metaflowfs cat writes it without an end, .pickle/ has the stored bytes");
    p->left -= len <= p->left ? len : 0;
    if (p->err.code != ERR_OK || (len > sizeof p->bytes - p->len && !flush(p)))
        return false;
    if (len >= sizeof p->bytes)
        return sink_put(&p->to.sink, data, len);
    memcpy(p->bytes + p->len, data, len);
    p->len += len;
    return true;
}

struct piece_sink *piece_sink_new(struct staged *to)
{
    struct piece_sink *p = mem_zalloc(sizeof *p);
    p->sink.put = put;
    p->left = UINT64_MAX;
    p->to = staged_sink(to, &p->err);
    return p;
}

void piece_sink_bound(struct piece_sink *p, size_t pickle_len)
{
    uint64_t bound;
    if (__builtin_mul_overflow((uint64_t)pickle_len, BOUND_FACTOR, &bound))
        bound = UINT64_MAX;
    p->left = bound > BOUND_LEAST ? bound : BOUND_LEAST;
}

errc piece_sink_end(struct piece_sink *p, errc result, struct err *err)
{
    if (result == ERR_OK && p->err.code == ERR_OK)
        flush(p);
    if (p->err.code == ERR_OK)
        return result;
    *err = p->err;
    return err->code;
}
