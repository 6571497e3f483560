// Private to base/creds*.c: the sources of credentials and what they share. A look-up runs on one thread.
#ifndef BASE_CREDS_I_H
#define BASE_CREDS_I_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/creds.h"
#include "base/endpoint.h"
#include "base/json.h"
#include "base/strv.h"

// One walk through the sources.
struct look {
    struct http *http;
    aws_env_fn env;
    const struct aws_files *files;
    const char *profile;     // the one that is asked for
    bool is_given;           // by an option, which goes before keys of the environment
    const char *region;      // of STS, or NULL
    struct cancel *cancel;
    struct strv secrets;     // all that was seen; none of it may stand in a cause
    struct strv visited;     // profiles on the way from role to role
};

struct found {
    struct creds_value value; // without a serial
    char *source;             // owned; for people
    bool is_fixed;            // of the environment, which cannot change
};
void found_free(struct found *f); // empties it

// A source: ERR_NOT_FOUND when it is not configured (the cause says what it lacks), and the next one is asked; any
// other failure is that of a source that is configured, and ends the look-up.
errc creds_from_chain(struct look *l, struct found *ret, struct err *err);
errc creds_from_env(struct look *l, struct found *ret, struct err *err);
errc creds_from_role(struct look *l, const char *profile, struct found *ret, struct err *err);
errc creds_from_web_identity(struct look *l, const char *profile, bool use_env, struct found *ret, struct err *err);
errc creds_from_sso(struct look *l, const char *profile, struct found *ret, struct err *err);
errc creds_from_keys(struct look *l, enum aws_file file, const char *profile, struct found *ret, struct err *err);
errc creds_from_process(struct look *l, const char *profile, struct found *ret, struct err *err);
errc creds_from_container(struct look *l, struct found *ret, struct err *err);
errc creds_from_instance(struct look *l, struct found *ret, struct err *err);
// What a profile itself has: web identity, SSO, keys, process.
errc creds_from_profile(struct look *l, const char *profile, bool use_env, struct found *ret, struct err *err);

// --- STS (creds_sts.c) ---------------------------------------------------------------------------------------

struct sts_call {
    const struct creds_value *source; // who signs, or NULL: not signed
    const char *action, *role_arn, *session_name; // session_name NULL: one of our own
    const char *external_id, *duration, *token;   // the web identity's token; each may be NULL
};
errc creds_ask_sts(struct look *l, const struct sts_call *call, struct creds_value *ret, struct err *err);

// --- SSO (creds_sso.c, creds_sso_token.c) ---------------------------------------------------------------------

#define CREDS_SSO_TRIES 3
#define CREDS_SSO_TIMEOUT_MS 10000

struct sso {
    const char *profile, *session, *start_url, *region, *role, *account; // borrowed; session may be NULL
};
// The token of the login, renewed from a quarter of an hour before its end on where the login allows it; written back
// then. ERR_DENIED where only another login helps. Owned: wipe it.
errc creds_sso_token(struct look *l, const struct sso *s, char **ret, struct err *err);
// ERR_DENIED with what to do.
errc creds_sso_login_again(const struct sso *s, const char *why, struct err *err);

// --- shared (creds_parts.c) ----------------------------------------------------------------------------------

// Nothing of the text may stand in a cause from now on.
void look_keep_secret(struct look *l, const char *text);
// Masks in a cause every run of bytes that is part of a secret.
void look_scrub(const struct look *l, struct err *err);
// ERR_DENIED for keys that are empty, have characters that no header can carry or are expired already.
errc creds_check(const struct found *f, struct err *err);
// "2030-01-01T00:00:00Z", with fraction or offset.
bool creds_parse_time(const char *text, int64_t *ret_ms);

struct creds_names {
    const char *access_key, *secret_key, *token, *expires; // members; expires is text
    bool needs_token, needs_expires;
};
// The keys in a JSON object. ERR_IO, the cause beginning with `what` and holding nothing of the text.
errc creds_from_json(struct look *l, const struct json *object, const struct creds_names *names, const char *what,
                     struct creds_value *ret, struct err *err);
// json_parse whose cause holds nothing of the text.
errc creds_parse_json(const struct buf *text, const char *what, struct json **ret, struct err *err);
void creds_value_secret(struct look *l, const struct creds_value *v);

// --- HTTP (creds_http.c) -------------------------------------------------------------------------------------

struct creds_ask {
    const char *what;         // who is asked, for causes: "the container's endpoint"
    const char *method, *url;
    const struct strv *headers; // or NULL
    const char *body;         // or NULL
    unsigned tries, timeout_ms;
    bool is_direct;           // never through a proxy
};
struct creds_answer {
    int status;
    struct buf body;          // at most 256 KiB
};
void creds_answer_free(struct creds_answer *a); // wipes it
// ERR_OK whenever there is a whole answer, whatever its status; 429 and 5xx and no answer are tried again.
errc creds_http(struct look *l, const struct creds_ask *ask, struct creds_answer *ret, struct err *err);

// Where a service is asked, without a slash at its end: environment, profile, else AWS's `host` (base/endpoint.h) in
// that region (NULL: the global endpoint, or us-east-1's where it is to be a FIPS or dual-stack one). Owned.
char *creds_endpoint(struct look *l, const char *variable, const char *service, const char *host, const char *region);
// Where the container is asked: 0 when it is not configured. Owned. (Here for its tests.)
errc creds_container_url(aws_env_fn env, char **ret, struct err *err);

#endif
