#include "client/service.h"

#include <stdio.h>
#include <string.h>

#include "base/json_rows.h"
#include "base/log.h"
#include "base/mem.h"
#include "client/service_i.h"

#define MAX_SHORT_BYTES (UINT64_C(16) << 20) // of a list that is never long: steps, or one attempt's artifacts
#define MAX_ROW_BYTES ((size_t)16 << 20)
#define SMALL_TIMEOUT_MS 10000
#define MAX_LIST_BYTES (UINT64_C(4) << 30)

// --- the service ----------------------------------------------------------------------------------------------

static errc http_transport(void *arg, const struct http_request *rq, struct cancel *cancel, http_body_fn fn,
                           void *body_arg, struct http_response *ret, struct err *err)
{
    return http_do(arg, rq, cancel, fn, body_arg, ret, err);
}

struct add_header {
    struct strv *to;
    bool bad;
};

static bool add_header(void *arg, const char *key, const struct json *value)
{
    struct add_header *a = arg;
    const char *text = json_str(value);
    a->bad = !text || !*key || strpbrk(key, ":\r\n ") || strpbrk(text, "\r\n");
    if (!a->bad) {
        strv_take(a->to, mem_printf("%s: %s", key, text));
    }
    return !a->bad;
}

static errc read_headers(struct service *s, const char *text, struct err *err)
{
    if (!text || !*text) {
        return ERR_OK;
    }
    auto_cleanup(json_freep) struct json *json = NULL;
    struct add_header a = {&s->headers, false};
    struct err bad = ERR_INIT; // its cause could repeat a secret
    if (json_parse(text, strlen(text), "METAFLOW_SERVICE_HEADERS", &json, &bad) || json_kind(json) != JSON_OBJECT) {
        a.bad = true;
    } else {
        json_each(json, add_header, &a);
    }
    return a.bad ? err_set(err, ERR_INVALID, "METAFLOW_SERVICE_HEADERS must be a JSON object of names and texts, such "
                           "as {\"x-api-key\": \"...\"}")
                 : ERR_OK;
}

// The URL without what it may hold of a password.
static char *without_user(const char *url)
{
    const char *scheme = strstr(url, "://");
    const char *host = scheme ? scheme + 3 : url;
    size_t end = strcspn(host, "/?#");
    const char *at = NULL;
    for (size_t i = 0; i < end; i++) {
        at = host[i] == '@' ? host + i : at;
    }
    return at ? mem_printf("%.*s%s", (int)(host - url), url, at + 1) : mem_strdup(url);
}

errc service_new(const struct service_conf *conf, struct service **ret, struct err *err)
{
    const char *url = conf->url ? conf->url : "";
    auto_free char *shown = without_user(url);
    if ((strncmp(url, "http://", 7) != 0 || !url[7]) && (strncmp(url, "https://", 8) != 0 || !url[8])) {
        return err_set(err, ERR_INVALID, "METAFLOW_SERVICE_URL is \"%s\"; it must be the http:// or https:// URL of a "
                       "metadata service", shown);
    }
    struct service *s = mem_zalloc(sizeof(*s));
    size_t len = strlen(url);
    while (len > 0 && url[len - 1] == '/') {
        len--;
    }
    s->url = mem_strndup(url, len);
    s->shown = without_user(s->url);
    s->http = conf->http;
    s->transport = http_transport;
    s->transport_arg = conf->http;
    s->retry_count = conf->retry_count;
    s->timeout_ms = conf->timeout_ms ? conf->timeout_ms : 30000;
    s->max_list_bytes = conf->max_list_bytes ? conf->max_list_bytes : MAX_LIST_BYTES;
    pthread_mutex_init(&s->lock, NULL);
    breaker_init(&s->breaker);
    strv_add(&s->headers, "Content-Type: application/json");
    errc code = read_headers(s, conf->headers_json, err);
    if (code) {
        service_free(s);
        return code;
    }
    *ret = s;
    return ERR_OK;
}

void service_free(struct service *s)
{
    if (!s) {
        return;
    }
    breaker_stop(&s->breaker);
    pthread_mutex_destroy(&s->lock);
    strv_free(&s->headers);
    free(s->url);
    free(s->shown);
    free(s);
}

const char *service_url(const struct service *s)
{
    return s->shown;
}

