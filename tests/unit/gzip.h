// Makes gzip files for tests without a compressor: deflate's stored blocks.
#ifndef TESTS_UNIT_GZIP_H
#define TESTS_UNIT_GZIP_H

#include <stdint.h>

#include "base/buf.h"

static inline uint32_t gzip_crc(const uint8_t *data, size_t len)
{
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < len; i++) {
        crc ^= data[i];
        for (int k = 0; k < 8; k++)
            crc = crc & 1 ? crc >> 1 ^ 0xedb88320 : crc >> 1;
    }
    return ~crc;
}

static inline void gzip_put_le(struct buf *out, uint32_t v, int bytes)
{
    for (int i = 0; i < bytes; i++)
        buf_putc(out, (char)(v >> (8 * i)));
}

// A member in stored blocks of at most `block` bytes, 65,535 being the most that there may be.
static inline void gzip_member_in(struct buf *out, const void *data, size_t len, size_t block)
{
    const uint8_t *at = data;
    buf_put(out, "\x1f\x8b\x08\0\1\2\3\4\0\xff", 10);
    size_t left = len;
    do {
        size_t n = left < block ? left : block;
        buf_putc(out, left == n);
        gzip_put_le(out, (uint32_t)n, 2);
        gzip_put_le(out, (uint32_t)~n, 2);
        buf_put(out, at, n);
        at += n;
        left -= n;
    } while (left);
    gzip_put_le(out, gzip_crc(data, len), 4);
    gzip_put_le(out, (uint32_t)len, 4);
}

static inline void gzip_member(struct buf *out, const void *data, size_t len)
{
    gzip_member_in(out, data, len, 65535);
}

#endif
