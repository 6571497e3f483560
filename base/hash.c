#include "base/hash.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct sha1 {
    EVP_MD_CTX *ctx; // NULL when the library refuses SHA-1
};

void hash_hex(const uint8_t *digest, size_t len, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[digest[i] >> 4];
        out[2 * i + 1] = digits[digest[i] & 15];
    }
    out[2 * len] = '\0';
}

// Without a digest the text is empty, which no content address equals.
static void hex_of(const unsigned char *digest, unsigned len, char out[41])
{
    out[0] = '\0';
    if (len == 20)
        hash_hex(digest, len, out);
}

struct sha1 *sha1_new(void)
{
    struct sha1 *s = mem_zalloc(sizeof *s);
    s->ctx = EVP_MD_CTX_new();
    if (s->ctx && EVP_DigestInit_ex(s->ctx, EVP_sha1(), NULL) != 1) {
        EVP_MD_CTX_free(s->ctx);
        s->ctx = NULL;
    }
    return s;
}

void sha1_add(struct sha1 *s, const void *data, size_t len)
{
    if (s->ctx && EVP_DigestUpdate(s->ctx, data, len) != 1) {
        EVP_MD_CTX_free(s->ctx);
        s->ctx = NULL;
    }
}

void sha1_hex(struct sha1 *s, char out[41])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    if (!s->ctx || EVP_DigestFinal_ex(s->ctx, digest, &len) != 1)
        len = 0;
    hex_of(digest, len, out);
}

void sha1_free(struct sha1 *s)
{
    if (!s)
        return;
    EVP_MD_CTX_free(s->ctx);
    free(s);
}

void sha1_hex_of(const void *data, size_t len, char out[41])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned digest_len = 0;
    if (EVP_Digest(data, len, digest, &digest_len, EVP_sha1(), NULL) != 1)
        digest_len = 0;
    hex_of(digest, digest_len, out);
}

// Looking an algorithm up costs more than a digest of a header, so it is done once for the process.
static pthread_once_t fetch_once = PTHREAD_ONCE_INIT;
static EVP_MD *sha256_md;   // NULL when there is none
static EVP_MAC *hmac_mac;

static void fetch_algorithms(void)
{
    sha256_md = EVP_MD_fetch(NULL, "SHA256", NULL);
    hmac_mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
}

void sha256_of(const void *data, size_t len, uint8_t out[SHA256_BYTES])
{
    unsigned got = 0;
    pthread_once(&fetch_once, fetch_algorithms);
    if (!sha256_md || EVP_Digest(data, len, out, &got, sha256_md, NULL) != 1 || got != SHA256_BYTES)
        memset(out, 0, SHA256_BYTES);
}

void sha224_of(const void *data, size_t len, uint8_t out[SHA224_BYTES])
{
    unsigned got = 0;
    if (EVP_Digest(data, len, out, &got, EVP_sha224(), NULL) != 1 || got != SHA224_BYTES)
        memset(out, 0, SHA224_BYTES);
}

static bool hmac_into(EVP_MAC_CTX *ctx, const void *key, size_t key_len, const void *data, size_t len, uint8_t *out)
{
    static char digest[] = "SHA256";
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                                 OSSL_PARAM_construct_end()};
    size_t got = 0;
    // An empty key needs an address all the same: without one the library looks for an earlier key.
    return EVP_MAC_init(ctx, key_len ? key : "", key_len, params) == 1 && EVP_MAC_update(ctx, data, len) == 1 &&
           EVP_MAC_final(ctx, out, &got, SHA256_BYTES) == 1 && got == SHA256_BYTES;
}

void hmac_sha256(const void *key, size_t key_len, const void *data, size_t len, uint8_t out[SHA256_BYTES])
{
    pthread_once(&fetch_once, fetch_algorithms);
    EVP_MAC_CTX *ctx = hmac_mac ? EVP_MAC_CTX_new(hmac_mac) : NULL;
    if (!ctx || !hmac_into(ctx, key, key_len, data, len, out))
        memset(out, 0, SHA256_BYTES);
    EVP_MAC_CTX_free(ctx);
}

static uint64_t load64(const uint8_t *p)
{
    uint64_t v = 0;
    for (int i = 7; i >= 0; i--)
        v = v << 8 | p[i];
    return v;
}

static uint64_t rotl(uint64_t x, int bits)
{
    return x << bits | x >> (64 - bits);
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotl(v[1], 13) ^ v[0];
    v[0] = rotl(v[0], 32);
    v[2] += v[3];
    v[3] = rotl(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotl(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotl(v[1], 17) ^ v[2];
    v[2] = rotl(v[2], 32);
}

static void sip_word(uint64_t v[4], uint64_t word)
{
    v[3] ^= word;
    sip_round(v);
    sip_round(v);
    v[0] ^= word;
}

uint64_t hash_sip64(const uint8_t key[16], const void *data, size_t len)
{
    uint64_t k0 = load64(key), k1 = load64(key + 8);
    uint64_t v[4] = {k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261,
                     k1 ^ 0x7465646279746573};
    const uint8_t *p = data;
    size_t left = len;
    for (; left >= 8; left -= 8, p += 8)
        sip_word(v, load64(p));
    uint8_t tail[8] = {0};
    if (left)
        memcpy(tail, p, left);
    tail[7] = (uint8_t)len;
    sip_word(v, load64(tail));
    v[2] ^= 0xff;
    for (int i = 0; i < 4; i++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}
