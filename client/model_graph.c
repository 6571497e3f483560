// The flow's graph as a run recorded it: the artifact _graph_info, read once for each of its contents.
#include <string.h>

#include "base/mem.h"
#include "client/model_i.h"

static void graph_destroy(struct snap *s)
{
    struct graph_snap *g = (struct graph_snap *)s;
    for (size_t i = 0; i < g->graph.len; i++) {
        struct graph_step *step = &g->graph.steps[i];
        free(step->name);
        free(step->type);
        free(step->foreach_artifact);
        free(step->condition);
        strv_free(&step->next);
        strv_free(&step->cases);
        strv_free(&step->case_steps);
    }
    free(g->graph.steps);
    strv_free(&g->parameters);
    free(g);
}

void graph_snap_unrefp(const struct graph_snap **g)
{
    if (*g) {
        snap_unref((struct snap *)(uintptr_t)*g);
    }
}

void graph_unref(const struct graph *g)
{
    if (g) {
        const struct graph_snap *snap = (const struct graph_snap *)((uintptr_t)g - offsetof(struct graph_snap, graph));
        graph_snap_unrefp(&snap);
    }
}

void graph_unrefp(const struct graph **g)
{
    graph_unref(*g);
}

const struct graph_step *graph_find(const struct graph *g, const char *step)
{
    for (size_t i = 0; i < g->len; i++) {
        if (strcmp(g->steps[i].name, step) == 0) {
            return &g->steps[i];
        }
    }
    return NULL;
}

static bool is_seq(const struct value *v)
{
    return v && (v->kind == VALUE_LIST || v->kind == VALUE_TUPLE);
}

static void add_texts(const struct value *seq, const char *member, struct strv *to)
{
    for (size_t i = 0; is_seq(seq) && i < seq->u.seq.len; i++) {
        const struct value *item = seq->u.seq.items[i];
        if (member && item->kind == VALUE_DICT) {
            item = value_dict_get(item, member);
        }
        char *text = value_text(item);
        if (text) {
            strv_take(to, text);
        }
    }
}

// A case is any plain value; it is shown as its text.
static void add_cases(struct graph_step *s, const struct value *cases)
{
    for (size_t i = 0; cases && cases->kind == VALUE_DICT && i < cases->u.dict.len; i++) {
        const struct value_pair *pair = &cases->u.dict.pairs[i];
        struct buf text = {0};
        char *step = value_text(pair->value);
        if (step && render_scalar(pair->key, &text)) {
            strv_take(&s->cases, buf_steal(&text));
            strv_take(&s->case_steps, steal_ptr(&step));
        }
        free(step);
        buf_free(&text);
    }
}

static size_t strv_bytes(const struct strv *v)
{
    size_t bytes = 0;
    for (size_t i = 0; i < v->len; i++) {
        bytes += sizeof(char *) + str_bytes(v->items[i]);
    }
    return bytes;
}

static void add_step(struct graph_snap *g, const struct value_pair *pair)
{
    char *name = value_text(pair->key);
    if (!name || pair->value->kind != VALUE_DICT) {
        free(name);
        return;
    }
    struct graph_step *s = &g->graph.steps[g->graph.len++];
    s->name = name;
    s->type = value_text(value_dict_get(pair->value, "type"));
    if (!s->type) {
        s->type = mem_strdup("");
    }
    s->foreach_artifact = value_text(value_dict_get(pair->value, "foreach_artifact"));
    s->condition = value_text(value_dict_get(pair->value, "condition"));
    add_texts(value_dict_get(pair->value, "next"), NULL, &s->next);
    add_cases(s, value_dict_get(pair->value, "switch_cases"));
    g->snap.bytes += sizeof(*s) + str_bytes(s->name) + str_bytes(s->type) + str_bytes(s->foreach_artifact) +
                     str_bytes(s->condition) + strv_bytes(&s->next) + strv_bytes(&s->cases) +
                     strv_bytes(&s->case_steps);
}

