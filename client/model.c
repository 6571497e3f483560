#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "client/model_i.h"
#include "client/store_located.h"

struct client *client_new(const struct client_conf *conf)
{
    struct client *c = mem_zalloc(sizeof(*c));
    c->meta = conf->meta;
    c->store = store_located_new(conf->store, conf->store_open, conf->store_open_arg);
    c->staging = conf->staging;
    c->grown = grown_new();
    c->ns = conf->ns && *conf->ns ? mem_strdup(conf->ns) : NULL;
    c->ttl_ms = conf->ttl_ms;
    c->stale_after_ms = conf->stale_after_ms > 0 ? conf->stale_after_ms : 360 * 1000;
    c->settle_after_ms = conf->settle_after_ms > 0 ? conf->settle_after_ms : 900 * 1000;
    c->settled_ttl_ms = conf->settled_ttl_ms > 0 ? conf->settled_ttl_ms : RECENT_FOR_EVER;
    c->recent = recent_new(&(struct recent_conf){.max_bytes = conf->recent_bytes});
    return c;
}

void client_free(struct client *c)
{
    if (!c) {
        return;
    }
    recent_free(c->recent);
    c->meta->ops->free(c->meta);
    c->store->ops->free(c->store);
    grown_free(c->grown);
    free(c->ns);
    free(c);
}

void client_forget(struct client *c, const struct pathspec *ps)
{
    auto_free char *path = pathspec_text(ps);
    if (c->meta->ops->forget) {
        c->meta->ops->forget(c->meta, ps, true);
    }
    recent_forget(c->recent, path);
}

void model_forget_row(struct client *c, const struct pathspec *ps)
{
    auto_free char *path = pathspec_text(ps);
    if (c->meta->ops->forget) {
        c->meta->ops->forget(c->meta, ps, false);
    }
    recent_forget(c->recent, path);
}

void client_counters(struct client *c, meta_counter_fn fn, void *arg)
{
    if (c->meta->ops->counters) {
        c->meta->ops->counters(c->meta, fn, arg);
    }
}

void client_describe(struct client *c, struct buf *out)
{
    if (c->meta->ops->describe) {
        c->meta->ops->describe(c->meta, out);
    }
}

void client_stats(struct client *c, struct client_stats *ret)
{
    struct recent_stats seen;
    recent_stats(c->recent, &seen);
    memset(ret, 0, sizeof(*ret));
    if (c->meta->ops->stats) {
        c->meta->ops->stats(c->meta, &ret->meta);
    } else {
        ret->meta.gets = atomic_load(&c->gets);
        ret->meta.lists = atomic_load(&c->lists);
        ret->meta.records = atomic_load(&c->records);
        ret->meta.artifacts = atomic_load(&c->artifacts);
    }
    ret->hits = seen.hits;
    ret->misses = seen.misses;
    ret->objects = seen.items;
    ret->evicted = seen.evicted;
}

errc model_meta_get(struct client *c, const struct pathspec *ps, struct cancel *cancel,
                    struct meta_object **ret, struct err *err)
{
    atomic_fetch_add_explicit(&c->gets, 1, memory_order_relaxed);
    return c->meta->ops->get(c->meta, ps, cancel, ret, err);
}

errc model_meta_stat(struct client *c, const struct pathspec *ps, struct cancel *cancel,
                     struct meta_object **ret, struct err *err)
{
    if (!c->meta->ops->stat) {
        return model_meta_get(c, ps, cancel, ret, err);
    }
    atomic_fetch_add_explicit(&c->gets, 1, memory_order_relaxed);
    return c->meta->ops->stat(c->meta, ps, cancel, ret, err);
}

errc model_meta_select(struct client *c, const char *flow, const struct meta_select *sel, struct cancel *cancel,
                       meta_list_fn fn, void *arg, struct err *err)
{
    if (!c->meta->ops->select) {
        return err_set(err, ERR_NO_FORM, "this metadata tells nothing of runs but their names");
    }
    atomic_fetch_add_explicit(&c->lists, 1, memory_order_relaxed);
    return c->meta->ops->select(c->meta, flow, sel, cancel, fn, arg, err);
}

void model_conclude(struct client *c, const struct pathspec *ps, enum meta_state state, int64_t since_ms)
{
    if (c->meta->ops->conclude) {
        c->meta->ops->conclude(c->meta, ps, state, since_ms);
    }
}

errc model_meta_list(struct client *c, const struct pathspec *ps, struct cancel *cancel,
                     meta_list_fn fn, void *arg, struct err *err)
{
    atomic_fetch_add_explicit(&c->lists, 1, memory_order_relaxed);
    return c->meta->ops->list(c->meta, ps, cancel, fn, arg, err);
}

