// Integers as decimal text.
#include "client/render_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
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

// Conversion takes quadratic time: this many bytes (157,000 digits) take about a quarter of a second.
enum { MAX_BYTES = 65536 };
static const uint32_t BILLION = 1000000000;

// digits := digits * 2^32 + limb, in base 10^9, least first; the number of digits afterwards.
static size_t shift_in(uint32_t *digits, size_t n, uint32_t limb)
{
    uint64_t carry = limb;
    for (size_t i = 0; i < n; i++) {
        carry += (uint64_t)digits[i] << 32;
        digits[i] = (uint32_t)(carry % BILLION);
        carry /= BILLION;
    }
    for (; carry; carry /= BILLION)
        digits[n++] = (uint32_t)(carry % BILLION);
    return n;
}

// The i-th 32 bits of the absolute value of a two's complement number; *borrow is carried from limb to limb.
static uint32_t abs_limb(const uint8_t *le, size_t len, size_t i, bool negative, uint32_t *carry)
{
    uint32_t limb = 0;
    for (unsigned k = 4; k-- > 0;) {
        size_t at = i * 4 + k;
        limb = limb << 8 | (at < len ? le[at] : negative ? 0xff : 0);
    }
    if (!negative)
        return limb;
    uint64_t sum = (uint64_t)(uint32_t)~limb + *carry;
    *carry = (uint32_t)(sum >> 32);
    return (uint32_t)sum;
}

bool text_bigint(struct buf *b, const uint8_t *le, size_t len)
{
    if (len > MAX_BYTES)
        return false;
    bool negative = len && le[len - 1] & 0x80;
    size_t n_limbs = len / 4 + 1, n = 0;
    uint32_t *limbs = malloc(n_limbs * sizeof *limbs);
    uint32_t *digits = malloc((n_limbs * 32 / 29 + 4) * sizeof *digits);
    bool ok = limbs && digits;
    if (ok) {
        uint32_t carry = 1;
        for (size_t i = 0; i < n_limbs; i++)
            limbs[i] = abs_limb(le, len, i, negative, &carry);
        for (size_t i = n_limbs; i-- > 0;)
            n = shift_in(digits, n, limbs[i]);
        buf_printf(b, "%s%" PRIu32, negative ? "-" : "", n ? digits[n - 1] : 0);
        for (size_t i = n; i-- > 1;)
            buf_printf(b, "%09" PRIu32, digits[i - 1]);
    }
    free(limbs);
    free(digits);
    return ok;
}
