// Keys and items as bytes.
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "client/cache_i.h"

// Two keys, so that a name has 16 bytes of hash; they are part of the format.
static const uint8_t sip_a[16] = "metaflowfs-key-a", sip_b[16] = "metaflowfs-key-b", sip_sum[16] = "metaflowfs-check";

static void put_hash(const uint8_t key[16], const char *text, uint8_t *out)
{
    uint64_t h = hash_sip64(key, text, strlen(text));
    memcpy(out, &h, sizeof(h));
}

static void put_big_endian(uint64_t v, uint8_t *out)
{
    for (int i = 7; i >= 0; i--) {
        out[i] = (uint8_t)v;
        v >>= 8;
    }
}

void key_hash16(const char *text, uint8_t out[KEY_UNIT])
{
    put_hash(sip_a, text, out);
    put_hash(sip_b, text, out + 8);
}

void key_prefix(const char *unit, uint8_t kind, const char *parent, uint8_t out[KEY_PREFIX])
{
    key_hash16(unit, out);
    out[KEY_UNIT] = kind;
    put_hash(sip_a, parent, out + KEY_UNIT + 1);
}

void key_make(const struct cache_key *key, uint8_t out[KEY_SIZE])
{
    key_prefix(key->unit, key->kind, key->parent, out);
    put_big_endian(key->order, out + KEY_PREFIX);
    put_hash(sip_a, key->name, out + KEY_PREFIX + 8);
    if (key->by_order) {
        memcpy(out + KEY_PREFIX + 8, out + KEY_UNIT + 1, 8);
        memset(out + KEY_UNIT + 1, 0, 8);
    }
}

uint64_t key_order(const uint8_t *key)
{
    uint64_t v = 0;
    for (int i = 0; i < 8; i++) {
        v = v << 8 | key[KEY_PREFIX + i];
    }
    return v;
}

void item_write(struct buf *out, uint64_t generation, int64_t asked_ms, const struct cache_key *key,
                const void *data, size_t len)
{
    size_t start = out->len;
    struct item_head head;
    memset(&head, 0, sizeof(head));
    head.generation = generation;
    head.asked_ms = asked_ms;
    head.names_len = (uint32_t)(strlen(key->unit) + strlen(key->parent) + strlen(key->name) + 3);
    head.data_len = (uint32_t)len;
    buf_put(out, &head, sizeof(head));
    buf_put(out, key->unit, strlen(key->unit) + 1);
    buf_put(out, key->parent, strlen(key->parent) + 1);
    buf_put(out, key->name, strlen(key->name) + 1);
    buf_put(out, data, len);
    if (!out->over) {
        head.checksum = hash_sip64(sip_sum, out->data + start + 8, out->len - start - 8);
        memcpy(out->data + start, &head.checksum, sizeof(head.checksum));
    }
}

// The next of three texts; NULL when there is none.
static const char *next_name(const char **at, const char *end)
{
    const char *name = *at;
    const char *nul = name < end ? memchr(name, '\0', (size_t)(end - name)) : NULL;
    *at = nul ? nul + 1 : end;
    return nul ? name : NULL;
}

bool item_read(const void *bytes, size_t len, struct item *ret)
{
    struct item_head head;
    if (len < sizeof(head)) {
        return false;
    }
    memcpy(&head, bytes, sizeof(head));
    const char *at = (const char *)bytes + sizeof(head), *end = at + head.names_len;
    if (head.names_len > len - sizeof(head) || head.data_len != len - sizeof(head) - head.names_len ||
        hash_sip64(sip_sum, (const char *)bytes + 8, len - 8) != head.checksum) {
        return false;
    }
    *ret = (struct item){.generation = head.generation, .asked_ms = head.asked_ms, .data = end, .len = head.data_len};
    ret->unit = next_name(&at, end);
    ret->parent = next_name(&at, end);
    ret->name = next_name(&at, end);
    return ret->name != NULL && at == end;
}
