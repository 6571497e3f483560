// s3/s3_url.h and s3/s3_text.h: URLs, endpoints, where requests go, redirects; numbers and times.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "base/mem.h"
#include "s3/s3_text.h"
#include "s3/s3_url.h"

static void urls(void **state)
{
    (void)state;
    static const struct {
        const char *url, *bucket, *prefix;
    } good[] = {
        {"s3://b", "b", ""}, {"s3://b/", "b", ""}, {"s3://my.bucket/a/b", "my.bucket", "a/b"}, {"s3://b//a//", "b", "a"},
        {"s3://Old_Bucket/a b#c?d", "Old_Bucket", "a b#c?d"}, {"s3://b/a//b/", "b", "a//b"},
    };
    static const char *const bad[] = {NULL, "", "b/a", "s3:", "s3://", "s3:///a", "S3://b/a", "s3://b@c/a", "s3://b:1/a",
                                      "s3://../a", "s3n://b/a", "https://b/a", "s3://b\xc3\xbc/a"};
    char *bucket, *prefix;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(s3_url_parse(good[i].url, &bucket, &prefix));
        assert_string_equal(bucket, good[i].bucket);
        assert_string_equal(prefix, good[i].prefix);
        free(bucket);
        free(prefix);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(s3_url_parse(bad[i], &bucket, &prefix));
    }
}

// "HOST PATH" of a request, owned.
static char *place_of(const char *endpoint, enum s3_style style, const char *region, const char *bucket, const char *key)
{
    struct s3_endpoint e;
    struct s3_place place;
    struct err err = ERR_INIT;
    assert_int_equal(s3_endpoint_parse(endpoint, &e, &err), ERR_OK);
    s3_place_make(&e, style, e.region ? e.region : region, NULL, bucket, key, &place);
    char *text = mem_printf("%s%s %s", e.is_http ? "http:" : "", place.host, place.path);
    s3_place_free(&place);
    s3_endpoint_free(&e);
    return text;
}

