// What a metadata service told, kept on disk in LMDB: an ordered map that several mounts, processes and PID
// namespaces share, that survives kill -9 at any moment, evicts by use, and forgets by path. It knows
// nothing of Metaflow but that paths nest; client/meta_service.c decides what is kept and how long it holds.
//
// Opening: below conf.dir (0700, ours, no link followed; made with its parents), in a folder named by a hash of
// the identity and the schema, and outside the initial PID namespace of boot id and namespace too. A damaged,
// truncated or foreign file is set aside ("<folder>.bad", the newest one kept) and a new one made. A directory
// on a network file system, not ours, not writable or without space: a private one in /var/tmp, then in tempdir; last,
// and with conf.dir NULL (--no-cache), a file that is unlinked as soon as it is open, so that the code above is
// the same and nothing stays. So opening fails only where not even that can be had. Where the address space is limited
// (ulimit -v) or cannot hold max_bytes, less is kept; of a folder that others share nothing is evicted for that, only
// what is new is not kept. What others make larger is mapped anew. Open it after forking, once a process.
// No call ever holds a read transaction while it waits or calls back. A write that cannot be made (full disk,
// full map after evicting) is dropped and counted: a cache is never an error of the reader. Thread-safe.
#ifndef CLIENT_CACHE_H
#define CLIENT_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define CACHE_SCHEMA 1

struct cache;
struct cache_conf {
    const char *dir;      // $XDG_CACHE_HOME/metaflowfs or --cache-dir; NULL: nothing is kept
    const char *tempdir;  // METAFLOW_TEMPDIR, absolute
    const char *identity; // what is cached: service URL and datastore root
    uint64_t max_bytes;   // of what is kept, above which units are evicted; 0 means 1 GiB
};
errc cache_open(const struct cache_conf *conf, struct cache **ret, struct err *err) ERR_MUST_CHECK;
void cache_close(struct cache *c); // NULL is fine

// Where an item is. Items of one unit are evicted together, the least recently used unit first; a unit is the
// text of a pathspec of a flow or run, or "" (flows, what the service can). Within (unit, kind, parent) items are
// ordered by `order`, ascending, then by a hash of `name`.
// The item's path for cache_forget is unit and parent, joined by '/'.
struct cache_key {
    const char *unit, *parent; // borrowed; never NULL
    uint8_t kind;
    uint64_t order;            // 0 where there is no order
    const char *name;          // borrowed; never NULL, "" where (unit, kind, parent, order) says it all
    bool by_order;             // the unit's items of this kind are ordered by `order` alone, whatever their
                               // parent: what arrives in order is written side by side. They cannot be scanned
};
struct cache_item {
    int64_t asked_ms;          // wall clock at which its request began, as given to the batch
    uint64_t order;
    const char *name;          // borrowed until the call that gave it ends
    const void *data;
    size_t len;
};

// Taken before a request is made: what was forgotten after it is not brought back by its answer.
uint64_t cache_generation(struct cache *c);
// Everything at and below `path` ("" for all) is as if it were not there, for every process at once.
void cache_forget(struct cache *c, const char *path);

// One item: its bytes appended to `out`. False when there is none, it was forgotten or is damaged.
bool cache_get(struct cache *c, const struct cache_key *key, struct buf *out, int64_t *ret_asked_ms);
// Items of (unit, kind, parent) with order >= from_order, in order, until fn returns false. What is written
// meanwhile may or may not be seen; no item is seen twice. fn is called outside of any transaction.
typedef bool (*cache_scan_fn)(void *arg, const struct cache_item *item);
void cache_scan(struct cache *c, const char *unit, uint8_t kind, const char *parent, uint64_t from_order,
                cache_scan_fn fn, void *arg);

// Changes that are made together, in one transaction at commit. An item is not replaced when what is
// there was asked for after this batch's generation was taken... by generation, then by asked_ms.
struct cache_batch;
struct cache_batch *cache_batch_new(struct cache *c, uint64_t generation, int64_t asked_ms);
void cache_batch_put(struct cache_batch *b, const struct cache_key *key, const void *data, size_t len); // copies
void cache_batch_delete(struct cache_batch *b, const struct cache_key *key);
// Also drops every item of (unit, kind, parent) that is older than this batch (a whole list was read anew).
void cache_batch_replace(struct cache_batch *b, const char *unit, uint8_t kind, const char *parent);
size_t cache_batch_bytes(const struct cache_batch *b); // of what it holds, to commit in time (about 1 MiB)
// Writes it, and frees it. What could not be written is counted and logged once.
bool cache_batch_commit(struct cache_batch *b);
void cache_batch_drop(struct cache_batch *b); // frees it unwritten

// Housekeeping, called about once a minute by whoever owns the cache: reader check, eviction.
void cache_tick(struct cache *c);

struct cache_stats {
    uint64_t hits, misses, writes, dropped_writes, evicted_units, set_aside;
    uint64_t bytes, items;      // now
    bool kept;                  // it will be there at the next mount
};
void cache_stats(struct cache *c, struct cache_stats *ret);
const char *cache_where(const struct cache *c); // the folder, or why nothing is kept; for people

#endif
