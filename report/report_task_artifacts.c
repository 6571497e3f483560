// The artifacts of a task, with previews.
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "client/blob.h"
#include "report/html.h"
#include "report/preview_i.h"
#include "report/report_task_i.h"

// Beyond these there are names only, and a page of so many bytes gets no more previews (report/preview.h has why).
enum { MAX_SHOWN = 2000, FULL_PAGE = 6 << 20 };

// Artifacts that are being fetched while those before them are shown: far stores answer one after another else.
enum { AHEAD = 16 };
struct fetched {
    struct staged *held[AHEAD]; // each a reference, in the place of the artifact's number modulo AHEAD
    size_t next;                // number of the first that is not begun
    uint64_t bytes;             // recorded sizes of what was begun
};

// "list" of "<class 'list'>".
static void put_type(struct buf *out, const char *type)
{
    size_t len = strlen(type);
    if (len > 10 && !strncmp(type, "<class '", 8) && !strcmp(type + len - 2, "'>"))
        html_text_len(out, type + 8, len - 10);
    else
        html_text_len(out, type, len < 300 ? len : 300);
}

static void put_form(struct buf *out, const char *folder, const struct artifact *a, const char *end)
{
    buf_printf(out, ", <a href=\"%s/", folder);
    html_name(out, a->name);
    buf_printf(out, "%s\">%s</a>", end, *end ? end + 1 : folder + 1);
}

static void put_links(struct buf *out, const struct artifact *a)
{
    buf_puts(out, "<p class=\"links\">");
    if (a->size >= 0)
        put_size(out, (uint64_t)a->size);
    else
        buf_puts(out, "size not recorded");
    put_form(out, ".json", a, ".json");
    if (artifact_has_csv(a))
        put_form(out, ".csv", a, ".csv");
    if (artifact_has_npy(a))
        put_form(out, ".npy", a, ".npy");
    put_form(out, ".pickle", a, "");
    buf_puts(out, "</p>\n");
}

static void put_artifact(struct task_page *p, const struct artifact_env *env, const struct artifact *a,
                         struct preview_budget *budget)
{
    struct buf *out = p->out;
    buf_puts(out, "<section class=\"artifact\"><h3>");
    put_link(out, "", a->name, "", a->name);
    buf_puts(out, " <code>");
    put_type(out, a->type);
    buf_puts(out, "</code></h3>\n");
    put_links(out, a);
    buf_puts(out, "<div class=\"preview\">\n");
    if (out->len > FULL_PAGE)
        preview_note(out, "No preview: the page is full. Open it by its name.");
    else
        preview_artifact(env, a, budget, p->cancel, out);
    buf_puts(out, "</div></section>\n");
}

static void put_hidden(struct task_page *p, const struct artifacts *all, size_t n)
{
    buf_printf(p->out, "<details><summary>Hidden artifacts (%zu)</summary>\n<div class=\"wide\">", n);
    buf_puts(p->out, "<table class=\"hidden\">\n");
    size_t shown = 0;
    for (size_t i = 0; i < all->len && shown < MAX_SHOWN; i++) {
        const struct artifact *a = &all->items[i];
        if (artifact_is_visible(a))
            continue;
        shown++;
        buf_puts(p->out, "<tr><th>");
        put_link(p->out, ".internal/", a->name, "", a->name);
        buf_puts(p->out, "</th><td><code>");
        put_type(p->out, a->type);
        buf_puts(p->out, "</code></td><td class=\"num\">");
        if (a->size >= 0)
            put_size(p->out, (uint64_t)a->size);
        buf_puts(p->out, "</td></tr>\n");
    }
    buf_puts(p->out, "</table></div></details>\n");
    if (n > MAX_SHOWN)
        buf_printf(p->out, "<p class=\"note\">cut: <a href=\".internal/\">%zu more</a></p>\n", n - MAX_SHOWN);
}

static void begin_one(const struct artifact_env *env, const struct artifact *a, struct staged **ret)
{
    size_t len;
    struct err err = ERR_INIT;
    struct blob_source src = {
        .store = env->store, .staging = env->staging, .flow = env->flow, .sha = a->sha, .ahead = true};
    // What cannot be fetched is told where the artifact is shown.
    if (blob_key_is_valid(a->sha) && !blob_known(a->sha, &len) && blob_get(&src, ret, &err) != ERR_OK)
        *ret = NULL;
}

// Begins to fetch up to AHEAD artifacts from number i on, which is shown next, as far as the page will read them.
static void fetch_ahead(struct fetched *f, const struct artifact_env *env, const struct artifacts *all, size_t i)
{
    for (f->next = f->next > i ? f->next : i; f->next < all->len && f->next < i + AHEAD; f->next++) {
        const struct artifact *a = &all->items[f->next];
        uint64_t size = a->size < 0 ? 0 : (uint64_t)a->size;
        if (!artifact_is_visible(a) || size > PREVIEW_MAX_READ || f->bytes + size > PREVIEW_MAX_READ_PAGE)
            continue;
        f->bytes += size;
        begin_one(env, a, &f->held[f->next % AHEAD]);
    }
}

static void let_go(struct fetched *f, size_t i)
{
    if (f->held[i % AHEAD])
        staged_unref(f->held[i % AHEAD]);
    f->held[i % AHEAD] = NULL;
}

// Half of the time that the page has, so that the rest of it is told.
static int64_t previews_end_ms(const struct task_page *p)
{
    int64_t now = clock_mono_ms(), deadline = p->cancel ? p->cancel->deadline_ms : 0;
    return deadline > 0 ? now + (deadline - now) / 2 : INT64_MAX;
}

static void put_visible(struct task_page *p, const struct artifacts *all)
{
    struct artifact_env env = client_artifact_env(p->c, p->ps);
    struct preview_budget budget = {.read = PREVIEW_MAX_READ_PAGE, .images = PREVIEW_MAX_IMAGE_PAGE,
                                    .until_ms = previews_end_ms(p)};
    struct fetched fetched = {.next = 0};
    struct err err = ERR_INIT;
    size_t shown = 0;
    for (size_t i = 0; i < all->len && shown < MAX_SHOWN && !cancel_check(p->cancel, &err); i++) {
        if (!artifact_is_visible(&all->items[i]))
            continue;
        fetch_ahead(&fetched, &env, all, i);
        put_artifact(p, &env, &all->items[i], &budget);
        let_go(&fetched, i);
        shown++;
    }
    for (size_t i = 0; i < AHEAD; i++)
        let_go(&fetched, i);
}

void task_page_artifacts(struct task_page *p)
{
    auto_cleanup(artifacts_unrefp) const struct artifacts *all = NULL;
    struct err err = ERR_INIT;
    size_t visible = 0;
    errc e = client_artifacts(p->c, p->ps, p->attempt, p->cancel, &all, &err);
    for (size_t i = 0; !e && i < all->len; i++)
        visible += artifact_is_visible(&all->items[i]);
    if (e) {
        buf_puts(p->out, "<h2>Artifacts</h2>\n");
        task_page_trouble(p, &err);
        return;
    }
    buf_printf(p->out, "<h2>Artifacts (%zu)</h2>\n", visible);
    if (all->attempt < 0)
        buf_puts(p->out, "<p class=\"note\">No attempt is done, and artifacts are those of one that is.</p>\n");
    put_visible(p, all);
    if (visible > MAX_SHOWN)
        buf_printf(p->out, "<p class=\"note\">cut: %zu more are in <a href=\"./\">the directory</a></p>\n",
                   visible - MAX_SHOWN);
    if (visible < all->len)
        put_hidden(p, all, all->len - visible);
}
