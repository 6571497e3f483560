// A source of bytes: the files of a flow datastore below one sysroot (Metaflow: datastore/). One
// vtable; local now, S3 later, and the fault-injecting fake around either.
//
// Paths are relative to the sysroot: "F/R/S/T/0.data.json", "F/data/ab/ab12…". They are made of
// Metaflow ids; a part that is empty, "." or ".." makes the path ERR_NOT_FOUND. Thread-safe. Calls
// may wait and look at `cancel` as client/meta.h says.
#ifndef CLIENT_STORE_H
#define CLIENT_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cancel.h"
#include "base/err.h"

struct store_info {
    uint64_t size;
    int64_t mtime_ms;
    // For blobs: the user attributes that Metaflow stores beside them (sidecar `_meta` file locally,
    // the header x-amz-meta-metaflow-user-attributes on S3), JSON text or NULL. Owned by the caller.
    char *attributes;
};

// Takes the next bytes of an object, in order; an error ends the read and is returned by it.
typedef errc (*store_bytes_fn)(void *arg, const void *data, size_t len, struct err *err);
// Takes one entry of a listing; false ends it. size is -1 where it is not known.
typedef bool (*store_list_fn)(void *arg, const char *name, bool is_dir, int64_t size, int64_t mtime_ms);

// What `info` is asked for, as flags.
enum store_want {
    STORE_ATTRIBUTES = 1, // the attributes too; else they are NULL
    // Nothing at this path can change any more, and that for longer than a listing is kept as live (its TTL): a
    // source may answer from what it saw at any time after that moment, also that there is nothing.
    STORE_SETTLED = 2,
};

struct store;
struct store_ops {
    // Size, time and attributes of one object. ERR_NOT_FOUND when missing. `flags` are of enum store_want.
    errc (*info)(struct store *s, const char *path, unsigned flags, struct cancel *cancel, struct store_info *ret,
                 struct err *err);
    // Streams the object from offset to its end in pieces of at most 1 MiB. ret_info, when not NULL,
    // is filled before the first piece (attributes too) and stays so when the read fails afterwards:
    // the caller zeroes it before and frees the attributes after, whatever the result.
    errc (*read)(struct store *s, const char *path, uint64_t offset, struct cancel *cancel,
                 struct store_info *ret_info, store_bytes_fn fn, void *arg, struct err *err);
    // Entries directly below a directory; a missing directory is an empty listing.
    errc (*list)(struct store *s, const char *dir, struct cancel *cancel, store_list_fn fn, void *arg,
                 struct err *err);
    void (*free)(struct store *s);
};
struct store {
    const struct store_ops *ops; // first member of every implementation
    const char *type, *sysroot;  // "local" or "s3"; the root as Metaflow writes it into a location
};

// A small object whole (data.json, logs of known size); ERR_LIMIT above max bytes.
errc store_read_all(struct store *s, const char *path, size_t max, struct cancel *cancel,
                    struct buf *buf, struct err *err) ERR_MUST_CHECK;
// The same, and when it was written.
errc store_read_all_dated(struct store *s, const char *path, size_t max, struct cancel *cancel, struct buf *buf,
                          int64_t *ret_mtime_ms, struct err *err) ERR_MUST_CHECK;

// Over `sysroot`, a directory. Links that lead out of it are refused (ERR_DENIED), missing files are
// ERR_NOT_FOUND, anything but a regular file is ERR_INVALID.
errc store_local_new(const char *sysroot, struct store **ret, struct err *err) ERR_MUST_CHECK;

#endif
