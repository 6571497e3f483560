// A layer around a byte source that keeps small immutable objects in the LMDB cache: content-addressed blobs up to
// 64 KiB as stored (F/data/ab/…), with their attributes, and data.json of attempts that were done. What was read once
// is read again with no request, also after a remount. What the cache evicts is asked for again.
#ifndef CLIENT_STORE_KEPT_H
#define CLIENT_STORE_KEPT_H

#include "client/cache.h"
#include "client/store.h"

// Takes over `inner`; the cache is borrowed and outlives it. `place` tells the sources that share a cache apart.
struct store *store_kept_new(struct store *inner, struct cache *cache, const char *place);

#endif
