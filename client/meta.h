// A source of metadata: flows, runs, steps, tasks, the records and artifacts of a task. One vtable;
// the local provider, the service with its cache (client/meta_service.h) and the fault-injecting fake
// implement it, and layers wrap an inner one. Ids and names are Metaflow's own, never encoded for a file system.
//
// Contract of every call: thread-safe; may wait; looks at `cancel` at least each 100 ms while it
// waits; a missing object is ERR_NOT_FOUND with its pathspec in the cause; malformed data is
// ERR_CORRUPT naming the file or URL; names that could not be an id (empty, ".", "..", with '/') are
// answered as missing and never reach a path or URL. Results are owned by the caller.
#ifndef CLIENT_META_H
#define CLIENT_META_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cancel.h"
#include "base/err.h"
#include "base/strv.h"
#include "client/pathspec.h"

// A flow, run, step or task as the provider has it. FACTS: sections 2 and 4.
struct meta_object {
    char *flow, *run, *step, *task; // owned; NULL below its own level
    int64_t created_ms;             // ts_epoch
    int64_t heartbeat_ms;           // last heartbeat, -1 where there is none (always, locally)
    char *user;                     // user_name, or NULL
    struct strv tags, system_tags;  // of the run, for a run, step and task; empty for a flow
};

// One metadata record of a task.
struct meta_record {
    char *field, *type, *value;     // value as text: a value that is not a JSON string is its JSON text
    int64_t created_ms;
    bool is_json;                   // the value was no string, and its text is JSON
    int attempt;                    // from the tag attempt_id:N, or -1 without it
};
struct meta_records {
    struct meta_record *items;      // in provider order
    size_t len, cap;
};

// One registered artifact.
struct meta_artifact {
    char *name, *sha, *content_type, *ds_type, *location;
    int attempt;
    int64_t created_ms;
};
struct meta_artifacts {
    struct meta_artifact *items;
    size_t len, cap;
};

// Takes one child's id, and its created_ms where the listing knows it (else -1). False ends the listing.
typedef bool (*meta_list_fn)(void *arg, const char *id, int64_t created_ms);

struct meta_stats {
    uint64_t gets, lists, records, artifacts, files_read, dirs_read;
};

// What runs are wanted, for a provider that can tell without looking at each. Members that are set must all hold.
struct meta_select {
    const char *tag;        // user or system tag, or NULL
    int64_t from_ms, to_ms; // created: from <= t < to; -1 for no bound
    enum meta_outcome { META_ANY_OUTCOME, META_COMPLETED, META_NOT_COMPLETED } outcome; // of a step named "end"
};
// What the client concluded of a run or task, which a provider that remembers makes use of.
enum meta_state {
    META_SETTLED, // nothing of it changes any more (but its tags)
    META_QUIET,   // failed or stale: it may yet be taken up again, and is looked at less often
};
// Takes one counter: a name in snake_case, what it counts, its value. For statistics.
typedef void (*meta_counter_fn)(void *arg, const char *name, const char *help, uint64_t value);

