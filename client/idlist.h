// The ids of one listing, collected to be put in order: numbers descending by value, then the other
// names descending by bytes. A number costs 8 bytes and a name its length and 5. Beyond a small size
// they are kept in an unnamed memory file, so that a listing of a million leaves no trace in the
// heap. Zeroed is empty. Not thread-safe.
#ifndef CLIENT_IDLIST_H
#define CLIENT_IDLIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct id_area {
    char *data;
    size_t len, cap;
    int fd; // of the memory file, or 0 while data is in the heap
};

struct idlist {
    struct id_area numbers; // uint64_t each
    struct id_area text;    // names, each with its NUL
    struct id_area offsets; // uint32_t each, into text
};

// ERR_LIMIT when there is no room for more.
errc idlist_add(struct idlist *l, const char *id, struct err *err) ERR_MUST_CHECK;
size_t idlist_len(const struct idlist *l);
void idlist_sort(struct idlist *l);
// The id at `index`, in order after idlist_sort. Numbers are written into `room`.
const char *idlist_at(const struct idlist *l, size_t index, char room[24]);
void idlist_free(struct idlist *l);

#endif