static struct graph_snap *graph_of_value(const struct value *info)
{
    struct graph_snap *g = mem_zalloc(sizeof(*g));
    snap_init(&g->snap, sizeof(*g), graph_destroy);
    if (info->kind != VALUE_DICT) {
        return g;
    }
    const struct value *steps = value_dict_get(info, "steps");
    if (steps && steps->kind == VALUE_DICT) {
        g->graph.steps = mem_zalloc((steps->u.dict.len + 1) * sizeof(*g->graph.steps));
        for (size_t i = 0; i < steps->u.dict.len; i++) {
            add_step(g, &steps->u.dict.pairs[i]);
        }
    }
    const struct value *parameters = value_dict_get(info, "parameters");
    g->has_parameters = is_seq(parameters);
    add_texts(parameters, "name", &g->parameters);
    g->snap.bytes += strv_bytes(&g->parameters);
    return g;
}

struct load {
    struct client *c;
    const struct pathspec *task;
    const struct artifact *artifact;
};

static errc load_graph(void *arg, struct cancel *cancel, struct snap **ret, int64_t *ret_ttl_ms,
                       struct err *err)
{
    const struct load *l = arg;
    auto_cleanup(artifact_value_free) struct artifact_value v = {0};
    errc code = model_load(l->c, l->task, l->artifact, cancel, &v, err);
    if (!code) {
        *ret = &graph_of_value(pickle_root(v.pickle))->snap;
        *ret_ttl_ms = RECENT_FOR_EVER; // its key is its content's hash
    }
    return code;
}

errc model_graph(struct client *c, const struct pathspec *task, struct cancel *cancel,
                 const struct graph_snap **ret, struct err *err)
{
    auto_cleanup(artifact_clear) struct artifact a = {0};
    errc code = model_artifact(c, task, -1, "_graph_info", cancel, &a, NULL, err);
    if (code) {
        return code;
    }
    struct load l = {c, task, &a};
    struct recent_key key = {MODEL_GRAPH, a.sha, -1};
    struct snap *s;
    code = recent_get(c->recent, &key, load_graph, &l, cancel, &s, err);
    if (!code) {
        *ret = (const struct graph_snap *)s;
    }
    return code;
}

errc client_graph(struct client *c, const struct pathspec *run, struct cancel *cancel, const struct graph **ret,
                  struct err *err)
{
    auto_free char *id = NULL;
    struct pathspec at = pathspec_child(run, "_parameters");
    const struct graph_snap *g = NULL;
    errc code = model_check_ns(c, run, cancel, err);
    if (!code) {
        code = model_first_task(c, &at, cancel, &id, err);
    }
    if (!code) {
        at = pathspec_child(&at, id);
        code = model_graph(c, &at, cancel, &g, err);
    }
    if (!code) {
        *ret = &g->graph;
    }
    return code;
}

// --- parameters -------------------------------------------------------------------------------------

static errc visible_artifacts(struct client *c, const struct pathspec *task, struct cancel *cancel,
                              struct strv *to, struct err *err)
{
    auto_cleanup(artifacts_unrefp) const struct artifacts *list = NULL;
    errc code = client_artifacts(c, task, -1, cancel, &list, err);
    for (size_t i = 0; !code && i < list->len; i++) {
        const struct artifact *a = &list->items[i];
        if (artifact_is_visible(a) && strcmp(a->name, "name") != 0) {
            strv_add(to, a->name);
        }
    }
    return code;
}

errc client_parameters(struct client *c, const struct pathspec *run, struct cancel *cancel,
                       struct strv *ret_names, char **ret_task, struct err *err)
{
    errc code = model_check_ns(c, run, cancel, err);
    auto_free char *id = NULL;
    struct pathspec step = pathspec_child(run, "_parameters");
    if (!code) {
        code = model_first_task(c, &step, cancel, &id, err);
    }
    if (code) {
        return code;
    }
    struct pathspec task = pathspec_child(&step, id);
    auto_cleanup(graph_snap_unrefp) const struct graph_snap *g = NULL;
    auto_cleanup(strv_free) struct strv names = {0};
    struct err one = ERR_INIT;
    code = model_graph(c, &task, cancel, &g, &one);
    if (!code && g->has_parameters) {
        strv_copy(&names, &g->parameters);
    } else if (code && !model_skip(code, &task, &one)) {
        *err = one;
        return code;
    } else {
        code = visible_artifacts(c, &task, cancel, &names, err);
        if (code) {
            return code;
        }
    }
    *ret_names = names;
    memset(&names, 0, sizeof(names));
    *ret_task = steal_ptr(&id);
    return ERR_OK;
}
