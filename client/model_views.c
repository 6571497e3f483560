// A flow's runs by time, tag, day and state.
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "client/model_i.h"

// --- runs in the client's order ---------------------------------------------------------------------

typedef errc (*run_fn)(void *arg, const char *id, bool *ret_go_on, struct err *err);

struct walk {
    struct client *c;
    struct pathspec flow;
    struct cancel *cancel;
    run_fn fn;
    void *arg;
    errc code;
    struct err *err;
};

// Gives one run to fn. What fails of one run alone is left out.
static bool walk_one(void *arg, const char *id, int64_t created_ms)
{
    (void)created_ms;
    struct walk *w = arg;
    struct pathspec run = pathspec_child(&w->flow, id);
    struct err one = ERR_INIT;
    bool go_on = true;
    errc code = w->c->ns ? model_check_ns(w->c, &run, w->cancel, &one) : ERR_OK;
    if (!code) {
        code = w->fn(w->arg, id, &go_on, &one);
    }
    if (code && !model_skip(code, &run, &one)) {
        *w->err = one;
        w->code = code;
        return false;
    }
    return code || go_on;
}

// Runs newest first, by created_ms.
static errc walk_newest(struct walk *w)
{
    const struct meta_ops *ops = w->c->meta->ops;
    if (w->c->ns) {
        struct meta_select in_ns = {.tag = w->c->ns, .from_ms = -1, .to_ms = -1};
        errc code = model_meta_select(w->c, w->flow.flow, &in_ns, w->cancel, walk_one, w, w->err);
        if (code != ERR_NO_FORM) {
            return code ? code : w->code;
        }
    }
    if (ops->newest) {
        atomic_fetch_add_explicit(&w->c->lists, 1, memory_order_relaxed);
        errc code = ops->newest(w->c->meta, w->flow.flow, w->cancel, walk_one, w, w->err);
        return code ? code : w->code;
    }
    auto_cleanup(children_free) struct children runs = {0};
    errc code = model_children(w->c, &w->flow, w->cancel, &runs, w->err);
    for (size_t i = 0; !code && i < runs.len; i++) {
        if (!walk_one(w, runs.items[i].id, runs.items[i].created_ms)) {
            code = w->code;
            break;
        }
    }
    return code;
}

// Runs in the order of the listing.
static errc walk_listed(struct walk *w)
{
    errc code = model_meta_list(w->c, &w->flow, w->cancel, walk_one, w, w->err);
    return code ? code : w->code;
}

// --- latest -----------------------------------------------------------------------------------------

struct latest_snap {
    struct snap snap;
    char *id; // owned; NULL: there is none
};

static void latest_destroy(struct snap *s)
{
    free(((struct latest_snap *)s)->id);
    free(s);
}

struct find_latest {
    struct client *c;
    struct pathspec flow;
    bool successful;
    struct cancel *cancel;
    int64_t ttl_ms; // of what was used so far
    char *found;    // owned
};

static errc see_run(void *arg, const char *id, bool *ret_go_on, struct err *err)
{
    struct find_latest *f = arg;
    if (f->successful) {
        struct pathspec ps = pathspec_child(&f->flow, id);
        bool successful;
        errc code = model_run_success(f->c, &ps, f->cancel, &successful, &f->ttl_ms, err);
        if (code || !successful) {
            return code;
        }
    }
    f->found = mem_strdup(id);
    *ret_go_on = false;
    return ERR_OK;
}

static errc walk_latest(struct find_latest *f, struct err *err)
{
    struct walk w = {.c = f->c, .flow = f->flow, .cancel = f->cancel, .fn = see_run, .arg = f, .err = err};
    return walk_newest(&w);
}

errc model_newest_run(struct client *c, const char *flow, struct cancel *cancel, char **ret, struct err *err)
{
    struct find_latest f = {.c = c, .flow = {.flow = flow}, .cancel = cancel};
    errc code = walk_latest(&f, err);
    if (code) {
        free(f.found);
    } else {
        *ret = f.found;
    }
    return code;
}

// --- the latest successful one, where the source tells which runs completed ---------------------------------

#define MAX_LOOKED_AT 1000 // runs that did not complete, newer than the one that did
#define MAX_DOUBTED 32     // of these, such that are looked at themselves

