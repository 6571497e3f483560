// A growable byte buffer with an upper bound. Appending never fails visibly: when the bound is
// passed or memory is short the buffer becomes `over`, keeps what it had and drops the rest, so that
// a writer checks once, at its end. Not thread-safe.
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

struct buf {
    char *data;  // owned; NUL-terminated beyond len whenever it is not NULL
    size_t len, cap;
    size_t max;  // most bytes it may hold; 0 means 64 MiB
    bool over;
};

void buf_put(struct buf *b, const void *data, size_t len);
void buf_puts(struct buf *b, const char *s);
void buf_putc(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
// Room for `len` more bytes at data + len, or NULL (and `over`); the caller then adds to len. One that
// adds less than it asked for puts the NUL behind the last byte itself.
char *buf_reserve(struct buf *b, size_t len);
// The NUL-terminated text, owned by the caller (never NULL); the buffer is empty afterwards.
char *buf_steal(struct buf *b);
void buf_free(struct buf *b); // frees the bytes and makes it empty; usable with auto_cleanup
void buf_wipe(struct buf *b); // the same, and overwrites them before

#endif
