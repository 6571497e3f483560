// Amazon S3's REST API, as far as a reader needs it (Amazon S3 API Reference: GetObject, HeadObject, ListObjectsV2,
// "Error responses"), over the HTTP engine, SigV4 and the credentials chain. Works against everything that speaks it.
//
// Each request is signed anew for each try, and goes behind those of readers while its token says so (cancel.ahead).
// A 301, 307 or AuthorizationHeaderMalformed that names another region is followed once and remembered for its bucket,
// until there is no connection to where it led: then the endpoint is asked anew.
// An expired or unknown token asks the credentials chain once more. 500,
// 502, 503, 504, SlowDown, RequestTimeout, an error document in the place of an object, a Content-Range other than was
// asked for, resets, cuts and silence are tried again with jittered, doubling waits until conf.max_tries or the
// deadline of the cancel token; a Retry-After of more than a minute ends the tries. What is no listing is asked for
// once more.
// RequestTimeTooSkewed corrects the clock by the answer's Date, once.
//
// Errors: 404 NoSuchKey and NoSuchBucket ERR_NOT_FOUND; 401, 403 ERR_DENIED (a 403 is never "missing"; the cause says
// so, and that without ListBucket S3 says 403 for a missing key); 412 (If-Match) ERR_BUSY; 416 ERR_LIMIT; 403
// InvalidObjectState ERR_ARCHIVED; 503 and SlowDown after retries ERR_THROTTLED; no connection ERR_UNREACHABLE; a name
// of a bucket, a key or a range that cannot be ERR_INVALID; silence, and no time left for another try, ERR_TIMEOUT;
// else ERR_IO. Causes name bucket, key, S3's code and message, and the request id. Thread-safe.
#ifndef S3_S3_H
#define S3_S3_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cancel.h"
#include "base/creds.h"
#include "base/endpoint.h"
#include "base/err.h"
#include "base/http.h"

struct s3;

enum s3_style { S3_STYLE_AUTO, S3_STYLE_PATH, S3_STYLE_VIRTUAL }; // auto: virtual for AWS, path for another endpoint
struct s3_conf {
    struct http *http;    // borrowed
    struct creds *creds;  // borrowed; NULL: requests are not signed (anonymous)
    const char *region;   // NULL: us-east-1, corrected by what buckets answer; copied
    const char *endpoint; // "https://minio:9000" or NULL for AWS; copied
    struct aws_variant variant; // of AWS's endpoints, where none is given
    enum s3_style style;
    unsigned max_tries;   // of a request, in all; 0 means 8
    unsigned first_wait_ms, max_wait_ms; // before the second try, and at most; 0 means 50 and 5,000
};
// ERR_INVALID for an endpoint that is no http or https URL without path and query.
errc s3_new(const struct s3_conf *conf, struct s3 **ret, struct err *err) ERR_MUST_CHECK;
void s3_free(struct s3 *s); // NULL is fine; nobody is in a call any more

// "s3://bucket/some/prefix" to its two parts, owned by the caller; the prefix has no slash at either end and may be "".
// False for anything else.
bool s3_url_parse(const char *url, char **ret_bucket, char **ret_prefix);

// What the head of an answer tells of an object.
struct s3_head {
    uint64_t size;     // of the whole object (Content-Range where there is one); UINT64_MAX when not told
    int64_t mtime_ms;  // Last-Modified, or -1
    char etag[72];     // with its quotes; "" when not told
    char *attributes;  // x-amz-meta-metaflow-user-attributes, or NULL; owned
    bool is_whole;     // the answer's body is the whole object (200), not a part of it
};
void s3_head_free(struct s3_head *h); // empties it
// Whether both may be of one version: by size and ETag, and by time where an ETag is weak or missing.
bool s3_head_is_same(const struct s3_head *a, const struct s3_head *b);
// The ETag to send as If-Match; NULL when there is none, or a weak one, which matches nothing there (RFC 9110, 13.1.1).
const char *s3_head_if_match(const struct s3_head *h);

