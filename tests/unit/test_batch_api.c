// batch/batch_api.h: what becomes of a call, what of it may be tried again, and what a person reads of a failure.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "batch/batch_api_i.h"
#include "fake_batch.h"

static struct err err = ERR_INIT;
static struct json *answer;
static enum batch_fate fate;

static errc once(struct client *c, struct cancel *cancel)
{
    json_free(answer);
    answer = NULL;
    err = (struct err)ERR_INIT;
    fate = (enum batch_fate)99;
    return batch_call_once(c->api, "submitjob", "{\"jobName\":\"x\"}", cancel, &answer, &fate, &err);
}

static errc often(struct client *c, struct cancel *cancel)
{
    json_free(answer);
    answer = NULL;
    err = (struct err)ERR_INIT;
    return batch_call(c->api, "describejobs", "{\"jobs\":[\"1\"]}", cancel, &answer, &err);
}

static int forget(void **state)
{
    (void)state;
    json_free(answer);
    answer = NULL;
    return 0;
}

#define GOOD {.status = "200 OK", .body = "{\"jobId\": \"j-1\"}"}
#define THROTTLED_STEP {.status = "429 Too Many Requests", .body = "{\"message\": \"slow down\"}", \
                        .headers = "x-amzn-ErrorType: TooManyRequestsException\r\n"}

static void a_call_is_signed_and_answered(void **state)
{
    (void)state;
    struct client *c = client_of(NULL);
    struct batch_api_stats stats;
    SCRIPT(GOOD);
    assert_int_equal(once(c, NULL), ERR_OK);
    assert_int_equal(fate, BATCH_DONE);
    assert_string_equal(json_str(json_get(answer, "jobId")), "j-1");
    assert_true(asked_with(0, "POST /v1/submitjob HTTP/1.1\r\n"));
    assert_true(asked_with(0, "/eu-west-1/batch/aws4_request, SignedHeaders=content-type;host;x-amz-date;"
                              "x-amz-security-token, Signature="));
    assert_true(asked_with(0, "\r\nContent-Type: application/json\r\n"));
    assert_true(asked_with(0, "\r\n\r\n{\"jobName\":\"x\"}"));
    assert_false(asked_with(0, "x-amz-content-sha256"));
    batch_api_stats(c->api, &stats);
    assert_int_equal(stats.calls, 1);
    assert_int_equal(stats.submitted, 1);
    assert_int_equal(stats.retries, 0);
    client_free(c);
}

static void logs_are_asked_by_json_1_1(void **state)
{
    (void)state;
    struct client *c = client_of(NULL);
    SCRIPT({.status = "200 OK", .body = "{\"events\": []}"});
    assert_int_equal(batch_logs_call(c->api, "GetLogEvents", "{}", NULL, &answer, &err), ERR_OK);
    assert_true(asked_with(0, "POST / HTTP/1.1\r\n"));
    assert_true(asked_with(0, "\r\nContent-Type: application/x-amz-json-1.1\r\n"));
    assert_true(asked_with(0, "\r\nX-Amz-Target: Logs_20140328.GetLogEvents\r\n"));
    assert_true(asked_with(0, "/eu-west-1/logs/aws4_request, SignedHeaders=content-type;host;x-amz-date;"
                              "x-amz-security-token;x-amz-target, Signature="));
    client_free(c);
}

