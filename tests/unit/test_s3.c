// s3/s3.h, reading objects: requests as S3 wants them, heads, ranges, cuts, and what each answer means.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "fake_s3.h"

#define ETAG "ETag: \"e1\"\r\n"
#define XML_OF(code, more) "<?xml version=\"1.0\"?><Error><Code>" code "</Code><Message>words of it</Message>" more \
                           "<RequestId>R7</RequestId></Error>"

struct got {
    struct buf body;
    struct s3_head head;
    struct err err;
    int pieces;
};

static errc take(void *arg, const struct s3_head *head, const void *data, size_t len, struct err *err)
{
    struct got *g = arg;
    (void)err;
    (void)head;
    g->pieces++;
    buf_put(&g->body, data, len);
    return ERR_OK;
}

static void got_free(struct got *g)
{
    buf_free(&g->body);
    s3_head_free(&g->head);
    *g = (struct got){0};
}

static errc get_range(struct client *c, const char *key, uint64_t off, uint64_t len, struct cancel *cancel,
                      struct got *g)
{
    struct s3_range range = {.bucket = "bucket", .key = key, .off = off, .len = len};
    *g = (struct got){0};
    buf_puts(&g->body, "");
    buf_reserve(&g->body, 1);
    g->body.data[0] = '\0';
    return s3_get(c->s3, &range, cancel, take, g, &g->head, &g->err);
}

static errc get(struct client *c, const char *key, struct got *g)
{
    return get_range(c, key, 0, UINT64_MAX, NULL, g);
}

static void whole_objects(void **state)
{
    (void)state;
    struct client *c = client_of(NULL);
    struct got g;
    SCRIPT({"200 OK", ETAG "Last-Modified: Mon, 12 Oct 2009 17:50:30 GMT\r\n"
            "x-amz-meta-metaflow-user-attributes: {\"cas_raw\": false}\r\n", "hello"});
    assert_int_equal(get(c, "a b/+%\xc3\xa9//#?", &g), ERR_OK);
    assert_string_equal(g.body.data, "hello");
    assert_int_equal(g.head.size, 5);
    assert_int_equal(g.head.mtime_ms, INT64_C(1255369830000));
    assert_string_equal(g.head.etag, "\"e1\"");
    assert_string_equal(g.head.attributes, "{\"cas_raw\": false}");
    assert_true(asked_with(0, "GET /bucket/a%20b/%2B%25%C3%A9//%23%3F HTTP/1.1\r\n"));
    auto_free char *host = mem_printf("\r\nHost: 127.0.0.1:%d\r\n", fake.net.port);
    assert_true(asked_with(0, host));
    assert_true(asked_with(0, "\r\nAuthorization: AWS4-HMAC-SHA256 Credential=AKTEST/"));
    assert_true(asked_with(0, "/us-east-1/s3/aws4_request"));
    assert_true(asked_with(0, "\r\nX-Amz-Security-Token: token-1\r\n"));
    assert_false(asked_with(0, "\r\nRange:"));
    assert_false(asked_with(0, "very-secret"));
    got_free(&g);
    SCRIPT({"200 OK", NULL, ""});
    assert_int_equal(get(c, "./a/../..b", &g), ERR_OK);
    assert_int_equal(g.head.size, 0);
    assert_int_equal(g.head.mtime_ms, -1);
    assert_null(g.head.attributes);
    assert_true(asked_with(0, "GET /bucket/./a/../..b HTTP/1.1\r\n"));
    got_free(&g);
    SCRIPT({"200 OK", NULL, "chunked", -1});
    assert_int_equal(get(c, "k", &g), ERR_OK);
    assert_string_equal(g.body.data, "chunked");
    assert_int_equal(g.head.size, UINT64_MAX);
    got_free(&g);
    client_free(c);
}

