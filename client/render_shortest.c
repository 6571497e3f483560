// The shortest decimal of a binary number, and the nearest one where several are as short: Raffaello Giulietti's
// Schubfach ("The Schubfach way to render doubles", 2020). Powers of ten are 128 bits wide, normalized and rounded up;
// their table is made at the first use, as exact integers.
#include <pthread.h>
#include <string.h>

#include "client/render_parts.h"

enum { LEAST = -292, MOST = 324, LIMBS = 36 };

struct wide {
    uint64_t hi, lo;
};

static struct wide powers[MOST - LEAST + 1];
static pthread_once_t powers_made = PTHREAD_ONCE_INIT;

// The 128 bits of a big integer (little-endian limbs of 32) from its highest one on, rounded up.
static struct wide top_bits(const uint32_t *limbs)
{
    int top = LIMBS * 32 - 1;
    while (!(limbs[top / 32] >> (top % 32) & 1))
        top--;
    struct wide w = {0, 0};
    for (int i = 0; i < 128; i++) {
        int at = top - i;
        uint64_t bit = at >= 0 ? limbs[at / 32] >> (at % 32) & 1 : 0;
        if (i < 64)
            w.hi = w.hi << 1 | bit;
        else
            w.lo = w.lo << 1 | bit;
    }
    bool rest = false;
    for (int at = top - 128; at >= 0 && !rest; at--)
        rest = limbs[at / 32] >> (at % 32) & 1;
    w.lo += rest;
    w.hi += rest && !w.lo;
    return w;
}

static void make_powers(void)
{
    uint32_t up[LIMBS] = {1}, down[LIMBS] = {[LIMBS - 1] = 0x80000000u};
    for (int k = 0; k <= MOST; k++) {
        powers[k - LEAST] = top_bits(up);
        uint64_t carry = 0;
        for (int i = 0; i < LIMBS; i++) {
            carry += (uint64_t)up[i] * 10;
            up[i] = (uint32_t)carry;
            carry >>= 32;
        }
    }
    for (int k = -1; k >= LEAST; k--) {
        uint64_t rest = 0;
        for (int i = LIMBS; i-- > 0;) {
            rest = rest << 32 | down[i];
            down[i] = (uint32_t)(rest / 10);
            rest %= 10;
        }
        down[0] |= rest != 0; // never exact: what is cut off must show
        powers[k - LEAST] = top_bits(down);
    }
}

// floor(a / 2^bits) also below 0.
static int floor_shift(int64_t a, unsigned bits)
{
    int64_t unit = (int64_t)1 << bits;
    return (int)((a >= 0 ? a : a - unit + 1) / unit);
}

// g * c / 2^128, its lowest bit also set where something is cut off.
static uint64_t to_odd(struct wide g, uint64_t c)
{
    unsigned __int128 low = (unsigned __int128)g.lo * c, high = (unsigned __int128)g.hi * c;
    high += (uint64_t)(low >> 64);
    return (uint64_t)(high >> 64) | ((uint64_t)high > 1);
}

struct shortest shortest_decimal(uint64_t c, int q, bool closer)
{
    pthread_once(&powers_made, make_powers);
    bool odd = c & 1;
    int k = floor_shift((int64_t)q * 1262611 - (closer ? 524031 : 0), 22);
    int h = q + floor_shift((int64_t)-k * 1741647, 19) + 1;
    struct wide g = powers[-k - LEAST];
    uint64_t lower = to_odd(g, (4 * c - 2 + closer) << h) + odd;
    uint64_t at = to_odd(g, 4 * c << h);
    uint64_t upper = to_odd(g, (4 * c + 2) << h) - odd;
    uint64_t s = at / 4;
    if (s >= 10) {
        uint64_t tens = s / 10;
        bool below = lower <= 40 * tens, above = 40 * tens + 40 <= upper;
        if (below != above)
            return (struct shortest){tens + above, k + 1};
    }
    bool below = lower <= 4 * s, above = 4 * s + 4 <= upper;
    if (below != above)
        return (struct shortest){s + above, k};
    uint64_t middle = 4 * s + 2;
    return (struct shortest){s + (at > middle || (at == middle && (s & 1))), k};
}
