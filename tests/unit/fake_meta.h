// A metadata source and a byte source in memory, for tests of what is above them.
#ifndef TESTS_UNIT_FAKE_META_H
#define TESTS_UNIT_FAKE_META_H

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "client/meta.h"
#include "client/store.h"

#define FAKE_TRUE "868436778cb011a1c6230bc12534683ab0b7f1c3"
#define FAKE_FALSE "2473d4676d5b2aba674167293142f8031ada401b"

struct fake_object {
    char path[100];
    int64_t created_ms, heartbeat_ms;
    const char *tag, *system_tag; // or NULL
    errc fail;                    // what asking for it gives
};
struct fake_record {
    char path[100];
    const char *field, *value;
    int attempt;
    int64_t created_ms;
};
struct fake_artifact {
    char path[100];
    const char *name, *sha;
    int attempt;
    int64_t created_ms;
};

struct fake_meta {
    struct meta meta;
    struct fake_object objects[300];
    size_t n_objects;
    struct fake_record records[300];
    size_t n_records;
    struct fake_artifact artifacts[300];
    size_t n_artifacts;
    atomic_int gets, lists, record_calls, artifact_calls;
    atomic_bool hold;    // calls wait for this to become false
    atomic_int waiting;
    struct strv added, removed; // what mutate_tags was asked
};

static inline struct fake_object *fake_object(struct fake_meta *f, const char *path, int64_t created_ms)
{
    struct fake_object *o = &f->objects[f->n_objects++];
    snprintf(o->path, sizeof(o->path), "%s", path);
    o->created_ms = created_ms;
    o->heartbeat_ms = -1;
    return o;
}

static inline void fake_record(struct fake_meta *f, const char *path, const char *field,
                               const char *value, int attempt, int64_t created_ms)
{
    struct fake_record *r = &f->records[f->n_records++];
    *r = (struct fake_record){.field = field, .value = value, .attempt = attempt, .created_ms = created_ms};
    snprintf(r->path, sizeof(r->path), "%s", path);
}

static inline void fake_artifact(struct fake_meta *f, const char *path, const char *name, const char *sha,
                                 int attempt, int64_t created_ms)
{
    struct fake_artifact *a = &f->artifacts[f->n_artifacts++];
    *a = (struct fake_artifact){.name = name, .sha = sha, .attempt = attempt, .created_ms = created_ms};
    snprintf(a->path, sizeof(a->path), "%s", path);
}

// One attempt of a task that came to its end, well or not.
static inline void fake_done(struct fake_meta *f, const char *path, int attempt, bool ok, int64_t ms)
{
    fake_record(f, path, "attempt", attempt ? "1" : "0", attempt, ms - 10);
    fake_record(f, path, "attempt_ok", ok ? "True" : "False", attempt, ms);
    fake_record(f, path, "attempt-done", attempt ? "1" : "0", attempt, ms);
    fake_artifact(f, path, "_task_ok", ok ? FAKE_TRUE : FAKE_FALSE, attempt, ms);
    fake_artifact(f, path, "_success", ok ? FAKE_TRUE : FAKE_FALSE, attempt, ms);
}

static inline errc fake_enter(struct fake_meta *f, atomic_int *counter, struct cancel *cancel, struct err *err)
{
    atomic_fetch_add(counter, 1);
    atomic_fetch_add(&f->waiting, 1);
    errc code = cancel_check(cancel, err);
    while (!code && atomic_load(&f->hold)) {
        usleep(1000);
        code = cancel_check(cancel, err);
    }
    atomic_fetch_sub(&f->waiting, 1);
    return code;
}

static inline struct fake_object *fake_find(struct fake_meta *f, const char *path)
{
    for (size_t i = 0; i < f->n_objects; i++) {
        if (strcmp(f->objects[i].path, path) == 0) {
            return &f->objects[i];
        }
    }
    return NULL;
}

static inline errc fake_get(struct meta *m, const struct pathspec *ps, struct cancel *cancel,
                            struct meta_object **ret, struct err *err)
{
    struct fake_meta *f = (struct fake_meta *)m;
    errc code = fake_enter(f, &f->gets, cancel, err);
    if (code) {
        return code;
    }
    auto_free char *path = pathspec_text(ps);
    struct fake_object *o = fake_find(f, path);
    if (!o || o->fail) {
        return err_set(err, o ? o->fail : ERR_NOT_FOUND, "%s cannot be had", path);
    }
    struct pathspec run_ps = pathspec_upto(ps, LEVEL_RUN);
    auto_free char *run_path = pathspec_text(&run_ps);
    struct fake_object *run = fake_find(f, run_path);
    struct meta_object *out = mem_zalloc(sizeof(*out));
    out->flow = mem_strdup(ps->flow);
    out->run = mem_strdup(ps->run);
    out->step = mem_strdup(ps->step);
    out->task = mem_strdup(ps->task);
    out->created_ms = o->created_ms;
    out->heartbeat_ms = o->heartbeat_ms;
    if (run && run->tag) {
        strv_add(&out->tags, run->tag);
    }
    if (run && run->system_tag) {
        strv_add(&out->system_tags, run->system_tag);
    }
    *ret = out;
    return ERR_OK;
}