struct by_outcome {
    struct find_latest *f;
    struct walk w;
    int64_t completed_ms;  // of f->found, or -1
    char *oldest;          // of the runs that were passed over; owned
    unsigned n, doubted;
};

static bool see_completed(void *arg, const char *id, int64_t created_ms)
{
    struct by_outcome *b = arg;
    b->completed_ms = created_ms;
    return walk_one(&b->w, id, created_ms);
}

static bool see_not_completed(void *arg, const char *id, int64_t created_ms, bool known)
{
    struct by_outcome *b = arg;
    if (!known && b->doubted < MAX_DOUBTED) {
        b->doubted++;
        return walk_one(&b->w, id, created_ms);
    }
    free(b->oldest);
    b->oldest = mem_strdup(id);
    return ++b->n < MAX_LOOKED_AT;
}

// Looks at one run that completed, at the newer ones that the source cannot judge, and at one of those that
// it can: should that have been successful all the same, the source is not believed.
static errc search_by_outcome(struct by_outcome *b, struct err *err)
{
    struct find_latest *f = b->f;
    const char *flow = f->flow.flow;
    errc code = model_completed(f->c, flow, f->cancel, see_completed, b, err);
    char *completed = steal_ptr(&f->found);
    if (!code && !b->w.code) {
        code = model_not_completed(f->c, flow, completed ? b->completed_ms + 1 : -1, f->cancel, see_not_completed,
                                   b, err);
    }
    if (!code && !b->w.code && !f->found && b->oldest) {
        walk_one(&b->w, b->oldest, -1);
        if (f->found) {
            code = err_set(err, ERR_NO_FORM, "run %s/%s was successful, which the service does not know", flow,
                           f->found);
        }
    }
    if (!f->found && !code) {
        f->found = steal_ptr(&completed);
    }
    free(completed);
    return code ? code : b->w.code;
}

static errc find_latest(struct find_latest *f, struct err *err)
{
    if (f->successful) {
        struct by_outcome b = {.f = f, .completed_ms = -1};
        b.w = (struct walk){.c = f->c, .flow = f->flow, .cancel = f->cancel, .fn = see_run, .arg = f, .err = err};
        errc code = search_by_outcome(&b, err);
        free(b.oldest);
        if (code != ERR_NO_FORM) {
            return code;
        }
        free(steal_ptr(&f->found));
    }
    return walk_latest(f, err);
}

static errc load_latest(void *arg, struct cancel *cancel, struct snap **ret, int64_t *ret_ttl_ms,
                        struct err *err)
{
    struct find_latest *f = arg;
    f->cancel = cancel;
    f->ttl_ms = f->c->ttl_ms;
    errc code = find_latest(f, err);
    if (code) {
        free(f->found);
        return code;
    }
    struct latest_snap *l = mem_zalloc(sizeof(*l));
    l->id = f->found;
    snap_init(&l->snap, sizeof(*l) + str_bytes(l->id), latest_destroy);
    *ret = &l->snap;
    *ret_ttl_ms = f->ttl_ms;
    return ERR_OK;
}

errc client_latest(struct client *c, const char *flow, bool successful, struct cancel *cancel,
                   char **ret_run, struct err *err)
{
    struct find_latest f = {.c = c, .flow = {.flow = flow}, .successful = successful};
    struct snap *s;
    errc code = model_recent_get(c, MODEL_LATEST, &f.flow, successful, load_latest, &f, cancel, &s, err);
    if (code) {
        return code;
    }
    char *id = mem_strdup(((struct latest_snap *)s)->id);
    snap_unref(s);
    if (!id) {
        return err_set(err, ERR_NOT_FOUND, "flow %s has no %srun", flow, successful ? "successful " : "");
    }
    *ret_run = id;
    return ERR_OK;
}

// --- filters ----------------------------------------------------------------------------------------

struct select {
    struct client *c;
    const char *flow;
    enum run_filter filter;
    const char *text;
    struct cancel *cancel;
    meta_list_fn fn;
    void *arg;
};

