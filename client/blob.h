// Content-addressed blobs: from the stored object (gzip or raw, Metaflow:
// datastore/content_addressed_store.py) to checked bytes in the staging area. FACTS of framing: one
// gzip member by CAS version 1, or raw where the attributes say cas_raw; no attributes means gzip.
#ifndef CLIENT_BLOB_H
#define CLIENT_BLOB_H

#include <stdbool.h>

#include "base/cancel.h"
#include "client/store.h"
#include "s3/staging.h"

struct blob_source {
    struct store *store; // borrowed, must outlive the staged object
    struct staging *staging;
    const char *flow, *sha; // the blob is F/data/ab/abcd…; sha is 40 hex digits, else ERR_CORRUPT
    bool force_raw;         // code packages: as they are, whatever the attributes say
    bool ahead;             // nobody waits for it yet
    uint64_t expected;      // how many bytes it will have; 0: unknown (s3/staging.h)
    unsigned wait_ms;       // for room that others hold, with this token (s3/staging.h)
    struct cancel *cancel;
};

// Holds the blob's bytes; they are read, inflated and checked against the SHA-1 while readers
// already see the prefix. The object of a mismatch ends in ERR_CORRUPT and is forgotten, and so
// does one that is missing, since metadata names it. Does not wait.
errc blob_get(const struct blob_source *src, struct staged **ret, struct err *err) ERR_MUST_CHECK;

// A gzip file without sidecar at `path` of the store (the body of an included file), or a plain
// one, told apart by its first two bytes when `maybe_plain`. Shared by path where its name is a
// SHA-1, so that it cannot have changed; else read anew by each call.
errc blob_get_file(struct store *store, struct staging *staging, const char *path, bool maybe_plain,
                   struct staged **ret, struct err *err) ERR_MUST_CHECK;

// An object of the store as it is stored (a raw log, a card). `version` tells its states apart
// (size and time): readers of one version share its bytes. NULL: not shared.
errc blob_get_plain(struct store *store, struct staging *staging, const char *path,
                    const char *version, struct staged **ret, struct err *err) ERR_MUST_CHECK;

// The staging area's key of a version. Owned by the caller.
char *blob_plain_key(const struct store *store, const char *path, const char *version);

// Whether it is 40 lower-case hex digits, as every key is.
bool blob_key_is_valid(const char *sha);

// Built in: the bytes behind the keys of None, True, False, empty containers and the integers 0 to
// 65,535 at pickle protocol 4 (their SHA-1 is a table built once). NULL when sha is none of them.
const uint8_t *blob_known(const char *sha, size_t *ret_len);

#endif
