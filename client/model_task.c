#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "client/model_i.h"
#include "client/store_located.h"

#define MAX_CLONES 8                // of a clone of a clone …
#define MAX_RUNTIME_FILE (64 * 1024)

const struct task_snap *task_snap_of(const struct task *t)
{
    return (const struct task_snap *)((const char *)t - offsetof(struct task_snap, task));
}

static void task_destroy(struct snap *s)
{
    struct task_snap *ts = (struct task_snap *)s;
    meta_object_free(ts->task.object);
    meta_records_free(&ts->task.records);
    free(ts->task.origin);
    free(ts->task.foreach_path);
    free(ts);
}

void task_unref(const struct task *t)
{
    if (t) {
        snap_unref((struct snap *)(uintptr_t)task_snap_of(t));
    }
}

void task_unrefp(const struct task **t)
{
    task_unref(*t);
}

const struct meta_record *task_loan(const struct task *t, size_t *ret_len)
{
    size_t own = task_snap_of(t)->own_records;
    *ret_len = t->records.len - own;
    return *ret_len ? t->records.items + own : NULL;
}

const char *task_metadata(const struct task *t, const char *field, int attempt)
{
    size_t own = task_snap_of(t)->own_records;
    const struct meta_record *r = records_newest(t->records.items, own, field, attempt);
    if (!r) {
        size_t len;
        const struct meta_record *loan = task_loan(t, &len);
        r = records_newest(loan, len, field, -1);
    }
    return r ? r->value : NULL;
}

bool model_origin(char *origin_text, struct pathspec *ret)
{
    char *save = NULL;
    ret->flow = strtok_r(origin_text, "/", &save);
    ret->run = ret->flow ? strtok_r(NULL, "/", &save) : NULL;
    ret->step = ret->run ? strtok_r(NULL, "/", &save) : NULL;
    ret->task = ret->step ? strtok_r(NULL, "/", &save) : NULL;
    return ret->task != NULL;
}

// F/R/S/T of the task that a clone was made from; NULL for any other task.
static char *origin_of(const struct pathspec *ps, const struct meta_records *records)
{
    const char *run = record_text(records_newest(records->items, records->len, "origin-run-id", -1));
    const char *task = record_text(records_newest(records->items, records->len, "origin-task-id", -1));
    return run && task ? mem_printf("%s/%s/%s/%s", ps->flow, run, ps->step, task) : NULL;
}

// The client lends a clone the newest records of its origin, for the fields that it has none of; and
// to that one those of its own origin. An origin that is gone lends nothing.
static errc borrow_records(struct client *c, const struct pathspec *ps, struct meta_records *records,
                           const char *origin, struct cancel *cancel, struct err *err)
{
    auto_free char *next = mem_strdup(origin);
    for (int i = 0; next && i < MAX_CLONES; i++) {
        auto_cleanup(meta_records_free) struct meta_records lent = {0};
        struct pathspec at;
        auto_free char *text = mem_strdup(next);
        struct err one = ERR_INIT;
        errc code = model_origin(text, &at) ? model_meta_records(c, &at, cancel, &lent, &one) : ERR_OK;
        if (code) {
            if (model_skip(code, ps, &one)) {
                return ERR_OK;
            }
            *err = one;
            return code;
        }
        records_borrow(records, &lent);
        char *further = origin_of(&at, &lent);
        free(next);
        next = further;
    }
    return ERR_OK;
}

void model_know_root(struct client *c, const struct pathspec *ps, const struct task *t)
{
    store_located_run(c->store, ps->flow, ps->run, task_metadata(t, "ds-root", -1));
}

