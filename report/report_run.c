// The page of a run: what it is, its graph and steps, its tasks over time, what failed, and its parameters.
#include "report/report.h"

#include <string.h>

#include "base/mem.h"
#include "report/html.h"
#include "report/report_graph.h"
#include "report/report_run_i.h"
#include "report/report_timeline.h"

void page_trouble(struct buf *b, const char *what, const char *why)
{
    buf_puts(b, "<p class=\"trouble\">");
    html_text(b, what);
    buf_puts(b, ": ");
    html_text(b, why);
    buf_puts(b, "</p>\n");
}

void page_task_link(struct buf *b, const char *step, const char *task)
{
    buf_puts(b, "<a href=\"");
    html_name(b, step);
    buf_puts(b, "/");
    html_name(b, task);
    buf_puts(b, "/.report.html\">");
    html_text(b, step);
    buf_puts(b, "/");
    html_text(b, task);
    buf_puts(b, "</a>");
}

static void put_tags(struct buf *b, const struct strv *tags, const char *name, const char *css)
{
    if (tags->len == 0)
        return;
    buf_printf(b, "<dt>%s</dt><dd><ul class=\"tags\">", name);
    for (size_t i = 0; i < tags->len; i++) {
        buf_printf(b, "<li%s>", css);
        html_text(b, tags->items[i]);
        buf_puts(b, "</li>");
    }
    buf_puts(b, "</ul></dd>\n");
}

static void put_fact(struct buf *b, const char *name, const char *value)
{
    if (!value)
        return;
    buf_printf(b, "<dt>%s</dt><dd>", name);
    html_text(b, value);
    buf_puts(b, "</dd>\n");
}

static void put_times(const struct page *p)
{
    const struct run *run = p->f->run;
    buf_puts(p->out, "<dt>Created</dt><dd>");
    html_time(p->out, p->f->start_ms);
    if (run->finished_ms >= 0) {
        buf_puts(p->out, "</dd>\n<dt>Finished</dt><dd>");
        html_time(p->out, run->finished_ms);
    }
    const char *name = run->finished_ms >= 0 ? "Duration" : run->status == STATUS_RUNNING ? "Running for" : "Lasted";
    int64_t begin = run_facts_begin_ms(p->f);
    begin = p->f->start_ms < begin ? p->f->start_ms : begin;
    buf_printf(p->out, "</dd>\n<dt>%s</dt><dd>", name);
    html_duration(p->out, (run->finished_ms >= 0 ? run->finished_ms : run_facts_end_ms(p->f)) - begin);
    if (run->finished_ms < 0) {
        buf_puts(p->out, "; last sign of it ");
        html_time(p->out, p->f->last_ms);
    }
    buf_puts(p->out, "</dd>\n");
}

// Resumed: a link to the origin's page, a run of the same flow.
static void put_origin(const struct page *p)
{
    const char *origin = p->f->origin;
    if (!origin)
        return;
    size_t flow = strlen(p->run->flow);
    bool same_flow = strncmp(origin, p->run->flow, flow) == 0 && origin[flow] == '/';
    buf_puts(p->out, "<dt>Resumed from</dt><dd>");
    if (same_flow) {
        buf_puts(p->out, "<a href=\"../");
        html_name(p->out, origin + flow + 1);
        buf_puts(p->out, "/.report.html\">");
    }
    html_text(p->out, origin);
    buf_puts(p->out, same_flow ? "</a></dd>\n" : "</dd>\n");
}

static void put_links(const struct page *p)
{
    buf_puts(p->out, "<dt>Files</dt><dd>");
    if (p->f->run->end_task)
        buf_puts(p->out, "<a href=\".end/\">end task</a> · ");
    if (p->f->has_code)
        buf_puts(p->out, "<a href=\".code/\">code</a> · ");
    buf_puts(p->out, "<a href=\".parameters/\">parameters</a> · <a href=\".meta\">metadata</a> · "
                     "<a href=\".graph.svg\">graph</a> · <a href=\".timeline.svg\">timeline</a></dd>\n");
}

