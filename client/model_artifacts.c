// Artifacts of an attempt: names and keys from metadata's records, types and sizes from the data.json
// that the datastore keeps beside the task.
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "client/model_i.h"
#include "client/store_located.h"

#define MAX_DATA_JSON (64u * 1024 * 1024)
#define DEFAULT_ENCODING "gzip+pickle-v2"

struct artifacts_snap {
    struct snap snap;
    struct artifacts list;
};

void artifact_clear(struct artifact *a)
{
    free(a->name);
    free(a->sha);
    free(a->type);
    free(a->encoding);
    free(a->location);
    memset(a, 0, sizeof(*a));
}

static void artifacts_destroy(struct snap *s)
{
    struct artifacts_snap *as = (struct artifacts_snap *)s;
    for (size_t i = 0; i < as->list.len; i++) {
        artifact_clear(&as->list.items[i]);
    }
    free(as->list.items);
    free(as);
}

void artifacts_unref(const struct artifacts *a)
{
    if (a) {
        struct artifacts_snap *as =
            (struct artifacts_snap *)((uintptr_t)a - offsetof(struct artifacts_snap, list));
        snap_unref(&as->snap);
    }
}

void artifacts_unrefp(const struct artifacts **a)
{
    artifacts_unref(*a);
}

bool artifact_is_visible(const struct artifact *a)
{
    return a->name[0] != '_';
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct artifact *)a)->name, ((const struct artifact *)b)->name);
}

const struct artifact *artifacts_find(const struct artifacts *a, const char *name)
{
    size_t low = 0, high = a->len;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int c = strcmp(name, a->items[mid].name);
        if (c == 0) {
            return &a->items[mid];
        }
        *(c < 0 ? &high : &low) = c < 0 ? mid : mid + 1;
    }
    return NULL;
}

struct artifact_env client_artifact_env(struct client *c, const struct pathspec *task)
{
    return (struct artifact_env){.store = c->store, .staging = c->staging, .flow = task->flow};
}

// --- the task's data.json ---------------------------------------------------------------------------

struct data_json {
    struct json *json;        // NULL: there is none
    const struct json *objects, *info;
    int64_t mtime_ms;
};

static void data_json_free(struct data_json *d)
{
    json_free(d->json);
}

static errc read_data_json_once(struct client *c, const char *path, struct cancel *cancel, struct data_json *d,
                                struct err *err)
{
    auto_cleanup(buf_free) struct buf text = {.max = MAX_DATA_JSON};
    errc code = store_read_all_dated(c->store, path, MAX_DATA_JSON, cancel, &text, &d->mtime_ms, err);
    if (!code) {
        code = json_parse(text.data ? text.data : "", text.len, path, &d->json, err);
    }
    if (!code && json_kind(d->json) != JSON_OBJECT) {
        json_free(steal_ptr(&d->json));
        code = err_set(err, ERR_CORRUPT, "%s: no JSON object", path);
    }
    return code;
}

// Only one that does not exist tells that nothing is known of types. What form an artifact has must not depend on a
// network that fails, on credentials that are being renewed, nor on one wrong answer.
static errc read_data_json(struct client *c, const struct pathspec *ps, int attempt, bool is_expected,
                           struct cancel *cancel, struct data_json *d, struct err *err)
{
    auto_free char *path = mem_printf("%s/%s/%s/%s/%d.data.json", ps->flow, ps->run, ps->step, ps->task, attempt);
    struct err one = ERR_INIT;
    errc code = read_data_json_once(c, path, cancel, d, &one);
    if (code == ERR_CORRUPT || (code == ERR_NOT_FOUND && is_expected)) {
        log_warn("model", "asked for again: %s", one.cause);
        code = read_data_json_once(c, path, cancel, d, &one);
    }
    if (code && code != ERR_NOT_FOUND) {
        *err = one;
        return code;
    }
    d->objects = json_get(d->json, "objects");
    d->info = json_get(d->json, "info");
    return ERR_OK;
}

static void fill_info(struct artifact *a, const struct data_json *d)
{
    const struct json *info = json_get(d->info, a->name);
    const char *type = json_str(json_get(info, "type"));
    const char *encoding = json_str(json_get(info, "encoding"));
    a->type = mem_strdup(type ? type : "object");
    if (!a->encoding) {
        a->encoding = mem_strdup(encoding ? encoding : DEFAULT_ENCODING);
    }
    // Where Metaflow kept no size, its readers say 0: no pickle is that short.
    if (!json_int(json_get(info, "size"), &a->size) || a->size <= 0) {
        a->size = -1;
    }
}

// --- the list ---------------------------------------------------------------------------------------

static void take_record(struct client *c, const struct pathspec *ps, struct meta_artifact *m, struct artifact *a)
{
    a->name = steal_ptr(&m->name);
    a->sha = steal_ptr(&m->sha);
    a->encoding = steal_ptr(&m->content_type);
    a->location = steal_ptr(&m->location);
    a->created_ms = m->created_ms;
    a->size = -1;
    if (a->location) {
        store_located_add(c->store, ps->flow, a->location);
    }
}

struct build {
    struct artifacts *list;
    size_t cap;
    int64_t created_ms;
};

static struct artifact *append(struct build *b)
{
    struct artifacts *l = b->list;
    l->items = mem_grow(l->items, &b->cap, l->len + 1, sizeof(l->items[0]));
    memset(&l->items[l->len], 0, sizeof(l->items[0]));
    return &l->items[l->len++];
}