static inline errc fake_list(struct meta *m, const struct pathspec *ps, struct cancel *cancel,
                             meta_list_fn fn, void *arg, struct err *err)
{
    struct fake_meta *f = (struct fake_meta *)m;
    errc code = fake_enter(f, &f->lists, cancel, err);
    if (code) {
        return code;
    }
    auto_free char *path = pathspec_text(ps);
    size_t len = strlen(path);
    bool any = len == 0 || fake_find(f, path);
    for (size_t i = 0; i < f->n_objects; i++) {
        const char *p = f->objects[i].path;
        if (len && (strncmp(p, path, len) != 0 || p[len] != '/')) {
            continue;
        }
        const char *id = p + (len ? len + 1 : 0);
        if (!strchr(id, '/') && !fn(arg, id, -1)) {
            return ERR_OK;
        }
    }
    return any ? ERR_OK : err_set(err, ERR_NOT_FOUND, "there is no %s", path);
}

static inline errc fake_records(struct meta *m, const struct pathspec *task, struct cancel *cancel,
                                struct meta_records *ret, struct err *err)
{
    struct fake_meta *f = (struct fake_meta *)m;
    errc code = fake_enter(f, &f->record_calls, cancel, err);
    if (code) {
        return code;
    }
    auto_free char *path = pathspec_text(task);
    struct meta_records out = {0};
    for (size_t i = 0; i < f->n_records; i++) {
        struct fake_record *r = &f->records[i];
        if (strcmp(r->path, path) == 0) {
            out.items = mem_grow(out.items, &out.cap, out.len + 1, sizeof(out.items[0]));
            out.items[out.len++] = (struct meta_record){.field = mem_strdup(r->field),
                                                        .type = mem_strdup(r->field),
                                                        .value = mem_strdup(r->value),
                                                        .is_json = r->value[0] == '[',
                                                        .created_ms = r->created_ms,
                                                        .attempt = r->attempt};
        }
    }
    *ret = out;
    return ERR_OK;
}

static inline int fake_done_attempt(struct fake_meta *f, const char *path)
{
    int done = -1;
    for (size_t i = 0; i < f->n_records; i++) {
        if (strcmp(f->records[i].path, path) == 0 && strcmp(f->records[i].field, "attempt-done") == 0) {
            done = atoi(f->records[i].value);
        }
    }
    return done;
}

static inline errc fake_artifacts_of(struct fake_meta *f, const struct pathspec *task, int attempt,
                                     const char *name, int *ret_attempt, struct meta_artifacts *ret)
{
    auto_free char *path = pathspec_text(task);
    struct meta_artifacts out = {0};
    attempt = attempt < 0 ? fake_done_attempt(f, path) : attempt;
    for (size_t i = 0; i < f->n_artifacts; i++) {
        struct fake_artifact *a = &f->artifacts[i];
        if (strcmp(a->path, path) == 0 && a->attempt == attempt && (!name || strcmp(name, a->name) == 0)) {
            out.items = mem_grow(out.items, &out.cap, out.len + 1, sizeof(out.items[0]));
            out.items[out.len++] = (struct meta_artifact){.name = mem_strdup(a->name),
                                                          .sha = mem_strdup(a->sha),
                                                          .content_type = mem_strdup("pickle-v4"),
                                                          .attempt = a->attempt,
                                                          .created_ms = a->created_ms};
        }
    }
    *ret_attempt = attempt;
    *ret = out;
    return ERR_OK;
}

static inline errc fake_artifacts(struct meta *m, const struct pathspec *task, int attempt,
                                  struct cancel *cancel, int *ret_attempt, struct meta_artifacts *ret,
                                  struct err *err)
{
    struct fake_meta *f = (struct fake_meta *)m;
    errc code = fake_enter(f, &f->artifact_calls, cancel, err);
    return code ? code : fake_artifacts_of(f, task, attempt, NULL, ret_attempt, ret);
}

