// Values as fixed-width text.
#include <stddef.h>
#include <string.h>

#include "base/mem.h"
#include "client/npy_i.h"
#include "client/render_table.h"

#define MAX_WIDTH ((size_t)INT32_MAX / 4)

// The code points of UTF-8 (surrogates passed), which the reader of pickles has checked; little-endian, as "<U" says.
static void put_chars(struct npy_out *to, const uint8_t *s, size_t len)
{
    uint8_t room[256];
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        uint32_t c = s[i];
        unsigned more = c < 0x80 ? 0 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
        c &= more ? 0x3fu >> more : 0x7fu;
        for (; more && i + 1 < len; more--)
            c = c << 6 | (s[++i] & 0x3f);
        room[n] = (uint8_t)c;
        room[n + 1] = (uint8_t)(c >> 8);
        room[n + 2] = (uint8_t)(c >> 16);
        room[n + 3] = 0;
        n += 4;
        if (n == sizeof room) {
            npy_put(to, room, n);
            n = 0;
        }
    }
    npy_put(to, room, n);
}

static size_t count_chars(const uint8_t *s, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++)
        n += (s[i] & 0xc0) != 0x80;
    return n;
}

static void add(struct npy_text *t, const void *data, size_t len)
{
    size_t n = count_chars(data, len);
    if (t->to && n <= t->width - t->chars)
        put_chars(t->to, data, len);
    t->chars += n;
}

// A piece of JSON; a character may lie on the border of two pieces only where the piece before was sent in the middle
// of a string that is longer than what `out` gathers.
static bool take(struct sink *sink, const void *data, size_t len)
{
    struct npy_text *t = (struct npy_text *)((char *)sink - offsetof(struct npy_text, sink));
    const uint8_t *p = data;
    for (; t->part_len && len && (*p & 0xc0) == 0x80; p++, len--) {
        if (t->part_len < sizeof t->part)
            t->part[t->part_len++] = *p;
    }
    if (t->part_len && len) {
        add(t, t->part, t->part_len);
        t->part_len = 0;
    }
    size_t tail = 0; // bytes of an unfinished character
    while (tail < len && tail < 4 && (p[len - 1 - tail] & 0xc0) == 0x80)
        tail++;
    if (len && tail < len && p[len - 1 - tail] >= 0xc0) {
        tail++;
        memcpy(t->part, p + len - tail, tail);
        t->part_len = tail;
        len -= tail;
    }
    add(t, p, len);
    return !t->to || !t->to->failed;
}

bool npy_text_new(struct npy_text *t, struct npy_out *o)
{
    memset(t, 0, sizeof *t);
    t->sink.put = take;
    t->width = 1;
    t->out = out_new(&t->sink, o->cancel, &t->err);
    if (!t->out)
        npy_fail(o, ERR_NO_MEMORY, "no memory to write an array");
    return t->out;
}

void npy_text_free(struct npy_text *t)
{
    out_drop(t->out);
}

static void end_text(struct npy_text *t)
{
    static const uint8_t zeros[256];
    if (!t->to) {
        t->width = t->chars > t->width ? t->chars : t->width;
    } else {
        for (size_t left = t->width > t->chars ? (t->width - t->chars) * 4 : 0; left;) {
            size_t n = left < sizeof zeros ? left : sizeof zeros;
            npy_put(t->to, zeros, n);
            left -= n;
        }
    }
    t->chars = 0;
}

static void begin_json(struct npy_text *t)
{
    out_restart(t->out, &t->sink);
    t->out->compact = true;
    t->part_len = 0;
}

static void end_json(struct npy_text *t, struct npy_out *o)
{
    if (!t->out->failed)
        (void)take(&t->sink, t->out->data, t->out->len);
    if (t->part_len)
        add(t, t->part, t->part_len);
    t->part_len = 0;
    if (t->out->failed)
        npy_fail(o, t->out->failed, t->err.cause);
}

