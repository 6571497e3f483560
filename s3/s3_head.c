// The head of a good answer, read strictly; and HeadObject.
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "s3/s3_i.h"
#include "s3/s3_text.h"

void s3_head_free(struct s3_head *h)
{
    free(h->attributes);
    *h = (struct s3_head)S3_HEAD_INIT;
}

struct content_range {
    uint64_t first, last, size; // size UINT64_MAX for "*"
};

// "bytes 0-99/1234" or "bytes 0-99/*".
static bool parse_range(const char *text, struct content_range *ret)
{
    if (!text || strncmp(text, "bytes ", 6) != 0) {
        return false;
    }
    const char *first = text + 6, *dash = strchr(first, '-'), *slash = dash ? strchr(dash, '/') : NULL;
    if (!slash || !s3_number(first, (size_t)(dash - first), &ret->first) ||
        !s3_number(dash + 1, (size_t)(slash - dash - 1), &ret->last)) {
        return false;
    }
    ret->size = UINT64_MAX;
    return (strcmp(slash + 1, "*") == 0 || s3_number(slash + 1, strlen(slash + 1), &ret->size)) &&
           ret->first <= ret->last && ret->last < ret->size;
}

// Text that can be sent back in a header: printable, and short enough to keep.
static void copy_etag(struct s3_head *to, const char *etag)
{
    size_t len = etag ? strlen(etag) : 0;
    bool fits = len > 0 && len < sizeof(to->etag);
    for (size_t i = 0; fits && i < len; i++) {
        fits = etag[i] > ' ' && etag[i] < 0x7f;
    }
    snprintf(to->etag, sizeof(to->etag), "%s", fits ? etag : "");
}

static errc read_partial(const struct s3_ask *ask, const struct http_response *r, uint64_t told, struct s3_head *head,
                         uint64_t *ret_len, struct err *err)
{
    const char *text = http_header(r, "content-range");
    struct content_range range;
    if (!parse_range(text, &range)) {
        return s3_fail(ask, err, ERR_IO, "the answer is a part of the object and does not tell which: "
                       "Content-Range %.60s",
                       text ? text : "is missing");
    }
    uint64_t len = range.last - range.first + 1;
    // A message that is shorter than its range is a cut, and what is missing is asked for again.
    if (range.first != ask->off || len > ask->len || (told != UINT64_MAX && told > len)) {
        return s3_fail(ask, err, ERR_IO, "bytes from %llu on were asked for, and the answer has \"%.60s\"",
                       (unsigned long long)ask->off, text);
    }
    head->size = range.size;
    *ret_len = len;
    return ERR_OK;
}

static errc read_whole(const struct s3_ask *ask, uint64_t told, struct s3_head *head, uint64_t *ret_len,
                       struct err *err)
{
    if (ask->off > 0 && !ask->takes_whole) {
        return s3_fail(ask, err, ERR_IO, "bytes from %llu on were asked for, and the answer is the whole object: the "
                       "server, or a proxy before it, knows no ranges", (unsigned long long)ask->off);
    }
    head->size = told;
    head->is_whole = true;
    *ret_len = told;
    return ERR_OK;
}

errc s3_head_read(const struct s3_ask *ask, const struct http_response *r, struct s3_head *ret, uint64_t *ret_len,
                  struct err *err)
{
    struct s3_head head = S3_HEAD_INIT;
    const char *length = http_header(r, "content-length"), *modified = http_header(r, "last-modified");
    uint64_t told = UINT64_MAX;
    if (length && !s3_number(length, strlen(length), &told)) {
        return s3_fail(ask, err, ERR_IO, "the answer's Content-Length is no number");
    }
    if (r->status != 200 && r->status != 206) {
        return s3_fail(ask, err, ERR_IO, "status %d is no answer that S3 gives to this", r->status);
    }
    errc e = r->status == 206 ? read_partial(ask, r, told, &head, ret_len, err)
                              : read_whole(ask, told, &head, ret_len, err);
    if (e) {
        return e;
    }
    head.mtime_ms = modified ? s3_time_of_http(modified) : -1;
    copy_etag(&head, http_header(r, "etag"));
    head.attributes = mem_strdup(http_header(r, "x-amz-meta-metaflow-user-attributes"));
    *ret = head;
    return ERR_OK;
}

// --- HeadObject --------------------------------------------------------------------------------------------

struct asking {
    struct s3 *s;
    struct s3_ask ask;
    struct cancel *cancel;
    struct s3_head *ret;
    bool has_listed;
};

// A HEAD that is refused has no words, and not every server tells the bucket's region in a header: a listing is refused
// in the same way, with words. Whether the bucket's place is known to be another one then.
static bool learn_by_listing(struct asking *a, const struct s3_sent *sent, const struct http_response *r)
{
    struct err ignored = ERR_INIT;
    auto_free char *region = NULL, *host = NULL;
    bool may_be_moved = r->fault == HTTP_OK && (r->status == 400 || (r->status > 300 && r->status < 309));
    if (!may_be_moved || a->has_listed) {
        return false;
    }
    a->has_listed = true;
    if (s3_check_bucket(a->s, a->ask.bucket, NULL, a->cancel, &ignored) == ERR_INTERRUPTED) {
        return false;
    }
    s3_known_get(a->s, a->ask.bucket, &region, &host);
    return strcmp(region, sent->region) != 0 || (host && (!sent->host || strcmp(host, sent->host) != 0));
}

static errc try_head(void *arg, struct s3_outcome *ret, struct err *err)
{
    struct asking *a = arg;
    struct s3_sent sent;
    struct http_started *started;
    auto_cleanup(http_response_free) struct http_response r = {0};
    uint64_t len;
    errc e = s3_send(a->s, &a->ask, a->cancel, &sent, &started, err);
    if (e) {
        return e;
    }
    e = http_follow(a->s->http, started, a->cancel, NULL, NULL, &r, err);
    s3_known_doubt(a->s, a->ask.bucket, &sent, &r);
    e = s3_judge(a->s, &a->ask, &sent, &r, e, ret, err);
    if (e && ret->action == S3_GIVE_UP && learn_by_listing(a, &sent, &r)) {
        ret->action = S3_MOVED;
    }
    s3_sent_free(&sent);
    return e ? e : s3_head_read(&a->ask, &r, a->ret, &len, err);
}

errc s3_head_object(struct s3 *s, const char *bucket, const char *key, struct cancel *cancel, struct s3_head *ret,
                    struct err *err)
{
    struct asking a = {
        .s = s,
        .ask = {.method = S3_HEAD, .bucket = bucket, .key = key, .query = "", .len = UINT64_MAX},
        .cancel = cancel,
        .ret = ret,
    };
    return s3_try(s, cancel, try_head, &a, err);
}