static void each_fate_is_told(void **state)
{
    (void)state;
    static const struct {
        struct step step;
        errc code;
        enum batch_fate fate;
        const char *cause;
    } cases[] = {
        {{.status = "400 Bad Request", .body = "{\"message\": \"JobQueue x not found.\", \"code\": \"ClientException\"}"},
         ERR_INVALID, BATCH_REFUSED, "JobQueue x not found. (ClientException, status 400)"},
        {{.status = "400 Bad Request", .body = "{\"__type\": \"com.amazonaws.batch#ClientException\", \"Message\": \"m\"}"},
         ERR_INVALID, BATCH_REFUSED, ": m (ClientException, status 400)"},
        {{.status = "400 Bad Request", .body = "{\"message\": \"m\"}",
          .headers = "X-Amzn-ErrorType: ClientException:http://internal.amazon.com/\r\n"},
         ERR_INVALID, BATCH_REFUSED, ": m (ClientException, status 400)"},
        {{.status = "400 Bad Request", .body = "{\"__type\": \"ResourceNotFoundException\", \"message\": \"no stream\"}"},
         ERR_NOT_FOUND, BATCH_REFUSED, "no stream"},
        {{.status = "403 Forbidden", .body = "{\"Message\": \"not authorized to perform: batch:SubmitJob\"}",
          .headers = "x-amzn-errortype: AccessDeniedException\r\n"},
         ERR_DENIED, BATCH_REFUSED, "batch:SubmitJob (AccessDeniedException, status 403): check the credentials"},
        {{.status = "404 Not Found", .body = "<html>nothing</html>"}, ERR_NOT_FOUND, BATCH_REFUSED,
         "it was refused without a word (status 404)"},
        {{.status = "301 Moved", .headers = "Location: http://127.0.0.1:1/\r\n"}, ERR_IO, BATCH_REFUSED,
         "a redirect is not followed"},
        {{.status = "500 X", .body = "{\"message\": \"oops\"}", .headers = "x-amzn-errortype: ServerException\r\n"},
         ERR_IO, BATCH_FAILED, "oops (ServerException, status 500)"},
        {{.status = "502 Bad Gateway", .body = "<html>"}, ERR_IO, BATCH_NO_ANSWER, "status 502"},
        {{.status = "408 Timeout"}, ERR_IO, BATCH_NO_ANSWER, "status 408"},
        {{.how = HOW_NO_ANSWER}, ERR_IO, BATCH_NO_ANSWER, "SubmitJob: 127.0.0.1"},
        {{.how = HOW_RESET}, ERR_IO, BATCH_NO_ANSWER, "SubmitJob: 127.0.0.1"},
        {{.status = "200 OK", .body = "{\"jobId\": \"j", .how = HOW_CUT}, ERR_IO, BATCH_NO_ANSWER, "cut short"},
        {{.status = "200 OK", .body = "<html>log in</html>"}, ERR_CORRUPT, BATCH_NO_ANSWER, "line 1"},
        {{.status = "200 OK", .body = "[1]"}, ERR_CORRUPT, BATCH_NO_ANSWER, "no JSON object"},
        {{.status = "200 OK", .wait_ms = 2600, .body = "{}"}, ERR_TIMEOUT, BATCH_NO_ANSWER, "did not begin to answer"},
        {{.status = "429 X", .body = "{\"message\": \"m\"}"}, ERR_THROTTLED, BATCH_THROTTLED, "it asks for fewer calls"},
        {{.status = "400 X", .body = "{\"__type\": \"ThrottlingException\", \"message\": \"Rate exceeded\"}"},
         ERR_THROTTLED, BATCH_THROTTLED, "Rate exceeded (ThrottlingException, status 400)"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct client *c = client_of(NULL);
        SCRIPT(cases[i].step, GOOD);
        errc code = once(c, NULL);
        if (code != cases[i].code || fate != cases[i].fate || !strstr(err.cause, cases[i].cause)) {
            fail_msg("case %zu: %d, fate %d: %s", i, (int)code, (int)fate, err.cause);
        }
        assert_null(answer);
        assert_int_equal(fake_asked(), 1);
        client_free(c);
    }
}

static void an_empty_answer_is_an_empty_object(void **state)
{
    (void)state;
    struct client *c = client_of(NULL);
    SCRIPT({.status = "200 OK"});
    assert_int_equal(once(c, NULL), ERR_OK);
    assert_int_equal(json_kind(answer), JSON_OBJECT);
    client_free(c);
}

static void what_did_not_leave_was_not_sent(void **state)
{
    (void)state;
    struct client *c = client_of("http://127.0.0.1:1");
    assert_int_equal(once(c, NULL), ERR_UNREACHABLE);
    assert_int_equal(fate, BATCH_NOT_SENT);
    client_free(c);
    c = client_of(NULL);
    SCRIPT(GOOD);
    c->creds.serial = 0;
    assert_int_equal(once(c, NULL), ERR_DENIED);
    assert_int_equal(fate, BATCH_NOT_SENT);
    c->creds.serial = 1;
    struct cancel cancel = {.set = true};
    assert_int_equal(once(c, &cancel), ERR_INTERRUPTED);
    assert_int_equal(fate, BATCH_NOT_SENT);
    assert_int_equal(fake_asked(), 0);
    client_free(c);
}

// A listener that accepts nothing more: connections hang, and the deadline of the token ends the call.
static void a_deadline_while_connecting_is_not_sent(void **state)
{
    (void)state;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), full[8];
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, len), 0);
    assert_int_equal(listen(fd, 0), 0);
    getsockname(fd, (struct sockaddr *)&at, &len);
    for (int i = 0; i < 8; i++) {
        full[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        (void)!connect(full[i], (struct sockaddr *)&at, len);
    }
    auto_free char *url = mem_printf("http://127.0.0.1:%d", ntohs(at.sin_port));
    struct client *c = client_of(url);
    struct cancel cancel = {.deadline_ms = clock_mono_ms() + 300};
    errc code = once(c, &cancel);
    assert_true(code == ERR_TIMEOUT || code == ERR_UNREACHABLE);
    assert_int_equal(fate, BATCH_NOT_SENT);
    client_free(c);
    for (int i = 0; i < 8; i++) {
        close(full[i]);
    }
    close(fd);
}

