#include "base/chunks.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

void chunk_pool_init(struct chunk_pool *p, unsigned max)
{
    *p = (struct chunk_pool){.max = max};
    pthread_mutex_init(&p->lock, NULL);
}

void chunk_pool_trim(struct chunk_pool *p)
{
    pthread_mutex_lock(&p->lock);
    struct chunk *spare = p->spare;
    p->spare = NULL;
    p->n = 0;
    pthread_mutex_unlock(&p->lock);
    bool any = spare != NULL;
    while (spare) {
        struct chunk *next = spare->next;
        free(spare);
        spare = next;
    }
    if (any) {
        malloc_trim(0);
    }
}

void chunk_pool_free(struct chunk_pool *p)
{
    chunk_pool_trim(p);
    pthread_mutex_destroy(&p->lock);
}

static struct chunk *new_piece(struct chunk_pool *pool, size_t cap)
{
    struct chunk *piece = NULL;
    if (cap == CHUNK_BYTES) {
        pthread_mutex_lock(&pool->lock);
        piece = pool->spare;
        if (piece) {
            pool->spare = piece->next;
            pool->n--;
        }
        pthread_mutex_unlock(&pool->lock);
    }
    if (!piece) {
        piece = malloc(sizeof(*piece) + cap);
    }
    if (piece) {
        piece->next = NULL;
        piece->len = 0;
        piece->cap = cap;
    }
    return piece;
}

void chunk_give(struct chunk_pool *pool, struct chunk *piece)
{
    if (piece->cap == CHUNK_BYTES) {
        pthread_mutex_lock(&pool->lock);
        bool keep = pool->n < pool->max;
        if (keep) {
            piece->next = pool->spare;
            pool->spare = piece;
            pool->n++;
        }
        pthread_mutex_unlock(&pool->lock);
        if (keep) {
            return;
        }
    }
    free(piece);
}

bool chunks_put(struct chunks *c, struct chunk_pool *pool, const void *data, size_t len)
{
    const char *from = data;
    while (len > 0) {
        struct chunk *last = c->last;
        if (!last || last->len == last->cap) {
            bool small = !c->first && len <= CHUNK_FIRST_BYTES;
            last = new_piece(pool, small ? CHUNK_FIRST_BYTES : CHUNK_BYTES);
            if (!last) {
                return false;
            }
            *(c->last ? &c->last->next : &c->first) = last;
            c->last = last;
        }
        size_t room = last->cap - last->len, n = len < room ? len : room;
        memcpy(last->data + last->len, from, n);
        last->len += n;
        c->len += n;
        from += n;
        len -= n;
    }
    return true;
}

struct chunk *chunks_take(struct chunks *c)
{
    struct chunk *piece = c->first;
    if (piece) {
        c->first = piece->next;
        c->last = c->first ? c->last : NULL;
        c->len -= piece->len;
        piece->next = NULL;
    }
    return piece;
}

void chunks_free(struct chunks *c, struct chunk_pool *pool)
{
    for (struct chunk *piece; (piece = chunks_take(c));) {
        chunk_give(pool, piece);
    }
}
