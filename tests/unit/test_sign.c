// base/sign.h against AWS's published vectors: the test suite (sigv4_vectors.inc) and the examples of the Amazon S3 API
// Reference, "Signature Calculations for the Authorization Header".
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/sign.h"

#define SUITE_MS 1440938160000    // 2015-08-30T12:36:00Z
#define EXAMPLES_MS 1369353600000 // 2013-05-24T00:00:00Z

static const struct vector {
    const char *name;
    bool is_normal;
    const char *token, *method, *path, *query;
    size_t header_count;
    const char *headers[8];
    const char *body, *canonical, *text, *signature;
} vectors[] = {
#include "sigv4_vectors.inc"
};

static const char *value_of(const struct strv *headers, const char *name)
{
    for (size_t i = 0; i < headers->len; i++) {
        size_t len = strlen(name);
        if (strncmp(headers->items[i], name, len) == 0 && strncmp(headers->items[i] + len, ": ", 2) == 0) {
            return headers->items[i] + len + 2;
        }
    }
    return NULL;
}

static const char *signature_of(const struct strv *headers)
{
    const char *value = value_of(headers, "Authorization"), *at = value ? strstr(value, "Signature=") : NULL;
    return at ? at + strlen("Signature=") : "none";
}

static void expect(const char *name, const char *what, const char *got, const char *expected)
{
    if (strcmp(got, expected) != 0) {
        fail_msg("%s: %s is\n%s\ninstead of\n%s", name, what, got, expected);
    }
}

// Only S3 signs paths as they are; it also sends a header that the suite has not, so that the path alone is compared.
static void check_path(const struct vector *v, struct sign_request rq, const struct sign_key *key)
{
    rq.is_s3 = true;
    rq.path = strcmp(v->path, "/example space/") == 0 ? "/example%20space/" : v->path;
    auto_free char *request = sign_canonical_request(key, &rq);
    char *got = strchr(request, '\n') + 1, *end = strchr(got, '\n');
    auto_free char *path = mem_strndup(got, (size_t)(end - got));
    const char *from = strchr(v->canonical, '\n') + 1;
    auto_free char *expected = mem_strndup(from, strcspn(from, "\n"));
    expect(v->name, "path", path, expected);
}

static void check_vector(const struct vector *v)
{
    struct sign_key key = {"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", v->token};
    struct strv more = {0}, headers = {0};
    char hash[65];
    for (size_t i = 0; i < v->header_count; i++) {
        strv_add(&more, v->headers[i]);
    }
    sign_payload_hash(v->body, strlen(v->body), hash);
    struct sign_request rq = {.method = v->method, .host = "example.amazonaws.com", .path = v->path,
                              .query = v->query, .signed_headers = &more, .payload_hash = hash,
                              .region = "us-east-1", .service = "service", .time_ms = SUITE_MS};
    if (v->is_normal) {
        auto_free char *request = sign_canonical_request(&key, &rq);
        expect(v->name, "canonical request", request, v->canonical);
        auto_free char *text = sign_string_to_sign(&rq, request);
        expect(v->name, "string to sign", text, v->text);
        sign_v4(&key, &rq, &headers);
        expect(v->name, "signature", signature_of(&headers), v->signature);
        expect(v->name, "date", value_of(&headers, "X-Amz-Date"), "20150830T123600Z");
        assert_int_equal(value_of(&headers, "X-Amz-Security-Token") != NULL, v->token != NULL);
        assert_null(value_of(&headers, "X-Amz-Content-Sha256"));
    } else {
        check_path(v, rq, &key);
    }
    strv_free(&more);
    strv_free(&headers);
}

static void the_test_suite(void **state)
{
    (void)state;
    size_t count = sizeof(vectors) / sizeof(vectors[0]);
    assert_true(count >= 38);
    for (size_t i = 0; i < count; i++) {
        check_vector(&vectors[i]);
    }
}

static const struct example {
    const char *method, *path, *query, *header[2], *body, *authorization;
} examples[] = {
    {"GET", "/test.txt", "", {"Range: bytes=0-9", NULL}, "",
     "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
     "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "
     "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
    {"PUT", "/test%24file.text", "",
     {"Date: Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class: REDUCED_REDUNDANCY"}, "Welcome to Amazon S3.",
     "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
     "SignedHeaders=date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class, "
     "Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"},
    {"GET", "/", "lifecycle", {NULL, NULL}, "",
     "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
     "SignedHeaders=host;x-amz-content-sha256;x-amz-date, "
     "Signature=fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
    {"GET", "/", "max-keys=2&prefix=J", {NULL, NULL}, "",
     "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
     "SignedHeaders=host;x-amz-content-sha256;x-amz-date, "
     "Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
};

static void the_examples_of_s3(void **state)
{
    (void)state;
    const struct sign_key key = {"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", NULL};
    for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
        const struct example *e = &examples[i];
        struct strv more = {0}, headers = {0};
        char hash[65];
        for (size_t k = 0; k < 2 && e->header[k]; k++) {
            strv_add(&more, e->header[k]);
        }
        sign_payload_hash(e->body, strlen(e->body), hash);
        struct sign_request rq = {.method = e->method, .host = "examplebucket.s3.amazonaws.com", .path = e->path,
                                  .query = e->query, .signed_headers = &more, .payload_hash = hash,
                                  .region = "us-east-1", .service = "s3", .is_s3 = true, .time_ms = EXAMPLES_MS};
        sign_v4(&key, &rq, &headers);
        expect(e->path, "Authorization", value_of(&headers, "Authorization"), e->authorization);
        expect(e->path, "payload hash", value_of(&headers, "X-Amz-Content-Sha256"), hash);
        strv_free(&more);
        strv_free(&headers);
    }
}

static char *canonical_query(const char *query)
{
    const struct sign_key key = {"a", "b", NULL};
    struct sign_request rq = {.method = "GET", .host = "h", .path = "/", .query = query,
                              .payload_hash = SIGN_UNSIGNED_PAYLOAD, .region = "r", .service = "s3", .is_s3 = true};
    auto_free char *request = sign_canonical_request(&key, &rq);
    const char *at = strchr(strchr(request, '\n') + 1, '\n') + 1;
    return mem_strndup(at, strcspn(at, "\n"));
}

static void one_spelling_of_a_query(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"", ""},
        {"&&", ""},
        {"acl", "acl="},
        {"b=2&a=1&a=0&a-b=3&a", "a=&a=0&a=1&a-b=3&b=2"},
        {"prefix=a%2fb/c", "prefix=a%2Fb%2Fc"},
        {"k=%41%7e%20+%", "k=A~%20%2B%25"},
        {"k=a=b", "k=a%3Db"},
        {"k=%zz%4", "k=%25zz%254"},
        {"k=%00", "k=%00"},
    };
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        auto_free char *got = canonical_query(pairs[i][0]);
        expect(pairs[i][0], "query", got, pairs[i][1]);
    }
    assert_string_equal(SIGN_EMPTY_PAYLOAD, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    char hash[65];
    sign_payload_hash("", 0, hash);
    assert_string_equal(hash, SIGN_EMPTY_PAYLOAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_test_suite),
        cmocka_unit_test(the_examples_of_s3),
        cmocka_unit_test(one_spelling_of_a_query),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
