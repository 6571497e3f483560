#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/xml_text.h"
#include "report/report_graph.h"
#include "report/report_timeline.h"
#include "report/report_timeline_scale.h"

#define HOSTILE "</text><script>alert(1)</script>&\"'\x01\xff\xed\xa0\x80\xef\xbf\xbe"
#define BEGIN 1795373817000

static const struct pathspec run = {.flow = "F<low>", .run = "1&2"};

// --- facts by hand ----------------------------------------------------------------------------------------

static struct step_facts *add_step(struct run_facts *f, const char *name)
{
    f->steps = mem_grow(f->steps, &f->cap, f->len + 1, sizeof f->steps[0]);
    struct step_facts *s = &f->steps[f->len++];
    *s = (struct step_facts){.name = mem_strdup(name), .start_ms = -1, .end_ms = -1};
    return s;
}

static void add_task(struct run_facts *f, struct step_facts *s, const char *id, enum status status, int64_t start,
                     int64_t end)
{
    s->tasks = mem_grow(s->tasks, &s->cap, s->len + 1, sizeof s->tasks[0]);
    struct task_facts *t = &s->tasks[s->len++];
    *t = (struct task_facts){.id = mem_strdup(id)};
    t->brief = (struct task_brief){.status = status, .created_ms = start, .heartbeat_ms = -1, .len = 1};
    t->brief.attempts[0] = (struct attempt_brief){0, status, start, end};
    s->by_status[status]++;
    f->by_status[status]++;
    f->n_tasks++;
    s->start_ms = s->start_ms < 0 || start < s->start_ms ? start : s->start_ms;
    s->end_ms = end > s->end_ms ? end : s->end_ms;
    f->last_ms = end > f->last_ms ? end : start > f->last_ms ? start : f->last_ms;
}

static struct graph_step *add_node(struct graph *g, const char *name, const char *type, const char *next)
{
    struct graph_step *n = &g->steps[g->len++];
    n->name = mem_strdup(name);
    n->type = mem_strdup(type);
    if (next)
        strv_add(&n->next, next);
    return n;
}

static void free_facts(struct run_facts *f, struct graph *g)
{
    for (size_t i = 0; i < g->len; i++) {
        free(g->steps[i].name);
        free(g->steps[i].type);
        free(g->steps[i].foreach_artifact);
        free(g->steps[i].condition);
        strv_free(&g->steps[i].next);
        strv_free(&g->steps[i].cases);
        strv_free(&g->steps[i].case_steps);
    }
    free(g->steps);
    f->graph = NULL;
    run_facts_free(f);
}

static void know_graph(struct run_facts *f, const struct graph *g)
{
    f->graph = g;
    for (size_t i = 0; i < f->len; i++)
        f->steps[i].node = graph_find(g, f->steps[i].name);
}

static char *draw(void (*fn)(const struct run_facts *, const struct pathspec *, bool, struct buf *),
                  const struct run_facts *f)
{
    struct buf b = {0};
    fn(f, &run, true, &b);
    assert_false(b.over);
    struct err err = ERR_INIT;
    auto_free char *title = NULL;
    if (xml_text(b.data, b.len, "title", &title, &err)) // read to its end: well-formed
        fail_msg("%s\n%s", err.cause, b.data);
    assert_null(strstr(b.data, "<script"));
    return buf_steal(&b);
}

static size_t count(const char *text, const char *what)
{
    size_t n = 0;
    for (; (text = strstr(text, what)); text++)
        n++;
    return n;
}

// --- tests ------------------------------------------------------------------------------------------------

static void hostile_names_are_text(void **state)
{
    (void)state;
    struct run_facts f = {.start_ms = BEGIN, .last_ms = BEGIN, .now_ms = BEGIN + 1000};
    struct graph g = {.steps = mem_zalloc(3 * sizeof g.steps[0])};
    struct graph_step *n = add_node(&g, HOSTILE, "split-switch", "b");
    n->condition = mem_strdup(HOSTILE);
    strv_add(&n->cases, HOSTILE);
    strv_add(&n->case_steps, "b");
    strv_add(&n->next, HOSTILE);
    n = add_node(&g, "b", "split-foreach", "nowhere");
    n->foreach_artifact = mem_strdup(HOSTILE);
    add_node(&g, "", "", NULL);
    add_task(&f, add_step(&f, HOSTILE), HOSTILE, STATUS_DONE, BEGIN, BEGIN + 500);
    add_task(&f, add_step(&f, "b"), "../..", STATUS_FAILED, BEGIN + 500, -1);
    add_step(&f, "");
    know_graph(&f, &g);
    auto_free char *graph = draw(report_graph_draw, &f);
    auto_free char *timeline = draw(report_timeline_draw, &f);
    assert_non_null(strstr(graph, "&lt;script&gt;alert(1)&lt;/script&gt;&amp;&quot;&#39;"));
    assert_int_equal(count(graph, "class=\"edge"), 2); // and not the one that leads nowhere
    assert_int_equal(count(graph, "<g class=\"step"), 3);
    assert_non_null(strstr(timeline, "href=\"b/%252E.%252F../.report.html\""));
    free_facts(&f, &g);
}

