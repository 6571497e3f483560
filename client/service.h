// Metaflow's metadata service as streams of rows: one call, one page (or whole list, where the service does
// not page). FACTS.md section 4 is the format: Netflix/metaflow-service, services/metadata_service/api. What
// is here does not remember rows; it remembers what this service can, and whether it is up. Thread-safe.
#ifndef CLIENT_SERVICE_H
#define CLIENT_SERVICE_H

#include "base/buf.h"
#include "base/cancel.h"
#include "base/http.h"
#include "client/meta.h"

struct service;
struct service_conf {
    struct http *http;        // borrowed
    const char *url;          // METAFLOW_SERVICE_URL; a trailing slash does no harm
    const char *headers_json; // METAFLOW_SERVICE_HEADERS with x-api-key merged in (config_get gives it); may be NULL
    unsigned retry_count;     // METAFLOW_SERVICE_RETRY_COUNT
    unsigned timeout_ms;      // of one call with its retries, where the token has no earlier deadline; 0 means 30 s
    uint64_t max_list_bytes;  // of one whole list; 0 means 4 GiB (memory does not grow with it)
};
// A URL that is none, or headers that are no JSON object of strings: ERR_INVALID.
errc service_new(const struct service_conf *conf, struct service **ret, struct err *err) ERR_MUST_CHECK;
void service_free(struct service *s);

enum service_what {
    SERVICE_OBJECT,    // the flow, run, step or task at `at`
    SERVICE_CHILDREN,  // its flows (at the root), runs, steps or tasks
    SERVICE_ARTIFACTS, // of a run, step or task; with `attempt` >= 0 of that attempt of a task
    SERVICE_RECORDS,   // metadata of a run or task
};
struct service_query {
    enum service_what what;
    struct pathspec at;       // borrowed
    int attempt;              // -1
    // The rest where the service has them (service_can); a caller that asks otherwise gets ERR_NO_FORM.
    const char *cursor;       // from the page before, or NULL
    unsigned limit;           // rows; 0 means the service's most (500)
    bool whole;               // without pages: one long answer where many would each cost the service a search
    int64_t from_ms, to_ms;   // ts_epoch: from <= t < to; -1 for no bound. Runs and tasks
    int64_t beat_from_ms;     // last heartbeat at or after; -1. Runs and tasks
    const char *status;       // "completed", "running" or "failed" (the service's words), or NULL. Runs
    const char *tag;          // user or system tag, or NULL. Runs
    unsigned timeout_ms;      // to the first byte, with retries, for who has an older answer at hand: he is not kept
                              // waiting at all while the service is silent to others. 0: the service's
    struct service_ahead **ahead; // or NULL: the page behind this one is asked for as soon as it is known, and
                              // waits here
};
// A page that was asked for before it was wanted.
struct service_ahead;
void service_ahead_free(struct service_ahead *a); // drops it; NULL is fine
#define SERVICE_QUERY_INIT {.attempt = -1, .from_ms = -1, .to_ms = -1, .beat_from_ms = -1}

// One row; which member counts follows from the query. Ids are text, whatever JSON had; ms as elsewhere.
struct service_row {
    struct meta_object object;     // SERVICE_OBJECT and SERVICE_CHILDREN
    const char *step, *task;       // whose artifact or record it is; borrowed from the row
    struct meta_artifact artifact;
    struct meta_record record;
    int64_t record_id;             // `id` of a metadata row, for its order; -1 without
};
// Takes a row; it may steal members (and leave NULLs). An error ends the call and is its result.
typedef errc (*service_row_fn)(void *arg, struct service_row *row, struct err *err);

struct service_page {
    bool paged;           // the service honoured the limit (X-Limit)
    char *next_cursor;    // owned by the caller; NULL on the last page and of a whole list
    size_t rows;
};
void service_page_free(struct service_page *p); // empties it

// Asks, with Metaflow's retries while no row has been given to fn. *ret is written on success. Errors:
// ERR_NOT_FOUND the object (a list of an unknown parent is empty); ERR_NO_FORM this service has no such route,
// filter or paging; ERR_DENIED 401, 403; ERR_THROTTLED 429, 503 after the retries; ERR_IO other statuses, cut
// answers; ERR_CORRUPT malformed JSON, wrong types, ids that are no ids; ERR_LIMIT too long; ERR_TIMEOUT;
// ERR_UNREACHABLE no connection, or the breaker is open, which fails at once. Causes name method and URL.
errc service_get(struct service *s, const struct service_query *q, enum http_priority priority,
                 struct cancel *cancel, service_row_fn fn, void *arg, struct service_page *ret,
                 struct err *err) ERR_MUST_CHECK;

// PATCH …/tag/mutate; the run's user tags afterwards go to *ret_tags where the service tells them (it may be
// NULL). ERR_NOT_PERMITTED for a system tag, ERR_INVALID for what the service refuses, with its words.
errc service_mutate_tags(struct service *s, const struct pathspec *run, const struct strv *add,
                         const struct strv *remove, struct cancel *cancel, struct strv *ret_tags,
                         struct err *err) ERR_MUST_CHECK;

// What this service can, learnt from its answers: unknown until it was tried once. Text form, to be
// remembered across mounts: "paging=yes runs-artifacts=no version=2.5.1".
enum service_can { SERVICE_UNKNOWN, SERVICE_CAN, SERVICE_CANNOT };
enum service_trait {
    SERVICE_PAGES,          // _limit, _cursor, and with them filters (a filter is only asked of one that pages)
    SERVICE_RUN_ARTIFACTS,  // /runs/R/artifacts
    SERVICE_STEP_ARTIFACTS, // /steps/S/artifacts
    SERVICE_RUN_RECORDS,    // /runs/R/metadata
    SERVICE_LISTS_FLOWS,    // /flows
    SERVICE_TRAITS,
};
enum service_can service_can(struct service *s, enum service_trait t);
char *service_traits_text(struct service *s);                    // owned by the caller
void service_traits_restore(struct service *s, const char *text); // unknown words are passed over

// The breaker: after 3 failures in a row (no connection, no answer, 5xx but 500) within which nothing
// succeeded it opens: calls fail at once with ERR_UNREACHABLE and the first failure's cause. While it is open one
// probe (/ping) at a time is sent by a thread of its own, after 1, 2, 4, then every 5 s; one that
// succeeds closes it. There is no probe while nobody asked for something within the last minute.
struct service_stats {
    uint64_t requests, retries, failures, rows, bytes;
    bool open;                // the breaker
    int64_t open_since_ms;    // wall clock, or -1
    char last_cause[600];     // of the last failure; "" for none
};
void service_stats(struct service *s, struct service_stats *ret);
const char *service_url(const struct service *s); // without its user part; for people

#endif
