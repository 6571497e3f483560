// A layer around a byte source that keeps small immutable objects in the LMDB cache: content-addressed bytes up to
// 64 KiB as stored (blobs F/data/ab/…, included files data/F/…), with their attributes, and data.json of attempts that
// were done, up to 1 MiB. What was read once is read again with no request, also after a remount. What the cache
// evicts or finds damaged is asked for again.
//
// Only what is right is kept: content whose SHA-1, as it is or inflated, is its name; data.json that is a JSON object
// (Metaflow writes it once, at an attempt's end). So whoever checks bytes that came from here finds no new mistakes.
//
// Where in the cache: content in 256 units for each flow, ":blobs/PLACE/FLOW/ab", so that eviction drops a part of a
// flow at a time and forgetting a run keeps them; data.json in the run's unit, evicted and forgotten with the run.
#ifndef CLIENT_STORE_KEPT_H
#define CLIENT_STORE_KEPT_H

#include "client/cache.h"
#include "client/store.h"

// Takes over `inner`; the cache is borrowed and outlives it. `place` tells the sources that share a cache apart.
struct store *store_kept_new(struct store *inner, struct cache *cache, const char *place);

struct store_kept_stats {
    uint64_t hits, misses, kept, refused; // of reads; written; not written as it is not right
};
void store_kept_stats(struct store *s, struct store_kept_stats *ret);

#endif
