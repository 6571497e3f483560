// GetObject: whole objects and ranges, in one try (for the parallel fetcher) or in as many as it takes.
#include <string.h>

#include "base/mem.h"
#include "s3/s3_i.h"

struct reading {
    struct s3 *s;
    struct s3_ask ask;        // of this try
    struct cancel *cancel;
    s3_body_fn fn;
    void *arg;
    uint64_t off, len;        // of the whole read
    uint64_t given;           // bytes of it that fn has taken
    struct s3_head *head;     // told in this read
    bool has_head;
    bool try_has_head;
    uint64_t try_len, try_given; // of the body of this try; UINT64_MAX: not told
    bool is_full;             // more came than was asked for, and was left
    bool is_foreign;          // this try's answer tells of other bytes than were asked for
    bool is_refusal;          // it is an error document in the place of the object:
    struct s3_xml_error refusal;
};

static errc take_head(struct reading *g, const struct http_response *r, struct err *err)
{
    struct s3_head head;
    errc e = s3_head_read(&g->ask, r, &head, &g->try_len, err);
    if (e) {
        g->is_foreign = r->status == 206;
        return e;
    }
    g->try_has_head = true;
    if (g->ask.takes_whole && head.is_whole) {
        g->off = 0;
        g->len = UINT64_MAX;
    }
    if (g->given > 0) {
        bool same = s3_head_is_same(g->head, &head);
        s3_head_free(&head);
        return same ? ERR_OK : s3_fail(&g->ask, err, ERR_BUSY, "it was replaced by another version while it was read");
    }
    s3_head_free(g->head);
    *g->head = head;
    g->has_head = true;
    return ERR_OK;
}

// What begins so with no ETag, which every object has, is no object.
static bool is_error_document(const struct http_response *r, const void *data, size_t len, struct s3_xml_error *ret)
{
    const char *text = data;
    bool is_xml = len > 6 && (memcmp(text, "<?xml", 5) == 0 || memcmp(text, "<Error", 6) == 0);
    return is_xml && !http_header(r, "etag") && s3_xml_error_of(data, len, ret) && ret->code[0];
}

static errc begin_body(struct reading *g, const struct http_response *r, const void *data, size_t len, struct err *err)
{
    g->is_refusal = is_error_document(r, data, len, &g->refusal);
    return g->is_refusal ? s3_fail(&g->ask, err, ERR_IO, "an error instead of the object") : take_head(g, r, err);
}

static errc on_body(void *arg, const struct http_response *r, const void *data, size_t len, struct err *err)
{
    struct reading *g = arg;
    errc e = g->try_has_head ? ERR_OK : begin_body(g, r, data, len, err);
    if (e) {
        return e;
    }
    if (g->try_len != UINT64_MAX && len > g->try_len - g->try_given) {
        return s3_fail(&g->ask, err, ERR_IO, "the answer has more bytes than it told");
    }
    g->try_given += len;
    uint64_t left = g->len == UINT64_MAX ? UINT64_MAX : g->len - g->given;
    size_t take = len < left ? len : (size_t)left;
    e = g->fn && take > 0 ? g->fn(g->arg, g->head, data, take, err) : ERR_OK;
    if (e) {
        return e;
    }
    g->given += take;
    // The whole object came for a range at its start: the rest is not wanted.
    if (g->given == g->len && (g->try_len == UINT64_MAX || g->try_given < g->try_len || take < len)) {
        g->is_full = true;
        return err_set(err, ERR_INTERRUPTED, "the range is complete");
    }
    return ERR_OK;
}

// Bytes that the read has in all; UINT64_MAX when the object's size was not told.
static uint64_t wanted(const struct reading *g)
{
    if (!g->has_head || g->head->size == UINT64_MAX) {
        return UINT64_MAX;
    }
    uint64_t there = g->head->size > g->off ? g->head->size - g->off : 0;
    return there < g->len ? there : g->len;
}

// A range that begins with the first byte is refused where there is no first byte: the object is empty. Some servers
// tell its size besides; one that tells another has something else to say.
static bool is_empty_object(const struct reading *g, const struct http_response *r)
{
    const char *range = http_header(r, "content-range");
    struct s3_xml_error x = {0};
    if (r->status != 416 || g->off != 0 || g->given != 0) {
        return false;
    }
    if (r->error_body.len > 0) {
        s3_xml_error_of(r->error_body.data, r->error_body.len, &x);
    }
    return (!range || strcmp(range, "bytes */0") == 0) && (!x.actual_size[0] || strcmp(x.actual_size, "0") == 0);
}

static errc take_empty(struct reading *g, const struct http_response *r, struct err *err)
{
    struct s3_ask whole = g->ask;
    struct http_response as_whole = {.status = 200, .headers = r->headers};
    uint64_t len;
    whole.off = 0;
    s3_head_free(g->head);
    errc e = s3_head_read(&whole, &as_whole, g->head, &len, err);
    g->head->size = 0; // Content-Length was that of the error's text
    return e;
}

static errc check_end(struct reading *g, const struct http_response *r, struct s3_outcome *ret, struct err *err)
{
    errc e = g->try_has_head ? ERR_OK : take_head(g, r, err);
    if (e) {
        return e;
    }
    uint64_t all = wanted(g);
    if ((g->try_len != UINT64_MAX && g->try_given < g->try_len) || (all != UINT64_MAX && g->given < all)) {
        ret->action = S3_WAIT;
        return s3_fail(&g->ask, err, ERR_IO, "the answer was cut after %llu bytes of %llu",
                       (unsigned long long)g->given, (unsigned long long)(all != UINT64_MAX ? all : g->try_len));
    }
    return ERR_OK;
}

