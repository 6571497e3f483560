// Requests that cannot be answered at once.
//
// libfuse's threads never wait (with all of them waiting nobody would read /dev/fuse: no look-up would
// be answered and no interrupt seen). What they cannot answer from memory becomes a struct request and
// goes to a pool of threads. Whoever has the answer first claims the right to reply, which exists
// once: the worker, the caller's interrupt (EINTR, at once, from libfuse's thread), the deadline
// (ETIMEDOUT, from the engine's own thread), or the end of the mount. The others find it claimed and
// leave the fuse_req_t alone, since a reply frees it. A worker that comes too late drops its result.
//
// A save (`is_save`) is no request like others: given up because of any signal that its caller handles,
// it would be a job that does not run, and a shell's own echo says nothing of it. Only a signal that ends
// the caller interrupts it (fs/caller.h). After another one the engine's thread looks for such a signal
// each tick, as the kernel tells once. Of a save that was interrupted `failed` is told by its worker,
// which knows what became of it.
//
// The cancel token is set when the caller is gone and carries the deadline, so that the work ends
// soon after; the reply does not wait for that.
//
// How this fits libfuse 3.14: an interrupt function runs under the request's own lock, and
// fuse_req_interrupt_func(req, NULL, NULL) takes that lock. So after a claim by somebody else it
// returns only when no interrupt function runs or can start: then the reply may free the request. A
// function that is called from the registration itself must not reply (libfuse still holds the lock in
// the same thread); it only leaves a mark.
#ifndef FS_ENGINE_H
#define FS_ENGINE_H

#include "base/cancel.h"
#include "base/pool.h"
#include "fs/stats.h"

struct engine;
struct fuse_req; // libfuse's request, fuse_req_t

struct engine_conf {
    unsigned max_waiting;     // requests that wait at once; above it EAGAIN
    int64_t deadline_ms;      // of a request
    struct stats *stats;      // borrowed
    // Told of every failed reply, also of those that were expected. Called with no lock held.
    void (*failed)(void *arg, enum stat_op op, uint64_t nodeid, const char *name, const struct err *err);
    void *arg;
};

// How much later than the token the engine replies: the worker knows the cause better.
#define REQUEST_SLACK_MS 300

struct request {
    struct fuse_req *req;     // to be used only after request_claim gave true
    struct engine *engine;
    struct cancel cancel;
    enum stat_op op;
    uint64_t nodeid;
    char *name;               // owned, or NULL
    bool is_save;             // with `caller` set by who made it
    int caller;               // the thread that waits, as /proc names it; 0: not known
    void (*run)(struct request *r);
    void (*ended)(struct request *r); // or NULL: called once, after run or in its place
    void *arg;                // owned, through free_arg
    void (*free_arg)(void *arg);

    // Private to fs/engine.c.
    atomic_uint refs;
    atomic_bool claimed;
    _Atomic int64_t reply_by_ms; // the engine's thread replies after this
    struct request *prev, *next; // in the engine's list; its lock
    bool listed, interrupted_early;
    atomic_bool watched;      // a signal came that did not end the caller
};

struct engine *engine_new(const struct engine_conf *conf);
// Answers what still waits with EINTR, and tells the work to end.
void engine_abort(struct engine *e);
// Waits up to `ms` for the workers; false when some are still stuck, and then nothing was freed.
bool engine_free(struct engine *e, int64_t ms);
struct pool *engine_pool(struct engine *e);
int64_t engine_deadline_ms(const struct engine *e);

// A request for `run`, which the pool calls. `name` is copied and may be NULL. The caller holds the
// first reference.
struct request *request_new(struct engine *e, struct fuse_req *req, enum stat_op op, uint64_t nodeid,
                            const char *name, void (*run)(struct request *r));
// Hands it over, in two steps: from engine_arm on it can be interrupted, and r->req must not be touched
// any more; engine_run has it worked on. Neither takes the caller's reference.
void engine_arm(struct request *r);
void engine_run(struct request *r);
struct request *request_ref(struct request *r);
void request_unref(struct request *r);

// The right to reply. True once: the caller must then reply with r->req, soon and without waiting.
bool request_claim(struct request *r);
// Claims, records the failure and replies with its errno. Nothing when it was claimed before, but as request_note.
void request_fail(struct request *r, const struct err *err);
// After somebody else's claim: records what became of a save that was interrupted.
void request_note(const struct request *r, const struct err *err);
// The caller went away (FLUSH): cancels, and replies EINTR.
void request_interrupt(struct request *r);
// Moves the deadline: progress was made.
void request_extend(struct request *r, int64_t deadline_ms);

#endif
