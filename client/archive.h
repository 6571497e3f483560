// Reads an archive once, from its first byte to its last: each member's path, kind, size and time, and the bytes of
// those that are wanted, in their order. The only place that sees libarchive.
//
// A tar file (ustar, GNU, pax), as it is or compressed once with gzip, which is all that Metaflow makes
// (metaflow/packaging_sys/tar_backend.py). Whatever else libarchive could read is refused. Nothing is written and
// nothing is taken at its word: paths are given as they stand in the archive, for the caller to judge, and what comes
// out of a small archive is limited. Thread-safe.
//
// Paths are the archive's bytes, whatever encoding they claim. That rests on the process being in the C locale, which
// it never leaves: libarchive would bring the accents of a pax path into another form to suit a locale of UTF-8.
#ifndef CLIENT_ARCHIVE_H
#define CLIENT_ARCHIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cancel.h"
#include "base/err.h"
#include "s3/staging.h"

enum archive_kind {
    ARCHIVE_FILE,
    ARCHIVE_DIR,
    ARCHIVE_OTHER, // a link, symbolic or hard, a device, a pipe
};

struct archive_member {
    uint32_t number;    // of all members, from 0
    const char *path;   // as it stands there: "a/b.py", "../x", "/etc/passwd", ""; borrowed for the call
    enum archive_kind kind;
    bool executable;    // by its owner
    uint64_t size;      // of a file's content, else 0
    int64_t mtime_ms;   // 0 where it is none that a file can have
};

struct archive_visitor {
    // Takes a member; *ret_wanted, false before, asks for the bytes of a file. An error ends the reading.
    errc (*member)(void *arg, const struct archive_member *m, bool *ret_wanted, struct err *err);
    // Takes the next bytes of the file that was wanted: in all as many as its size.
    errc (*bytes)(void *arg, const struct archive_member *m, const void *data, size_t len, struct err *err);
    void *arg;
};

struct archive_limits {
    uint32_t members;
    uint64_t bytes; // of everything that is inflated, and of all files together
};

// Reads the staged bytes, also while they still arrive, and waits for their end: an object that is found corrupt at its
// end is corrupt here. ERR_CORRUPT where it is no such archive, or damaged or cut off; what follows the end of the tar
// file is not looked at. ERR_LIMIT above a limit. The token is looked at for each 64 KiB of the archive and each MiB of
// content.
errc archive_each(struct staged *from, const struct archive_limits *limits, const struct archive_visitor *visitor,
                  struct cancel *cancel, struct err *err) ERR_MUST_CHECK;

#endif