struct meta;
struct meta_ops {
    // The object at ps (flow, run, step or task). For a step or task the tags are its run's.
    errc (*get)(struct meta *m, const struct pathspec *ps, struct cancel *cancel,
                struct meta_object **ret, struct err *err);
    // Children of ps (LEVEL_ROOT lists flows): every one that the provider has, `_parameters` too;
    // newest first as far as the listing itself can tell (locally: numeric ids descending, then other
    // names), without reading the children. A parent that does not exist is ERR_NOT_FOUND; the local
    // provider checks it at the end of an empty listing only.
    errc (*list)(struct meta *m, const struct pathspec *ps, struct cancel *cancel, meta_list_fn fn,
                 void *arg, struct err *err);
    // All records of a task, all attempts.
    errc (*records)(struct meta *m, const struct pathspec *task, struct cancel *cancel,
                    struct meta_records *ret, struct err *err);
    // The artifacts of one attempt of a task; attempt -1 is the latest done one, as the provider
    // decides it (locally: the value in the lexicographically last sysmeta_attempt-done_* file; none:
    // no artifacts). *ret_attempt is the attempt that was taken, -1 for none.
    errc (*artifacts)(struct meta *m, const struct pathspec *task, int attempt, struct cancel *cancel,
                      int *ret_attempt, struct meta_artifacts *ret, struct err *err);
    // One artifact, by the same rule; cheaper than the list.
    errc (*artifact)(struct meta *m, const struct pathspec *task, int attempt, const char *name,
                     struct cancel *cancel, struct meta_artifacts *ret_one, struct err *err);
    // Adds and removes user tags of a run, as Metaflow does (local: optimistic rewrite of _self.json,
    // up to 5 tries; limits of 50 user tags and 500 characters each; a system tag is ERR_NOT_PERMITTED;
    // a tag that is there already, or is not, is no error). Either list may be empty.
    errc (*mutate_tags)(struct meta *m, const struct pathspec *run, const struct strv *add,
                        const struct strv *remove, struct cancel *cancel, struct err *err);
    void (*free)(struct meta *m);

    // Optional (NULL where the provider has no better way than the calls above).
    // created_ms of the run with the highest id, for one reading of names and of that run; -1 where
    // ids do not tell. Optional: NULL where it would cost more.
    errc (*newest_ms)(struct meta *m, const char *flow, struct cancel *cancel, int64_t *ret_ms,
                      struct err *err);
    // Runs of a flow by created_ms, newest first, which is given to fn; ties in the order of `list`.
    errc (*newest)(struct meta *m, const char *flow, struct cancel *cancel, meta_list_fn fn, void *arg,
                   struct err *err);
    // Records of a task that have this field name, all attempts; cheaper than all records.
    errc (*field)(struct meta *m, const struct pathspec *task, const char *field, struct cancel *cancel,
                  struct meta_records *ret, struct err *err);
    // What it was asked and what it read so far.
    void (*stats)(struct meta *m, struct meta_stats *ret);
    // As get, for one who needs no tags: they may be older than all else.
    errc (*stat)(struct meta *m, const struct pathspec *ps, struct cancel *cancel, struct meta_object **ret,
                 struct err *err);
    // The runs of a flow that match, newest first. ERR_NO_FORM when this source cannot tell: the caller then
    // looks at each run itself. fn was not called then.
    errc (*select)(struct meta *m, const char *flow, const struct meta_select *sel, struct cancel *cancel,
                   meta_list_fn fn, void *arg, struct err *err);
    // The client found the run or task at ps to be in this state since then (wall clock). Never waits on a network.
    void (*conclude)(struct meta *m, const struct pathspec *ps, enum meta_state state, int64_t since_ms);
    // What is remembered of ps, and with `below` of all that is below it, is not to be answered any more.
    void (*forget)(struct meta *m, const struct pathspec *ps, bool below);
    // Every counter of the source and of what is below it.
    void (*counters)(struct meta *m, meta_counter_fn fn, void *arg);
    // Lines for people on how the source is ("service  up"; "service  down since ..., cached answers may be old: ...").
    void (*describe)(struct meta *m, struct buf *out);
};
struct meta {
    const struct meta_ops *ops; // first member of every implementation
    const char *type;           // "local" or "service", as Metaflow calls it
};

void meta_object_free(struct meta_object *o);
void meta_object_freep(struct meta_object **o);
void meta_records_free(struct meta_records *r);     // empties it
void meta_artifacts_free(struct meta_artifacts *a); // empties it

// The local provider over `root`, a `.metaflow` directory (Metaflow: plugins/metadata_providers/local.py).
// It reads files on every call and keeps nothing. Metaflow's temporary files are never seen.
// Links inside the datastore that lead out of it are refused (ERR_DENIED).
errc meta_local_new(const char *root, struct meta **ret, struct err *err) ERR_MUST_CHECK;
// Looks through a client/fault.h wrapper; zeros for another provider.
void meta_local_stats(struct meta *m, struct meta_stats *ret);

#endif
