// Members of a .meta, one after another.
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "client/model_meta_i.h"

bool meta_wants(const struct meta_out *w, const char *key)
{
    return w->part == META_ALL || (w->part == META_ONE && strcmp(w->key, key) == 0);
}

bool meta_wants_any(const struct meta_out *w, const char *const *keys)
{
    for (; *keys; keys++) {
        if (meta_wants(w, *keys)) {
            return true;
        }
    }
    return false;
}

bool meta_begin(struct meta_out *w, const char *key)
{
    bool wanted = meta_wants(w, key);
    if (wanted || w->part == META_KEYS) {
        json_out_key(&w->json, key);
    }
    if (!wanted && w->part == META_KEYS) {
        json_out_null(&w->json);
    }
    return wanted;
}

void meta_time_value(struct json_out *w, int64_t ms)
{
    char text[40];
    if (ms < 0) {
        json_out_null(w);
        return;
    }
    clock_iso8601(ms, text, sizeof(text));
    json_out_str(w, text);
}

void meta_put_time(struct meta_out *w, const char *key, int64_t ms)
{
    if (meta_begin(w, key)) {
        meta_time_value(&w->json, ms);
    }
}

void meta_put_str(struct meta_out *w, const char *key, const char *text)
{
    if (meta_begin(w, key)) {
        json_out_str(&w->json, text);
    }
}

void meta_put_bool(struct meta_out *w, const char *key, bool v)
{
    if (meta_begin(w, key)) {
        json_out_bool(&w->json, v);
    }
}

static void put_strv(struct meta_out *w, const char *key, const struct strv *a, const struct strv *b)
{
    if (!meta_begin(w, key)) {
        return;
    }
    auto_cleanup(strv_free) struct strv all = {0};
    strv_copy(&all, a);
    for (size_t i = 0; b && i < b->len; i++) {
        if (!strv_has(&all, b->items[i])) {
            strv_add(&all, b->items[i]);
        }
    }
    strv_sort(&all);
    json_out_begin(&w->json, '[');
    for (size_t i = 0; i < all.len; i++) {
        json_out_str(&w->json, all.items[i]);
    }
    json_out_end(&w->json, ']');
}

void meta_put_identity(struct meta_out *w, const struct pathspec *ps)
{
    enum level level = pathspec_level(ps);
    auto_free char *path = pathspec_text(ps);
    meta_put_str(w, "id", pathspec_id(ps));
    meta_put_str(w, "pathspec", path);
    if (level > LEVEL_FLOW) {
        struct pathspec up = pathspec_upto(ps, level - 1);
        auto_free char *parent = pathspec_text(&up);
        meta_put_str(w, "parent", parent);
    }
}

void meta_put_object(struct meta_out *w, const struct meta_object *o)
{
    meta_put_time(w, "created_at", o->created_ms);
    put_strv(w, "tags", &o->tags, &o->system_tags);
    put_strv(w, "user_tags", &o->tags, NULL);
    put_strv(w, "system_tags", &o->system_tags, NULL);
    for (size_t i = 0; i < o->system_tags.len; i++) {
        if (strncmp(o->system_tags.items[i], "user:", 5) == 0) {
            meta_put_str(w, "user", o->system_tags.items[i] + 5);
            break;
        }
    }
    if (o->heartbeat_ms >= 0) {
        meta_put_time(w, "heartbeat", o->heartbeat_ms);
    }
}

// The `code-package` record is JSON text; what does not parse is no package.
void meta_put_code(struct meta_out *w, const char *record)
{
    static const char *const members[] = {"sha", "location", "ds_type"};
    auto_cleanup(json_freep) struct json *json = NULL;
    struct err err = ERR_INIT;
    if (!record || json_parse(record, strlen(record), "code-package", &json, &err) || !meta_begin(w, "code")) {
        return;
    }
    json_out_begin(&w->json, '{');
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        const char *text = json_str(json_get(json, members[i]));
        if (text) {
            json_out_key(&w->json, members[i]);
            json_out_str(&w->json, text);
        }
    }
    json_out_end(&w->json, '}');
}
