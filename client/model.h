// Metaflow's client as C: what flow, run, step, task and artifact objects answer, with Metaflow's own
// rules (metaflow/client/core.py). Works without FUSE. FACTS of the rules: docs/SEMANTICS.md.
//
// A struct client is thread-safe and keeps recent answers in bounded memory for the TTL (for ever, in
// the same bounds, once Metaflow can no longer change them), one request in flight for a thing.
// Objects are immutable snapshots, reference counted.
#ifndef CLIENT_MODEL_H
#define CLIENT_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cancel.h"
#include "client/artifact.h"
#include "client/config.h"
#include "client/fault.h"
#include "client/logs.h"
#include "client/meta.h"
#include "client/store.h"

struct client;

struct client_conf {
    struct meta *meta;        // taken over
    struct store *store;      // taken over: the flow datastore below the mounted root
    // Opens the datastores of other kinds that records name (client/store_located.h); NULL: they are not read
    errc (*store_open)(void *arg, const char *sysroot, struct store **ret, struct err *err);
    void *store_open_arg;     // borrowed
    struct staging *staging;  // borrowed
    const char *ns;           // namespace, NULL or "" for global; copied
    int64_t ttl_ms;           // of what is live
    int64_t stale_after_ms;   // a heartbeat older than this is stale; 0 means 360 s
    int64_t settle_after_ms;  // a task that ended well this long ago is settled; 0 means 900 s
    int64_t settled_ttl_ms;   // of what is settled; 0 means for ever
    size_t recent_bytes;      // most memory for recent answers; 0 means 6 MiB
};
struct client *client_new(const struct client_conf *conf);
void client_free(struct client *c);
// Drops what is remembered at and below ps (all of it for the root), and of its ancestors what was
// concluded from it.
void client_forget(struct client *c, const struct pathspec *ps);

enum status { STATUS_UNKNOWN, STATUS_DONE, STATUS_FAILED, STATUS_RUNNING, STATUS_STALE };
const char *status_name(enum status s); // "done", ...

// --- objects -------------------------------------------------------------------------------------

// The object at ps; ERR_NOT_FOUND also for a run outside of the namespace.
errc client_object(struct client *c, const struct pathspec *ps, struct cancel *cancel,
                   struct meta_object **ret, struct err *err) ERR_MUST_CHECK; // owned by the caller
// The children that the client lists: without `_parameters` and other steps that begin with `_`, and
// in the namespace. Newest first as far as the provider's listing knows (client/meta.h).
errc client_list(struct client *c, const struct pathspec *ps, struct cancel *cancel, meta_list_fn fn,
                 void *arg, struct err *err) ERR_MUST_CHECK;

struct task {
    struct meta_object *object;     // its tags may be older than the TTL: client_object has the live ones
    struct meta_records records;    // every attempt, provider order; of a resumed task the client's
                                    // loan from its origin follows (fields of its own it has none)
    int current_attempt;            // latest started: newest `attempt` record, else 0
    int artifact_attempt;           // whose artifacts are shown: latest done, -1 for none
    enum status status;
    bool finished, successful;      // values of _task_ok and _success
    int64_t finished_ms;            // created_ms of the _task_ok record, or -1
    int64_t mtime_ms;               // DESIGN.md section 2, Names, modes, times
    bool settled;                   // nothing about it can change any more
    bool is_clone;                  // origin-task-id present: a resumed task
    char *origin;                   // origin_pathspec, or NULL
    char *foreach_path;             // own foreach-execution-path ("work:3"), or NULL
};
errc client_task(struct client *c, const struct pathspec *ps, struct cancel *cancel,
                 const struct task **ret, struct err *err) ERR_MUST_CHECK;
void task_unref(const struct task *t);
void task_unrefp(const struct task **t);
// Newest value of a metadata field, of one attempt or of any (-1); NULL when absent. Borrowed.
const char *task_metadata(const struct task *t, const char *field, int attempt);

struct artifacts {
    struct artifact *items;         // ordered by name
    size_t len;
    int attempt;                    // -1: no attempt is done, and the list is empty
};
// Of the default attempt (-1) or of a given one; hidden ones (leading `_`) too. A given attempt that
// was started but not done is readable from its data.json where there is one, else empty.
errc client_artifacts(struct client *c, const struct pathspec *task, int attempt, struct cancel *cancel,
                      const struct artifacts **ret, struct err *err) ERR_MUST_CHECK;
void artifacts_unref(const struct artifacts *a);
void artifacts_unrefp(const struct artifacts **a);
const struct artifact *artifacts_find(const struct artifacts *a, const char *name);
// Whether the client lists it: no leading underscore.
bool artifact_is_visible(const struct artifact *a);
// Where this task's blobs are: the mounted root, else a recorded location that exists (those that
// client_artifacts has seen). The store belongs to the client and lives as long.
struct artifact_env client_artifact_env(struct client *c, const struct pathspec *task);

