// What a task is: its status and times, whose child and parent it is, where it ran.
#include <string.h>

#include "base/mem.h"
#include "report/html.h"
#include "report/report_task_i.h"

enum { MAX_RELATIVES = 100, MAX_VALUE = 1000, MAX_ROWS = 500 };

static const char *meta_str(const struct task_page *p, const char *key)
{
    return json_str(json_get(p->meta, key));
}

static const char *metadata(const struct task_page *p, const char *field)
{
    const char *text = json_str(json_get(json_get(p->meta, "metadata_dict"), field));
    return text && strcmp(text, "None") != 0 ? text : NULL;
}

static void begin_fact(struct task_page *p, const char *name)
{
    buf_printf(p->out, "<dt>%s</dt><dd>", name);
}

static void end_fact(struct task_page *p)
{
    buf_puts(p->out, "</dd>\n");
}

static void text_fact(struct task_page *p, const char *name, const char *text)
{
    if (!text)
        return;
    begin_fact(p, name);
    html_text_len(p->out, text, strnlen(text, MAX_VALUE));
    end_fact(p);
}

static bool error_was_handled(const struct task_page *p)
{
    bool finished = false, successful = true;
    (void)json_bool(json_get(p->meta, "finished"), &finished);
    (void)json_bool(json_get(p->meta, "successful"), &successful);
    return finished && !successful;
}

// Every attempt with its state, and links to their pages where there are several.
static void put_attempts(struct task_page *p, const struct task_brief *b)
{
    if (b->len < 2 && p->attempt < 0)
        return;
    begin_fact(p, "attempts");
    for (size_t i = 0; i < b->len; i++) {
        const struct attempt_brief *a = &b->attempts[i];
        buf_printf(p->out, "%s<a href=\"%s.attempts/%d/.report.html\">%d</a> ", i ? ", " : "", p->up, a->number,
                   a->number);
        html_status(p->out, status_name(a->status));
    }
    end_fact(p);
}

static void time_fact(struct task_page *p, const char *name, int64_t ms)
{
    if (ms < 0)
        return;
    begin_fact(p, name);
    html_time(p->out, ms);
    end_fact(p);
}

// Of the attempt that the page is of, the latest when it is of the task.
static void put_times(struct task_page *p)
{
    struct task_brief b = {0};
    struct err err = ERR_INIT;
    time_fact(p, "created", p->task->object->created_ms);
    if (client_task_brief(p->c, p->ps, -1, p->cancel, &b, &err)) {
        begin_fact(p, "ended");
        html_text(p->out, err.cause);
        end_fact(p);
        return;
    }
    for (size_t i = 0; i < b.len; i++) {
        const struct attempt_brief *a = &b.attempts[i];
        if (p->attempt >= 0 ? a->number != p->attempt : i + 1 < b.len)
            continue;
        if (a->number > 0)
            time_fact(p, "attempt began", a->start_ms);
        time_fact(p, "ended", a->end_ms);
        if (a->start_ms >= 0 && a->end_ms >= a->start_ms) {
            begin_fact(p, "duration");
            html_duration(p->out, a->end_ms - a->start_ms);
            end_fact(p);
        }
        if (a->end_ms < 0)
            time_fact(p, "last heartbeat", p->task->object->heartbeat_ms);
    }
    put_attempts(p, &b);
}

static void put_index(struct task_page *p)
{
    auto_free char *index = NULL;
    struct err err = ERR_INIT;
    if (!client_foreach_index(p->c, p->ps, p->cancel, &index, &err))
        text_fact(p, "index", index);
    text_fact(p, "foreach", meta_str(p, "foreach"));
}

struct relatives {
    struct task_page *p;
    size_t n;
};

static bool put_relative(void *arg, const char *step, const char *task)
{
    struct relatives *r = arg;
    struct buf *out = r->p->out;
    if (r->n++ >= MAX_RELATIVES)
        return true;
    auto_free char *text = mem_printf("%s/%s", step, task);
    buf_printf(out, "%s<a href=\"%s../../", r->n > 1 ? ", " : "", r->p->up);
    html_name(out, step);
    buf_putc(out, '/');
    html_name(out, task);
    buf_puts(out, "/.report.html\">");
    html_text(out, text);
    buf_puts(out, "</a>");
    return true;
}

static void put_relatives(struct task_page *p, bool parents)
{
    struct relatives r = {.p = p};
    struct err err = ERR_INIT;
    begin_fact(p, parents ? "parents" : "children");
    errc e = client_relatives(p->c, p->ps, parents, p->cancel, put_relative, &r, &err);
    if (e) {
        buf_puts(p->out, "cannot be read: ");
        html_text(p->out, err.cause);
    } else if (r.n > MAX_RELATIVES) {
        buf_printf(p->out, " and <a href=\"%s%s/\">%zu more</a>", p->up, parents ? ".parents" : ".children",
                   r.n - MAX_RELATIVES);
    } else if (!r.n) {
        buf_puts(p->out, "none");
    }
    end_fact(p);
}

