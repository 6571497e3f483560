// The `.meta` of an object: the client's properties under their own names, and a few of ours. What does
// not apply is absent, what is not known is null.
#include <string.h>

#include "base/mem.h"
#include "client/model_meta_i.h"

// --- what the newest tasks of a run's steps say of the run --------------------------------------------

struct run_facts {
    char *origin; // id of the run that this one resumes, or NULL; owned
    char *code;   // code-package record, or NULL; owned
};

static void run_facts_free(struct run_facts *f)
{
    free(f->origin);
    free(f->code);
}

// Every task of a run has the same origin-run-id; the code package is the first that a step's task has,
// newest step first.
static errc read_run_facts(struct client *c, const struct pathspec *run, bool want_code,
                           struct cancel *cancel, struct run_facts *ret, struct err *err)
{
    auto_cleanup(children_free) struct children steps = {0};
    errc code = model_children(c, run, cancel, &steps, err);
    bool seen = false;
    for (size_t i = 0; !code && i < steps.len && !(seen && (ret->code || !want_code)); i++) {
        struct pathspec step = pathspec_child(run, steps.items[i].id);
        auto_free char *id = NULL;
        auto_cleanup(task_unrefp) const struct task *t = NULL;
        struct err one = ERR_INIT;
        code = model_first_task(c, &step, cancel, &id, &one);
        if (!code) {
            struct pathspec task = pathspec_child(&step, id);
            code = model_task(c, &task, cancel, &t, &one);
        }
        if (code && model_skip(code, &step, &one)) {
            code = ERR_OK;
        } else if (code) {
            *err = one;
        } else {
            const char *origin = task_metadata(t, "origin-run-id", -1);
            if (!seen && origin && strcmp(origin, "None") != 0) {
                ret->origin = mem_strdup(origin);
            }
            seen = true;
            ret->code = mem_strdup(task_metadata(t, "code-package", -1));
        }
    }
    return code;
}

// --- objects ----------------------------------------------------------------------------------------

static void root_json(struct client *c, struct meta_out *w)
{
    meta_put_str(w, "pathspec", "");
    meta_put_str(w, "metadata", c->meta->type);
    meta_put_str(w, "datastore", c->store->type);
    meta_put_str(w, "root", c->store->sysroot);
    meta_put_str(w, "namespace", c->ns);
}

static errc flow_json(struct client *c, const struct pathspec *ps, struct cancel *cancel,
                      struct meta_out *w, struct err *err)
{
    auto_cleanup(object_snap_unrefp) const struct object_snap *o = NULL;
    errc code = model_object(c, ps, cancel, &o, err);
    if (!code) {
        meta_put_identity(w, ps);
        meta_put_object(w, o->object);
    }
    return code;
}

static errc run_json(struct client *c, const struct pathspec *ps, struct cancel *cancel,
                     struct meta_out *w, struct err *err)
{
    static const char *const of_end[] = {"status", "finished", "successful", "finished_at", NULL};
    auto_cleanup(run_unrefp) const struct run *r = NULL;
    auto_cleanup(object_snap_unrefp) const struct object_snap *now = NULL; // tags stay live on everything
    auto_cleanup(run_facts_free) struct run_facts facts = {0};
    bool keys = w->part == META_KEYS;
    errc code = model_row(c, ps, cancel, &now, err);
    if (!code && meta_wants_any(w, of_end)) {
        code = client_run(c, ps, cancel, &r, err);
    }
    if (!code && (keys || meta_wants(w, "origin_pathspec") || meta_wants(w, "code"))) {
        code = read_run_facts(c, ps, keys || meta_wants(w, "code"), cancel, &facts, err);
    }
    if (code) {
        return code;
    }
    meta_put_identity(w, ps);
    meta_put_str(w, "status", r ? status_name(r->status) : NULL);
    meta_put_bool(w, "finished", r && r->finished);
    meta_put_bool(w, "successful", r && r->successful);
    meta_put_time(w, "finished_at", r ? r->finished_ms : -1);
    meta_put_object(w, now->object);
    if (facts.origin) {
        auto_free char *origin = mem_printf("%s/%s", ps->flow, facts.origin);
        meta_put_str(w, "origin_pathspec", origin);
    }
    meta_put_code(w, facts.code);
    return ERR_OK;
}

