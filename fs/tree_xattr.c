// Extended attributes `user.metaflow.*`: the object's .meta, one attribute a key.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "fs/tree_i.h"

#define PREFIX "user.metaflow."

// Takes one attribute's key (without the prefix) and text.
typedef bool (*attr_fn)(void *arg, const char *key, const char *text);

struct each {
    attr_fn fn;
    void *arg;
};

static bool each_key(void *arg, const char *key, const struct json *value)
{
    struct each *each = arg;
    // A task's map of artifacts can exceed what an attribute may hold; each artifact has its own.
    if (strcmp(key, "artifacts") == 0 || strcmp(key, "metadata_dict") == 0)
        return true;
    if (json_kind(value) == JSON_STR)
        return each->fn(each->arg, key, json_str(value));
    auto_cleanup(buf_free) struct buf text = {0};
    json_dump(value, &text);
    return each->fn(each->arg, key, text.data ? text.data : "");
}

// key: the one that is asked for, or NULL: all of them, without their texts.
static errc each_object_attr(struct tree *t, const struct tref *r, const char *key, struct cancel *cancel, attr_fn fn,
                             void *arg, struct err *err)
{
    auto_cleanup(buf_free) struct buf text = {0};
    struct pathspec ps = tref_pathspec(r);
    struct client *c = t->conf.client;
    errc e = key ? client_meta_value(c, &ps, r->attempt, key, cancel, &text, err)
                 : client_meta_keys(c, &ps, r->attempt, cancel, &text, err);
    if (e)
        return e;
    auto_cleanup(json_freep) struct json *json = NULL;
    e = json_parse(text.data ? text.data : "", text.len, ".meta", &json, err);
    if (e)
        return e;
    struct each each = {fn, arg};
    json_each(json, each_key, &each);
    return ERR_OK;
}

static errc each_artifact_attr(struct tree *t, const struct tref *r, struct cancel *cancel, attr_fn fn,
                               void *arg, struct err *err)
{
    auto_cleanup(artifacts_unrefp) const struct artifacts *list = NULL;
    const struct artifact *a = NULL;
    errc e = tree_find_artifact(t, r, cancel, &list, &a, NULL, err);
    if (e)
        return e;
    char created[32], size[24], attempt[12];
    clock_iso8601(a->created_ms, created, sizeof created);
    snprintf(size, sizeof size, "%lld", (long long)a->size);
    snprintf(attempt, sizeof attempt, "%d", list->attempt);
    const struct {
        const char *key, *text;
    } rows[] = {
        {"name", a->name},         {"type", a->type},
        {"sha", a->sha},           {"encoding", a->encoding},
        {"created_at", created},   {"size", a->size >= 0 ? size : NULL},
        {"attempt", attempt},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].text && !fn(arg, rows[i].key, rows[i].text))
            break;
    return ERR_OK;
}

static errc each_attr(struct tree *t, const struct tref *r, const char *key, struct cancel *cancel, attr_fn fn,
                      void *arg, struct err *err)
{
    switch (r->kind) {
    case K_FLOW:
    case K_RUN:
    case K_STEP:
    case K_TASK:
    case K_ATTEMPT:
        return each_object_attr(t, r, key, cancel, fn, arg, err);
    case K_ARTIFACT:
    case K_PARAMETER:
    case K_PICKLE:
    case K_JSON:
    case K_CSV:
    case K_NPY:
        return each_artifact_attr(t, r, cancel, fn, arg, err);
    default:
        return ERR_OK;
    }
}

static bool put_name(void *arg, const char *key, const char *text)
{
    (void)text;
    struct buf *out = arg;
    buf_puts(out, PREFIX);
    buf_put(out, key, strlen(key) + 1);
    return true;
}

errc tree_xattr_list(struct tree *t, const struct tref *r, struct cancel *cancel, struct buf *out,
                     struct err *err)
{
    return each_attr(t, r, NULL, cancel, put_name, out, err);
}

struct wanted {
    const char *key;
    struct buf *out;
    bool found;
};

static bool put_value(void *arg, const char *key, const char *text)
{
    struct wanted *w = arg;
    if (strcmp(key, w->key) != 0)
        return true;
    buf_puts(w->out, text);
    w->found = true;
    return false;
}

errc tree_xattr_get(struct tree *t, const struct tref *r, const char *name, struct cancel *cancel,
                    struct buf *out, struct err *err)
{
    if (strncmp(name, PREFIX, strlen(PREFIX)) != 0)
        return err_set(err, ERR_NOT_FOUND, "no extended attribute %s", name);
    struct wanted wanted = {name + strlen(PREFIX), out, false};
    errc e = each_attr(t, r, wanted.key, cancel, put_value, &wanted, err);
    if (e)
        return e;
    return wanted.found ? ERR_OK : err_set(err, ERR_NOT_FOUND, "no extended attribute %s", name);
}
