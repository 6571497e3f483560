// What an answer of AWS means: which failure it is, whether the request was carried out, what a person reads of it, and
// what may be tried then.
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/retry.h"
#include "batch/batch_api_i.h"

#define SKEW_MS (60 * 1000) // a clock is worth correcting above that; AWS refuses what is 5 minutes off
#define MAX_RETRY_AFTER_MS 60000
#define TELLING_BYTES 16    // so much of a secret is enough to tell it

static bool is_one_of(const char *code, const char *const *list)
{
    for (; *list; list++) {
        if (strcmp(code, *list) == 0) {
            return true;
        }
    }
    return false;
}

const char *batch_operation_name(const char *operation)
{
    static const char *const names[][2] = {
        {"submitjob", "SubmitJob"},
        {"describejobs", "DescribeJobs"},
        {"listjobs", "ListJobs"},
        {"terminatejob", "TerminateJob"},
        {"describejobqueues", "DescribeJobQueues"},
        {"describecomputeenvironments", "DescribeComputeEnvironments"},
        {"describejobdefinitions", "DescribeJobDefinitions"},
        {"registerjobdefinition", "RegisterJobDefinition"},
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(operation, names[i][0]) == 0) {
            return names[i][1];
        }
    }
    return operation;
}

// --- what it is --------------------------------------------------------------------------------------------

static bool is_throttled(int status, const char *code)
{
    static const char *const codes[] = {
        "Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled", "RequestThrottledException",
        "TooManyRequestsException", "RequestLimitExceeded", "BandwidthLimitExceeded", "SlowDown",
        "ProvisionedThroughputExceededException", NULL};
    return status == 429 || is_one_of(code, codes);
}

static bool is_bad_key(const char *code)
{
    static const char *const codes[] = {
        "ExpiredToken", "ExpiredTokenException", "UnrecognizedClientException", "InvalidSignatureException",
        "InvalidClientTokenId", "InvalidToken", "SignatureDoesNotMatch", "TokenRefreshRequired", NULL};
    return is_one_of(code, codes);
}

static bool may_be_clock(const char *code)
{
    static const char *const codes[] = {"RequestTimeTooSkewed", "RequestExpired", "InvalidSignatureException",
                                        "SignatureDoesNotMatch", "RequestInTheFuture", "AuthFailure", NULL};
    return is_one_of(code, codes);
}

static errc kind_of(int status, const char *code)
{
    static const char *const denied[] = {
        "AccessDeniedException", "AccessDenied", "MissingAuthenticationToken", "MissingAuthenticationTokenException",
        "IncompleteSignature", "IncompleteSignatureException", "RequestTimeTooSkewed", "RequestExpired", "AuthFailure",
        "OptInRequired", "SubscriptionRequiredException", NULL};
    static const char *const missing[] = {"ResourceNotFoundException", NULL};
    if (is_throttled(status, code)) {
        return ERR_THROTTLED;
    }
    if (status == 401 || status == 403 || status == 407 || is_bad_key(code) || is_one_of(code, denied)) {
        return ERR_DENIED;
    }
    if (status == 404 || is_one_of(code, missing)) {
        return ERR_NOT_FOUND;
    }
    return status == 408 || status >= 500 || status < 400 ? ERR_IO : ERR_INVALID;
}

// Whether the answer's Date shows that ours is the wrong clock, and by how much.
static bool read_clock(const struct batch_sent *sent, int64_t *ret_offset_ms)
{
    const char *date = http_header(&sent->response, "date");
    int64_t theirs = date ? retry_date_ms(date) : -1;
    int64_t offset = theirs - clock_wall_ms(), change = offset - sent->clock_offset_ms;
    if (theirs < 0 || (change < SKEW_MS && change > -SKEW_MS)) {
        return false;
    }
    *ret_offset_ms = offset;
    return true;
}

// --- words -------------------------------------------------------------------------------------------------

static bool has_start_of(const char *text, const char *secret)
{
    char start[TELLING_BYTES + 1];
    if (!secret || strlen(secret) < TELLING_BYTES) {
        return false;
    }
    snprintf(start, sizeof(start), "%s", secret);
    return strstr(text, start) != NULL;
}

static void hide(struct batch_error *x, const struct creds_value *key)
{
    if (has_start_of(x->message, key->token) || has_start_of(x->message, key->secret_key)) {
        snprintf(x->message, sizeof(x->message), "a message that repeats the credentials, and is not shown");
    }
}

