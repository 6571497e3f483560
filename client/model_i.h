// Private to client/model*.c: the client's parts and what they share.
#ifndef CLIENT_MODEL_I_H
#define CLIENT_MODEL_I_H

#include <stdatomic.h>

#include "client/recent.h"
#include "client/model.h"
#include "client/pickle.h"

// What is kept of recent answers (client/recent.h). The load of a kind asks only for kinds above it in this list.
enum model_kind {
    MODEL_HINT,      // newest mtime known below a step or flow (never loaded, only put)
    MODEL_UNDONE,    // that the source says of a run that it did not complete (only put)
    MODEL_OBJECT,    // a meta_object, but for its tags
    MODEL_ROW,       // the same with its tags, where the source tells them apart
    MODEL_VISIBLE,   // whether a flow is in the namespace
    MODEL_QUICK,     // what the _task_ok record of a task says
    MODEL_PATH,      // a task's own foreach-execution-path
    MODEL_GRAPH,     // a _graph_info, by its sha
    MODEL_ARTIFACTS, // a struct artifacts
    MODEL_TASK,      // a struct task
    MODEL_CARDS,     // the cards of a task, or of one attempt
    MODEL_INDEX,     // a task's foreach index
    MODEL_SUCCESS,   // whether a run was successful
    MODEL_RUN,       // a struct run
    MODEL_USUAL_END, // whether the end step of a flow's newest run is called "end"
    MODEL_LATEST,    // id of a flow's latest run; by attempt: 0 of all, 1 of the successful
    MODEL_CODE,      // which code package a run has
    MODEL_CODE_FILES, // what is in a code package, by its sha
};

struct client {
    struct meta *meta;           // owned
    struct store *store;         // owned: client/store_located.h around the mounted one
    struct staging *staging;     // borrowed
    struct grown *grown;         // owned: logs that were read while they grow
    char *ns;                    // owned, NULL for global
    int64_t ttl_ms, stale_after_ms, settle_after_ms, settled_ttl_ms;
    struct recent *recent;           // owned
    atomic_ulong gets, lists, records, artifacts;
};

// --- model.c: requests to the provider, counted ---------------------------------------------------

errc model_meta_get(struct client *c, const struct pathspec *ps, struct cancel *cancel,
                    struct meta_object **ret, struct err *err) ERR_MUST_CHECK;
errc model_meta_list(struct client *c, const struct pathspec *ps, struct cancel *cancel,
                     meta_list_fn fn, void *arg, struct err *err) ERR_MUST_CHECK;
errc model_meta_records(struct client *c, const struct pathspec *task, struct cancel *cancel,
                        struct meta_records *ret, struct err *err) ERR_MUST_CHECK;
errc model_meta_artifacts(struct client *c, const struct pathspec *task, int attempt,
                          struct cancel *cancel, int *ret_attempt, struct meta_artifacts *ret,
                          struct err *err) ERR_MUST_CHECK;
// As model_meta_get, but tags may be older than all else.
errc model_meta_stat(struct client *c, const struct pathspec *ps, struct cancel *cancel,
                     struct meta_object **ret, struct err *err) ERR_MUST_CHECK;
// ERR_NO_FORM, before anything is given, when this source cannot tell.
errc model_meta_select(struct client *c, const char *flow, const struct meta_select *sel, struct cancel *cancel,
                       meta_list_fn fn, void *arg, struct err *err) ERR_MUST_CHECK;
void model_conclude(struct client *c, const struct pathspec *ps, enum meta_state state, int64_t since_ms);
// Forgets what is known of ps itself at its source, and all that was made of it here.
void model_forget_row(struct client *c, const struct pathspec *ps);
// ERR_NOT_FOUND when there is none.
errc model_meta_artifact(struct client *c, const struct pathspec *task, int attempt, const char *name,
                         struct cancel *cancel, struct meta_artifact *ret, struct err *err) ERR_MUST_CHECK;
// Records of one field of a task (or more than these), own ones only.
errc model_meta_field(struct client *c, const struct pathspec *task, const char *field,
                      struct cancel *cancel, struct meta_records *ret, struct err *err) ERR_MUST_CHECK;
void meta_artifact_clear(struct meta_artifact *a);

// recent_get by pathspec.
errc model_recent_get(struct client *c, int kind, const struct pathspec *ps, int attempt,
                    recent_load_fn load, void *arg, struct cancel *cancel, struct snap **ret,
                    struct err *err) ERR_MUST_CHECK;
struct snap *model_recent_peek(struct client *c, int kind, const struct pathspec *ps, int attempt);
void model_recent_put(struct client *c, int kind, const struct pathspec *ps, struct snap *value, int64_t ttl_ms);
// How long something holds that Metaflow can no longer change, or still can.
int64_t model_ttl(const struct client *c, bool settled);
// The smaller of a time to live and what is left of a part's.
int64_t model_ttl_of_part(int64_t ttl_ms, const struct snap *part);
// Whether something that happened then is old enough that nothing follows it.
bool model_is_settled(const struct client *c, int64_t at_ms);
// Whether the failure of one object ends a listing: only the asker's own end does. All others are
// logged, and the object is left out.
bool model_is_fatal(errc code);
bool model_skip(errc code, const struct pathspec *ps, const struct err *err); // false: fatal
size_t str_bytes(const char *s); // heap bytes of a string, roughly

