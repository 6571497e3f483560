#include "client/rows.h"

#include <string.h>

#include "base/mem.h"

#define VERSION 1
#define MAX_TAGS 100000 // far more than a service keeps; a count above it is damage

// --- writing: integers are 8 bytes of this machine's order, which a cache never leaves -------------------

static void put_int(struct buf *out, int64_t v)
{
    buf_put(out, &v, sizeof(v));
}

static void put_str(struct buf *out, const char *s)
{
    uint32_t len = s ? (uint32_t)strlen(s) + 1 : 0; // 0 is NULL
    buf_put(out, &len, sizeof(len));
    if (s) {
        buf_put(out, s, len - 1);
    }
}

static void put_strv(struct buf *out, const struct strv *v)
{
    put_int(out, (int64_t)v->len);
    for (size_t i = 0; i < v->len; i++) {
        put_str(out, v->items[i]);
    }
}

void rows_put_object(struct buf *out, const struct meta_object *o)
{
    buf_putc(out, VERSION);
    put_int(out, o->created_ms);
    put_int(out, o->heartbeat_ms);
    put_str(out, o->flow);
    put_str(out, o->run);
    put_str(out, o->step);
    put_str(out, o->task);
    put_str(out, o->user);
    put_strv(out, &o->tags);
    put_strv(out, &o->system_tags);
}

void rows_put_record(struct buf *out, const struct meta_record *r)
{
    buf_putc(out, VERSION);
    put_int(out, r->created_ms);
    put_int(out, r->attempt);
    put_int(out, r->is_json);
    put_str(out, r->field);
    put_str(out, r->type);
    put_str(out, r->value);
}

void rows_put_artifact(struct buf *out, const struct meta_artifact *a)
{
    buf_putc(out, VERSION);
    put_int(out, a->created_ms);
    put_int(out, a->attempt);
    put_str(out, a->name);
    put_str(out, a->sha);
    put_str(out, a->content_type);
    put_str(out, a->ds_type);
    put_str(out, a->location);
}

// --- reading ------------------------------------------------------------------------------------------

struct reader {
    const char *at, *end;
    bool bad;
};

static struct reader reader_begin(const void *data, size_t len)
{
    const char *at = data;
    struct reader r = {at, at + len, false};
    r.bad = len < 1 || *at != VERSION;
    r.at += !r.bad;
    return r;
}

static void get_bytes(struct reader *r, void *to, size_t len)
{
    if (r->bad || (size_t)(r->end - r->at) < len) {
        r->bad = true;
        memset(to, 0, len);
        return;
    }
    memcpy(to, r->at, len);
    r->at += len;
}

static int64_t get_int(struct reader *r)
{
    int64_t v;
    get_bytes(r, &v, sizeof(v));
    return v;
}

static char *get_str(struct reader *r)
{
    uint32_t len;
    get_bytes(r, &len, sizeof(len));
    if (r->bad || len == 0) {
        return NULL;
    }
    if ((size_t)(r->end - r->at) < len - 1) {
        r->bad = true;
        return NULL;
    }
    char *s = mem_strndup(r->at, len - 1);
    r->at += len - 1;
    return s;
}

static void get_strv(struct reader *r, struct strv *v)
{
    int64_t n = get_int(r);
    r->bad |= n < 0 || n > MAX_TAGS;
    for (int64_t i = 0; i < n && !r->bad; i++) {
        char *s = get_str(r);
        if (s) {
            strv_take(v, s);
        }
    }
}

bool rows_get_object(const void *data, size_t len, struct meta_object **ret)
{
    struct reader r = reader_begin(data, len);
    struct meta_object *o = mem_zalloc(sizeof(*o));
    o->created_ms = get_int(&r);
    o->heartbeat_ms = get_int(&r);
    o->flow = get_str(&r);
    o->run = get_str(&r);
    o->step = get_str(&r);
    o->task = get_str(&r);
    o->user = get_str(&r);
    get_strv(&r, &o->tags);
    get_strv(&r, &o->system_tags);
    if (r.bad || !o->flow) {
        meta_object_free(o);
        return false;
    }
    *ret = o;
    return true;
}

bool rows_get_record(const void *data, size_t len, struct meta_record *ret)
{
    struct reader r = reader_begin(data, len);
    struct meta_record m = {.created_ms = get_int(&r)};
    m.attempt = (int)get_int(&r);
    m.is_json = get_int(&r) != 0;
    m.field = get_str(&r);
    m.type = get_str(&r);
    m.value = get_str(&r);
    if (r.bad || !m.field) {
        free(m.field);
        free(m.type);
        free(m.value);
        return false;
    }
    *ret = m;
    return true;
}

bool rows_get_artifact(const void *data, size_t len, struct meta_artifact *ret)
{
    struct reader r = reader_begin(data, len);
    struct meta_artifact a = {.created_ms = get_int(&r)};
    a.attempt = (int)get_int(&r);
    a.name = get_str(&r);
    a.sha = get_str(&r);
    a.content_type = get_str(&r);
    a.ds_type = get_str(&r);
    a.location = get_str(&r);
    if (r.bad || !a.name) {
        free(a.name);
        free(a.sha);
        free(a.content_type);
        free(a.ds_type);
        free(a.location);
        return false;
    }
    *ret = a;
    return true;
}
