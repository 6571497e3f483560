// Private to client/service*.c.
#ifndef CLIENT_SERVICE_I_H
#define CLIENT_SERVICE_I_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/json.h"
#include "client/service.h"

// What carries requests: http_do, or a test's own.
typedef errc (*service_transport)(void *arg, const struct http_request *rq, struct cancel *cancel, http_body_fn fn,
                                  void *body_arg, struct http_response *ret, struct err *err);

// --- service_breaker.c: whether the service is up ----------------------------------------------------------

struct breaker {
    pthread_mutex_t lock;   // what follows
    pthread_cond_t wake;
    bool has_thread, ending, open;
    unsigned failures;      // in a row
    int64_t open_since_ms;  // wall clock
    int64_t wanted_ms;      // monotonic: when somebody asked last
    unsigned waiting;       // small calls that have no answer yet
    int64_t silent_ms;      // monotonic: since when nothing was answered while somebody waited
    char cause[600], first_cause[600];
    pthread_t thread;
};

// A page under way: what it answers to, and the request.
struct service_ahead {
    struct service *s;
    char *path;             // owned
    struct http_started *started;
};

struct service {
    struct http *http;      // what transport_arg is, unless a test has its own
    service_transport transport;
    void *transport_arg;
    char *url;              // owned; without a trailing slash
    char *shown;            // owned; without its user part
    struct strv headers;    // never logged
    unsigned retry_count, timeout_ms;
    uint64_t max_list_bytes;
    atomic_int traits[SERVICE_TRAITS];
    pthread_mutex_t lock;   // version
    char version[64];
    struct breaker breaker;
    atomic_ullong requests, retries, failures, rows, bytes;
};

void breaker_init(struct breaker *b);
void breaker_stop(struct breaker *b);
// ERR_UNREACHABLE with the first failure's cause while it is open; and for who `can_do_without` an answer, while
// others have been waiting for theirs for long.
errc breaker_check(struct breaker *b, const char *url, bool can_do_without, struct err *err) ERR_MUST_CHECK;
// Around each small call.
void breaker_wait_begin(struct breaker *b);
void breaker_wait_end(struct breaker *b);
void breaker_failed(struct service *s, const char *cause);
void breaker_worked(struct service *s);

// --- service_call.c: one call with its retries -------------------------------------------------------------

struct service_call {
    const char *method;       // NULL: GET
    const char *path;         // with its query, beginning with '/'
    const struct buf *body;   // or NULL
    enum http_priority priority;
    unsigned timeout_ms;      // of what is small; 0: the service's
    bool can_do_without;      // an older answer is at hand
    // Looks at status and headers before the first byte of a 2xx body; an error ends the call. May be NULL.
    errc (*on_head)(void *arg, const struct http_response *head, struct err *err);
    http_body_fn on_body;
    struct service_ahead **ahead; // a request that is under way already; taken when it is the same. May be NULL
    bool (*may_retry)(void *arg); // after a failure: whether nothing was given away yet. NULL: always
    void *arg;
};
// ERR_OK with *ret_status the last try's status, whatever it was, unless it was retried in vain (ERR_THROTTLED for
// 429 and 503, ERR_IO for other 5xx) or refused (ERR_DENIED). *ret_response is the last answer, to be freed.
errc service_call(struct service *s, const struct service_call *call, struct cancel *cancel,
                  struct http_response *ret_response, struct err *err) ERR_MUST_CHECK;
// Begins the request of a page that will be wanted. What fails is asked for again when it is.
void service_start_ahead(struct service *s, const char *path, enum http_priority priority, struct service_ahead **ret);
// What the body of a refusal says, for a cause: at most a sentence's length. Owned by the caller.
char *service_words(const struct http_response *r);

// --- service_url.c -----------------------------------------------------------------------------------------

// Whether an id can be part of a path.
bool service_id_is_usable(const char *id);
// Whether a number is more than the service's database has room for, which it answers 500 to.
bool service_ids_are_out_of_range(const struct pathspec *at);
// "/flows/F/runs/R/..." of an object; false for an id that could not be one.
bool service_put_path(struct buf *url, const struct pathspec *at);
bool service_put_query(struct buf *url, const struct service_query *q, bool with_limit);
const char *service_children_word(enum level level); // "runs" below a flow; NULL below a task

// --- service_row.c: JSON -> rows; pure ---------------------------------------------------------------------

// False for a row that names nothing that could be: it is left out. Ids above the asked level come from `q`.
bool service_read_row(const struct service_query *q, const struct json *json, struct service_row *ret);
void service_row_clear(struct service_row *row);
// Whether the answer is of the object that was asked for: a service finds run 7 for "07" too.
bool service_row_is_asked(const struct service_query *q, const struct json *json);

// --- service_traits.c --------------------------------------------------------------------------------------

void service_learn(struct service *s, enum service_trait t, bool can);
void service_learn_version(struct service *s, const struct http_response *r);

#endif
