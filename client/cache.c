#include "client/cache.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "client/cache_i.h"

#define SCAN_ITEMS 256
#define SCAN_BYTES (256 * 1024)

static const MDB_val generation_key = {10, (void *)(uintptr_t)"generation"};

errc cache_open(const struct cache_conf *conf, struct cache **ret, struct err *err)
{
    struct cache *c = mem_zalloc(sizeof(*c));
    pthread_mutex_init(&c->lock, NULL);
    pthread_rwlock_init(&c->map_lock, NULL);
    c->folder_lock = -1;
    c->max_bytes = conf->max_bytes ? conf->max_bytes : UINT64_C(1) << 30;
    errc code = cache_open_env(conf, c, err);
    if (code) {
        cache_close(c);
        return code;
    }
    *ret = c;
    return ERR_OK;
}

const char *cache_where(const struct cache *c)
{
    return c->where;
}

// --- generations --------------------------------------------------------------------------------------------

static uint64_t number_at(MDB_txn *txn, MDB_dbi dbi, MDB_val key)
{
    MDB_val value;
    uint64_t n = 0;
    if (mdb_get(txn, dbi, &key, &value) == 0 && value.mv_size >= sizeof(n)) {
        memcpy(&n, value.mv_data, sizeof(n));
    }
    return n;
}

uint64_t cache_read_generation(struct cache *c, MDB_txn *txn)
{
    return number_at(txn, c->info, generation_key);
}

uint64_t cache_generation(struct cache *c)
{
    MDB_txn *txn;
    if (cache_txn_begin(c, MDB_RDONLY, &txn)) {
        return 0;
    }
    uint64_t generation = cache_read_generation(c, txn);
    cache_txn_abort(c, txn);
    return generation;
}

static uint64_t mark_of(struct cache *c, MDB_txn *txn, const char *path)
{
    uint8_t hash[KEY_UNIT];
    key_hash16(path, hash);
    return number_at(txn, c->marks, (MDB_val){sizeof(hash), hash});
}

bool cache_is_valid(struct cache *c, MDB_txn *txn, const char *unit, const char *parent, uint64_t generation)
{
    if (generation >= cache_read_generation(c, txn)) {
        return true; // nothing at all was forgotten since
    }
    auto_free char *path = mem_printf("%s%s%s", unit, *unit && *parent ? "/" : "", parent);
    for (char *end = path + strlen(path); end >= path; end--) {
        if (*end == '\0' || *end == '/') {
            *end = '\0';
            if (mark_of(c, txn, path) > generation) {
                return false;
            }
        }
    }
    return !*path || mark_of(c, txn, "") <= generation;
}

static int write_mark(struct cache *c, const char *path)
{
    MDB_txn *txn;
    uint8_t hash[KEY_UNIT];
    key_hash16(path, hash);
    int e = cache_txn_begin(c, 0, &txn);
    if (e) {
        return e;
    }
    uint64_t generation = cache_read_generation(c, txn) + 1;
    MDB_val gen_key = generation_key, key = {sizeof(hash), hash}, value = {sizeof(generation), &generation};
    e = mdb_put(txn, c->info, &gen_key, &value, 0);
    e = e ? e : mdb_put(txn, c->marks, &key, &value, 0);
    if (e) {
        cache_txn_abort(c, txn);
        return e;
    }
    return cache_txn_commit(c, txn);
}

void cache_forget(struct cache *c, const char *path)
{
    int e = write_mark(c, path);
    if (e == MDB_MAP_FULL && cache_grow_map(c) == 0) {
        e = write_mark(c, path);
    }
    if (e) {
        log_error("cache", "\"%s\" could not be forgotten: %s", path, mdb_strerror(e));
    }
}

// --- use ---------------------------------------------------------------------------------------------------

void cache_note_use(struct cache *c, const char *unit)
{
    uint8_t hash[KEY_UNIT];
    key_hash16(unit, hash);
    int64_t minute = clock_wall_ms() / 60000;
    pthread_mutex_lock(&c->lock);
    struct use *u = &c->uses[(hash[0] | hash[1] << 8) % USES];
    if (!u->unit || strcmp(u->unit, unit) != 0) {
        free(u->unit);
        u->unit = mem_strdup(unit);
    }
    u->minute = minute;
    pthread_mutex_unlock(&c->lock);
}

void cache_write_uses(struct cache *c, MDB_txn *txn)
{
    pthread_mutex_lock(&c->lock);
    for (size_t i = 0; i < USES; i++) {
        struct use *u = &c->uses[i];
        if (!u->unit) {
            continue;
        }
        uint8_t hash[KEY_UNIT];
        key_hash16(u->unit, hash);
        MDB_val key = {sizeof(hash), hash};
        if (number_at(txn, c->units, key) != (uint64_t)u->minute) {
            auto_cleanup(buf_free) struct buf value = {0};
            buf_put(&value, &u->minute, sizeof(u->minute));
            buf_puts(&value, u->unit);
            MDB_val v = {value.len, value.data};
            mdb_put(txn, c->units, &key, &v, 0);
        }
        free(u->unit);
        u->unit = NULL;
    }
    pthread_mutex_unlock(&c->lock);
}

// --- reading -------------------------------------------------------------------------------------------------

