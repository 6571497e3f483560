// AWS Signature Version 4 (AWS IAM User Guide, "Create a signed AWS API request"; Amazon S3 API Reference,
// "Authenticating Requests: Using the Authorization Header"), as a pure function of request, key and time.
// Thread-safe: there is no state.
#ifndef BASE_SIGN_H
#define BASE_SIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strv.h"

#define SIGN_UNSIGNED_PAYLOAD "UNSIGNED-PAYLOAD"
#define SIGN_EMPTY_PAYLOAD "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

struct sign_key {
    const char *access_key, *secret_key;
    const char *token; // session token, or NULL
};

struct sign_request {
    const char *method;
    const char *host;          // the Host header as it is sent: with the port where it is not the scheme's own
    const char *path;          // as it is sent: begins with '/', percent-encoded once
    const char *query;         // as it is sent, without '?': percent-encoded "name=value" pairs; "" for none
    const struct strv *signed_headers; // further headers to sign, "Name: value"; borrowed, may be NULL
    const char *payload_hash;  // hex SHA-256 of the body, SIGN_EMPTY_PAYLOAD or SIGN_UNSIGNED_PAYLOAD
    const char *region, *service; // "eu-west-1"; "s3", "sts", "batch", "logs"
    bool is_s3;                // S3's rules: the path is canonical as it is, and x-amz-content-sha256 is sent
    int64_t time_ms;           // wall clock
};

// Appends to `headers` what the request has to be sent with: X-Amz-Date, X-Amz-Content-Sha256 (S3),
// X-Amz-Security-Token (with a token) and Authorization. signed_headers are not appended.
void sign_v4(const struct sign_key *key, const struct sign_request *rq, struct strv *headers);

// Its two steps, for the published test vectors. Owned by the caller.
char *sign_canonical_request(const struct sign_key *key, const struct sign_request *rq);
char *sign_string_to_sign(const struct sign_request *rq, const char *canonical_request);

// Hex SHA-256 of a body.
void sign_payload_hash(const void *body, size_t len, char out[65]);

#endif
