// A byte source that looks in the mounted datastore first, and for what is not there in the places where Metaflow
// recorded to have put it, if they can be read from here: a `.metaflow` may have been copied, moved, or taken apart,
// and one service may know of runs whose bytes are in S3 and of others whose bytes are on this machine.
//
// Content-addressed bytes (F/data/…, data/F/…) are looked for in every known place, as equal paths are equal bytes.
// A run's own files (data.json, logs, cards) are read in the place where the run is known to have put them, and where
// that is not known in the known places of the other kind (S3 of a local datastore, and the reverse); never in another
// local directory than the mounted one, as a copy of a datastore speaks for itself.
#ifndef CLIENT_STORE_LOCATED_H
#define CLIENT_STORE_LOCATED_H

#include "client/store.h"

// Opens the datastore below a sysroot that is not of this machine's file system ("s3://…"). Called without a lock,
// once for a sysroot unless it fails; does not ask the network.
typedef errc (*store_open_fn)(void *arg, const char *sysroot, struct store **ret, struct err *err);

// Takes over `mounted`. `open` NULL: "s3://…" places are only remembered for the cause of a failure.
struct store *store_located_new(struct store *mounted, store_open_fn open, void *arg);
// Makes a recorded location known: ":root:SYSROOT", the URL of a blob of `flow` (old records), or a
// sysroot. What is the mounted root itself, does not exist here or is no location is left out.
void store_located_add(struct store *s, const char *flow, const char *location);
// The same, and that the run put its files there.
void store_located_run(struct store *s, const char *flow, const char *run, const char *location);
// The sysroot within a location, owned; NULL when it has none. Pure.
char *store_located_sysroot(const char *flow, const char *location);
// The datastore of a sysroot ("s3://BUCKET"), opened if need be; nothing is looked for in it on its own. Borrowed, as
// long as `s` lives. NULL, with the cause, where it cannot be had, also when `s` is another kind of source.
struct store *store_located_at(struct store *s, const char *sysroot, struct err *err);

#endif