// Text of _exception, the client's str(task.exception): the stack trace, or class and message where
// none was kept; NULL when there is none. Owned by the caller.
errc client_exception(struct client *c, const struct pathspec *task, int attempt, struct cancel *cancel,
                      char **ret, struct err *err) ERR_MUST_CHECK;
// Index in a foreach, "2" or "2.0" when nested (outermost first); NULL outside of one. Owned.
errc client_foreach_index(struct client *c, const struct pathspec *task, struct cancel *cancel,
                          char **ret, struct err *err) ERR_MUST_CHECK;
// The attempts that were started or are known from metadata, ascending.
errc client_attempts(struct client *c, const struct pathspec *task, struct cancel *cancel,
                     int ret_attempts[6], size_t *ret_n, struct err *err) ERR_MUST_CHECK;

// What a page of many tasks needs of each: of one that was done well at its first attempt for the price of its
// `_task_ok` record (as client_failed_tasks looks), of any other for that of client_task.
struct task_brief {
    enum status status;
    int64_t created_ms, heartbeat_ms; // the latter -1 where there is none, or nobody needs it
    struct attempt_brief {
        int number;
        enum status status;           // of all but the latest: done or failed
        int64_t start_ms;             // when it was recorded to start; of the first when the task was created
        int64_t end_ms;               // when its end was recorded, or -1
    } attempts[6];                    // that were started, ascending; the latest six
    size_t len;                       // at least 1
};
// known_created_ms: what client_list told of the task, or -1.
errc client_task_brief(struct client *c, const struct pathspec *ps, int64_t known_created_ms, struct cancel *cancel,
                       struct task_brief *ret, struct err *err) ERR_MUST_CHECK;

struct run {
    struct meta_object *object;     // as struct task has it
    enum status status;
    bool finished, successful;
    int64_t finished_ms;            // or -1
    int64_t mtime_ms;
    char *end_step, *end_task;      // ids, NULL while there is no end task
    char *origin;                   // origin_pathspec as the end task tells it, or NULL
    bool settled;                   // its end task is settled
};
errc client_run(struct client *c, const struct pathspec *ps, struct cancel *cancel,
                const struct run **ret, struct err *err) ERR_MUST_CHECK;
void run_unref(const struct run *r);
void run_unrefp(const struct run **r);

// mtime of any object without more requests than its own (DESIGN.md section 2). That of a step or flow
// takes in what is known of its children when it is first asked for; after that only what is newer
// than the answer changes it, so that reading a finished tree changes no time in it.
errc client_mtime(struct client *c, const struct pathspec *ps, struct cancel *cancel, int64_t *ret_ms,
                  struct err *err) ERR_MUST_CHECK;

// --- views ---------------------------------------------------------------------------------------

// Id of the client's latest_run or latest_successful_run; ERR_NOT_FOUND when there is none. Owned.
errc client_latest(struct client *c, const char *flow, bool successful, struct cancel *cancel,
                   char **ret_run, struct err *err) ERR_MUST_CHECK;

enum run_filter { RUNS_WITH_TAG, RUNS_ON_DAY, RUNS_FAILED, RUNS_RUNNING };
// Runs of a flow by tag (user or system), UTC day ("2026-11-22"), failed-or-stale, running-or-unknown.
errc client_runs(struct client *c, const char *flow, enum run_filter filter, const char *arg_text,
                 struct cancel *cancel, meta_list_fn fn, void *arg, struct err *err) ERR_MUST_CHECK;
// Whether one run is in that view.
errc client_run_matches(struct client *c, const char *flow, const char *run, enum run_filter filter,
                        const char *arg_text, struct cancel *cancel, bool *ret, struct err *err) ERR_MUST_CHECK;
// Every tag of a flow's runs; every day on which one was created. Sorted.
errc client_flow_tags(struct client *c, const char *flow, struct cancel *cancel, struct strv *ret,
                      struct err *err) ERR_MUST_CHECK;
errc client_flow_days(struct client *c, const char *flow, struct cancel *cancel, struct strv *ret,
                      struct err *err) ERR_MUST_CHECK;

// Adds or removes one user tag of a run. ERR_NOT_PERMITTED for a system tag, ERR_EXISTS when adding a
// tag that is there, ERR_NOT_FOUND when removing one that is not.
errc client_tag_add(struct client *c, const struct pathspec *run, const char *tag, struct cancel *cancel,
                    struct err *err) ERR_MUST_CHECK;
errc client_tag_remove(struct client *c, const struct pathspec *run, const char *tag,
                       struct cancel *cancel, struct err *err) ERR_MUST_CHECK;

