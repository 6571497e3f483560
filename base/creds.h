// AWS credentials by the usual chain (botocore/credentials.py), for every signed request: environment; a profile that
// assumes a role (role_arn with source_profile or credential_source); web identity (AWS_WEB_IDENTITY_TOKEN_FILE and
// AWS_ROLE_ARN, or the profile's); SSO profiles, whose login is renewed in ~/.aws/sso/cache when it is due; keys in
// the shared files; credential_process; the container's endpoint
// (AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI, with AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE or _TOKEN); the
// instance's (IMDSv2, one try of 1 s, AWS_EC2_METADATA_DISABLED, AWS_EC2_METADATA_SERVICE_ENDPOINT and _MODE). With a
// profile option the environment's keys and web identity do not count.
//
// A value is kept until it is about to expire and refreshed ahead of that by one caller while the others go on with
// what there is (from 15 minutes before the end on; from 5 minutes before it on everybody waits for the new one; of a
// value that lives less than half an hour, half and a sixth of its life). A refresh that fails is tried again after
// 5 s, and is nobody's error while the old value holds; where none does, a failure is the answer to all for 1 s.
// Thread-safe. Secrets are never logged and stand in no cause. Metadata endpoints are never asked through a proxy.
#ifndef BASE_CREDS_H
#define BASE_CREDS_H

#include <stdint.h>

#include "base/aws_profile.h"
#include "base/cancel.h"
#include "base/err.h"
#include "base/http.h"

struct creds;

struct creds_value {
    char *access_key, *secret_key, *token; // owned; token may be NULL
    int64_t expires_ms;                    // wall clock, or -1: never
    uint64_t serial;                       // tells this value from the next
};

struct creds_conf {
    struct http *http;   // borrowed: for STS and the metadata endpoints
    aws_env_fn env;      // NULL means getenv
    const char *profile; // an option; NULL: AWS_PROFILE, AWS_DEFAULT_PROFILE, "default"; copied
    const char *region;  // of STS, where neither environment nor profile tell; NULL: the global endpoint; copied
    const struct creds_value *given; // keys that somebody configured here, before every source; NULL: none; copied
    const char *given_from;          // where, for people: its source; copied
};
struct creds *creds_new(const struct creds_conf *conf);
void creds_free(struct creds *c); // NULL is fine

// A copy of what is valid now. ERR_DENIED where no source has credentials: the cause names every source that was
// looked at and what each lacked; also where the one source that is configured fails for good. Waits for the network,
// and looks at `cancel`.
errc creds_get(struct creds *c, struct cancel *cancel, struct creds_value *ret, struct err *err) ERR_MUST_CHECK;
void creds_value_free(struct creds_value *v); // wipes the secrets

// An answer said that the value with this serial is expired or unknown: the next creds_get looks for another one,
// unless that was done already. The environment cannot change: its value stays. Where the sources still give the same
// keys the value keeps its serial, and rejecting it again within 5 s changes nothing.
void creds_rejected(struct creds *c, uint64_t serial);

// Where the current value came from, for people: "environment", "profile dev (role arn:...)", "web identity
// (role ...)", "SSO of profile x (role ...)", "keys of profile x in the credentials file", "credential_process of
// profile x", "container", "instance role NAME"; "" before the first creds_get. A copy, owned by the caller; no secret
// and no access key in it.
char *creds_source(struct creds *c);

// The region by the usual chain: AWS_REGION, AWS_DEFAULT_REGION, the profile's `region`; NULL where none tells. Owned.
char *creds_region(aws_env_fn env, const char *profile);

struct creds_stats { uint64_t refreshes, failures, rejected; };
void creds_stats(struct creds *c, struct creds_stats *ret);

#endif
