// The files in .batch: job files and whatever editors and copy programs put beside them for a while, in memory. Knows
// nothing of FUSE. Thread-safe; no lock is held across a call out of here.
//
// A name "NAME.json" without a leading "." or "~" submits; every other file is scratch. What a file of such a name
// holds is checked with each write that reaches its end, so that a refusal is that write's error (once it is whole also
// what the configuration, the queue, `code` and `depends_on` have against it), and submitted when it is flushed: once
// for what was written, however many descriptors are closed. What was refused stays to be read and mended. A scratch
// file called NAME is in the way of the job's directory: NAME.json is refused until it is gone. A file that came to the
// name by a rename is checked and submitted by it, and stays what it was called when it is refused.
#ifndef FS_DRAFTS_H
#define FS_DRAFTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cancel.h"
#include "batch/jobs.h"

#define DRAFT_MAX ((size_t)1 << 20)        // bytes of a scratch file; a job file has JOB_TEXT_MAX
#define DRAFTS_MAX 256u                    // files that are not the text of a submitted job
#define DRAFTS_BYTES_MAX ((size_t)32 << 20) // of all files

struct drafts;
struct draft; // an open file

// What is needed of the jobs, batch/jobs.h's calls of these names; a test has its own.
struct drafts_jobs {
    void *arg;
    errc (*check)(void *arg, const char *name, const char *text, size_t len, enum jobs_text *ret, struct err *err);
    errc (*vet)(void *arg, const char *name, const char *text, size_t len, struct cancel *cancel, struct err *err);
    errc (*submit)(void *arg, const char *name, const char *text, size_t len, struct cancel *cancel, struct err *err);
    bool (*lives)(void *arg, const char *name); // from memory: other text would be refused now
    bool (*saved)(void *arg, unsigned index, struct job_saved *ret);
    bool (*touch)(void *arg, const char *name, const char *text, size_t len, int64_t mtime_ms);
    void (*unsave)(void *arg, const char *name);
    void (*resave)(void *arg, const char *name);
};
struct drafts *drafts_new(const struct drafts_jobs *jobs); // takes in what was saved
void drafts_free(struct drafts *d);                        // no draft is open any more; NULL is fine

// The job's name that a file submits as, owned by the caller; NULL: the file is scratch. Pure.
char *draft_job_name(const char *file);

struct draft_info {
    uint64_t size;
    int64_t mtime_ms; // wall clock
};
bool drafts_find(struct drafts *d, const char *file, struct draft_info *ret);
// The job that it was submitted as with the text that it holds, owned by the caller; or NULL.
char *drafts_job(struct drafts *d, const char *file);
char *draft_job(struct draft *o); // the same of an open file
// Takes in what other mounts saved.
void drafts_sync(struct drafts *d);
// The same, where that was not done within the last second; then gives every file. False ends it; `fn` does not call
// into `d` but for drafts_find.
void drafts_list(struct drafts *d, bool (*fn)(void *arg, const char *file, const struct draft_info *info), void *arg);

enum draft_flags {
    DRAFT_CREATE = 1, // where there is none
    DRAFT_EXCL = 2,   // with DRAFT_CREATE: ERR_EXISTS where there is one
    DRAFT_TRUNC = 4,
    DRAFT_WRITE = 8,
    DRAFT_APPEND = 16,
};
// ERR_NOT_FOUND, ERR_EXISTS; ERR_NO_SPACE for one file too many, ERR_INVALID for a name that no file here can have.
errc drafts_open(struct drafts *d, const char *file, unsigned flags, struct draft **ret, struct err *err)
    ERR_MUST_CHECK;
void draft_close(struct draft *o);
size_t draft_read(struct draft *o, uint64_t off, void *to, size_t len);
// ERR_INVALID for what can be no job file; the bytes are taken all the same. ERR_BUSY for text behind that of a job
// that was submitted, ERR_NO_SPACE: nothing was taken then. A whole text that replaces that of a job which seems to
// live is decided on at once, as by draft_flush; another whole text waits for what can be refused of it before anything
// is sent. ERR_INTERRUPTED then is what its closing gives, too: the same write again, as programs and shells do of
// themselves, is taken and changes nothing of that.
errc draft_write(struct draft *o, uint64_t off, const void *data, size_t len, struct cancel *cancel,
                 struct err *err) ERR_MUST_CHECK;
// Waits for a submission, up to what `cancel` and jobs_submit allow. Nothing where nothing was written through `o`.
// ERR_BUSY: the job of that name lives with other text, which is what the file holds again.
errc draft_flush(struct draft *o, struct cancel *cancel, struct err *err) ERR_MUST_CHECK;

errc drafts_truncate(struct drafts *d, const char *file, uint64_t size, struct err *err) ERR_MUST_CHECK;
errc draft_truncate(struct draft *o, uint64_t size, struct err *err) ERR_MUST_CHECK; // the same of an open file
// The time of a file, until it is written to; of a job's file also after a remount, and in other mounts.
void drafts_touch(struct drafts *d, const char *file, int64_t mtime_ms);
// `replace`: a file that is there may be replaced; else ERR_EXISTS. The file of a job that was submitted is gone for
// good when it is renamed, as when it is removed, until it comes back; ERR_NOT_PERMITTED where its new name is that of
// another job file, which would be a second job.
errc drafts_rename(struct drafts *d, const char *from, const char *to, bool replace, struct cancel *cancel,
                   struct err *err) ERR_MUST_CHECK;
errc drafts_unlink(struct drafts *d, const char *file, struct err *err) ERR_MUST_CHECK;

#endif
