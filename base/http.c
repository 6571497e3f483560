#include "base/http.h"

#include <ctype.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/http_i.h"
#include "base/mem.h"

#define ERROR_BODY_BYTES (64 * 1024)
#define WAIT_SLICE_MS 50

struct http {
    struct engine engine;
    unsigned max_waiting, connect_ms, first_byte_ms, stall_ms;
    size_t window;
    char *ca_file; // owned, or NULL
    atomic_uint waiting;
    atomic_ullong requests, ended_ok, failed, cancelled, refused, bytes_in, bytes_out, first_byte_sum, total_sum;
};

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;

static void start_curl(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

static unsigned or_default(unsigned value, unsigned fallback)
{
    return value ? value : fallback;
}

errc http_new(const struct http_conf *conf, struct http **ret, struct err *err)
{
    pthread_once(&curl_once, start_curl);
    struct http *h = mem_zalloc(sizeof(*h));
    h->max_waiting = or_default(conf->max_waiting, 2048);
    h->connect_ms = or_default(conf->connect_ms, 5000);
    h->first_byte_ms = or_default(conf->first_byte_ms, 20000);
    h->stall_ms = or_default(conf->stall_ms, 10000);
    h->window = conf->window_bytes ? conf->window_bytes : 1024 * 1024;
    h->ca_file = mem_strdup(conf->ca_file);
    errc e = engine_start(&h->engine, or_default(conf->max_connections, 128), err);
    if (e) {
        free(h->ca_file);
        free(h);
        return e;
    }
    *ret = h;
    return ERR_OK;
}

void http_free(struct http *h)
{
    if (!h) {
        return;
    }
    engine_stop(&h->engine);
    free(h->ca_file);
    free(h);
}

// --- making a request -------------------------------------------------------------------------------------

static bool is_clean(const char *text, bool spaces)
{
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        if ((*p < 0x20 && !(spaces && *p == '\t')) || *p == 0x7f || (*p == ' ' && !spaces)) {
            return false;
        }
    }
    return true;
}

// "host:port" of a URL, for causes; owned by the caller.
static char *host_of(const char *url)
{
    CURLU *u = curl_url();
    char *host = NULL, *port = NULL, *text;
    if (u && !curl_url_set(u, CURLUPART_URL, url, 0)) {
        curl_url_get(u, CURLUPART_HOST, &host, 0);
        curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT);
    }
    text = host ? mem_printf("%s:%s", host, port ? port : "?") : mem_strdup("the host of the URL");
    curl_free(host);
    curl_free(port);
    curl_url_cleanup(u);
    return text;
}

static errc set_headers(struct call *c, const struct http_request *rq, struct err *err)
{
    for (size_t i = 0; rq->headers && i < rq->headers->len; i++) {
        if (!is_clean(rq->headers->items[i], true)) {
            return err_set(err, ERR_INVALID, "an HTTP header has a control character in it");
        }
        c->headers = curl_slist_append(c->headers, rq->headers->items[i]);
    }
    c->headers = curl_slist_append(c->headers, "Expect:"); // no round trip of its own for a small body
    return ERR_OK;
}

static void set_body(CURL *easy, const struct http_request *rq)
{
    const char *method = rq->method ? rq->method : "GET";
    if (rq->body) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)rq->body_len);
        curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, (const char *)rq->body);
    }
    if (strcmp(method, "HEAD") == 0) {
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    } else if (rq->body || strcmp(method, "GET") != 0) {
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
    }
}

