#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "client/model_i.h"

struct run_snap {
    struct snap snap;
    struct run run;
};

static void run_destroy(struct snap *s)
{
    struct run_snap *rs = (struct run_snap *)s;
    meta_object_free(rs->run.object);
    free(rs->run.end_step);
    free(rs->run.end_task);
    free(rs->run.origin);
    free(rs);
}

const struct snap *run_snap_of(const struct run *r)
{
    return &((const struct run_snap *)((uintptr_t)r - offsetof(struct run_snap, run)))->snap;
}

void run_unref(const struct run *r)
{
    if (r) {
        snap_unref((struct snap *)(uintptr_t)run_snap_of(r));
    }
}

void run_unrefp(const struct run **r)
{
    run_unref(*r);
}

struct load {
    struct client *c;
    const struct pathspec *ps;
    int64_t ttl_ms; // of what was used so far
};

errc model_end_step(struct client *c, const struct pathspec *run, struct cancel *cancel, char **ret,
                    struct err *err)
{
    struct pathspec parameters = {run->flow, run->run, "_parameters", NULL};
    auto_free char *id = NULL;
    auto_cleanup(meta_records_free) struct meta_records records = {0};
    struct err one = ERR_INIT;
    errc code = model_first_task(c, &parameters, cancel, &id, &one);
    if (!code) {
        struct pathspec task = pathspec_child(&parameters, id);
        code = model_meta_field(c, &task, "end_step", cancel, &records, &one);
    }
    if (code && !model_skip(code, &parameters, &one)) {
        *err = one;
        return code;
    }
    const struct meta_record *r = records_newest(records.items, records.len, "end_step", -1);
    *ret = mem_strdup(r && r->value ? r->value : "end");
    return ERR_OK;
}

// The end task's snapshot; none while there is none, or when it cannot be read.
static errc find_end_task(struct load *l, struct cancel *cancel, struct run *r,
                          const struct task **ret, struct err *err)
{
    auto_free char *step = NULL;
    auto_free char *task = NULL;
    errc code = model_end_step(l->c, l->ps, cancel, &step, err);
    if (code) {
        return code;
    }
    struct err one = ERR_INIT;
    struct pathspec at = pathspec_child(l->ps, step);
    code = model_first_task(l->c, &at, cancel, &task, &one);
    if (!code) {
        at = pathspec_child(&at, task);
        code = model_task(l->c, &at, cancel, ret, &one);
    }
    if (task) {
        r->end_step = steal_ptr(&step);
        r->end_task = steal_ptr(&task);
    }
    if (code && !model_skip(code, &at, &one)) {
        *err = one;
        return code;
    }
    return ERR_OK;
}

// Whether its end task says that it was successful, and nothing else about the run.
struct success_snap {
    struct snap snap;
    bool successful;
};

static void success_destroy(struct snap *s)
{
    free(s);
}

static errc load_success(void *arg, struct cancel *cancel, struct snap **ret, int64_t *ret_ttl_ms,
                         struct err *err)
{
    struct load *l = arg;
    struct run r = {0};
    auto_cleanup(task_unrefp) const struct task *end = NULL;
    errc code = find_end_task(l, cancel, &r, &end, err);
    free(r.end_step);
    free(r.end_task);
    if (code) {
        return code;
    }
    struct success_snap *s = mem_zalloc(sizeof(*s));
    snap_init(&s->snap, sizeof(*s), success_destroy);
    s->successful = end && end->successful;
    *ret = &s->snap;
    *ret_ttl_ms = end ? model_ttl_of_part(model_ttl(l->c, end->settled), &task_snap_of(end)->snap) : l->c->ttl_ms;
    return ERR_OK;
}

errc model_run_success(struct client *c, const struct pathspec *run, struct cancel *cancel, bool *ret,
                       int64_t *ttl_ms, struct err *err)
{
    struct load l = {.c = c, .ps = run};
    struct snap *s;
    errc code = model_recent_get(c, MODEL_SUCCESS, run, -1, load_success, &l, cancel, &s, err);
    if (!code) {
        *ret = ((struct success_snap *)s)->successful;
        *ttl_ms = model_ttl_of_part(*ttl_ms, s);
        snap_unref(s);
    }
    return code;
}

