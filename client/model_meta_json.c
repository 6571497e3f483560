// The `.meta` of an object: the client's properties under their own names, and a few of ours. What does
// not apply is absent, what is not known is null.
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "client/model_i.h"

static void put_time(struct json_out *w, const char *key, int64_t ms)
{
    char text[40];
    json_out_key(w, key);
    if (ms < 0) {
        json_out_null(w);
        return;
    }
    clock_iso8601(ms, text, sizeof(text));
    json_out_str(w, text);
}

static void put_str(struct json_out *w, const char *key, const char *text)
{
    json_out_key(w, key);
    json_out_str(w, text);
}

static void put_bool(struct json_out *w, const char *key, bool v)
{
    json_out_key(w, key);
    json_out_bool(w, v);
}

static void put_strv(struct json_out *w, const char *key, const struct strv *a, const struct strv *b)
{
    auto_cleanup(strv_free) struct strv all = {0};
    strv_copy(&all, a);
    for (size_t i = 0; b && i < b->len; i++) {
        if (!strv_has(&all, b->items[i])) {
            strv_add(&all, b->items[i]);
        }
    }
    strv_sort(&all);
    json_out_key(w, key);
    json_out_begin(w, '[');
    for (size_t i = 0; i < all.len; i++) {
        json_out_str(w, all.items[i]);
    }
    json_out_end(w, ']');
}

static void put_identity(struct json_out *w, const struct pathspec *ps)
{
    enum level level = pathspec_level(ps);
    auto_free char *path = pathspec_text(ps);
    put_str(w, "id", pathspec_id(ps));
    put_str(w, "pathspec", path);
    if (level > LEVEL_FLOW) {
        struct pathspec up = pathspec_upto(ps, level - 1);
        auto_free char *parent = pathspec_text(&up);
        put_str(w, "parent", parent);
    }
}

static void put_object(struct json_out *w, const struct meta_object *o)
{
    put_time(w, "created_at", o->created_ms);
    put_strv(w, "tags", &o->tags, &o->system_tags);
    put_strv(w, "user_tags", &o->tags, NULL);
    put_strv(w, "system_tags", &o->system_tags, NULL);
    for (size_t i = 0; i < o->system_tags.len; i++) {
        if (strncmp(o->system_tags.items[i], "user:", 5) == 0) {
            put_str(w, "user", o->system_tags.items[i] + 5);
            break;
        }
    }
    if (o->heartbeat_ms >= 0) {
        put_time(w, "heartbeat", o->heartbeat_ms);
    }
}

// The `code-package` record is JSON text; what does not parse is no package.
static bool put_code(struct json_out *w, const char *record)
{
    static const char *const members[] = {"sha", "location", "ds_type"};
    auto_cleanup(json_freep) struct json *json = NULL;
    struct err err = ERR_INIT;
    if (!record || json_parse(record, strlen(record), "code-package", &json, &err)) {
        return false;
    }
    json_out_key(w, "code");
    json_out_begin(w, '{');
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        const char *text = json_str(json_get(json, members[i]));
        if (text) {
            put_str(w, members[i], text);
        }
    }
    json_out_end(w, '}');
    return true;
}

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

static void root_json(struct client *c, struct json_out *w)
{
    put_str(w, "pathspec", "");
    put_str(w, "metadata", c->meta->type);
    put_str(w, "datastore", c->store->type);
    put_str(w, "root", c->store->sysroot);
    put_str(w, "namespace", c->ns);
}

static errc flow_json(struct client *c, const struct pathspec *ps, struct cancel *cancel,
                      struct json_out *w, struct err *err)
{
    auto_cleanup(object_snap_unrefp) const struct object_snap *o = NULL;
    errc code = model_object(c, ps, cancel, &o, err);
    if (!code) {
        put_identity(w, ps);
        put_object(w, o->object);
    }
    return code;
}

