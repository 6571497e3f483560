// Requests to those who give credentials, and where they are asked.
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/creds_i.h"
#include "base/mem.h"
#include "base/retry.h"

#define MAX_BODY (256 * 1024)

void creds_answer_free(struct creds_answer *a)
{
    buf_wipe(&a->body);
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
        bool again = retry_next(&policy, tries, &outcome, clock_mono_ms(), deadline, retry_chance(), &wait) &&
                     wait <= 10000;
        if (!again && !e) {
            *ret = a;
            return ERR_OK;
        }
        creds_answer_free(&a);
        if (!again) {
            return err_prefix(err, "%s", ask->what);
        }
        e = cancel_sleep(l->cancel, wait, err);
        if (e) {
            return e;
        }
    }
}

// --- where ----------------------------------------------------------------------------------------------------

char *creds_endpoint(struct look *l, const char *variable, const char *service, const char *host, const char *region)
{
    const char *url = NULL;
    if (!aws_is_wanted(l->env, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", l->files, l->profile,
                       "ignore_configured_endpoint_urls")) {
        url = aws_env_get(l->env, variable);
        url = url ? url : aws_env_get(l->env, "AWS_ENDPOINT_URL");
        url = url ? url : aws_service_get(l->files, l->profile, service, "endpoint_url");
        url = url ? url : aws_profile_get(l->files, l->profile, NULL, "endpoint_url");
    }
    struct aws_variant variant = aws_variant_get(l->env, l->files, l->profile);
    auto_free char *own = region || variant.fips || variant.dualstack
                              ? aws_host(host, region ? region : "us-east-1", variant)
                              : mem_printf("%s.amazonaws.com", host);
    char *text = url && *url ? mem_strdup(url) : mem_printf("https://%s", own);
    for (size_t len = strlen(text); len > 0 && text[len - 1] == '/'; len--) {
        text[len - 1] = '\0';
    }
    return text;
}