static void nothing_is_drawn_as_nothing(void **state)
{
    (void)state;
    struct run_facts f = {.start_ms = BEGIN, .last_ms = BEGIN, .now_ms = BEGIN};
    struct graph g = {0};
    auto_free char *graph = draw(report_graph_draw, &f);
    auto_free char *timeline = draw(report_timeline_draw, &f);
    assert_non_null(strstr(graph, "No step has started"));
    assert_non_null(strstr(timeline, "No task has started"));
    free_facts(&f, &g);
}

static void times_at_the_edges_stay_in_the_picture(void **state)
{
    (void)state;
    const int64_t last = 253402300799999;
    static const enum status states[] = {STATUS_DONE, STATUS_FAILED, STATUS_RUNNING, STATUS_STALE, STATUS_UNKNOWN};
    for (size_t n = 1; n <= 4000; n = n * 7 + 3) { // rows, lanes, density
        struct run_facts f = {.start_ms = 0, .last_ms = -1, .now_ms = last};
        struct graph g = {0};
        struct step_facts *s = add_step(&f, "work");
        for (size_t i = 0; i < n; i++) {
            auto_free char *id = mem_printf("%zu", i);
            int64_t start = i % 3 ? (int64_t)i : i % 2 ? last : 0, end = i % 4 == 0 ? -1 : i % 4 == 1 ? 0 : last;
            add_task(&f, s, id, states[i % 5], start, end);
        }
        auto_free char *timeline = draw(report_timeline_draw, &f);
        assert_true(count(timeline, "<rect") + count(timeline, "<title") + count(timeline, "<path") < 1900);
        assert_null(strstr(timeline, "nan"));
        assert_null(strstr(timeline, "inf"));
        assert_null(strstr(timeline, "\"-"));
        free_facts(&f, &g);
    }
}

// Every task is a bar within the bound, and none is lost where they are packed.
static void tasks_are_packed_into_lanes(void **state)
{
    (void)state;
    struct run_facts f = {.start_ms = BEGIN, .last_ms = -1, .now_ms = BEGIN};
    struct graph g = {0};
    struct step_facts *s = add_step(&f, "work");
    for (size_t i = 0; i < 300; i++) {
        auto_free char *id = mem_printf("%zu", i);
        add_task(&f, s, id, STATUS_DONE, BEGIN + (int64_t)i * 100, BEGIN + (int64_t)i * 100 + 1000);
    }
    auto_free char *lanes = draw(report_timeline_draw, &f);
    assert_int_equal(count(lanes, "<title>work/"), 300);
    for (size_t i = 300; i < 700; i++) {
        auto_free char *id = mem_printf("%zu", i);
        add_task(&f, s, id, STATUS_DONE, BEGIN + (int64_t)i * 100, BEGIN + (int64_t)i * 100 + 1000);
    }
    auto_free char *density = draw(report_timeline_draw, &f);
    assert_int_equal(count(density, "<title>work/"), 0);
    assert_non_null(strstr(density, "work: 700 tasks, at most 10 at once"));
    free_facts(&f, &g);
}

static void a_step_tells_its_worst_state(void **state)
{
    (void)state;
    struct step_facts s = {.by_status = {0}};
    assert_null(step_state(&s));
    static const enum status order[] = {STATUS_DONE, STATUS_UNKNOWN, STATUS_RUNNING, STATUS_STALE, STATUS_FAILED};
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        s.by_status[order[i]] = 1;
        assert_string_equal(step_state(&s), status_name(order[i]));
    }
}

static void the_axis_has_round_marks(void **state)
{
    (void)state;
    static const struct { int64_t span, step; const char *mark; } cases[] = {
        {1, 1, "1 ms"}, {999, 100, "100 ms"}, {2500, 500, "500 ms"}, {15001, 2000, "2 s"}, {70000, 10000, "10 s"},
        {900000, 120000, "2 min"}, {7200000, 900000, "15 min"}, {100 * 3600000LL, 43200000, "12 h"},
        {400 * 86400000LL, 41 * 86400000LL, "41 d"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct time_scale t = {BEGIN, BEGIN + cases[i].span, 0, 100};
        int64_t step = time_scale_step(&t);
        struct buf b = {0};
        time_scale_mark(&b, step);
        auto_free char *mark = buf_steal(&b);
        assert_int_equal(step, cases[i].step);
        assert_string_equal(mark, cases[i].mark);
        assert_true(cases[i].span / step <= 10);
    }
    static const struct { int64_t ms; const char *mark; } marks[] = {
        {0, "0"}, {1500, "1.5 s"}, {90000, "1 min 30 s"}, {5400000, "1 h 30 min"}, {129600000, "1 d 12 h"}};
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        struct buf b = {0};
        time_scale_mark(&b, marks[i].ms);
        auto_free char *mark = buf_steal(&b);
        assert_string_equal(mark, marks[i].mark);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hostile_names_are_text),
        cmocka_unit_test(nothing_is_drawn_as_nothing),
        cmocka_unit_test(times_at_the_edges_stay_in_the_picture),
        cmocka_unit_test(tasks_are_packed_into_lanes),
        cmocka_unit_test(a_step_tells_its_worst_state),
        cmocka_unit_test(the_axis_has_round_marks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
