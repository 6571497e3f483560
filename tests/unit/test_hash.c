// base/hash.h against published vectors.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/sha1_lane.h"

// FIPS 180-2, appendix A, and the empty message of NIST's SHA1ShortMsg.rsp.
static void sha1_vectors(void **state)
{
    (void)state;
    static const struct {
        const char *text, *hex;
    } vectors[] = {
        {"", "da39a3ee5e6b4b0d3255bfef95601890afd80709"},
        {"abc", "a9993e364706816aba3e25717850c26c9cd0d89d"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "84983e441c3bd26ebaae4aa1f95129e5e54670f1"},
    };
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        char hex[41];
        sha1_hex_of(vectors[i].text, strlen(vectors[i].text), hex);
        assert_string_equal(hex, vectors[i].hex);
    }
}

static void sha1_in_pieces(void **state)
{
    (void)state;
    // FIPS 180-2: a million times "a".
    char piece[1000], hex[41];
    memset(piece, 'a', sizeof piece);
    struct sha1 *s = sha1_new();
    for (int i = 0; i < 1000; i++)
        sha1_add(s, piece, sizeof piece);
    sha1_hex(s, hex);
    sha1_free(s);
    assert_string_equal(hex, "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
    sha1_free(NULL);
}

static void sha1_beside_the_work(void **state)
{
    (void)state;
    static char pieces[SHA1_LANE_DEPTH + 1][1000]; // as many as have to stay
    char hex[41];
    struct sha1 *s = sha1_new();
    sha1_add(s, "", 0);
    struct sha1_lane *lane = sha1_lane_new(s);
    assert_non_null(lane);
    for (int i = 0; i < 1000; i++) {
        char *piece = pieces[i % (SHA1_LANE_DEPTH + 1)];
        memset(piece, 'b', sizeof pieces[0]); // what was in it is digested
        memset(piece, 'a', sizeof pieces[0]);
        sha1_lane_add(lane, piece, sizeof pieces[0]);
    }
    sha1_lane_end(lane);
    sha1_hex(s, hex);
    sha1_free(s);
    assert_string_equal(hex, "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
    s = sha1_new();
    sha1_lane_end(sha1_lane_new(s)); // nothing in it
    sha1_hex(s, hex);
    sha1_free(s);
    assert_string_equal(hex, "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    sha1_lane_end(NULL);
}

// FIPS 180-2, appendix B; RFC 4231, test cases 1, 2, 4 and 6.
// FIPS 180-2, change notice 1, and the empty message of NIST's SHA224ShortMsg.rsp.
static void sha224_vectors(void **state)
{
    (void)state;
    uint8_t digest[SHA224_BYTES];
    char hex[2 * SHA224_BYTES + 1];
    sha224_of("abc", 3, digest);
    hash_hex(digest, sizeof digest, hex);
    assert_string_equal(hex, "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7");
    sha224_of(NULL, 0, digest);
    hash_hex(digest, sizeof digest, hex);
    assert_string_equal(hex, "d14a028c2a3a2bc9476102bb288234c415a2b01f828ea62ac5b3e42f");
}

static void sha256_and_hmac_vectors(void **state)
{
    (void)state;
    uint8_t digest[SHA256_BYTES], ones[20], counted[25], many[131], fifty[50];
    char hex[2 * SHA256_BYTES + 1];
    sha256_of("abc", 3, digest);
    hash_hex(digest, sizeof digest, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    sha256_of(NULL, 0, digest);
    hash_hex(digest, sizeof digest, hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    memset(ones, 0x0b, sizeof ones);
    memset(many, 0xaa, sizeof many);
    memset(fifty, 0xcd, sizeof fifty);
    for (uint8_t i = 0; i < sizeof counted; i++)
        counted[i] = i + 1;
    const struct {
        const void *key;
        size_t key_len;
        const char *text;
        size_t len;
        const char *hex;
    } vectors[] = {
        {ones, 20, "Hi There", 8, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
        {"Jefe", 4, "what do ya want for nothing?", 28,
         "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
        {counted, 25, (const char *)fifty, 50, "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
        {many, 131, "Test Using Larger Than Block-Size Key - Hash Key First", 54,
         "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
        {NULL, 0, "", 0, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"},
    };
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        hmac_sha256(vectors[i].key, vectors[i].key_len, vectors[i].text, vectors[i].len, digest);
        hash_hex(digest, sizeof digest, hex);
        assert_string_equal(hex, vectors[i].hex);
    }
}

// The first vectors of the reference implementation (vectors_sip64): key 00..0f, input 00..n-1.
static void siphash_vectors(void **state)
{
    (void)state;
    static const uint8_t expected[][8] = {
        {0x31, 0x0e, 0x0e, 0xdd, 0x47, 0xdb, 0x6f, 0x72}, {0xfd, 0x67, 0xdc, 0x93, 0xc5, 0x39, 0xf8, 0x74},
        {0x5a, 0x4f, 0xa9, 0xd9, 0x09, 0x80, 0x6c, 0x0d}, {0x2d, 0x7e, 0xfb, 0xd7, 0x96, 0x66, 0x67, 0x85},
        {0xb7, 0x87, 0x71, 0x27, 0xe0, 0x94, 0x27, 0xcf}, {0x8d, 0xa6, 0x99, 0xcd, 0x64, 0x55, 0x76, 0x18},
        {0xce, 0xe3, 0xfe, 0x58, 0x6e, 0x46, 0xc9, 0xcb}, {0x37, 0xd1, 0x01, 0x8b, 0xf5, 0x00, 0x02, 0xab},
        {0x62, 0x24, 0x93, 0x9a, 0x79, 0xf5, 0xf5, 0x93}, {0xb0, 0xe4, 0xa9, 0x0b, 0xdf, 0x82, 0x00, 0x9e},
    };
    uint8_t key[16], input[16];
    for (uint8_t i = 0; i < 16; i++)
        key[i] = input[i] = i;
    for (size_t n = 0; n < sizeof expected / sizeof *expected; n++) {
        uint64_t hash = hash_sip64(key, input, n);
        for (size_t i = 0; i < 8; i++)
            assert_int_equal((hash >> (8 * i)) & 0xff, expected[n][i]);
    }
    // The example of the paper, appendix A: 15 bytes.
    assert_true(hash_sip64(key, input, 15) == 0xa129ca6149be45e5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha1_vectors),
        cmocka_unit_test(sha1_in_pieces),
        cmocka_unit_test(sha1_beside_the_work),
        cmocka_unit_test(sha224_vectors),
        cmocka_unit_test(sha256_and_hmac_vectors),
        cmocka_unit_test(siphash_vectors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