// A run that is not done is failed or running by its heartbeat alone, where it has one.
static bool matches_by_heart(const struct select *s, const struct pathspec *run, bool *ret)
{
    auto_cleanup(object_snap_unrefp) const struct object_snap *o = NULL;
    struct err err = ERR_INIT;
    if (model_object(s->c, run, s->cancel, &o, &err) || o->object->heartbeat_ms < 0) {
        return false;
    }
    bool beats = clock_wall_ms() - o->object->heartbeat_ms < s->c->stale_after_ms;
    *ret = beats == (s->filter == RUNS_RUNNING);
    return true;
}

static bool known_undone(const struct select *s, const struct pathspec *run)
{
    struct snap *undone = model_recent_peek(s->c, MODEL_UNDONE, run, -1);
    snap_unref(undone);
    return undone != NULL;
}

static errc run_matches(const struct select *s, const char *id, bool *ret, struct err *err)
{
    struct pathspec ps = {.flow = s->flow, .run = id};
    errc code;
    if (s->filter == RUNS_FAILED || s->filter == RUNS_RUNNING) {
        if (known_undone(s, &ps) && matches_by_heart(s, &ps, ret)) {
            return ERR_OK;
        }
        auto_cleanup(run_unrefp) const struct run *r = NULL;
        code = client_run(s->c, &ps, s->cancel, &r, err);
        if (!code) {
            bool ended = r->status == STATUS_FAILED || r->status == STATUS_STALE;
            *ret = s->filter == RUNS_FAILED ? ended : !ended && r->status != STATUS_DONE;
        }
        return code;
    }
    auto_cleanup(object_snap_unrefp) const struct object_snap *o = NULL;
    // In a walk, tags are as new as the listing; asked for each run anew they would be a request each.
    code = s->filter == RUNS_WITH_TAG && !s->fn ? model_row(s->c, &ps, s->cancel, &o, err)
                                                : model_object(s->c, &ps, s->cancel, &o, err);
    if (code) {
        return code;
    }
    if (s->filter == RUNS_WITH_TAG) {
        *ret = strv_has(&o->object->tags, s->text) || strv_has(&o->object->system_tags, s->text);
    } else {
        char day[32];
        clock_day(o->object->created_ms, day, sizeof(day));
        *ret = strcmp(day, s->text) == 0;
    }
    return ERR_OK;
}

static errc select_run(void *arg, const char *id, bool *ret_go_on, struct err *err)
{
    struct select *s = arg;
    bool match = false;
    errc code = run_matches(s, id, &match, err);
    if (!code && match) {
        *ret_go_on = s->fn(s->arg, id, -1);
    }
    return code;
}

static void undone_destroy(struct snap *s)
{
    free(s);
}

// Who lists also stats: what the source said of each run is remembered for that.
static bool select_by_heart(void *arg, const char *id, int64_t created_ms, bool known)
{
    struct walk *w = arg;
    struct select *s = w->arg;
    struct pathspec ps = {.flow = s->flow, .run = id};
    bool match = false;
    if (!known || !matches_by_heart(s, &ps, &match)) {
        return walk_one(w, id, created_ms);
    }
    if (!match) {
        return true;
    }
    struct snap *undone = mem_zalloc(sizeof(*undone));
    snap_init(undone, sizeof(*undone), undone_destroy);
    model_recent_put(s->c, MODEL_UNDONE, &ps, undone, s->c->ttl_ms);
    return s->fn(s->arg, id, created_ms);
}

// What a source can tell that selects; ERR_NO_FORM otherwise.
static errc select_at_source(struct walk *w, struct select *s)
{
    struct meta_select sel = {.from_ms = -1, .to_ms = -1};
    errc code;
    if (s->filter == RUNS_FAILED || s->filter == RUNS_RUNNING) {
        code = model_not_completed(s->c, s->flow, -1, s->cancel, select_by_heart, w, w->err);
        return code ? code : w->code;
    }
    if (s->filter == RUNS_WITH_TAG) {
        sel.tag = s->text;
    } else if (clock_day_start(s->text, &sel.from_ms)) {
        sel.to_ms = sel.from_ms + INT64_C(24) * 3600 * 1000;
    } else {
        return ERR_OK; // what is no day has no runs
    }
    code = model_meta_select(s->c, s->flow, &sel, s->cancel, walk_one, w, w->err);
    return code ? code : w->code;
}

