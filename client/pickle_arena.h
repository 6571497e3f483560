// Memory of one pickle: small pieces from chunks, large pieces on their own so that a growing array
// can be moved by realloc. Everything is freed at once, and counted against one limit.
#ifndef CLIENT_PICKLE_ARENA_H
#define CLIENT_PICKLE_ARENA_H

#include <stdbool.h>
#include <stddef.h>

struct arena_chunk;
struct arena_block;

struct arena {
    struct arena_chunk *chunks; // owned; the first one is being filled
    struct arena_block *blocks; // owned; pieces of ARENA_BIG bytes and more
    char *at, *end;             // the free rest of the first chunk
    size_t next_chunk;          // size of the next chunk
    size_t used, max;           // bytes taken from the system, and how many may be
    bool out_of_memory;         // the system refused, as opposed to the limit
};

// All return NULL when the limit is reached or the system has no memory. Pieces are aligned to 8.
void *arena_alloc(struct arena *a, size_t size);
// A piece of new_size bytes that begins with the old_size bytes of old, which is given up. The sizes
// must be those that the piece was asked for with.
void *arena_grow(struct arena *a, void *old, size_t old_size, size_t new_size);
// Gives a piece back early (only large pieces really are).
void arena_release(struct arena *a, void *piece, size_t size);
void arena_free(struct arena *a);

#endif
