// s3/s3.h, listings: pages, order, odd keys, and servers that answer oddly.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/strv.h"
#include "fake_s3.h"

#define LIST_OF(inner) "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" \
                       "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">" inner "</ListBucketResult>"
#define ENCODED "<EncodingType>url</EncodingType>"
#define OBJECT(key) "<Contents><Key>" key "</Key><LastModified>2009-10-12T17:50:30.000Z</LastModified>" \
                    "<ETag>&quot;e&quot;</ETag><Size>7</Size><StorageClass>STANDARD</StorageClass></Contents>"
#define FOLDER(key) "<CommonPrefixes><Prefix>" key "</Prefix></CommonPrefixes>"

struct seen {
    struct strv keys; // "key" or "prefix/ (prefix)"
    size_t enough;    // 0: never
    struct s3_entry last;
};

static bool take(void *arg, const struct s3_entry *entry)
{
    struct seen *s = arg;
    strv_take(&s->keys, mem_printf("%s%s", entry->key, entry->is_prefix ? " (prefix)" : ""));
    s->last = *entry;
    s->last.key = s->last.etag = NULL;
    if (!entry->is_prefix) {
        assert_string_equal(entry->etag, "\"e\"");
    }
    return s->keys.len != s->enough;
}

static errc list(struct client *c, const char *prefix, bool delimiter, struct seen *s, struct err *err)
{
    return s3_list(c->s3, "bucket", prefix, delimiter, NULL, NULL, take, s, err);
}

static char *page_of(int first, int n, int all)
{
    struct buf b = {0};
    for (int i = first; i < first + n; i++) {
        buf_printf(&b, OBJECT("run/%04d"), i);
    }
    bool more = first + n < all;
    auto_free char *token = mem_printf("<NextContinuationToken>1/%d+=</NextContinuationToken>", first + n);
    buf_printf(&b, "<IsTruncated>%s</IsTruncated>%s", more ? "true" : "false", more ? token : "");
    auto_free char *inner = buf_steal(&b);
    return mem_printf(LIST_OF("%s"), inner);
}

static void three_pages(void **state)
{
    (void)state;
    struct client *c = client_of(NULL);
    struct seen s = {0};
    struct err err = ERR_INIT;
    auto_free char *one = page_of(0, 1000, 2500), *two = page_of(1000, 1000, 2500), *three = page_of(2000, 500, 2500);
    SCRIPT({"200 OK", NULL, one}, {"200 OK", NULL, two, (long)strlen(two) + 9, true}, {"200 OK", NULL, two},
           {"200 OK", NULL, three, -1});
    assert_int_equal(list(c, "run/", false, &s, &err), ERR_OK);
    assert_int_equal(s.keys.len, 2500); // the page that was cut is not given twice
    for (int i = 0; i < 2500; i++) {
        auto_free char *key = mem_printf("run/%04d", i);
        assert_string_equal(s.keys.items[i], key);
    }
    assert_int_equal(s.last.size, 7);
    assert_int_equal(s.last.mtime_ms, INT64_C(1255369830000));
    assert_true(asked_with(0, "GET /bucket?encoding-type=url&list-type=2&max-keys=1000&prefix=run%2F HTTP/1.1\r\n"));
    assert_true(asked_with(2, "GET /bucket?continuation-token=1%2F1000%2B%3D&encoding-type=url&list-type=2&max-keys=1000&"
                              "prefix=run%2F HTTP/1.1\r\n"));
    strv_free(&s.keys);
    s = (struct seen){.enough = 3};
    SCRIPT({"200 OK", NULL, one}, {"200 OK", NULL, two});
    assert_int_equal(s3_list(c->s3, "bucket", "run/", false, "run/a b", NULL, take, &s, &err), ERR_OK);
    assert_int_equal(s.keys.len, 3);
    assert_int_equal(fake_asked(), 1);
    assert_true(asked_with(0, "&prefix=run%2F&start-after=run%2Fa%20b HTTP"));
    strv_free(&s.keys);
    client_free(c);
}

