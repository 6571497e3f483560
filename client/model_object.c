#include <string.h>

#include "base/mem.h"
#include "client/model_i.h"

static size_t strv_bytes(const struct strv *v)
{
    size_t bytes = v->cap ? recent_heap_bytes(v->cap * sizeof(*v->items)) : 0;
    for (size_t i = 0; i < v->len; i++) {
        bytes += str_bytes(v->items[i]);
    }
    return bytes;
}

size_t meta_object_bytes(const struct meta_object *o)
{
    return recent_heap_bytes(sizeof(*o)) + str_bytes(o->flow) + str_bytes(o->run) + str_bytes(o->step) +
           str_bytes(o->task) + str_bytes(o->user) + strv_bytes(&o->tags) + strv_bytes(&o->system_tags);
}

struct meta_object *meta_object_copy(const struct meta_object *o)
{
    struct meta_object *copy = mem_zalloc(sizeof(*copy));
    copy->flow = mem_strdup(o->flow);
    copy->run = mem_strdup(o->run);
    copy->step = mem_strdup(o->step);
    copy->task = mem_strdup(o->task);
    copy->user = mem_strdup(o->user);
    copy->created_ms = o->created_ms;
    copy->heartbeat_ms = o->heartbeat_ms;
    strv_copy(&copy->tags, &o->tags);
    strv_copy(&copy->system_tags, &o->system_tags);
    return copy;
}

static void object_snap_destroy(struct snap *s)
{
    struct object_snap *o = (struct object_snap *)s;
    meta_object_free(o->object);
    free(o);
}

void object_snap_unrefp(const struct object_snap **o)
{
    if (*o) {
        snap_unref((struct snap *)(uintptr_t)*o);
    }
}

struct load {
    struct client *c;
    const struct pathspec *ps;
    bool with_tags;
};

static errc load_object(void *arg, struct cancel *cancel, struct snap **ret, int64_t *ret_ttl_ms,
                        struct err *err)
{
    const struct load *l = arg;
    struct meta_object *object;
    errc code = l->with_tags ? model_meta_get(l->c, l->ps, cancel, &object, err)
                             : model_meta_stat(l->c, l->ps, cancel, &object, err);
    if (code) {
        return code;
    }
    if (pathspec_level(l->ps) == LEVEL_RUN) {
        model_hint(l->c, l->ps, object->heartbeat_ms >= 0 ? object->heartbeat_ms : object->created_ms);
    }
    struct object_snap *o = mem_zalloc(sizeof(*o));
    snap_init(&o->snap, sizeof(*o) + meta_object_bytes(object), object_snap_destroy);
    o->object = object;
    *ret = &o->snap;
    *ret_ttl_ms = l->c->ttl_ms;
    return ERR_OK;
}

errc model_object(struct client *c, const struct pathspec *ps, struct cancel *cancel,
                  const struct object_snap **ret, struct err *err)
{
    struct load l = {c, ps, false};
    struct snap *s;
    errc code = model_recent_get(c, MODEL_OBJECT, ps, -1, load_object, &l, cancel, &s, err);
    if (!code) {
        *ret = (const struct object_snap *)s;
    }
    return code;
}

errc model_row(struct client *c, const struct pathspec *ps, struct cancel *cancel,
               const struct object_snap **ret, struct err *err)
{
    if (!c->meta->ops->stat) {
        return model_object(c, ps, cancel, ret, err);
    }
    struct load l = {c, ps, true};
    struct snap *s;
    errc code = model_recent_get(c, MODEL_ROW, ps, -1, load_object, &l, cancel, &s, err);
    if (!code) {
        *ret = (const struct object_snap *)s;
    }
    return code;
}

bool model_in_ns(const struct client *c, const struct meta_object *run)
{
    return !c->ns || strv_has(&run->tags, c->ns) || strv_has(&run->system_tags, c->ns);
}

// --- whether a flow has a run in the namespace -------------------------------------------------------

struct flow_visible {
    struct snap snap;
    bool visible;
};

static void flow_visible_destroy(struct snap *s)
{
    free(s);
}

struct see_run {
    struct client *c;
    struct pathspec flow;
    struct cancel *cancel;
    int64_t ttl_ms;
    bool found;
    errc code;
    struct err *err;
};

static bool see_run(void *arg, const char *id, int64_t created_ms)
{
    (void)created_ms;
    struct see_run *see = arg;
    struct pathspec run = pathspec_child(&see->flow, id);
    struct err err = ERR_INIT;
    auto_cleanup(object_snap_unrefp) const struct object_snap *o = NULL;
    errc code = model_object(see->c, &run, see->cancel, &o, &err);
    if (code && !model_skip(code, &run, &err)) {
        *see->err = err;
        see->code = code;
        return false;
    }
    see->found = !code && model_in_ns(see->c, o->object);
    if (!code) {
        see->ttl_ms = model_ttl_of_part(see->ttl_ms, &o->snap);
    }
    return !see->found;
}

static bool see_any(void *arg, const char *id, int64_t created_ms)
{
    (void)id;
    (void)created_ms;
    *(bool *)arg = true;
    return false;
}