typedef bool (*task_ref_fn)(void *arg, const char *step, const char *task);
// The failed tasks of a run (failed or stale), steps in the client's order.
errc client_failed_tasks(struct client *c, const struct pathspec *run, struct cancel *cancel,
                         task_ref_fn fn, void *arg, struct err *err) ERR_MUST_CHECK;
// The client's parent_tasks / child_tasks.
errc client_relatives(struct client *c, const struct pathspec *task, bool parents, struct cancel *cancel,
                      task_ref_fn fn, void *arg, struct err *err) ERR_MUST_CHECK;
// Tasks of a step by foreach index (only those that have one): fn(index text, task id).
errc client_step_index(struct client *c, const struct pathspec *step, struct cancel *cancel,
                       task_ref_fn fn, void *arg, struct err *err) ERR_MUST_CHECK;
// Names of a run's parameters, the client's: `_graph_info["parameters"]`, or the visible artifacts of
// the _parameters task less `name` where that is missing. They are artifacts of the task *ret_task (its
// id, owned by the caller) of the step `_parameters`.
errc client_parameters(struct client *c, const struct pathspec *run, struct cancel *cancel,
                       struct strv *ret_names, char **ret_task, struct err *err) ERR_MUST_CHECK;

// The flow's graph as the run recorded it (`_graph_info` of its `_parameters` task). Texts as recorded, unchecked.
struct graph_step {
    char *name;
    char *type;                     // "linear", "split", "split-foreach", "split-parallel", "split-switch", "join",
                                    // "start", "end"; "" when not recorded
    struct strv next;
    char *foreach_artifact;         // what a foreach goes over, or NULL
    char *condition;                // the artifact by which a switch chooses, or NULL
    struct strv cases, case_steps;  // of a switch: each case and the step that it leads to
};
struct graph {
    struct graph_step *steps;       // as recorded
    size_t len;
};
// ERR_NOT_FOUND when the run recorded none.
errc client_graph(struct client *c, const struct pathspec *run, struct cancel *cancel, const struct graph **ret,
                  struct err *err) ERR_MUST_CHECK;
void graph_unref(const struct graph *g);
void graph_unrefp(const struct graph **g);
const struct graph_step *graph_find(const struct graph *g, const char *step);

// Fills in what client/logs.h needs; attempt -1 is the latest started. The strings borrow from `task`
// and from *ret_task, which the caller unrefs last.
errc client_log_source(struct client *c, const struct pathspec *task, int attempt, struct cancel *cancel,
                       struct log_source *ret, const struct task **ret_task, struct err *err) ERR_MUST_CHECK;

struct card {
    char *file, *type, *id; // id NULL when it has none
    uint64_t size;
    int64_t mtime_ms;
    int64_t recorded_ms;    // when its metadata was written, -1 where there is none
};
struct cards {
    struct card *items;
    size_t len;
    bool settled;           // none will be written any more
};
// Card files of a task (of one attempt, or all with -1), by file name; of a resumed task those of its (first) origin,
// all of them. Names of another form than TYPE-UUID.html and TYPE-ID-UUID.html, which the client refuses, are left out.
errc client_cards(struct client *c, const struct pathspec *task, int attempt, struct cancel *cancel,
                  struct cards *ret, struct err *err) ERR_MUST_CHECK;
void cards_free(struct cards *cards);
errc client_card_open(struct client *c, const struct pathspec *task, const char *file,
                      struct cancel *cancel, struct content **ret, struct err *err) ERR_MUST_CHECK;

// --- .meta ---------------------------------------------------------------------------------------

// The JSON of the object at ps (root: flows known as configuration, counts none); `attempt` for a
// task of one attempt, else -1. DESIGN.md section 2 has the keys.
errc client_meta_json(struct client *c, const struct pathspec *ps, int attempt, struct cancel *cancel,
                      struct buf *out, struct err *err) ERR_MUST_CHECK;
// The same of less, for the price of what is in it. Without metadata_dict and artifacts: the keys alone (every value
// is null; of an object's metadata, no artifact is read), or the one member `key` (none where .meta has no such key).
errc client_meta_keys(struct client *c, const struct pathspec *ps, int attempt, struct cancel *cancel,
                      struct buf *out, struct err *err) ERR_MUST_CHECK;
errc client_meta_value(struct client *c, const struct pathspec *ps, int attempt, const char *key,
                       struct cancel *cancel, struct buf *out, struct err *err) ERR_MUST_CHECK;

struct client_stats { struct meta_stats meta; uint64_t hits, misses, objects, evicted; };
void client_stats(struct client *c, struct client_stats *ret);
// The counters of the metadata source and what is below it (none for the local one), and how it is, for people.
void client_counters(struct client *c, meta_counter_fn fn, void *arg);
void client_describe(struct client *c, struct buf *out);

#endif