static errc set_up(struct http *h, struct call *c, const struct http_request *rq, struct err *err)
{
    CURL *easy = c->easy = curl_easy_init();
    if (!easy) {
        return err_set(err, ERR_NO_MEMORY, "no memory for a request");
    }
    if (!is_clean(rq->url, false)) {
        return err_set(err, ERR_INVALID, "a URL has a space or control character in it");
    }
    errc e = set_headers(c, rq, err);
    if (e) {
        return e;
    }
    c->priority = rq->priority;
    c->first_byte_ms = or_default(rq->first_byte_ms, h->first_byte_ms);
    c->stall_ms = or_default(rq->stall_ms, h->stall_ms);
    c->window = rq->window_bytes ? rq->window_bytes : h->window;
    curl_easy_setopt(easy, CURLOPT_URL, rq->url);
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L); // "a/../b" is a name of its own in S3
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, call_open_socket);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 256L * 1024);
    curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)or_default(rq->connect_ms, h->connect_ms));
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, c->headers);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, c->error);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, call_on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, c);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, call_on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, c);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, c);
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, call_before_sending);
    curl_easy_setopt(easy, CURLOPT_PREREQDATA, c);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "metaflowfs");
    if (h->ca_file) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, h->ca_file);
    }
    const char *proxy = call_http_proxy(rq->url);
    if (proxy) {
        curl_easy_setopt(easy, CURLOPT_PROXY, proxy);
    }
    if (rq->no_proxy) {
        curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    }
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, rq->is_fresh ? 1L : 0L);
    set_body(easy, rq);
    return ERR_OK;
}

// --- waiting for it ----------------------------------------------------------------------------------------

struct http_started {
    struct call *call;             // one reference
    char *url;                     // owned
    unsigned connect_ms, head_ms, total_ms;
    int64_t begin_ms;
};

struct waiter {
    struct http *h;
    struct http_started *started;
    struct call *call;
    struct cancel *cancel;
    http_body_fn fn;
    void *arg;
    struct http_response *ret;
    bool has_head;
};

static void wait_slice(struct call *c)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    ts.tv_nsec += WAIT_SLICE_MS * 1000000L;
    if (ts.tv_nsec >= 1000000000L) {
        ts.tv_nsec -= 1000000000L;
        ts.tv_sec++;
    }
    pthread_cond_timedwait(&c->changed, &c->lock, &ts);
}

// With the lock held.
static void take_head(struct waiter *w)
{
    struct call *c = w->call;
    if (w->has_head || !c->head_whole) {
        return;
    }
    w->has_head = true;
    w->ret->status = c->status;
    strv_copy(&w->ret->headers, &c->head);
    atomic_fetch_add(&w->h->first_byte_sum, (unsigned long long)(clock_mono_ms() - w->started->begin_ms));
}

static errc give(struct waiter *w, const struct chunk *piece, struct err *err)
{
    w->ret->bytes += piece->len;
    atomic_fetch_add(&w->h->bytes_in, (unsigned long long)piece->len);
    if (w->ret->status < 200 || w->ret->status > 299) {
        size_t room = ERROR_BODY_BYTES - w->ret->error_body.len;
        buf_put(&w->ret->error_body, piece->data, piece->len < room ? piece->len : room);
        return ERR_OK;
    }
    return w->fn ? w->fn(w->arg, w->ret, piece->data, piece->len, err) : ERR_OK;
}

static errc give_all(struct waiter *w, struct chunks *bytes, struct err *err)
{
    errc e = ERR_OK;
    for (struct chunk *piece; !e && (piece = chunks_take(bytes));) {
        e = give(w, piece, err);
        chunk_give(w->call->pool, piece);
    }
    chunks_free(bytes, w->call->pool);
    return e;
}

// Takes what has arrived, without a lock while it is looked at. *ret_ended: there is no more.
static errc step(struct waiter *w, bool *ret_ended, struct err *err)
{
    struct call *c = w->call;
    struct chunks bytes = {0};
    pthread_mutex_lock(&c->lock);
    if (c->data.len == 0 && c->state != CALL_DONE) {
        wait_slice(c);
    }
    take_head(w);
    if (w->has_head && c->data.len > 0) {
        bytes = c->data;
        c->data = (struct chunks){0};
    }
    bool paused = c->paused;
    c->paused = false;
    *ret_ended = c->state == CALL_DONE && c->data.len == 0;
    pthread_mutex_unlock(&c->lock);
    if (paused) {
        atomic_store(&c->resume, true);
        engine_attend(&w->h->engine);
    }
    errc e = give_all(w, &bytes, err);
    if (!e && !*ret_ended) {
        e = cancel_check(w->cancel, err);
    }
    return e;
}

