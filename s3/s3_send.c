// A request of S3: placed, signed and sent.
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/sign.h"
#include "s3/s3_i.h"

// S3 allows 1,024 bytes; other servers may allow more.
#define MAX_KEY 4096

static errc check(const struct s3_ask *ask, struct err *err)
{
    if (!s3_bucket_is_usable(ask->bucket)) {
        return err_set(err, ERR_INVALID, "\"%.100s\" is no name of a bucket: it has letters, digits, '.', '_' and '-'",
                       ask->bucket);
    }
    if (ask->key && (!*ask->key || strlen(ask->key) > MAX_KEY)) {
        return err_set(err, ERR_INVALID, "a key in s3://%.100s is %s", ask->bucket,
                       *ask->key ? "longer than S3 allows" : "empty: name an object");
    }
    return ask->len > 0 ? ERR_OK : s3_fail(ask, err, ERR_INVALID, "a range of no bytes cannot be asked for");
}

static void put_headers(const struct s3_ask *ask, struct strv *headers)
{
    unsigned long long off = ask->off;
    if (ask->method == S3_GET && ask->len != UINT64_MAX && ask->len - 1 <= UINT64_MAX - ask->off) {
        strv_take(headers, mem_printf("Range: bytes=%llu-%llu", off, off + (unsigned long long)(ask->len - 1)));
    } else if (ask->method == S3_GET && off > 0) {
        strv_take(headers, mem_printf("Range: bytes=%llu-", off));
    }
    if (ask->if_match && *ask->if_match) {
        strv_take(headers, mem_printf("If-Match: %s", ask->if_match));
    }
}

static errc sign(struct s3 *s, const struct s3_ask *ask, const struct s3_place *place, struct cancel *cancel,
                 struct s3_sent *sent, struct strv *headers, struct err *err)
{
    struct creds_value v = {0};
    errc e = creds_get(s->creds, cancel, &v, err);
    if (e) {
        return e;
    }
    struct strv own = {0};
    strv_copy(&own, headers);
    struct sign_key key = {v.access_key, v.secret_key, v.token};
    struct sign_request rq = {
        .method = ask->method == S3_HEAD ? "HEAD" : "GET",
        .host = place->host,
        .path = place->path,
        .query = ask->query,
        .signed_headers = &own,
        .payload_hash = SIGN_EMPTY_PAYLOAD,
        .region = sent->region,
        .service = "s3",
        .is_s3 = true,
        .time_ms = clock_wall_ms() + sent->clock_offset_ms,
    };
    sign_v4(&key, &rq, headers);
    strv_free(&own);
    sent->is_signed = true;
    sent->has_token = v.token != NULL;
    sent->serial = v.serial;
    pthread_mutex_lock(&s->lock);
    sent->was_rejected = s->has_rejected && s->rejected_serial == v.serial;
    pthread_mutex_unlock(&s->lock);
    creds_value_free(&v);
    return ERR_OK;
}

static void count(struct s3 *s, enum s3_method method)
{
    atomic_fetch_add(method == S3_GET ? &s->gets : method == S3_HEAD ? &s->heads : &s->lists, 1);
}

void s3_sent_free(struct s3_sent *sent)
{
    free(sent->url);
    free(sent->host);
    *sent = (struct s3_sent){0};
}

errc s3_send(struct s3 *s, const struct s3_ask *ask, struct cancel *cancel, struct s3_sent *ret_sent,
             struct http_started **ret, struct err *err)
{
    auto_cleanup(s3_place_free) struct s3_place place = {0};
    auto_cleanup(strv_free) struct strv headers = {0};
    auto_free char *region = NULL, *host = NULL;
    struct s3_sent sent = {.clock_offset_ms = atomic_load(&s->clock_offset_ms)};
    errc e = cancel_check(cancel, err);
    e = e ? e : check(ask, err);
    if (e) {
        return e;
    }
    s3_known_get(s, ask->bucket, &region, &host);
    s3_place_make(&s->endpoint, s->style, region, host, ask->bucket, ask->key, &place);
    snprintf(sent.region, sizeof(sent.region), "%s", region);
    put_headers(ask, &headers);
    e = s->creds ? sign(s, ask, &place, cancel, &sent, &headers, err) : ERR_OK;
    if (e) {
        return e;
    }
    sent.url = mem_printf("%s://%s%s%s%s", s->endpoint.is_http ? "http" : "https", place.host, place.path,
                          *ask->query ? "?" : "", ask->query);
    sent.host = steal_ptr(&host);
    bool is_ahead = cancel && atomic_load(&cancel->ahead);
    struct http_request rq = {.method = ask->method == S3_HEAD ? "HEAD" : NULL, .url = sent.url, .headers = &headers,
                              .priority = is_ahead ? HTTP_AHEAD : HTTP_READER, .window_bytes = ask->window};
    e = http_start(s->http, &rq, ret, err);
    if (e) {
        s3_sent_free(&sent);
        return e;
    }
    count(s, ask->method);
    *ret_sent = sent;
    return ERR_OK;
}
