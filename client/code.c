// Which package a run has, and its archive as it is stored.
#include "client/code.h"

#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "client/blob.h"
#include "client/code_i.h"
#include "client/store_located.h"

// A run that has none is remembered, too: then `package` is empty and `why` has what is told.
struct package_snap {
    struct snap snap;
    struct code_package package;
    struct err why;
};

static void package_destroy(struct snap *s)
{
    struct package_snap *ps = (struct package_snap *)s;
    free(ps->package.ds_type);
    free(ps->package.sha);
    free(ps->package.location);
    free(ps->package.metadata);
    free(ps);
}

void code_package_unref(const struct code_package *p)
{
    if (p != NULL) {
        snap_unref(&((struct package_snap *)((uintptr_t)p - offsetof(struct package_snap, package)))->snap);
    }
}

void code_package_unrefp(const struct code_package **p)
{
    code_package_unref(*p);
}

struct load {
    struct client *c;
    const struct pathspec *run;
};

// The newest record of a task; NULL where it has none, or an empty one, which the client takes for none.
static const struct meta_record *record_of(const struct task *t)
{
    const struct meta_record *r = records_newest(t->records.items, t->records.len, "code-package", -1);
    return r != NULL && r->value != NULL && r->value[0] != '\0' ? r : NULL;
}

static void take_record(const struct pathspec *run, const struct meta_record *r, struct package_snap *to)
{
    auto_cleanup(json_freep) struct json *json = NULL;
    struct code_package *p = &to->package;
    p->created_ms = r->created_ms;
    errc e = json_parse(r->value, strlen(r->value), "the record of the code package", &json, &to->why);
    if (!e) {
        p->ds_type = mem_strdup(json_str(json_get(json, "ds_type")));
        p->sha = mem_strdup(json_str(json_get(json, "sha")));
        p->location = mem_strdup(json_str(json_get(json, "location")));
        p->metadata = mem_strdup(json_str(json_get(json, "metadata")));
        if (p->ds_type == NULL || p->location == NULL || !blob_key_is_valid(p->sha)) {
            e = err_set(&to->why, ERR_CORRUPT, "the record of the code package lacks its place: it takes ds_type, "
                        "location and sha, 40 hex digits");
        }
    }
    if (e) {
        err_prefix(&to->why, "run %s/%s", run->flow, run->run);
    }
}

// The task of a step that the client looks at; NULL where the step has none that can be read.
static errc newest_task(struct client *c, const struct pathspec *step, struct cancel *cancel, const struct task **ret,
                        struct err *err)
{
    struct err one = ERR_INIT;
    auto_free char *id = NULL;
    *ret = NULL;
    errc e = model_first_task(c, step, cancel, &id, &one);
    if (!e) {
        struct pathspec task = pathspec_child(step, id);
        e = model_task(c, &task, cancel, ret, &one);
    }
    if (e && !model_skip(e, step, &one)) {
        *err = one;
        return e;
    }
    return ERR_OK;
}

static errc find_record(struct load *l, struct cancel *cancel, struct package_snap *to, int64_t *ttl_ms,
                        struct err *err)
{
    auto_cleanup(children_free) struct children steps = {0};
    bool found = false;
    errc e = model_children(l->c, l->run, cancel, &steps, err);
    for (size_t i = 0; !e && !found && i < steps.len; i++) {
        struct pathspec step = pathspec_child(l->run, steps.items[i].id);
        auto_cleanup(task_unrefp) const struct task *task = NULL;
        e = newest_task(l->c, &step, cancel, &task, err);
        const struct meta_record *r = task != NULL ? record_of(task) : NULL;
        if (r != NULL) {
            take_record(l->run, r, to);
            found = true;
        }
        *ttl_ms = task != NULL ? model_ttl_of_part(*ttl_ms, &task_snap_of(task)->snap) : l->c->ttl_ms;
    }
    if (!e && !found) {
        err_set(&to->why, ERR_NOT_FOUND, "the run %.200s/%.200s has no code package: Metaflow stores one for runs with "
                "remote steps, or with METAFLOW_FEAT_ALWAYS_UPLOAD_CODE_PACKAGE=1", l->run->flow, l->run->run);
    }
    return e;
}

