// ListObjectsV2: pages of keys. A page is read whole before its entries are given, so that it can be asked for again.
#include <string.h>

#include "base/mem.h"
#include "s3/s3_i.h"

#define PAGE_KEYS 1000
#define MAX_IDLE_PAGES 16 // that bring no key behind the last one

struct listing {
    struct s3 *s;
    struct s3_ask ask;
    struct cancel *cancel;
    const char *prefix, *after;
    bool delimiter;
    unsigned max_keys;
    char *token;         // of the page that is next, owned
    struct s3_xml *page; // of this try, owned
    char *last;          // greatest key that was seen, owned
    unsigned idle;
    bool is_wrong;  // the text of this try is no page
    bool was_wrong; // the page that is next came and was no listing
};

static void listing_free(struct listing *l)
{
    free(l->token);
    free(l->last);
    s3_xml_free(l->page);
}

static void put(struct buf *query, const char *name, const char *value)
{
    buf_printf(query, "%s%s=", query->len > 0 ? "&" : "", name);
    http_url_put(query, value);
}

// In the order of the names, as they are signed.
static char *query_of(const struct listing *l)
{
    struct buf query = {0};
    if (l->token) {
        put(&query, "continuation-token", l->token);
    }
    if (l->delimiter) {
        put(&query, "delimiter", "/");
    }
    put(&query, "encoding-type", "url");
    put(&query, "list-type", "2");
    buf_printf(&query, "&max-keys=%u", l->max_keys);
    put(&query, "prefix", l->prefix);
    if (l->after && !l->token) {
        put(&query, "start-after", l->after);
    }
    return buf_steal(&query);
}

static errc on_body(void *arg, const struct http_response *r, const void *data, size_t len, struct err *err)
{
    struct listing *l = arg;
    struct err why = ERR_INIT;
    (void)r;
    l->is_wrong = s3_xml_put(l->page, data, len, &why) != ERR_OK;
    return l->is_wrong ? s3_fail(&l->ask, err, ERR_IO, "%s", why.cause) : ERR_OK;
}

// An answer that is called good and is no listing may be one mishap; a server that says so twice means it.
static void ask_once_more(struct listing *l, struct s3_outcome *ret)
{
    ret->action = l->was_wrong ? S3_GIVE_UP : S3_WAIT;
    l->was_wrong = true;
}

static errc check_page(struct listing *l, const struct s3_sent *sent, const struct http_response *r,
                       struct s3_outcome *ret, struct err *err)
{
    struct err why = ERR_INIT;
    if (s3_xml_end(l->page, &why)) {
        ret->action = S3_WAIT; // it may have been cut
        return s3_fail(&l->ask, err, ERR_IO, "%s", why.cause);
    }
    switch (s3_xml_kind(l->page)) {
    case S3_XML_LIST:
        return ERR_OK;
    case S3_XML_ERROR:
        return s3_judge_error(l->s, &l->ask, sent, r, s3_xml_error(l->page), ret, err);
    default:
        ask_once_more(l, ret);
        return s3_fail(&l->ask, err, ERR_IO, "the answer is no listing: is the endpoint one of S3?");
    }
}

static errc try_page(void *arg, struct s3_outcome *ret, struct err *err)
{
    struct listing *l = arg;
    struct s3_sent sent;
    struct http_started *started;
    auto_cleanup(http_response_free) struct http_response r = {0};
    auto_free char *query = query_of(l);
    l->ask.query = query;
    errc e = s3_send(l->s, &l->ask, l->cancel, &sent, &started, err);
    if (e) {
        return e;
    }
    s3_xml_free(l->page);
    l->page = s3_xml_new();
    l->is_wrong = false;
    e = http_follow(l->s->http, started, l->cancel, on_body, l, &r, err);
    atomic_fetch_add(&l->s->bytes_in, (unsigned long long)r.bytes);
    s3_known_doubt(l->s, l->ask.bucket, &sent, &r);
    e = s3_judge(l->s, &l->ask, &sent, &r, e, ret, err);
    if (l->is_wrong) {
        ask_once_more(l, ret);
    }
    e = e ? e : check_page(l, &sent, &r, ret, err);
    l->was_wrong = l->was_wrong && e;
    s3_sent_free(&sent);
    return e;
}

// False when fn has enough.
static bool give_page(struct listing *l, s3_list_fn fn, void *arg)
{
    size_t n = s3_xml_count(l->page);
    for (size_t i = 0; i < n; i++) {
        struct s3_entry entry = s3_xml_entry(l->page, i);
        if (!fn(arg, &entry)) {
            return false;
        }
    }
    const char *last = n > 0 ? s3_xml_entry(l->page, n - 1).key : NULL;
    bool moved = last && (!l->last || strcmp(last, l->last) > 0);
    l->idle = moved ? 0 : l->idle + 1;
    if (moved) {
        free(l->last);
        l->last = mem_strdup(last);
    }
    return true;
}

// To the page behind this one; a server that leads nowhere, or in a circle, is not followed.
static errc turn(struct listing *l, struct err *err)
{
    const char *token = s3_xml_token(l->page);
    if (!token) {
        return s3_fail(&l->ask, err, ERR_IO, "the listing is told to go on, but not from where (no "
                       "NextContinuationToken)");
    }
    if ((l->token && strcmp(token, l->token) == 0) || l->idle > MAX_IDLE_PAGES) {
        return s3_fail(&l->ask, err, ERR_IO, "the listing does not get on: the server tells the same page again and "
                       "again");
    }
    free(l->token);
    l->token = mem_strdup(token);
    return ERR_OK;
}

static struct listing listing_of(struct s3 *s, const char *bucket, const char *prefix, struct cancel *cancel)
{
    const char *below = prefix ? prefix : "";
    return (struct listing){.s = s, .cancel = cancel, .prefix = below, .max_keys = PAGE_KEYS,
                            .ask = {.method = S3_LIST, .bucket = bucket, .shown = below, .len = UINT64_MAX}};
}

errc s3_list(struct s3 *s, const char *bucket, const char *prefix, bool delimiter, const char *after,
             struct cancel *cancel, s3_list_fn fn, void *arg, struct err *err)
{
    auto_cleanup(listing_free) struct listing l = listing_of(s, bucket, prefix, cancel);
    l.delimiter = delimiter;
    l.after = after;
    for (;;) {
        errc e = s3_try(s, cancel, try_page, &l, err);
        if (e || !give_page(&l, fn, arg) || !s3_xml_is_truncated(l.page)) {
            return e;
        }
        e = turn(&l, err);
        if (e) {
            return e;
        }
    }
}

errc s3_check_bucket(struct s3 *s, const char *bucket, const char *prefix, struct cancel *cancel, struct err *err)
{
    auto_cleanup(listing_free) struct listing l = listing_of(s, bucket, prefix, cancel);
    l.max_keys = 1;
    return s3_try(s, cancel, try_page, &l, err);
}
