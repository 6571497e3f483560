#include <string.h>

#include "base/mem.h"
#include "report/html.h"
#include "report/report_run_i.h"

#define MAX_FULL 20       // failed tasks with exception and log
#define MAX_LISTED 5000   // the others, as links
#define MAX_OPEN 3        // of those in full, that are not folded
#define MAX_EXCEPTION 4096
#define MAX_LOG 4096
#define MAX_LINES 30

static bool is_failed(const struct task_facts *t)
{
    return t->brief.status == STATUS_FAILED || t->brief.status == STATUS_STALE;
}

// The end of a text, from the beginning of a line where one begins within the last `max` bytes.
static const char *end_of(const char *s, size_t *len, size_t max)
{
    if (*len <= max)
        return s;
    const char *from = s + *len - max, *line = memchr(from, '\n', max - 1);
    from = line ? line + 1 : from;
    *len -= (size_t)(from - s);
    return from;
}

static void keep_last_lines(const char **s, size_t *len)
{
    size_t lines = 0, at = *len;
    while (at > 0 && (at == *len || (*s)[at - 1] != '\n' || ++lines < MAX_LINES))
        at--;
    *s += at;
    *len -= at;
}

static errc put_exception(const struct page *p, const struct pathspec *task, struct err *err)
{
    auto_free char *text = NULL;
    struct err one = ERR_INIT;
    errc code = client_exception(p->c, task, -1, p->cancel, &text, &one);
    if (report_is_over(p->cancel, code)) {
        *err = one;
        return code;
    }
    if (code) {
        page_trouble(p->out, "Its exception cannot be read", one.cause);
    } else if (text) {
        size_t len = strlen(text), whole = len;
        const char *end = end_of(text, &len, MAX_EXCEPTION);
        buf_puts(p->out, "<pre class=\"log tail exception\">");
        if (len < whole)
            buf_puts(p->out, "\xe2\x80\xa6\n");
        html_log(p->out, end, len);
        buf_puts(p->out, "</pre>\n");
    } else {
        buf_puts(p->out, "<p class=\"note\">It left no exception: it was killed, or died before it could store "
                         "one.</p>\n");
    }
    return ERR_OK;
}

static errc read_log(const struct page *p, const struct pathspec *task, struct buf *text, struct err *err)
{
    struct log_source source;
    auto_cleanup(task_unrefp) const struct task *t = NULL;
    auto_cleanup(content_unrefp) struct content *content = NULL;
    errc code = client_log_source(p->c, task, -1, p->cancel, &source, &t, err);
    if (!code)
        code = logs_open(&source, LOG_BOTH, p->cancel, &content, err);
    if (code)
        return code;
    uint64_t size = content_size(content), from = size > MAX_LOG ? size - MAX_LOG : 0;
    char *to = buf_reserve(text, MAX_LOG);
    size_t got = 0;
    code = to ? content_read(content, from, to, MAX_LOG, p->cancel, &got, err)
              : err_set(err, ERR_NO_MEMORY, "no memory for the end of a log");
    if (code)
        return code;
    text->len = got;
    to[got] = '\0';
    return ERR_OK;
}

static errc put_log(const struct page *p, const struct pathspec *task, struct err *err)
{
    auto_cleanup(buf_free) struct buf text = {0};
    struct err one = ERR_INIT;
    errc code = read_log(p, task, &text, &one);
    if (report_is_over(p->cancel, code)) {
        *err = one;
        return code;
    }
    if (code) {
        page_trouble(p->out, "Its log cannot be read", one.cause);
        return ERR_OK;
    }
    size_t len = text.len;
    const char *end = text.data ? end_of(text.data, &len, MAX_LOG - 1) : "";
    keep_last_lines(&end, &len);
    buf_puts(p->out, len > 1 ? "<p class=\"note\">The end of its log:</p><pre class=\"log tail\">"
                             : "<p class=\"note\">Its log is empty.</p>\n");
    if (len > 1) {
        html_log(p->out, end, len);
        buf_puts(p->out, "</pre>\n");
    }
    return ERR_OK;
}

static errc put_failure(const struct page *p, const struct step_facts *s, const struct task_facts *t, bool open,
                        struct err *err)
{
    struct pathspec step = pathspec_child(p->run, s->name), task = pathspec_child(&step, t->id);
    struct buf *b = p->out;
    buf_printf(b, "<details%s><summary>", open ? " open" : "");
    page_task_link(b, s->name, t->id);
    buf_puts(b, " ");
    html_status(b, status_name(t->brief.status));
    buf_printf(b, " %s ", t->brief.len > 1 ? "after several attempts," : "after");
    html_duration(b, task_duration_ms(p->f, t));
    buf_puts(b, "</summary>\n<p>");
    static const char *const logs[] = {".stdout", ".stderr", ".log"};
    for (size_t i = 0; i < sizeof logs / sizeof logs[0]; i++) {
        buf_puts(b, i ? " · <a href=\"" : "<a href=\"");
        html_name(b, s->name);
        buf_puts(b, "/");
        html_name(b, t->id);
        buf_printf(b, "/%s\">%s</a>", logs[i], logs[i] + 1);
    }
    buf_puts(b, "</p>\n");
    errc code = put_exception(p, &task, err);
    if (!code)
        code = put_log(p, &task, err);
    buf_puts(b, "</details>\n");
    return code;
}

static void put_list_item(const struct page *p, size_t n, size_t total, const struct step_facts *s,
                          const struct task_facts *t)
{
    if (n == MAX_FULL)
        buf_puts(p->out, "<p>Failed too:");
    if (n < MAX_FULL + MAX_LISTED) {
        buf_puts(p->out, " ");
        page_task_link(p->out, s->name, t->id);
    }
    if (n == MAX_FULL + MAX_LISTED)
        buf_printf(p->out, " and %zu more", total - n);
    if (n + 1 == total)
        buf_puts(p->out, "</p>\n");
}

errc page_failures(const struct page *p, struct err *err)
{
    size_t total = p->f->by_status[STATUS_FAILED] + p->f->by_status[STATUS_STALE], n = 0;
    if (total == 0)
        return ERR_OK;
    buf_printf(p->out, "<section id=\"failures\"><h2>Failures</h2>\n<p>%zu of %zu tasks failed%s.</p>\n", total,
               p->f->n_tasks, p->f->by_status[STATUS_STALE] ? " or stopped reporting" : "");
    for (size_t i = 0; i < p->f->len; i++) {
        const struct step_facts *s = &p->f->steps[i];
        for (size_t k = 0; k < s->len; k++) {
            if (!is_failed(&s->tasks[k]))
                continue;
            errc code = n < MAX_FULL ? put_failure(p, s, &s->tasks[k], n < MAX_OPEN, err) : ERR_OK;
            if (code)
                return code;
            if (n >= MAX_FULL)
                put_list_item(p, n, total, s, &s->tasks[k]);
            n++;
        }
    }
    buf_puts(p->out, "</section>\n");
    return ERR_OK;
}
