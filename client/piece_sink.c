#include <string.h>

#include "base/mem.h"
#include "client/piece_sink.h"

static bool flush(struct piece_sink *p)
{
    bool ok = !p->len || sink_put(&p->to.sink, p->bytes, p->len);
    p->len = 0;
    return ok;
}

static bool put(struct sink *sink, const void *data, size_t len)
{
    struct piece_sink *p = (struct piece_sink *)sink;
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
    p->to = staged_sink(to, &p->err);
    return p;
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
