// A loop whose turns mostly wait for answers, on several threads at once.
#ifndef BASE_PARALLEL_H
#define BASE_PARALLEL_H

#include <stddef.h>

// Calls fn(arg, i) for every i below n, begun in this order, on up to `threads` threads at once, the caller's among
// them; returns when all have returned. Where threads are short the caller's does what is left to do. name: of the
// threads, at most 15 bytes. fn is called from several threads; any thread may ask.
void parallel_each(size_t n, unsigned threads, const char *name, void (*fn)(void *arg, size_t i), void *arg);

#endif