// --- model_object.c ----------------------------------------------------------------------------------

struct object_snap {
    struct snap snap;
    struct meta_object *object; // owned
};
errc model_object(struct client *c, const struct pathspec *ps, struct cancel *cancel,
                  const struct object_snap **ret, struct err *err) ERR_MUST_CHECK;
// The same for who looks at tags.
errc model_row(struct client *c, const struct pathspec *ps, struct cancel *cancel,
               const struct object_snap **ret, struct err *err) ERR_MUST_CHECK;
void object_snap_unrefp(const struct object_snap **o);
struct meta_object *meta_object_copy(const struct meta_object *o);
size_t meta_object_bytes(const struct meta_object *o);
// ERR_NOT_FOUND when the run (or flow) of ps is not in the namespace.
errc model_check_ns(struct client *c, const struct pathspec *ps, struct cancel *cancel,
                    struct err *err) ERR_MUST_CHECK;
bool model_in_ns(const struct client *c, const struct meta_object *run);

// client_list, and nothing besides.
errc model_list(struct client *c, const struct pathspec *ps, struct cancel *cancel, meta_list_fn fn, void *arg,
                struct err *err) ERR_MUST_CHECK;

// Children of ps as the client lists them, newest first.
struct child {
    char *id;
    int64_t created_ms;
};
struct children {
    struct child *items;
    size_t len, cap;
};
errc model_children(struct client *c, const struct pathspec *ps, struct cancel *cancel,
                    struct children *ret, struct err *err) ERR_MUST_CHECK;
void children_free(struct children *ch);
// The first task of a step in the client's order, owned; ERR_NOT_FOUND for an empty step.
errc model_first_task(struct client *c, const struct pathspec *step, struct cancel *cancel,
                      char **ret_task, struct err *err) ERR_MUST_CHECK;

// --- model_records.c: pure --------------------------------------------------------------------------

// Which records belong to an attempt (Metaflow: MetadataProvider._reconstruct_metadata_for_attempt).
struct record_window {
    bool all, by_tag;
    int attempt;
    int64_t from_ms, to_ms;
};
struct record_window record_window(const struct meta_record *records, size_t n, int attempt);
bool record_window_has(const struct record_window *w, const struct meta_record *r);
// Newest record of a field, of one attempt or any (-1); the later of equals. NULL when absent.
const struct meta_record *records_newest(const struct meta_record *records, size_t n, const char *field,
                                         int attempt);
// The newest record of each field, of one attempt or any (-1), ordered by field; the array is owned by
// the caller, its items are borrowed.
const struct meta_record **records_latest(const struct meta_record *records, size_t n, int attempt,
                                          size_t *ret_len);
// Appends to `to` the newest record of each field of `origin` that `to` does not have.
void records_borrow(struct meta_records *to, const struct meta_records *origin);
void records_add(struct meta_records *to, const struct meta_record *r);
size_t records_bytes(const struct meta_records *r);
// Digits only, 0 to max; -1 for anything else.
int parse_small_int(const char *text, int max);
// "None" and NULL are no value.
const char *record_text(const struct meta_record *r);

// --- model_status.c: pure ---------------------------------------------------------------------------

struct status_facts {
    int started;          // latest started attempt
    int done;             // latest done attempt, or -1
    int task_ok;          // value of _task_ok of `done`: 1, 0, or -1 where there is none
    int attempt_ok;       // metadata attempt_ok of `started`: 1, 0, or -1
    int runtime_ok;       // success in the scheduler's `started`.runtime: 1, 0, or -1
    int64_t heartbeat_ms; // or -1
};
// Whether `runtime_ok` matters: metadata alone does not tell.
bool status_needs_runtime(const struct status_facts *f);
enum status status_of(const struct status_facts *f, int64_t now_ms, int64_t stale_after_ms);

// --- model_task.c, model_quick.c --------------------------------------------------------------------

struct task_snap {
    struct snap snap;
    size_t own_records; // the first so many records are the task's own
    struct task task;
};
const struct task_snap *task_snap_of(const struct task *t);
// The records that a clone borrows from its origin; NULL for none.
const struct meta_record *task_loan(const struct task *t, size_t *ret_len);
// client_task without the check of the namespace (origins, relatives).
errc model_task(struct client *c, const struct pathspec *ps, struct cancel *cancel,
                const struct task **ret, struct err *err) ERR_MUST_CHECK;
enum status model_attempt_status(struct client *c, const struct pathspec *ps, const struct task *t,
                                 int attempt, int done, int task_ok, struct cancel *cancel);
// Makes known to c->store where the task's logs, cards and states were put.
void model_know_root(struct client *c, const struct pathspec *ps, const struct task *t);
// pathspec of a task's origin; strings borrow from `origin_text`, a copy that is cut up.
bool model_origin(char *origin_text, struct pathspec *ret);