static void places(void **state)
{
    (void)state;
    static const struct {
        const char *endpoint;
        enum s3_style style;
        const char *region, *bucket, *key, *place;
    } t[] = {
        {NULL, S3_STYLE_AUTO, "us-east-1", "bkt", "k", "bkt.s3.us-east-1.amazonaws.com /k"},
        {NULL, S3_STYLE_AUTO, "eusc-de-east-1", "bkt", "k", "bkt.s3.eusc-de-east-1.amazonaws.eu /k"},
        {"https://s3.us-iso-east-1.c2s.ic.gov", S3_STYLE_AUTO, "us-east-1", "bkt", "k",
         "bkt.s3.us-iso-east-1.c2s.ic.gov /k"},
        {"", S3_STYLE_AUTO, "eu-west-1", "bkt", NULL, "bkt.s3.eu-west-1.amazonaws.com /"},
        {NULL, S3_STYLE_AUTO, "cn-north-1", "bkt", "k", "bkt.s3.cn-north-1.amazonaws.com.cn /k"},
        {NULL, S3_STYLE_PATH, "eu-west-1", "bkt", "k", "s3.eu-west-1.amazonaws.com /bkt/k"},
        {NULL, S3_STYLE_PATH, "eu-west-1", "bkt", NULL, "s3.eu-west-1.amazonaws.com /bkt"},
        {NULL, S3_STYLE_AUTO, "eu-west-1", "my.bkt", "k", "s3.eu-west-1.amazonaws.com /my.bkt/k"},
        {NULL, S3_STYLE_VIRTUAL, "eu-west-1", "my.bkt", "k", "s3.eu-west-1.amazonaws.com /my.bkt/k"},
        {NULL, S3_STYLE_AUTO, "eu-west-1", "Old_B", "k", "s3.eu-west-1.amazonaws.com /Old_B/k"},
        {NULL, S3_STYLE_AUTO, "eu-west-1", "-bkt", "k", "s3.eu-west-1.amazonaws.com /-bkt/k"},
        {NULL, S3_STYLE_AUTO, "eu-west-1", "bk", "k", "s3.eu-west-1.amazonaws.com /bk/k"},
        {"https://s3.eu-west-1.amazonaws.com", S3_STYLE_AUTO, "us-east-1", "bkt", "k", "bkt.s3.eu-west-1.amazonaws.com /k"},
        {"https://s3.amazonaws.com/", S3_STYLE_AUTO, "eu-west-1", "bkt", "k", "bkt.s3.us-east-1.amazonaws.com /k"},
        {"http://s3-us-west-2.amazonaws.com", S3_STYLE_AUTO, "", "b.kt", "k", "http:b.kt.s3.us-west-2.amazonaws.com /k"},
        {"https://s3.dualstack.eu-west-1.amazonaws.com", S3_STYLE_AUTO, "eu-west-1", "bkt", "k",
         "bkt.s3.dualstack.eu-west-1.amazonaws.com /k"},
        {"https://s3-fips.us-gov-west-1.amazonaws.com", S3_STYLE_AUTO, "us-gov-west-1", "bkt", "k",
         "bkt.s3-fips.us-gov-west-1.amazonaws.com /k"},
        {"https://s3-accelerate.amazonaws.com", S3_STYLE_AUTO, "eu-west-1", "bkt", "k", "bkt.s3-accelerate.amazonaws.com /k"},
        {"https://minio:9000", S3_STYLE_AUTO, "us-east-1", "bkt", "a/b", "minio:9000 /bkt/a/b"},
        {"HTTPS://MinIO.Example:443", S3_STYLE_VIRTUAL, "us-east-1", "bkt", "k", "bkt.minio.example /k"},
        {"http://minio.example:80/", S3_STYLE_VIRTUAL, "us-east-1", "b.kt", "k", "http:b.kt.minio.example /k"},
        {"http://10.0.0.1:9000", S3_STYLE_VIRTUAL, "us-east-1", "bkt", "k", "http:10.0.0.1:9000 /bkt/k"},
        {"http://[::1]:9000", S3_STYLE_VIRTUAL, "us-east-1", "bkt", "k", "http:[::1]:9000 /bkt/k"},
        {"https://amazonaws.com.evil.example", S3_STYLE_AUTO, "us-east-1", "bkt", "k", "amazonaws.com.evil.example /bkt/k"},
    };
    for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        auto_free char *place = place_of(t[i].endpoint, t[i].style, t[i].region, t[i].bucket, t[i].key);
        assert_string_equal(place, t[i].place);
    }
}

static void endpoints_that_are_none(void **state)
{
    (void)state;
    static const char *const bad[] = {"minio:9000", "ftp://minio", "https://", "https:///x", "https://minio:9000/path",
                                      "https://minio?x", "https://minio#x", "https://key:secret@minio", "https://minio:0",
                                      "https://minio:70000", "https://minio:", "https://minio:9x", "https://mi nio",
                                      "https://[::1", "https://[]:9", "https://[gg]", "https://b\xc3\xbc.example"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct s3_endpoint e;
        struct err err = ERR_INIT;
        if (s3_endpoint_parse(bad[i], &e, &err) != ERR_INVALID || !strstr(err.cause, "https://minio:9000") ||
            strstr(err.cause, "secret")) {
            fail_msg("%s: %s", bad[i], err.cause);
        }
    }
    static const char *const secret[] = {"https://key:secret@minio", "key:secret@minio"};
    for (size_t i = 0; i < 2; i++) {
        struct s3_endpoint e;
        struct err err = ERR_INIT;
        assert_int_equal(s3_endpoint_parse(secret[i], &e, &err), ERR_INVALID);
        assert_non_null(strstr(err.cause, "the S3 endpoint with a user or a password (not shown) "));
        assert_null(strstr(err.cause, "key"));
    }
}