static void a_deadline_while_waiting_is_no_answer(void **state)
{
    (void)state;
    struct client *c = client_of(NULL);
    SCRIPT({.status = "200 OK", .wait_ms = 1000, .body = "{}"});
    struct cancel cancel = {.deadline_ms = clock_mono_ms() + 200};
    assert_int_equal(once(c, &cancel), ERR_TIMEOUT);
    assert_int_equal(fate, BATCH_NO_ANSWER);
    client_free(c);
}

// libcurl sends a request again by itself when a kept connection ends without a byte.
static void what_changes_something_is_sent_once(void **state)
{
    (void)state;
    struct client *c = client_of(NULL);
    SCRIPT({.status = "200 OK", .body = "{}"}, {.how = HOW_NO_ANSWER}, GOOD);
    assert_int_equal(often(c, NULL), ERR_OK); // leaves a connection that is kept
    assert_int_equal(once(c, NULL), ERR_IO);
    assert_int_equal(fate, BATCH_NO_ANSWER);
    assert_int_equal(fake_asked(), 2);
    client_free(c);
}

static void reading_is_tried_again(void **state)
{
    (void)state;
    static const struct step bad[] = {
        {.status = "500 X"}, {.status = "503 X"}, {.how = HOW_NO_ANSWER}, {.how = HOW_RESET},
        {.status = "200 OK", .body = "{\"a", .how = HOW_CUT}, THROTTLED_STEP};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct client *c = client_of(NULL);
        struct batch_api_stats stats;
        SCRIPT(bad[i], {.status = "200 OK", .body = "{\"jobs\": []}"});
        assert_int_equal(often(c, NULL), ERR_OK);
        assert_int_equal(fake_asked(), 2);
        batch_api_stats(c->api, &stats);
        assert_int_equal(stats.retries, 1);
        client_free(c);
    }
}

static void reading_is_not_tried_again_in_vain(void **state)
{
    (void)state;
    static const struct step bad[] = {
        {.status = "400 X", .body = "{\"message\": \"no\"}"}, {.status = "403 X"}, {.status = "404 X"},
        {.status = "200 OK", .body = "no JSON"}};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct client *c = client_of(NULL);
        SCRIPT(bad[i], GOOD);
        assert_int_not_equal(often(c, NULL), ERR_OK);
        assert_int_equal(fake_asked(), 1);
        client_free(c);
    }
}

static void reading_ends_with_the_deadline_and_the_last_cause(void **state)
{
    (void)state;
    struct client *c = client_of(NULL);
    struct step steps[100];
    for (int i = 0; i < 100; i++) {
        steps[i] = (struct step){.status = "500 X", .body = "{\"message\": \"the last cause\"}"};
    }
    fake_script(steps, 100);
    int64_t begin = clock_mono_ms();
    struct cancel cancel = {.deadline_ms = begin + 1500};
    assert_int_equal(often(c, &cancel), ERR_IO);
    assert_non_null(strstr(err.cause, "no time is left to ask again after"));
    assert_non_null(strstr(err.cause, "the last cause"));
    assert_true(clock_mono_ms() - begin <= 1700);
    assert_true(fake_asked() >= 2 && fake_asked() < 20);
    client_free(c);
}

