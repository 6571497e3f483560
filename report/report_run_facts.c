#include "report/report_run_facts.h"

#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "report/html.h"
#include "report/report_run_tasks.h"

// A run whose state nobody knows (local metadata has no heartbeats) may be running when it gave a sign this lately.
#define MAYBE_ALIVE_MS (3600 * 1000)

struct reader {
    struct client *c;
    const struct pathspec *run;
    struct cancel *cancel;
    struct run_facts *f;
};

bool report_is_over(struct cancel *cancel, errc code)
{
    struct err why = ERR_INIT;
    return code == ERR_INTERRUPTED || (code && cancel_check(cancel, &why));
}

// --- the run ----------------------------------------------------------------------------------------------

static void add_tags(const struct json *tags, struct strv *to)
{
    for (size_t i = 0; i < json_len(tags); i++)
        if (json_str(json_at(tags, i)))
            strv_add(to, json_str(json_at(tags, i)));
    strv_sort(to);
}

// Tags, origin and code as the run's .meta tells them.
static errc read_meta(struct reader *r, struct err *err)
{
    auto_cleanup(buf_free) struct buf text = {0};
    auto_cleanup(json_freep) struct json *json = NULL;
    struct run_facts *f = r->f;
    errc code = client_meta_json(r->c, r->run, -1, r->cancel, &text, err);
    if (!code)
        code = json_parse(text.data, text.len, ".meta", &json, err);
    if (code)
        return code;
    add_tags(json_get(json, "user_tags"), &f->tags);
    add_tags(json_get(json, "system_tags"), &f->system_tags);
    f->user = mem_strdup(json_str(json_get(json, "user")));
    f->origin = mem_strdup(json_str(json_get(json, "origin_pathspec")));
    f->has_code = json_kind(json_get(json, "code")) == JSON_OBJECT;
    return ERR_OK;
}

static errc read_graph(struct reader *r, struct err *err)
{
    struct err one = ERR_INIT;
    errc code = client_graph(r->c, r->run, r->cancel, &r->f->graph, &one);
    if (report_is_over(r->cancel, code)) {
        *err = one;
        return code;
    }
    if (!code && (r->f->graph->len == 0 || r->f->graph->len > FACTS_MAX_STEPS)) {
        r->f->graph_trouble = mem_printf("it has %zu steps; 1 to %d can be drawn", r->f->graph->len, FACTS_MAX_STEPS);
        graph_unref(r->f->graph);
        r->f->graph = NULL;
    } else if (code) {
        r->f->graph_trouble = mem_strdup(one.cause);
    }
    return ERR_OK;
}

// --- tasks ------------------------------------------------------------------------------------------------

static void take_sign(struct run_facts *f, int64_t ms)
{
    if (ms > f->last_ms)
        f->last_ms = ms;
}

static void count_task(struct run_facts *f, struct step_facts *s, const struct task_brief *b)
{
    int64_t start = b->attempts[0].start_ms, end = b->attempts[b->len - 1].end_ms;
    s->by_status[b->status]++;
    f->by_status[b->status]++;
    f->n_tasks++;
    if (s->start_ms < 0 || start < s->start_ms)
        s->start_ms = start;
    if (end > s->end_ms)
        s->end_ms = end;
    take_sign(f, b->attempts[b->len - 1].start_ms);
    take_sign(f, end);
    take_sign(f, b->heartbeat_ms);
}

static errc read_tasks(struct reader *r, struct step_facts *s, struct err *err)
{
    struct run_facts *f = r->f;
    size_t left_out = 0;
    errc code = run_tasks_read(r->c, r->run, s, FACTS_MAX_TASKS - f->n_tasks, &left_out, r->cancel, err);
    f->n_left_out += left_out;
    for (size_t i = 0; !code && i < s->len; i++)
        count_task(f, s, &s->tasks[i].brief);
    return code;
}

