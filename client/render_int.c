// Integers of a machine as decimal text.
#include "client/render_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

// "00" to "99".
static const char pairs[] = "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
                            "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
                            "8081828384858687888990919293949596979899";

size_t format_uint(char *to, uint64_t u)
{
    char text[24];
    char *at = text + sizeof text;
    for (; u >= 100; u /= 100) {
        at -= 2;
        memcpy(at, &pairs[u % 100 * 2], 2);
    }
    if (u >= 10) {
        at -= 2;
        memcpy(at, &pairs[u * 2], 2);
    } else {
        *--at = (char)('0' + u);
    }
    size_t n = (size_t)(text + sizeof text - at);
    memcpy(to, at, n);
    return n;
}

size_t format_int(char *to, int64_t i)
{
    if (i >= 0)
        return format_uint(to, (uint64_t)i);
    *to = '-';
    return 1 + format_uint(to + 1, -(uint64_t)i);
}

void text_int(struct buf *b, int64_t i)
{
    char text[24];
    buf_put(b, text, format_int(text, i));
}

void text_uint(struct buf *b, uint64_t u)
{
    char text[24];
    buf_put(b, text, format_uint(text, u));
}