void service_stats(struct service *s, struct service_stats *ret)
{
    memset(ret, 0, sizeof(*ret));
    ret->requests = atomic_load(&s->requests);
    ret->retries = atomic_load(&s->retries);
    ret->failures = atomic_load(&s->failures);
    ret->rows = atomic_load(&s->rows);
    ret->bytes = atomic_load(&s->bytes);
    pthread_mutex_lock(&s->breaker.lock);
    ret->open = s->breaker.open;
    ret->open_since_ms = s->breaker.open ? s->breaker.open_since_ms : -1;
    snprintf(ret->last_cause, sizeof(ret->last_cause), "%s", s->breaker.cause);
    pthread_mutex_unlock(&s->breaker.lock);
}

void service_page_free(struct service_page *p)
{
    free(p->next_cursor);
    *p = (struct service_page){0};
}

// --- one query ------------------------------------------------------------------------------------------------

struct reading {
    struct service *s;
    const struct service_query *q;
    service_row_fn fn;
    void *arg;
    const char *what;       // of the answer, for causes
    struct json_rows *json;
    enum http_priority priority;
    size_t rows, odd;       // given; left out
    bool filters;           // something was asked that a service without paging would pass over
    bool limited;           // a limit was asked for
    struct service_page page;
};

static bool has_filters(const struct service_query *q)
{
    return q->cursor || q->from_ms >= 0 || q->to_ms >= 0 || q->beat_from_ms >= 0 || q->status || q->tag;
}

static bool never_pages(const struct service_query *q)
{
    return q->what == SERVICE_OBJECT || (q->what == SERVICE_CHILDREN && pathspec_level(&q->at) == LEVEL_RUN) ||
           (q->what == SERVICE_ARTIFACTS && q->attempt >= 0);
}

static errc no_paging(const struct service *s, struct err *err)
{
    return err_set(err, ERR_NO_FORM, "the metadata service %s has neither pages nor filters", s->shown);
}

static errc on_row(void *arg, const struct json *json, struct err *err);

static void start_next(struct reading *r)
{
    auto_cleanup(buf_free) struct buf path = {0};
    struct service_query next = *r->q;
    next.cursor = r->page.next_cursor;
    next.limit = 0;
    if (service_put_query(&path, &next, true)) {
        service_start_ahead(r->s, path.data, r->priority, r->q->ahead);
    }
}

static errc on_head(void *arg, const struct http_response *head, struct err *err)
{
    struct reading *r = arg;
    json_rows_free(r->json); // of an earlier try
    uint64_t most = r->s->max_list_bytes;
    if (never_pages(r->q) && most > MAX_SHORT_BYTES) {
        most = MAX_SHORT_BYTES;
    }
    r->json = json_rows_new(r->what, MAX_ROW_BYTES, most, on_row, r);
    service_learn_version(r->s, head);
    if (!r->limited) {
        return ERR_OK;
    }
    const char *cursor = http_header(head, "x-next-cursor");
    r->page.paged = http_header(head, "x-limit") != NULL;
    service_learn(r->s, SERVICE_PAGES, r->page.paged);
    free(r->page.next_cursor);
    r->page.next_cursor = r->page.paged && cursor && *cursor ? mem_strdup(cursor) : NULL;
    if (r->page.next_cursor && r->q->ahead) {
        start_next(r);
    }
    return r->filters && !r->page.paged ? no_paging(r->s, err) : ERR_OK;
}

static errc on_body(void *arg, const struct http_response *head, const void *data, size_t len, struct err *err)
{
    (void)head;
    struct reading *r = arg;
    return json_rows_put(r->json, data, len, err);
}

static errc say_missing(const struct service *s, const struct service_query *q, struct err *err);

static errc on_row(void *arg, const struct json *json, struct err *err)
{
    struct reading *r = arg;
    struct service_row row;
    errc code = ERR_OK;
    if (r->q->what == SERVICE_OBJECT && !service_row_is_asked(r->q, json)) {
        return say_missing(r->s, r->q, err);
    }
    if (service_read_row(r->q, json, &row)) {
        r->rows++;
        atomic_fetch_add(&r->s->rows, 1);
        code = r->fn(r->arg, &row, err);
    } else {
        r->odd++;
    }
    service_row_clear(&row);
    return code;
}

static bool nothing_given(void *arg)
{
    return ((struct reading *)arg)->rows == 0;
}

static const enum service_trait no_trait = SERVICE_TRAITS;

// The trait that a missing route shows.
static enum service_trait trait_of(const struct service_query *q)
{
    enum level level = pathspec_level(&q->at);
    if (q->what == SERVICE_CHILDREN && level == LEVEL_ROOT) {
        return SERVICE_LISTS_FLOWS;
    }
    if (q->what == SERVICE_ARTIFACTS && level != LEVEL_TASK) {
        return level == LEVEL_RUN ? SERVICE_RUN_ARTIFACTS : SERVICE_STEP_ARTIFACTS;
    }
    return q->what == SERVICE_RECORDS && level == LEVEL_RUN ? SERVICE_RUN_RECORDS : no_trait;
}