static errc say(const struct batch_ask *ask, const struct http_response *r, const struct batch_error *x, errc code,
                struct err *err)
{
    const char *hint = code == ERR_DENIED      ? ": check the credentials and what they may do"
                       : code == ERR_THROTTLED ? ": it asks for fewer calls"
                       : r->status < 400       ? ": a redirect is not followed; check the endpoint"
                                               : "";
    const char *said = x->message[0] ? x->message : "it was refused without a word";
    return err_set(err, code, "%s at %.100s: %s (%s%sstatus %d)%s", batch_operation_name(ask->operation),
                   ask->service->host, said, x->code, x->code[0] ? ", " : "", r->status, hint);
}

// --- judging -----------------------------------------------------------------------------------------------

static errc judge_failure(const struct batch_ask *ask, const struct batch_sent *sent, struct batch_outcome *o,
                          struct err *err)
{
    struct err why = *err;
    const struct http_response *r = &sent->response;
    bool is_ours = r->fault == HTTP_STOPPED; // the caller's end, or too long an answer
    bool may_pass = sent->is_tried ? !is_ours && r->fault != HTTP_BAD_TLS : sent->code == ERR_TOO_MANY;
    o->fate = sent->is_tried && r->is_sent ? BATCH_NO_ANSWER : BATCH_NOT_SENT;
    o->action = may_pass ? BATCH_AGAIN : BATCH_GIVE_UP;
    return err_set(err, sent->code, "%s: %s", batch_operation_name(ask->operation), why.cause);
}

static errc judge_error(const struct batch_ask *ask, const struct creds_value *key, const struct batch_sent *sent,
                        struct batch_outcome *o, struct err *err)
{
    const struct http_response *r = &sent->response;
    struct batch_error x;
    batch_error_read(http_header(r, "x-amzn-errortype"), r->error_body.data, r->error_body.len, &x);
    hide(&x, key);
    errc code = kind_of(r->status, x.code);
    if (code == ERR_THROTTLED) {
        o->fate = BATCH_THROTTLED;
        o->action = BATCH_AGAIN;
        int64_t after = retry_after_ms(http_header(r, "retry-after"), clock_wall_ms());
        o->retry_after_ms = after < MAX_RETRY_AFTER_MS ? after : MAX_RETRY_AFTER_MS;
    } else if (r->status >= 500 || r->status == 408) {
        // Other answers than these two are a gateway's, which gave up on what may still be at work behind it.
        o->fate = r->status == 500 || r->status == 503 ? BATCH_FAILED : BATCH_NO_ANSWER;
        o->action = BATCH_AGAIN;
    } else {
        o->fate = BATCH_REFUSED;
        o->action = may_be_clock(x.code) && read_clock(sent, &o->clock_offset_ms) ? BATCH_SET_CLOCK
                    : is_bad_key(x.code)                                          ? BATCH_FRESH_CREDS
                                                                                  : BATCH_GIVE_UP;
    }
    return say(ask, r, &x, code, err);
}

errc batch_judge(const struct batch_ask *ask, const struct creds_value *key, const struct batch_sent *sent,
                 struct json **ret, struct batch_outcome *ret_outcome, struct err *err)
{
    *ret_outcome = (struct batch_outcome){BATCH_NO_ANSWER, BATCH_GIVE_UP, -1, 0};
    if (sent->code) {
        return judge_failure(ask, sent, ret_outcome, err);
    }
    if (sent->response.status < 200 || sent->response.status > 299) {
        return judge_error(ask, key, sent, ret_outcome, err);
    }
    struct json *json = NULL;
    bool is_empty = sent->body.len == 0; // some operations answer with nothing
    auto_free char *what = mem_printf("the answer of %s to %s", ask->service->host,
                                      batch_operation_name(ask->operation));
    errc e = json_parse(is_empty ? "{}" : sent->body.data, is_empty ? 2 : sent->body.len, what, &json, err);
    if (!e && json_kind(json) != JSON_OBJECT) {
        e = err_set(err, ERR_CORRUPT, "%s is no JSON object", what);
    }
    if (e) {
        json_free(json);
        return e;
    }
    ret_outcome->fate = BATCH_DONE;
    *ret = json;
    return ERR_OK;
}
