// Scope cleanup and memory that cannot fail for small sizes.
//
// mem_* calls are for sizes that we choose (structs, names, bounded lists); when the system has no
// memory for those they end the process, as nothing sensible is left to do. Sizes that come from
// outside go through a struct buf with a maximum or a checked malloc, and fail with an error.
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>
#include <stdlib.h>

void *mem_zalloc(size_t size);                 // zeroed; free() it
void *mem_realloc(void *p, size_t size);
void *mem_grow(void *p, size_t *cap, size_t need, size_t item_size); // room for `need` items, doubling
char *mem_strdup(const char *s);               // NULL stays NULL
char *mem_strndup(const char *s, size_t n);
char *mem_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

// Of a text that is nobody's business: overwrites and frees it, and makes it NULL; usable with auto_cleanup.
void mem_wipe(char **s);

static inline void mem_freep(void *pp)
{
    free(*(void **)pp);
}

// `auto_free char *s = ...;` frees s when its scope ends.
#define auto_free __attribute__((cleanup(mem_freep)))
// A typed cleanup: `auto_cleanup(buf_free) struct buf b = ...;`
#define auto_cleanup(fn) __attribute__((cleanup(fn)))

// Takes the value out of a pointer variable, which becomes NULL: `*ret = steal_ptr(&x);`
#define steal_ptr(pp) ({ __typeof__(*(pp)) stolen_ = *(pp); *(pp) = NULL; stolen_; })

#endif
