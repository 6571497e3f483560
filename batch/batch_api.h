// AWS Batch and CloudWatch Logs over the HTTP engine: signed JSON calls (AWS Batch API Reference; botocore's
// service-2.json of batch 2016-08-10 and logs 2014-03-28), their errors in words, and when to try again. Thread-safe.
//
// A call that AWS throttles (429, or an error code that says so) makes every further call of this client to that
// service wait, doubling from 0.5 s to 20 s with jitter, until one is answered; a Retry-After up to a minute is kept
// to. A wait that would leave no time before the deadline fails at once with ERR_THROTTLED; so does one that passes it.
// No call is ever made through a lock. What a refusal teaches of the clock (it is off) is kept; causes hold nothing of
// what was sent, and no credentials.
#ifndef BATCH_BATCH_API_H
#define BATCH_BATCH_API_H

#include "base/cancel.h"
#include "base/creds.h"
#include "base/endpoint.h"
#include "base/http.h"
#include "base/json.h"

struct batch_api;

struct batch_api_conf {
    struct http *http;    // borrowed
    struct creds *creds;  // borrowed
    const char *region;   // copied
    struct aws_variant variant; // of AWS's endpoints
    const char *batch_endpoint, *logs_endpoint; // URLs without a path, or NULL: AWS's; copied
};
// ERR_INVALID for an endpoint or region that is none.
errc batch_api_new(const struct batch_api_conf *conf, struct batch_api **ret, struct err *err) ERR_MUST_CHECK;
void batch_api_free(struct batch_api *a); // NULL is fine

// What became of a request that changes something.
enum batch_fate {
    BATCH_NOT_SENT,  // no connection, no credentials, cancelled before: nothing reached AWS
    BATCH_REFUSED,   // an answer says no, for good
    BATCH_THROTTLED, // an answer says later: it was not carried out
    BATCH_FAILED,    // 500 or 503: it may have been carried out
    BATCH_NO_ANSWER, // sent, and no answer of AWS Batch came (408 and other 5xx are a gateway's): it may have been, too
    BATCH_DONE,
};

// One try of one call. `operation` is the last part of the path: "submitjob". The parsed answer, an object, is the
// caller's. It is sent once at most, on a connection of its own; only what an answer refused for expired credentials or
// a wrong clock is sent once more, signed anew. Without a deadline of the token it may take 30 s. Errors: ERR_DENIED
// (credentials, permission), ERR_INVALID (a ClientException: the cause has AWS's message), ERR_NOT_FOUND,
// ERR_THROTTLED, ERR_TIMEOUT, ERR_UNREACHABLE, ERR_IO, ERR_CORRUPT (the answer is no JSON object: BATCH_NO_ANSWER),
// ERR_INTERRUPTED, ERR_TOO_MANY. *ret_fate is always set.
errc batch_call_once(struct batch_api *a, const char *operation, const char *body, struct cancel *cancel,
                     struct json **ret, enum batch_fate *ret_fate, struct err *err) ERR_MUST_CHECK;
// A call that may be made twice without harm, as one that only reads: tried again, with jittered back-off, until it is
// answered or the token's deadline comes (10 s where it has none); the cause is then the last failure's.
errc batch_call(struct batch_api *a, const char *operation, const char *body, struct cancel *cancel,
                struct json **ret, struct err *err) ERR_MUST_CHECK;
// The same of CloudWatch Logs; `target` is "GetLogEvents".
errc batch_logs_call(struct batch_api *a, const char *target, const char *body, struct cancel *cancel,
                     struct json **ret, struct err *err) ERR_MUST_CHECK;

struct batch_api_stats {
    uint64_t calls, retries, throttled, failed, logs_calls, submitted; // submitted: SubmitJob calls that were answered
};
void batch_api_stats(struct batch_api *a, struct batch_api_stats *ret);

#endif
