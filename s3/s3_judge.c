// What an answer of S3 means: which failure it is, what a person reads of it, and what may be tried then.
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "s3/s3_i.h"
#include "s3/s3_text.h"

#define SKEW_MS (60 * 1000)             // a clock is worth correcting above that
#define HEAD_SKEW_MS (14 * 60 * 1000)   // S3 refuses what is 15 minutes off
#define DOUBT_MS (5 * 60 * 1000)
#define MAX_SHOWN 200

static bool is_one_of(const char *code, const char *const *list)
{
    for (; *list; list++) {
        if (strcmp(code, *list) == 0) {
            return true;
        }
    }
    return false;
}

// --- words -------------------------------------------------------------------------------------------------

static void show(char *to, size_t size, const char *text)
{
    size_t i = 0;
    for (; text[i] && i + 1 < size; i++) {
        to[i] = (unsigned char)text[i] < 0x20 || text[i] == 0x7f ? '?' : text[i];
    }
    to[i] = '\0';
}

errc s3_fail(const struct s3_ask *ask, struct err *err, errc code, const char *fmt, ...)
{
    static const char *const methods[] = {[S3_GET] = "GET", [S3_HEAD] = "HEAD", [S3_LIST] = "LIST"};
    char text[sizeof(err->cause)], key[MAX_SHOWN], bucket[100];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    show(key, sizeof(key), ask->key ? ask->key : ask->shown ? ask->shown : "");
    show(bucket, sizeof(bucket), ask->bucket);
    return err_set(err, code, "%s s3://%s/%s: %s", methods[ask->method], bucket, key, text);
}

// A refusal that may also mean a missing key: said of the object, and not of the signature.
static bool may_be_missing(const struct s3_ask *ask, const struct s3_xml_error *x)
{
    return ask->method != S3_LIST && (!x->code[0] || strcmp(x->code, "AccessDenied") == 0);
}

static const char *hint_of(errc code, const struct s3_ask *ask, const struct s3_xml_error *x)
{
    switch (code) {
    case ERR_DENIED:
        return may_be_missing(ask, x) ? ": check what the credentials may do; it may be missing, too: without "
                                        "s3:ListBucket S3 refuses a missing key in the same way"
                                      : ": check the credentials and what they may do";
    case ERR_THROTTLED:
        return ": it asks for fewer requests; try later";
    case ERR_ARCHIVED:
        return ": restore it first, it is in an archive";
    case ERR_BUSY:
        return ": it was replaced by another version in the meantime";
    case ERR_LIMIT:
        return ": the range begins behind the end of the object";
    default:
        return "";
    }
}

static errc say(const struct s3_ask *ask, const struct http_response *r, const struct s3_xml_error *x, errc code,
                const char *hint, struct err *err)
{
    const char *told = http_header(r, "x-amz-request-id");
    char id[80];
    show(id, sizeof(id), told ? told : x->request_id);
    return s3_fail(ask, err, code, "%s%s%.160s%sstatus %d%s%s%s%s", x->code, x->message[0] ? ", " : "", x->message,
                   x->code[0] || x->message[0] ? " (" : "", r->status, id[0] ? ", request " : "", id,
                   x->code[0] || x->message[0] ? ")" : "", hint);
}

// --- redirects ---------------------------------------------------------------------------------------------

static bool is_moved(const struct s3_ask *ask, const struct http_response *r, const struct s3_xml_error *x)
{
    static const char *const codes[] = {"AuthorizationHeaderMalformed", "PermanentRedirect", "TemporaryRedirect",
                                        "Redirect", NULL};
    switch (r->status) {
    case 301:
    case 302:
    case 307:
    case 308:
        return true;
    case 400:
        if (ask->method == S3_HEAD && http_header(r, "x-amz-bucket-region")) {
            return true; // AuthorizationHeaderMalformed without its words
        }
        break;
    default:
        break;
    }
    return is_one_of(x->code, codes);
}

