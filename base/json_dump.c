// The value as compact text, through the getters alone. jansson's own writer gives 0.1 as
// 0.10000000000000001.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

// The shortest text that reads back as the same number, and as a real.
static void dump_real(double value, struct buf *buf)
{
    char text[40];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (digits == 17 || !(strtod(text, NULL) < value || strtod(text, NULL) > value))
            break;
    }
    buf_puts(buf, text);
    if (!strpbrk(text, ".e"))
        buf_puts(buf, ".0");
}

struct members {
    struct buf *buf;
    bool comma;
};

static bool dump_member(void *arg, const char *key, const struct json *value)
{
    struct members *m = arg;
    if (m->comma)
        buf_putc(m->buf, ',');
    m->comma = true;
    json_quote(m->buf, key, strlen(key));
    buf_putc(m->buf, ':');
    json_dump(value, m->buf);
    return true;
}

static void dump_scalar(const struct json *json, struct buf *buf)
{
    int64_t integer;
    double real;
    bool boolean;
    size_t len;
    const char *text = json_str_len(json, &len);
    if (text)
        json_quote(buf, text, len);
    else if (json_int(json, &integer))
        buf_printf(buf, "%" PRId64, integer);
    else if (json_real(json, &real))
        dump_real(real, buf);
    else if (json_bool(json, &boolean))
        buf_puts(buf, boolean ? "true" : "false");
    else
        buf_puts(buf, "null");
}

void json_dump(const struct json *json, struct buf *buf)
{
    struct members members = {.buf = buf};
    switch (json_kind(json)) {
    case JSON_ABSENT:
        break;
    case JSON_OBJECT:
        buf_putc(buf, '{');
        json_each(json, dump_member, &members);
        buf_putc(buf, '}');
        break;
    case JSON_ARRAY:
        buf_putc(buf, '[');
        for (size_t i = 0; i < json_len(json); i++) {
            if (i)
                buf_putc(buf, ',');
            json_dump(json_at(json, i), buf);
        }
        buf_putc(buf, ']');
        break;
    default:
        dump_scalar(json, buf);
    }
}
