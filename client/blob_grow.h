// Objects that are written again and again, each time longer (a log while its task runs): a newer version is made from
// the older one, where that is still staged, and what came behind it. So following a log costs its new bytes, not all
// of it each time. The last bytes of the older version (up to 1 KiB) are read again and have to be the same; else the
// object is read whole.
#ifndef CLIENT_BLOB_GROW_H
#define CLIENT_BLOB_GROW_H

#include "client/store.h"
#include "s3/staging.h"

// Remembers which version of an object was staged last, for a bounded number of objects. Thread-safe.
struct grown;
struct grown *grown_new(void);
void grown_free(struct grown *g); // NULL is fine

// As blob_get_plain, but that an empty version is not read. `size` is the version's; g NULL: always whole.
errc blob_get_grown(struct grown *g, struct store *store, struct staging *staging, const char *path,
                    const char *version, uint64_t size, struct staged **ret, struct err *err) ERR_MUST_CHECK;

#endif