// --- steps ------------------------------------------------------------------------------------------------

static struct step_facts *add_step(struct run_facts *f, const char *name)
{
    f->steps = mem_grow(f->steps, &f->cap, f->len + 1, sizeof f->steps[0]);
    struct step_facts *s = &f->steps[f->len++];
    *s = (struct step_facts){.name = mem_strdup(name), .start_ms = -1, .end_ms = -1};
    s->node = f->graph ? graph_find(f->graph, name) : NULL;
    return s;
}

static bool see_step(void *arg, const char *id, int64_t created_ms)
{
    (void)created_ms;
    struct run_facts *f = arg;
    if (f->len >= FACTS_MAX_STEPS)
        return false;
    add_step(f, id);
    return true;
}

// The place of a step in its graph, for those that started at once or not at all.
static size_t place_of(const struct step_facts *s, const struct graph *graph)
{
    return s->node ? (size_t)(s->node - graph->steps) : SIZE_MAX;
}

// In a resumed run the first tasks are copies of an earlier run's: they begin when they are copied, in any order.
static int by_first_start(const void *a, const void *b, void *facts)
{
    const struct run_facts *f = facts;
    const struct step_facts *sa = a, *sb = b;
    size_t pa = place_of(sa, f->graph), pb = place_of(sb, f->graph);
    if (f->origin && pa != pb)
        return (pa > pb) - (pa < pb);
    if ((sa->start_ms < 0) != (sb->start_ms < 0))
        return sa->start_ms < 0 ? 1 : -1;
    if (sa->start_ms != sb->start_ms)
        return (sa->start_ms > sb->start_ms) - (sa->start_ms < sb->start_ms);
    return pa != pb ? (pa > pb) - (pa < pb) : strcmp(sa->name, sb->name);
}

static void find_slowest(const struct run_facts *f, struct step_facts *s)
{
    int64_t longest = -1;
    for (size_t i = 0; i < s->len; i++) {
        const struct task_facts *t = &s->tasks[i];
        int64_t ms = task_duration_ms(f, t);
        if (t->brief.attempts[t->brief.len - 1].end_ms >= 0 && ms > longest) {
            longest = ms;
            s->slowest = t;
        }
    }
}

static errc read_steps(struct reader *r, struct err *err)
{
    struct run_facts *f = r->f;
    struct err one = ERR_INIT;
    errc code = client_list(r->c, r->run, r->cancel, see_step, f, &one);
    if (report_is_over(r->cancel, code)) {
        *err = one;
        return code;
    }
    if (code)
        strv_take(&f->troubles, mem_printf("The steps cannot be listed: %s", one.cause));
    size_t started = f->len;
    for (size_t i = 0; f->graph && i < f->graph->len; i++)
        if (!run_facts_step(f, f->graph->steps[i].name))
            add_step(f, f->graph->steps[i].name);
    for (size_t i = 0; i < started; i++) {
        code = read_tasks(r, &f->steps[i], err);
        if (code)
            return code;
    }
    for (size_t i = 0; i < f->len; i++)
        find_slowest(f, &f->steps[i]);
    if (f->len)
        qsort_r(f->steps, f->len, sizeof f->steps[0], by_first_start, f);
    return ERR_OK;
}

errc run_facts_read(struct client *c, const struct pathspec *run, struct cancel *cancel, struct run_facts *ret,
                    struct err *err)
{
    struct run_facts f = {.now_ms = clock_wall_ms(), .last_ms = -1};
    struct reader r = {.c = c, .run = run, .cancel = cancel, .f = &f};
    struct err one = ERR_INIT;
    errc code = client_run(c, run, cancel, &f.run, err);
    if (code)
        return code;
    f.start_ms = f.run->object->created_ms < 0 ? 0 : sane_ms(f.run->object->created_ms);
    take_sign(&f, f.start_ms);
    take_sign(&f, sane_ms(f.run->object->heartbeat_ms));
    code = read_meta(&r, &one);
    if (report_is_over(cancel, code))
        *err = one;
    else if (code)
        strv_take(&f.troubles, mem_printf("Tags, origin and code cannot be read: %s", one.cause));
    if (!report_is_over(cancel, code))
        code = read_graph(&r, err);
    if (!code)
        code = read_steps(&r, err);
    if (code) {
        run_facts_free(&f);
        return code;
    }
    *ret = f;
    return ERR_OK;
}

