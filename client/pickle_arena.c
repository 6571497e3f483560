#include "client/pickle_arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
    ARENA_BIG = 8 * 1024,
    ARENA_CHUNK_MIN = 16 * 1024, // more than ARENA_BIG, so that any small piece fits in a new chunk
    ARENA_CHUNK_MAX = 1024 * 1024,
};

struct arena_chunk {
    struct arena_chunk *next;
};

struct arena_block {
    struct arena_block *prev, *next;
};

static bool take(struct arena *a, size_t size)
{
    return size <= a->max && a->used <= a->max - size;
}

static void link_block(struct arena *a, struct arena_block *b)
{
    b->prev = NULL;
    b->next = a->blocks;
    if (b->next)
        b->next->prev = b;
    a->blocks = b;
}

static void unlink_block(struct arena *a, struct arena_block *b)
{
    if (b->prev)
        b->prev->next = b->next;
    else
        a->blocks = b->next;
    if (b->next)
        b->next->prev = b->prev;
}

// A large piece, moved from `old` (of old_size bytes) when that is not NULL.
static void *block_resize(struct arena *a, struct arena_block *old, size_t old_size, size_t size)
{
    size_t more = size - old_size + (old ? 0 : sizeof *old);
    if (size > SIZE_MAX / 4 || !take(a, more))
        return NULL;
    if (old)
        unlink_block(a, old);
    struct arena_block *b = realloc(old, sizeof *b + size);
    if (!b) {
        a->out_of_memory = true;
        if (old)
            link_block(a, old);
        return NULL;
    }
    a->used += more;
    link_block(a, b);
    return b + 1;
}

static bool add_chunk(struct arena *a)
{
    size_t size = a->next_chunk ? a->next_chunk : ARENA_CHUNK_MIN;
    // Near the limit a whole chunk would waste what is left of it.
    if (!take(a, size))
        size = ARENA_BIG + sizeof(struct arena_chunk);
    if (!take(a, size))
        return false;
    struct arena_chunk *c = malloc(size);
    if (!c) {
        a->out_of_memory = true;
        return false;
    }
    c->next = a->chunks;
    a->chunks = c;
    a->at = (char *)(c + 1);
    a->end = (char *)c + size;
    a->used += size;
    a->next_chunk = size < ARENA_CHUNK_MAX ? size * 2 : ARENA_CHUNK_MAX;
    return true;
}

void *arena_alloc(struct arena *a, size_t size)
{
    if (size >= ARENA_BIG)
        return block_resize(a, NULL, 0, size);
    size = size ? (size + 7) & ~(size_t)7 : 8;
    while ((size_t)(a->end - a->at) < size) {
        if (!add_chunk(a))
            return NULL;
    }
    void *piece = a->at;
    a->at += size;
    return piece;
}

void *arena_grow(struct arena *a, void *old, size_t old_size, size_t new_size)
{
    if (old && old_size >= ARENA_BIG)
        return block_resize(a, (struct arena_block *)old - 1, old_size, new_size);
    void *piece = arena_alloc(a, new_size);
    if (piece && old && old_size)
        memcpy(piece, old, old_size);
    return piece;
}

void arena_release(struct arena *a, void *piece, size_t size)
{
    if (!piece || size < ARENA_BIG)
        return;
    struct arena_block *b = (struct arena_block *)piece - 1;
    unlink_block(a, b);
    a->used -= size + sizeof *b;
    free(b);
}

void arena_free(struct arena *a)
{
    for (struct arena_chunk *c = a->chunks, *next; c; c = next) {
        next = c->next;
        free(c);
    }
    for (struct arena_block *b = a->blocks, *next; b; b = next) {
        next = b->next;
        free(b);
    }
    memset(a, 0, sizeof *a);
}
