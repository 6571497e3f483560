// Private to client/meta_service*.c: what the cache keeps of a service, and how long it holds.
//
// Where things are in the cache (client/cache.h), by unit / parent:
//   object of a flow "" / F, of a run F / R, of a step or task F/R / S[/T]     ROW_OBJECT, ROW_STATE
//   below the root "" / "", a flow F / "", a run F/R / "", a step F/R / S      ROW_CHILD, ROW_LIST, ROW_BEATS
//   of a task F/R / S/T                                                        ROW_ARTIFACT, ROW_RECORD
//   of a task, or of a whole run F/R / ""                                      ROW_ARTIFACTS, ROW_RECORDS
// so that a flow's run list is one unit, and each run another.
#ifndef CLIENT_META_SERVICE_I_H
#define CLIENT_META_SERVICE_I_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/keylock.h"
#include "client/meta_service.h"

enum ms_row {
    ROW_OBJECT = 'o',
    ROW_STATE = 's',     // what was concluded of a run or task
    ROW_CHILD = 'c',     // an entry of a listing, newest first by its order
    ROW_LIST = 'l',      // how far a listing was read
    ROW_BEATS = 'b',     // up to when the heartbeats of a listing's objects were read
    ROW_ARTIFACT = 'a',  // ordered by attempt
    ROW_ARTIFACTS = 'A', // that a task's, or a run's, were all read; order: attempt + 1
    ROW_RECORD = 'm',
    ROW_RECORDS = 'M',
    ROW_TRAITS = 't',
};

struct walks;

struct meta_service {
    struct meta meta;
    struct service *service; // owned
    struct cache *cache;     // owned
    struct keylocks *locks;  // owned
    struct walks *walks;     // owned
    int64_t ttl_ms, quiet_ttl_ms, settle_after_ms;
    atomic_ulong stale_served, bulk_fetches, single_fetches, refreshes;
    pthread_mutex_t lock;    // what follows
    pthread_cond_t wake;
    bool ending;
    char *saved_traits;      // owned
    pthread_t keeper;
    bool has_keeper;
};

static inline struct meta_service *ms_of(struct meta *m)
{
    return (struct meta_service *)m;
}

// --- meta_service_place.c: where things are, and whether they still hold ----------------------------------

struct place {
    char *unit, *parent; // owned
};
struct place place_object(const struct pathspec *ps); // of a flow, run, step or task
struct place place_below(const struct pathspec *ps);  // of its listing; of a task, of its artifacts and records
void place_free(struct place *p);
// Key of the item without a name.
struct cache_key place_key(const struct place *p, uint8_t row, uint64_t order, const char *name);
// Newest first; of one millisecond, the higher number first.
uint64_t ms_newest_first(int64_t created_ms, int64_t number);
int64_t ms_number(const char *id); // -1 for an id that is no number

bool ms_is_fresh(int64_t asked_ms, int64_t ttl_ms);
// Since when nothing changes at or below ps (a run, step or task); INT64_MAX while something may.
int64_t ms_settled_at(struct meta_service *m, const struct pathspec *ps);
// How long what is live in the run of ps may be shown.
int64_t ms_ttl(struct meta_service *m, const struct pathspec *ps);
// Whether what was asked for then, of something at or below the run of ps, may be answered now.
bool ms_holds(struct meta_service *m, const struct pathspec *ps, int64_t asked_ms);
void ms_conclude(struct meta *meta, const struct pathspec *ps, enum meta_state state, int64_t since_ms);
// The row of a state, for a batch.
void ms_put_settled(struct cache_batch *b, const struct place *task, int64_t since_ms);
// How long the service is waited for when an old answer could stand in for its own.
#define MS_PATIENCE_MS 3000
// Whether an old answer may stand in for a request that failed so; counts it.
bool ms_may_be_stale(struct meta_service *m, errc code);

// --- meta_service_fetch.c: requests whose rows go to the cache ---------------------------------------------

struct gather {
    struct meta_service *m;
    struct service_query q;
    struct cancel *cancel;
    enum http_priority priority;
    uint64_t generation;       // taken before the first request
    int64_t asked_ms;
    struct cache_batch *batch; // owned
    struct service_ahead *ahead; // owned: the next page, on its way
    bool lost;                 // something could not be written
};
// Until gather_end, which commits what is left.
void gather_begin(struct gather *f, struct meta_service *m, enum service_what what, const struct pathspec *at,
                 struct cancel *cancel);
