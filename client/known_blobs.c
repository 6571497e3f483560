// The bytes behind keys that are known without reading anything: what pickle protocol 4 writes for
// the integers 0 to 65,535 and the small constants. A hash table from SHA-1 to value, made on first
// use; its slots hold the value and some bits of the digest, and a match is confirmed by hashing
// again.
#include <endian.h>
#include <pthread.h>
#include <string.h>

#include "base/mem.h"
#include "client/blob.h"

#define INTS 65536
#define SMALL_INTS 256
#define SLOT_BITS 17
#define SLOTS (1u << SLOT_BITS)
#define LONG_INT 15 // bytes of a pickled integer from 256 to 65,535

struct constant {
    uint8_t len;
    const char *bytes;
};

#define FRAME4 "\x80\x04\x95\x04\0\0\0\0\0\0\0"
static const struct constant constants[] = {
    {4, "\x80\x04N."},          // None
    {4, "\x80\x04\x88."},       // True
    {4, "\x80\x04\x89."},       // False
    {5, "\x80\x04]\x94."},      // []
    {5, "\x80\x04}\x94."},      // {}
    {4, "\x80\x04)."},          // ()
    {5, "\x80\x04\x8f\x94."},   // set()
    {15, FRAME4 "(\x91\x94."},  // frozenset()
    {15, FRAME4 "\x8c\0\x94."}, // ""
    {15, FRAME4 "C\0\x94."},    // b""
};
#define CONSTANTS (sizeof constants / sizeof constants[0])
#define VALUES (INTS + CONSTANTS)

static pthread_once_t once = PTHREAD_ONCE_INIT;
static uint8_t (*small_ints)[5];
static uint8_t (*long_ints)[LONG_INT];
static uint32_t *slots; // 0: empty; else value + 1, and digest bits above

static const uint8_t *value_bytes(uint32_t value, size_t *ret_len)
{
    if (value >= INTS) {
        *ret_len = constants[value - INTS].len;
        return (const uint8_t *)constants[value - INTS].bytes;
    }
    if (value < SMALL_INTS) {
        *ret_len = sizeof small_ints[0];
        return small_ints[value];
    }
    *ret_len = LONG_INT;
    return long_ints[value - SMALL_INTS];
}

// Four numbers at once, one of each message that is hashed beside the others.
typedef uint32_t lanes __attribute__((vector_size(16)));
#define LANES 4

static lanes rotl(lanes v, int n)
{
    return v << n | v >> (32 - n);
}

// The SHA-1 of some values' pickles, each of which fits one block. Without a general digest's
// set-up and four at a time: that is what makes a table of 65,536 digests cheap.
static void digests_of(const uint32_t values[LANES], uint32_t out[LANES][5])
{
    lanes w[80] = {0};
    for (int lane = 0; lane < LANES; lane++) {
        uint8_t block[64] = {0};
        size_t len;
        const uint8_t *bytes = value_bytes(values[lane], &len);
        memcpy(block, bytes, len);
        block[len] = 0x80;
        block[63] = (uint8_t)(len * 8);
        for (int i = 0; i < 16; i++) {
            uint32_t word;
            memcpy(&word, block + i * 4, 4);
            w[i][lane] = be32toh(word);
        }
    }
    for (int i = 16; i < 80; i++)
        w[i] = rotl(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    const lanes start[5] = {(lanes){0} + 0x67452301, (lanes){0} + 0xefcdab89,
                            (lanes){0} + 0x98badcfe, (lanes){0} + 0x10325476,
                            (lanes){0} + 0xc3d2e1f0};
    lanes a = start[0], b = start[1], c = start[2], d = start[3], e = start[4];
#define ROUNDS(from, f, k)                                                                         \
    for (int i = (from); i < (from) + 20; i++) {                                                   \
        lanes t = rotl(a, 5) + (f) + e + (uint32_t)(k) + w[i];                                     \
        e = d;                                                                                     \
        d = c;                                                                                     \
        c = rotl(b, 30);                                                                           \
        b = a;                                                                                     \
        a = t;                                                                                     \
    }
    ROUNDS(0, d ^ (b & (c ^ d)), 0x5a827999)
    ROUNDS(20, b ^ c ^ d, 0x6ed9eba1)
    ROUNDS(40, (b & c) | (d & (b | c)), 0x8f1bbcdc)
    ROUNDS(60, b ^ c ^ d, 0xca62c1d6)
#undef ROUNDS
    const lanes end[5] = {a + start[0], b + start[1], c + start[2], d + start[3], e + start[4]};
    for (int lane = 0; lane < LANES; lane++)
        for (int i = 0; i < 5; i++)
            out[lane][i] = end[i][lane];
}

// The bits of a digest that a slot keeps, above the 17 of the value.
static uint32_t tag_of(const uint32_t digest[5])
{
    return digest[1] & ~(SLOTS - 1);
}

static void add_slot(uint32_t value, const uint32_t digest[5])
{
    uint32_t i = digest[0] & (SLOTS - 1);
    while (slots[i])
        i = (i + 1) & (SLOTS - 1);
    slots[i] = tag_of(digest) | (value + 1);
}

static void build(void)
{
    small_ints = mem_zalloc(SMALL_INTS * sizeof *small_ints);
    long_ints = mem_zalloc((INTS - SMALL_INTS) * sizeof *long_ints);
    slots = mem_zalloc(SLOTS * sizeof *slots);
    for (uint32_t v = 0; v < SMALL_INTS; v++)
        memcpy(small_ints[v], (uint8_t[]){0x80, 4, 'K', (uint8_t)v, '.'}, 5);
    for (uint32_t v = SMALL_INTS; v < INTS; v++) {
        uint8_t *p = long_ints[v - SMALL_INTS];
        memcpy(p, FRAME4 "M", 12);
        p[12] = (uint8_t)v;
        p[13] = (uint8_t)(v >> 8);
        p[14] = '.';
    }
    for (uint32_t v = 0; v < VALUES; v += LANES) {
        uint32_t values[LANES], digests[LANES][5];
        for (uint32_t lane = 0; lane < LANES; lane++)
            values[lane] = v + lane < VALUES ? v + lane : v;
        digests_of(values, digests);
        for (uint32_t lane = 0; lane < LANES && v + lane < VALUES; lane++)
            add_slot(v + lane, digests[lane]);
    }
}

static bool parse_digest(const char *sha, uint32_t digest[5])
{
    if (!blob_key_is_valid(sha))
        return false;
    for (int i = 0; i < 5; i++) {
        digest[i] = 0;
        for (int j = 0; j < 8; j++) {
            char c = sha[i * 8 + j];
            digest[i] = digest[i] << 4 | (uint32_t)(c <= '9' ? c - '0' : c - 'a' + 10);
        }
    }
    return true;
}

const uint8_t *blob_known(const char *sha, size_t *ret_len)
{
    uint32_t want[5];
    if (!parse_digest(sha, want))
        return NULL;
    pthread_once(&once, build);
    for (uint32_t i = want[0] & (SLOTS - 1); slots[i]; i = (i + 1) & (SLOTS - 1)) {
        if ((slots[i] & ~(SLOTS - 1)) != tag_of(want))
            continue;
        uint32_t value = (slots[i] & (SLOTS - 1)) - 1, values[LANES] = {value, value, value, value},
                 have[LANES][5];
        digests_of(values, have);
        if (memcmp(have[0], want, sizeof want) == 0)
            return value_bytes(value, ret_len);
    }
    return NULL;
}