struct s3_range {
    const char *bucket, *key; // the key is not encoded; borrowed
    uint64_t off;             // first byte
    uint64_t len;             // bytes from there; UINT64_MAX: to the end of the object
    const char *if_match;     // an ETag, or NULL; borrowed
};
// Takes the next bytes, in order; an error ends the request and is returned by it.
typedef errc (*s3_body_fn)(void *arg, const struct s3_head *head, const void *data, size_t len, struct err *err);

// One object or range, tried again as said above: a try that was cut goes on behind the bytes that were given, of the
// same version of the object (If-Match). No Range header is sent for a whole object. ret_head (may be NULL) is filled
// before the first byte and stays so when the read fails afterwards. A body shorter than the head told is a cut.
errc s3_get(struct s3 *s, const struct s3_range *range, struct cancel *cancel, s3_body_fn fn, void *arg,
            struct s3_head *ret_head, struct err *err) ERR_MUST_CHECK;
errc s3_head_object(struct s3 *s, const char *bucket, const char *key, struct cancel *cancel, struct s3_head *ret,
                    struct err *err) ERR_MUST_CHECK;

// For the parallel fetcher (s3/fetch.h): a range that is under way while its caller does something else; up to
// `window` bytes of it are received meanwhile. Nothing is tried again by itself.
struct s3_started;
errc s3_start(struct s3 *s, const struct s3_range *range, size_t window, struct cancel *cancel,
              struct s3_started **ret, struct err *err) ERR_MUST_CHECK;
// Takes its bytes as they come, and frees it. On failure *ret_again tells whether another try may do better. From a
// server that knows no ranges fn takes the whole object, from its first byte: head->is_whole tells.
errc s3_follow(struct s3 *s, struct s3_started *started, struct cancel *cancel, s3_body_fn fn, void *arg,
               struct s3_head *ret_head, bool *ret_again, struct err *err) ERR_MUST_CHECK;
void s3_abandon(struct s3 *s, struct s3_started *started); // frees it; NULL is fine
// Waits before try number `tries` + 1 of something that failed with *ret_again, at least as long as Retry-After asked;
// false, with the error as it stands, when the tries are used up, or the deadline or a cancel comes first (err then
// tells which).
bool s3_wait_again(struct s3 *s, unsigned tries, struct cancel *cancel, struct err *err);

// Keys below a prefix in S3's order (UTF-8 bytes), 1,000 a request. `delimiter`: only what is directly below the
// prefix, "directories" as is_prefix with their trailing slash. False from fn ends the listing.
struct s3_entry {
    const char *key;  // whole, decoded; borrowed until fn returns
    bool is_prefix;
    uint64_t size;
    int64_t mtime_ms;
    const char *etag; // with its quotes; "" when not told; borrowed
};
typedef bool (*s3_list_fn)(void *arg, const struct s3_entry *entry);
// `after`: only keys behind this one, or NULL. An empty listing is ERR_OK; a missing bucket ERR_NOT_FOUND.
errc s3_list(struct s3 *s, const char *bucket, const char *prefix, bool delimiter, const char *after,
             struct cancel *cancel, s3_list_fn fn, void *arg, struct err *err) ERR_MUST_CHECK;
// One listing request for at most one key: whether the bucket is there and may be listed. For --check and start-up.
errc s3_check_bucket(struct s3 *s, const char *bucket, const char *prefix, struct cancel *cancel,
                     struct err *err) ERR_MUST_CHECK;

struct s3_stats {
    uint64_t gets, heads, lists, retries, redirects, denied, bytes_in;
};
void s3_stats(struct s3 *s, struct s3_stats *ret);
// For people: endpoint, region, style. Appended without a final newline. The region is the one that the bucket answered
// to be in, beside the configured one; bucket may be NULL.
void s3_describe(struct s3 *s, const char *bucket, struct buf *out);

#endif
