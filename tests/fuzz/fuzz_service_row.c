// base/json_rows.c and client/service_row.c: the bytes of an answer, in pieces of any size, are the same rows or
// the same failure; each is a row of every kind or left out, and no id that could lead out of a path comes through.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_rows.h"
#include "base/mem.h"
#include "client/service_i.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_id(const char *id)
{
    if (id && !service_id_is_usable(id)) {
        abort();
    }
}

static void read_all_kinds(const struct json *json)
{
    static const struct pathspec levels[] = {{0}, {.flow = "F"}, {.flow = "F", .run = "7"}, {"F", "7", "s", NULL},
                                             {"F", "7", "s", "5"}};
    for (int what = SERVICE_OBJECT; what <= SERVICE_RECORDS; what++) {
        for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]) - (what == SERVICE_CHILDREN); i++) {
            struct service_query q = SERVICE_QUERY_INIT;
            struct service_row row;
            q.what = (enum service_what)what;
            q.at = levels[i];
            if (service_read_row(&q, json, &row)) {
                check_id(row.object.flow);
                check_id(row.object.run);
                check_id(row.object.step);
                check_id(row.object.task);
                check_id(row.step);
                check_id(row.task);
                check_id(row.artifact.name);
            }
            service_row_clear(&row);
        }
    }
}

struct seen {
    struct buf text;
    bool rows;
};

static errc take(void *arg, const struct json *json, struct err *err)
{
    (void)err;
    struct seen *s = arg;
    json_dump(json, &s->text);
    buf_putc(&s->text, '\n');
    if (s->rows) {
        read_all_kinds(json);
    }
    return ERR_OK;
}

static errc read_in_pieces(const uint8_t *data, size_t size, size_t piece, struct seen *s)
{
    struct json_rows *r = json_rows_new("fuzz", 100000, 1000000, take, s);
    struct err err = ERR_INIT;
    errc e = ERR_OK;
    for (size_t at = 0; !e && at < size; at += piece) {
        e = json_rows_put(r, data + at, size - at < piece ? size - at : piece, &err);
    }
    e = e ? e : json_rows_end(r, &err);
    json_rows_free(r);
    return e;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct seen whole = {.rows = true}, pieces = {0};
    errc a = read_in_pieces(data, size, size + 1, &whole);
    errc b = read_in_pieces(data, size, size ? data[0] % 7 + 1 : 1, &pieces);
    if (a != b || whole.text.len != pieces.text.len ||
        (whole.text.len && memcmp(whole.text.data, pieces.text.data, whole.text.len) != 0)) {
        abort();
    }
    buf_free(&whole.text);
    buf_free(&pieces.text);
    return 0;
}