static void keys_are_encoded(void **state)
{
    (void)state;
    struct buf b = {0};
    char all[256], *p = all;
    for (int i = 1; i < 256; i++) {
        *p++ = (char)i;
    }
    *p = '\0';
    s3_key_put(&b, all);
    auto_free char *text = buf_steal(&b);
    assert_int_equal(strlen(text), 67 + (255 - 67) * 3); // the unreserved and '/'
    s3_key_put(&b, "a b+c%/~-._\xc3\xa9\"?#&=:@!");
    auto_free char *some = buf_steal(&b);
    assert_string_equal(some, "a%20b%2Bc%25/~-._%C3%A9%22%3F%23%26%3D%3A%40%21");
}

static void redirects(void **state)
{
    (void)state;
    static const struct {
        const char *endpoint, *where, *region, *host; // both NULL: foreign
    } t[] = {
        {NULL, "bkt.s3-eu-west-1.amazonaws.com", "eu-west-1", NULL},
        {NULL, "bkt.s3.eu-west-1.amazonaws.com", "eu-west-1", NULL},
        {NULL, "https://s3.eu-west-1.amazonaws.com/bkt/k?x", "eu-west-1", NULL},
        {NULL, "bkt.s3.cn-north-1.amazonaws.com.cn", "cn-north-1", NULL},
        {NULL, "bkt.s3.amazonaws.com", "us-east-1", NULL},
        {NULL, "bkt.s3.eu-west-1.amazonaws.com.evil.example", NULL, NULL},
        {NULL, "evil.example", NULL, NULL},
        {NULL, "http://bkt.s3.eu-west-1.amazonaws.com", NULL, NULL}, // never down to plain http
        {NULL, "xs3.eu-west-1.amazonaws.com", NULL, NULL},
        {"https://minio.example:9000", "bkt.minio.example", NULL, "minio.example:9000"},
        {"https://minio.example:9000", "eu.minio.example:9001", NULL, "eu.minio.example:9001"},
        {"https://minio.example:9000", "bkt.eu.minio.example", NULL, "eu.minio.example:9000"},
        {"https://bkt.example", "bkt.example", NULL, "bkt.example"},
        {"https://minio.example:9000", "https://minio.example:1/maintenance", NULL, "minio.example:9000"},
        {"https://minio.example:9000", "https://bkt.minio.example:1/", NULL, "minio.example:9000"},
        {"http://127.0.0.1:9000", "http://127.0.0.1:1/maintenance", NULL, "127.0.0.1:9000"},
        {"http://127.0.0.1", "http://127.0.0.1:1", NULL, "127.0.0.1"},
        {"https://minio.example:9000", "evilminio.example", NULL, NULL},
        {"https://minio.example:9000", "example", NULL, NULL},
        {"https://minio.example:9000", "minio.example.evil.com", NULL, NULL},
        {"https://minio.example:9000", "minio.example@evil.com", NULL, NULL},
        {"https://minio.example:9000", "s3.eu-west-1.amazonaws.com", NULL, NULL},
        {"http://10.0.0.1", "1.10.0.0.1", NULL, NULL},
        {"https://minio.example:9000", "", NULL, NULL},
    };
    for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        struct s3_endpoint e;
        struct err err = ERR_INIT;
        char *region = NULL, *host = NULL;
        assert_int_equal(s3_endpoint_parse(t[i].endpoint, &e, &err), ERR_OK);
        bool is_own = s3_redirect_parse(&e, "bkt", t[i].where, &region, &host);
        const char *r = region ? region : "-", *h = host ? host : "-";
        if (is_own != (t[i].region || t[i].host) || strcmp(r, t[i].region ? t[i].region : "-") != 0 ||
            strcmp(h, t[i].host ? t[i].host : "-") != 0) {
            fail_msg("%s: %s %s", t[i].where, r, h);
        }
        free(region);
        free(host);
        s3_endpoint_free(&e);
    }
}

