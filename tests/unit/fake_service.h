// A metadata service in memory that counts what it is asked: stands in for client/service.c in the tests of
// what is above it. It defines every function of client/service.h that those use.
#ifndef TESTS_UNIT_FAKE_SERVICE_H
#define TESTS_UNIT_FAKE_SERVICE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "client/service.h"

#define FAKE_TRUE "868436778cb011a1c6230bc12534683ab0b7f1c3"

struct service {
    int n_runs;               // of flow F: ids 1..n, created 1000 * id after `epoch_ms`, newest first when paged
    int64_t epoch_ms;
    int64_t beat_ms;          // of every run, or -1
    const char *steps[4];     // of every run
    int n_tasks;              // of every step: ids 0..n-1
    int64_t ok_ms;            // when _task_ok of every task was recorded; -1: none is done
    int n_records;            // of every task
    bool pages, bulk;
    const char *tag;          // of every run
    errc fail;                // what everything gives, when set
    enum service_can traits[SERVICE_TRAITS];
    int objects, lists, artifacts, records, mutations; // asked
    int rows;                 // given
    struct service_query last;
};

static inline int fake_requests(const struct service *s)
{
    return s->objects + s->lists + s->artifacts + s->records;
}

static inline void fake_reset(struct service *s)
{
    s->objects = s->lists = s->artifacts = s->records = s->mutations = s->rows = 0;
}

static inline void fake_row_clear(struct service_row *row)
{
    struct meta_object o = row->object;
    free(o.flow), free(o.run), free(o.step), free(o.task), free(o.user);
    strv_free(&o.tags);
    strv_free(&o.system_tags);
    struct meta_artifact a = row->artifact;
    free(a.name), free(a.sha), free(a.content_type), free(a.ds_type), free(a.location);
    free(row->record.field), free(row->record.type), free(row->record.value);
    memset(row, 0, sizeof(*row));
}

static inline errc fake_give(struct service *s, struct service_row *row, service_row_fn fn, void *arg,
                             struct err *err)
{
    s->rows++;
    errc e = fn(arg, row, err);
    fake_row_clear(row);
    return e;
}

static inline void fake_object_row(const struct service *s, struct service_row *row, const char *run,
                                   const char *step, const char *task)
{
    memset(row, 0, sizeof(*row));
    struct meta_object *o = &row->object;
    o->flow = mem_strdup("F");
    o->run = mem_strdup(run);
    o->step = mem_strdup(step);
    o->task = mem_strdup(task);
    o->created_ms = s->epoch_ms + (run ? 1000 * (int64_t)atoi(run) : 0);
    o->heartbeat_ms = step && !task ? -1 : s->beat_ms;
    if (run && s->tag) {
        strv_add(&o->tags, s->tag);
    }
}

static inline bool fake_run_fits(const struct service *s, const struct service_query *q, int id)
{
    int64_t created = s->epoch_ms + 1000 * (int64_t)id;
    return (q->from_ms < 0 || created >= q->from_ms) && (q->to_ms < 0 || created < q->to_ms) &&
           (q->beat_from_ms < 0 || s->beat_ms >= q->beat_from_ms) &&
           (!q->tag || (s->tag && strcmp(s->tag, q->tag) == 0));
}

static inline errc fake_runs(struct service *s, const struct service_query *q, service_row_fn fn, void *arg,
                             struct service_page *ret, struct err *err)
{
    char id[24];
    errc e = ERR_OK;
    int limit = !s->pages ? s->n_runs : q->limit ? (int)q->limit : 500, given = 0;
    int at = s->pages && q->cursor ? atoi(q->cursor) : s->n_runs;
    for (; at > 0 && given < limit && !e; at--) {
        int run = s->pages ? at : s->n_runs + 1 - at; // a service without pages gives the oldest first
        if (!s->pages || fake_run_fits(s, q, run)) {
            struct service_row row;
            snprintf(id, sizeof(id), "%d", run);
            fake_object_row(s, &row, id, NULL, NULL);
            e = fake_give(s, &row, fn, arg, err);
            given++;
        }
    }
    while (at > 0 && !fake_run_fits(s, q, at)) {
        at--;
    }
    ret->next_cursor = s->pages && at > 0 ? mem_printf("%d", at) : NULL;
    return e;
}

static inline errc fake_children(struct service *s, const struct service_query *q, service_row_fn fn, void *arg,
                                 struct service_page *ret, struct err *err)
{
    struct service_row row;
    errc e = ERR_OK;
    char id[24];
    s->lists++;
    ret->paged = s->pages && pathspec_level(&q->at) != LEVEL_RUN;
    if (!q->at.flow) {
        fake_object_row(s, &row, NULL, NULL, NULL);
        return fake_give(s, &row, fn, arg, err);
    }
    if (!q->at.run) {
        return fake_runs(s, q, fn, arg, ret, err);
    }
    for (int i = 0; !q->at.step && i < 4 && s->steps[i] && !e; i++) {
        fake_object_row(s, &row, q->at.run, s->steps[i], NULL);
        e = fake_give(s, &row, fn, arg, err);
    }
    for (int i = 0; q->at.step && i < s->n_tasks && !e; i++) {
        snprintf(id, sizeof(id), "%d", i);
        fake_object_row(s, &row, q->at.run, q->at.step, id);
        e = fake_give(s, &row, fn, arg, err);
    }
    return e;
}

