// The `.meta` of a task, as a whole or of one attempt.
#include <string.h>

#include "base/mem.h"
#include "client/model_meta_i.h"

static void put_metadata(struct meta_out *w, const struct task *t, int attempt)
{
    size_t lent, own_len, loan_len;
    const struct meta_record *origin = task_loan(t, &lent);
    auto_free const struct meta_record **mine =
        records_latest(t->records.items, t->records.len - lent, attempt, &own_len);
    auto_free const struct meta_record **loan = records_latest(origin, lent, -1, &loan_len);
    json_out_key(&w->json, "metadata_dict");
    json_out_begin(&w->json, '{');
    for (size_t i = 0, j = 0; i < own_len || j < loan_len;) {
        bool first = j == loan_len || (i < own_len && strcmp(mine[i]->field, loan[j]->field) <= 0);
        const struct meta_record *r = first ? mine[i++] : loan[j++];
        json_out_key(&w->json, r->field);
        if (r->is_json) {
            json_out_raw(&w->json, r->value);
        } else {
            json_out_str(&w->json, r->value);
        }
    }
    json_out_end(&w->json, '}');
}

static void put_member(struct json_out *w, const char *key, const char *text)
{
    json_out_key(w, key);
    json_out_str(w, text);
}

static void put_artifacts(struct meta_out *w, const struct artifacts *list)
{
    json_out_key(&w->json, "artifacts");
    json_out_begin(&w->json, '{');
    for (size_t i = 0; i < list->len; i++) {
        const struct artifact *a = &list->items[i];
        if (!artifact_is_visible(a)) {
            continue;
        }
        json_out_key(&w->json, a->name);
        json_out_begin(&w->json, '{');
        put_member(&w->json, "type", a->type);
        json_out_key(&w->json, "size");
        if (a->size >= 0) {
            json_out_int(&w->json, a->size);
        } else {
            json_out_null(&w->json);
        }
        put_member(&w->json, "sha", a->sha);
        put_member(&w->json, "encoding", a->encoding);
        json_out_key(&w->json, "created_at");
        meta_time_value(&w->json, a->created_ms);
        json_out_end(&w->json, '}');
    }
    json_out_end(&w->json, '}');
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
                        struct cancel *cancel, struct meta_out *w)
{
    auto_free char *index = NULL;
    struct err err = ERR_INIT;
    const char *path = task_metadata(t, "foreach-execution-path", -1);
    if (w->part == META_KEYS) {
        if (model_has_index(c, ps, path, cancel)) {
            meta_put_str(w, "index", NULL);
        }
    } else if (meta_wants(w, "index")) {
        if (client_foreach_index(c, ps, cancel, &index, &err)) {
            meta_put_str(w, "index", NULL);
        } else if (index && meta_begin(w, "index")) {
            const char *dot = strrchr(index, '.');
            json_out_raw(&w->json, dot ? dot + 1 : index);
        }
    }
    if (path) {
        meta_put_str(w, "foreach", path);
    }
}

static void put_exception(struct client *c, const struct pathspec *ps, int attempt, struct cancel *cancel,
                          struct meta_out *w)
{
    auto_free char *text = NULL;
    struct err err = ERR_INIT;
    if (w->part == META_KEYS) {
        if (model_has_exception(c, ps, attempt, cancel)) {
            meta_put_str(w, "exception", NULL);
        }
    } else if (meta_wants(w, "exception")) {
        if (client_exception(c, ps, attempt, cancel, &text, &err)) {
            meta_put_str(w, "exception", NULL);
        } else if (text) {
            meta_put_str(w, "exception", text);
        }
    }
}

// The members that tell an attempt's outcome cost its list of artifacts; of a task as a whole its own records tell.
static errc read_outcome(struct client *c, const struct pathspec *ps, const struct task *t, int attempt,
                         const struct meta_out *w, const struct artifacts **ret_list, struct cancel *cancel,
                         struct outcome *ret, struct err *err)
{
    static const char *const of_end[] = {"status", "finished", "successful", "finished_at", NULL};
    bool of_attempt = attempt >= 0 && meta_wants_any(w, of_end);
    *ret = (struct outcome){t->current_attempt, t->status, t->finished, t->successful, t->finished_ms};
    if (attempt >= 0) {
        ret->attempt = attempt;
    }
    errc code = ERR_OK;
    if (of_attempt || w->part == META_ALL) {
        code = client_artifacts(c, ps, attempt, cancel, ret_list, err);
    }
    if (!code && of_attempt) {
        code = attempt_outcome(c, ps, t, attempt, *ret_list, cancel, ret, err);
    }
    return code;
}

errc meta_task_json(struct client *c, const struct pathspec *ps, int attempt, struct cancel *cancel,
                    struct meta_out *w, struct err *err)
{
    auto_cleanup(task_unrefp) const struct task *t = NULL;
    auto_cleanup(object_snap_unrefp) const struct object_snap *now = NULL;
    auto_cleanup(artifacts_unrefp) const struct artifacts *list = NULL;
    struct outcome o;
    errc code = client_task(c, ps, cancel, &t, err);
    if (!code) {
        code = model_row(c, ps, cancel, &now, err);
    }
    if (!code) {
        code = read_outcome(c, ps, t, attempt, w, &list, cancel, &o, err);
    }
    if (code) {
        return code;
    }
    meta_put_identity(w, ps);
    meta_put_str(w, "status", status_name(o.status));
    meta_put_bool(w, "finished", o.finished);
    meta_put_bool(w, "successful", o.successful);
    meta_put_time(w, "finished_at", o.finished_ms);
    if (meta_begin(w, "current_attempt")) {
        json_out_int(&w->json, o.attempt);
    }
    meta_put_object(w, now->object);
    put_foreach(c, ps, t, cancel, w);
    put_exception(c, ps, attempt, cancel, w);
    if (t->origin) {
        meta_put_str(w, "origin_pathspec", t->origin);
    }
    meta_put_code(w, task_metadata(t, "code-package", attempt));
    if (list && w->part == META_ALL) {
        put_metadata(w, t, attempt);
        put_artifacts(w, list);
    }
    return ERR_OK;
}
