// A call to AWS Batch or CloudWatch Logs: signed and sent.
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/sign.h"
#include "batch/batch_api_i.h"

#define MAX_ANSWER (32u * 1024 * 1024)
#define READ_FIRST_BYTE_MS 5000

static errc take(void *arg, const struct http_response *head, const void *data, size_t len, struct err *err)
{
    struct buf *body = arg;
    (void)head;
    buf_put(body, data, len);
    return body->over ? err_set(err, ERR_LIMIT, "the answer is longer than %u bytes", MAX_ANSWER) : ERR_OK;
}

static bool is_logs(const struct batch_ask *ask)
{
    return strcmp(ask->service->name, "logs") == 0;
}

static void sign(const struct batch_api *a, const struct batch_ask *ask, const struct creds_value *v,
                 const char *path, int64_t offset_ms, struct strv *headers)
{
    struct strv own = {0};
    char hash[65];
    strv_copy(&own, headers);
    sign_payload_hash(ask->body, strlen(ask->body), hash);
    struct sign_key key = {v->access_key, v->secret_key, v->token};
    struct sign_request rq = {
        .method = "POST",
        .host = ask->service->host,
        .path = path,
        .query = "",
        .signed_headers = &own,
        .payload_hash = hash,
        .region = a->region,
        .service = ask->service->name,
        .time_ms = clock_wall_ms() + offset_ms,
    };
    sign_v4(&key, &rq, headers);
    strv_free(&own);
}

void batch_sent_free(struct batch_sent *s)
{
    http_response_free(&s->response);
    buf_free(&s->body);
    *s = (struct batch_sent){0};
}

void batch_send(struct batch_api *a, const struct batch_ask *ask, const struct creds_value *key,
                struct cancel *cancel, struct batch_sent *ret, struct err *err)
{
    auto_cleanup(strv_free) struct strv headers = {0};
    auto_free char *path = is_logs(ask) ? mem_strdup("/") : mem_printf("/v1/%s", ask->operation);
    auto_free char *url = mem_printf("%s%s", ask->service->url, path);
    struct http_started *started;
    *ret = (struct batch_sent){.body = {.max = MAX_ANSWER}, .clock_offset_ms = atomic_load(&a->clock_offset_ms)};
    if (is_logs(ask)) {
        strv_add(&headers, "Content-Type: application/x-amz-json-1.1");
        strv_take(&headers, mem_printf("X-Amz-Target: Logs_20140328.%s", ask->operation));
    } else {
        strv_add(&headers, "Content-Type: application/json");
    }
    sign(a, ask, key, path, ret->clock_offset_ms, &headers);
    int64_t left = ask->deadline_ms - clock_mono_ms();
    struct http_request rq = {.method = "POST", .url = url, .headers = &headers, .body = ask->body,
                              .body_len = strlen(ask->body), .is_fresh = ask->is_once,
                              .priority = ask->is_once ? HTTP_PATIENT : HTTP_READER,
                              .first_byte_ms = ask->is_once ? 0 : READ_FIRST_BYTE_MS,
                              .total_ms = left > 0 ? (unsigned)(left < 3600000 ? left : 3600000) : 1};
    ret->code = cancel_check(cancel, err);
    ret->code = ret->code ? ret->code : http_start(a->http, &rq, &started, err);
    if (ret->code) {
        return;
    }
    ret->is_tried = true;
    atomic_fetch_add(is_logs(ask) ? &a->logs_calls : &a->calls, 1);
    ret->code = http_follow(a->http, started, cancel, take, &ret->body, &ret->response, err);
}
