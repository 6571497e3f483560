#include "client/render_parts.h"

#include <stdlib.h>
#include <string.h>

// 16 GiB: more than any file a person opens, and minutes of work for a pickle that is made to explode.
#define MAX_WORK ((uint64_t)16 << 30)
enum { CHECK_EVERY = 1 << 20, PUT_AT_ONCE = 1 << 20, MAX_SCALAR = 64 << 20 };

struct out *out_new(struct sink *sink, struct cancel *cancel, struct err *err)
{
    struct out *o = malloc(sizeof *o);
    if (!o) {
        (void)err_set(err, ERR_NO_MEMORY, "no memory to render a value");
        return NULL;
    }
    o->sink = sink;
    o->cancel = cancel;
    o->err = err;
    o->scratch = (struct buf){.max = MAX_SCALAR};
    o->failed = ERR_OK;
    o->work = 0;
    o->next_check = 0;
    o->compact = false;
    o->len = 0;
    return o;
}

void out_fail(struct out *o, errc code, const char *cause)
{
    if (!o->failed)
        o->failed = err_set(o->err, code, "%s", cause);
}

void out_work(struct out *o, uint64_t units)
{
    o->work += units;
    if (o->work < o->next_check || o->failed)
        return;
    o->next_check = o->work + CHECK_EVERY;
    if (o->work > MAX_WORK)
        out_fail(o, ERR_LIMIT, "the value's text is longer than 16 GiB (it refers to the same parts again and again)");
    else
        o->failed = cancel_check(o->cancel, o->err);
}

static void send(struct out *o, const void *data, size_t len)
{
    out_work(o, len);
    if (!o->failed && len && !sink_put(o->sink, data, len))
        out_fail(o, ERR_INTERRUPTED, "the reader of the value's text stopped");
}

errc out_free(struct out *o)
{
    send(o, o->data, o->len);
    errc failed = o->failed;
    buf_free(&o->scratch);
    free(o);
    return failed;
}

void out_restart(struct out *o, struct sink *sink)
{
    o->sink = sink;
    o->failed = ERR_OK;
    o->work = o->next_check = 0;
    o->len = 0;
}

void out_drop(struct out *o)
{
    if (o)
        buf_free(&o->scratch);
    free(o);
}

void out_put(struct out *o, const void *data, size_t len)
{
    if (o->failed)
        return;
    if (len > OUT_ROOM - o->len) {
        send(o, o->data, o->len);
        o->len = 0;
    }
    const char *p = data;
    while (len > OUT_ROOM) {
        size_t n = len < PUT_AT_ONCE ? len : PUT_AT_ONCE;
        send(o, p, n);
        if (o->failed)
            return;
        p += n;
        len -= n;
    }
    if (len)
        memcpy(o->data + o->len, p, len);
    o->len += len;
}

void out_puts(struct out *o, const char *s)
{
    out_put(o, s, strlen(s));
}

void out_buf(struct out *o, struct buf *b)
{
    if (b->over)
        out_fail(o, ERR_LIMIT, "the text of one scalar or key of the value is too long");
    out_put(o, b->data, b->len);
    b->len = 0;
    b->over = false;
}

void out_line(struct out *o, unsigned depth)
{
    static const char spaces[] = "                                                                ";
    if (o->compact) {
        if (o->len && o->data[o->len - 1] == ',')
            out_put(o, " ", 1);
        return;
    }
    out_put(o, "\n", 1);
    for (size_t n = (size_t)depth * 2; n;) {
        size_t part = n < sizeof spaces - 1 ? n : sizeof spaces - 1;
        out_put(o, spaces, part);
        n -= part;
    }
}

// Whether this byte cannot stand in a JSON string as it is. 0xed begins the lone surrogates.
static bool is_special(uint8_t c)
{
    return c < 0x20 || c == '"' || c == '\\' || c == 0xed;
}

// Writes what stands at s instead of itself; the number of bytes of s it stands for.
static size_t put_special(struct out *o, const uint8_t *s, size_t len)
{
    static const char hex[] = "0123456789abcdef", from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
    if (*s == 0xed) {
        bool surrogate = len >= 3 && s[1] >= 0xa0;
        if (!surrogate) {
            out_put(o, s, len < 3 ? len : 3);
            return len < 3 ? len : 3;
        }
        unsigned c = 0xd000u | (unsigned)(s[1] & 0x3f) << 6 | (s[2] & 0x3f);
        char text[6] = {'\\', 'u', 'd', hex[c >> 8 & 15], hex[c >> 4 & 15], hex[c & 15]};
        out_put(o, text, sizeof text);
        return 3;
    }
    const char *known = *s ? strchr(from, *s) : NULL;
    if (known) {
        char text[2] = {'\\', to[known - from]};
        out_put(o, text, sizeof text);
    } else {
        char text[6] = {'\\', 'u', '0', '0', hex[*s >> 4], hex[*s & 15]};
        out_put(o, text, sizeof text);
    }
    return 1;
}

void out_string(struct out *o, const uint8_t *s, size_t len)
{
    out_put(o, "\"", 1);
    for (size_t i = 0; i < len && !o->failed;) {
        size_t run = i;
        while (run < len && !is_special(s[run]))
            run++;
        out_put(o, s + i, run - i);
        i = run < len ? run + put_special(o, s + run, len - run) : run;
    }
    out_put(o, "\"", 1);
}

void out_base64(struct out *o, const uint8_t *s, size_t len)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    out_put(o, "\"", 1);
    for (size_t i = 0; i < len && !o->failed; i += 3) {
        size_t n = len - i < 3 ? len - i : 3;
        uint32_t v = (uint32_t)s[i] << 16 | (n > 1 ? (uint32_t)s[i + 1] << 8 : 0) | (n > 2 ? s[i + 2] : 0);
        char text[4] = {digits[v >> 18], digits[v >> 12 & 63], n > 1 ? digits[v >> 6 & 63] : '=',
                        n > 2 ? digits[v & 63] : '='};
        out_put(o, text, sizeof text);
    }
    out_put(o, "\"", 1);
}

static void open_tagged(struct out *o, unsigned depth, const char *key)
{
    out_puts(o, "{");
    out_line(o, depth + 1);
    out_string(o, (const uint8_t *)key, strlen(key));
    out_puts(o, ": ");
}

void out_tagged(struct out *o, unsigned depth, const char *key, const char *text)
{
    open_tagged(o, depth, key);
    out_string(o, (const uint8_t *)text, strlen(text));
    out_line(o, depth);
    out_puts(o, "}");
}

void out_bytes(struct out *o, unsigned depth, const uint8_t *s, size_t len)
{
    open_tagged(o, depth, "__bytes__");
    out_base64(o, s, len);
    out_line(o, depth);
    out_puts(o, "}");
}
