// What a task is: its status and times, whose child and parent it is, where it ran.
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "report/html.h"
#include "report/report_task_i.h"

enum { MAX_RELATIVES = 100, MAX_VALUE = 2000, MAX_ROWS = 2000 };

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

static void put_status(struct task_page *p)
{
    const char *status = meta_str(p, "status");
    bool successful = true;
    if (!status)
        status = p->attempt < 0 ? status_name(p->task->status) : "unknown";
    bool handled = json_bool(json_get(p->meta, "successful"), &successful) && !successful && !strcmp(status, "done");
    begin_fact(p, "status");
    buf_puts(p->out, "<span class=\"status ");
    html_text(p->out, status); // one of the words of status_name
    buf_puts(p->out, "\">");
    html_text(p->out, status);
    buf_printf(p->out, "</span>%s", handled ? ", with an error that was handled" : "");
    end_fact(p);
}

// The attempt that the page is of, and links to the pages of the others.
static void put_attempts(struct task_page *p, int attempt)
{
    int numbers[6];
    size_t n = 0;
    struct err err = ERR_INIT;
    errc e = client_attempts(p->c, p->ps, p->cancel, numbers, &n, &err);
    begin_fact(p, "attempt");
    if (attempt >= 0)
        buf_printf(p->out, "%d", attempt);
    if (p->attempt >= 0)
        buf_printf(p->out, " (<a href=\"%s.report.html\">the task</a>)", p->up);
    for (size_t i = 0; !e && n > 1 && i < n; i++)
        buf_printf(p->out, "%s<a href=\"%s.attempts/%d/.report.html\">%d</a>%s", i ? ", " : " (pages of attempts ", p->up,
                   numbers[i], numbers[i], i + 1 == n ? ")" : "");
    end_fact(p);
}

// When the attempt began, as its record of that name has it; -1 when there is none.
static int64_t started_ms(const struct task_page *p, int attempt)
{
    int64_t ms = -1;
    char number[16];
    snprintf(number, sizeof number, "%d", attempt);
    for (size_t i = 0; i < p->task->records.len; i++) {
        const struct meta_record *r = &p->task->records.items[i];
        if (!strcmp(r->field, "attempt") && r->value && !strcmp(r->value, number))
            ms = r->created_ms;
    }
    return ms;
}

// When it ended: its last artifacts, else the record that its runtime left.
static int64_t ended_ms(const struct task_page *p, int attempt)
{
    int64_t ms = -1;
    for (size_t i = 0; i < p->task->records.len; i++) {
        const struct meta_record *r = &p->task->records.items[i];
        if (r->attempt == attempt && (!strcmp(r->field, "attempt-done") || !strcmp(r->field, "attempt_ok")))
            ms = r->created_ms > ms ? r->created_ms : ms;
    }
    return p->attempt < 0 && p->task->finished_ms >= 0 && p->task->artifact_attempt == attempt ? p->task->finished_ms
                                                                                               : ms;
}

static void put_times(struct task_page *p, int attempt)
{
    int64_t begin = started_ms(p, attempt), end = ended_ms(p, attempt);
    begin_fact(p, "created");
    put_time(p->out, p->task->object->created_ms);
    end_fact(p);
    if (begin >= 0) {
        begin_fact(p, "started");
        put_time(p->out, begin);
        end_fact(p);
    }
    if (end >= 0) {
        begin_fact(p, "ended");
        put_time(p->out, end);
        end_fact(p);
    }
    if (begin >= 0 && end >= begin) {
        begin_fact(p, "duration");
        put_duration(p->out, end - begin);
        end_fact(p);
    }
    if (end < 0 && p->task->object->heartbeat_ms >= 0) {
        begin_fact(p, "last heartbeat");
        put_time(p->out, p->task->object->heartbeat_ms);
        end_fact(p);
    }
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
    auto_free char *path = mem_printf("%s/%s/.report.html", step, task);
    auto_free char *prefix = mem_printf("%s../../", r->p->up);
    buf_puts(out, r->n > 1 ? ", " : "");
    put_link(out, prefix, path, text);
    return true;
}

static void put_relatives(struct task_page *p, bool parents)
{
    struct relatives r = {.p = p};
    struct err err = ERR_INIT;
    begin_fact(p, parents ? "parents" : "children");
    errc e = client_relatives(p->c, p->ps, parents, p->cancel, put_relative, &r, &err);
    if (e) {
        buf_puts(p->out, "<span class=\"bad\">Cannot be read: ");
        html_text(p->out, err.cause);
        buf_puts(p->out, "</span>");
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
    const char *origin = meta_str(p, "origin_pathspec"), *slash = origin ? strchr(origin, '/') : NULL;
    if (!origin)
        return;
    begin_fact(p, "resumed from");
    if (slash && !strncmp(origin, p->ps->flow, strlen(p->ps->flow)) && origin[strlen(p->ps->flow)] == '/') {
        auto_free char *path = mem_printf("%s/.report.html", slash + 1);
        auto_free char *prefix = mem_printf("%s../../../", p->up);
        put_link(p->out, prefix, path, origin);
    } else {
        html_text(p->out, origin);
    }
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
    int64_t current = p->task->current_attempt;
    auto_free char *text = pathspec_text(p->ps);
    (void)json_int(json_get(p->meta, "current_attempt"), &current);
    int attempt = p->attempt >= 0 ? p->attempt : (int)current;
    buf_puts(p->out, "<dl class=\"facts\">\n");
    text_fact(p, "task", text);
    put_status(p);
    put_attempts(p, attempt);
    put_times(p, attempt);
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
        task_page_bad(p, &err);
        return;
    }
    size_t len = strlen(text), max = 64 * 1024;
    buf_puts(p->out, "<pre class=\"exception\">\n");
    html_text_len(p->out, text, len < max ? len : max);
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
    buf_puts(rows->out, "</th><td>");
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
    buf_printf(p->out, "<details><summary>Metadata (%zu)</summary>\n<div class=\"wide\"><table class=\"plain metadata\">\n",
               json_len(all));
    json_each(all, put_row, &rows);
    buf_puts(p->out, "</table></div></details>\n");
    if (rows.n > MAX_ROWS)
        buf_printf(p->out, "<p class=\"note\">cut: the first %d; <a href=\"%s.meta\">.meta</a> has all</p>\n", MAX_ROWS,
                   p->attempt < 0 ? "" : "");
}