// --- what became of it --------------------------------------------------------------------------------------

static enum http_fault fault_of(const struct call *c)
{
    switch (c->result) {
    case CURLE_OK:
        return HTTP_OK;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
        return HTTP_NO_CONNECTION;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
        return HTTP_BAD_TLS;
    default:
        return !c->connected ? HTTP_NO_CONNECTION : c->head_whole ? HTTP_CUT : HTTP_NO_ANSWER;
    }
}

static errc say_fault(const struct waiter *w, struct err *err)
{
    const struct call *c = w->call;
    auto_free char *host = host_of(w->started->url);
    const char *why = c->error[0] ? c->error : curl_easy_strerror(c->result);
    switch (w->ret->fault) {
    case HTTP_OK:
        return ERR_OK;
    case HTTP_NO_CONNECTION:
        return call_not_connected(c, w->started->url, host, w->started->connect_ms, err);
    case HTTP_NO_ANSWER:
        return c->deadline ? err_set(err, ERR_TIMEOUT, "%s was asked and did not begin to answer within %u ms", host,
                                     c->first_byte_ms)
                           : err_set(err, ERR_IO, "%s ended the connection without an answer: %s", host, why);
    case HTTP_CUT:
        return c->deadline ? err_set(err, ERR_TIMEOUT, "%s sent nothing for %u ms in the middle of an answer", host,
                                     c->stall_ms)
                           : err_set(err, ERR_IO, "the answer of %s was cut short after %llu bytes: %s", host,
                                     (unsigned long long)w->ret->bytes, why);
    default:
        return err_set(err, ERR_IO, "no safe connection to %s: %s", host, why);
    }
}

static errc finish(struct waiter *w, struct err *err)
{
    struct call *c = w->call;
    pthread_mutex_lock(&c->lock);
    take_head(w);
    w->ret->fault = fault_of(c);
    w->ret->is_sent = c->is_sent;
    pthread_mutex_unlock(&c->lock);
    errc e = say_fault(w, err);
    atomic_fetch_add(e ? &w->h->failed : &w->h->ended_ok, 1);
    return e;
}

static errc leave_early(struct waiter *w, errc code)
{
    pthread_mutex_lock(&w->call->lock);
    atomic_store(&w->call->abandoned, true); // from here on it is not sent any more
    w->ret->is_sent = w->call->is_sent;
    pthread_mutex_unlock(&w->call->lock);
    engine_attend(&w->h->engine);
    atomic_fetch_add(&w->h->cancelled, 1);
    return code;
}

static bool is_late(const struct http_started *s, unsigned ms)
{
    return ms != 0 && clock_mono_ms() - s->begin_ms > ms;
}

static errc check_time(struct waiter *w, struct err *err)
{
    const struct http_started *s = w->started;
    bool head = !w->has_head && is_late(s, s->head_ms);
    if (!head && !is_late(s, s->total_ms)) {
        return ERR_OK;
    }
    auto_free char *host = host_of(s->url);
    w->ret->fault = head ? HTTP_NO_ANSWER : HTTP_STOPPED;
    return head ? err_set(err, ERR_TIMEOUT, "%s did not begin to answer within %u ms", host, s->head_ms)
                : err_set(err, ERR_TIMEOUT, "%s did not answer in full within %u ms", host, s->total_ms);
}

static errc follow(struct waiter *w, struct err *err)
{
    bool ended = false;
    while (!ended) {
        errc e = step(w, &ended, err);
        if (!e && !ended) {
            e = check_time(w, err);
        }
        if (e) {
            return leave_early(w, e);
        }
    }
    return finish(w, err);
}

static void started_free(struct http *h, struct http_started *s)
{
    call_unref(s->call);
    free(s->url);
    free(s);
    atomic_fetch_sub(&h->waiting, 1);
}

