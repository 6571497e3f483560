// The staging area: bytes that were made or fetched once and may be read many times.
//
// A staged object has a key, a prefix that only grows, and an end. Its bytes are in memory while
// they are few (STAGING_MEMORY_MAX) and in an unnamed file below the staging root after that
// (O_TMPFILE where the file system can, else created and unlinked), so that a crash leaves nothing
// behind. The area has a byte cap that counts what is in flight, keeps a floor of free space on the
// file system, and drops what was used least recently and is not held by anybody. What is held is
// never dropped: when nothing else is left, appending fails with ERR_NO_SPACE.
//
// Single-flight: the first to ask for a key has it produced, on a thread of the pool; all others
// wait for the same bytes. When the last holder lets go of an object that is still being produced,
// its producer is told to stop and the object is forgotten; so is one whose producer failed.
//
// Everything here is thread-safe. No lock is held while a producer runs.
#ifndef S3_STAGING_H
#define S3_STAGING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cancel.h"
#include "base/err.h"
#include "base/pool.h"
#include "base/sink.h"

#define STAGING_MEMORY_MAX (64 * 1024)

struct staging;
struct staged;

struct staging_conf {
    // METAFLOW_TEMPDIR; the root metaflow.s3.XXXXXXXX (0700) is made below it when first needed
    const char *tempdir;
    uint64_t max_bytes; // cap on file bytes; 0 means 8 GiB and soft_cap
    bool soft_cap;      // only for what nobody holds: what is being read may exceed it, down to the floor below
    uint64_t max_memory;     // cap on bytes kept in memory; 0 means 4 MiB
    // floor of free space of the file system; 0 means 256 MiB, but at most a sixteenth of what it is in all
    uint64_t min_free_bytes;
    // staged files kept open; 0 means half of the process's limit of open files
    unsigned max_files;
    // a wait ends with ERR_TIMEOUT after so long without a new byte; 0 means 10 s
    unsigned progress_ms;
    // how long the room of objects that were told to stop, or are fetched ahead, is waited for; 0 means 2 s
    unsigned leaving_ms;
    const char *cap_option; // the option that sets max_bytes, named in causes; NULL: none is named
    struct pool *pool;      // borrowed; runs the producers
};

struct staging_stats {
    uint64_t objects, file_bytes, memory_bytes, produced, hits, evicted, failed, cancelled;
};

// The tempdir is resolved to an absolute path at once (the caller may change directory afterwards);
// one that is missing or no directory is ERR_INVALID. Making the root removes the roots that killed
// processes of ours left in the same tempdir: each root holds a file `.metaflowfs.lock`, locked
// while its process lives, so that those of Metaflow's own S3 client are never touched.
errc staging_new(const struct staging_conf *conf, struct staging **ret,
                 struct err *err) ERR_MUST_CHECK;
// Whether something can be made in the tempdir now: else ERR_TEMPDIR, with what to do. One that is full is well, as
// space comes back, and so is one that staging_new refuses. Nothing stays behind.
errc staging_check(const char *tempdir, struct err *err) ERR_MUST_CHECK;
// Removes the root directory. Waits for producers to end; every holder has let go before.
void staging_free(struct staging *st);
// the root's absolute path (made on this call); NULL if it cannot be made
const char *staging_root(struct staging *st);
void staging_stats(struct staging *st, struct staging_stats *ret);

// Makes the bytes of one object. It appends to `to` through staged_append and returns; what it
// returns ends the object. It runs once, on a pool thread. `arg` was given to staging_get.
typedef errc (*staging_produce_fn)(void *arg, struct staged *to, struct err *err);

struct staging_request {
    // names the bytes; equal keys are equal bytes. NULL: never shared
    const char *key;
    staging_produce_fn produce;
    void *arg; // taken over in every case, also on failure and on a hit
    // called once, when arg is not needed any more; NULL: nothing to do
    void (*free_arg)(void *arg);
    // no progress deadline: the producer computes, or what it waits for has one
    bool patient;
    // nobody waits for it yet: its producer's token says so, until somebody asks for it who does
    bool ahead;
    // how many bytes it will have, as far as is known; 0: unknown. Room for them is promised to it
    uint64_t expected;
    // where it does not fit beside what others hold: how long these may take to let go (a file that was closed is held
    // until the kernel says so, a moment later), and the token of who waits; 0 and NULL: no time
    unsigned wait_ms;
    struct cancel *cancel;
};

