// Private to client/cache*.c.
#ifndef CLIENT_CACHE_I_H
#define CLIENT_CACHE_I_H

#include <lmdb.h>
#include <pthread.h>
#include <stdatomic.h>

#include "client/cache.h"

// Key of an item: hashes of unit, parent and name around kind and order, so that items of one unit, and of one
// (unit, kind, parent) in their order, stand together.
#define KEY_UNIT 16
#define KEY_SIZE (KEY_UNIT + 1 + 8 + 8 + 8)
#define KEY_PREFIX (KEY_UNIT + 1 + 8) // all but order and name

// Head of an item's value; unit, parent and name follow with a NUL each, then the data.
struct item_head {
    uint64_t checksum;   // of all that follows
    uint64_t generation;
    int64_t asked_ms;
    uint32_t names_len;  // of the three names with their NULs
    uint32_t data_len;
};

#define USES 1024

struct cache {
    MDB_env *env;
    MDB_dbi items, units, marks, info;
    char *folder;              // owned; NULL when nothing is kept
    char *where;               // owned
    int folder_lock;           // an open directory, or -1
    uint64_t max_bytes;
    size_t map_bytes;          // with which it was opened
    bool is_map_small;         // smaller than max_bytes asks for: the address space does not hold it
    pthread_rwlock_t map_lock; // held by each transaction; to write by who maps the file anew
    bool is_lost;              // with map_lock: the file is not mapped any more
    pthread_mutex_t lock;      // what follows
    struct use {
        char *unit;            // owned, NULL: free
        int64_t minute;
    } uses[USES];              // noted and not yet written
    int64_t warned_ms;
    uint64_t set_aside;
    atomic_ullong hits, misses, writes, dropped, evicted;
};

// --- cache_key.c ---
void key_hash16(const char *text, uint8_t out[KEY_UNIT]);
void key_make(const struct cache_key *key, uint8_t out[KEY_SIZE]);
void key_prefix(const char *unit, uint8_t kind, const char *parent, uint8_t out[KEY_PREFIX]);
uint64_t key_order(const uint8_t *key); // of a whole key

// An item as stored, taken apart. False for bytes that are damaged or of other names.
struct item {
    uint64_t generation;
    int64_t asked_ms;
    const char *unit, *parent, *name;
    const void *data;
    size_t len;
};
bool item_read(const void *bytes, size_t len, struct item *ret);
void item_write(struct buf *out, uint64_t generation, int64_t asked_ms, const struct cache_key *key,
                const void *data, size_t len);

// --- cache_open.c ---
// Opens (or makes) the environment; sets folder, where, env.
errc cache_open_env(const struct cache_conf *conf, struct cache *c, struct err *err) ERR_MUST_CHECK;

// --- cache_env.c ---
// The environment in that folder, into c: 0, or LMDB's or the system's error (ENOSPC on a full file system). Its map is
// smaller, which c->is_map_small tells, where the address space does not hold it; ENOMEM where there is not even
// CACHE_MAP_LEAST. MDB_CORRUPTED where the file ends before its last page, unless any_length.
#define CACHE_MAP_LEAST (8u << 20)
int cache_env_open(struct cache *c, const char *folder, bool any_length);

// --- cache_map.c ---
// Every transaction of an open cache begins and ends by these, never one within another of the same thread. Where
// another process made the file longer than our map it is mapped anew; when that fails every transaction fails from
// then on, with MDB_MAP_RESIZED, which is logged once.
int cache_txn_begin(struct cache *c, unsigned flags, MDB_txn **ret);
void cache_txn_abort(struct cache *c, MDB_txn *txn);
int cache_txn_commit(struct cache *c, MDB_txn *txn);
// Room for a little that has to be written when the map is full. With no transaction of this thread.
int cache_grow_map(struct cache *c);

// --- cache_check.c ---
// Whether a process of its own can read every page of it.
bool cache_survives_walk(const struct cache *c, const char *folder);

// --- cache.c ---
uint64_t cache_read_generation(struct cache *c, MDB_txn *txn);
// Whether nothing at or above the path of (unit, parent) was forgotten after that generation.
bool cache_is_valid(struct cache *c, MDB_txn *txn, const char *unit, const char *parent, uint64_t generation);
void cache_note_use(struct cache *c, const char *unit);
// Writes what was noted; with a write transaction.
void cache_write_uses(struct cache *c, MDB_txn *txn);

// --- cache_evict.c ---
uint64_t cache_used_bytes(struct cache *c);
// Whether a full map is a reason to evict. A small one of a folder that others share is not: theirs may have room.
bool cache_may_evict(const struct cache *c);
// Drops least recently used units until at most `target` bytes are used. Not "".
void cache_evict_to(struct cache *c, uint64_t target);

#endif