static void anonymous_requests_are_not_signed(void **state)
{
    (void)state;
    struct client *c = client_of(NULL);
    struct s3 *s3;
    struct err err = ERR_INIT;
    auto_free char *endpoint = mem_printf("http://localhost:%d/", fake.net.port);
    struct s3_conf conf = {.http = c->http, .endpoint = endpoint, .style = S3_STYLE_VIRTUAL};
    assert_int_equal(s3_new(&conf, &s3, &err), ERR_OK);
    struct s3_head head;
    SCRIPT({"200 OK", "ETag: \"a b\"\r\n", NULL, 77});
    assert_int_equal(s3_head_object(s3, "my-bucket", "k", NULL, &head, &err), ERR_OK);
    assert_int_equal(head.size, 77);
    assert_string_equal(head.etag, ""); // one with a space is none
    assert_true(asked_with(0, "HEAD /k HTTP/1.1\r\n"));
    auto_free char *host = mem_printf("\r\nHost: my-bucket.localhost:%d\r\n", fake.net.port);
    assert_true(asked_with(0, host));
    assert_false(asked_with(0, "Authorization"));
    assert_false(asked_with(0, "x-amz"));
    s3_head_free(&head);
    auto_cleanup(buf_free) struct buf text = {0};
    s3_describe(s3, NULL, &text);
    assert_non_null(strstr(text.data, "region us-east-1, virtual-host-style addresses, anonymous"));
    s3_free(s3);
    client_free(c);
}

static void ranges(void **state)
{
    (void)state;
    struct client *c = client_of(NULL);
    struct got g;
    SCRIPT({"206 Partial Content", ETAG "Content-Range: bytes 100-104/1000\r\n", "hello"});
    assert_int_equal(get_range(c, "k", 100, 5, NULL, &g), ERR_OK);
    assert_string_equal(g.body.data, "hello");
    assert_int_equal(g.head.size, 1000);
    assert_true(asked_with(0, "\r\nRange: bytes=100-104\r\n"));
    got_free(&g);
    SCRIPT({"206 Partial Content", "Content-Range: bytes 995-999/1000\r\n", "hello"});
    assert_int_equal(get_range(c, "k", 995, UINT64_MAX, NULL, &g), ERR_OK);
    assert_true(asked_with(0, "\r\nRange: bytes=995-\r\n"));
    got_free(&g);
    SCRIPT({"206 Partial Content", "Content-Range: bytes 995-999/1000\r\n", "hello"});
    assert_int_equal(get_range(c, "k", 995, UINT64_MAX - 5, NULL, &g), ERR_OK); // an end beyond any number
    assert_true(asked_with(0, "\r\nRange: bytes=995-\r\n"));
    got_free(&g);
    SCRIPT({"206 Partial Content", "Content-Range: bytes 997-999/1000\r\n", "end"}); // more was asked than there is
    assert_int_equal(get_range(c, "k", 997, 100, NULL, &g), ERR_OK);
    assert_string_equal(g.body.data, "end");
    got_free(&g);
    SCRIPT({"200 OK", NULL, "hello, world"}); // a server without ranges, from the start on
    assert_int_equal(get_range(c, "k", 0, 5, NULL, &g), ERR_OK);
    assert_string_equal(g.body.data, "hello");
    assert_int_equal(g.head.size, 12);
    assert_int_equal(fake_asked(), 1);
    got_free(&g);
    SCRIPT({"416 Range Not Satisfiable", "Content-Range: bytes */0\r\n", XML_OF("InvalidRange", "")});
    assert_int_equal(get_range(c, "k", 0, 100, NULL, &g), ERR_OK);
    assert_int_equal(g.head.size, 0);
    assert_int_equal(g.body.len, 0);
    got_free(&g);
    SCRIPT({"416 Range Not Satisfiable", NULL, XML_OF("InvalidRange", "<ActualObjectSize>0</ActualObjectSize>")});
    assert_int_equal(get_range(c, "k", 0, 100, NULL, &g), ERR_OK);
    assert_int_equal(g.head.size, 0);
    got_free(&g);
    SCRIPT({"416 Range Not Satisfiable", NULL, XML_OF("InvalidRange", "")}); // there is no other reason at the start
    assert_int_equal(get_range(c, "k", 0, 100, NULL, &g), ERR_OK);
    got_free(&g);
    SCRIPT({"416 Range Not Satisfiable", NULL, XML_OF("InvalidRange", "<ActualObjectSize>9</ActualObjectSize>")});
    assert_int_equal(get_range(c, "k", 0, 100, NULL, &g), ERR_LIMIT);
    got_free(&g);
    SCRIPT({"416 Range Not Satisfiable", NULL, XML_OF("InvalidRange", "")});
    assert_int_equal(get_range(c, "k", 1, 100, NULL, &g), ERR_LIMIT);
    got_free(&g);
    assert_int_equal(get_range(c, "k", 7, 0, NULL, &g), ERR_INVALID);
    got_free(&g);
    client_free(c);
}