static errc load_package(void *arg, struct cancel *cancel, struct snap **ret, int64_t *ret_ttl_ms, struct err *err)
{
    struct load *l = arg;
    auto_cleanup(run_unrefp) const struct run *run = NULL;
    errc e = client_run(l->c, l->run, cancel, &run, err);
    if (e) {
        return e;
    }
    struct package_snap *ps = mem_zalloc(sizeof(*ps));
    snap_init(&ps->snap, sizeof(*ps), package_destroy);
    *ret_ttl_ms = model_ttl(l->c, run->settled);
    e = find_record(l, cancel, ps, ret_ttl_ms, err);
    if (e) {
        snap_unref(&ps->snap);
        return e;
    }
    const struct code_package *p = &ps->package;
    ps->snap.bytes += str_bytes(p->ds_type) + str_bytes(p->sha) + str_bytes(p->location) + str_bytes(p->metadata);
    *ret = &ps->snap;
    return ERR_OK;
}

errc client_code(struct client *c, const struct pathspec *run, struct cancel *cancel, const struct code_package **ret,
                 struct err *err)
{
    struct load l = {c, run};
    struct snap *s;
    errc e = model_check_ns(c, run, cancel, err);
    if (!e) {
        e = model_recent_get(c, MODEL_CODE, run, -1, load_package, &l, cancel, &s, err);
    }
    if (e) {
        return e;
    }
    struct package_snap *ps = (struct package_snap *)s;
    if (ps->why.code) {
        *err = ps->why;
        snap_unref(s);
        return err->code;
    }
    *ret = &ps->package;
    return ERR_OK;
}

errc client_code_size(struct client *c, const struct pathspec *run, const struct code_package *p,
                      struct cancel *cancel, uint64_t *ret, struct err *err)
{
    struct store_info info;
    auto_free char *path = mem_printf("%s/data/%.2s/%s", run->flow, p->sha, p->sha);
    store_located_add(c->store, run->flow, p->location);
    errc e = c->store->ops->info(c->store, path, 0, cancel, &info, err);
    if (e == ERR_NOT_FOUND) { // the metadata names it, so that it is the store that is not whole
        return err_set(err, ERR_CORRUPT, "the code package of run %s/%s is gone: there is no %s in %.200s", run->flow,
                       run->run, path, c->store->sysroot);
    }
    if (!e) {
        *ret = info.size;
        free(info.attributes);
    }
    return e;
}

errc code_get(struct client *c, const char *flow, const struct code_package *p, struct staged **ret, struct err *err)
{
    struct blob_source src = {
        .store = c->store, .staging = c->staging, .flow = flow, .sha = p->sha, .force_raw = true};
    store_located_add(c->store, flow, p->location);
    return blob_get(&src, ret, err);
}

errc code_get_whole(struct client *c, const char *flow, const struct code_package *p, struct cancel *cancel,
                    struct staged **ret, struct err *err)
{
    auto_cleanup(staged_unrefp) struct staged *staged = NULL;
    uint64_t avail;
    bool ended;
    errc e = code_get(c, flow, p, &staged, err);
    if (!e) {
        e = staged_wait(staged, UINT64_MAX, cancel, &avail, &ended, err);
    }
    if (!e) {
        *ret = steal_ptr(&staged);
    }
    return e;
}

errc client_code_open(struct client *c, const struct pathspec *run, const struct code_package *p,
                      struct cancel *cancel, struct content **ret, struct err *err)
{
    struct staged *staged;
    errc e = code_get_whole(c, run->flow, p, cancel, &staged, err);
    if (!e) {
        *ret = content_of(staged, 0, UINT64_MAX);
    }
    return e;
}