// Remembers where the bucket is; whether that is another place than the one that was asked.
static bool learn_place(struct s3 *s, const struct s3_ask *ask, const struct s3_sent *sent,
                        const struct http_response *r, const struct s3_xml_error *x)
{
    const char *header = http_header(r, "x-amz-bucket-region"), *location = http_header(r, "location");
    const char *region = header ? header : x->region;
    const char *where = x->endpoint[0] ? x->endpoint : location;
    auto_free char *other_region = NULL, *host = NULL;
    if (where && !s3_redirect_parse(&s->endpoint, ask->bucket, where, &other_region, &host)) {
        log_warn("s3", "bucket %s: a redirect out of the endpoint's domain is not followed", ask->bucket);
    }
    if (!aws_region_is_usable(region)) {
        region = other_region;
    }
    bool is_new = region && strcmp(region, sent->region) != 0;
    is_new = (host && strcmp(host, sent->host ? sent->host : s->endpoint.host) != 0) || is_new;
    if (is_new && s3_known_set(s, ask->bucket, region, host)) {
        log_info("s3", "bucket %s is in region %s", ask->bucket, region ? region : sent->region);
    }
    return is_new;
}

// --- the clock, the credentials ----------------------------------------------------------------------------

static bool learn_clock(struct s3 *s, const struct s3_sent *sent, const struct http_response *r,
                        const struct s3_xml_error *x, int64_t least_ms)
{
    const char *date = http_header(r, "date");
    int64_t theirs = date ? s3_time_of_http(date) : -1;
    theirs = theirs >= 0 ? theirs : s3_time_of_iso(x->server_time);
    int64_t offset = theirs - clock_wall_ms(), change = offset - sent->clock_offset_ms;
    if (theirs < 0 || (change < least_ms && change > -least_ms)) {
        return false;
    }
    atomic_store(&s->clock_offset_ms, offset);
    log_warn("s3", "this machine's clock is %lld s off the server's; requests are signed by the server's",
             (long long)(offset / 1000));
    return true;
}

// Whether the credentials chain may have better ones.
static bool reject_creds(struct s3 *s, const struct s3_sent *sent)
{
    if (!sent->is_signed || sent->was_rejected) {
        return false;
    }
    pthread_mutex_lock(&s->lock);
    s->has_rejected = true;
    s->rejected_serial = sent->serial;
    pthread_mutex_unlock(&s->lock);
    creds_rejected(s->creds, sent->serial);
    return true;
}

// A HEAD's 403 has no words: it may be an expired token. Asked seldom, for it is mostly a plain refusal.
static bool doubt_creds(struct s3 *s, const struct s3_sent *sent)
{
    long long now = clock_mono_ms(), after = atomic_load(&s->doubt_after_ms);
    return sent->has_token && now >= after &&
           atomic_compare_exchange_strong(&s->doubt_after_ms, &after, now + DOUBT_MS) && reject_creds(s, sent);
}

static enum s3_action learn_auth(struct s3 *s, const struct s3_ask *ask, const struct s3_sent *sent,
                                 const struct http_response *r, const struct s3_xml_error *x)
{
    static const char *const codes[] = {"ExpiredToken", "ExpiredTokenException", "InvalidToken", "TokenRefreshRequired",
                                        "InvalidAccessKeyId", NULL};
    bool is_wordless = ask->method == S3_HEAD && !x->code[0] && (r->status == 400 || r->status == 403);
    if (strcmp(x->code, "RequestTimeTooSkewed") == 0) {
        return learn_clock(s, sent, r, x, SKEW_MS) ? S3_CLOCK : S3_GIVE_UP;
    }
    if (is_wordless && sent->is_signed && learn_clock(s, sent, r, x, HEAD_SKEW_MS)) {
        return S3_CLOCK;
    }
    if (is_one_of(x->code, codes)) {
        return reject_creds(s, sent) ? S3_FRESH_CREDS : S3_GIVE_UP;
    }
    return is_wordless && doubt_creds(s, sent) ? S3_FRESH_CREDS : S3_GIVE_UP;
}

