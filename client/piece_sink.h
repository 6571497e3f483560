// Gathers the many small writes of a renderer into pieces for a staged object, up to a bound: a value
// may refer to the same parts again and again, and its text be endless where its pickle is short.
#ifndef CLIENT_PIECE_SINK_H
#define CLIENT_PIECE_SINK_H

#include "s3/staging.h"

struct piece_sink {
    struct sink sink;
    struct staged_sink to;
    struct err err;      // why `to` stopped
    uint64_t left;       // bytes that may still come
    size_t len;
    char bytes[32 * 1024];
};

struct piece_sink *piece_sink_new(struct staged *to); // owned by the caller: free()
// Bounds the text of a value that was read from `pickle_len` bytes.
void piece_sink_bound(struct piece_sink *p, size_t pickle_len);
// Ends the rendering, which came to `result` with `err`: flushes what is gathered. Where the staged
// object refused bytes, that is the error.
errc piece_sink_end(struct piece_sink *p, errc result, struct err *err) ERR_MUST_CHECK;

#endif
