// Open files and directories. All of a mount are on one list, so that its end can let go of those that
// the kernel never released.
#ifndef FS_HANDLE_H
#define FS_HANDLE_H

#include <pthread.h>
#include <stdint.h>

#include "client/content.h"
#include "fs/drafts.h"
#include "fs/engine.h"
#include "fs/listing.h"
#include "fs/live.h"

struct handles;

// One READ that waits, on the list of its file.
struct pending {
    struct request *request;  // held
    pid_t pid;                // thread that reads, 0 when it is in another PID namespace
    struct pending *prev, *next;
};

struct handle {
    struct handles *all;
    struct handle *prev, *next; // the list's lock
    atomic_uint refs;
    uint64_t nodeid;            // immutable, as all up to the lock
    bool is_dir;
    bool writable;              // .metaflowfs/refresh, a job's ctl, or a file in .batch
    struct draft *draft;        // of a file in .batch; owned
    char *job;                  // of a job's ctl: which; owned
    struct content *content;    // owned; NULL for a file that may grow, and for what is written
    uint64_t version;           // of the content
    atomic_bool gave_unproven;  // bytes of it, before it was proven
    atomic_bool was_wrong;      // and the kernel was told to drop them
    struct live *live;          // of a file that may grow
    bool follows;               // more was known to come when it was opened: who asks for its end waits for that
    pid_t opener;               // thread that opened one that follows
    pthread_mutex_t lock;       // protects all below; no call out under it
    struct pending *pending;
    struct listing *listing;    // of a directory: what is read from; NULL before the first READDIR
    bool listing_used;          // something was given from it
};

struct handles *handles_new(struct lives *lives);
// Tells every listing that is being filled to end.
void handles_stop(struct handles *h);
// Drops what is still open. No request may be running.
void handles_free(struct handles *h);

struct handle *handle_new(struct handles *h, uint64_t nodeid);
struct handle *handle_ref(struct handle *h);
void handle_unref(struct handle *h);
// The content to read from now; NULL for refresh. A reference.
struct content *handle_content(struct handle *h);

// Whether a process, or one that began it, has opened that node with `follows`; pid: one of its threads.
bool handles_follow(struct handles *all, uint64_t nodeid, pid_t pid);

void handle_add_pending(struct handle *h, struct pending *p);
// Takes it off the list, wherever it is.
void handle_remove_pending(struct handle *h, struct pending *p);
// A program closed the file: interrupts the waiting READs whose reader it was (FLUSH comes for each
// close, also for that of a copy that another program keeps reading).
void handle_reader_left(struct handle *h, pid_t pid);

// The listing to read at `off`: a new one for offset 0 when the present one was used. *ret_new tells
// the caller to have it filled. A reference.
struct listing *handle_listing(struct handle *h, bool rewind, bool *ret_new);
void handle_listing_used(struct handle *h, struct listing *l);

#endif
