// The cache of a mount whose metadata is local and whose bytes are in S3, with the thread that looks after it. (A
// service's cache belongs to client/meta_service.h, which looks after it itself.)
#ifndef FS_STACK_KEEPER_H
#define FS_STACK_KEEPER_H

#include "client/cache.h"

struct keeper;
// Takes over the cache. NULL, and the cache closed, where no thread can be had.
struct keeper *keeper_new(struct cache *cache);
void keeper_free(struct keeper *k); // closes the cache, which nobody uses any more; NULL is fine

#endif
