#include "client/fault.h"

#include <stdlib.h>

#include "base/mem.h"
#include "client/fault_rules.h"

struct faulty_meta {
    struct meta meta;
    struct meta_ops ops; // without the optional calls that `inner` does not have
    struct fault *fault; // borrowed
    struct meta *inner;  // owned
};

struct faulty_store {
    struct store store;
    struct fault *fault; // borrowed
    struct store *inner; // owned
};

static errc meta_apply(struct meta *m, enum fault_what what, const struct pathspec *ps,
                       const char *name, struct cancel *cancel, struct meta **ret_inner,
                       struct err *err)
{
    struct faulty_meta *f = (struct faulty_meta *)m;
    auto_free char *path = pathspec_text(ps);
    auto_free char *longer = name ? mem_printf("%s/%s", path, name) : NULL;
    *ret_inner = f->inner;
    return fault_apply(f->fault, what, longer ? longer : path, cancel, err);
}

static errc faulty_get(struct meta *m, const struct pathspec *ps, struct cancel *cancel,
                       struct meta_object **ret, struct err *err)
{
    errc e = meta_apply(m, FAULT_GET, ps, NULL, cancel, &m, err);
    return e ? e : m->ops->get(m, ps, cancel, ret, err);
}

static errc faulty_list(struct meta *m, const struct pathspec *ps, struct cancel *cancel,
                        meta_list_fn fn, void *arg, struct err *err)
{
    errc e = meta_apply(m, FAULT_LIST, ps, NULL, cancel, &m, err);
    return e ? e : m->ops->list(m, ps, cancel, fn, arg, err);
}

static errc faulty_records(struct meta *m, const struct pathspec *task, struct cancel *cancel,
                           struct meta_records *ret, struct err *err)
{
    errc e = meta_apply(m, FAULT_RECORDS, task, NULL, cancel, &m, err);
    return e ? e : m->ops->records(m, task, cancel, ret, err);
}

static errc faulty_artifacts(struct meta *m, const struct pathspec *task, int attempt,
                             struct cancel *cancel, int *ret_attempt, struct meta_artifacts *ret,
                             struct err *err)
{
    errc e = meta_apply(m, FAULT_ARTIFACTS, task, NULL, cancel, &m, err);
    return e ? e : m->ops->artifacts(m, task, attempt, cancel, ret_attempt, ret, err);
}

static errc faulty_artifact(struct meta *m, const struct pathspec *task, int attempt,
                            const char *name, struct cancel *cancel, struct meta_artifacts *ret_one,
                            struct err *err)
{
    errc e = meta_apply(m, FAULT_ARTIFACTS, task, name, cancel, &m, err);
    return e ? e : m->ops->artifact(m, task, attempt, name, cancel, ret_one, err);
}

static errc faulty_mutate_tags(struct meta *m, const struct pathspec *run, const struct strv *add,
                               const struct strv *remove, struct cancel *cancel, struct err *err)
{
    errc e = meta_apply(m, FAULT_ANY, run, NULL, cancel, &m, err);
    return e ? e : m->ops->mutate_tags(m, run, add, remove, cancel, err);
}

static errc faulty_newest(struct meta *m, const char *flow, struct cancel *cancel, meta_list_fn fn,
                          void *arg, struct err *err)
{
    errc e = meta_apply(m, FAULT_LIST, &(struct pathspec){.flow = flow}, NULL, cancel, &m, err);
    return e ? e : m->ops->newest(m, flow, cancel, fn, arg, err);
}

static errc faulty_field(struct meta *m, const struct pathspec *task, const char *field,
                         struct cancel *cancel, struct meta_records *ret, struct err *err)
{
    errc e = meta_apply(m, FAULT_RECORDS, task, NULL, cancel, &m, err);
    return e ? e : m->ops->field(m, task, field, cancel, ret, err);
}

static errc faulty_stat(struct meta *m, const struct pathspec *ps, struct cancel *cancel,
                        struct meta_object **ret, struct err *err)
{
    errc e = meta_apply(m, FAULT_GET, ps, NULL, cancel, &m, err);
    return e ? e : m->ops->stat(m, ps, cancel, ret, err);
}

static errc faulty_select(struct meta *m, const char *flow, const struct meta_select *sel,
                          struct cancel *cancel, meta_list_fn fn, void *arg, struct err *err)
{
    errc e = meta_apply(m, FAULT_LIST, &(struct pathspec){.flow = flow}, NULL, cancel, &m, err);
    return e ? e : m->ops->select(m, flow, sel, cancel, fn, arg, err);
}