struct latest_end {
    struct client *c;
    struct pathspec step;
    struct cancel *cancel;
    int64_t newest_ms; // -1: a task is not finished, or there is none
    errc code;
    struct err *err;
};

static bool see_end(void *arg, const char *id, int64_t created_ms)
{
    (void)created_ms;
    struct latest_end *l = arg;
    struct pathspec ps = pathspec_child(&l->step, id);
    auto_cleanup(quick_snap_unrefp) const struct quick_snap *q = NULL;
    struct err one = ERR_INIT;
    errc code = model_quick(l->c, &ps, l->cancel, &q, &one);
    if (code && !model_skip(code, &ps, &one)) {
        *l->err = one;
        l->code = code;
        return false;
    }
    if (code || q->ok_ms < 0) {
        l->newest_ms = -1;
        return false;
    }
    l->newest_ms = q->ok_ms > l->newest_ms ? q->ok_ms : l->newest_ms;
    return true;
}

static errc step_json(struct client *c, const struct pathspec *ps, struct cancel *cancel,
                      struct meta_out *w, struct err *err)
{
    auto_cleanup(object_snap_unrefp) const struct object_snap *o = NULL;
    auto_cleanup(run_facts_free) struct run_facts facts = {0};
    struct pathspec run = pathspec_upto(ps, LEVEL_RUN);
    struct latest_end end = {.c = c, .step = *ps, .cancel = cancel, .newest_ms = -1, .err = err};
    errc code = model_row(c, ps, cancel, &o, err);
    if (!code && meta_wants(w, "finished_at")) {
        code = model_meta_list(c, ps, cancel, see_end, &end, err);
    }
    if (!code) {
        code = end.code;
    }
    if (!code && (w->part == META_KEYS || meta_wants(w, "origin_pathspec"))) {
        code = read_run_facts(c, &run, false, cancel, &facts, err);
    }
    if (code) {
        return code;
    }
    meta_put_identity(w, ps);
    meta_put_time(w, "finished_at", end.newest_ms);
    meta_put_object(w, o->object);
    if (facts.origin) {
        auto_free char *origin = mem_printf("%s/%s/%s", ps->flow, facts.origin, ps->step);
        meta_put_str(w, "origin_pathspec", origin);
    }
    return ERR_OK;
}

static errc make(struct client *c, const struct pathspec *ps, int attempt, struct cancel *cancel, struct meta_out *w,
                 struct err *err)
{
    errc code = model_check_ns(c, ps, cancel, err);
    if (code) {
        return code;
    }
    json_out_begin(&w->json, '{');
    switch (pathspec_level(ps)) {
    case LEVEL_ROOT:
        root_json(c, w);
        break;
    case LEVEL_FLOW:
        code = flow_json(c, ps, cancel, w, err);
        break;
    case LEVEL_RUN:
        code = run_json(c, ps, cancel, w, err);
        break;
    case LEVEL_STEP:
        code = step_json(c, ps, cancel, w, err);
        break;
    case LEVEL_TASK:
        code = meta_task_json(c, ps, attempt, cancel, w, err);
        break;
    }
    json_out_end(&w->json, '}');
    buf_putc(w->json.buf, '\n');
    if (!code && w->json.buf->over) {
        return err_set(err, ERR_LIMIT, "the .meta of %s is too large", pathspec_id(ps));
    }
    return code;
}

errc client_meta_json(struct client *c, const struct pathspec *ps, int attempt, struct cancel *cancel,
                      struct buf *out, struct err *err)
{
    struct meta_out w = {.json = {.buf = out}, .part = META_ALL};
    return make(c, ps, attempt, cancel, &w, err);
}

errc client_meta_keys(struct client *c, const struct pathspec *ps, int attempt, struct cancel *cancel,
                      struct buf *out, struct err *err)
{
    struct meta_out w = {.json = {.buf = out}, .part = META_KEYS};
    return make(c, ps, attempt, cancel, &w, err);
}

errc client_meta_value(struct client *c, const struct pathspec *ps, int attempt, const char *key,
                       struct cancel *cancel, struct buf *out, struct err *err)
{
    struct meta_out w = {.json = {.buf = out}, .part = META_ONE, .key = key};
    return make(c, ps, attempt, cancel, &w, err);
}
