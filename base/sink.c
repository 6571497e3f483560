#include "base/sink.h"

static bool buf_sink_put(struct sink *sink, const void *data, size_t len)
{
    struct buf_sink *s = (struct buf_sink *)sink;
    buf_put(s->buf, data, len);
    return !s->buf->over;
}

struct buf_sink sink_to_buf(struct buf *buf)
{
    return (struct buf_sink){.sink = {.put = buf_sink_put}, .buf = buf};
}
