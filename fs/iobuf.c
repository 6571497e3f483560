#include "fs/iobuf.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/mem.h"

#define KEPT_SIZE (256 * 1024) // what the kernel reads ahead, and more; larger ones are not kept
#define KEPT_MAX 4

struct iobufs {
    pthread_mutex_t lock; // protects both
    void *kept[KEPT_MAX];
    unsigned n_kept;
};

struct iobufs *iobufs_new(void)
{
    struct iobufs *b = mem_zalloc(sizeof(*b));
    pthread_mutex_init(&b->lock, NULL);
    return b;
}

void iobufs_free(struct iobufs *b)
{
    if (b == NULL) {
        return;
    }
    while (b->n_kept > 0) {
        free(b->kept[--b->n_kept]);
    }
    pthread_mutex_destroy(&b->lock);
    free(b);
}

void *iobuf_take(struct iobufs *b, size_t size)
{
    void *buf = NULL;
    if (size <= KEPT_SIZE) {
        pthread_mutex_lock(&b->lock);
        if (b->n_kept > 0) {
            buf = b->kept[--b->n_kept];
        }
        pthread_mutex_unlock(&b->lock);
        size = KEPT_SIZE;
    }
    return buf != NULL ? buf : aligned_alloc(4096, (size + 4095) & ~(size_t)4095);
}

void iobuf_give(struct iobufs *b, void *buf, size_t size)
{
    if (size <= KEPT_SIZE) {
        pthread_mutex_lock(&b->lock);
        if (b->n_kept < KEPT_MAX) {
            b->kept[b->n_kept++] = buf;
            buf = NULL;
        }
        pthread_mutex_unlock(&b->lock);
    }
    free(buf);
}