// Two artifacts or n_records records of one task.
static inline errc fake_task_data(struct service *s, const struct service_query *q, const char *step, int task,
                                  service_row_fn fn, void *arg, struct err *err)
{
    char id[24], name[24];
    bool artifacts = q->what == SERVICE_ARTIFACTS;
    int n = artifacts ? (s->ok_ms >= 0 ? 2 : 0) : s->n_records;
    errc e = ERR_OK;
    for (int i = 0; i < n && !e; i++) {
        struct service_row row = {.record_id = -1};
        snprintf(id, sizeof(id), "%d", task);
        snprintf(name, sizeof(name), "field%d", i);
        row.step = step;
        row.task = id;
        if (artifacts) {
            row.artifact = (struct meta_artifact){.name = mem_strdup(i ? "x" : "_task_ok"), .sha = mem_strdup(FAKE_TRUE),
                                                  .created_ms = s->ok_ms};
        } else {
            row.record_id = i;
            row.record = (struct meta_record){.field = mem_strdup(name), .value = mem_strdup("v"),
                                              .created_ms = s->epoch_ms, .attempt = 0};
        }
        e = fake_give(s, &row, fn, arg, err);
    }
    return e;
}

static inline errc fake_data(struct service *s, const struct service_query *q, service_row_fn fn, void *arg,
                             struct service_page *ret, struct err *err)
{
    bool artifacts = q->what == SERVICE_ARTIFACTS, whole = !q->at.task;
    *(artifacts ? &s->artifacts : &s->records) += 1;
    ret->paged = s->pages;
    if (!whole) {
        return fake_task_data(s, q, q->at.step, atoi(q->at.task), fn, arg, err);
    }
    enum service_trait trait = artifacts ? SERVICE_RUN_ARTIFACTS : SERVICE_RUN_RECORDS;
    s->traits[trait] = s->bulk ? SERVICE_CAN : SERVICE_CANNOT;
    if (!s->bulk) {
        return err_set(err, ERR_NO_FORM, "no such route");
    }
    // Pages of 500 rows, counted in tasks.
    int per_task = artifacts ? 2 : s->n_records, n_steps = 0;
    while (n_steps < 4 && s->steps[n_steps]) {
        n_steps++;
    }
    int n = n_steps * s->n_tasks, per_page = s->pages ? 500 / per_task : n, at = q->cursor ? atoi(q->cursor) : 0;
    errc e = ERR_OK;
    for (int end = at + per_page; at < n && at < end && !e; at++) {
        e = fake_task_data(s, q, s->steps[at / s->n_tasks], at % s->n_tasks, fn, arg, err);
    }
    ret->next_cursor = at < n ? mem_printf("%d", at) : NULL;
    return e;
}

errc service_get(struct service *s, const struct service_query *q, enum http_priority priority,
                 struct cancel *cancel, service_row_fn fn, void *arg, struct service_page *ret, struct err *err)
{
    (void)priority;
    (void)cancel;
    struct service_row row;
    s->last = *q;
    if (s->fail) {
        s->objects++;
        return err_set(err, s->fail, "the service fails");
    }
    bool filters = q->from_ms >= 0 || q->to_ms >= 0 || q->beat_from_ms >= 0 || q->status || q->tag || q->cursor;
    if (filters && !s->pages) {
        s->lists++;
        s->traits[SERVICE_PAGES] = SERVICE_CANNOT;
        return err_set(err, ERR_NO_FORM, "no filters");
    }
    if (q->what != SERVICE_OBJECT && pathspec_level(&q->at) != LEVEL_RUN) {
        s->traits[SERVICE_PAGES] = s->pages ? SERVICE_CAN : SERVICE_CANNOT;
    }
    switch (q->what) {
    case SERVICE_OBJECT:
        s->objects++;
        if (q->at.run && atoi(q->at.run) > s->n_runs) {
            return err_set(err, ERR_NOT_FOUND, "no such run");
        }
        fake_object_row(s, &row, q->at.run, q->at.step, q->at.task);
        return fake_give(s, &row, fn, arg, err);
    case SERVICE_CHILDREN:
        return fake_children(s, q, fn, arg, ret, err);
    default:
        return fake_data(s, q, fn, arg, ret, err);
    }
}

void service_page_free(struct service_page *p)
{
    free(p->next_cursor);
    *p = (struct service_page){0};
}

errc service_mutate_tags(struct service *s, const struct pathspec *run, const struct strv *add,
                         const struct strv *remove, struct cancel *cancel, struct strv *ret_tags, struct err *err)
{
    (void)run, (void)cancel, (void)ret_tags, (void)err, (void)remove;
    s->mutations++;
    s->tag = add->len ? "added" : NULL;
    return ERR_OK;
}

enum service_can service_can(struct service *s, enum service_trait t)
{
    return s->traits[t];
}

char *service_traits_text(struct service *s)
{
    return mem_printf("paging=%d", s->traits[SERVICE_PAGES]);
}

void service_traits_restore(struct service *s, const char *text)
{
    sscanf(text, "paging=%u", &s->traits[SERVICE_PAGES]);
}

void service_stats(struct service *s, struct service_stats *ret)
{
    *ret = (struct service_stats){.requests = (uint64_t)fake_requests(s), .open = s->fail != ERR_OK, .open_since_ms = -1};
}

const char *service_url(const struct service *s)
{
    (void)s;
    return "http://fake";
}

void service_free(struct service *s)
{
    (void)s; // the test's own
}

#endif
