// Integers of any size as decimal text: by halves, high * 2^k + low, in base 10^9, with Karatsuba's multiplication.
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "client/render_parts.h"

// LEAF: of 32 bits, below which it is quadratic; SHORT: digits below which multiplication is.
enum { LEAF = 32, SHORT = 48, MAX_POWERS = 32 };
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

// --- Arithmetic in base 10^9 ---

// a += b, whose carry ends within a, which has that many digits at least.
static void add(uint32_t *a, const uint32_t *b, size_t n)
{
    uint32_t carry = 0;
    for (size_t i = 0; i < n || carry; i++) {
        uint32_t sum = a[i] + (i < n ? b[i] : 0) + carry;
        carry = sum >= BILLION;
        a[i] = carry ? sum - BILLION : sum;
    }
}

// a -= b, which is not larger.
static void subtract(uint32_t *a, const uint32_t *b, size_t n)
{
    uint32_t borrow = 0;
    for (size_t i = 0; i < n || borrow; i++) {
        uint32_t take = (i < n ? b[i] : 0) + borrow;
        borrow = a[i] < take;
        a[i] = borrow ? a[i] + BILLION - take : a[i] - take;
    }
}

// A column of digits after the other.
static void multiply_short(const uint32_t *a, size_t n_a, const uint32_t *b, size_t n_b, uint32_t *to)
{
    const uint64_t full = 8 * (uint64_t)BILLION * BILLION;
    uint64_t carry = 0;
    for (size_t k = 0; k < n_a + n_b; k++) {
        uint64_t sum = carry, over = 0;
        size_t from = k >= n_b ? k - n_b + 1 : 0;
        for (size_t i = from; i <= k && i < n_a; i++) {
            sum += (uint64_t)a[i] * b[k - i];
            if (sum >= full) {
                sum -= full;
                over += 8 * (uint64_t)BILLION;
            }
        }
        to[k] = (uint32_t)(sum % BILLION);
        carry = sum / BILLION + over;
    }
}

static void multiply(const uint32_t *a, size_t n_a, const uint32_t *b, size_t n_b, uint32_t *to, uint32_t *room);

// a, much longer than b, in parts of at most `part` digits.
static void multiply_parts(const uint32_t *a, size_t n_a, const uint32_t *b, size_t n_b, size_t part, uint32_t *to,
                           uint32_t *room)
{
    memset(to, 0, (n_a + n_b) * sizeof *to);
    for (size_t at = 0; at < n_a; at += part) {
        size_t n = n_a - at < part ? n_a - at : part;
        multiply(a + at, n, b, n_b, room, room + n + n_b);
        add(to + at, room, n + n_b);
    }
}

// to := low + high, of half + 1 digits.
static void add_halves(const uint32_t *low, size_t half, size_t n, uint32_t *to)
{
    memcpy(to, low, half * sizeof *to);
    to[half] = 0;
    add(to, low + half, n - half);
}

// to := a * b, of n_a + n_b digits. room: for room_of(n_a + n_b) digits.
static void multiply(const uint32_t *a, size_t n_a, const uint32_t *b, size_t n_b, uint32_t *to, uint32_t *room)
{
    if (n_a < n_b) {
        multiply(b, n_b, a, n_a, to, room);
        return;
    }
    size_t half = (n_a + 1) / 2, sums = half + 1;
    if (n_b <= SHORT) {
        multiply_short(a, n_a, b, n_b, to);
        return;
    }
    if (n_b <= half) {
        multiply_parts(a, n_a, b, n_b, n_b, to, room);
        return;
    }
    uint32_t *middle = room, *sum_a = middle + 2 * sums, *sum_b = sum_a + sums, *rest = sum_b + sums;
    size_t n_high = n_a + n_b - 2 * half;
    multiply(a, half, b, half, to, rest);
    multiply(a + half, n_a - half, b + half, n_b - half, to + 2 * half, rest);
    add_halves(a, half, n_a, sum_a);
    add_halves(b, half, n_b, sum_b);
    multiply(sum_a, sums, sum_b, sums, middle, rest);
    subtract(middle, to, 2 * half);
    subtract(middle, to + 2 * half, n_high);
    size_t n_middle = 2 * sums;
    while (n_middle && !middle[n_middle - 1]) // a carry within these would be outside of `to`
        n_middle--;
    add(to + half, middle, n_middle);
}