errc model_meta_records(struct client *c, const struct pathspec *task, struct cancel *cancel,
                        struct meta_records *ret, struct err *err)
{
    atomic_fetch_add_explicit(&c->records, 1, memory_order_relaxed);
    return c->meta->ops->records(c->meta, task, cancel, ret, err);
}

errc model_meta_field(struct client *c, const struct pathspec *task, const char *field,
                      struct cancel *cancel, struct meta_records *ret, struct err *err)
{
    if (!c->meta->ops->field) {
        return model_meta_records(c, task, cancel, ret, err);
    }
    atomic_fetch_add_explicit(&c->records, 1, memory_order_relaxed);
    return c->meta->ops->field(c->meta, task, field, cancel, ret, err);
}

errc model_meta_artifacts(struct client *c, const struct pathspec *task, int attempt,
                          struct cancel *cancel, int *ret_attempt, struct meta_artifacts *ret,
                          struct err *err)
{
    atomic_fetch_add_explicit(&c->artifacts, 1, memory_order_relaxed);
    return c->meta->ops->artifacts(c->meta, task, attempt, cancel, ret_attempt, ret, err);
}

void meta_artifact_clear(struct meta_artifact *a)
{
    free(a->name);
    free(a->sha);
    free(a->content_type);
    free(a->ds_type);
    free(a->location);
    memset(a, 0, sizeof(*a));
}

errc model_meta_artifact(struct client *c, const struct pathspec *task, int attempt, const char *name,
                         struct cancel *cancel, struct meta_artifact *ret, struct err *err)
{
    auto_cleanup(meta_artifacts_free) struct meta_artifacts found = {0};
    atomic_fetch_add_explicit(&c->artifacts, 1, memory_order_relaxed);
    errc code = c->meta->ops->artifact(c->meta, task, attempt, name, cancel, &found, err);
    if (code) {
        return code;
    }
    if (found.len == 0) {
        auto_free char *path = pathspec_text(task);
        return err_set(err, ERR_NOT_FOUND, "task %s has no artifact \"%s\"", path, name);
    }
    *ret = found.items[0];
    memset(&found.items[0], 0, sizeof(found.items[0]));
    return ERR_OK;
}

errc model_recent_get(struct client *c, int kind, const struct pathspec *ps, int attempt,
                    recent_load_fn load, void *arg, struct cancel *cancel, struct snap **ret,
                    struct err *err)
{
    auto_free char *path = pathspec_text(ps);
    struct recent_key key = {kind, path, attempt};
    return recent_get(c->recent, &key, load, arg, cancel, ret, err);
}

struct snap *model_recent_peek(struct client *c, int kind, const struct pathspec *ps, int attempt)
{
    auto_free char *path = pathspec_text(ps);
    struct recent_key key = {kind, path, attempt};
    return recent_peek(c->recent, &key);
}

void model_recent_put(struct client *c, int kind, const struct pathspec *ps, struct snap *value, int64_t ttl_ms)
{
    auto_free char *path = pathspec_text(ps);
    struct recent_key key = {kind, path, -1};
    recent_put(c->recent, &key, value, ttl_ms);
}

int64_t model_ttl(const struct client *c, bool settled)
{
    return settled && c->settled_ttl_ms > c->ttl_ms ? c->settled_ttl_ms : c->ttl_ms;
}

int64_t model_ttl_of_part(int64_t ttl_ms, const struct snap *part)
{
    int64_t left = snap_left_ms(part);
    return left < ttl_ms ? left : ttl_ms;
}

bool model_is_settled(const struct client *c, int64_t at_ms)
{
    return at_ms >= 0 && clock_wall_ms() - at_ms >= c->settle_after_ms;
}

bool model_is_fatal(errc code)
{
    return code == ERR_INTERRUPTED || code == ERR_TIMEOUT || code == ERR_UNREACHABLE ||
           code == ERR_THROTTLED || code == ERR_TOO_MANY || code == ERR_NO_MEMORY;
}

bool model_skip(errc code, const struct pathspec *ps, const struct err *err)
{
    if (model_is_fatal(code)) {
        return false;
    }
    // What is gone was removed, or is being written, while it was looked at.
    if (code != ERR_NOT_FOUND) {
        auto_free char *path = pathspec_text(ps);
        log_warn("model", "%s: left out: %s", path, err->cause);
    }
    return true;
}

size_t str_bytes(const char *s)
{
    return s ? recent_heap_bytes(strlen(s) + 1) : 0;
}