const struct snap *run_snap_of(const struct run *r);
// Where a source remembers what is settled: finds out whether this run is, unless its heart beats. So who
// looks into a finished run pays for it once. What fails is found out another time.
void model_learn_state(struct client *c, const struct pathspec *run, struct cancel *cancel);
// Run.successful, for less than the whole of client_run; *ttl_ms becomes no longer than the answer holds.
errc model_run_success(struct client *c, const struct pathspec *run, struct cancel *cancel, bool *ret,
                       int64_t *ttl_ms, struct err *err) ERR_MUST_CHECK;
// The name of a run's end step, as its `_parameters` task has it; "end" in runs that are older than that. Owned.
errc model_end_step(struct client *c, const struct pathspec *run, struct cancel *cancel, char **ret,
                    struct err *err) ERR_MUST_CHECK;

// Id of the first run in the client's order, owned; NULL when there is none.
errc model_newest_run(struct client *c, const char *flow, struct cancel *cancel, char **ret,
                      struct err *err) ERR_MUST_CHECK;

// --- model_outcome.c: the outcome of runs as the source itself tells it ---------------------------------

// Takes a run that was not completed; `known` tells that its client was one that says so when a run completes.
typedef bool (*outcome_fn)(void *arg, const char *id, int64_t created_ms, bool known);
// Runs of a flow created at or after from_ms (-1: all) that did not complete, newest first. ERR_NO_FORM, before any is
// given, where the source cannot tell, or means another end step than this flow's.
errc model_not_completed(struct client *c, const char *flow, int64_t from_ms, struct cancel *cancel,
                         outcome_fn fn, void *arg, struct err *err) ERR_MUST_CHECK;
// Runs that completed, the same way.
errc model_completed(struct client *c, const char *flow, struct cancel *cancel, meta_list_fn fn, void *arg,
                     struct err *err) ERR_MUST_CHECK;

struct quick_snap {
    struct snap snap;
    int task_ok;        // of the latest done attempt: 1, 0, or -1 where there is none
    int attempt;        // which that is, or -1
    int64_t ok_ms;      // when it was recorded, or -1
    int64_t mtime_ms;
};
errc model_quick(struct client *c, const struct pathspec *ps, struct cancel *cancel,
                 const struct quick_snap **ret, struct err *err) ERR_MUST_CHECK;
void quick_snap_unrefp(const struct quick_snap **q);
// Tells that something at `child` has this mtime (for the mtime of its step or flow).
void model_hint(struct client *c, const struct pathspec *child, int64_t mtime_ms);

// --- model_artifacts.c, model_value.c ---------------------------------------------------------------

// One artifact with what its record says; no type or size. ERR_NOT_FOUND when there is none.
errc model_artifact(struct client *c, const struct pathspec *task, int attempt, const char *name,
                    struct cancel *cancel, struct artifact *ret, int *ret_attempt, struct err *err) ERR_MUST_CHECK;
void artifact_clear(struct artifact *a);
errc model_load(struct client *c, const struct pathspec *task, const struct artifact *a,
                struct cancel *cancel, struct artifact_value *ret, struct err *err) ERR_MUST_CHECK;
// Truth of an artifact's value: 1 or 0, by its key where that is known.
errc model_truth(struct client *c, const struct pathspec *task, const struct artifact *a,
                 struct cancel *cancel, int *ret, struct err *err) ERR_MUST_CHECK;
int sha_truth(const char *sha);    // 1 True, 0 False or None, -1 something else
bool sha_is_none(const char *sha);
// Whether client_exception or client_foreach_index has an answer (or fails), for the price of metadata where that
// tells. path: the task's foreach-execution-path, or NULL.
bool model_has_exception(struct client *c, const struct pathspec *task, int attempt, struct cancel *cancel);
bool model_has_index(struct client *c, const struct pathspec *task, const char *path, struct cancel *cancel);
// An owned copy of a str value, NULL for any other.
char *value_text(const struct value *v);

// --- model_graph.c, model_relatives.c ---------------------------------------------------------------

struct graph_snap {
    struct snap snap;
    struct graph graph;
    bool has_parameters;
    struct strv parameters;
};
// _graph_info of a task. ERR_NOT_FOUND when it has none.
errc model_graph(struct client *c, const struct pathspec *task, struct cancel *cancel,
                 const struct graph_snap **ret, struct err *err) ERR_MUST_CHECK;
void graph_snap_unrefp(const struct graph_snap **g);

// What the client asks of its relatives: tasks of `steps` whose own foreach-execution-path matches.
enum path_match { PATH_ANY, PATH_EXACT, PATH_BELOW };
struct relatives_rule {
    struct strv steps;
    enum path_match match;
    char *path;          // owned; NULL with PATH_ANY
};
// Pure: the rule of parent_tasks or child_tasks (metaflow/client/core.py).
void relatives_rule(const struct graph *g, const char *step, const char *path, bool parents,
                    struct relatives_rule *ret);
bool relatives_match(const struct relatives_rule *r, const char *path);
void relatives_rule_free(struct relatives_rule *r);

#endif