static inline errc fake_one_artifact(struct meta *m, const struct pathspec *task, int attempt,
                                     const char *name, struct cancel *cancel,
                                     struct meta_artifacts *ret_one, struct err *err)
{
    struct fake_meta *f = (struct fake_meta *)m;
    errc code = fake_enter(f, &f->artifact_calls, cancel, err);
    int ignored;
    if (!code) {
        code = fake_artifacts_of(f, task, attempt, name, &ignored, ret_one);
    }
    if (!code && ret_one->len == 0) {
        return err_set(err, ERR_NOT_FOUND, "there is no artifact %s", name);
    }
    return code;
}

static inline errc fake_mutate_tags(struct meta *m, const struct pathspec *run, const struct strv *add,
                                    const struct strv *remove, struct cancel *cancel, struct err *err)
{
    (void)run;
    (void)cancel;
    (void)err;
    struct fake_meta *f = (struct fake_meta *)m;
    strv_copy(&f->added, add);
    strv_copy(&f->removed, remove);
    return ERR_OK;
}

static inline void fake_meta_free(struct meta *m)
{
    struct fake_meta *f = (struct fake_meta *)m;
    strv_free(&f->added);
    strv_free(&f->removed);
    free(f);
}

static inline struct fake_meta *fake_meta_new(void)
{
    static const struct meta_ops ops = {
        .get = fake_get,
        .list = fake_list,
        .records = fake_records,
        .artifacts = fake_artifacts,
        .artifact = fake_one_artifact,
        .mutate_tags = fake_mutate_tags,
        .free = fake_meta_free,
    };
    struct fake_meta *f = mem_zalloc(sizeof(*f));
    f->meta.ops = &ops;
    f->meta.type = "local";
    return f;
}

// --- bytes ------------------------------------------------------------------------------------------

struct fake_file {
    char path[200];
    const char *text;
};
struct fake_store {
    struct store store;
    struct fake_file files[50];
    size_t n_files;
    errc fail; // what reading anything gives
};

static inline void fake_file(struct fake_store *s, const char *path, const char *text)
{
    struct fake_file *file = &s->files[s->n_files++];
    snprintf(file->path, sizeof(file->path), "%s", path);
    file->text = text;
}

static inline errc fake_info(struct store *st, const char *path, unsigned flags, struct cancel *cancel,
                             struct store_info *ret, struct err *err)
{
    (void)flags;
    (void)cancel;
    struct fake_store *s = (struct fake_store *)st;
    for (size_t i = 0; i < s->n_files; i++) {
        if (strcmp(s->files[i].path, path) == 0) {
            *ret = (struct store_info){.size = strlen(s->files[i].text), .mtime_ms = 77000};
            return ERR_OK;
        }
    }
    return err_set(err, ERR_NOT_FOUND, "there is no %s", path);
}

static inline errc fake_read(struct store *st, const char *path, uint64_t offset, struct cancel *cancel,
                             struct store_info *ret_info, store_bytes_fn fn, void *arg, struct err *err)
{
    struct fake_store *s = (struct fake_store *)st;
    struct store_info info;
    if (s->fail) {
        return err_set(err, s->fail, "%s cannot be read", path);
    }
    errc code = fake_info(st, path, 0, cancel, &info, err);
    for (size_t i = 0; !code && i < s->n_files; i++) {
        if (strcmp(s->files[i].path, path) == 0) {
            if (ret_info) {
                *ret_info = info;
            }
            return fn(arg, s->files[i].text + offset, info.size - offset, err);
        }
    }
    return code;
}

static inline errc fake_store_list(struct store *st, const char *dir, struct cancel *cancel,
                                   store_list_fn fn, void *arg, struct err *err)
{
    (void)cancel;
    (void)err;
    struct fake_store *s = (struct fake_store *)st;
    size_t len = strlen(dir);
    for (size_t i = 0; i < s->n_files; i++) {
        const char *p = s->files[i].path;
        if (strncmp(p, dir, len) == 0 && p[len] == '/' && !strchr(p + len + 1, '/') &&
            !fn(arg, p + len + 1, false, (int64_t)strlen(s->files[i].text), 77000)) {
            break;
        }
    }
    return ERR_OK;
}

static inline void fake_store_free(struct store *s)
{
    free(s);
}

static inline struct fake_store *fake_store_new(void)
{
    static const struct store_ops ops = {fake_info, fake_read, fake_store_list, fake_store_free};
    struct fake_store *s = mem_zalloc(sizeof(*s));
    s->store = (struct store){&ops, "local", "/fake/.metaflow"};
    return s;
}

#endif