static errc say_missing(const struct service *s, const struct service_query *q, struct err *err)
{
    static const char *const names[] = {"root", "flow", "run", "step", "task"};
    auto_free char *path = pathspec_text(&q->at);
    return err_set(err, ERR_NOT_FOUND, "there is no %s %s in the metadata service %s", names[pathspec_level(&q->at)],
                   path, s->shown);
}

static errc judge(struct reading *r, const struct http_response *response, struct err *err)
{
    enum service_trait trait = trait_of(r->q);
    if (response->status >= 200 && response->status <= 299) {
        if (trait != no_trait) {
            service_learn(r->s, trait, true);
        }
        return ERR_OK;
    }
    if ((response->status == 404 || response->status == 405) && trait != no_trait) {
        service_learn(r->s, trait, false);
        return err_set(err, ERR_NO_FORM, "the metadata service %s has no such route", r->s->shown);
    }
    if (response->status == 404) {
        return say_missing(r->s, r->q, err);
    }
    auto_free char *words = service_words(response);
    auto_free char *path = pathspec_text(&r->q->at);
    return err_set(err, ERR_IO, "GET %s of %s: status %d, %s", path, r->s->shown, response->status, words);
}

// After a 2xx with no byte of body, the head was not looked at.
static errc end_rows(struct reading *r, const struct http_response *response, struct err *err)
{
    errc code = response->bytes == 0 ? on_head(r, response, err) : ERR_OK;
    code = code ? code : json_rows_end(r->json, err);
    if (!code && r->q->what != SERVICE_OBJECT && !json_rows_was_array(r->json)) {
        code = err_set(err, ERR_CORRUPT, "the metadata service %s answered a list with something else", r->s->shown);
    }
    return code;
}

// A whole list of a service without pages takes long to begin; everything else is small.
static unsigned timeout_of(const struct reading *r)
{
    bool small = r->q->what == SERVICE_OBJECT || (service_can(r->s, SERVICE_PAGES) == SERVICE_CAN && !r->q->whole);
    return r->q->timeout_ms ? r->q->timeout_ms : small ? SMALL_TIMEOUT_MS : 0;
}

static errc ask(struct reading *r, const char *path, enum http_priority priority, struct cancel *cancel,
                struct err *err)
{
    auto_cleanup(http_response_free) struct http_response response = {0};
    struct service_call call = {.path = path, .priority = priority, .timeout_ms = timeout_of(r),
                                .can_do_without = r->q->timeout_ms != 0, .on_head = on_head, .on_body = on_body,
                                .ahead = r->q->ahead, .may_retry = nothing_given, .arg = r};
    errc code = service_call(r->s, &call, cancel, &response, err);
    if (code && response.status == 500 && service_ids_are_out_of_range(&r->q->at)) {
        return say_missing(r->s, r->q, err);
    }
    if (!code) {
        code = judge(r, &response, err);
    }
    return code ? code : end_rows(r, &response, err);
}

errc service_get(struct service *s, const struct service_query *q, enum http_priority priority,
                 struct cancel *cancel, service_row_fn fn, void *arg, struct service_page *ret, struct err *err)
{
    struct reading r = {.s = s, .q = q, .fn = fn, .arg = arg, .priority = priority, .filters = has_filters(q)};
    enum service_trait trait = trait_of(q);
    enum service_can pages = service_can(s, SERVICE_PAGES);
    if ((trait != no_trait && service_can(s, trait) == SERVICE_CANNOT) || (r.filters && pages == SERVICE_CANNOT)) {
        return no_paging(s, err);
    }
    r.limited = !q->whole && !never_pages(q) && pages != SERVICE_CANNOT;
    auto_cleanup(buf_free) struct buf path = {0};
    if (!service_put_query(&path, q, r.limited)) {
        return say_missing(s, q, err);
    }
    auto_free char *what = mem_printf("GET %s%.*s", s->shown, (int)strcspn(path.data, "?"), path.data);
    r.what = what;
    errc code = ask(&r, path.data, priority, cancel, err);
    json_rows_free(r.json);
    if (r.odd) {
        log_warn("service", "%.300s: %zu rows left out that name nothing usable", what, r.odd);
    }
    if (code) {
        service_page_free(&r.page);
        return code;
    }
    r.page.rows = r.rows;
    *ret = r.page;
    return ERR_OK;
}