// --- what it is --------------------------------------------------------------------------------------------

static bool is_throttled(const struct http_response *r, const struct s3_xml_error *x)
{
    static const char *const codes[] = {"SlowDown", "SlowDownRead", "ServiceUnavailable", "Throttling",
                                        "ThrottlingException", "RequestLimitExceeded", "BandwidthLimitExceeded",
                                        "RequestThrottled", NULL};
    return r->status == 503 || r->status == 429 || is_one_of(x->code, codes);
}

static bool is_passing(const struct http_response *r, const struct s3_xml_error *x)
{
    static const char *const codes[] = {"InternalError", "RequestTimeout", NULL};
    switch (r->status) {
    case 408:
    case 500:
    case 502:
    case 504:
        return true;
    default:
        return is_throttled(r, x) || is_one_of(x->code, codes);
    }
}

static errc kind_of(const struct http_response *r, const struct s3_xml_error *x)
{
    static const char *const denied[] = {"ExpiredToken", "InvalidToken", "TokenRefreshRequired", "InvalidAccessKeyId",
                                         "AccessDenied", "SignatureDoesNotMatch", "RequestTimeTooSkewed", NULL};
    static const char *const missing[] = {"NoSuchKey", "NoSuchBucket", NULL};
    if (strcmp(x->code, "InvalidObjectState") == 0) {
        return ERR_ARCHIVED;
    }
    if (is_throttled(r, x)) {
        return ERR_THROTTLED;
    }
    if (r->status == 404 || is_one_of(x->code, missing)) {
        return ERR_NOT_FOUND;
    }
    if (r->status == 401 || r->status == 403 || is_one_of(x->code, denied)) {
        return ERR_DENIED;
    }
    return r->status == 412 ? ERR_BUSY : r->status == 416 ? ERR_LIMIT : ERR_IO;
}

errc s3_judge_error(struct s3 *s, const struct s3_ask *ask, const struct s3_sent *sent, const struct http_response *r,
                    const struct s3_xml_error *x, struct s3_outcome *ret, struct err *err)
{
    *ret = (struct s3_outcome)S3_OUTCOME_INIT;
    if (is_moved(ask, r, x)) {
        ret->action = learn_place(s, ask, sent, r, x) ? S3_MOVED : S3_GIVE_UP;
        atomic_fetch_add(&s->redirects, ret->action == S3_MOVED);
        if (ret->action == S3_MOVED || r->status < 400) {
            return say(ask, r, x, ERR_IO, ": the bucket is elsewhere; give its region, or its endpoint", err);
        }
    }
    errc code = kind_of(r, x);
    if (is_passing(r, x)) {
        ret->action = S3_WAIT;
        ret->retry_after_ms = retry_after_ms(http_header(r, "retry-after"), clock_wall_ms());
    } else {
        ret->action = learn_auth(s, ask, sent, r, x);
    }
    atomic_fetch_add(&s->denied, code == ERR_DENIED && ret->action == S3_GIVE_UP);
    return say(ask, r, x, code, hint_of(code, ask, x), err);
}

errc s3_judge(struct s3 *s, const struct s3_ask *ask, const struct s3_sent *sent, const struct http_response *r,
              errc code, struct s3_outcome *ret, struct err *err)
{
    struct s3_xml_error x = {0};
    *ret = (struct s3_outcome)S3_OUTCOME_INIT;
    if (code) {
        if (r->fault == HTTP_STOPPED) {
            return code; // by the one who takes the bytes, or who asked
        }
        ret->action = r->fault == HTTP_BAD_TLS ? S3_GIVE_UP : S3_WAIT;
        struct err why = *err;
        return s3_fail(ask, err, code, "%s", why.cause);
    }
    if (r->status >= 200 && r->status < 300) {
        return ERR_OK;
    }
    if (r->error_body.len > 0) {
        s3_xml_error_of(r->error_body.data, r->error_body.len, &x);
    }
    return s3_judge_error(s, ask, sent, r, &x, ret, err);
}
