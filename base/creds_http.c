// Requests to those who give credentials, and where they are asked.
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/clock.h"
#include "base/creds_i.h"
#include "base/mem.h"
#include "base/retry.h"

#define MAX_BODY (256 * 1024)
#define WAIT_SLICE_MS 50

void creds_answer_free(struct creds_answer *a)
{
    if (a->body.data) {
        explicit_bzero(a->body.data, a->body.cap);
    }
    buf_free(&a->body);
}

static errc take(void *arg, const struct http_response *head, const void *data, size_t len, struct err *err)
{
    struct buf *body = arg;
    (void)head;
    buf_put(body, data, len);
    return body->over ? err_set(err, ERR_LIMIT, "the answer is longer than %d bytes", MAX_BODY) : ERR_OK;
}

static errc ask_once(struct look *l, const struct creds_ask *ask, struct creds_answer *a,
                     struct retry_outcome *outcome, struct err *err)
{
    struct http_response r;
    struct http_request rq = {.method = ask->method, .url = ask->url, .headers = ask->headers, .body = ask->body,
                              .body_len = ask->body ? strlen(ask->body) : 0, .connect_ms = ask->timeout_ms,
                              .first_byte_ms = ask->timeout_ms, .stall_ms = ask->timeout_ms,
                              .total_ms = 6 * ask->timeout_ms, // a full engine may let it wait for a connection
                              .no_proxy = ask->is_direct};
    *a = (struct creds_answer){.body = {.max = MAX_BODY}};
    errc e = http_do(l->http, &rq, l->cancel, take, &a->body, &r, err);
    if (!e) {
        a->status = r.status;
        buf_put(&a->body, r.error_body.data ? r.error_body.data : "", r.error_body.len);
    }
    *outcome = (struct retry_outcome){.fault = r.fault, .status = r.status, .is_idempotent = true,
                                      .retry_after_ms = retry_after_ms(http_header(&r, "retry-after"),
                                                                       clock_wall_ms())};
    if (r.fault == HTTP_OK && r.status >= 500) {
        outcome->status = 503; // a 500 of these is a moment's weakness
    }
    http_response_free(&r);
    return e;
}

static errc pause_for(struct look *l, int64_t ms, struct err *err)
{
    int64_t end = clock_mono_ms() + ms;
    for (int64_t left = ms; left > 0; left = end - clock_mono_ms()) {
        errc e = cancel_check(l->cancel, err);
        if (e) {
            return e;
        }
        int64_t slice = left < WAIT_SLICE_MS ? left : WAIT_SLICE_MS;
        nanosleep(&(struct timespec){.tv_nsec = slice * 1000000}, NULL);
    }
    return ERR_OK;
}

// Spreads retries of many mounts; nothing depends on its being hard to guess.
static uint32_t any_number(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint32_t)ts.tv_nsec * 2654435761u;
}

errc creds_http(struct look *l, const struct creds_ask *ask, struct creds_answer *ret, struct err *err)
{
    const struct retry_policy policy = {.max_tries = ask->tries, .first_ms = 200, .max_ms = 2000,
                                        .jitter_percent = 50};
    for (unsigned tries = 1;; tries++) {
        struct retry_outcome outcome;
        struct creds_answer a;
        int64_t wait = 0;
        errc e = ask_once(l, ask, &a, &outcome, err);
        int64_t deadline = l->cancel ? l->cancel->deadline_ms : 0;
        bool again = retry_next(&policy, tries, &outcome, clock_mono_ms(), deadline, any_number(), &wait) &&
                     wait <= 10000;
        if (!again && !e) {
            *ret = a;
            return ERR_OK;
        }
        creds_answer_free(&a);
        if (!again) {
            return err_prefix(err, "%s", ask->what);
        }
        e = pause_for(l, wait, err);
        if (e) {
            return e;
        }
    }
}

// --- URLs ----------------------------------------------------------------------------------------------------

void creds_url_free(struct creds_url *u)
{
    free(u->scheme);
    free(u->host);
    free(u->name);
    free(u->path);
    *u = (struct creds_url){NULL, NULL, NULL, NULL};
}

static bool is_port(const char *text)
{
    return *text && strlen(text) <= 5 && strspn(text, "0123456789") == strlen(text);
}

// "name", "name:port", "[address]:port".
static char *name_of(const char *host)
{
    const char *end = host[0] == '[' ? strchr(host, ']') : NULL;
    const char *port = host[0] == '[' ? (end ? end + 1 : NULL) : strchr(host, ':');
    if (host[0] == '[' && !end) {
        return NULL;
    }
    if (port && *port && (*port != ':' || !is_port(port + 1))) {
        return NULL;
    }
    const char *from = end ? host + 1 : host;
    size_t len = end ? (size_t)(end - from) : strcspn(host, ":");
    bool plain = len > 0;
    for (size_t i = 0; i < len; i++) {
        plain = plain && (isalnum((unsigned char)from[i]) || strchr(end ? ":.%" : "-._", from[i]));
    }
    return plain ? mem_strndup(from, len) : NULL;
}

// The Host header has no port that is the scheme's own.
static char *host_header(const char *scheme, const char *host)
{
    const char *own = strcmp(scheme, "https") == 0 ? ":443" : ":80";
    size_t len = strlen(host), tail = strlen(own);
    bool ends = len > tail && strcmp(host + len - tail, own) == 0;
    char *text = mem_strndup(host, ends ? len - tail : len);
    for (char *c = text; *c; c++) {
        *c = (char)tolower((unsigned char)*c);
    }
    return text;
}

bool creds_url_split(const char *url, struct creds_url *ret)
{
    const char *scheme = strncasecmp(url, "https://", 8) == 0  ? "https"
                         : strncasecmp(url, "http://", 7) == 0 ? "http"
                                                               : NULL;
    for (const unsigned char *p = (const unsigned char *)url; *p; p++) {
        if (*p <= ' ' || *p >= 0x7f || *p == '\\' || *p == '#') {
            return false;
        }
    }
    if (!scheme) {
        return false;
    }
    const char *host = url + strlen(scheme) + 3;
    size_t len = strcspn(host, "/?");
    auto_free char *text = mem_strndup(host, len);
    char *name = name_of(text); // a user part has characters that no name has
    if (!name) {
        return false;
    }
    *ret = (struct creds_url){.scheme = mem_strdup(scheme), .host = host_header(scheme, text), .name = name,
                              .path = mem_printf("%s%s", host[len] == '/' ? "" : "/", host + len)};
    return true;
}

char *creds_endpoint(struct look *l, const char *variable, const char *service, const char *fallback)
{
    const char *ignore = aws_env_get(l->env, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS");
    ignore = ignore ? ignore : aws_profile_get(l->files, l->profile, NULL, "ignore_configured_endpoint_urls");
    const char *url = NULL;
    if (!ignore || strcasecmp(ignore, "true") != 0) {
        url = aws_env_get(l->env, variable);
        url = url ? url : aws_env_get(l->env, "AWS_ENDPOINT_URL");
        url = url ? url : aws_service_get(l->files, l->profile, service, "endpoint_url");
        url = url ? url : aws_profile_get(l->files, l->profile, NULL, "endpoint_url");
    }
    char *text = mem_strdup(url && *url ? url : fallback);
    for (size_t len = strlen(text); len > 0 && text[len - 1] == '/'; len--) {
        text[len - 1] = '\0';
    }
    return text;
}
