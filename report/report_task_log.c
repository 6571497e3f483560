// A task's cards, and the end of its log.
#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "report/html.h"
#include "report/preview_i.h"
#include "report/report_task_i.h"

enum { LOG_BYTES = 64 * 1024, LOG_LINES = 200, MAX_CARDS = 200 };
#define LOG_MAX_RAW (64u << 20)

void task_page_cards(struct task_page *p)
{
    auto_cleanup(cards_free) struct cards cards = {0};
    struct err err = ERR_INIT;
    errc e = client_cards(p->c, p->ps, p->attempt, p->cancel, &cards, &err);
    if (!e && !cards.len)
        return;
    buf_puts(p->out, "<h2>Cards</h2>\n");
    if (e) {
        task_page_trouble(p, &err);
        return;
    }
    buf_puts(p->out, "<ul class=\"plain\">\n");
    for (size_t i = 0; i < cards.len && i < MAX_CARDS; i++) {
        const struct card *card = &cards.items[i];
        auto_free char *text = card->id ? mem_printf("%s: %s", card->type, card->id) : mem_strdup(card->type);
        buf_puts(p->out, "<li>");
        buf_puts(p->out, "<a href=\".cards/");
        html_path(p->out, card->file);
        buf_puts(p->out, "\">");
        html_text(p->out, text);
        buf_puts(p->out, "</a>");
        buf_puts(p->out, ", ");
        put_size(p->out, card->size);
        buf_puts(p->out, ", ");
        html_time(p->out, card->mtime_ms);
        buf_puts(p->out, "</li>\n");
    }
    buf_puts(p->out, "</ul>\n");
    if (cards.len > MAX_CARDS)
        buf_printf(p->out, "<p class=\"note\"><a href=\".cards/\">%zu more</a></p>\n", cards.len - MAX_CARDS);
}

// --- log -----------------------------------------------------------------------------------------------------

// Where the last LOG_LINES whole lines begin; is_tail: the first line is only the end of one.
static size_t last_lines(const char *s, size_t len, bool is_tail)
{
    size_t lines = 0, at = len && s[len - 1] == '\n' ? len - 1 : len;
    for (; at > 0; at--)
        if (s[at - 1] == '\n' && ++lines == LOG_LINES)
            return at;
    const char *newline = is_tail ? memchr(s, '\n', len) : NULL;
    return newline && newline + 1 < s + len ? (size_t)(newline + 1 - s) : 0;
}

static errc read_end(struct task_page *p, const struct log_source *src, char *to, size_t *ret_len, uint64_t *ret_size,
                     struct err *err)
{
    auto_cleanup(content_unrefp) struct content *content = NULL;
    uint64_t raw = 0;
    errc e = logs_raw_size(src, LOG_BOTH, p->cancel, &raw, err);
    if (!e && raw > LOG_MAX_RAW)
        return err_set(err, ERR_LIMIT, "the log has %" PRIu64 " MiB; its end is shown here up to 64 MiB", raw >> 20);
    if (!e)
        e = logs_open(src, LOG_BOTH, p->cancel, &content, err);
    if (e)
        return e;
    *ret_size = content_size(content);
    uint64_t off = *ret_size > LOG_BYTES ? *ret_size - LOG_BYTES : 0;
    return content_read(content, off, to, LOG_BYTES, p->cancel, ret_len, err);
}

void task_page_log(struct task_page *p)
{
    auto_cleanup(task_unrefp) const struct task *t = NULL;
    auto_free char *text = mem_zalloc(LOG_BYTES);
    struct log_source src = {0};
    struct err err = ERR_INIT;
    uint64_t size = 0;
    size_t len = 0;
    errc e = client_log_source(p->c, p->ps, p->attempt, p->cancel, &src, &t, &err);
    if (!e)
        e = read_end(p, &src, text, &len, &size, &err);
    buf_puts(p->out, "<h2>Log</h2>\n<p class=\"links\"><a href=\".log\">all of it</a>, <a href=\".stdout\">stdout</a>, "
                     "<a href=\".stderr\">stderr</a></p>\n");
    if (e) {
        task_page_trouble(p, &err);
        return;
    }
    if (!len) {
        buf_puts(p->out, "<p class=\"note\">It is empty.</p>\n");
        return;
    }
    size_t begin = last_lines(text, len, size > len);
    if (begin || size > len)
        buf_printf(p->out, "<p class=\"note\">Its end: the last %zu of %" PRIu64 " bytes.</p>\n", len - begin, size);
    buf_puts(p->out, "<pre class=\"log tail\">\n");
    html_log(p->out, text + begin, len - begin);
    buf_puts(p->out, "</pre>\n");
}
