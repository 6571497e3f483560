// s3/s3.h, what is tried again and what is learned from refusals: waits, credentials, regions, the clock.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "fake_s3.h"

#define XML_OF(code, more) "<?xml version=\"1.0\"?><Error><Code>" code "</Code><Message>words of it</Message>" more \
                           "<RequestId>R7</RequestId></Error>"
#define SLOW_DOWN {"503 Slow Down", NULL, XML_OF("SlowDown", "")}
#define FINE {"200 OK", NULL, "fine"}

static errc get_of(struct client *c, const char *bucket, struct cancel *cancel, struct err *err)
{
    struct s3_range range = {.bucket = bucket, .key = "k", .len = UINT64_MAX};
    return s3_get(c->s3, &range, cancel, NULL, NULL, NULL, err);
}

static errc get(struct client *c)
{
    struct err err = ERR_INIT;
    return get_of(c, "bucket", NULL, &err);
}

static errc head(struct client *c)
{
    struct s3_head h = {0};
    struct err err = ERR_INIT;
    errc e = s3_head_object(c->s3, "bucket", "k", NULL, &h, &err);
    s3_head_free(&h);
    return e;
}

static void passing_faults_pass(void **state)
{
    (void)state;
    struct client *c = client_of(NULL);
    SCRIPT({"500 Internal Server Error", NULL, NULL}, SLOW_DOWN, {"200 OK", NULL, NULL, 5, true}, FINE);
    assert_int_equal(get(c), ERR_OK);
    assert_int_equal(fake_asked(), 4);
    SCRIPT({"500 Internal Server Error", NULL, NULL}, {"503 Slow Down", NULL, NULL}, {"200 OK", NULL, NULL, 7});
    assert_int_equal(head(c), ERR_OK);
    assert_int_equal(fake_asked(), 3);
    int64_t before = clock_mono_ms();
    SCRIPT({"503 Slow Down", "Retry-After: 1\r\n", NULL}, FINE);
    assert_int_equal(get(c), ERR_OK);
    assert_true(clock_mono_ms() - before >= 990);
    before = clock_mono_ms();
    SCRIPT({"503 Slow Down", "Retry-After: 3600\r\n", NULL}, FINE);
    assert_int_equal(get(c), ERR_THROTTLED); // nobody waits an hour
    assert_true(clock_mono_ms() - before < 500);
    client_free(c);
}

static void waits_double_and_are_bounded(void **state)
{
    (void)state;
    struct client *c = client_of(&(struct s3_conf){.max_tries = 5, .first_wait_ms = 40, .max_wait_ms = 100});
    SCRIPT(SLOW_DOWN, SLOW_DOWN, SLOW_DOWN, SLOW_DOWN, SLOW_DOWN, SLOW_DOWN);
    int64_t before = clock_mono_ms();
    assert_int_equal(get(c), ERR_THROTTLED);
    int64_t took = clock_mono_ms() - before;
    assert_int_equal(fake_asked(), 5);
    assert_in_range(took, (40 + 80 + 100 + 100) / 2 - 5, (40 + 80 + 100 + 100) * 3 / 2 + 1000);
    client_free(c);
}

static void *cancel_soon(void *arg)
{
    loopback_pause(50);
    atomic_store(&((struct cancel *)arg)->set, true);
    return NULL;
}

static void a_wait_ends_at_once(void **state)
{
    (void)state;
    struct client *c = client_of(NULL);
    struct cancel token = {0};
    struct err err = ERR_INIT;
    pthread_t thread;
    SCRIPT({"503 Slow Down", "Retry-After: 30\r\n", NULL}, FINE);
    assert_int_equal(pthread_create(&thread, NULL, cancel_soon, &token), 0);
    int64_t before = clock_mono_ms();
    assert_int_equal(get_of(c, "bucket", &token, &err), ERR_INTERRUPTED);
    assert_true(clock_mono_ms() - before < 150);
    pthread_join(thread, NULL);
    SCRIPT({"503 Slow Down", "Retry-After: 30\r\n", NULL}, FINE);
    struct cancel late = {.deadline_ms = clock_mono_ms() + 2000};
    before = clock_mono_ms();
    assert_int_equal(get_of(c, "bucket", &late, &err), ERR_TIMEOUT);
    assert_true(clock_mono_ms() - before < 1000); // there is no sense in waiting for it
    assert_non_null(strstr(err.cause, "no time is left"));
    assert_non_null(strstr(err.cause, "status 503"));
    assert_int_equal(fake_asked(), 1);
    client_free(c);
}