static void expired_credentials_are_renewed_once(void **state)
{
    (void)state;
    struct step expired = {.status = "403 Forbidden", .body = "{\"message\": \"The security token is expired\"}",
                           .headers = "x-amzn-errortype: ExpiredTokenException\r\n"};
    struct client *c = client_of(NULL);
    SCRIPT(expired, GOOD);
    assert_int_equal(once(c, NULL), ERR_OK);
    assert_int_equal(fate, BATCH_DONE);
    assert_true(asked_with(0, FAKE_TOKEN "1"));
    assert_true(asked_with(1, FAKE_TOKEN "2"));
    SCRIPT(expired, expired, GOOD);
    assert_int_equal(once(c, NULL), ERR_DENIED);
    assert_int_equal(fate, BATCH_REFUSED);
    assert_int_equal(fake_asked(), 2);
    c->creds.is_fixed = true; // no others: nothing is sent again
    SCRIPT(expired, GOOD);
    assert_int_equal(once(c, NULL), ERR_DENIED);
    assert_int_equal(fate, BATCH_REFUSED);
    assert_int_equal(fake_asked(), 1);
    assert_non_null(strstr(err.cause, "The security token is expired"));
    client_free(c);
}

static void what_repeats_the_credentials_is_not_shown(void **state)
{
    (void)state;
    struct client *c = client_of(NULL);
    c->creds.is_fixed = true;
    SCRIPT({.status = "403 X", .body = "{\"__type\": \"InvalidSignatureException\", \"message\": \"x-amz-security-token:"
                                       FAKE_TOKEN "1\"}"});
    assert_int_equal(once(c, NULL), ERR_DENIED);
    assert_null(strstr(err.cause, FAKE_TOKEN));
    SCRIPT({.status = "403 X", .body = "{\"__type\": \"InvalidSignatureException\", \"message\": \"no match\\n\\n"
                                       "x-amz-security-token:" FAKE_TOKEN "1\"}"});
    assert_int_equal(once(c, NULL), ERR_DENIED);
    assert_non_null(strstr(err.cause, ": no match ("));
    assert_null(strstr(err.cause, FAKE_TOKEN));
    client_free(c);
}

static int64_t slow_wall(void)
{
    return 1800000000000; // 2027-01-15T08:00:00Z
}

static void a_wrong_clock_is_corrected_once(void **state)
{
    (void)state;
    struct client *c = client_of(NULL);
    struct step skewed = {.status = "403 Forbidden",
                          .headers = "Date: Fri, 15 Jan 2027 09:30:00 GMT\r\n"
                                     "x-amzn-errortype: InvalidSignatureException\r\n",
                          .body = "{\"message\": \"Signature expired: 20270115T080000Z is now earlier than ...\"}"};
    clock_set_fake(slow_wall, NULL);
    SCRIPT(skewed, GOOD, GOOD);
    assert_int_equal(once(c, NULL), ERR_OK);
    assert_true(asked_with(0, "X-Amz-Date: 20270115T080000Z"));
    assert_true(asked_with(1, "X-Amz-Date: 20270115T093000Z"));
    assert_int_equal(c->creds.rejected, 0);
    assert_int_equal(once(c, NULL), ERR_OK); // and is remembered
    assert_true(asked_with(2, "X-Amz-Date: 20270115T093000Z"));
    SCRIPT(skewed, GOOD); // by that date the clock is right: it is the key
    assert_int_equal(once(c, NULL), ERR_OK);
    assert_int_equal(c->creds.rejected, 1);
    clock_set_fake(NULL, NULL);
    client_free(c);
}

// --- throttling -------------------------------------------------------------------------------------------------

