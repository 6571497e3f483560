// The journal of jobs: what was asked of Batch, written down before it is asked, so that a crash neither loses a job
// nor makes it twice. A folder of its own, never part of the cache: one file a job, "NAME.json" (0600 in 0700), a JSON
// object; written whole to a temporary name, synced, renamed, and its folder synced. Mounts share it: whoever changes a
// record holds its lock ("NAME.lock", flock, which ends with its process).
#ifndef BATCH_JOURNAL_H
#define BATCH_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cancel.h"
#include "base/err.h"

struct journal;

// `dir` is made (0700) with what is missing above it. ERR_DENIED where it belongs to somebody else or can be written by
// others; ERR_IO where it cannot be made. Thread-safe.
errc journal_open(const char *dir, struct journal **ret, struct err *err) ERR_MUST_CHECK;
void journal_free(struct journal *j); // NULL is fine

// What is known of a sent job.
enum intent_state {
    INTENT_NONE,     // nothing was sent, or every try was refused: the job does not exist
    INTENT_SENDING,  // written down before SubmitJob; until its answer came the job may or may not exist
    INTENT_ACCEPTED, // it has an id
    INTENT_ENDED,    // Batch said how it ended: `last` has it
};
struct intent {
    unsigned generation;   // from 1
    enum intent_state state;
    char *text;            // the job file, whole
    char *job_name, *queue, *tempdir;
    char *definition, *submission; // the two bodies; submission is what was or will be sent
    char *id;              // of an accepted one, or NULL
    char *last;            // what Batch told last (the job's object of DescribeJobs), compact JSON, or NULL
    char *error;           // why it was not submitted, or NULL
    int64_t saved_ms, sent_ms, changed_ms; // wall clock; 0: not yet
    int64_t mtime_ms;      // what a program set as the time of its file; 0: none did
};
struct record {
    char *name;            // in .batch/
    bool file_removed;     // NAME.json was removed: the job's directory alone is shown
    struct intent *at;     // generations, the oldest first; the last one is the present
    size_t len, cap;
};
void intent_free(struct intent *i); // empties it
void record_free(struct record *r); // empties it
struct intent *record_present(const struct record *r); // NULL when it has none

struct journal_lock;
// Waits for the lock of a name (not for the journal's): ERR_INTERRUPTED or ERR_TIMEOUT by the token.
errc journal_lock(struct journal *j, const char *name, struct cancel *cancel, struct journal_lock **ret,
                  struct err *err) ERR_MUST_CHECK;
void journal_unlock(struct journal_lock *l); // frees it; NULL is fine
// Reads a record, with or without its lock. ERR_NOT_FOUND; ERR_CORRUPT for a file that is no record: it is left as it
// is, and the cause names it.
errc journal_load(struct journal *j, const char *name, struct record *ret, struct err *err) ERR_MUST_CHECK;
// Writes a record, under its lock; it is on disk when this returns ERR_OK. At most 20 generations are kept.
errc journal_save(struct journal *j, const struct journal_lock *l, const struct record *r, struct err *err)
    ERR_MUST_CHECK;
// The names of all records.
errc journal_names(struct journal *j, bool (*fn)(void *arg, const char *name), void *arg, struct err *err)
    ERR_MUST_CHECK;
// A number that changes when any record was written, by this mount or another: from the folder's times; cheap.
uint64_t journal_stamp(struct journal *j);

#endif