static void no_server_at_all(void **state)
{
    (void)state;
    struct client *c = client_of(&(struct s3_conf){.endpoint = "http://127.0.0.1:1"});
    struct err err = ERR_INIT;
    assert_int_equal(get_of(c, "bucket", NULL, &err), ERR_UNREACHABLE);
    assert_non_null(strstr(err.cause, "GET s3://bucket/k: no connection to 127.0.0.1:1"));
    struct s3_stats st;
    s3_stats(c->s3, &st);
    assert_int_equal(st.retries, 3);
    client_free(c);
}

// --- credentials -----------------------------------------------------------------------------------------------

static void an_expired_token_is_replaced_once(void **state)
{
    (void)state;
    struct client *c = client_of(NULL);
    SCRIPT({"400 Bad Request", NULL, XML_OF("ExpiredToken", "")}, FINE);
    assert_int_equal(get(c), ERR_OK);
    assert_true(asked_with(0, "\r\nX-Amz-Security-Token: token-1\r\n"));
    assert_true(asked_with(1, "\r\nX-Amz-Security-Token: token-2\r\n"));
    SCRIPT({"403 Forbidden", NULL, XML_OF("ExpiredToken", "")}, {"403 Forbidden", NULL, XML_OF("InvalidToken", "")}, FINE);
    assert_int_equal(get(c), ERR_DENIED);
    assert_int_equal(fake_asked(), 2);
    c->creds.is_fixed = true;
    SCRIPT({"403 Forbidden", NULL, XML_OF("InvalidAccessKeyId", "")}, {"403 Forbidden", NULL, XML_OF("ExpiredToken", "")});
    assert_int_equal(get(c), ERR_DENIED);
    int rejected = c->creds.rejected;
    SCRIPT({"403 Forbidden", NULL, XML_OF("ExpiredToken", "")}, FINE); // it is known that there are no others
    assert_int_equal(get(c), ERR_DENIED);
    assert_int_equal(fake_asked(), 1);
    assert_int_equal(c->creds.rejected, rejected);
    client_free(c);
}

static void a_head_without_words_is_doubted_once(void **state)
{
    (void)state;
    struct client *c = client_of(NULL);
    SCRIPT({"403 Forbidden", NULL, NULL}, {"200 OK", NULL, NULL, 7});
    assert_int_equal(head(c), ERR_OK);
    assert_true(asked_with(1, "\r\nX-Amz-Security-Token: token-2\r\n"));
    SCRIPT({"403 Forbidden", NULL, NULL}, {"200 OK", NULL, NULL, 7});
    assert_int_equal(head(c), ERR_DENIED); // a plain refusal must not ask the chain each time
    assert_int_equal(fake_asked(), 1);
    client_free(c);
    c = client_of(NULL);
    c->creds.token = NULL;
    SCRIPT({"403 Forbidden", NULL, NULL}, {"200 OK", NULL, NULL, 7});
    assert_int_equal(head(c), ERR_DENIED);
    assert_int_equal(fake_asked(), 1);
    SCRIPT({"404 Not Found", NULL, NULL});
    assert_int_equal(head(c), ERR_NOT_FOUND);
    client_free(c);
}

static void parts_under_way_share_the_news(void **state)
{
    (void)state;
    struct client *c = client_of(NULL);
    struct s3_started *parts[3];
    struct s3_range range = {.bucket = "bucket", .key = "k", .len = UINT64_MAX};
    struct err err = ERR_INIT;
    SCRIPT({"403 Forbidden", NULL, XML_OF("ExpiredToken", "")}, {"403 Forbidden", NULL, XML_OF("ExpiredToken", "")},
           {"403 Forbidden", NULL, XML_OF("ExpiredToken", "")}, FINE);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(s3_start(c->s3, &range, 0, NULL, &parts[i], &err), ERR_OK);
    }
    for (int i = 0; i < 3; i++) {
        bool again = false;
        assert_int_equal(s3_follow(c->s3, parts[i], NULL, NULL, NULL, NULL, &again, &err), ERR_DENIED);
        assert_true(again);
    }
    assert_int_equal(c->creds.serial, 2); // not 4
    assert_int_equal(get(c), ERR_OK);
    client_free(c);
}

// --- regions ----------------------------------------------------------------------------------------------------

static bool says(struct client *c, const char *bucket, const char *words)
{
    auto_cleanup(buf_free) struct buf text = {0};
    s3_describe(c->s3, bucket, &text);
    return strstr(text.data, words) != NULL;
}