static void a_cut_goes_on_behind_what_was_given(void **state)
{
    (void)state;
    struct client *c = client_of(NULL);
    struct got g;
    SCRIPT({"200 OK", ETAG, "hello", 10, true},
           {"503 Slow Down", NULL, XML_OF("SlowDown", "")},
           {"206 Partial Content", ETAG "Content-Range: bytes 5-9/10\r\n", "wo", 5, true},
           {"206 Partial Content", ETAG "Content-Range: bytes 7-9/10\r\n", "rld"});
    assert_int_equal(get(c, "k", &g), ERR_OK);
    assert_string_equal(g.body.data, "helloworld");
    assert_int_equal(g.head.size, 10);
    assert_false(asked_with(0, "\r\nIf-Match:"));
    assert_true(asked_with(1, "\r\nRange: bytes=5-\r\n"));
    assert_true(asked_with(2, "\r\nIf-Match: \"e1\"\r\n"));
    assert_true(asked_with(3, "\r\nRange: bytes=7-\r\n"));
    got_free(&g);
    // A stall is a cut, and a part that is shorter than what was asked for is gone on with.
    SCRIPT({"206 Partial Content", ETAG "Content-Range: bytes 100-109/1000\r\n", "01234", 10},
           {"206 Partial Content", ETAG "Content-Range: bytes 105-106/1000\r\n", "56"},
           {"206 Partial Content", ETAG "Content-Range: bytes 107-109/1000\r\n", "789"});
    assert_int_equal(get_range(c, "k", 100, 10, NULL, &g), ERR_OK);
    assert_string_equal(g.body.data, "0123456789");
    assert_true(asked_with(1, "\r\nRange: bytes=105-109\r\n"));
    assert_true(asked_with(2, "\r\nRange: bytes=107-109\r\n"));
    got_free(&g);
    struct s3_stats st;
    s3_stats(c->s3, &st);
    assert_int_equal(st.gets, 7);
    assert_int_equal(st.retries, 5);
    assert_int_equal(st.bytes_in >= 20, 1);
    client_free(c);
}

static void fails_after_a_cut(struct client *c, struct step second, errc code, const char *word, int asked)
{
    struct got g;
    SCRIPT({"200 OK", ETAG, "hello", 10, true}, second, second, second);
    assert_int_equal(get(c, "k", &g), code);
    if (!strstr(g.err.cause, word) || !strstr(g.err.cause, "s3://bucket/k") || fake_asked() != asked) {
        fail_msg("%d requests: %s", fake_asked(), g.err.cause);
    }
    assert_string_equal(g.body.data, "hello");
    assert_int_equal(g.head.size, 10); // told, and kept
    got_free(&g);
}

static void another_version_is_not_mixed_in(void **state)
{
    (void)state;
    struct client *c = client_of(NULL);
    fails_after_a_cut(c, (struct step){"412 Precondition Failed", NULL, XML_OF("PreconditionFailed", "")}, ERR_BUSY,
                      "another version", 2);
    fails_after_a_cut(c, (struct step){"206 Partial Content", "ETag: \"e2\"\r\nContent-Range: bytes 5-9/10\r\n", "world"},
                      ERR_BUSY, "another version", 2);
    fails_after_a_cut(c, (struct step){"206 Partial Content", ETAG "Content-Range: bytes 5-9/11\r\n", "world"}, ERR_BUSY,
                      "another version", 2);
    fails_after_a_cut(c, (struct step){"200 OK", ETAG, "helloworld"}, ERR_IO, "no ranges", 2);
    fails_after_a_cut(c, (struct step){"206 Partial Content", ETAG "Content-Range: bytes 4-9/10\r\n", "oworld"}, ERR_IO,
                      "from 5 on", 4);
    fails_after_a_cut(c, (struct step){"206 Partial Content", ETAG, "world"}, ERR_IO, "is missing", 4);
    fails_after_a_cut(c, (struct step){"404 Not Found", NULL, XML_OF("NoSuchKey", "")}, ERR_NOT_FOUND, "NoSuchKey", 2);
    client_free(c);
}