errc client_runs(struct client *c, const char *flow, enum run_filter filter, const char *arg_text,
                 struct cancel *cancel, meta_list_fn fn, void *arg, struct err *err)
{
    struct select s = {c, flow, filter, arg_text ? arg_text : "", cancel, fn, arg};
    struct walk w = {.c = c, .flow = {.flow = flow}, .cancel = cancel, .fn = select_run, .arg = &s, .err = err};
    errc code = select_at_source(&w, &s);
    return code == ERR_NO_FORM ? walk_listed(&w) : code;
}

errc client_run_matches(struct client *c, const char *flow, const char *run, enum run_filter filter,
                        const char *arg_text, struct cancel *cancel, bool *ret, struct err *err)
{
    struct pathspec ps = {.flow = flow, .run = run};
    errc code = model_check_ns(c, &ps, cancel, err);
    if (code) {
        return code;
    }
    struct select s = {c, flow, filter, arg_text ? arg_text : "", cancel, NULL, NULL};
    return run_matches(&s, run, ret, err);
}

// --- tags and days of a flow ------------------------------------------------------------------------

struct collect {
    struct client *c;
    const char *flow;
    bool days;
    struct cancel *cancel;
    struct strv names;
    size_t unique; // so many of them were left when doubles were last dropped
};

static void drop_doubles(struct collect *to)
{
    struct strv *v = &to->names;
    size_t kept = 0;
    strv_sort(v);
    for (size_t i = 0; i < v->len; i++) {
        if (kept && strcmp(v->items[kept - 1], v->items[i]) == 0) {
            free(v->items[i]);
        } else {
            v->items[kept++] = v->items[i];
        }
    }
    v->len = to->unique = kept;
}

// Days that the listing itself tells are not asked for run by run.
static bool collect_day(void *arg, const char *id, int64_t created_ms)
{
    struct walk *w = arg;
    struct collect *to = w->arg;
    if (w->c->ns || created_ms < 0) {
        return walk_one(w, id, created_ms);
    }
    char day[32];
    clock_day(created_ms, day, sizeof(day));
    if (to->names.len == 0 || strcmp(to->names.items[to->names.len - 1], day) != 0) {
        strv_add(&to->names, day);
    }
    return true;
}

static errc collect_run(void *arg, const char *id, bool *ret_go_on, struct err *err)
{
    (void)ret_go_on;
    struct collect *to = arg;
    struct pathspec ps = {.flow = to->flow, .run = id};
    auto_cleanup(object_snap_unrefp) const struct object_snap *o = NULL;
    errc code = model_object(to->c, &ps, to->cancel, &o, err);
    if (code) {
        return code;
    }
    if (to->days) {
        char day[32];
        clock_day(o->object->created_ms, day, sizeof(day));
        strv_add(&to->names, day);
    } else {
        strv_copy(&to->names, &o->object->tags);
        strv_copy(&to->names, &o->object->system_tags);
    }
    if (to->names.len > 2 * to->unique + 1024) {
        drop_doubles(to);
    }
    return ERR_OK;
}

static errc collect_names(struct client *c, const char *flow, bool days, struct cancel *cancel,
                          struct strv *ret, struct err *err)
{
    struct collect to = {.c = c, .flow = flow, .days = days, .cancel = cancel};
    struct walk w = {.c = c, .flow = {.flow = flow}, .cancel = cancel, .fn = collect_run, .arg = &to, .err = err};
    errc code = days ? model_meta_list(c, &w.flow, cancel, collect_day, &w, err) : walk_listed(&w);
    code = code ? code : w.code;
    if (code) {
        strv_free(&to.names);
        return code;
    }
    drop_doubles(&to);
    *ret = to.names;
    return ERR_OK;
}

errc client_flow_tags(struct client *c, const char *flow, struct cancel *cancel, struct strv *ret,
                      struct err *err)
{
    return collect_names(c, flow, false, cancel, ret, err);
}

errc client_flow_days(struct client *c, const char *flow, struct cancel *cancel, struct strv *ret,
                      struct err *err)
{
    return collect_names(c, flow, true, cancel, ret, err);
}
