// Any bytes as log files (a byte 0xfe ends a part): the merge keeps every message, so its length
// does not depend on the order of the parts, and a live text is a beginning of what a longer file
// gives.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "client/logs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PARTS 4

static void merge(const struct log_part *parts, size_t n, struct buf *out)
{
    struct err err = ERR_INIT;
    struct buf_sink sink = sink_to_buf(out);
    if (logs_merge(parts, n, &sink.sink, &err) != ERR_OK)
        abort();
}

static void check_live(const char *data, size_t size)
{
    struct err err = ERR_INIT;
    struct buf half = {0}, whole = {0};
    struct buf_sink to_half = sink_to_buf(&half), to_whole = sink_to_buf(&whole);
    struct log_part part = {data, size / 2}, all = {data, size};
    if (logs_messages(&part, &to_half.sink, &err) != ERR_OK ||
        logs_messages(&all, &to_whole.sink, &err) != ERR_OK)
        abort();
    if (half.len > whole.len || (half.len && memcmp(half.data, whole.data, half.len) != 0))
        abort();
    buf_free(&half);
    buf_free(&whole);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct log_part parts[PARTS] = {0}, reversed[PARTS];
    size_t n = 0;
    const char *at = (const char *)data, *end = at + size;
    while (n < PARTS && at < end) {
        const char *stop = n + 1 < PARTS ? memchr(at, 0xfe, (size_t)(end - at)) : NULL;
        stop = stop ? stop : end;
        parts[n++] = (struct log_part){at, (size_t)(stop - at)};
        at = stop < end ? stop + 1 : end;
    }
    for (size_t i = 0; i < n; i++)
        reversed[i] = parts[n - 1 - i];
    struct buf one = {0}, other = {0};
    merge(parts, n, &one);
    merge(reversed, n, &other);
    if (one.len != other.len || (one.len && memcmp(one.data, other.data, one.len) != 0))
        abort();
    buf_free(&one);
    buf_free(&other);
    if (n)
        check_live(parts[0].data, parts[0].len);
    return 0;
}