static void a_throttled_call_holds_all(void **state)
{
    (void)state;
    struct client *c = client_of(NULL);
    struct batch_api_stats stats;
    SCRIPT(THROTTLED_STEP, GOOD, GOOD);
    assert_int_equal(once(c, NULL), ERR_THROTTLED);
    int64_t hold = c->api->batch.hold_until_ms - c->api->batch.held_ms;
    int64_t until = c->api->batch.hold_until_ms;
    assert_in_range(hold, 200, 1500);
    assert_int_equal(often(c, NULL), ERR_OK);
    assert_true(clock_mono_ms() >= until);
    assert_int_equal(c->api->batch.hold_until_ms, 0); // answered: nothing is held any more
    assert_int_equal(often(c, NULL), ERR_OK);
    batch_api_stats(c->api, &stats);
    assert_int_equal(stats.throttled, 1);
    client_free(c);
}

static void a_hold_beyond_the_deadline_fails_at_once(void **state)
{
    (void)state;
    struct client *c = client_of(NULL);
    SCRIPT({.status = "429 X", .headers = "Retry-After: 30\r\n"}, GOOD);
    assert_int_equal(once(c, NULL), ERR_THROTTLED);
    int64_t begin = clock_mono_ms();
    struct cancel cancel = {.deadline_ms = begin + 5000};
    assert_int_equal(once(c, &cancel), ERR_THROTTLED);
    assert_int_equal(fate, BATCH_NOT_SENT);
    assert_true(clock_mono_ms() - begin < 500);
    assert_int_equal(fake_asked(), 1);
    assert_int_equal(batch_logs_call(c->api, "GetLogEvents", "{}", NULL, &answer, &err), ERR_OK); // another service
    client_free(c);
}

// The spread of a hold may pass a deadline that the hold alone does not: the cause is the throttling all the same.
static void a_hold_that_just_passes_the_deadline_says_why(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct client *c = client_of(NULL);
        SCRIPT(THROTTLED_STEP, THROTTLED_STEP, THROTTLED_STEP);
        assert_int_equal(once(c, NULL), ERR_THROTTLED);
        struct cancel cancel = {.deadline_ms = c->api->batch.hold_until_ms + 1};
        assert_int_equal(i == 0 ? once(c, &cancel) : often(c, &cancel), ERR_THROTTLED);
        assert_non_null(strstr(err.cause, "too many"));
        assert_int_equal(fake_asked(), 1);
        client_free(c);
    }
}

static atomic_llong fake_now;
static int64_t steady(void)
{
    return atomic_fetch_add(&fake_now, 1);
}

// With a clock of our own: the holds double up to 20 s, and are spread.
static void holds_double_up_to_a_bound(void **state)
{
    (void)state;
    struct client *c = client_of(NULL);
    struct step steps[9];
    for (int i = 0; i < 9; i++) {
        steps[i] = (struct step)THROTTLED_STEP;
    }
    fake_script(steps, 9);
    atomic_store(&fake_now, 1000000);
    clock_set_fake(NULL, steady);
    int64_t want = 500;
    for (int i = 0; i < 9; i++, want = want * 2 < 20000 ? want * 2 : 20000) {
        assert_int_equal(once(c, NULL), ERR_THROTTLED);
        assert_int_equal(fate, BATCH_THROTTLED);
        int64_t hold = c->api->batch.hold_until_ms - c->api->batch.held_ms;
        assert_in_range(hold, want / 2, want + want / 2);
        atomic_store(&fake_now, c->api->batch.hold_until_ms + 1);
    }
    clock_set_fake(NULL, NULL);
    client_free(c);
}

struct caller {
    pthread_t thread;
    struct client *client;
    errc code;
};

static void *call(void *arg)
{
    struct caller *c = arg;
    struct err mine = ERR_INIT;
    struct json *json = NULL;
    c->code = batch_call(c->client->api, "describejobs", "{}", NULL, &json, &mine);
    json_free(json);
    return NULL;
}