// --- looking for a failed task ----------------------------------------------------------------------

struct search {
    struct client *c;
    struct pathspec step;
    struct cancel *cancel;
    bool want_stale;     // stale ones too
    int64_t ttl_ms;      // of what was used so far
    task_ref_fn fn;      // false ends the search
    void *arg;
    bool ended;
    errc code;
    struct err *err;
};

// A task that is done well costs its _task_ok record alone; any other one is looked at as a whole.
static errc is_failed(struct search *s, const struct pathspec *ps, bool *ret, struct err *err)
{
    auto_cleanup(quick_snap_unrefp) const struct quick_snap *q = NULL;
    errc code = model_quick(s->c, ps, s->cancel, &q, err);
    *ret = false;
    if (code) {
        return code;
    }
    s->ttl_ms = model_ttl_of_part(s->ttl_ms, &q->snap);
    if (q->task_ok == 1) {
        return ERR_OK;
    }
    auto_cleanup(task_unrefp) const struct task *t = NULL;
    code = model_task(s->c, ps, s->cancel, &t, err);
    if (!code) {
        s->ttl_ms = model_ttl_of_part(s->ttl_ms, &task_snap_of(t)->snap);
        *ret = t->status == STATUS_FAILED || (s->want_stale && t->status == STATUS_STALE);
    }
    return code;
}

static bool look_at_task(void *arg, const char *id, int64_t created_ms)
{
    (void)created_ms;
    struct search *s = arg;
    struct pathspec ps = pathspec_child(&s->step, id);
    struct err one = ERR_INIT;
    bool failed;
    errc code = is_failed(s, &ps, &failed, &one);
    if (code) {
        if (model_skip(code, &ps, &one)) {
            return true;
        }
        *s->err = one;
        s->code = code;
        return false;
    }
    s->ended = failed && !s->fn(s->arg, s->step.step, id);
    return !s->ended;
}

// *ret_ttl_ms, when not NULL, is how long the answer holds, by what it was made of.
static errc search_failed(struct client *c, const struct pathspec *run, bool want_stale,
                          struct cancel *cancel, task_ref_fn fn, void *arg, int64_t *ret_ttl_ms,
                          struct err *err)
{
    auto_cleanup(children_free) struct children steps = {0};
    errc code = model_children(c, run, cancel, &steps, err);
    struct search s = {.c = c, .cancel = cancel, .want_stale = want_stale, .ttl_ms = c->ttl_ms,
                       .fn = fn, .arg = arg, .err = err};
    for (size_t i = 0; !code && !s.ended && i < steps.len; i++) {
        s.step = pathspec_child(run, steps.items[i].id);
        struct err one = ERR_INIT;
        code = model_meta_list(c, &s.step, cancel, look_at_task, &s, &one);
        if (!code) {
            code = s.code;
        } else if (model_skip(code, &s.step, &one)) {
            code = ERR_OK;
        } else {
            *err = one;
        }
    }
    if (ret_ttl_ms) {
        *ret_ttl_ms = s.ttl_ms;
    }
    return code;
}

errc client_failed_tasks(struct client *c, const struct pathspec *run, struct cancel *cancel,
                         task_ref_fn fn, void *arg, struct err *err)
{
    errc code = model_check_ns(c, run, cancel, err);
    return code ? code : search_failed(c, run, true, cancel, fn, arg, NULL, err);
}

// --- the run ----------------------------------------------------------------------------------------

static bool note_failed(void *arg, const char *step, const char *task)
{
    (void)step;
    (void)task;
    *(bool *)arg = true;
    return false;
}

static errc run_status(struct load *l, const struct task *end, struct cancel *cancel, struct run *r,
                       struct err *err)
{
    int64_t beat = r->object->heartbeat_ms;
    if (end && end->status == STATUS_DONE) {
        r->status = STATUS_DONE;
        return ERR_OK;
    }
    if (beat >= 0 && clock_wall_ms() - beat < l->c->stale_after_ms) {
        r->status = STATUS_RUNNING;
        return ERR_OK;
    }
    bool failed = false;
    int64_t ttl_ms = l->ttl_ms;
    errc code = search_failed(l->c, l->ps, false, cancel, note_failed, &failed, &ttl_ms, err);
    l->ttl_ms = ttl_ms < l->ttl_ms ? ttl_ms : l->ttl_ms;
    r->status = failed ? STATUS_FAILED : beat >= 0 ? STATUS_STALE : STATUS_UNKNOWN;
    return code;
}

