// What a source itself says of the outcome of runs, and how far that can be believed: a service looks at a
// step named "end" alone, and at records that clients write since they send heartbeats.
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "client/model_i.h"

// --- whether a flow's end step is the one that the source looks at -----------------------------------------

struct usual_snap {
    struct snap snap;
    bool usual;
};

static void usual_destroy(struct snap *s)
{
    free(s);
}

struct load {
    struct client *c;
    const char *flow;
};

static errc load_usual(void *arg, struct cancel *cancel, struct snap **ret, int64_t *ret_ttl_ms, struct err *err)
{
    const struct load *l = arg;
    auto_free char *run = NULL;
    auto_free char *step = NULL;
    errc code = model_newest_run(l->c, l->flow, cancel, &run, err);
    if (!code && run) {
        struct pathspec ps = {.flow = l->flow, .run = run};
        code = model_end_step(l->c, &ps, cancel, &step, err);
    }
    if (code) {
        return code;
    }
    struct usual_snap *u = mem_zalloc(sizeof(*u));
    snap_init(&u->snap, sizeof(*u), usual_destroy);
    u->usual = !step || strcmp(step, "end") == 0;
    *ret = &u->snap;
    *ret_ttl_ms = l->c->ttl_ms;
    return ERR_OK;
}

static errc check_usual(struct client *c, const char *flow, struct cancel *cancel, struct err *err)
{
    struct load l = {c, flow};
    struct pathspec ps = {.flow = flow};
    struct snap *s;
    if (!c->meta->ops->select) {
        return err_set(err, ERR_NO_FORM, "this metadata does not tell the outcome of runs");
    }
    errc code = model_recent_get(c, MODEL_USUAL_END, &ps, -1, load_usual, &l, cancel, &s, err);
    if (code) {
        return code;
    }
    bool usual = ((struct usual_snap *)s)->usual;
    snap_unref(s);
    return usual ? ERR_OK : err_set(err, ERR_NO_FORM, "the end step of flow %s has another name", flow);
}

// --- selections ---------------------------------------------------------------------------------------------

struct selection {
    struct client *c;
    struct pathspec flow;
    struct cancel *cancel;
    outcome_fn fn;
    void *arg;
};

// Clients register how an attempt ended since 2.2.6 (attempt_ok), and heartbeats came later.
static bool says_outcome(const struct meta_object *run)
{
    for (size_t i = 0; i < run->system_tags.len; i++) {
        const char *tag = run->system_tags.items[i];
        if (strncmp(tag, "metaflow_version:", 17) == 0) {
            char *rest;
            long major = strtol(tag + 17, &rest, 10);
            long minor = *rest == '.' ? strtol(rest + 1, NULL, 10) : 0;
            return major > 2 || (major == 2 && minor >= 3);
        }
    }
    return run->heartbeat_ms >= 0;
}

static bool see_run(void *arg, const char *id, int64_t created_ms)
{
    struct selection *s = arg;
    struct pathspec ps = pathspec_child(&s->flow, id);
    auto_cleanup(object_snap_unrefp) const struct object_snap *o = NULL;
    struct err err = ERR_INIT;
    bool known = !model_object(s->c, &ps, s->cancel, &o, &err) && says_outcome(o->object);
    return s->fn(s->arg, id, created_ms, known);
}

errc model_not_completed(struct client *c, const char *flow, int64_t from_ms, struct cancel *cancel,
                         outcome_fn fn, void *arg, struct err *err)
{
    errc code = check_usual(c, flow, cancel, err);
    struct selection s = {c, {.flow = flow}, cancel, fn, arg};
    struct meta_select sel = {.tag = c->ns, .from_ms = from_ms, .to_ms = -1, .outcome = META_NOT_COMPLETED};
    return code ? code : model_meta_select(c, flow, &sel, cancel, see_run, &s, err);
}

errc model_completed(struct client *c, const char *flow, struct cancel *cancel, meta_list_fn fn, void *arg,
                     struct err *err)
{
    errc code = check_usual(c, flow, cancel, err);
    struct meta_select sel = {.tag = c->ns, .from_ms = -1, .to_ms = -1, .outcome = META_COMPLETED};
    return code ? code : model_meta_select(c, flow, &sel, cancel, fn, arg, err);
}
