// TASK/.report.html: one task, or one attempt of it, on a page.
#include "report/report.h"

#include "base/mem.h"
#include "report/html.h"
#include "report/preview.h"
#include "report/report_task_i.h"

static const char own_style[] =
    ".artifact{border-bottom:1px solid var(--line);padding:.5em 0 .7em}.artifact h3{margin:.2em 0}"
    ".artifact h3 code{font-weight:normal;color:var(--dim)}p.links{font-size:13px;margin:.2em 0;color:var(--dim)}"
    "pre.log,pre.exception{white-space:pre-wrap;overflow-wrap:anywhere}"
    "pre.exception{border-left:4px solid var(--failed)}"
    "ul.plain{padding-left:1.2em}";

void task_page_trouble(struct task_page *p, const struct err *err)
{
    buf_puts(p->out, "<p class=\"trouble\">Cannot be read: ");
    html_text(p->out, err->cause);
    buf_puts(p->out, "</p>\n");
}

void put_link(struct buf *out, const char *prefix, const char *name, const char *suffix, const char *text)
{
    buf_printf(out, "<a href=\"%s", prefix);
    html_name(out, name);
    buf_printf(out, "%s\">", suffix);
    html_text(out, text);
    buf_puts(out, "</a>");
}

// The task as .meta tells it; the page goes on without what that cannot tell.
static struct json *read_meta(struct task_page *p, struct err *err)
{
    auto_cleanup(buf_free) struct buf text = {0};
    struct json *json = NULL;
    errc e = client_meta_json(p->c, p->ps, p->attempt, p->cancel, &text, err);
    if (!e)
        e = json_parse(text.data ? text.data : "", text.len, ".meta", &json, err);
    return e ? NULL : json;
}

static void put_title(struct task_page *p)
{
    auto_free char *text = pathspec_text(p->ps);
    auto_free char *title = p->attempt < 0 ? mem_strdup(text) : mem_printf("%s, attempt %d", text, p->attempt);
    html_begin(p->out, title);
    buf_printf(p->out, "<style>\n%s\n%s</style>\n", own_style, preview_style);
}

static void put_head(struct task_page *p)
{
    struct buf *out = p->out;
    const char *status = json_str(json_get(p->meta, "status"));
    if (!status)
        status = p->attempt < 0 ? status_name(p->task->status) : "unknown";
    buf_printf(out, "<p class=\"path\"><a href=\"%s../../.report.html\">", p->up);
    html_text(out, p->ps->flow);
    buf_puts(out, " / ");
    html_text(out, p->ps->run);
    buf_puts(out, "</a>");
    if (p->attempt >= 0) {
        buf_puts(out, " / <a href=\"../../.report.html\">");
        html_text(out, p->ps->step);
        buf_puts(out, " / ");
        html_text(out, p->ps->task);
        buf_puts(out, "</a>");
    }
    buf_puts(out, "</p>\n<h1>");
    html_text(out, p->ps->step);
    buf_puts(out, " / ");
    html_text(out, p->ps->task);
    if (p->attempt >= 0)
        buf_printf(out, " / attempt %d", p->attempt);
    buf_putc(out, ' ');
    html_status(out, status);
    buf_puts(out, "</h1>\n");
}

errc report_task(struct client *c, const struct pathspec *task, int attempt, struct cancel *cancel, struct buf *out,
                 struct err *err)
{
    static void (*const sections[])(struct task_page *p) = {
        task_page_facts,     task_page_exception, task_page_cards, task_page_log,
        task_page_artifacts, task_page_metadata,
    };
    auto_cleanup(task_unrefp) const struct task *t = NULL;
    errc e = client_task(c, task, cancel, &t, err);
    if (e)
        return e;
    struct task_page p = {.c = c, .ps = task, .attempt = attempt, .cancel = cancel, .out = out,
                          .up = attempt < 0 ? "" : "../../", .task = t};
    struct err no_meta = ERR_INIT;
    auto_cleanup(json_freep) struct json *meta = read_meta(&p, &no_meta);
    p.meta = meta;
    put_title(&p);
    put_head(&p);
    if (!meta)
        task_page_trouble(&p, &no_meta);
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
        e = cancel_check(cancel, err);
        if (e)
            return e;
        sections[i](&p);
    }
    html_end(out);
    e = cancel_check(cancel, err); // what it ended may have been told in the page only
    if (!e && out->over)
        e = err_set(err, ERR_LIMIT, "the page is larger than %zu MiB", out->max >> 20);
    return e;
}