// The kind of endpoints of AWS counts where none is given.
static void variants(void **state)
{
    (void)state;
    static const struct {
        const char *endpoint;
        struct aws_variant variant;
        const char *shown;
    } t[] = {
        {NULL, {false, true}, "https://s3.dualstack.eu-west-1.amazonaws.com, region eu-west-1"},
        {"", {true, true}, "https://s3-fips.dualstack.eu-west-1.amazonaws.com, region eu-west-1"},
        {"https://s3.eu-west-1.amazonaws.com", {true, true}, "https://s3.eu-west-1.amazonaws.com, region eu-west-1"},
        {"http://minio:9000", {true, true}, "http://minio:9000, region eu-west-1"},
    };
    for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        struct s3_conf conf = {.endpoint = t[i].endpoint, .region = "eu-west-1", .variant = t[i].variant};
        struct err err = ERR_INIT;
        struct buf text = {0};
        struct s3 *s3 = NULL;
        assert_int_equal(s3_new(&conf, &s3, &err), ERR_OK);
        s3_describe(s3, NULL, &text);
        if (strncmp(text.data, t[i].shown, strlen(t[i].shown)) != 0) {
            fail_msg("%s", text.data);
        }
        buf_free(&text);
        s3_free(s3);
    }
}

static void regions(void **state)
{
    (void)state;
    assert_true(aws_region_is_usable("us-gov-west-1"));
    assert_true(aws_region_is_usable("garage"));
    static const char *const bad[] = {"", "eu-west-1.evil.com", "eu west", "EU", "x/y", "-eu", "eu-", "x@y", "a:b",
                                      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(aws_region_is_usable(bad[i]));
    }
}

static void numbers_and_times(void **state)
{
    (void)state;
    uint64_t n = 5;
    assert_true(s3_number("9223372036854775807", 19, &n));
    assert_int_equal(n, INT64_MAX);
    static const char *const no_numbers[] = {"", "-1", "+1", " 1", "1 ", "0x1", "1.0", "9223372036854775808", "1\n"};
    for (size_t i = 0; i < sizeof(no_numbers) / sizeof(no_numbers[0]); i++) {
        assert_false(s3_number(no_numbers[i], strlen(no_numbers[i]), &n));
    }
    assert_int_equal(s3_time_of_iso("2009-10-12T17:50:30.000Z"), INT64_C(1255369830000));
    assert_int_equal(s3_time_of_iso("2009-10-12T17:50:30Z"), INT64_C(1255369830000));
    assert_int_equal(s3_time_of_iso("2009-10-12T17:50:30.5Z"), INT64_C(1255369830500));
    assert_int_equal(s3_time_of_iso("2009-10-12T17:50:30.123456789Z"), INT64_C(1255369830123));
    static const char *const no_iso[] = {"", "2009-10-12", "2009-10-12T17:50:30", "2009-13-12T17:50:30Z", "2009-02-31T17:50:30Z",
                                         "2009-10-12T24:50:30Z", "2009-10-12 17:50:30Z", "2009-10-12T17:50:30.Z",
                                         "2009-10-12T17:50:30.1234567890Z", "2009-10-12T17:50:30+00:00Z", "1900-10-12T17:50:30Z"};
    for (size_t i = 0; i < sizeof(no_iso) / sizeof(no_iso[0]); i++) {
        assert_int_equal(s3_time_of_iso(no_iso[i]), -1);
    }
    assert_int_equal(s3_time_of_http("Mon, 12 Oct 2009 17:50:30 GMT"), INT64_C(1255369830000));
    static const char *const no_http[] = {"", "Mon, 12 Oct 2009 17:50:30", "Mon, 12 Oct 2009 17:50:30 CET",
                                          "Mon, 32 Oct 2009 17:50:30 GMT", "Mon, 12 ctN 2009 17:50:30 GMT",
                                          "xyz, 12 Oct 2009 17:50:30 GMT", "Mon, 12 Oct 2009 25:50:30 GMT",
                                          "Monday, 12-Oct-09 17:50:30 GMT"};
    for (size_t i = 0; i < sizeof(no_http) / sizeof(no_http[0]); i++) {
        assert_int_equal(s3_time_of_http(no_http[i]), -1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls),
        cmocka_unit_test(places),
        cmocka_unit_test(endpoints_that_are_none),
        cmocka_unit_test(keys_are_encoded),
        cmocka_unit_test(redirects),
        cmocka_unit_test(variants), cmocka_unit_test(regions),
        cmocka_unit_test(numbers_and_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
