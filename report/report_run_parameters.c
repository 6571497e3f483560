#include <string.h>

#include "base/mem.h"
#include "report/html.h"
#include "report/report_run_i.h"

#define MAX_READ (64 * 1024)  // what is recorded to be larger is not read for the page
#define MAX_SHOWN 400         // bytes of a value

static void put_link(struct buf *b, const char *name, const char *text)
{
    buf_puts(b, "<a href=\".parameters/");
    html_name(b, name);
    buf_puts(b, "\">");
    html_text(b, text);
    buf_puts(b, "</a>");
}

// A value as text: whole, or its beginning and a link to all of it.
static void put_text(const struct page *p, const char *name, const char *text, size_t len)
{
    bool cut = len > MAX_SHOWN;
    if (cut)
        for (len = MAX_SHOWN; len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80; len--)
            ;
    while (!cut && len > 0 && text[len - 1] == '\n')
        len--;
    buf_puts(p->out, "<code class=\"value\">");
    html_text_len(p->out, text, len);
    buf_puts(p->out, "</code>");
    if (cut) {
        buf_puts(p->out, "\xe2\x80\xa6 ");
        put_link(p->out, name, "all of it");
    } else if (len == 0) {
        buf_puts(p->out, "<span class=\"note\">empty</span>");
    }
}

static errc put_value(const struct page *p, const struct pathspec *task, const struct artifact *a, const char *name,
                      struct err *err)
{
    auto_cleanup(content_unrefp) struct content *content = NULL;
    auto_cleanup(buf_free) struct buf text = {.max = MAX_READ};
    struct err one = ERR_INIT;
    enum natural_form form = natural_form_of(a->type);
    if (form == NATURAL_INCLUDED || form == NATURAL_STORED || a->size > MAX_READ) {
        put_link(p->out, name, form == NATURAL_INCLUDED ? "the file" : "the value");
        return ERR_OK;
    }
    struct artifact_env env = client_artifact_env(p->c, task);
    errc code = artifact_open_natural(&env, a, p->cancel, &content, &one);
    size_t want = MAX_SHOWN + 1, got = 0;
    char *to = code ? NULL : buf_reserve(&text, want);
    if (to)
        code = content_read(content, 0, to, want, p->cancel, &got, &one);
    if (report_is_over(p->cancel, code)) {
        *err = one;
        return code;
    }
    if (code) {
        buf_puts(p->out, "<span class=\"trouble\">cannot be read: ");
        html_text(p->out, one.cause);
        buf_puts(p->out, "</span>");
    } else if (to) {
        put_text(p, name, to, got);
    }
    return ERR_OK;
}

// "<class 'str'>", as it is recorded, is str.
static void put_type(struct buf *b, const char *type)
{
    size_t len = strlen(type);
    bool is_class = len > 10 && strncmp(type, "<class '", 8) == 0 && strcmp(type + len - 2, "'>") == 0;
    html_text_len(b, is_class ? type + 8 : type, is_class ? len - 10 : len);
}

static errc put_rows(const struct page *p, const struct strv *names, const struct pathspec *task, struct err *err)
{
    auto_cleanup(artifacts_unrefp) const struct artifacts *list = NULL;
    struct err one = ERR_INIT;
    errc code = client_artifacts(p->c, task, -1, p->cancel, &list, &one);
    if (report_is_over(p->cancel, code)) {
        *err = one;
        return code;
    }
    if (code) {
        page_trouble(p->out, "Their values cannot be read", one.cause);
        return ERR_OK;
    }
    buf_puts(p->out, "<div class=\"wide\"><table class=\"parameters\"><thead><tr><th>Name</th><th>Value</th>"
                     "<th>Type</th></tr></thead><tbody>\n");
    for (size_t i = 0; !code && i < names->len; i++) {
        const struct artifact *a = artifacts_find(list, names->items[i]);
        buf_puts(p->out, "<tr><th scope=\"row\">");
        if (a)
            put_link(p->out, names->items[i], names->items[i]);
        else
            html_text(p->out, names->items[i]);
        buf_puts(p->out, "</th><td class=\"text\">");
        if (a)
            code = put_value(p, task, a, names->items[i], err);
        else
            buf_puts(p->out, "not stored");
        buf_puts(p->out, "</td><td>");
        if (a)
            put_type(p->out, a->type);
        buf_puts(p->out, "</td></tr>\n");
    }
    buf_puts(p->out, "</tbody></table></div>\n");
    return code;
}

errc page_parameters(const struct page *p, struct err *err)
{
    auto_cleanup(strv_free) struct strv names = {0};
    auto_free char *id = NULL;
    struct err one = ERR_INIT;
    errc code = client_parameters(p->c, p->run, p->cancel, &names, &id, &one);
    if (report_is_over(p->cancel, code)) {
        *err = one;
        return code;
    }
    if (!code && names.len == 0)
        return ERR_OK;
    buf_puts(p->out, "<section id=\"parameters\"><h2>Parameters</h2>\n");
    if (code) {
        page_trouble(p->out, "They cannot be read", one.cause);
        code = ERR_OK;
    } else {
        struct pathspec step = pathspec_child(p->run, "_parameters"), task = pathspec_child(&step, id);
        code = put_rows(p, &names, &task, err);
    }
    buf_puts(p->out, "</section>\n");
    return code;
}