static void a_bucket_tells_its_region(void **state)
{
    (void)state;
    struct client *c = client_of(NULL);
    SCRIPT({"400 Bad Request", NULL, XML_OF("AuthorizationHeaderMalformed", "<Region>eu-west-1</Region>")}, FINE, FINE,
           FINE);
    assert_int_equal(get(c), ERR_OK);
    assert_true(asked_with(0, "/us-east-1/s3/aws4_request"));
    assert_true(asked_with(1, "/eu-west-1/s3/aws4_request"));
    assert_int_equal(get(c), ERR_OK);
    assert_true(asked_with(2, "/eu-west-1/s3/aws4_request")); // remembered
    struct err err = ERR_INIT;
    assert_int_equal(get_of(c, "other", NULL, &err), ERR_OK);
    assert_true(asked_with(3, "/us-east-1/s3/aws4_request")); // for its bucket alone
    assert_true(says(c, "bucket", "region eu-west-1 (of the bucket; us-east-1 is the default), path-style"));
    assert_true(says(c, "other", "region us-east-1, path-style"));
    SCRIPT({"301 Moved Permanently", "x-amz-bucket-region: ap-south-1\r\n", NULL}, {"200 OK", NULL, NULL, 7});
    assert_int_equal(head(c), ERR_OK);
    assert_true(asked_with(1, "/ap-south-1/s3/aws4_request"));
    SCRIPT({"400 Bad Request", "x-amz-bucket-region: sa-east-1\r\n", NULL}, {"200 OK", NULL, NULL, 7});
    assert_int_equal(head(c), ERR_OK);
    assert_true(asked_with(1, "/sa-east-1/s3/aws4_request"));
    SCRIPT({"301 Moved Permanently", "x-amz-bucket-region: us-west-1\r\n", NULL},
           {"301 Moved Permanently", "x-amz-bucket-region: us-west-2\r\n", NULL}, FINE);
    assert_int_equal(get(c), ERR_IO); // followed once
    assert_int_equal(fake_asked(), 2);
    struct s3_stats st;
    s3_stats(c->s3, &st);
    assert_int_equal(st.redirects, 5);
    client_free(c);
    // A server that tells a HEAD nothing: a listing tells.
    c = client_of(&(struct s3_conf){.region = "us-east-2"});
    SCRIPT({"400 Bad Request", NULL, NULL},
           {"400 Bad Request", NULL, XML_OF("AuthorizationHeaderMalformed", "<Region>eu-west-1</Region>")},
           {"200 OK", NULL, "<ListBucketResult/>"}, {"200 OK", NULL, NULL, 7});
    c->creds.token = NULL;
    assert_int_equal(head(c), ERR_OK);
    assert_true(asked_with(3, "HEAD /bucket/k HTTP/1.1\r\n"));
    assert_true(asked_with(3, "/eu-west-1/s3/aws4_request"));
    assert_true(says(c, "bucket", "region eu-west-1 (of the bucket; us-east-2 is configured), "));
    SCRIPT({"400 Bad Request", NULL, NULL}, {"200 OK", NULL, "<ListBucketResult/>"}, {"200 OK", NULL, NULL, 7});
    assert_int_equal(head(c), ERR_IO);
    assert_int_equal(fake_asked(), 2);
    client_free(c);
}

#define GONE "Location: http://gone.localhost:1/\r\n"
static void a_place_that_is_gone_is_forgotten(void **state)
{
    (void)state;
    auto_free char *endpoint = mem_printf("http://localhost:%d", fake.net.port);
    struct client *c = client_of(&(struct s3_conf){.endpoint = endpoint});
    auto_free char *host = mem_printf("\r\nHost: localhost:%d\r\n", fake.net.port);
    struct err err = ERR_INIT;
    SCRIPT({"307 Temporary Redirect", GONE, NULL}, FINE, FINE);
    assert_int_equal(get(c), ERR_OK);
    assert_true(asked_with(1, host));
    assert_int_equal(get(c), ERR_OK);
    SCRIPT({"307 Temporary Redirect", GONE, NULL}, {"200 OK", NULL, NULL, 7});
    assert_int_equal(head(c), ERR_OK);
    SCRIPT({"307 Temporary Redirect", GONE, NULL}, {"200 OK", NULL, "<ListBucketResult/>"});
    assert_int_equal(s3_check_bucket(c->s3, "bucket", NULL, NULL, &err), ERR_OK);
    // The endpoint may lead there again: who asks hears in the end what is the matter.
    SCRIPT({"307 Temporary Redirect", GONE, NULL}, {"307 Temporary Redirect", GONE, NULL},
           {"307 Temporary Redirect", GONE, NULL}, {"307 Temporary Redirect", GONE, NULL}, FINE);
    assert_int_equal(get(c), ERR_UNREACHABLE);
    assert_int_equal(fake_asked(), 4);
    // Another port of the same host is no place of a bucket.
    SCRIPT({"307 Temporary Redirect", "Location: http://localhost:1/maintenance\r\n", NULL}, FINE);
    assert_int_equal(get(c), ERR_IO);
    assert_int_equal(get(c), ERR_OK);
    client_free(c);
}