static errc fill_run(struct load *l, struct cancel *cancel, struct run *r, struct err *err)
{
    auto_cleanup(object_snap_unrefp) const struct object_snap *o = NULL;
    errc code = model_object(l->c, l->ps, cancel, &o, err);
    if (code) {
        return code;
    }
    l->ttl_ms = model_ttl_of_part(l->c->ttl_ms, &o->snap);
    r->object = meta_object_copy(o->object);
    r->mtime_ms = r->object->heartbeat_ms >= 0 ? r->object->heartbeat_ms : r->object->created_ms;
    r->finished_ms = -1;
    auto_cleanup(task_unrefp) const struct task *end = NULL;
    code = find_end_task(l, cancel, r, &end, err);
    if (code) {
        return code;
    }
    if (end) {
        l->ttl_ms = model_ttl_of_part(l->ttl_ms, &task_snap_of(end)->snap);
        r->finished = end->finished;
        r->successful = end->successful;
        r->finished_ms = end->finished_ms;
        r->settled = end->settled;
        size_t own = task_snap_of(end)->own_records;
        const char *origin = record_text(records_newest(end->records.items, own, "origin-run-id", -1));
        r->origin = origin ? mem_printf("%s/%s", l->ps->flow, origin) : NULL;
    }
    return run_status(l, end, cancel, r, err);
}

static errc load_run(void *arg, struct cancel *cancel, struct snap **ret, int64_t *ret_ttl_ms,
                     struct err *err)
{
    struct load *l = arg;
    struct run_snap *rs = mem_zalloc(sizeof(*rs));
    snap_init(&rs->snap, 0, run_destroy);
    errc code = fill_run(l, cancel, &rs->run, err);
    if (code) {
        snap_unref(&rs->snap);
        return code;
    }
    rs->snap.bytes = sizeof(*rs) + meta_object_bytes(rs->run.object) + str_bytes(rs->run.end_step) +
                     str_bytes(rs->run.end_task) + str_bytes(rs->run.origin);
    *ret = &rs->snap;
    *ret_ttl_ms = rs->run.settled ? model_ttl(l->c, true) : l->ttl_ms;
    bool quiet = rs->run.status != STATUS_DONE && rs->run.status != STATUS_RUNNING;
    if (rs->run.settled) {
        model_conclude(l->c, l->ps, META_SETTLED, rs->run.finished_ms);
    } else if (quiet) {
        model_conclude(l->c, l->ps, META_QUIET, clock_wall_ms());
    }
    return ERR_OK;
}

// A run that was alive this lately is not looked at: it is not settled.
#define ALIVE_MS (60 * 1000)

void model_learn_state(struct client *c, const struct pathspec *run, struct cancel *cancel)
{
    auto_cleanup(object_snap_unrefp) const struct object_snap *o = NULL;
    auto_cleanup(run_unrefp) const struct run *r = NULL;
    struct err err = ERR_INIT;
    if (!c->meta->ops->conclude || model_object(c, run, cancel, &o, &err)) {
        return;
    }
    int64_t sign = o->object->heartbeat_ms >= 0 ? o->object->heartbeat_ms : o->object->created_ms;
    int64_t alive_ms = c->settle_after_ms < ALIVE_MS ? c->settle_after_ms : ALIVE_MS;
    if (clock_wall_ms() - sign >= alive_ms && client_run(c, run, cancel, &r, &err)) {
        log_debug("model", "the state of run %s/%s is not known: %s", run->flow, run->run, err.cause);
    }
}

errc client_run(struct client *c, const struct pathspec *ps, struct cancel *cancel,
                const struct run **ret, struct err *err)
{
    errc code = model_check_ns(c, ps, cancel, err);
    if (code) {
        return code;
    }
    struct load l = {.c = c, .ps = ps};
    struct snap *s;
    code = model_recent_get(c, MODEL_RUN, ps, -1, load_run, &l, cancel, &s, err);
    if (!code) {
        *ret = &((struct run_snap *)s)->run;
    }
    return code;
}