static errc run_json(struct client *c, const struct pathspec *ps, struct cancel *cancel,
                     struct json_out *w, struct err *err)
{
    auto_cleanup(run_unrefp) const struct run *r = NULL;
    auto_cleanup(object_snap_unrefp) const struct object_snap *now = NULL; // tags stay live on everything
    auto_cleanup(run_facts_free) struct run_facts facts = {0};
    errc code = client_run(c, ps, cancel, &r, err);
    if (!code) {
        code = model_row(c, ps, cancel, &now, err);
    }
    if (!code) {
        code = read_run_facts(c, ps, true, cancel, &facts, err);
    }
    if (code) {
        return code;
    }
    put_identity(w, ps);
    put_str(w, "status", status_name(r->status));
    put_bool(w, "finished", r->finished);
    put_bool(w, "successful", r->successful);
    put_time(w, "finished_at", r->finished_ms);
    put_object(w, now->object);
    if (facts.origin) {
        auto_free char *origin = mem_printf("%s/%s", ps->flow, facts.origin);
        put_str(w, "origin_pathspec", origin);
    }
    put_code(w, facts.code);
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
                      struct json_out *w, struct err *err)
{
    auto_cleanup(object_snap_unrefp) const struct object_snap *o = NULL;
    auto_cleanup(run_facts_free) struct run_facts facts = {0};
    struct pathspec run = pathspec_upto(ps, LEVEL_RUN);
    struct latest_end end = {.c = c, .step = *ps, .cancel = cancel, .newest_ms = -1, .err = err};
    errc code = model_row(c, ps, cancel, &o, err);
    if (!code) {
        code = model_meta_list(c, ps, cancel, see_end, &end, err);
    }
    if (!code) {
        code = end.code;
    }
    if (!code) {
        code = read_run_facts(c, &run, false, cancel, &facts, err);
    }
    if (code) {
        return code;
    }
    put_identity(w, ps);
    put_time(w, "finished_at", end.newest_ms);
    put_object(w, o->object);
    if (facts.origin) {
        auto_free char *origin = mem_printf("%s/%s/%s", ps->flow, facts.origin, ps->step);
        put_str(w, "origin_pathspec", origin);
    }
    return ERR_OK;
}

// --- tasks ------------------------------------------------------------------------------------------

static void put_metadata(struct json_out *w, const struct task *t, int attempt)
{
    size_t lent, own_len, loan_len;
    const struct meta_record *origin = task_loan(t, &lent);
    auto_free const struct meta_record **mine =
        records_latest(t->records.items, t->records.len - lent, attempt, &own_len);
    auto_free const struct meta_record **loan = records_latest(origin, lent, -1, &loan_len);
    json_out_key(w, "metadata_dict");
    json_out_begin(w, '{');
    for (size_t i = 0, j = 0; i < own_len || j < loan_len;) {
        bool first = j == loan_len || (i < own_len && strcmp(mine[i]->field, loan[j]->field) <= 0);
        const struct meta_record *r = first ? mine[i++] : loan[j++];
        json_out_key(w, r->field);
        if (r->is_json) {
            json_out_raw(w, r->value);
        } else {
            json_out_str(w, r->value);
        }
    }
    json_out_end(w, '}');
}

static void put_artifacts(struct json_out *w, const struct artifacts *list)
{
    json_out_key(w, "artifacts");
    json_out_begin(w, '{');
    for (size_t i = 0; i < list->len; i++) {
        const struct artifact *a = &list->items[i];
        if (!artifact_is_visible(a)) {
            continue;
        }
        json_out_key(w, a->name);
        json_out_begin(w, '{');
        put_str(w, "type", a->type);
        json_out_key(w, "size");
        if (a->size >= 0) {
            json_out_int(w, a->size);
        } else {
            json_out_null(w);
        }
        put_str(w, "sha", a->sha);
        put_str(w, "encoding", a->encoding);
        put_time(w, "created_at", a->created_ms);
        json_out_end(w, '}');
    }
    json_out_end(w, '}');
}

// What a task is by one attempt, or as a whole.
struct outcome {
    int attempt;
    enum status status;
    bool finished, successful;
    int64_t finished_ms;
};

static errc attempt_outcome(struct client *c, const struct pathspec *ps, const struct task *t, int attempt,
                            const struct artifacts *list, struct cancel *cancel, struct outcome *ret,
                            struct err *err)
{
    const struct artifact *ok = artifacts_find(list, "_task_ok");
    const struct artifact *success = artifacts_find(list, "_success");
    int ok_value = -1, success_value = 0;
    errc code = ok ? model_truth(c, ps, ok, cancel, &ok_value, err) : ERR_OK;
    if (!code && success) {
        code = model_truth(c, ps, success, cancel, &success_value, err);
    }
    if (code) {
        return code;
    }
    *ret = (struct outcome){
        .attempt = attempt,
        .status = model_attempt_status(c, ps, t, attempt, ok ? attempt : -1, ok_value, cancel),
        .finished = ok_value == 1,
        .successful = success_value == 1,
        .finished_ms = ok ? ok->created_ms : -1,
    };
    return ERR_OK;
}

