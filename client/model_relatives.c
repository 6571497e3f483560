// Task.parent_tasks and Task.child_tasks of metaflow/client/core.py: candidates by the graph, then by
// their own foreach-execution-path. The client's regular expressions are three plain comparisons.
#include <stdatomic.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "client/model_i.h"

static bool is_foreach_split(const char *type)
{
    return strcmp(type, "split-foreach") == 0 || strcmp(type, "split-parallel") == 0;
}

static void steps_before(const struct graph *g, const char *step, struct strv *to)
{
    for (size_t i = 0; i < g->len; i++) {
        if (strv_has(&g->steps[i].next, step)) {
            strv_add(to, g->steps[i].name);
        }
    }
}

static size_t path_depth(const char *path)
{
    size_t depth = 1;
    for (; (path = strchr(path, ',')); path++) {
        depth++;
    }
    return depth;
}

static const char *type_of(const struct graph *g, const char *step)
{
    const struct graph_step *s = graph_find(g, step);
    return s ? s->type : "";
}

// Whether the one relative is a level further out: I left the foreach that it is the split of, or it
// joins the foreach that I am in.
static bool is_outside(const struct graph *g, const char *relative, bool parents)
{
    const char *type = type_of(g, relative);
    if (parents) {
        return is_foreach_split(type);
    }
    auto_cleanup(strv_free) struct strv before = {0};
    steps_before(g, relative, &before);
    return before.len <= 1 && strcmp(type, "join") == 0; // with more it is a static join
}

void relatives_rule(const struct graph *g, const char *step, const char *path, bool parents,
                    struct relatives_rule *ret)
{
    memset(ret, 0, sizeof(*ret));
    const struct graph_step *me = graph_find(g, step);
    if (!me) {
        return;
    }
    if (parents) {
        steps_before(g, step, &ret->steps);
    } else {
        strv_copy(&ret->steps, &me->next);
    }
    ret->match = PATH_ANY;
    if (ret->steps.len == 0 || !path || !*path) {
        return;
    }
    bool single = ret->steps.len == 1;
    bool below = parents ? strcmp(me->type, "join") == 0 : is_foreach_split(me->type);
    if (single && below) {
        ret->match = PATH_BELOW;
    } else if (single && is_outside(g, ret->steps.items[0], parents)) {
        if (path_depth(path) == 1) {
            return;
        }
        ret->match = PATH_EXACT;
        ret->path = mem_strndup(path, (size_t)(strrchr(path, ',') - path));
        return;
    } else {
        ret->match = PATH_EXACT;
    }
    ret->path = mem_strdup(path);
}

bool relatives_match(const struct relatives_rule *r, const char *path)
{
    if (r->match == PATH_ANY) {
        return true;
    }
    if (!path) {
        return false;
    }
    size_t n = strlen(r->path);
    return r->match == PATH_EXACT ? strcmp(path, r->path) == 0
                                  : strncmp(path, r->path, n) == 0 && path[n] == ',';
}

void relatives_rule_free(struct relatives_rule *r)
{
    strv_free(&r->steps);
    free(r->path);
    r->path = NULL;
}

// --- a task's own path, remembered without the rest of its records -----------------------------------

struct path_snap {
    struct snap snap;
    char *path; // owned, or NULL
};

static void path_destroy(struct snap *s)
{
    free(((struct path_snap *)s)->path);
    free(s);
}

struct load {
    struct client *c;
    const struct pathspec *ps;
};

static errc load_path(void *arg, struct cancel *cancel, struct snap **ret, int64_t *ret_ttl_ms,
                      struct err *err)
{
    const struct load *l = arg;
    auto_cleanup(meta_records_free) struct meta_records records = {0};
    errc code = model_meta_field(l->c, l->ps, "foreach-execution-path", cancel, &records, err);
    if (code) {
        return code;
    }
    const struct meta_record *r =
        records_newest(records.items, records.len, "foreach-execution-path", -1);
    struct path_snap *p = mem_zalloc(sizeof(*p));
    p->path = r ? mem_strdup(r->value) : NULL;
    snap_init(&p->snap, sizeof(*p) + str_bytes(p->path), path_destroy);
    *ret = &p->snap;
    *ret_ttl_ms = model_ttl(l->c, r && model_is_settled(l->c, r->created_ms)); // written once, at the start
    return ERR_OK;
}

// --- relatives --------------------------------------------------------------------------------------

struct relatives {
    struct client *c;
    struct pathspec step;
    const struct relatives_rule *rule;
    struct cancel *cancel;
    task_ref_fn fn;
    void *arg;
    bool ended;
    errc code;
    struct err *err;
};

static errc is_relative(struct relatives *r, const char *id, bool *ret, struct err *err)
{
    *ret = true;
    if (r->rule->match == PATH_ANY) {
        return ERR_OK;
    }
    struct pathspec ps = pathspec_child(&r->step, id);
    struct load l = {r->c, &ps};
    struct snap *s;
    errc code = model_recent_get(r->c, MODEL_PATH, &ps, -1, load_path, &l, r->cancel, &s, err);
    if (!code) {
        *ret = relatives_match(r->rule, ((struct path_snap *)s)->path);
        snap_unref(s);
    }
    return code;
}