static bool add_object(void *arg, const char *name, const struct json *sha)
{
    struct build *b = arg;
    if (*name && json_str(sha)) {
        struct artifact *a = append(b);
        a->name = mem_strdup(name);
        a->sha = mem_strdup(json_str(sha));
        a->created_ms = b->created_ms;
    }
    return true;
}

static size_t artifacts_bytes(const struct artifacts_snap *as)
{
    size_t bytes = sizeof(*as) + as->list.len * sizeof(struct artifact);
    for (size_t i = 0; i < as->list.len; i++) {
        const struct artifact *a = &as->list.items[i];
        bytes += str_bytes(a->name) + str_bytes(a->sha) + str_bytes(a->type) + str_bytes(a->encoding) +
                 str_bytes(a->location);
    }
    return bytes;
}

struct load {
    struct client *c;
    const struct pathspec *ps;
    int attempt;
};

// *ret_told: the datastore has told what it has of these artifacts.
static errc fill_list(const struct load *l, struct cancel *cancel, struct artifacts *list, bool *ret_told,
                      struct err *err)
{
    auto_cleanup(meta_artifacts_free) struct meta_artifacts records = {0};
    struct err one = ERR_INIT;
    int attempt = -1;
    errc code = model_meta_artifacts(l->c, l->ps, l->attempt, cancel, &attempt, &records, &one);
    if (code == ERR_CORRUPT && l->attempt >= 0) {
        model_skip(code, l->ps, &one); // the datastore's own list may still be good
    } else if (code) {
        *err = one;
        return code;
    }
    list->attempt = l->attempt >= 0 ? l->attempt : attempt;
    if (list->attempt < 0) {
        return ERR_OK;
    }
    for (size_t i = 0; i < records.len; i++) {
        if (records.items[i].location) { // one says where the run put all of them
            store_located_run(l->c->store, l->ps->flow, l->ps->run, records.items[i].location);
            break;
        }
    }
    auto_cleanup(data_json_free) struct data_json data = {.mtime_ms = -1};
    code = read_data_json(l->c, l->ps, list->attempt, records.len > 0, cancel, &data, err);
    if (code) {
        return code;
    }
    *ret_told = data.json != NULL;
    struct build b = {.list = list, .created_ms = data.mtime_ms};
    for (size_t i = 0; i < records.len; i++) {
        if (records.items[i].name && *records.items[i].name && records.items[i].sha) {
            take_record(l->c, l->ps, &records.items[i], append(&b));
        }
    }
    if (records.len == 0 && data.objects) {
        json_each(data.objects, add_object, &b);
    }
    for (size_t i = 0; i < list->len; i++) {
        fill_info(&list->items[i], &data);
    }
    if (list->len) {
        qsort(list->items, list->len, sizeof(list->items[0]), by_name);
    }
    return ERR_OK;
}

// An attempt that went well is not followed by another; any attempt that is done keeps what it has.
static bool list_is_settled(const struct load *l, const struct artifacts *list)
{
    const struct artifact *ok = artifacts_find(list, "_task_ok");
    return ok && model_is_settled(l->c, ok->created_ms) && (l->attempt >= 0 || sha_truth(ok->sha) == 1);
}

static errc load_artifacts(void *arg, struct cancel *cancel, struct snap **ret, int64_t *ret_ttl_ms,
                           struct err *err)
{
    const struct load *l = arg;
    struct artifacts_snap *as = mem_zalloc(sizeof(*as));
    snap_init(&as->snap, 0, artifacts_destroy);
    bool told = false;
    errc code = fill_list(l, cancel, &as->list, &told, err);
    if (code) {
        snap_unref(&as->snap);
        return code;
    }
    as->snap.bytes = artifacts_bytes(as);
    *ret = &as->snap;
    *ret_ttl_ms = model_ttl(l->c, told && list_is_settled(l, &as->list));
    return ERR_OK;
}

errc client_artifacts(struct client *c, const struct pathspec *task, int attempt, struct cancel *cancel,
                      const struct artifacts **ret, struct err *err)
{
    errc code = model_check_ns(c, task, cancel, err);
    if (code) {
        return code;
    }
    struct load l = {c, task, attempt};
    struct snap *s;
    code = model_recent_get(c, MODEL_ARTIFACTS, task, attempt, load_artifacts, &l, cancel, &s, err);
    if (!code) {
        *ret = &((struct artifacts_snap *)s)->list;
    }
    return code;
}

errc model_artifact(struct client *c, const struct pathspec *task, int attempt, const char *name,
                    struct cancel *cancel, struct artifact *ret, int *ret_attempt, struct err *err)
{
    auto_cleanup(meta_artifact_clear) struct meta_artifact m = {0};
    errc code = model_meta_artifact(c, task, attempt, name, cancel, &m, err);
    if (code) {
        return code;
    }
    if (!m.sha) {
        return err_set(err, ERR_CORRUPT, "the record of artifact \"%s\" has no sha", name);
    }
    if (ret_attempt) {
        *ret_attempt = m.attempt;
    }
    memset(ret, 0, sizeof(*ret));
    take_record(c, task, &m, ret);
    if (!ret->name) {
        ret->name = mem_strdup(name);
    }
    ret->type = mem_strdup("object");
    if (!ret->encoding) {
        ret->encoding = mem_strdup(DEFAULT_ENCODING);
    }
    return ERR_OK;
}