// An error in an answer that is called good: the server is at odds with itself, so that no more is believed of it than
// that it failed.
static errc judge_refusal(struct reading *g, const struct s3_sent *sent, const struct http_response *r,
                          struct s3_outcome *ret, struct err *err)
{
    errc e = s3_judge_error(g->s, &g->ask, sent, r, &g->refusal, ret, err);
    ret->action = ret->action == S3_GIVE_UP ? S3_WAIT : ret->action;
    if (e == ERR_NOT_FOUND) {
        e = err->code = ERR_IO;
    }
    return e;
}

static errc follow(struct reading *g, const struct s3_sent *sent, struct http_started *started, struct s3_outcome *ret,
                   struct err *err)
{
    auto_cleanup(http_response_free) struct http_response r = {0};
    g->try_has_head = g->is_full = g->is_foreign = g->is_refusal = false;
    g->try_given = 0;
    errc e = http_follow(g->s->http, started, g->cancel, on_body, g, &r, err);
    atomic_fetch_add(&g->s->bytes_in, (unsigned long long)r.bytes);
    if (g->is_full) {
        return ERR_OK;
    }
    if (e && r.fault == HTTP_CUT && g->has_head && g->given > 0 && g->given == wanted(g)) {
        return ERR_OK; // all that was wanted had come
    }
    if (!e && is_empty_object(g, &r)) {
        return take_empty(g, &r, err);
    }
    s3_known_doubt(g->s, g->ask.bucket, sent, &r);
    if (g->is_refusal) {
        return judge_refusal(g, sent, &r, ret, err);
    }
    e = s3_judge(g->s, &g->ask, sent, &r, e, ret, err);
    e = e ? e : check_end(g, &r, ret, err);
    if (g->is_foreign) {
        ret->action = S3_WAIT;
    }
    return e;
}

static struct s3_ask ask_of(const struct s3_range *range)
{
    return (struct s3_ask){.method = S3_GET, .bucket = range->bucket, .key = range->key, .query = "",
                           .off = range->off, .len = range->len, .if_match = range->if_match};
}

// --- with tries --------------------------------------------------------------------------------------------

static errc try_get(void *arg, struct s3_outcome *ret, struct err *err)
{
    struct reading *g = arg;
    struct s3_sent sent;
    struct http_started *started;
    if (g->given > 0) {
        g->ask.off = g->off + g->given;
        g->ask.len = g->len == UINT64_MAX ? UINT64_MAX : g->len - g->given;
        const char *etag = s3_head_if_match(g->head);
        g->ask.if_match = etag ? etag : g->ask.if_match;
    }
    errc e = s3_send(g->s, &g->ask, g->cancel, &sent, &started, err);
    if (!e) {
        e = follow(g, &sent, started, ret, err);
        s3_sent_free(&sent);
    }
    return e;
}

errc s3_get(struct s3 *s, const struct s3_range *range, struct cancel *cancel, s3_body_fn fn, void *arg,
            struct s3_head *ret_head, struct err *err)
{
    struct s3_head head = S3_HEAD_INIT;
    struct reading g = {.s = s, .ask = ask_of(range), .cancel = cancel, .fn = fn, .arg = arg, .off = range->off,
                        .len = range->len, .head = ret_head ? ret_head : &head};
    *g.head = (struct s3_head)S3_HEAD_INIT;
    errc e = s3_try(s, cancel, try_get, &g, err);
    s3_head_free(&head);
    return e;
}

// --- one try that is under way -----------------------------------------------------------------------------

struct s3_started {
    struct http_started *http;
    struct s3_sent sent;
    struct s3_range range;      // its text is ours
    char *bucket, *key, *if_match;
};

static void started_free(struct s3_started *t)
{
    s3_sent_free(&t->sent);
    free(t->bucket);
    free(t->key);
    free(t->if_match);
    free(t);
}

errc s3_start(struct s3 *s, const struct s3_range *range, size_t window, struct cancel *cancel,
              struct s3_started **ret, struct err *err)
{
    struct s3_ask ask = ask_of(range);
    struct s3_started *t = mem_zalloc(sizeof(*t));
    ask.window = window;
    errc e = s3_send(s, &ask, cancel, &t->sent, &t->http, err);
    if (e) {
        free(t);
        return e;
    }
    t->range = *range;
    t->range.bucket = t->bucket = mem_strdup(range->bucket);
    t->range.key = t->key = mem_strdup(range->key);
    t->range.if_match = t->if_match = mem_strdup(range->if_match);
    *ret = t;
    return ERR_OK;
}

errc s3_follow(struct s3 *s, struct s3_started *started, struct cancel *cancel, s3_body_fn fn, void *arg,
               struct s3_head *ret_head, bool *ret_again, struct err *err)
{
    struct s3_head head = S3_HEAD_INIT;
    struct s3_outcome o = S3_OUTCOME_INIT;
    struct reading g = {.s = s, .ask = ask_of(&started->range), .cancel = cancel, .fn = fn, .arg = arg,
                        .off = started->range.off, .len = started->range.len, .head = ret_head ? ret_head : &head};
    g.ask.takes_whole = true;
    *g.head = (struct s3_head)S3_HEAD_INIT;
    errc e = follow(&g, &started->sent, started->http, &o, err);
    if (e) {
        *ret_again = o.action != S3_GIVE_UP;
        s3_note_hold(s, o.retry_after_ms);
    }
    s3_head_free(&head);
    started_free(started);
    return e;
}

void s3_abandon(struct s3 *s, struct s3_started *started)
{
    if (started) {
        http_abandon(s->http, started->http);
        started_free(started);
    }
}
