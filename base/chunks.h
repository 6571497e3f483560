// Bytes as they arrive, in pieces of one size that are used again: what the HTTP engine received and its caller has
// not taken yet. Nothing is copied when they change hands, and nothing moves when more come.
// A struct chunks belongs to one thread at a time; the pool of spare pieces is thread-safe.
#ifndef BASE_CHUNKS_H
#define BASE_CHUNKS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#define CHUNK_BYTES (256 * 1024)     // of all but the first piece
#define CHUNK_FIRST_BYTES (16 * 1024) // most answers are small

struct chunk {
    struct chunk *next;
    size_t len, cap;
    char data[];
};
struct chunks {
    struct chunk *first, *last;
    size_t len; // bytes in all
};

// Spare pieces, kept for the next answer.
struct chunk_pool {
    pthread_mutex_t lock; // what follows
    struct chunk *spare;
    unsigned n, max;
};
void chunk_pool_init(struct chunk_pool *p, unsigned max);
void chunk_pool_free(struct chunk_pool *p);
// Gives all spare pieces back to the system, and with them what else the allocator kept meanwhile.
void chunk_pool_trim(struct chunk_pool *p);

// False when there is no memory: nothing was added.
bool chunks_put(struct chunks *c, struct chunk_pool *pool, const void *data, size_t len);
// Takes the first piece out, or NULL. The caller gives it back with chunk_give.
struct chunk *chunks_take(struct chunks *c);
void chunk_give(struct chunk_pool *pool, struct chunk *piece);
void chunks_free(struct chunks *c, struct chunk_pool *pool); // empties it

#endif