static errc load_visible(void *arg, struct cancel *cancel, struct snap **ret, int64_t *ret_ttl_ms,
                         struct err *err)
{
    const struct load *l = arg;
    struct see_run see = {
        .c = l->c, .flow = *l->ps, .cancel = cancel, .ttl_ms = l->c->ttl_ms, .err = err};
    struct meta_select in_ns = {.tag = l->c->ns, .from_ms = -1, .to_ms = -1};
    errc code = model_meta_select(l->c, l->ps->flow, &in_ns, cancel, see_any, &see.found, err);
    if (code == ERR_NO_FORM) {
        code = model_meta_list(l->c, l->ps, cancel, see_run, &see, err);
    }
    if (code || see.code) {
        return code ? code : see.code;
    }
    struct flow_visible *v = mem_zalloc(sizeof(*v));
    snap_init(&v->snap, sizeof(*v), flow_visible_destroy);
    v->visible = see.found;
    *ret = &v->snap;
    *ret_ttl_ms = see.ttl_ms;
    return ERR_OK;
}

static errc flow_is_visible(struct client *c, const struct pathspec *flow, struct cancel *cancel,
                            bool *ret, struct err *err)
{
    struct load l = {c, flow, false};
    struct snap *s;
    errc code = model_recent_get(c, MODEL_VISIBLE, flow, -1, load_visible, &l, cancel, &s, err);
    if (!code) {
        *ret = ((struct flow_visible *)s)->visible;
        snap_unref(s);
    }
    return code;
}

errc model_check_ns(struct client *c, const struct pathspec *ps, struct cancel *cancel, struct err *err)
{
    if (!c->ns || pathspec_level(ps) == LEVEL_ROOT) {
        return ERR_OK;
    }
    bool visible;
    errc code;
    if (pathspec_level(ps) == LEVEL_FLOW) {
        code = flow_is_visible(c, ps, cancel, &visible, err);
    } else {
        struct pathspec run = pathspec_upto(ps, LEVEL_RUN);
        auto_cleanup(object_snap_unrefp) const struct object_snap *o = NULL;
        code = model_row(c, &run, cancel, &o, err);
        visible = !code && model_in_ns(c, o->object);
    }
    if (!code && !visible) {
        auto_free char *path = pathspec_text(ps);
        return err_set(err, ERR_NOT_FOUND, "%s is not in the namespace \"%s\"", path, c->ns);
    }
    return code;
}

errc client_object(struct client *c, const struct pathspec *ps, struct cancel *cancel,
                   struct meta_object **ret, struct err *err)
{
    errc code = model_check_ns(c, ps, cancel, err);
    if (code) {
        return code;
    }
    auto_cleanup(object_snap_unrefp) const struct object_snap *o = NULL;
    code = model_row(c, ps, cancel, &o, err);
    if (!code) {
        *ret = meta_object_copy(o->object);
    }
    return code;
}

// --- lists ----------------------------------------------------------------------------------------------

struct filter {
    struct client *c;
    const struct pathspec *parent;
    struct cancel *cancel;
    meta_list_fn fn;
    void *arg;
    errc code;
    struct err *err;
};

static errc is_listed(struct filter *f, const char *id, bool *ret, struct err *err)
{
    enum level level = pathspec_level(f->parent);
    struct pathspec child = pathspec_child(f->parent, id);
    *ret = true;
    if (level == LEVEL_RUN) {
        *ret = id[0] != '_';
    } else if (f->c->ns && level == LEVEL_ROOT) {
        return flow_is_visible(f->c, &child, f->cancel, ret, err);
    } else if (f->c->ns && level == LEVEL_FLOW) {
        auto_cleanup(object_snap_unrefp) const struct object_snap *o = NULL;
        errc code = model_object(f->c, &child, f->cancel, &o, err);
        *ret = !code && model_in_ns(f->c, o->object);
        return code;
    }
    return ERR_OK;
}

static bool filter_child(void *arg, const char *id, int64_t created_ms)
{
    struct filter *f = arg;
    struct err err = ERR_INIT;
    bool listed;
    errc code = is_listed(f, id, &listed, &err);
    if (code) {
        struct pathspec child = pathspec_child(f->parent, id);
        if (model_skip(code, &child, &err)) {
            return true;
        }
        *f->err = err;
        f->code = code;
        return false;
    }
    return !listed || f->fn(f->arg, id, created_ms);
}

errc model_list(struct client *c, const struct pathspec *ps, struct cancel *cancel, meta_list_fn fn, void *arg,
                struct err *err)
{
    struct pathspec run = pathspec_upto(ps, LEVEL_RUN);
    errc code = pathspec_level(ps) >= LEVEL_RUN ? model_check_ns(c, &run, cancel, err) : ERR_OK;
    if (code) {
        return code;
    }
    if (c->ns && pathspec_level(ps) == LEVEL_FLOW) {
        struct meta_select in_ns = {.tag = c->ns, .from_ms = -1, .to_ms = -1};
        code = model_meta_select(c, ps->flow, &in_ns, cancel, fn, arg, err);
        if (code != ERR_NO_FORM) {
            return code;
        }
    }
    struct filter f = {c, ps, cancel, fn, arg, ERR_OK, err};
    code = model_meta_list(c, ps, cancel, filter_child, &f, err);
    return code ? code : f.code;
}

errc client_list(struct client *c, const struct pathspec *ps, struct cancel *cancel, meta_list_fn fn,
                 void *arg, struct err *err)
{
    errc code = model_list(c, ps, cancel, fn, arg, err);
    if (!code && pathspec_level(ps) >= LEVEL_RUN) {
        struct pathspec run = pathspec_upto(ps, LEVEL_RUN);
        model_learn_state(c, &run, cancel);
    }
    return code;
}