static void faulty_conclude(struct meta *m, const struct pathspec *ps, enum meta_state state, int64_t since_ms)
{
    struct meta *inner = ((struct faulty_meta *)m)->inner;
    inner->ops->conclude(inner, ps, state, since_ms);
}

static void faulty_forget(struct meta *m, const struct pathspec *ps, bool below)
{
    struct meta *inner = ((struct faulty_meta *)m)->inner;
    inner->ops->forget(inner, ps, below);
}

static void faulty_counters(struct meta *m, meta_counter_fn fn, void *arg)
{
    struct meta *inner = ((struct faulty_meta *)m)->inner;
    inner->ops->counters(inner, fn, arg);
}

static void faulty_describe(struct meta *m, struct buf *out)
{
    struct meta *inner = ((struct faulty_meta *)m)->inner;
    inner->ops->describe(inner, out);
}

static void faulty_stats(struct meta *m, struct meta_stats *ret)
{
    struct meta *inner = ((struct faulty_meta *)m)->inner;
    inner->ops->stats(inner, ret);
}

static void faulty_meta_free(struct meta *m)
{
    struct faulty_meta *f = (struct faulty_meta *)m;
    f->inner->ops->free(f->inner);
    free(f);
}

static const struct meta_ops faulty_meta_ops = {
    .get = faulty_get,
    .list = faulty_list,
    .records = faulty_records,
    .artifacts = faulty_artifacts,
    .artifact = faulty_artifact,
    .mutate_tags = faulty_mutate_tags,
    .free = faulty_meta_free,
};

struct meta *fault_meta(struct fault *f, struct meta *inner)
{
    struct faulty_meta *m = mem_zalloc(sizeof *m);
    *m = (struct faulty_meta){.ops = faulty_meta_ops, .fault = f, .inner = inner};
    m->meta.ops = &m->ops;
    m->meta.type = inner->type;
    m->ops.newest = inner->ops->newest ? faulty_newest : NULL;
    m->ops.field = inner->ops->field ? faulty_field : NULL;
    m->ops.stats = inner->ops->stats ? faulty_stats : NULL;
    m->ops.stat = inner->ops->stat ? faulty_stat : NULL;
    m->ops.select = inner->ops->select ? faulty_select : NULL;
    m->ops.conclude = inner->ops->conclude ? faulty_conclude : NULL;
    m->ops.forget = inner->ops->forget ? faulty_forget : NULL;
    m->ops.counters = inner->ops->counters ? faulty_counters : NULL;
    m->ops.describe = inner->ops->describe ? faulty_describe : NULL;
    return &m->meta;
}

struct meta *fault_meta_inner(struct meta *m)
{
    while (m->ops->free == faulty_meta_free)
        m = ((struct faulty_meta *)m)->inner;
    return m;
}

static errc store_apply(struct store *s, enum fault_what what, const char *path,
                        struct cancel *cancel, struct store **ret_inner, struct err *err)
{
    struct faulty_store *f = (struct faulty_store *)s;
    *ret_inner = f->inner;
    return fault_apply(f->fault, what, path, cancel, err);
}

static errc faulty_info(struct store *s, const char *path, unsigned flags,
                        struct cancel *cancel, struct store_info *ret, struct err *err)
{
    errc e = store_apply(s, FAULT_INFO, path, cancel, &s, err);
    return e ? e : s->ops->info(s, path, flags, cancel, ret, err);
}

static errc faulty_read(struct store *s, const char *path, uint64_t offset, struct cancel *cancel,
                        struct store_info *ret_info, store_bytes_fn fn, void *arg, struct err *err)
{
    errc e = store_apply(s, FAULT_READ, path, cancel, &s, err);
    return e ? e : s->ops->read(s, path, offset, cancel, ret_info, fn, arg, err);
}

static errc faulty_store_list(struct store *s, const char *dir, struct cancel *cancel,
                              store_list_fn fn, void *arg, struct err *err)
{
    errc e = store_apply(s, FAULT_LIST, dir, cancel, &s, err);
    return e ? e : s->ops->list(s, dir, cancel, fn, arg, err);
}

static void faulty_store_free(struct store *s)
{
    struct faulty_store *f = (struct faulty_store *)s;
    f->inner->ops->free(f->inner);
    free(f);
}

static const struct store_ops faulty_store_ops = {
    .info = faulty_info,
    .read = faulty_read,
    .list = faulty_store_list,
    .free = faulty_store_free,
};

struct store *fault_store(struct fault *f, struct store *inner)
{
    struct faulty_store *s = mem_zalloc(sizeof *s);
    *s = (struct faulty_store){
        .store = {.ops = &faulty_store_ops, .type = inner->type, .sysroot = inner->sysroot},
        .fault = f,
        .inner = inner,
    };
    return &s->store;
}