// Calls that were refused together count as one refusal.
static void many_callers_share_one_hold(void **state)
{
    (void)state;
    struct client *c = client_of(NULL);
    struct caller callers[8];
    struct step steps[16];
    for (int i = 0; i < 16; i++) {
        steps[i] = i < 8 ? (struct step){.status = "429 X", .wait_ms = 150} : (struct step)GOOD;
    }
    fake_script(steps, 16);
    for (int i = 0; i < 8; i++) {
        callers[i] = (struct caller){.client = c};
        pthread_create(&callers[i].thread, NULL, call, &callers[i]);
    }
    for (int i = 0; i < 8; i++) {
        pthread_join(callers[i].thread, NULL);
        assert_int_equal(callers[i].code, ERR_OK);
    }
    assert_int_equal(fake_asked(), 16);
    client_free(c);
}

// --- where ------------------------------------------------------------------------------------------------------

static void endpoints_are_made_of_the_region(void **state)
{
    (void)state;
    static const char *const cases[][4] = {
        {"eu-west-1", NULL, "https://batch.eu-west-1.amazonaws.com", "https://logs.eu-west-1.amazonaws.com"},
        {"cn-north-1", NULL, "https://batch.cn-north-1.amazonaws.com.cn", "https://logs.cn-north-1.amazonaws.com.cn"},
        {"eu-west-1", "http://LOCALHOST:80/", "http://localhost", "http://localhost"},
        {"eu-west-1", "http://[::1]:5000", "http://[::1]:5000", "http://[::1]:5000"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct batch_api_conf conf = {.region = cases[i][0], .batch_endpoint = cases[i][1],
                                      .logs_endpoint = cases[i][1]};
        struct batch_api *a;
        assert_int_equal(batch_api_new(&conf, &a, &err), ERR_OK);
        assert_string_equal(a->batch.url, cases[i][2]);
        assert_string_equal(a->logs.url, cases[i][3]);
        batch_api_free(a);
    }
    static const char *const bad[][2] = {
        {NULL, NULL}, {"", NULL}, {"evil.example/", NULL}, {"eu-west-1", "localhost:5000"},
        {"eu-west-1", "http://h/path"}, {"eu-west-1", "http://h/?q"}, {"eu-west-1", "http://user:pass@h"},
        {"eu-west-1", "ftp://h"}};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct batch_api_conf conf = {.region = bad[i][0], .batch_endpoint = bad[i][1]};
        struct batch_api *a;
        assert_int_equal(batch_api_new(&conf, &a, &err), ERR_INVALID);
        assert_null(strstr(err.cause, "pass"));
    }
    batch_api_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_call_is_signed_and_answered, forget),
        cmocka_unit_test_teardown(logs_are_asked_by_json_1_1, forget),
        cmocka_unit_test_teardown(each_fate_is_told, forget),
        cmocka_unit_test_teardown(an_empty_answer_is_an_empty_object, forget),
        cmocka_unit_test_teardown(what_did_not_leave_was_not_sent, forget),
        cmocka_unit_test_teardown(a_deadline_while_connecting_is_not_sent, forget),
        cmocka_unit_test_teardown(a_deadline_while_waiting_is_no_answer, forget),
        cmocka_unit_test_teardown(what_changes_something_is_sent_once, forget),
        cmocka_unit_test_teardown(reading_is_tried_again, forget),
        cmocka_unit_test_teardown(reading_is_not_tried_again_in_vain, forget),
        cmocka_unit_test_teardown(reading_ends_with_the_deadline_and_the_last_cause, forget),
        cmocka_unit_test_teardown(expired_credentials_are_renewed_once, forget),
        cmocka_unit_test_teardown(what_repeats_the_credentials_is_not_shown, forget),
        cmocka_unit_test_teardown(a_wrong_clock_is_corrected_once, forget),
        cmocka_unit_test_teardown(a_throttled_call_holds_all, forget),
        cmocka_unit_test_teardown(a_hold_beyond_the_deadline_fails_at_once, forget),
        cmocka_unit_test_teardown(a_hold_that_just_passes_the_deadline_says_why, forget),
        cmocka_unit_test_teardown(holds_double_up_to_a_bound, forget),
        cmocka_unit_test_teardown(many_callers_share_one_hold, forget),
        cmocka_unit_test(endpoints_are_made_of_the_region),
    };
    return cmocka_run_group_tests(tests, fake_start, fake_stop);
}