static void credentials_stay_at_home(void **state)
{
    (void)state;
    struct client *c = client_of(NULL);
    auto_free char *same = mem_printf("Location: http://127.0.0.1:%d/other\r\n", fake.net.port);
    static const char *const foreign[] = {
        "Location: http://localhost:1/bucket/k\r\n", "Location: https://evil.example/bucket/k\r\n",
        "x-amz-bucket-region: evil.example/\r\n", "x-amz-bucket-region: us-east-1\r\n", NULL,
    };
    for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
        SCRIPT({"307 Temporary Redirect", foreign[i],
                XML_OF("TemporaryRedirect", "<Endpoint>bucket.evil.example</Endpoint>")}, FINE);
        assert_int_equal(get(c), ERR_IO);
        assert_int_equal(fake_asked(), 1);
    }
    SCRIPT({"307 Temporary Redirect", same, NULL}, FINE); // to where it was asked already
    assert_int_equal(get(c), ERR_IO);
    assert_int_equal(fake_asked(), 1);
    client_free(c);
}

static void an_endpoint_may_name_another_of_its_hosts(void **state)
{
    (void)state;
    auto_free char *endpoint = mem_printf("http://localhost:%d", fake.net.port);
    struct client *c = client_of(&(struct s3_conf){.endpoint = endpoint});
    SCRIPT({"307 Temporary Redirect", NULL, XML_OF("TemporaryRedirect", "<Endpoint>bucket.eu.localhost</Endpoint>")}, FINE,
           FINE);
    assert_int_equal(get(c), ERR_OK);
    auto_free char *host = mem_printf("\r\nHost: eu.localhost:%d\r\n", fake.net.port);
    assert_true(asked_with(1, host));
    assert_true(asked_with(1, "GET /bucket/k HTTP/1.1\r\n"));
    assert_int_equal(get(c), ERR_OK);
    assert_true(asked_with(2, host));
    client_free(c);
}

// --- the clock -----------------------------------------------------------------------------------------------------

static void the_servers_clock_counts(void **state)
{
    (void)state;
    struct client *c = client_of(NULL);
    SCRIPT({"403 Forbidden", "Date: Sun, 03 Jan 2038 10:00:00 GMT\r\n", XML_OF("RequestTimeTooSkewed", "")}, FINE, FINE);
    assert_int_equal(get(c), ERR_OK);
    assert_false(asked_with(0, "\r\nX-Amz-Date: 20380103T1000"));
    assert_true(asked_with(1, "\r\nX-Amz-Date: 20380103T1000"));
    assert_int_equal(get(c), ERR_OK);
    assert_true(asked_with(2, "\r\nX-Amz-Date: 20380103T1000"));
    // It is right by now, and refused again.
    SCRIPT({"403 Forbidden", "Date: Sun, 03 Jan 2038 10:00:00 GMT\r\n", XML_OF("RequestTimeTooSkewed", "")}, FINE);
    assert_int_equal(get(c), ERR_DENIED);
    client_free(c);
    c = client_of(NULL);
    SCRIPT({"403 Forbidden", NULL, XML_OF("RequestTimeTooSkewed", "<ServerTime>2037-01-03T10:00:00Z</ServerTime>")}, FINE);
    assert_int_equal(get(c), ERR_OK);
    assert_true(asked_with(1, "\r\nX-Amz-Date: 20370103T1000"));
    client_free(c);
    c = client_of(NULL);
    SCRIPT({"403 Forbidden", "Date: Sun, 03 Jan 2038 10:00:00 GMT\r\n", NULL}, {"200 OK", NULL, NULL, 7});
    assert_int_equal(head(c), ERR_OK); // a HEAD has no words, but a date
    assert_int_equal(c->creds.rejected, 0);
    client_free(c);
    c = client_of(NULL);
    SCRIPT({"403 Forbidden", "Date: soon\r\n", XML_OF("RequestTimeTooSkewed", "")}, FINE);
    assert_int_equal(get(c), ERR_DENIED);
    client_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(passing_faults_pass),
        cmocka_unit_test(waits_double_and_are_bounded),
        cmocka_unit_test(a_wait_ends_at_once),
        cmocka_unit_test(no_server_at_all),
        cmocka_unit_test(an_expired_token_is_replaced_once),
        cmocka_unit_test(a_head_without_words_is_doubted_once),
        cmocka_unit_test(parts_under_way_share_the_news),
        cmocka_unit_test(a_bucket_tells_its_region),
        cmocka_unit_test(a_place_that_is_gone_is_forgotten),
        cmocka_unit_test(credentials_stay_at_home),
        cmocka_unit_test(an_endpoint_may_name_another_of_its_hosts),
        cmocka_unit_test(the_servers_clock_counts),
    };
    return cmocka_run_group_tests(tests, fake_start, fake_stop);
}