// Of a resumed task: a link where its origin is in the same flow, beside this run.
static void put_origin(struct task_page *p)
{
    const char *origin = meta_str(p, "origin_pathspec");
    size_t flow_len = strlen(p->ps->flow);
    if (!origin)
        return;
    begin_fact(p, "resumed from");
    bool is_here = strncmp(origin, p->ps->flow, flow_len) == 0 && origin[flow_len] == '/';
    if (is_here) {
        auto_free char *rest = mem_strdup(origin + flow_len + 1);
        char *state = NULL;
        buf_printf(p->out, "<a href=\"%s../../../", p->up);
        for (char *part = strtok_r(rest, "/", &state); part; part = strtok_r(NULL, "/", &state)) {
            html_name(p->out, part);
            buf_putc(p->out, '/');
        }
        buf_puts(p->out, ".report.html\">");
    }
    html_text(p->out, origin);
    buf_puts(p->out, is_here ? "</a>" : "");
    end_fact(p);
}

static void put_host(struct task_page *p)
{
    static const char *const fields[][2] = {
        {"runtime", "runtime"}, {"python_version", "Python"}, {"metaflow_version", "Metaflow"},
        {"script-name", "script"}, {"aws-batch-job-id", "Batch job"},
    };
    text_fact(p, "user", meta_str(p, "user"));
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        text_fact(p, fields[i][1], metadata(p, fields[i][0]));
    const char *sha = json_str(json_get(json_get(p->meta, "code"), "sha"));
    if (!sha)
        return;
    begin_fact(p, "code");
    buf_printf(p->out, "<a href=\"%s../../.code/\">files</a>, <a href=\"%s../../.code.tgz\">package</a> <code>", p->up,
               p->up);
    html_text_len(p->out, sha, strnlen(sha, 100));
    buf_puts(p->out, "</code>");
    end_fact(p);
}

void task_page_facts(struct task_page *p)
{
    auto_free char *text = pathspec_text(p->ps);
    buf_puts(p->out, "<dl class=\"facts\">\n");
    text_fact(p, "pathspec", text);
    if (error_was_handled(p))
        text_fact(p, "error", "was handled: the task is done, and not successful");
    put_times(p);
    put_index(p);
    put_relatives(p, true);
    put_relatives(p, false);
    put_origin(p);
    put_host(p);
    buf_puts(p->out, "</dl>\n");
}

void task_page_exception(struct task_page *p)
{
    auto_free char *text = NULL;
    struct err err = ERR_INIT;
    errc e = client_exception(p->c, p->ps, p->attempt, p->cancel, &text, &err);
    if (!e && !text)
        return;
    buf_puts(p->out, "<h2>Exception</h2>\n");
    if (e) {
        task_page_trouble(p, &err);
        return;
    }
    size_t len = strlen(text), max = 64 * 1024;
    buf_puts(p->out, "<pre class=\"exception\">\n");
    html_log(p->out, text, len < max ? len : max);
    buf_puts(p->out, "</pre>\n");
    if (len > max)
        buf_puts(p->out, "<p class=\"note\">cut: its first 64 KiB</p>\n");
}

// --- metadata ------------------------------------------------------------------------------------------------

struct rows {
    struct buf *out;
    size_t n;
};

static bool put_row(void *arg, const char *key, const struct json *value)
{
    struct rows *rows = arg;
    auto_cleanup(buf_free) struct buf dumped = {0};
    size_t len;
    const char *text = json_str_len(value, &len);
    if (rows->n++ >= MAX_ROWS)
        return false;
    if (!text) {
        json_dump(value, &dumped);
        text = dumped.data ? dumped.data : "";
        len = dumped.len;
    }
    buf_puts(rows->out, "<tr><th>");
    html_text_len(rows->out, key, strnlen(key, MAX_VALUE));
    buf_puts(rows->out, "</th><td class=\"text\">");
    html_text_len(rows->out, text, len < MAX_VALUE ? len : MAX_VALUE);
    buf_puts(rows->out, len > MAX_VALUE ? "…</td></tr>\n" : "</td></tr>\n");
    return true;
}

void task_page_metadata(struct task_page *p)
{
    const struct json *all = json_get(p->meta, "metadata_dict");
    struct rows rows = {.out = p->out};
    if (!all)
        return;
    buf_printf(p->out, "<details><summary>Metadata (%zu)</summary>\n<div class=\"wide\"><table class=\"metadata\">\n",
               json_len(all));
    json_each(all, put_row, &rows);
    buf_puts(p->out, "</table></div></details>\n");
    if (rows.n > MAX_ROWS)
        buf_printf(p->out, "<p class=\"note\">cut: the first %d; <a href=\".meta\">.meta</a> has all</p>\n", MAX_ROWS);
}