// For files that others keep in the root: takes room for so many bytes, dropping what nobody holds, as if they were of
// an object that is held. ERR_NO_SPACE where there is none. Given back by staging_give_room, which only counts.
errc staging_take_room(struct staging *st, uint64_t bytes, struct err *err) ERR_MUST_CHECK;
void staging_give_room(struct staging *st, uint64_t bytes);

// Holds the object of that key, starting its producer where nobody has. Waits as wait_ms says alone. ERR_NO_SPACE where
// what is expected does not fit: beside nothing, because of the cap or of what the file system has free, or beside what
// others hold and were promised. So it is not begun, and what others read is not ended by it. So it is with an object
// that is there and that nobody holds, while others were promised its room. What nobody waits for (`ahead`) stands in
// nobody's way.
errc staging_get(struct staging *st, const struct staging_request *rq, struct staged **ret,
                 struct err *err) ERR_MUST_CHECK;
// Holds the object of that key if it is whole; NULL otherwise. Starts nothing.
struct staged *staging_find(struct staging *st, const char *key);
// Holds an object of given bytes (copied), kept apart from every key.
struct staged *staged_of_bytes(struct staging *st, const void *data, size_t len);
struct staged *staged_ref(struct staged *s);
void staged_unref(struct staged *s);
void staged_unrefp(struct staged **s); // for auto_cleanup

// For producers. Fails with ERR_NO_SPACE, or ERR_INTERRUPTED when nobody wants the object any more.
errc staged_append(struct staged *s, const void *data, size_t len, struct err *err) ERR_MUST_CHECK;
// Readers see all but the last `bytes` of what was appended until the producer returns ERR_OK: for one that knows only
// at the end whether it was right. Called before the first byte.
void staged_hold_back(struct staged *s, uint64_t bytes);
// Takes back all that was appended, for a producer that begins anew. False when a reader was told of any of it.
bool staged_begin_again(struct staged *s);
// The producer's token for its own waits: set when nobody wants the object any more.
struct cancel *staged_cancel(struct staged *s);
// Says that the work goes on though it made no new byte: starts the progress deadline anew.
void staged_touch(struct staged *s);
struct staged_sink {
    struct sink sink;
    struct staged *staged;
    struct err *err; // has the reason after put answered false
};
// buffers nothing: give it pieces of some KiB
struct staged_sink staged_sink(struct staged *s, struct err *err);

// For readers.
// Waits until `upto` bytes are there, or the end; then *ret_avail is the length of the prefix and
// *ret_ended whether it is the whole. A failed producer's error is returned once the prefix is too
// short for `upto`. UINT64_MAX waits for the end.
errc staged_wait(struct staged *s, uint64_t upto, struct cancel *cancel, uint64_t *ret_avail,
                 bool *ret_ended, struct err *err) ERR_MUST_CHECK;
// The same without waiting: false when it would have to wait.
bool staged_ready(struct staged *s, uint64_t upto);
// Length of the prefix now.
uint64_t staged_len(struct staged *s);
// Whether it is whole and its producer found it right: until then what is read of it may turn out to be wrong.
bool staged_is_right(struct staged *s);
// Whether its producer found its content to be wrong (ERR_CORRUPT, with the cause): its prefix is, too.
bool staged_is_wrong(struct staged *s, struct err *err);
// Reads from the prefix; fewer than len bytes only at its end.
errc staged_pread(struct staged *s, uint64_t off, void *to, size_t len, size_t *ret_got,
                  struct err *err) ERR_MUST_CHECK;
// The whole bytes of an ended object in memory or mapped, valid until staged_unmap. len 0 gives a
// pointer that is not NULL.
errc staged_map(struct staged *s, const uint8_t **ret_data, size_t *ret_len,
                struct err *err) ERR_MUST_CHECK;
void staged_unmap(struct staged *s, const uint8_t *data, size_t len);

#endif
