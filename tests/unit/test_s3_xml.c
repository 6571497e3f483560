// s3/s3_xml.h: the limits of documents, in pieces of any size. (What listings look like: test_s3_list.c.)
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "s3/s3_xml.h"

static const char error_text[] =
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>PermanentRedirect</Code><Message>Not\nhere \xc3\xa9</Message>"
    "<Endpoint>b.s3.eu-west-1.amazonaws.com</Endpoint><Region>eu-west-1</Region><Bucket>b</Bucket>"
    "<RequestId>R7</RequestId><ServerTime>2026-01-01T00:00:00Z</ServerTime><HostId>h</HostId></Error>";

static void errors(void **state)
{
    (void)state;
    struct s3_xml_error e;
    assert_true(s3_xml_error_of(error_text, strlen(error_text), &e));
    assert_string_equal(e.code, "PermanentRedirect");
    assert_string_equal(e.message, "Not here \xc3\xa9");
    assert_string_equal(e.endpoint, "b.s3.eu-west-1.amazonaws.com");
    assert_string_equal(e.region, "eu-west-1");
    assert_string_equal(e.request_id, "R7");
    assert_string_equal(e.server_time, "2026-01-01T00:00:00Z");
    assert_true(s3_xml_error_of(error_text, strlen(error_text) - 20, &e)); // what came before a cut
    assert_string_equal(e.request_id, "R7");
    static const char *const none[] = {"", "<html><Code>x</Code></html>", "<Error/>", "<Error><a><Code>x</Code></a></Error>",
                                       "Error", "<Error><Code>", "<!DOCTYPE Error><Error><Code>x</Code></Error>"};
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        assert_false(s3_xml_error_of(none[i], strlen(none[i]), &e));
        assert_string_equal(e.code, "");
    }
}

static void long_words_are_cut(void **state)
{
    (void)state;
    struct s3_xml_error e;
    struct buf b = {0};
    buf_puts(&b, "<Error><Code>C</Code><Message>");
    for (int i = 0; i < 20000; i++) {
        buf_puts(&b, "\xc3\xa9");
    }
    buf_puts(&b, "</Message><Region>eu</Region></Error>");
    assert_true(s3_xml_error_of(b.data, b.len, &e));
    assert_int_equal(strlen(e.message), 254); // whole characters
    assert_string_equal(e.region, "eu");
    buf_free(&b);
}

static errc parse(const struct buf *b, size_t piece, struct s3_xml **ret, struct err *err)
{
    struct s3_xml *x = *ret = s3_xml_new();
    errc e = ERR_OK;
    for (size_t at = 0; !e && at < b->len; at += piece) {
        e = s3_xml_put(x, b->data + at, b->len - at < piece ? b->len - at : piece, err);
    }
    return e ? e : s3_xml_end(x, err);
}

static void put_object(struct buf *b, const char *key)
{
    buf_printf(b, "<Contents><Key>%s</Key><Size>1</Size></Contents>", key);
}

static void pieces_of_any_size(void **state)
{
    (void)state;
    struct buf b = {0};
    struct err err = ERR_INIT;
    buf_puts(&b, "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>t&amp;u</NextContinuationToken>");
    put_object(&b, "b\xc3\xa9");
    put_object(&b, "a");
    buf_puts(&b, "</ListBucketResult>");
    for (size_t piece = 1; piece <= b.len; piece += 3) {
        struct s3_xml *x;
        assert_int_equal(parse(&b, piece, &x, &err), ERR_OK);
        assert_int_equal(s3_xml_kind(x), S3_XML_LIST);
        assert_int_equal(s3_xml_count(x), 2);
        assert_string_equal(s3_xml_entry(x, 0).key, "a"); // brought into order
        assert_string_equal(s3_xml_entry(x, 1).key, "b\xc3\xa9");
        assert_string_equal(s3_xml_entry(x, 1).etag, "");
        assert_string_equal(s3_xml_token(x), "t&u");
        assert_true(s3_xml_is_truncated(x));
        s3_xml_free(x);
    }
    buf_free(&b);
}

static void breaks(struct buf *b, const char *word)
{
    struct s3_xml *x;
    struct err err = ERR_INIT;
    errc e = parse(b, 100000, &x, &err);
    if (e != ERR_CORRUPT || !strstr(err.cause, word)) {
        fail_msg("%s: %s", word, err.cause);
    }
    s3_xml_free(x);
    buf_free(b);
}

static void limits(void **state)
{
    (void)state;
    struct buf b = {0};
    buf_puts(&b, "<ListBucketResult>");
    for (int i = 0; i < 100000; i++) {
        buf_puts(&b, "<a>");
    }
    breaks(&b, "too deep");
    buf_puts(&b, "<ListBucketResult><Contents><Key>");
    for (int i = 0; i < 10000; i++) {
        buf_putc(&b, 'k');
    }
    breaks(&b, "longer than any key");
    buf_puts(&b, "<ListBucketResult>");
    for (int i = 0; i <= S3_XML_MAX_ENTRIES; i++) {
        put_object(&b, "k");
    }
    breaks(&b, "more entries");
    buf_puts(&b, "<ListBucketResult>");
    for (size_t i = 0; i < S3_XML_MAX_BYTES; i += 8) {
        buf_puts(&b, "<a>x</a>");
    }
    breaks(&b, "too long");
    buf_puts(&b, "<ListBucketResult>&undefined;</ListBucketResult>");
    breaks(&b, "not whole XML");
    buf_puts(&b, "<ListBucketResult>\x01</ListBucketResult>");
    breaks(&b, "line 1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors),
        cmocka_unit_test(long_words_are_cut),
        cmocka_unit_test(pieces_of_any_size),
        cmocka_unit_test(limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
