#include "client/key_table.h"

#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

#define BLOCK 16 // keys from one that is whole to the next
#define KEY_MAX (64 * 1024)
#define BYTES_MAX ((size_t)1 << 30)

// An entry: how many bytes it shares with the key before it, how many follow, these, the size, and the time as the
// difference from the entry before (of a whole key: from 0). Numbers are little-endian base 128.
struct key_table {
    struct buf bytes;
    uint32_t *blocks; // where each whole key begins
    size_t n_blocks, cap_blocks;
    size_t len;
    struct buf last; // the last key, with its NUL
    int64_t last_ms;
    bool ordered;
};

struct key_table *key_table_new(void)
{
    struct key_table *t = mem_zalloc(sizeof(*t));
    t->bytes.max = BYTES_MAX;
    t->ordered = true;
    return t;
}

void key_table_free(struct key_table *t)
{
    if (t) {
        buf_free(&t->bytes);
        buf_free(&t->last);
        free(t->blocks);
        free(t);
    }
}

static void put_number(struct buf *b, uint64_t v)
{
    while (v >= 0x80) {
        buf_putc(b, (char)(v | 0x80));
        v >>= 7;
    }
    buf_putc(b, (char)v);
}

static uint64_t get_number(const struct buf *b, size_t *at)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64 && *at < b->len; shift += 7) {
        uint8_t byte = (uint8_t)b->data[(*at)++];
        v |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            break;
        }
    }
    return v;
}

// Small numbers of either sign become small ones without.
static uint64_t fold(int64_t v)
{
    return v < 0 ? ~((uint64_t)v << 1) : (uint64_t)v << 1;
}

static int64_t unfold(uint64_t v)
{
    return (int64_t)(v & 1 ? ~(v >> 1) : v >> 1);
}

static size_t common(const char *a, const char *b)
{
    size_t n = 0;
    while (a[n] && a[n] == b[n]) {
        n++;
    }
    return n;
}

bool key_table_add(struct key_table *t, const char *key, uint64_t size, int64_t mtime_ms)
{
    size_t len = strlen(key);
    if (len > KEY_MAX || t->bytes.len + len + 64 > BYTES_MAX || t->bytes.over) {
        return false;
    }
    const char *last = key_table_last(t);
    if (t->len && strcmp(last, key) >= 0) {
        t->ordered = false;
    }
    bool whole = t->len % BLOCK == 0;
    if (whole) {
        t->blocks = mem_grow(t->blocks, &t->cap_blocks, t->n_blocks + 1, sizeof(*t->blocks));
        t->blocks[t->n_blocks++] = (uint32_t)t->bytes.len;
    }
    size_t shared = whole ? 0 : common(last, key);
    put_number(&t->bytes, shared);
    put_number(&t->bytes, len - shared);
    buf_put(&t->bytes, key + shared, len - shared);
    put_number(&t->bytes, size);
    put_number(&t->bytes, fold((int64_t)((uint64_t)mtime_ms - (uint64_t)(whole ? 0 : t->last_ms))));
    t->last.len = 0;
    buf_put(&t->last, key, len + 1);
    if (t->bytes.over || t->last.over) {
        t->bytes.over = true; // no memory: nothing is added any more
        return false;
    }
    t->last_ms = mtime_ms;
    t->len++;
    return true;
}

// Where a reader of entries stands.
struct cursor {
    const struct key_table *t;
    size_t at, index;
    struct buf key; // of the entry that was read, with its NUL
    uint64_t size;
    int64_t mtime_ms;
};

static void cursor_free(struct cursor *c)
{
    buf_free(&c->key);
}

static bool next(struct cursor *c)
{
    const struct buf *b = &c->t->bytes;
    if (c->index == c->t->len) {
        return false;
    }
    bool whole = c->index % BLOCK == 0;
    size_t shared = get_number(b, &c->at), more = get_number(b, &c->at);
    c->key.len = shared;
    buf_put(&c->key, b->data + c->at, more);
    buf_putc(&c->key, '\0');
    c->at += more;
    c->size = get_number(b, &c->at);
    c->mtime_ms = (int64_t)((uint64_t)(whole ? 0 : c->mtime_ms) + (uint64_t)unfold(get_number(b, &c->at)));
    c->index++;
    return !c->key.over;
}

static void seek(struct cursor *c, size_t block)
{
    c->at = c->t->blocks[block];
    c->index = block * BLOCK;
}

// The last block whose first key is not behind `key`, or 0.
static size_t block_of(const struct key_table *t, const char *key)
{
    auto_cleanup(cursor_free) struct cursor c = {.t = t};
    size_t low = 0, high = t->n_blocks;
    while (high - low > 1) {
        size_t mid = low + (high - low) / 2;
        seek(&c, mid);
        *(next(&c) && strcmp(c.key.data, key) <= 0 ? &low : &high) = mid;
    }
    return low;
}

bool key_table_find(const struct key_table *t, const char *key, uint64_t *ret_size, int64_t *ret_mtime_ms)
{
    auto_cleanup(cursor_free) struct cursor c = {.t = t};
    if (t->len && t->ordered) {
        seek(&c, block_of(t, key));
    }
    while (next(&c)) {
        int order = strcmp(c.key.data, key);
        if (order == 0) {
            *ret_size = c.size;
            *ret_mtime_ms = c.mtime_ms;
            return true;
        }
        if (order > 0 && t->ordered) {
            break;
        }
    }
    return false;
}

void key_table_each(const struct key_table *t, const char *prefix, key_table_fn fn, void *arg)
{
    auto_cleanup(cursor_free) struct cursor c = {.t = t};
    size_t len = strlen(prefix);
    if (t->len && t->ordered) {
        seek(&c, block_of(t, prefix));
    }
    while (next(&c)) {
        int order = strncmp(c.key.data, prefix, len);
        if ((order == 0 && !fn(arg, c.key.data, c.size, c.mtime_ms)) || (order > 0 && t->ordered)) {
            break;
        }
    }
}

bool key_table_is_ordered(const struct key_table *t)
{
    return t->ordered;
}

const char *key_table_last(const struct key_table *t)
{
    return t->last.data ? t->last.data : "";
}

size_t key_table_len(const struct key_table *t)
{
    return t->len;
}

size_t key_table_bytes(const struct key_table *t)
{
    return sizeof(*t) + t->bytes.len + t->last.cap + t->n_blocks * sizeof(*t->blocks);
}

void key_table_trim(struct key_table *t)
{
    char *data = t->bytes.data ? realloc(t->bytes.data, t->bytes.len + 1) : NULL;
    if (data) {
        t->bytes.data = data;
        t->bytes.cap = t->bytes.len + 1;
    }
    uint32_t *blocks = t->blocks ? realloc(t->blocks, t->n_blocks * sizeof(*t->blocks)) : NULL;
    if (blocks) {
        t->blocks = blocks;
        t->cap_blocks = t->n_blocks;
    }
}