static void odd_heads(void **state)
{
    (void)state;
    static const char *const ranges_told[] = {
        "Content-Range: bytes 0-4/5\r\n", "Content-Range: bytes 100-104/104\r\n", "Content-Range: bytes 104-100/200\r\n",
        "Content-Range: bytes 100-104\r\n", "Content-Range: 100-104/200\r\n", "Content-Range: bytes +100-104/200\r\n",
        "Content-Range: bytes 100-104/200 \tx\r\n", "Content-Range: bytes 100-105/200\r\n",
        "Content-Range: bytes 100-99999999999999999999/*\r\n", "Content-Range: bytes 100-103/200\r\n",
    };
    struct client *c = client_of(NULL);
    struct got g;
    for (size_t i = 0; i < sizeof(ranges_told) / sizeof(ranges_told[0]); i++) {
        struct step foreign = {"206 Partial Content", ranges_told[i], "hello"};
        SCRIPT(foreign, foreign, foreign, foreign, foreign);
        if (get_range(c, "k", 100, 5, NULL, &g) != ERR_IO || fake_asked() != 4 || g.body.len != 0) {
            fail_msg("%s: %s", ranges_told[i], g.err.cause);
        }
        got_free(&g);
    }
    SCRIPT({"206 Partial Content", "Content-Range: bytes 100-105/200\r\n", "hello!"}); // more than was asked for
    assert_int_equal(get_range(c, "k", 100, 5, NULL, &g), ERR_IO);
    got_free(&g);
    SCRIPT({"206 Partial Content", "Content-Range: bytes 100-104/200\r\n", "hello!", -1}); // more than was told
    assert_int_equal(get_range(c, "k", 100, 5, NULL, &g), ERR_IO);
    got_free(&g);
    SCRIPT({"206 Partial Content", ETAG "Content-Range: bytes 100-104/200\r\n", "hell"}, // less than was told: a cut
           {"206 Partial Content", ETAG "Content-Range: bytes 104-104/200\r\n", "o"});
    assert_int_equal(get_range(c, "k", 100, 5, NULL, &g), ERR_OK);
    assert_string_equal(g.body.data, "hello");
    assert_int_equal(fake_asked(), 2);
    got_free(&g);
    SCRIPT({"204 No Content", NULL, NULL});
    assert_int_equal(get(c, "k", &g), ERR_IO);
    assert_non_null(strstr(g.err.cause, "status 204"));
    got_free(&g);
    client_free(c);
}

static void an_odd_answer_is_asked_for_again(void **state)
{
    (void)state;
    static const struct step odd[] = {
        {"206 Partial Content", "Content-Range: bytes 0-4/200\r\n", "other"},
        {"206 Partial Content", "Content-Range: bytes 0-4/200\r\n", NULL},
        {"200 OK", NULL, XML_OF("InternalError", "")},
        {"200 OK", NULL, XML_OF("NoSuchKey", "")},
    };
    struct client *c = client_of(NULL);
    struct got g;
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        SCRIPT(odd[i], {"206 Partial Content", ETAG "Content-Range: bytes 100-104/200\r\n", "hello"});
        assert_int_equal(get_range(c, "k", 100, 5, NULL, &g), ERR_OK);
        assert_string_equal(g.body.data, "hello");
        assert_int_equal(fake_asked(), 2);
        got_free(&g);
    }
    SCRIPT({"200 OK", ETAG, XML_OF("InternalError", "")}); // an object with that text
    assert_int_equal(get(c, "k", &g), ERR_OK);
    assert_non_null(strstr(g.body.data, "InternalError"));
    got_free(&g);
    client_free(c);
}

struct meaning {
    struct step step;
    errc code;
    const char *word;
    int asked;
};
#define NO_LIST "without s3:ListBucket"

