// One call: tries, waits between them, and what a status means.
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/retry.h"
#include "client/service_i.h"

#define MAX_WORDS 240

// --- words of an answer ------------------------------------------------------------------------------------

// The member that tells most, of an object or of an object within a string.
static const char *told(const struct json *json)
{
    static const char *const keys[] = {"detail", "err_msg", "message", "title", NULL};
    for (const char *const *key = keys; *key; key++) {
        const char *text = json_str(json_get(json, *key));
        if (text) {
            return text;
        }
    }
    return json_str(json);
}

char *service_words(const struct http_response *r)
{
    const struct buf *body = &r->error_body;
    auto_cleanup(json_freep) struct json *json = NULL;
    auto_cleanup(json_freep) struct json *inner = NULL;
    struct err err = ERR_INIT;
    const char *text = body->data;
    if (body->len && !json_parse(body->data, body->len, "the answer", &json, &err)) {
        text = told(json);
        if (text && !json_parse(text, strlen(text), "the answer", &inner, &err) && told(inner)) {
            text = told(inner);
        }
    }
    char *words = mem_strndup(text ? text : "", text ? strnlen(text, MAX_WORDS) : 0);
    for (char *p = words; *p; p++) {
        *p = *p == '\n' || *p == '\r' || *p == '\t' ? ' ' : *p;
    }
    return words;
}

// --- one try -------------------------------------------------------------------------------------------------

struct attempt {
    struct service *s;
    const struct service_call *call;
    bool saw_head;
};

static errc on_body(void *arg, const struct http_response *head, const void *data, size_t len, struct err *err)
{
    struct attempt *a = arg;
    if (!a->saw_head) {
        a->saw_head = true;
        errc code = a->call->on_head ? a->call->on_head(a->call->arg, head, err) : ERR_OK;
        if (code) {
            return code;
        }
    }
    return a->call->on_body ? a->call->on_body(a->call->arg, head, data, len, err) : ERR_OK;
}

void service_ahead_free(struct service_ahead *a)
{
    if (a) {
        http_abandon(a->s->http, a->started);
        free(a->path);
        free(a);
    }
}

void service_start_ahead(struct service *s, const char *path, enum http_priority priority, struct service_ahead **ret)
{
    auto_free char *url = mem_printf("%s%s", s->url, path);
    struct http_request rq = {.url = url, .headers = &s->headers, .priority = priority, .head_ms = s->timeout_ms,
                              .first_byte_ms = s->timeout_ms};
    struct http_started *started;
    struct err err = ERR_INIT;
    if (!s->http || http_start(s->http, &rq, &started, &err)) {
        return;
    }
    atomic_fetch_add(&s->requests, 1);
    struct service_ahead *a = mem_zalloc(sizeof(*a));
    *a = (struct service_ahead){s, mem_strdup(path), started};
    service_ahead_free(*ret);
    *ret = a;
}

// The request that is under way for this call; NULL when there is none. A page that nobody came for is dropped.
static struct http_started *take_ahead(const struct service_call *call)
{
    struct service_ahead *a = call->ahead ? steal_ptr(call->ahead) : NULL;
    struct http_started *started = NULL;
    if (a && strcmp(a->path, call->path) == 0) {
        started = steal_ptr(&a->started);
    }
    service_ahead_free(a);
    return started;
}

static errc try_once(struct attempt *a, struct cancel *cancel, int64_t deadline_ms, struct http_response *r,
                     struct err *err)
{
    struct service *s = a->s;
    auto_free char *url = mem_printf("%s%s", s->url, a->call->path);
    int64_t left = deadline_ms - clock_mono_ms();
    struct http_request rq = {.method = a->call->method, .url = url, .headers = &s->headers,
                              .priority = a->call->priority, .total_ms = left > 1 ? (unsigned)left : 1};
    if (a->call->body) {
        rq.body = a->call->body->data;
        rq.body_len = a->call->body->len;
    }
    // A long list takes as long as it comes: only its first byte has to be there in time.
    if (!a->call->method) {
        rq.head_ms = rq.first_byte_ms = rq.total_ms;
        rq.total_ms = 0;
    }
    a->saw_head = false;
    struct http_started *started = take_ahead(a->call);
    errc code;
    if (started) {
        code = http_follow(s->http, started, cancel, on_body, a, r, err);
    } else {
        atomic_fetch_add(&s->requests, 1);
        code = s->transport(s->transport_arg, &rq, cancel, on_body, a, r, err);
    }
    atomic_fetch_add(&s->bytes, r->bytes);
    return code;
}