static void directories_and_odd_keys(void **state)
{
    (void)state;
    struct client *c = client_of(NULL);
    struct seen s = {0};
    struct err err = ERR_INIT;
    SCRIPT({"200 OK", NULL, LIST_OF("<Prefix>d/</Prefix>" ENCODED "<IsTruncated>false</IsTruncated>" OBJECT("d/a%2Bb+c%25")
                                    OBJECT("d/z%C3%A9%0A%") OBJECT("d/zz%00") FOLDER("d/b/") FOLDER("d/.y%26/"))});
    assert_int_equal(list(c, "d/", true, &s, &err), ERR_OK);
    static const char *const expected[] = {"d/.y&/ (prefix)", "d/a+b c%", "d/b/ (prefix)", "d/z\xc3\xa9\n%"};
    assert_int_equal(s.keys.len, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(s.keys.items[i], expected[i]);
    }
    assert_true(asked_with(0, "GET /bucket?delimiter=%2F&encoding-type=url&"));
    strv_free(&s.keys);
    // A server that does not encode, with entities, and names that have a prefix of XML's own.
    SCRIPT({"200 OK", NULL, "<a:ListBucketResult xmlns:a=\"x\"><a:Contents><a:Owner><a:Key>no</a:Key></a:Owner><a:Key>a%2B+&amp;"
            "<![CDATA[<>]]></a:Key><a:Size>0</a:Size><a:ETag>\"e\"</a:ETag></a:Contents></a:ListBucketResult>"});
    assert_int_equal(list(c, NULL, false, &s, &err), ERR_OK);
    assert_int_equal(s.keys.len, 1);
    assert_string_equal(s.keys.items[0], "a%2B+&<>");
    assert_int_equal(s.last.mtime_ms, -1);
    strv_free(&s.keys);
    SCRIPT({"200 OK", NULL, LIST_OF("")});
    assert_int_equal(list(c, "none", false, &s, &err), ERR_OK);
    assert_int_equal(s.keys.len, 0);
    client_free(c);
}

struct oddity {
    const char *status, *body;
    errc code;
    const char *word;
    int asked;
};
static const struct oddity oddities[] = {
    {"200 OK", LIST_OF(OBJECT("a") "<IsTruncated>true</IsTruncated>"), ERR_IO, "not from where", 1},
    {"200 OK", LIST_OF(OBJECT("a") "<IsTruncated>true</IsTruncated><NextContinuationToken/>"), ERR_IO, "not from where", 1},
    {"200 OK", LIST_OF("<IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>"), ERR_IO,
     "does not get on", 2},
    {"200 OK", LIST_OF(OBJECT("a") "<IsTruncated>perhaps</IsTruncated>"), ERR_IO, "neither true nor false", 2},
    {"200 OK", LIST_OF("<Contents><Size>1</Size></Contents>"), ERR_IO, "no key", 4},
    {"200 OK", LIST_OF("<Contents><Key>k</Key><Size>-1</Size></Contents>"), ERR_IO, "no usable Size", 4},
    {"200 OK", "<html><body>log in</body></html>", ERR_IO, "is no listing", 2},
    {"200 OK", "{}", ERR_IO, "not whole XML", 2},
    {"200 OK", "", ERR_IO, "not whole XML", 4},
    {"200 OK", "<ListBucketResult><Contents>", ERR_IO, "not whole XML", 4},
    {"200 OK", "<!DOCTYPE x [<!ENTITY a \"b\">]><ListBucketResult/>", ERR_IO, "document type", 2},
    {"200 OK", "<Error><Code>InternalError</Code></Error>", ERR_IO, "InternalError", 4},
    {"200 OK", "<Error><Code>SlowDown</Code></Error>", ERR_THROTTLED, "SlowDown", 4},
    {"200 OK", "<Error><Code>AccessDenied</Code></Error>", ERR_DENIED, "check the credentials", 1},
    {"404 Not Found", "<Error><Code>NoSuchBucket</Code></Error>", ERR_NOT_FOUND, "LIST s3://bucket/p: NoSuchBucket", 1},
    {"403 Forbidden", "<Error><Code>AccessDenied</Code></Error>", ERR_DENIED, "AccessDenied", 1},
};

