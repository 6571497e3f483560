// Private to fs/drafts*.c.
#ifndef FS_DRAFTS_I_H
#define FS_DRAFTS_I_H

#include <pthread.h>

#include "fs/drafts.h"

// One file; all of it under the lock of the drafts.
struct file {
    struct file *next;      // in the list, while it has a name
    unsigned refs;          // the list's and each open one's
    char *name;             // NULL: it was removed, or another took its name
    char *text;
    size_t len, cap;
    int64_t mtime_ms;
    bool touched;           // mtime_ms was set, and nothing written since
    uint64_t version;       // goes up with each change that has to be decided on
    uint64_t decided;       // the version that `outcome` is about
    struct err outcome;     // code ERR_OK: it was submitted, or there was nothing to submit
    char *submitted_as;     // the job that this text, but for white space behind it, is; else NULL
    bool submitting;        // somebody waits for its submission
};

// The text that a job has, as it was last submitted here, by another mount or in an earlier mount.
struct saved {
    struct saved *next;
    char *name, *text;
    int64_t ms;
    int64_t mtime_ms;       // of its file, where it was set; as it was last heard of the jobs
    bool away;              // its file was renamed: it does not come back by itself
};

struct drafts {
    struct drafts_jobs jobs;
    pthread_mutex_t lock;   // of all that follows
    pthread_cond_t decided; // a submission ended
    struct file *files;
    struct saved *saved;
    size_t bytes;           // of all files
    int64_t synced_ms;      // when the saved ones were last taken in
};

struct draft {
    struct drafts *all;
    struct file *file;      // held
    unsigned flags;
    bool wrote;             // or truncated: its closing is told what became of it
    bool checking;          // what was written through it is looked at
    uint64_t checked;       // the version that was looked at last
};

// All with the lock held.
struct file *drafts_at(struct drafts *d, const char *name); // NULL: there is none
struct file *drafts_add(struct drafts *d, const char *name);
void drafts_drop_name(struct drafts *d, struct file *f);    // takes it off the list
void drafts_unref(struct drafts *d, struct file *f);
errc drafts_resize(struct drafts *d, struct file *f, uint64_t len, struct err *err) ERR_MUST_CHECK;
// What came of a text that was submitted as `job`: it is what `f` holds, if `same`.
void drafts_submitted(struct drafts *d, struct file *f, const char *job, const char *text, size_t len, bool same);
// Tells the jobs what time was set for the file of the job, which holds what it was submitted with, or that it was
// written since; nothing where neither is so. Without the lock.
void drafts_tell_mtime(struct drafts *d, struct file *f, const char *job);
// The text is again that which the job has, where that is known.
void drafts_revert(struct drafts *d, struct file *f, const char *job);
struct saved *drafts_saved(struct drafts *d, const char *job, bool make);

// fs/drafts_submit.c, without the lock: submits a text as the job file `job`. What is no whole job file is ERR_INVALID;
// the same where a scratch file other than `mover` (or NULL), which becomes the job file, has the name of the job's
// directory. *ret_blank: there was nothing in it.
errc drafts_decide(struct drafts *d, const char *job, const char *mover, const char *text, size_t len,
                   struct cancel *cancel, bool *ret_blank, struct err *err) ERR_MUST_CHECK;
// Checks what was just written to `f`, up to its end, and a whole text by all that can be refused before it is sent.
// *ret_other: it is a whole job file, but not that of the job of its name, which seems to live.
errc drafts_check(struct drafts *d, struct file *f, struct cancel *cancel, bool *ret_other, struct err *err)
    ERR_MUST_CHECK;
// Waits until what was written through `o` was checked. With the lock held.
errc drafts_wait_checked(struct draft *o, struct cancel *cancel, struct err *err) ERR_MUST_CHECK;

#endif