// The scheduler's own word on an attempt: 1, 0, or -1 where it left none that can be read.
static int read_runtime(struct client *c, const struct pathspec *ps, int attempt, struct cancel *cancel)
{
    auto_free char *path = mem_printf("%s/%s/%s/%s/%d.runtime", ps->flow, ps->run, ps->step, ps->task, attempt);
    auto_cleanup(buf_free) struct buf text = {0};
    auto_cleanup(json_freep) struct json *json = NULL;
    struct err err = ERR_INIT;
    struct store_info info;
    // Most attempts have none, which is told for many of them by one answer.
    if (c->store->ops->info(c->store, path, 0, cancel, &info, &err) ||
        store_read_all(c->store, path, MAX_RUNTIME_FILE, cancel, &text, &err) ||
        json_parse(text.data ? text.data : "", text.len, path, &json, &err)) {
        if (err.code != ERR_NOT_FOUND) {
            log_warn("model", "the state of an attempt is not known: %s", err.cause);
        }
        return -1;
    }
    bool success;
    int64_t return_code;
    if (json_bool(json_get(json, "success"), &success)) {
        return success;
    }
    return json_int(json_get(json, "return_code"), &return_code) ? return_code == 0 : -1;
}

enum status model_attempt_status(struct client *c, const struct pathspec *ps, const struct task *t,
                                 int attempt, int done, int task_ok, struct cancel *cancel)
{
    size_t own = task_snap_of(t)->own_records;
    const struct meta_record *ok = records_newest(t->records.items, own, "attempt_ok", attempt);
    struct status_facts f = {
        .started = attempt,
        .done = done,
        .task_ok = task_ok,
        .attempt_ok = !ok || !ok->value ? -1 : strcmp(ok->value, "True") == 0,
        .runtime_ok = -1,
        .heartbeat_ms = t->object->heartbeat_ms,
    };
    if (status_needs_runtime(&f)) {
        model_know_root(c, ps, t);
        f.runtime_ok = read_runtime(c, ps, attempt, cancel);
    }
    return status_of(&f, clock_wall_ms(), c->stale_after_ms);
}

struct load {
    struct client *c;
    const struct pathspec *ps;
};

// Attempts and the values of _task_ok and _success. A record that cannot be read is as one that is not
// there: the rest of the task can still be shown.
static errc read_outcome(const struct load *l, struct cancel *cancel, struct task *t, int *ret_task_ok,
                         struct err *err)
{
    auto_cleanup(artifact_clear) struct artifact ok = {0}, success = {0};
    struct err one = ERR_INIT;
    int value = 0;
    *ret_task_ok = -1;
    t->finished_ms = -1;
    errc code = model_artifact(l->c, l->ps, -1, "_task_ok", cancel, &ok, &t->artifact_attempt, &one);
    if (!code) {
        t->finished_ms = ok.created_ms;
        code = model_truth(l->c, l->ps, &ok, cancel, ret_task_ok, &one);
        t->finished = !code && *ret_task_ok == 1;
    } else {
        const char *done = task_metadata(t, "attempt-done", -1);
        t->artifact_attempt = parse_small_int(done, 5);
    }
    if (!code) {
        code = model_artifact(l->c, l->ps, t->artifact_attempt, "_success", cancel, &success, NULL, &one);
    }
    if (!code) {
        code = model_truth(l->c, l->ps, &success, cancel, &value, &one);
    }
    t->successful = !code && value == 1;
    if (code && !model_skip(code, l->ps, &one)) {
        *err = one;
        return code;
    }
    return ERR_OK;
}