void run_facts_free(struct run_facts *f)
{
    for (size_t i = 0; i < f->len; i++) {
        struct step_facts *s = &f->steps[i];
        for (size_t j = 0; j < s->len; j++)
            free(s->tasks[j].id);
        free(s->tasks);
        free(s->name);
        free(s->trouble);
    }
    free(f->steps);
    strv_free(&f->tags);
    strv_free(&f->system_tags);
    strv_free(&f->troubles);
    free(f->user);
    free(f->origin);
    free(f->graph_trouble);
    graph_unref(f->graph);
    run_unref(f->run);
    *f = (struct run_facts){0};
}

// --- questions --------------------------------------------------------------------------------------------

const struct step_facts *run_facts_step(const struct run_facts *f, const char *name)
{
    for (size_t i = 0; i < f->len; i++)
        if (strcmp(f->steps[i].name, name) == 0)
            return &f->steps[i];
    return NULL;
}

const char *step_state(const struct step_facts *s)
{
    static const enum status order[] = {STATUS_FAILED, STATUS_STALE, STATUS_RUNNING, STATUS_UNKNOWN, STATUS_DONE};
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++)
        if (s->by_status[order[i]])
            return status_name(order[i]);
    return NULL;
}

int64_t attempt_end_ms(const struct run_facts *f, const struct task_facts *t, const struct attempt_brief *a)
{
    int64_t end = a->end_ms;
    bool is_latest = a == &t->brief.attempts[t->brief.len - 1];
    if (end < 0 && is_latest && t->brief.status == STATUS_RUNNING)
        end = f->now_ms;
    else if (end < 0 && is_latest && t->brief.status == STATUS_UNKNOWN)
        end = f->now_ms - f->last_ms < MAYBE_ALIVE_MS ? f->now_ms : f->last_ms;
    else if (end < 0)
        end = t->brief.heartbeat_ms;
    return end > a->start_ms ? end : a->start_ms;
}

int64_t task_duration_ms(const struct run_facts *f, const struct task_facts *t)
{
    return attempt_end_ms(f, t, &t->brief.attempts[t->brief.len - 1]) - t->brief.attempts[0].start_ms;
}

int64_t run_facts_begin_ms(const struct run_facts *f)
{
    int64_t begin = -1;
    for (size_t i = 0; i < f->len; i++)
        if (f->steps[i].start_ms >= 0 && (begin < 0 || f->steps[i].start_ms < begin))
            begin = f->steps[i].start_ms;
    return begin < 0 ? f->start_ms : begin;
}

int64_t run_facts_end_ms(const struct run_facts *f)
{
    int64_t latest = run_facts_begin_ms(f);
    for (size_t i = 0; i < f->len; i++)
        for (size_t k = 0; k < f->steps[i].len; k++) {
            const struct task_facts *t = &f->steps[i].tasks[k];
            int64_t end = attempt_end_ms(f, t, &t->brief.attempts[t->brief.len - 1]);
            latest = end > latest ? end : latest;
        }
    return latest;
}

bool step_link(struct buf *b, const struct step_facts *s)
{
    if (s->len == 0)
        return false;
    buf_puts(b, "<a href=\"");
    html_name(b, s->name);
    buf_puts(b, "/");
    if (s->len == 1) {
        html_name(b, s->tasks[0].id);
        buf_puts(b, "/.report.html");
    }
    buf_puts(b, "\">");
    return true;
}