static bool look_at_task(void *arg, const char *id, int64_t created_ms)
{
    (void)created_ms;
    struct relatives *r = arg;
    struct err one = ERR_INIT;
    bool match;
    errc code = is_relative(r, id, &match, &one);
    if (code) {
        struct pathspec ps = pathspec_child(&r->step, id);
        if (model_skip(code, &ps, &one)) {
            return true;
        }
        *r->err = one;
        r->code = code;
        return false;
    }
    r->ended = match && !r->fn(r->arg, r->step.step, id);
    return !r->ended;
}

// The graph of a task, or where it is not done yet the run's own, which is the same.
static errc graph_of_task(struct client *c, const struct pathspec *task, struct cancel *cancel,
                          const struct graph_snap **ret, struct err *err)
{
    errc code = model_graph(c, task, cancel, ret, err);
    if (code != ERR_NOT_FOUND) {
        return code;
    }
    struct pathspec parameters = {task->flow, task->run, "_parameters", NULL};
    auto_free char *id = NULL;
    struct err other = ERR_INIT;
    if (model_first_task(c, &parameters, cancel, &id, &other)) {
        return model_is_fatal(other.code) ? (*err = other).code : code;
    }
    struct pathspec at = pathspec_child(&parameters, id);
    return model_graph(c, &at, cancel, ret, err);
}

errc client_relatives(struct client *c, const struct pathspec *task, bool parents, struct cancel *cancel,
                      task_ref_fn fn, void *arg, struct err *err)
{
    auto_cleanup(task_unrefp) const struct task *t = NULL;
    auto_cleanup(graph_snap_unrefp) const struct graph_snap *g = NULL;
    errc code = client_task(c, task, cancel, &t, err);
    if (!code) {
        code = graph_of_task(c, task, cancel, &g, err);
        if (code == ERR_NOT_FOUND) {
            return ERR_OK; // without a graph there are no relatives to tell
        }
    }
    if (code) {
        return code;
    }
    auto_cleanup(relatives_rule_free) struct relatives_rule rule = {0};
    relatives_rule(&g->graph, task->step, task_metadata(t, "foreach-execution-path", -1), parents, &rule);
    struct relatives r = {.c = c, .rule = &rule, .cancel = cancel, .fn = fn, .arg = arg, .err = err};
    struct pathspec run = pathspec_upto(task, LEVEL_RUN);
    for (size_t i = 0; !code && !r.ended && i < rule.steps.len; i++) {
        r.step = pathspec_child(&run, rule.steps.items[i]);
        struct err one = ERR_INIT;
        code = model_meta_list(c, &r.step, cancel, look_at_task, &r, &one);
        if (!code) {
            code = r.code;
        } else if (model_skip(code, &r.step, &one)) {
            code = ERR_OK; // a step that has not started has no tasks
        } else {
            *err = one;
        }
    }
    return code;
}

// --- .index -----------------------------------------------------------------------------------------

#define INDEX_AT_ONCE 32 // each waits for what its task has in the datastore
#define INDEX_BATCH 128  // who looks for one of them reads no more than these in vain

struct indexed {
    const char *id;
    char *index;      // owned; NULL outside of a foreach, or where it is not known
    struct err why;
    bool failed;      // in a way that ends the listing
};

struct index_batch {
    struct client *c;
    const struct pathspec *step;
    struct cancel *cancel;
    struct indexed *tasks;
    atomic_bool over;
};

static bool collect_id(void *arg, const char *id, int64_t created_ms)
{
    (void)created_ms;
    strv_add(arg, id);
    return true;
}

static void read_index(void *arg, size_t i)
{
    struct index_batch *b = arg;
    struct indexed *t = &b->tasks[i];
    struct pathspec ps = pathspec_child(b->step, t->id);
    if (atomic_load(&b->over)) {
        return;
    }
    errc code = client_foreach_index(b->c, &ps, b->cancel, &t->index, &t->why);
    if (code && !model_skip(code, &ps, &t->why)) {
        t->failed = true;
        atomic_store(&b->over, true);
    }
}

// Tells what was read, in the order of the tasks; false when there is no more to be told.
static bool tell_indexes(const struct index_batch *b, size_t n, task_ref_fn fn, void *arg, errc *code, struct err *err)
{
    bool more = true;
    for (size_t i = 0; i < n; i++) {
        struct indexed *t = &b->tasks[i];
        if (more && t->failed) {
            *err = t->why;
            *code = err->code;
        }
        more = more && !t->failed && (!t->index || fn(arg, t->index, t->id));
        free(t->index);
    }
    return more && !atomic_load(&b->over);
}

errc client_step_index(struct client *c, const struct pathspec *step, struct cancel *cancel,
                       task_ref_fn fn, void *arg, struct err *err)
{
    auto_cleanup(strv_free) struct strv ids = {0};
    auto_free struct indexed *tasks = mem_zalloc(INDEX_BATCH * sizeof(*tasks));
    errc code = model_check_ns(c, step, cancel, err);
    if (!code) {
        code = model_meta_list(c, step, cancel, collect_id, &ids, err);
    }
    bool more = !code;
    for (size_t from = 0, n; more && from < ids.len; from += n) {
        struct index_batch b = {.c = c, .step = step, .cancel = cancel, .tasks = tasks};
        n = ids.len - from < INDEX_BATCH ? ids.len - from : INDEX_BATCH;
        for (size_t i = 0; i < n; i++) {
            tasks[i] = (struct indexed){.id = ids.items[from + i], .why = ERR_INIT};
        }
        parallel_each(n, INDEX_AT_ONCE, "mf-index", read_index, &b);
        more = tell_indexes(&b, n, fn, arg, &code, err);
    }
    return code;
}