static bool is_at(const struct item *item, const struct cache_key *key)
{
    return strcmp(item->unit, key->unit) == 0 && strcmp(item->parent, key->parent) == 0 &&
           strcmp(item->name, key->name) == 0;
}

bool cache_get(struct cache *c, const struct cache_key *key, struct buf *out, int64_t *ret_asked_ms)
{
    MDB_txn *txn;
    uint8_t bytes[KEY_SIZE];
    struct item item;
    bool found = false;
    key_make(key, bytes);
    MDB_val k = {sizeof(bytes), bytes}, v;
    if (cache_txn_begin(c, MDB_RDONLY, &txn) == 0) {
        found = mdb_get(txn, c->items, &k, &v) == 0 && item_read(v.mv_data, v.mv_size, &item) &&
                is_at(&item, key) && cache_is_valid(c, txn, key->unit, key->parent, item.generation);
        if (found) {
            buf_put(out, item.data, item.len);
            *ret_asked_ms = item.asked_ms;
        }
        cache_txn_abort(c, txn);
    }
    atomic_fetch_add_explicit(found ? &c->hits : &c->misses, 1, memory_order_relaxed);
    if (found) {
        cache_note_use(c, key->unit);
    }
    return found;
}

// Some items of a scan, copied out of the transaction.
struct piece {
    struct buf bytes;           // items as stored, one behind the other
    size_t at[SCAN_ITEMS + 1];
    uint64_t order[SCAN_ITEMS];
    size_t n;
    uint8_t next[KEY_SIZE];     // the key to go on at
    bool more;
};

static void fill_piece(struct cache *c, MDB_txn *txn, MDB_cursor *cursor, const char *unit, const char *parent,
                       struct piece *p)
{
    MDB_val k = {sizeof(p->next), p->next}, v;
    uint8_t prefix[KEY_PREFIX];
    memcpy(prefix, p->next, sizeof(prefix));
    p->n = 0;
    p->bytes.len = 0;
    p->more = false;
    int e = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);
    for (; !e && k.mv_size == KEY_SIZE && memcmp(k.mv_data, prefix, sizeof(prefix)) == 0;
         e = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) {
        if (p->n == SCAN_ITEMS || p->bytes.len > SCAN_BYTES) {
            memcpy(p->next, k.mv_data, sizeof(p->next));
            p->more = true;
            return;
        }
        struct item item;
        if (item_read(v.mv_data, v.mv_size, &item) && strcmp(item.unit, unit) == 0 &&
            strcmp(item.parent, parent) == 0 && cache_is_valid(c, txn, unit, parent, item.generation)) {
            p->at[p->n] = p->bytes.len;
            p->order[p->n] = key_order(k.mv_data);
            buf_put(&p->bytes, v.mv_data, v.mv_size);
            p->at[++p->n] = p->bytes.len;
        }
    }
}

static bool read_piece(struct cache *c, const char *unit, const char *parent, struct piece *p)
{
    MDB_txn *txn;
    MDB_cursor *cursor;
    if (cache_txn_begin(c, MDB_RDONLY, &txn)) {
        return false;
    }
    bool ok = mdb_cursor_open(txn, c->items, &cursor) == 0;
    if (ok) {
        fill_piece(c, txn, cursor, unit, parent, p);
        mdb_cursor_close(cursor);
    }
    cache_txn_abort(c, txn);
    return ok && !p->bytes.over;
}

void cache_scan(struct cache *c, const char *unit, uint8_t kind, const char *parent, uint64_t from_order,
                cache_scan_fn fn, void *arg)
{
    struct piece *p = mem_zalloc(sizeof(*p));
    struct cache_key from = {unit, parent, kind, from_order, ""};
    key_make(&from, p->next);
    memset(p->next + KEY_PREFIX + 8, 0, 8); // before every name
    bool go_on = true;
    do {
        go_on = read_piece(c, unit, parent, p);
        for (size_t i = 0; go_on && i < p->n; i++) {
            struct item item;
            if (item_read(p->bytes.data + p->at[i], p->at[i + 1] - p->at[i], &item)) {
                struct cache_item out = {item.asked_ms, p->order[i], item.name, item.data, item.len};
                atomic_fetch_add_explicit(&c->hits, 1, memory_order_relaxed);
                go_on = fn(arg, &out);
            }
        }
    } while (go_on && p->more);
    buf_free(&p->bytes);
    free(p);
    cache_note_use(c, unit);
}

// --- statistics ----------------------------------------------------------------------------------------------

void cache_stats(struct cache *c, struct cache_stats *ret)
{
    MDB_txn *txn;
    MDB_stat st = {0};
    *ret = (struct cache_stats){
        .hits = atomic_load(&c->hits), .misses = atomic_load(&c->misses), .writes = atomic_load(&c->writes),
        .dropped_writes = atomic_load(&c->dropped), .evicted_units = atomic_load(&c->evicted),
        .set_aside = c->set_aside, .bytes = cache_used_bytes(c), .kept = c->folder != NULL};
    if (cache_txn_begin(c, MDB_RDONLY, &txn) == 0) {
        if (mdb_stat(txn, c->items, &st) == 0) {
            ret->items = st.ms_entries;
        }
        cache_txn_abort(c, txn);
    }
}
