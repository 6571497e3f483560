// Making room: whole units, the least recently used first.
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "client/cache_i.h"

#define DELETE_AT_ONCE 2000 // items a transaction: other writers wait for it

struct unit {
    uint8_t hash[KEY_UNIT];
    int64_t minute;
};

static uint64_t pages_of(MDB_txn *txn, MDB_dbi dbi)
{
    MDB_stat st;
    return mdb_stat(txn, dbi, &st) ? 0 : (st.ms_branch_pages + st.ms_leaf_pages + st.ms_overflow_pages) * st.ms_psize;
}

uint64_t cache_used_bytes(struct cache *c)
{
    MDB_txn *txn;
    uint64_t bytes = 0;
    if (cache_txn_begin(c, MDB_RDONLY, &txn) == 0) {
        bytes = pages_of(txn, c->items) + pages_of(txn, c->units) + pages_of(txn, c->marks);
        cache_txn_abort(c, txn);
    }
    return bytes;
}

static int by_age(const void *a, const void *b)
{
    const struct unit *x = a, *y = b;
    return x->minute != y->minute ? (x->minute > y->minute) - (x->minute < y->minute)
                                  : memcmp(x->hash, y->hash, sizeof(x->hash));
}

static struct unit *read_units(struct cache *c, size_t *ret_n)
{
    MDB_txn *txn;
    MDB_cursor *cursor;
    MDB_val k, v;
    struct unit *units = NULL;
    size_t n = 0, cap = 0;
    if (cache_txn_begin(c, MDB_RDONLY, &txn) == 0) {
        int e = mdb_cursor_open(txn, c->units, &cursor);
        for (; !e && mdb_cursor_get(cursor, &k, &v, MDB_NEXT) == 0;) {
            if (k.mv_size == KEY_UNIT && v.mv_size >= sizeof(int64_t)) {
                units = mem_grow(units, &cap, n + 1, sizeof(*units));
                memcpy(units[n].hash, k.mv_data, KEY_UNIT);
                memcpy(&units[n++].minute, v.mv_data, sizeof(int64_t));
            }
        }
        if (!e) {
            mdb_cursor_close(cursor);
        }
        cache_txn_abort(c, txn);
    }
    *ret_n = n;
    return units;
}

// Some items of a unit; MDB_NOTFOUND when there are no more, and the unit is gone too.
static int delete_some(struct cache *c, MDB_txn *txn, const struct unit *u)
{
    MDB_cursor *cursor;
    uint8_t from[KEY_SIZE] = {0};
    memcpy(from, u->hash, KEY_UNIT);
    MDB_val k = {sizeof(from), from}, v, unit = {KEY_UNIT, (void *)(uintptr_t)u->hash};
    int e = mdb_cursor_open(txn, c->items, &cursor);
    if (e) {
        return e;
    }
    e = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);
    for (unsigned n = 0; !e && n < DELETE_AT_ONCE; n++) {
        if (memcmp(k.mv_data, u->hash, KEY_UNIT) != 0) {
            e = MDB_NOTFOUND;
            break;
        }
        e = mdb_cursor_del(cursor, 0);
        e = e ? e : mdb_cursor_get(cursor, &k, &v, MDB_NEXT);
    }
    mdb_cursor_close(cursor);
    if (e == MDB_NOTFOUND) {
        mdb_del(txn, c->units, &unit, NULL);
    }
    return e;
}

static bool drop_unit(struct cache *c, const struct unit *u)
{
    for (;;) {
        MDB_txn *txn;
        if (cache_txn_begin(c, 0, &txn)) {
            return false;
        }
        int e = delete_some(c, txn, u);
        if (e && e != MDB_NOTFOUND) {
            cache_txn_abort(c, txn);
            return false;
        }
        if (cache_txn_commit(c, txn)) {
            return false;
        }
        if (e == MDB_NOTFOUND) {
            return true;
        }
    }
}

bool cache_may_evict(const struct cache *c)
{
    return c->folder == NULL || !c->is_map_small;
}

void cache_evict_to(struct cache *c, uint64_t target)
{
    size_t n;
    uint8_t root[KEY_UNIT];
    key_hash16("", root);
    auto_free struct unit *units = read_units(c, &n);
    if (n > 0) {
        qsort(units, n, sizeof(*units), by_age);
    }
    for (size_t i = 0; i < n && cache_used_bytes(c) > target; i++) {
        if (memcmp(units[i].hash, root, KEY_UNIT) != 0 && drop_unit(c, &units[i])) {
            atomic_fetch_add(&c->evicted, 1);
        }
    }
}

void cache_tick(struct cache *c)
{
    MDB_txn *txn;
    int dead = 0;
    mdb_reader_check(c->env, &dead);
    if (dead > 0) {
        log_info("cache", "%d readers of processes that ended were cleared", dead);
    }
    if (cache_txn_begin(c, 0, &txn) == 0) {
        cache_write_uses(c, txn);
        cache_txn_commit(c, txn);
    }
    if (cache_used_bytes(c) > c->max_bytes) {
        cache_evict_to(c, c->max_bytes - c->max_bytes / 10);
    }
}