static void put_foreach(struct client *c, const struct pathspec *ps, const struct task *t,
                        struct cancel *cancel, struct json_out *w)
{
    auto_free char *index = NULL;
    struct err err = ERR_INIT;
    if (client_foreach_index(c, ps, cancel, &index, &err)) {
        json_out_key(w, "index");
        json_out_null(w);
    } else if (index) {
        const char *dot = strrchr(index, '.');
        json_out_key(w, "index");
        json_out_raw(w, dot ? dot + 1 : index);
    }
    const char *path = task_metadata(t, "foreach-execution-path", -1);
    if (path) {
        put_str(w, "foreach", path);
    }
}

static void put_exception(struct client *c, const struct pathspec *ps, int attempt, struct cancel *cancel,
                          struct json_out *w)
{
    auto_free char *text = NULL;
    struct err err = ERR_INIT;
    if (client_exception(c, ps, attempt, cancel, &text, &err)) {
        put_str(w, "exception", NULL);
    } else if (text) {
        put_str(w, "exception", text);
    }
}

static errc task_json(struct client *c, const struct pathspec *ps, int attempt, struct cancel *cancel,
                      struct json_out *w, struct err *err)
{
    auto_cleanup(task_unrefp) const struct task *t = NULL;
    auto_cleanup(object_snap_unrefp) const struct object_snap *now = NULL;
    auto_cleanup(artifacts_unrefp) const struct artifacts *list = NULL;
    errc code = client_task(c, ps, cancel, &t, err);
    if (!code) {
        code = model_row(c, ps, cancel, &now, err);
    }
    if (!code) {
        code = client_artifacts(c, ps, attempt, cancel, &list, err);
    }
    if (code) {
        return code;
    }
    struct outcome o = {t->current_attempt, t->status, t->finished, t->successful, t->finished_ms};
    if (attempt >= 0) {
        code = attempt_outcome(c, ps, t, attempt, list, cancel, &o, err);
        if (code) {
            return code;
        }
    }
    put_identity(w, ps);
    put_str(w, "status", status_name(o.status));
    put_bool(w, "finished", o.finished);
    put_bool(w, "successful", o.successful);
    put_time(w, "finished_at", o.finished_ms);
    json_out_key(w, "current_attempt");
    json_out_int(w, o.attempt);
    put_object(w, now->object);
    put_foreach(c, ps, t, cancel, w);
    put_exception(c, ps, attempt, cancel, w);
    if (t->origin) {
        put_str(w, "origin_pathspec", t->origin);
    }
    put_code(w, task_metadata(t, "code-package", attempt));
    put_metadata(w, t, attempt);
    put_artifacts(w, list);
    return ERR_OK;
}

errc client_meta_json(struct client *c, const struct pathspec *ps, int attempt, struct cancel *cancel,
                      struct buf *out, struct err *err)
{
    struct json_out w = {.buf = out};
    errc code = model_check_ns(c, ps, cancel, err);
    if (code) {
        return code;
    }
    json_out_begin(&w, '{');
    switch (pathspec_level(ps)) {
    case LEVEL_ROOT:
        root_json(c, &w);
        break;
    case LEVEL_FLOW:
        code = flow_json(c, ps, cancel, &w, err);
        break;
    case LEVEL_RUN:
        code = run_json(c, ps, cancel, &w, err);
        break;
    case LEVEL_STEP:
        code = step_json(c, ps, cancel, &w, err);
        break;
    case LEVEL_TASK:
        code = task_json(c, ps, attempt, cancel, &w, err);
        break;
    }
    json_out_end(&w, '}');
    buf_putc(out, '\n');
    if (!code && out->over) {
        return err_set(err, ERR_LIMIT, "the .meta of %s is too large", pathspec_id(ps));
    }
    return code;
}
