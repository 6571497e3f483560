// An ordered list of names and values: environments and tags. A name is there once; setting it again replaces its
// value and keeps its place. Not thread-safe.
#ifndef BATCH_PAIRS_H
#define BATCH_PAIRS_H

#include <stddef.h>

struct pair {
    char *name, *value; // owned
};
struct pairs {
    struct pair *at; // owned
    size_t len, cap;
};

void pairs_set(struct pairs *p, const char *name, const char *value); // copies both
const char *pairs_get(const struct pairs *p, const char *name);       // NULL when absent
void pairs_copy(struct pairs *to, const struct pairs *from);          // sets each of `from` in `to`
void pairs_free(struct pairs *p);                                     // empties it; usable with auto_cleanup

#endif