// --- Conversion ---

struct powers {
    uint32_t *digits[MAX_POWERS]; // owned: 2^(32 * LEAF * 2^i)
    size_t len[MAX_POWERS];
    uint32_t *room;               // owned: for multiply()
};

static size_t digits_of(size_t n_limbs)
{
    return n_limbs * 32 / 29 + 4;
}

static size_t room_of(size_t n_digits)
{
    return n_digits * 8 + 1024;
}

static size_t without_zeros(const uint32_t *digits, size_t n)
{
    while (n && !digits[n - 1])
        n--;
    return n;
}

// Those that numbers of n limbs are split by.
static void make_powers(struct powers *p, size_t n)
{
    for (size_t i = 0; (size_t)LEAF << i < n; i++) {
        size_t limbs = (size_t)LEAF << i, len = 1;
        p->digits[i] = mem_zalloc(digits_of(limbs + 1) * sizeof *p->digits[i]);
        p->digits[i][0] = 1;
        if (i) {
            multiply(p->digits[i - 1], p->len[i - 1], p->digits[i - 1], p->len[i - 1], p->digits[i], p->room);
            len = 2 * p->len[i - 1];
        }
        for (size_t k = 0; !i && k < limbs; k++)
            len = shift_in(p->digits[i], len, 0);
        p->len[i] = without_zeros(p->digits[i], len);
    }
}

// The number of digits; `digits` has room for digits_of(n).
static size_t convert(struct powers *p, const uint32_t *limbs, size_t n, uint32_t *digits)
{
    if (n <= LEAF) {
        size_t len = 0;
        for (size_t i = n; i-- > 0;)
            len = shift_in(digits, len, limbs[i]);
        return len;
    }
    unsigned i = 0;
    while ((size_t)LEAF << (i + 1) < n)
        i++;
    size_t half = (size_t)LEAF << i;
    auto_free uint32_t *high = mem_zalloc(digits_of(n - half) * sizeof *high);
    auto_free uint32_t *product = mem_zalloc((digits_of(n - half) + p->len[i]) * sizeof *product);
    size_t n_high = convert(p, limbs + half, n - half, high), n_low = convert(p, limbs, half, digits);
    if (n_high)
        multiply(high, n_high, p->digits[i], p->len[i], product, p->room);
    size_t len = without_zeros(product, n_high ? n_high + p->len[i] : 0);
    memset(digits + n_low, 0, (digits_of(n) - n_low) * sizeof *digits);
    add(digits, product, len);
    return without_zeros(digits, digits_of(n));
}

// The i-th 32 bits of the absolute value of a two's complement number; *carry goes from limb to limb.
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

static void put_digits(struct buf *b, bool negative, const uint32_t *digits, size_t n)
{
    char text[16], *to;
    buf_printf(b, "%s%" PRIu32, negative ? "-" : "", n ? digits[n - 1] : 0);
    for (size_t i = n; i-- > 1 && (to = buf_reserve(b, 9));) {
        size_t len = format_uint(text, digits[i - 1]);
        memset(to, '0', 9 - len);
        memcpy(to + 9 - len, text, len);
        b->len += 9;
    }
}

static void free_powers(struct powers *p)
{
    for (size_t i = 0; i < MAX_POWERS; i++)
        free(p->digits[i]);
    free(p->room);
}

bool text_bigint(struct buf *b, const uint8_t *le, size_t len)
{
    if (len > BIGINT_MAX)
        return false;
    bool negative = len && le[len - 1] & 0x80;
    size_t n = len / 4 + 1;
    uint32_t carry = 1;
    struct powers p = {0};
    auto_free uint32_t *limbs = mem_zalloc(n * sizeof *limbs);
    auto_free uint32_t *digits = mem_zalloc(digits_of(n) * sizeof *digits);
    for (size_t i = 0; i < n; i++)
        limbs[i] = abs_limb(le, len, i, negative, &carry);
    while (n && !limbs[n - 1])
        n--;
    p.room = mem_zalloc(room_of(2 * digits_of(n)) * sizeof *p.room);
    make_powers(&p, n);
    put_digits(b, negative, digits, convert(&p, limbs, n, digits));
    free_powers(&p);
    return true;
}
