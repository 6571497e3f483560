// Buffers for READ replies, used again: the last one given back is the first one taken, so that a
// single reader stays in one buffer that is warm in the processor's cache. What idle buffers hold is
// bounded. Thread-safe.
#ifndef FS_IOBUF_H
#define FS_IOBUF_H

#include <stddef.h>

struct iobufs;

struct iobufs *iobufs_new(void);
void iobufs_free(struct iobufs *b);
// A page-aligned buffer of at least `size` bytes; NULL when there is no memory.
void *iobuf_take(struct iobufs *b, size_t size);
void iobuf_give(struct iobufs *b, void *buf, size_t size); // with the size that was taken

#endif