static void odd_servers(void **state)
{
    (void)state;
    struct client *c = client_of(NULL);
    for (size_t i = 0; i < sizeof(oddities) / sizeof(oddities[0]); i++) {
        const struct oddity *o = &oddities[i];
        struct step step = {o->status, NULL, o->body};
        struct seen s = {0};
        struct err err = ERR_INIT;
        SCRIPT(step, step, step, step, step, step);
        errc code = list(c, "p", false, &s, &err);
        if (code != o->code || fake_asked() != o->asked || !strstr(err.cause, o->word)) {
            fail_msg("%s: %d requests, %s, %s", o->body, fake_asked(), err_name(code), err.cause);
        }
        strv_free(&s.keys);
    }
    client_free(c);
}

static void a_garbled_page_is_asked_for_once_more(void **state)
{
    (void)state;
    struct client *c = client_of(NULL);
    static const char *const garbled[] = {"<ListBucketResult><\x55", "<html><body>log in</body></html>", "no XML"};
    for (size_t i = 0; i < sizeof(garbled) / sizeof(garbled[0]); i++) {
        struct step wrong = {"200 OK", NULL, garbled[i]};
        struct seen s = {0};
        struct err err = ERR_INIT;
        SCRIPT(wrong, {"200 OK", NULL, LIST_OF(OBJECT("a") "<IsTruncated>true</IsTruncated><NextContinuationToken>t"
                                                           "</NextContinuationToken>")},
               wrong, {"200 OK", NULL, LIST_OF(OBJECT("b"))});
        assert_int_equal(list(c, "", false, &s, &err), ERR_OK);
        assert_int_equal(s.keys.len, 2);
        assert_int_equal(fake_asked(), 4);
        strv_free(&s.keys);
    }
    client_free(c);
}

// Tokens that always differ, and keys that never get on.
static void a_circle_ends(void **state)
{
    (void)state;
    struct client *c = client_of(NULL);
    struct seen s = {0};
    struct err err = ERR_INIT;
    struct step steps[40];
    char *bodies[40];
    for (int i = 0; i < 40; i++) {
        bodies[i] = mem_printf(LIST_OF(OBJECT("a") "<IsTruncated>true</IsTruncated><NextContinuationToken>%d"
                                                   "</NextContinuationToken>"), i);
        steps[i] = (struct step){"200 OK", NULL, bodies[i]};
    }
    fake_script(steps, 40);
    assert_int_equal(list(c, "", false, &s, &err), ERR_IO);
    assert_non_null(strstr(err.cause, "does not get on"));
    assert_true(fake_asked() < 30);
    fake_forget();
    for (int i = 0; i < 40; i++) {
        free(bodies[i]);
    }
    strv_free(&s.keys);
    client_free(c);
}

static void buckets_are_checked(void **state)
{
    (void)state;
    struct client *c = client_of(NULL);
    struct err err = ERR_INIT;
    SCRIPT({"200 OK", NULL, LIST_OF(OBJECT("a") "<IsTruncated>true</IsTruncated>")},
           {"404 Not Found", NULL, "<Error><Code>NoSuchBucket</Code></Error>"});
    assert_int_equal(s3_check_bucket(c->s3, "bucket", "p/", NULL, &err), ERR_OK);
    assert_true(asked_with(0, "&max-keys=1&"));
    assert_int_equal(s3_check_bucket(c->s3, "bucket", "p/", NULL, &err), ERR_NOT_FOUND);
    struct s3_stats st;
    s3_stats(c->s3, &st);
    assert_int_equal(st.lists, 2);
    client_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_pages),
        cmocka_unit_test(directories_and_odd_keys),
        cmocka_unit_test(odd_servers),
        cmocka_unit_test(a_garbled_page_is_asked_for_once_more),
        cmocka_unit_test(a_circle_ends),
        cmocka_unit_test(buckets_are_checked),
    };
    return cmocka_run_group_tests(tests, fake_start, fake_stop);
}
