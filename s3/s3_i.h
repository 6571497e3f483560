// What the files of the S3 client share among themselves; nobody else includes it.
//
// A request (s3_ask) is placed, signed and sent by s3_send.c; what its answer means is said by s3_judge.c, which also
// remembers what the answer taught (region, clock, credentials); s3_tries.c tries again.
#ifndef S3_S3_I_H
#define S3_S3_I_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/retry.h"
#include "s3/s3.h"
#include "s3/s3_url.h"
#include "s3/s3_xml.h"

#define S3_MAX_PLACES 256

// What a bucket answered instead of serving: its region, or another host of the endpoint's domain.
struct s3_known {
    char *bucket, *region, *host; // owned; host may be NULL
};

struct s3 {
    struct http *http;
    struct creds *creds;
    char *region;
    bool is_region_given; // not the one that is taken by default
    struct s3_endpoint endpoint;
    enum s3_style style;
    struct retry_policy policy;
    pthread_mutex_t lock; // of what follows down to rejected_serial
    struct s3_known *known;
    size_t known_len, known_cap;
    bool has_rejected;
    uint64_t rejected_serial; // the last value of the credentials that was told to be refused
    atomic_llong clock_offset_ms; // of the server before ours
    atomic_llong hold_until_ms;   // monotonic: what a Retry-After asked for
    atomic_llong doubt_after_ms;  // monotonic: a HEAD's wordless 403 makes nobody look for credentials before
    atomic_ullong gets, heads, lists, retries, redirects, denied, bytes_in;
};

enum s3_method { S3_GET, S3_HEAD, S3_LIST };

// One request, before it is placed. What it points to is borrowed.
struct s3_ask {
    enum s3_method method;
    const char *bucket, *key; // key NULL: the bucket itself
    const char *query;        // percent-encoded, or ""
    const char *shown;        // of a listing: its prefix, for causes
    uint64_t off, len;        // GET; 0 and UINT64_MAX ask without Range
    const char *if_match;     // or NULL
    bool takes_whole;         // instead of the range, from a server that knows none
    size_t window;
};

// What a request was sent with: an answer is judged by it.
struct s3_sent {
    char region[48];
    char *url, *host; // owned; host: what a redirect had named, or NULL
    bool is_signed, has_token, was_rejected; // was_rejected: with credentials that were refused before
    uint64_t serial;
    int64_t clock_offset_ms;
};
void s3_sent_free(struct s3_sent *s);

// Sends it.
errc s3_send(struct s3 *s, const struct s3_ask *ask, struct cancel *cancel, struct s3_sent *ret_sent,
             struct http_started **ret, struct err *err) ERR_MUST_CHECK;

// What may be done after a failure. Those behind S3_WAIT are done once each, at once.
enum s3_action { S3_GIVE_UP, S3_WAIT, S3_MOVED, S3_FRESH_CREDS, S3_CLOCK };
struct s3_outcome {
    enum s3_action action;
    int64_t retry_after_ms; // or -1
};
#define S3_OUTCOME_INIT {S3_GIVE_UP, -1}

// For an answer: ERR_OK for 2xx, else what failed. `code` and err are what the HTTP engine told.
errc s3_judge(struct s3 *s, const struct s3_ask *ask, const struct s3_sent *sent, const struct http_response *r,
              errc code, struct s3_outcome *ret, struct err *err) ERR_MUST_CHECK;
// The same for an error document in the place of a good answer.
errc s3_judge_error(struct s3 *s, const struct s3_ask *ask, const struct s3_sent *sent, const struct http_response *r,
                    const struct s3_xml_error *x, struct s3_outcome *ret, struct err *err) ERR_MUST_CHECK;
// Fails with "GET s3://bucket/key: TEXT".
errc s3_fail(const struct s3_ask *ask, struct err *err, errc code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

// Makes one try, as long as trying again may help.
typedef errc (*s3_try_fn)(void *arg, struct s3_outcome *ret, struct err *err);
errc s3_try(struct s3 *s, struct cancel *cancel, s3_try_fn fn, void *arg, struct err *err) ERR_MUST_CHECK;
// An answer of the fetcher's asked to wait so long (-1: did not): s3_wait_again keeps to it.
void s3_note_hold(struct s3 *s, int64_t retry_after_ms);

// The table of what buckets answered. Copies, owned; ret_host may become NULL.
void s3_known_get(struct s3 *s, const char *bucket, char **ret_region, char **ret_host);
// NULL keeps what is known. False when that is known already.
bool s3_known_set(struct s3 *s, const char *bucket, const char *region, const char *host);
// Forgets where a bucket is if this was sent there in vain, without a connection: the endpoint is asked again.
void s3_known_doubt(struct s3 *s, const char *bucket, const struct s3_sent *sent, const struct http_response *r);

// Reads the head of an answer to a request. *ret_len: the bytes of its body; UINT64_MAX when not told.
errc s3_head_read(const struct s3_ask *ask, const struct http_response *r, struct s3_head *ret, uint64_t *ret_len,
                  struct err *err) ERR_MUST_CHECK;
#define S3_HEAD_INIT {.size = UINT64_MAX, .mtime_ms = -1}

#endif
