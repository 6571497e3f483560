// Where a renderer writes: it does not know whether the bytes go to memory, a staged file or a pipe.
#ifndef BASE_SINK_H
#define BASE_SINK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

struct sink {
    // Takes `len` bytes; false means stop (the sink keeps the reason).
    bool (*put)(struct sink *sink, const void *data, size_t len);
};

static inline bool sink_put(struct sink *s, const void *data, size_t len)
{
    return s->put(s, data, len);
}

// A sink into a struct buf, which the caller owns; put is false once the buffer is over its maximum.
struct buf_sink {
    struct sink sink;
    struct buf *buf;
};
struct buf_sink sink_to_buf(struct buf *buf);

#endif