// A scalar that is one of the types which are their text; false for the others.
static bool put_plain(struct npy_text *t, const struct value *v)
{
    if (v->kind == VALUE_STR) {
        add(t, v->u.bytes.data, v->u.bytes.len);
        return true;
    }
    struct buf *b = &t->out->scratch;
    bool ok = false;
    if (v->kind == VALUE_CALL) {
        struct npy_type *type = NULL;
        const uint8_t *at;
        const struct value *object;
        if (npy_scalar(v, &type, &at, &object) == NPY_YES && !object && strchr("UMm", type->kind))
            ok = npy_text(b, type, at);
        else
            ok = text_call(b, v);
        npy_type_free(type);
    }
    ok = ok && !b->over; // what is too long is JSON's UnsupportedType
    if (ok)
        add(t, b->data ? b->data : "", b->len);
    b->len = 0;
    b->over = false;
    return ok;
}

void npy_text_value(struct npy_text *t, struct npy_out *o, const struct value *v)
{
    if (!put_plain(t, v)) {
        begin_json(t);
        json_value(t->out, v);
        end_json(t, o);
    }
    end_text(t);
}

// A cell that stands by itself.
void npy_text_cell(struct npy_text *t, struct npy_out *o, const struct cell *c)
{
    static const char unsupported[] = "UnsupportedType : ";
    struct buf *b = &t->out->scratch;
    switch (c->kind) {
    case CELL_VALUE: npy_text_value(t, o, c->value); return;
    case CELL_NA: add(t, "null", 4); break;
    case CELL_TEXT: add(t, c->text, c->len); break;
    case CELL_UNSUPPORTED:
        add(t, unsupported, sizeof unsupported - 1);
        add(t, c->text, c->len);
        break;
    case CELL_ELEMENT:
        if (strchr("UMm", c->type->kind) && npy_text(b, c->type, c->at) && !b->over) {
            add(t, b->data ? b->data : "", b->len);
            b->len = 0;
            break;
        }
        b->len = 0;
        b->over = false;
        begin_json(t);
        npy_json(t->out, c->type, c->at, 0);
        end_json(t, o);
        break;
    }
    end_text(t);
}

void npy_text_row(struct npy_text *t, struct npy_out *o, struct column *const *columns, size_t n, size_t row)
{
    begin_json(t);
    out_puts(t->out, "[");
    for (size_t i = 0; i < n; i++) {
        struct cell c;
        column_cell(columns[i], row, STYLE_JSON, &c);
        out_puts(t->out, i ? ", " : "");
        const struct value *v = cell_json(t->out, &c, 0);
        if (v)
            json_value(t->out, v);
    }
    out_puts(t->out, "]");
    end_json(t, o);
    end_text(t);
}

uint64_t npy_text_size(size_t width, size_t count)
{
    uint64_t size;
    return __builtin_mul_overflow((uint64_t)width * 4, (uint64_t)count, &size) ? UINT64_MAX : size;
}

// "50,001"
static void put_grouped(struct buf *b, size_t n)
{
    char digits[24];
    size_t len = format_uint(digits, n);
    for (size_t i = 0; i < len; i++) {
        if (i && (len - i) % 3 == 0)
            buf_putc(b, ',');
        buf_putc(b, digits[i]);
    }
}

void npy_text_room(struct npy_out *o, uint64_t total, const char *what, size_t width, size_t count, const char *rows)
{
    if (total <= o->most)
        return;
    auto_cleanup(buf_free) struct buf b = {0};
    buf_printf(&b, "%s is ", what);
    put_grouped(&b, width);
    buf_puts(&b, " characters wide in each of ");
    put_grouped(&b, count);
    buf_printf(&b, " %s, %.1f GB in all; %s has it shorter, and metaflowfs cat writes it as it is", rows,
               (double)total / 1e9, strcmp(rows, "rows") == 0 ? ".csv/" : ".json/");
    npy_fail(o, ERR_LIMIT, b.data ? b.data : what);
}

void npy_text_check(struct npy_text *t, struct npy_out *o)
{
    if (t->width > MAX_WIDTH)
        npy_fail(o, ERR_NO_FORM, "its longest text has more characters than numpy's fixed-width text (536,870,911)");
}
