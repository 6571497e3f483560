// s3/s3_xml.h: any bytes, in pieces of any size, are the same page or the same failure; entries are in order.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "s3/s3_text.h"
#include "s3/s3_xml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void describe(const struct s3_xml *x, struct buf *out)
{
    size_t n = s3_xml_count(x);
    const struct s3_xml_error *e = s3_xml_error(x);
    const char *token = s3_xml_token(x);
    buf_printf(out, "%d %d %s %zu\n", (int)s3_xml_kind(x), s3_xml_is_truncated(x), token ? token : "-", n);
    buf_printf(out, "%s|%s|%s|%s|%s|%s\n", e->code, e->message, e->region, e->endpoint, e->request_id, e->server_time);
    for (size_t i = 0; i < n; i++) {
        struct s3_entry entry = s3_xml_entry(x, i);
        if (i > 0 && strcmp(s3_xml_entry(x, i - 1).key, entry.key) > 0) {
            abort();
        }
        buf_printf(out, "%s %d %llu %lld %s\n", entry.key, entry.is_prefix, (unsigned long long)entry.size,
                   (long long)entry.mtime_ms, entry.etag);
    }
}

static errc read_in_pieces(const uint8_t *data, size_t size, size_t piece, struct buf *out)
{
    struct s3_xml *x = s3_xml_new();
    struct err err = ERR_INIT;
    errc e = ERR_OK;
    for (size_t at = 0; !e && at < size; at += piece) {
        e = s3_xml_put(x, data + at, size - at < piece ? size - at : piece, &err);
    }
    e = e ? e : s3_xml_end(x, &err);
    if (!e) {
        describe(x, out);
    } else if (e != ERR_CORRUPT || !err.cause[0]) {
        abort();
    }
    s3_xml_free(x);
    return e;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf whole = {0}, pieces = {0};
    struct s3_xml_error error;
    errc a = read_in_pieces(data, size, size + 1, &whole);
    errc b = read_in_pieces(data, size, size ? data[size - 1] % 7 + 1 : 1, &pieces);
    if (a != b || whole.len != pieces.len || (whole.len && memcmp(whole.data, pieces.data, whole.len) != 0)) {
        abort();
    }
    buf_free(&whole);
    buf_free(&pieces);
    s3_xml_error_of(data, size, &error);
    char text[64];
    size_t len = size < sizeof(text) - 1 ? size : sizeof(text) - 1;
    if (len > 0) {
        memcpy(text, data, len);
    }
    text[len] = '\0';
    s3_time_of_iso(text);
    s3_time_of_http(text);
    return 0;
}
