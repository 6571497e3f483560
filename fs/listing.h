// A snapshot of a directory's entries: what one open directory reads from. One thread fills it while
// others read; an entry, once there, never changes or moves, so that a position (0, 1, ...) is a stable
// cookie. Names are packed; above LISTING_MEMORY_MAX they live in an unnamed shared-memory file and not
// in the daemon's own memory. Reference counted; thread-safe. No FUSE in here.
#ifndef FS_LISTING_H
#define FS_LISTING_H

#include <stdbool.h>
#include <stddef.h>

#include "base/cancel.h"
#include "fs/tree.h"

#define LISTING_MEMORY_MAX (1024 * 1024)

struct listing;

struct listing *listing_new(void);
struct listing *listing_ref(struct listing *l);
void listing_unref(struct listing *l);

// For the filler. The token is set by listing_stop, when nobody reads any more.
struct cancel *listing_token(struct listing *l);
// False: stop, the reason is kept. `attr` may be NULL.
bool listing_add(struct listing *l, const char *name, enum kind kind, const struct tattr *attr);
// No more entries come; `err` with a code other than ERR_OK says why there are not all.
void listing_end(struct listing *l, const struct err *err);
void listing_stop(struct listing *l);

struct listing_entry {
    enum kind kind;
    bool has_attr;
    struct tattr attr;
    char name[256];
};
// The entry at a position; false when it is not (yet) there.
bool listing_get(struct listing *l, size_t pos, struct listing_entry *ret);
// Whether what follows `pos` can be answered without waiting: `want` entries, or the end.
bool listing_ready(struct listing *l, size_t pos, size_t want);
// Waits for that; when it takes longer than grace_ms, one entry is enough. The filler's error is
// returned when there is no entry at pos because of it.
errc listing_wait(struct listing *l, size_t pos, size_t want, unsigned grace_ms, struct cancel *cancel,
                  struct err *err) ERR_MUST_CHECK;

struct listing_stats {
    size_t entries, memory_bytes, file_bytes;
};
void listing_stats(struct listing *l, struct listing_stats *ret);

#endif