errc http_start(struct http *h, const struct http_request *rq, struct http_started **ret, struct err *err)
{
    if (atomic_fetch_add(&h->waiting, 1) >= h->max_waiting) {
        atomic_fetch_sub(&h->waiting, 1);
        atomic_fetch_add(&h->refused, 1);
        return err_set(err, ERR_TOO_MANY, "more than %u requests wait already", h->max_waiting);
    }
    struct http_started *s = mem_zalloc(sizeof(*s));
    int64_t now = clock_mono_ms();
    s->call = call_new(&h->engine.pool);
    s->url = mem_strdup(rq->url);
    s->connect_ms = or_default(rq->connect_ms, h->connect_ms);
    s->head_ms = rq->head_ms;
    s->total_ms = rq->total_ms;
    s->begin_ms = now;
    errc e = set_up(h, s->call, rq, err);
    if (e) {
        started_free(h, s);
        return e;
    }
    atomic_fetch_add(&h->requests, 1);
    atomic_fetch_add(&h->bytes_out, (unsigned long long)rq->body_len);
    s->call->refs = 2;
    engine_submit(&h->engine, s->call);
    *ret = s;
    return ERR_OK;
}

errc http_follow(struct http *h, struct http_started *started, struct cancel *cancel, http_body_fn fn, void *arg,
                 struct http_response *ret, struct err *err)
{
    *ret = (struct http_response){.fault = HTTP_STOPPED};
    struct waiter w = {.h = h, .started = started, .call = started->call, .cancel = cancel, .fn = fn, .arg = arg,
                       .ret = ret};
    errc e = follow(&w, err);
    atomic_fetch_add(&h->total_sum, (unsigned long long)(clock_mono_ms() - started->begin_ms));
    started_free(h, started);
    return e;
}

void http_abandon(struct http *h, struct http_started *started)
{
    if (!started) {
        return;
    }
    atomic_store(&started->call->abandoned, true);
    engine_attend(&h->engine);
    atomic_fetch_add(&h->cancelled, 1);
    started_free(h, started);
}

errc http_do(struct http *h, const struct http_request *rq, struct cancel *cancel, http_body_fn fn, void *arg,
             struct http_response *ret, struct err *err)
{
    struct http_started *started;
    *ret = (struct http_response){.fault = HTTP_STOPPED};
    errc e = cancel_check(cancel, err);
    if (!e) {
        e = http_start(h, rq, &started, err);
    }
    return e ? e : http_follow(h, started, cancel, fn, arg, ret, err);
}

// --- small things -------------------------------------------------------------------------------------------

void http_response_free(struct http_response *r)
{
    strv_free(&r->headers);
    buf_free(&r->error_body);
    *r = (struct http_response){0};
}

const char *http_header(const struct http_response *r, const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < r->headers.len; i++) {
        const char *line = r->headers.items[i];
        if (strncmp(line, name, len) == 0 && line[len] == ':' && line[len + 1] == ' ') {
            return line + len + 2;
        }
    }
    return NULL;
}

void http_stats(struct http *h, struct http_stats *ret)
{
    *ret = (struct http_stats){
        .requests = atomic_load(&h->requests),
        .ended_ok = atomic_load(&h->ended_ok),
        .failed = atomic_load(&h->failed),
        .cancelled = atomic_load(&h->cancelled),
        .refused = atomic_load(&h->refused),
        .connections_opened = atomic_load(&h->engine.connections),
        .bytes_in = atomic_load(&h->bytes_in),
        .bytes_out = atomic_load(&h->bytes_out),
        .running = atomic_load(&h->engine.running_now),
        .waiting = atomic_load(&h->waiting),
        .first_byte_ms_sum = atomic_load(&h->first_byte_sum),
        .total_ms_sum = atomic_load(&h->total_sum),
    };
}

void http_url_put(struct buf *url, const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        bool plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') ||
                     strchr("-._~", *p);
        if (plain) {
            buf_putc(url, (char)*p);
        } else {
            buf_printf(url, "%%%02X", *p);
        }
    }
}
