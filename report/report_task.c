// TASK/.report.html: one task, or one attempt of it, on a page.
#include "report/report.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "report/html.h"
#include "report/preview.h"
#include "report/report_task_i.h"

static const char own_style[] =
    ".artifact{border-top:1px solid rgba(127,127,127,.35);padding:.3em 0 .5em}"
    ".artifact h3{margin:.3em 0;font-size:1.05em;overflow-wrap:anywhere}.artifact h3 code{font-weight:normal;opacity:.75}"
    ".task pre.log,.task pre.exception{white-space:pre-wrap;overflow-wrap:anywhere}"
    ".links{font-size:.85em;margin:.2em 0}.task pre{overflow:auto;max-width:100%}"
    ".task pre.log{max-height:30em}.task pre.exception{border-left:3px solid #c0392b;padding-left:.6em}"
    "dl.facts{display:grid;grid-template-columns:max-content 1fr;gap:.15em 1em;margin:.5em 0}"
    "dl.facts dt{opacity:.7}dl.facts dd{margin:0;overflow-wrap:anywhere}"
    "table.plain{border-collapse:collapse;font-size:.9em}table.plain td,table.plain th{text-align:left;"
    "padding:.1em .7em .1em 0;vertical-align:top;overflow-wrap:anywhere}";

void task_page_bad(struct task_page *p, const struct err *err)
{
    buf_puts(p->out, "<p class=\"bad\">Cannot be read: ");
    html_text(p->out, err->cause);
    buf_puts(p->out, "</p>\n");
}

void put_time(struct buf *out, int64_t ms)
{
    char text[40];
    clock_iso8601(ms, text, sizeof text);
    buf_printf(out, "<time datetime=\"%s\">", text);
    size_t len = strlen(text);
    for (size_t i = 0; i < len && text[i] != '.'; i++)
        buf_putc(out, text[i] == 'T' ? ' ' : text[i]);
    buf_puts(out, " UTC</time>");
}

void put_duration(struct buf *out, int64_t ms)
{
    int64_t s = ms / 1000;
    if (s < 60)
        buf_printf(out, "%.2f s", (double)ms / 1000);
    else if (s < 3600)
        buf_printf(out, "%" PRId64 " min %02" PRId64 " s", s / 60, s % 60);
    else
        buf_printf(out, "%" PRId64 " h %02" PRId64 " min", s / 3600, s / 60 % 60);
}

void put_link(struct buf *out, const char *prefix, const char *path, const char *text)
{
    buf_printf(out, "<a href=\"%s", prefix);
    html_path(out, path);
    buf_puts(out, "\">");
    html_text(out, text);
    buf_puts(out, "</a>");
}

// The task as .meta tells it; the page goes on without what that cannot tell.
static struct json *read_meta(struct task_page *p)
{
    auto_cleanup(buf_free) struct buf text = {0};
    struct json *json = NULL;
    struct err err = ERR_INIT;
    errc e = client_meta_json(p->c, p->ps, p->attempt, p->cancel, &text, &err);
    if (!e)
        e = json_parse(text.data ? text.data : "", text.len, ".meta", &json, &err);
    if (e)
        task_page_bad(p, &err);
    return e ? NULL : json;
}

static void put_head(struct task_page *p)
{
    const struct pathspec *ps = p->ps;
    auto_free char *text = pathspec_text(ps);
    auto_free char *title = p->attempt < 0 ? mem_strdup(text) : mem_printf("%s, attempt %d", text, p->attempt);
    html_begin(p->out, title);
    buf_printf(p->out, "<style>%s%s</style>\n<div class=\"task\">\n<nav><a href=\"%s../../.report.html\">", own_style,
               preview_style, p->up);
    html_text(p->out, ps->flow);
    buf_putc(p->out, '/');
    html_text(p->out, ps->run);
    buf_puts(p->out, "</a></nav>\n<h1>");
    html_text(p->out, ps->step);
    buf_putc(p->out, '/');
    html_text(p->out, ps->task);
    if (p->attempt >= 0)
        buf_printf(p->out, ", attempt %d", p->attempt);
    buf_puts(p->out, "</h1>\n");
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
    put_head(&p);
    auto_cleanup(json_freep) struct json *meta = read_meta(&p);
    p.meta = meta;
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
        e = cancel_check(cancel, err);
        if (e)
            return e;
        sections[i](&p);
    }
    buf_puts(out, "</div>\n");
    html_end(out);
    e = cancel_check(cancel, err); // what it ended may have been told in the page only
    if (!e && out->over)
        e = err_set(err, ERR_LIMIT, "the page is larger than %zu MiB", out->max >> 20);
    return e;
}
