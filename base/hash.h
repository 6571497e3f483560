// SHA-1 (content addresses), SHA-224 (names of job definitions), SHA-256 and its HMAC (signatures), and a keyed
// 64-bit hash (inode numbers, hash tables). Thread-safe, but for one digest used by two.
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

struct sha1; // an incremental digest

struct sha1 *sha1_new(void);
void sha1_add(struct sha1 *s, const void *data, size_t len);
void sha1_hex(struct sha1 *s, char out[41]); // ends the digest; call sha1_free after
void sha1_free(struct sha1 *s);
void sha1_hex_of(const void *data, size_t len, char out[41]);

#define SHA256_BYTES 32
// All zeros when the library refuses the algorithm, which no other side accepts.
void sha256_of(const void *data, size_t len, uint8_t out[SHA256_BYTES]);
#define SHA224_BYTES 28
void sha224_of(const void *data, size_t len, uint8_t out[SHA224_BYTES]); // zeros as above
void hmac_sha256(const void *key, size_t key_len, const void *data, size_t len, uint8_t out[SHA256_BYTES]);
// Lower-case hex: 2 * len bytes and a NUL.
void hash_hex(const uint8_t *digest, size_t len, char *out);

// SipHash-2-4 with a 128-bit key.
uint64_t hash_sip64(const uint8_t key[16], const void *data, size_t len);

#endif