static errc fill_task(const struct load *l, struct cancel *cancel, struct task_snap *ts,
                      int64_t *ret_ttl_ms, struct err *err)
{
    struct task *t = &ts->task;
    auto_cleanup(object_snap_unrefp) const struct object_snap *o = NULL;
    errc code = model_object(l->c, l->ps, cancel, &o, err);
    if (code) {
        return code;
    }
    t->object = meta_object_copy(o->object);
    code = model_meta_records(l->c, l->ps, cancel, &t->records, err);
    if (code) {
        return code;
    }
    ts->own_records = t->records.len;
    t->origin = origin_of(l->ps, &t->records);
    t->is_clone = t->origin != NULL;
    t->foreach_path = mem_strdup(task_metadata(t, "foreach-execution-path", -1));
    if (t->origin) {
        code = borrow_records(l->c, l->ps, &t->records, t->origin, cancel, err);
        if (code) {
            return code;
        }
    }
    int attempt = parse_small_int(task_metadata(t, "attempt", -1), 1000);
    t->current_attempt = attempt < 0 ? 0 : attempt;
    int task_ok;
    code = read_outcome(l, cancel, t, &task_ok, err);
    if (code) {
        return code;
    }
    t->status = model_attempt_status(l->c, l->ps, t, t->current_attempt, t->artifact_attempt, task_ok, cancel);
    t->mtime_ms = t->finished_ms >= 0            ? t->finished_ms
                  : t->object->heartbeat_ms >= 0 ? t->object->heartbeat_ms
                                                 : t->object->created_ms;
    t->settled = t->status == STATUS_DONE && model_is_settled(l->c, t->finished_ms);
    *ret_ttl_ms = model_ttl(l->c, t->settled);
    if (!t->settled) {
        *ret_ttl_ms = model_ttl_of_part(*ret_ttl_ms, &o->snap);
    }
    return ERR_OK;
}

static errc load_task(void *arg, struct cancel *cancel, struct snap **ret, int64_t *ret_ttl_ms,
                      struct err *err)
{
    const struct load *l = arg;
    struct task_snap *ts = mem_zalloc(sizeof(*ts));
    snap_init(&ts->snap, 0, task_destroy);
    errc code = fill_task(l, cancel, ts, ret_ttl_ms, err);
    if (!code && cancel) {
        code = cancel_check(cancel, err); // a status that a cancelled read left out is not to be kept
    }
    if (code) {
        snap_unref(&ts->snap);
        return code;
    }
    ts->snap.bytes = sizeof(*ts) + meta_object_bytes(ts->task.object) + records_bytes(&ts->task.records) +
                     str_bytes(ts->task.origin) + str_bytes(ts->task.foreach_path);
    model_hint(l->c, l->ps, ts->task.mtime_ms);
    if (ts->task.settled) {
        model_conclude(l->c, l->ps, META_SETTLED, ts->task.finished_ms);
    }
    *ret = &ts->snap;
    return ERR_OK;
}

errc model_task(struct client *c, const struct pathspec *ps, struct cancel *cancel,
                const struct task **ret, struct err *err)
{
    struct load l = {c, ps};
    struct snap *s;
    errc code = model_recent_get(c, MODEL_TASK, ps, -1, load_task, &l, cancel, &s, err);
    if (!code) {
        *ret = &((struct task_snap *)s)->task;
    }
    return code;
}

errc client_task(struct client *c, const struct pathspec *ps, struct cancel *cancel,
                 const struct task **ret, struct err *err)
{
    errc code = model_check_ns(c, ps, cancel, err);
    return code ? code : model_task(c, ps, cancel, ret, err);
}

errc client_attempts(struct client *c, const struct pathspec *task, struct cancel *cancel,
                     int ret_attempts[6], size_t *ret_n, struct err *err)
{
    auto_cleanup(task_unrefp) const struct task *t = NULL;
    errc code = client_task(c, task, cancel, &t, err);
    if (code) {
        return code;
    }
    bool known[6] = {false};
    size_t own = task_snap_of(t)->own_records;
    for (size_t i = 0; i < own; i++) {
        const struct meta_record *r = &t->records.items[i];
        int started = strcmp(r->field, "attempt") == 0 ? parse_small_int(r->value, 5) : r->attempt;
        if (started >= 0 && started < 6) {
            known[started] = true;
        }
    }
    if (t->artifact_attempt >= 0 && t->artifact_attempt < 6) {
        known[t->artifact_attempt] = true;
    }
    *ret_n = 0;
    for (int i = 0; i < 6; i++) {
        if (known[i]) {
            ret_attempts[(*ret_n)++] = i;
        }
    }
    return ERR_OK;
}
