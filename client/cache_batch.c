// Changes that are made together.
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/strv.h"
#include "client/cache_i.h"

#define WARN_EVERY_MS (60 * 1000)

enum change_kind { PUT, DELETE, REPLACE };

// One change, in the batch's bytes: this head, then the value to put.
struct change {
    uint8_t kind;
    uint8_t key[KEY_SIZE]; // of REPLACE its prefix
    uint32_t len;
};

struct cache_batch {
    struct cache *cache;
    uint64_t generation;
    int64_t asked_ms;
    struct buf changes;
    struct strv units; // that were written to, to note their use
};

struct cache_batch *cache_batch_new(struct cache *c, uint64_t generation, int64_t asked_ms)
{
    struct cache_batch *b = mem_zalloc(sizeof(*b));
    b->cache = c;
    b->generation = generation;
    b->asked_ms = asked_ms;
    b->changes.max = (size_t)256 << 20;
    return b;
}

void cache_batch_drop(struct cache_batch *b)
{
    buf_free(&b->changes);
    strv_free(&b->units);
    free(b);
}

size_t cache_batch_bytes(const struct cache_batch *b)
{
    return b->changes.len;
}

static void add(struct cache_batch *b, struct change *change, const struct buf *value)
{
    change->len = value ? (uint32_t)value->len : 0;
    buf_put(&b->changes, change, sizeof(*change));
    if (value) {
        buf_put(&b->changes, value->data, value->len);
    }
}

void cache_batch_put(struct cache_batch *b, const struct cache_key *key, const void *data, size_t len)
{
    struct change change;
    struct buf value = {0};
    memset(&change, 0, sizeof(change));
    change.kind = PUT;
    key_make(key, change.key);
    item_write(&value, b->generation, b->asked_ms, key, data, len);
    if (value.over) {
        b->changes.over = true;
    } else {
        add(b, &change, &value);
    }
    buf_free(&value);
    if (b->units.len == 0 || strcmp(b->units.items[b->units.len - 1], key->unit) != 0) {
        strv_add(&b->units, key->unit);
    }
}

void cache_batch_delete(struct cache_batch *b, const struct cache_key *key)
{
    struct change change;
    memset(&change, 0, sizeof(change));
    change.kind = DELETE;
    key_make(key, change.key);
    add(b, &change, NULL);
}

void cache_batch_replace(struct cache_batch *b, const char *unit, uint8_t kind, const char *parent)
{
    struct change change;
    memset(&change, 0, sizeof(change));
    change.kind = REPLACE;
    key_prefix(unit, kind, parent, change.key);
    add(b, &change, NULL);
}

// Whether what is stored was asked for after the batch.
static bool is_newer(const struct cache_batch *b, const MDB_val *stored)
{
    struct item item;
    if (!item_read(stored->mv_data, stored->mv_size, &item)) {
        return false;
    }
    return item.generation != b->generation ? item.generation > b->generation : item.asked_ms > b->asked_ms;
}

static int apply_replace(struct cache_batch *b, MDB_txn *txn, const struct change *change)
{
    MDB_cursor *cursor;
    MDB_val k = {KEY_PREFIX, (void *)(uintptr_t)change->key}, v;
    int e = mdb_cursor_open(txn, b->cache->items, &cursor);
    if (e) {
        return e;
    }
    e = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);
    while (!e && k.mv_size == KEY_SIZE && memcmp(k.mv_data, change->key, KEY_PREFIX) == 0) {
        struct item item;
        bool same = item_read(v.mv_data, v.mv_size, &item) && item.generation == b->generation &&
                    item.asked_ms == b->asked_ms;
        if (!same && !is_newer(b, &v)) {
            e = mdb_cursor_del(cursor, 0);
        }
        e = e ? e : mdb_cursor_get(cursor, &k, &v, MDB_NEXT);
    }
    mdb_cursor_close(cursor);
    return e == MDB_NOTFOUND ? 0 : e;
}

static int apply(struct cache_batch *b, MDB_txn *txn, const struct change *change, const char *bytes)
{
    if (change->kind == REPLACE) {
        return apply_replace(b, txn, change);
    }
    MDB_val k = {KEY_SIZE, (void *)(uintptr_t)change->key}, v = {change->len, (void *)(uintptr_t)bytes}, stored;
    if (change->kind == DELETE) {
        int e = mdb_del(txn, b->cache->items, &k, NULL);
        return e == MDB_NOTFOUND ? 0 : e;
    }
    if (mdb_get(txn, b->cache->items, &k, &stored) == 0 && is_newer(b, &stored)) {
        return 0;
    }
    atomic_fetch_add_explicit(&b->cache->writes, 1, memory_order_relaxed);
    return mdb_put(txn, b->cache->items, &k, &v, 0);
}

static int write_all(struct cache_batch *b)
{
    MDB_txn *txn;
    int e = cache_txn_begin(b->cache, 0, &txn);
    if (e) {
        return e;
    }
    for (size_t at = 0; !e && at < b->changes.len;) {
        struct change change;
        memcpy(&change, b->changes.data + at, sizeof(change));
        at += sizeof(change);
        e = apply(b, txn, &change, b->changes.data + at);
        at += change.len;
    }
    if (!e) {
        cache_write_uses(b->cache, txn);
        return cache_txn_commit(b->cache, txn);
    }
    cache_txn_abort(b->cache, txn);
    return e;
}

static void say_dropped(struct cache *c, int e)
{
    int64_t now = clock_mono_ms();
    pthread_mutex_lock(&c->lock);
    bool warn = c->warned_ms == 0 || now - c->warned_ms > WARN_EVERY_MS;
    c->warned_ms = warn ? now : c->warned_ms;
    pthread_mutex_unlock(&c->lock);
    if (warn) {
        log_warn("cache", "something could not be kept in %s: %s", c->where, mdb_strerror(e));
    }
}

bool cache_batch_commit(struct cache_batch *b)
{
    struct cache *c = b->cache;
    int e = b->changes.over ? MDB_MAP_FULL : 0;
    if (!e && b->changes.len > 0) {
        for (size_t i = 0; i < b->units.len; i++) {
            cache_note_use(c, b->units.items[i]);
        }
        e = write_all(b);
        if (e == MDB_MAP_FULL && cache_may_evict(c)) {
            cache_evict_to(c, c->max_bytes / 2);
            e = write_all(b);
        }
    }
    if (e) {
        atomic_fetch_add(&c->dropped, 1);
        say_dropped(c, e);
    }
    cache_batch_drop(b);
    return e == 0;
}
