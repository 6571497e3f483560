// A byte source that looks in the mounted datastore first, and for content-addressed bytes that are
// not there in the places where Metaflow recorded to have put them, if they exist here: a `.metaflow`
// may have been copied, moved, or taken apart.
#ifndef CLIENT_STORE_LOCATED_H
#define CLIENT_STORE_LOCATED_H

#include "client/store.h"

// Takes over `mounted`.
struct store *store_located_new(struct store *mounted);
// Makes a recorded location known: ":root:SYSROOT", the URL of a blob of `flow` (old records), or a
// sysroot. What is the mounted root itself, does not exist here or is no location is left out. One that
// is not of this machine's file system ("s3://…") is only remembered for the cause of a failure.
void store_located_add(struct store *s, const char *flow, const char *location);
// The sysroot within a location, owned; NULL when it has none. Pure.
char *store_located_sysroot(const char *flow, const char *location);

#endif
