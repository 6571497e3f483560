#include "base/clock.h"
#include "report/html.h"
#include "report/report_run_i.h"

static void put_name(const struct page *p, const struct step_facts *s)
{
    bool is_linked = step_link(p->out, s);
    html_text(p->out, s->name);
    buf_puts(p->out, is_linked ? "</a>" : "");
}

static void put_states(const struct page *p, const struct step_facts *s)
{
    static const enum status order[] = {STATUS_FAILED, STATUS_STALE, STATUS_RUNNING, STATUS_UNKNOWN, STATUS_DONE};
    if (s->len == 0)
        buf_puts(p->out, s->trouble ? "not known" : "not started");
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        size_t n = s->by_status[order[i]];
        if (!n)
            continue;
        if (n != s->len)
            buf_printf(p->out, "%zu ", n);
        html_status(p->out, status_name(order[i]));
        buf_puts(p->out, " ");
    }
}

static void put_duration(const struct page *p, const struct step_facts *s)
{
    int64_t end = s->end_ms;
    for (size_t i = 0; i < s->len; i++) {
        const struct task_brief *b = &s->tasks[i].brief;
        int64_t at = attempt_end_ms(p->f, &s->tasks[i], &b->attempts[b->len - 1]);
        end = at > end ? at : end;
    }
    html_duration(p->out, end - s->start_ms);
}

// Since the first task of the run; the time itself is in the element.
static void put_start(const struct page *p, int64_t ms)
{
    char iso[32];
    clock_iso8601(ms, iso, sizeof iso);
    buf_printf(p->out, "<time datetime=\"%.23sZ\" title=\"%.10s %.8s UTC\">+", iso, iso, iso + 11);
    html_duration(p->out, ms - run_facts_begin_ms(p->f));
    buf_puts(p->out, "</time>");
}

static void put_row(const struct page *p, const struct step_facts *s)
{
    buf_puts(p->out, "<tr><th scope=\"row\">");
    put_name(p, s);
    buf_printf(p->out, "</th><td class=\"num\">%zu</td><td class=\"states\">", s->len);
    put_states(p, s);
    buf_puts(p->out, "</td><td class=\"num\">");
    if (s->start_ms >= 0)
        put_start(p, s->start_ms);
    buf_puts(p->out, "</td><td class=\"num\">");
    if (s->start_ms >= 0)
        put_duration(p, s);
    buf_puts(p->out, "</td><td>");
    if (s->slowest && s->len > 1) {
        html_duration(p->out, task_duration_ms(p->f, s->slowest));
        buf_puts(p->out, " ");
        page_task_link(p->out, s->name, s->slowest->id);
    }
    buf_puts(p->out, "</td></tr>\n");
}

void page_steps(const struct page *p)
{
    buf_puts(p->out, "<div class=\"wide\"><table class=\"steps\"><thead><tr><th>Step</th><th class=\"num\">Tasks</th>"
                     "<th>State</th><th class=\"num\">First start</th><th class=\"num\">Duration</th><th>Slowest</th>"
                     "</tr></thead><tbody>\n");
    for (size_t i = 0; i < p->f->len; i++)
        put_row(p, &p->f->steps[i]);
    buf_puts(p->out, "</tbody></table>\n");
    if (p->f->origin)
        buf_puts(p->out, "<p class=\"note\">Tasks that were taken from the earlier run have the times at which they "
                         "were taken.</p>\n");
    for (size_t i = 0; i < p->f->len; i++)
        if (p->f->steps[i].trouble)
            page_trouble(p->out, p->f->steps[i].name, p->f->steps[i].trouble);
    buf_puts(p->out, "</div>\n");
}
