// What the files of the Batch client share among themselves; nobody else includes it.
//
// A call is signed and sent by batch_api_send.c; what its answer means is said by batch_api_judge.c; batch_api.c waits,
// tries again and keeps what answers taught (throttling, the clock).
#ifndef BATCH_BATCH_API_I_H
#define BATCH_BATCH_API_I_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/endpoint.h"
#include "batch/batch_api.h"

// One service: where it is, and how it is to be left in peace.
struct batch_service {
    const char *name;       // of the signature: "batch", "logs"
    char *url;              // "https://batch.eu-west-1.amazonaws.com", no slash at its end
    char *host;             // as in a Host header
    pthread_mutex_t lock;   // what follows
    unsigned backoff_ms;    // 0: nothing was throttled since the last answer
    int64_t held_ms, hold_until_ms; // monotonic: when the last hold began, and when it ends
};

struct batch_api {
    struct http *http;
    struct creds *creds;
    char *region;
    struct batch_service batch, logs;
    atomic_llong clock_offset_ms; // of the servers before ours
    atomic_ullong calls, retries, throttled, failed, logs_calls, submitted;
};

struct batch_ask {
    struct batch_service *service;
    const char *operation;  // "submitjob"; of Logs "GetLogEvents"
    const char *body;
    bool is_once;           // changes something: sent once at most
    int64_t deadline_ms;    // monotonic
};

// One request that was sent, or was to be.
struct batch_sent {
    bool is_tried;          // false: the engine did not even begin
    errc code;              // what the HTTP engine told; its cause is in the struct err
    struct http_response response;
    struct buf body;        // of a 2xx answer
    int64_t clock_offset_ms;
};
void batch_sent_free(struct batch_sent *s); // empties it
void batch_send(struct batch_api *a, const struct batch_ask *ask, const struct creds_value *key,
                struct cancel *cancel, struct batch_sent *ret, struct err *err);

// What AWS says in an answer that is an error: "" where it says nothing. One line each, without control characters.
struct batch_error {
    char code[80], message[320];
};
// `type` is the header x-amzn-errortype, or NULL.
void batch_error_read(const char *type, const char *body, size_t len, struct batch_error *ret);

enum batch_action { BATCH_GIVE_UP, BATCH_AGAIN, BATCH_FRESH_CREDS, BATCH_SET_CLOCK };
struct batch_outcome {
    enum batch_fate fate;
    enum batch_action action; // what may help
    int64_t retry_after_ms;   // of BATCH_THROTTLED, or -1
    int64_t clock_offset_ms;  // of BATCH_SET_CLOCK
};
// ERR_OK for an answer that is a JSON object, else what failed. `key` is what signed it: nothing of it is told.
errc batch_judge(const struct batch_ask *ask, const struct creds_value *key, const struct batch_sent *sent,
                 struct json **ret, struct batch_outcome *ret_outcome, struct err *err) ERR_MUST_CHECK;
// "SubmitJob" for "submitjob".
const char *batch_operation_name(const char *operation);

#endif