static void put_tasks_fact(const struct page *p)
{
    size_t started = 0;
    for (size_t i = 0; i < p->f->len; i++)
        started += p->f->steps[i].len > 0;
    buf_printf(p->out, "<dt>Tasks</dt><dd>%zu in %zu of %zu steps", p->f->n_tasks, started, p->f->len);
    static const enum status told[] = {STATUS_FAILED, STATUS_STALE, STATUS_RUNNING, STATUS_UNKNOWN};
    for (size_t i = 0; i < sizeof told / sizeof told[0]; i++) {
        bool is_failure = told[i] == STATUS_FAILED || told[i] == STATUS_STALE;
        if (p->f->by_status[told[i]])
            buf_printf(p->out, ", %s%zu %s%s", is_failure ? "<a href=\"#failures\">" : "", p->f->by_status[told[i]],
                       status_name(told[i]), is_failure ? "</a>" : "");
    }
    if (p->f->n_left_out)
        buf_printf(p->out, "; %zu more are not looked at", p->f->n_left_out);
    buf_puts(p->out, "</dd>\n");
}

static void put_head(const struct page *p)
{
    buf_puts(p->out, "<header><p class=\"path\"><a href=\"../\">");
    html_text(p->out, p->run->flow);
    buf_puts(p->out, "</a> / run</p>\n<h1>");
    html_text(p->out, p->run->run);
    buf_puts(p->out, " ");
    html_status(p->out, status_name(p->f->run->status));
    buf_puts(p->out, "</h1>\n");
    if (p->f->run->status == STATUS_UNKNOWN)
        buf_puts(p->out, "<p class=\"note\">It has not ended, and no heartbeat tells whether it still runs (local "
                         "metadata has none).</p>\n");
    buf_puts(p->out, "<dl class=\"facts\">\n");
    put_times(p);
    put_tasks_fact(p);
    put_fact(p->out, "User", p->f->user);
    put_origin(p);
    put_tags(p->out, &p->f->tags, "Tags", "");
    put_tags(p->out, &p->f->system_tags, "System tags", " class=\"system\"");
    put_links(p);
    buf_puts(p->out, "</dl></header>\n");
    for (size_t i = 0; i < p->f->troubles.len; i++)
        page_trouble(p->out, "Not read", p->f->troubles.items[i]);
}

static void put_body(const struct page *p)
{
    buf_puts(p->out, "<section id=\"steps\"><h2>Steps</h2>\n");
    if (p->f->graph_trouble)
        page_trouble(p->out, "The graph is not known", p->f->graph_trouble);
    buf_puts(p->out, "<div class=\"beside\"><div class=\"wide\">");
    report_graph_draw(p->f, p->run, false, p->out);
    buf_puts(p->out, "</div>\n");
    page_steps(p);
    buf_puts(p->out, "</div></section>\n<section id=\"timeline\"><h2>Timeline</h2>\n<div class=\"wide\">");
    report_timeline_draw(p->f, p->run, false, p->out);
    buf_puts(p->out, "</div></section>\n");
}

errc report_run(struct client *c, const struct pathspec *run, struct cancel *cancel, struct buf *out,
                struct err *err)
{
    auto_cleanup(run_facts_free) struct run_facts f = {0};
    errc code = run_facts_read(c, run, cancel, &f, err);
    if (code)
        return code;
    struct page p = {c, run, cancel, &f, out};
    auto_free char *title = mem_printf("%s/%s: %s", run->flow, run->run, status_name(f.run->status));
    html_begin(out, title);
    put_head(&p);
    put_body(&p);
    code = page_failures(&p, err);
    if (!code)
        code = page_parameters(&p, err);
    if (code)
        return code;
    html_end(out);
    return out->over ? err_set(err, ERR_LIMIT, "the page is larger than %zu bytes", out->max) : ERR_OK;
}