static const struct meaning meanings[] = {
    {{"404 Not Found", NULL, XML_OF("NoSuchKey", "")}, ERR_NOT_FOUND, "NoSuchKey, words of it (status 404, request R7)", 1},
    {{"404 Not Found", NULL, XML_OF("NoSuchBucket", "")}, ERR_NOT_FOUND, "NoSuchBucket", 1},
    {{"404 Not Found", "x-amz-request-id: R8\r\n", "<html>gone"}, ERR_NOT_FOUND, "status 404, request R8", 1},
    {{"403 Forbidden", NULL, XML_OF("AccessDenied", "")}, ERR_DENIED, NO_LIST, 1},
    {{"401 Unauthorized", NULL, NULL}, ERR_DENIED, "status 401", 1},
    {{"403 Forbidden", NULL, XML_OF("SignatureDoesNotMatch", "")}, ERR_DENIED, "SignatureDoesNotMatch", 1},
    {{"403 Forbidden", NULL, XML_OF("InvalidObjectState", "")}, ERR_ARCHIVED, "restore it first", 1},
    {{"412 Precondition Failed", NULL, XML_OF("PreconditionFailed", "")}, ERR_BUSY, "another version", 1},
    {{"416 Range Not Satisfiable", "Content-Range: bytes */7\r\n", XML_OF("InvalidRange", "")}, ERR_LIMIT, "behind", 1},
    {{"400 Bad Request", NULL, XML_OF("InvalidRequest", "")}, ERR_IO, "InvalidRequest", 1},
    {{"501 Not Implemented", NULL, XML_OF("NotImplemented", "")}, ERR_IO, "NotImplemented", 1},
    {{"301 Moved Permanently", NULL, XML_OF("PermanentRedirect", "")}, ERR_IO, "elsewhere", 1},
    {{"500 Internal Server Error", NULL, XML_OF("InternalError", "")}, ERR_IO, "InternalError", 4},
    {{"502 Bad Gateway", NULL, "<html>"}, ERR_IO, "status 502", 4},
    {{"503 Slow Down", NULL, XML_OF("SlowDown", "")}, ERR_THROTTLED, "try later", 4},
    {{"503 Service Unavailable", NULL, NULL}, ERR_THROTTLED, "status 503", 4},
    {{"429 Too Many Requests", NULL, NULL}, ERR_THROTTLED, "status 429", 4},
    {{"504 Gateway Timeout", NULL, NULL}, ERR_IO, "status 504", 4},
    {{"400 Bad Request", NULL, XML_OF("RequestTimeout", "")}, ERR_IO, "RequestTimeout", 4},
    {{"200 OK", NULL, NULL, 10, true}, ERR_IO, "cut", 4},
    {{"200 OK", NULL, XML_OF("SlowDown", "")}, ERR_THROTTLED, "SlowDown, words of it (status 200", 4},
    {{"200 OK", NULL, XML_OF("NoSuchKey", "")}, ERR_IO, "NoSuchKey", 4},
    {{"403 Forbidden", NULL, "<Error><Code>Bad\r\nCode</Code><Message>\x7f</Message>"}, ERR_DENIED, "status 403", 1},
};

static void what_answers_mean(void **state)
{
    (void)state;
    struct client *c = client_of(NULL);
    for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
        const struct meaning *m = &meanings[i];
        struct got g;
        SCRIPT(m->step, m->step, m->step, m->step, m->step);
        errc code = get_range(c, "some/key", 0, UINT64_MAX, NULL, &g);
        if (code != m->code || g.err.code != code || fake_asked() != m->asked || !strstr(g.err.cause, m->word) ||
            !strstr(g.err.cause, "GET s3://bucket/some/key: ") || strpbrk(g.err.cause, "\r\n")) {
            fail_msg("%s: %d requests, %s, %s", m->step.status, fake_asked(), err_name(code), g.err.cause);
        }
        assert_int_equal(g.pieces, 0);
        got_free(&g);
    }
    struct s3_stats st;
    s3_stats(c->s3, &st);
    assert_int_equal(st.denied, 4);
    client_free(c);
}

static void what_is_refused_before_it_is_sent(void **state)
{
    (void)state;
    struct client *c = client_of(NULL);
    struct got g;
    struct s3_head head;
    struct err err = ERR_INIT;
    SCRIPT({"200 OK", NULL, "x"});
    assert_int_equal(get(c, "", &g), ERR_INVALID);
    got_free(&g);
    static const char *const buckets[] = {"", "..", "a/b", "a b", "b\xc3\xbc", "x?y"};
    for (size_t i = 0; i < sizeof(buckets) / sizeof(buckets[0]); i++) {
        assert_int_equal(s3_head_object(c->s3, buckets[i], "k", NULL, &head, &err), ERR_INVALID);
    }
    c->creds.serial = 0;
    assert_int_equal(get(c, "k", &g), ERR_DENIED);
    got_free(&g);
    assert_int_equal(fake_asked(), 0);
    client_free(c);
}

static errc refuse(void *arg, const struct s3_head *head, const void *data, size_t len, struct err *err)
{
    (void)data;
    (void)len;
    *(uint64_t *)arg = head->size;
    return err_set(err, ERR_NO_SPACE, "no room");
}

static void a_taker_ends_it(void **state)
{
    (void)state;
    struct client *c = client_of(NULL);
    struct err err = ERR_INIT;
    uint64_t size = 0;
    struct s3_range range = {.bucket = "bucket", .key = "k", .len = UINT64_MAX};
    SCRIPT({"200 OK", "x-amz-meta-metaflow-user-attributes: {}\r\n", "hello"});
    assert_int_equal(s3_get(c->s3, &range, NULL, refuse, &size, NULL, &err), ERR_NO_SPACE);
    assert_string_equal(err.cause, "no room");
    assert_int_equal(size, 5);
    assert_int_equal(fake_asked(), 1);
    client_free(c);
}