static errc say(const struct attempt *a, errc code, const struct http_response *r, const char *hint, struct err *err)
{
    auto_free char *words = service_words(r);
    size_t path = strcspn(a->call->path, "?");
    return err_set(err, code, "%s %s%.*s: status %d%s%s%s", a->call->method ? a->call->method : "GET", a->s->shown,
                   (int)(path > 200 ? 200 : path), a->call->path, r->status, words[0] ? ", " : "", words, hint);
}

static errc judge(const struct attempt *a, const struct http_response *r, struct err *err)
{
    switch (r->status) {
    case 401:
    case 403:
        return say(a, ERR_DENIED, r, ": check METAFLOW_SERVICE_AUTH_KEY and METAFLOW_SERVICE_HEADERS", err);
    case 429:
    case 503:
        return say(a, ERR_THROTTLED, r, ": it was asked again, in vain; try later", err);
    default:
        return r->status >= 500 ? say(a, ERR_IO, r, ": look into the service's log", err) : ERR_OK;
    }
}

// --- tries -----------------------------------------------------------------------------------------------------

// Whether this failure speaks of the service as a whole.
static bool is_down(const struct http_response *r)
{
    return r->fault == HTTP_NO_CONNECTION || r->fault == HTTP_NO_ANSWER || r->fault == HTTP_BAD_TLS ||
           r->status == 502 || r->status == 503 || r->status == 504;
}

static void tell_breaker(struct attempt *a, errc code, const struct http_response *r, const struct err *err)
{
    if (is_down(r)) {
        auto_free char *status = mem_printf("status %d", r->status);
        breaker_failed(a->s, code ? err->cause : status);
    } else if (r->fault == HTTP_OK || r->status > 0) {
        breaker_worked(a->s);
    }
}

static bool should_retry(const struct attempt *a, unsigned tries, const struct http_response *r, int64_t deadline_ms,
                         int64_t *ret_wait_ms)
{
    const struct service_call *call = a->call;
    struct retry_policy policy = {.max_tries = a->s->retry_count ? a->s->retry_count : 1, .first_ms = 1000,
                                  .max_ms = 60000, .jitter_percent = 10};
    struct retry_outcome o = {
        .fault = r->fault,
        .status = r->status,
        .retry_after_ms = retry_after_ms(http_header(r, "retry-after"), clock_wall_ms()),
        .is_idempotent = call->method == NULL,
    };
    return (!call->may_retry || call->may_retry(call->arg)) &&
           retry_next(&policy, tries, &o, clock_mono_ms(), deadline_ms, retry_chance(), ret_wait_ms);
}

errc service_call(struct service *s, const struct service_call *call, struct cancel *cancel,
                  struct http_response *ret_response, struct err *err)
{
    struct attempt a = {.s = s, .call = call};
    unsigned timeout_ms = call->timeout_ms && call->timeout_ms < s->timeout_ms ? call->timeout_ms : s->timeout_ms;
    int64_t deadline_ms = clock_mono_ms() + timeout_ms;
    if (cancel && cancel->deadline_ms != 0 && cancel->deadline_ms < deadline_ms) {
        deadline_ms = cancel->deadline_ms;
    }
    for (unsigned tries = 1;; tries++) {
        *ret_response = (struct http_response){0};
        errc code = breaker_check(&s->breaker, s->shown, call->can_do_without, err);
        if (code) {
            return code;
        }
        if (call->timeout_ms) {
            breaker_wait_begin(&s->breaker);
        }
        code = try_once(&a, cancel, deadline_ms, ret_response, err);
        if (call->timeout_ms) {
            breaker_wait_end(&s->breaker);
        }
        tell_breaker(&a, code, ret_response, err);
        int64_t wait;
        if ((code || ret_response->status >= 400) && should_retry(&a, tries, ret_response, deadline_ms, &wait)) {
            atomic_fetch_add(&s->retries, 1);
            log_debug("service", "%.200s: tried again in %lld ms", call->path, (long long)wait);
            http_response_free(ret_response);
            code = cancel_sleep(cancel, wait, err);
            if (code) {
                return code;
            }
            continue;
        }
        code = code ? code : judge(&a, ret_response, err);
        if (code && code != ERR_INTERRUPTED) {
            atomic_fetch_add(&s->failures, 1);
        }
        return code;
    }
}