void gather_commit(struct gather *f);  // what is there so far
bool gather_end(struct gather *f);     // false when not all of it could be written
void gather_put(struct gather *f, const struct place *at, uint8_t row, uint64_t order, const char *name,
               const void *data, size_t len);
void gather_put_object(struct gather *f, const struct meta_object *o);
// One request; the next one goes on behind it. *ret_more tells whether there is a next page.
errc gather_page(struct gather *f, service_row_fn fn, void *arg, bool *ret_paged, bool *ret_more,
                struct err *err) ERR_MUST_CHECK;
void gather_free(struct gather *f);
// Gives back a key of m->locks after a call that ended with `code`: those who wait for it share a failure,
// unless it was only the caller's own end.
void ms_give(struct meta_service *m, const char *key, struct cancel *cancel, errc code, const struct err *err);

// --- meta_service_object.c, meta_service_list.c ----------------------------------------------------------

errc ms_get(struct meta *meta, const struct pathspec *ps, struct cancel *cancel, struct meta_object **ret,
            struct err *err) ERR_MUST_CHECK;
errc ms_stat(struct meta *meta, const struct pathspec *ps, struct cancel *cancel, struct meta_object **ret,
             struct err *err) ERR_MUST_CHECK;
errc ms_list(struct meta *meta, const struct pathspec *ps, struct cancel *cancel, meta_list_fn fn, void *arg,
             struct err *err) ERR_MUST_CHECK;
errc ms_newest(struct meta *meta, const char *flow, struct cancel *cancel, meta_list_fn fn, void *arg,
               struct err *err) ERR_MUST_CHECK;
errc ms_select(struct meta *meta, const char *flow, const struct meta_select *sel, struct cancel *cancel,
               meta_list_fn fn, void *arg, struct err *err) ERR_MUST_CHECK;

// How far a listing was read.
struct list_state {
    bool complete, paged;
    int64_t asked_ms;  // of the newest refresh
    int64_t first_ms;  // when its first page was asked for
    int64_t newest_ms; // created, of all that is known
    int64_t count;
    char *cursor;      // owned; where to go on when it is not complete
};
bool list_state_get(struct meta_service *m, const struct place *at, struct list_state *ret);
void list_state_free(struct list_state *s);
// Reads the list of ps anew where it is too old, and gives nothing to anybody.
errc ms_relist(struct meta_service *m, const struct pathspec *ps, struct cancel *cancel, struct err *err)
    ERR_MUST_CHECK;

// --- meta_service_data.c, meta_service_walk.c ------------------------------------------------------------

errc ms_records(struct meta *meta, const struct pathspec *task, struct cancel *cancel,
                struct meta_records *ret, struct err *err) ERR_MUST_CHECK;
errc ms_artifacts(struct meta *meta, const struct pathspec *task, int attempt, struct cancel *cancel,
                  int *ret_attempt, struct meta_artifacts *ret, struct err *err) ERR_MUST_CHECK;
errc ms_artifact(struct meta *meta, const struct pathspec *task, int attempt, const char *name,
                 struct cancel *cancel, struct meta_artifacts *ret_one, struct err *err) ERR_MUST_CHECK;

// Whether to ask for one task or for its whole run, by what was asked of that run lately.
enum walk_kind { WALK_ARTIFACTS, WALK_RECORDS, WALK_KINDS };
struct walks *walks_new(void);
void walks_free(struct walks *w);
void walks_forget(struct walks *w);
// How many pages of the run are worth asking for instead of this one task: 0 for none, UINT_MAX for all.
// `listed` is the number of tasks of its step when that was listed, else -1. Counts the question.
unsigned walks_pages(struct walks *w, const struct pathspec *task, enum walk_kind kind, int64_t listed, bool paged);
// Asking for the whole run failed, or took too long: its tasks are asked for one by one for a while.
void walks_slow(struct walks *w, const struct pathspec *at, enum walk_kind kind);
// The run has more pages than were worth it: looked at as a whole only when many of its tasks are asked for.
void walks_big(struct walks *w, const struct pathspec *at, enum walk_kind kind);
#define WALK_FEW_TASKS 200 // of a listed step: its run is worth a few pages
// Whether so many objects of a listing were asked for one by one that reading it again is cheaper.
bool walks_relist(struct walks *w, const struct pathspec *parent, int64_t list_asked_ms);

#endif