static void started_requests(void **state)
{
    (void)state;
    struct client *c = client_of(NULL);
    struct err err = ERR_INIT;
    struct got g = {0};
    struct s3_started *one, *two;
    bool again = false;
    struct s3_range range = {.bucket = "bucket", .key = "k", .off = 3, .len = 5, .if_match = "\"e1\""};
    SCRIPT({"206 Partial Content", ETAG "Content-Range: bytes 3-7/10\r\n", "hello", 0, false, 60},
           {"503 Slow Down", "Retry-After: 1\r\n", XML_OF("SlowDown", "")});
    assert_int_equal(s3_start(c->s3, &range, 1 << 20, NULL, &one, &err), ERR_OK);
    loopback_pause(100); // its answer comes meanwhile, and waits
    assert_int_equal(s3_start(c->s3, &range, 0, NULL, &two, &err), ERR_OK);
    assert_int_equal(s3_follow(c->s3, one, NULL, take, &g, &g.head, &again, &err), ERR_OK);
    assert_int_equal(g.body.len, 5);
    assert_int_equal(g.head.size, 10);
    assert_true(asked_with(0, "\r\nIf-Match: \"e1\"\r\n"));
    got_free(&g);
    assert_int_equal(s3_follow(c->s3, two, NULL, take, &g, NULL, &again, &err), ERR_THROTTLED);
    assert_true(again);
    int64_t before = clock_mono_ms();
    assert_true(s3_wait_again(c->s3, 1, NULL, &err)); // as long as the answer had asked for
    assert_true(clock_mono_ms() - before > 800);
    assert_false(s3_wait_again(c->s3, 4, NULL, &err));
    assert_int_equal(err.code, ERR_THROTTLED);
    SCRIPT({"404 Not Found", NULL, XML_OF("NoSuchKey", "")});
    assert_int_equal(s3_start(c->s3, &range, 0, NULL, &two, &err), ERR_OK);
    assert_int_equal(s3_follow(c->s3, two, NULL, take, &g, NULL, &again, &err), ERR_NOT_FOUND);
    assert_false(again);
    SCRIPT({"200 OK", NULL, "late", 0, false, 2000});
    assert_int_equal(s3_start(c->s3, &range, 0, NULL, &two, &err), ERR_OK);
    s3_abandon(c->s3, two);
    s3_abandon(c->s3, NULL);
    client_free(c);
}

static void ranges_that_are_not_known(void **state)
{
    (void)state;
    struct client *c = client_of(NULL);
    for (uint64_t off = 0; off < 20; off += 6) {
        struct s3_range range = {.bucket = "bucket", .key = "k", .off = off, .len = 3};
        struct err err = ERR_INIT;
        struct got g = {0};
        struct s3_started *one;
        bool again = false;
        SCRIPT({"200 OK", ETAG, "helloworld"});
        assert_int_equal(s3_start(c->s3, &range, 1 << 20, NULL, &one, &err), ERR_OK);
        assert_int_equal(s3_follow(c->s3, one, NULL, take, &g, &g.head, &again, &err), ERR_OK);
        assert_string_equal(g.body.data, "helloworld");
        assert_true(g.head.is_whole);
        assert_int_equal(g.head.size, 10);
        got_free(&g);
        SCRIPT({"200 OK", ETAG, "hello", 10, true});
        assert_int_equal(s3_start(c->s3, &range, 1 << 20, NULL, &one, &err), ERR_OK);
        assert_int_equal(s3_follow(c->s3, one, NULL, take, &g, &g.head, &again, &err), ERR_IO);
        assert_true(again);
        got_free(&g);
    }
    client_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_objects),
        cmocka_unit_test(anonymous_requests_are_not_signed),
        cmocka_unit_test(ranges),
        cmocka_unit_test(a_cut_goes_on_behind_what_was_given),
        cmocka_unit_test(another_version_is_not_mixed_in),
        cmocka_unit_test(odd_heads),
        cmocka_unit_test(an_odd_answer_is_asked_for_again),
        cmocka_unit_test(what_answers_mean),
        cmocka_unit_test(what_is_refused_before_it_is_sent),
        cmocka_unit_test(a_taker_ends_it),
        cmocka_unit_test(started_requests),
        cmocka_unit_test(ranges_that_are_not_known),
    };
    return cmocka_run_group_tests(tests, fake_start, fake_stop);
}
