// Which preview an artifact has, and what is read for it.
#include "report/preview.h"

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "client/included.h"
#include "client/pickle_reader.h"
#include "report/html.h"
#include "report/preview_i.h"

const char preview_style[] =
    "table.data{min-width:0;font-size:13px;line-height:1.35}"
    "table.data td,table.data th{border:1px solid var(--line);padding:2px 8px;white-space:pre;max-width:26em;"
    "overflow:hidden;text-overflow:ellipsis}table.data .dtype td,table.data .na,table.data .gap{color:var(--dim)}"
    "@media(max-width:640px){table.data td,table.data th{max-width:14em}}table.data .bad{color:var(--failed)}"
    "p.stats span{margin-right:1.2em;white-space:nowrap}p.stats b{font-weight:normal;color:var(--dim)}"
    ".preview p{margin:.3em 0}p.bad{color:var(--failed)}"
    ".preview pre{margin:.3em 0;max-height:24em;white-space:pre-wrap;overflow-wrap:anywhere}"
    ".preview pre.hex{white-space:pre}"
    ".preview img{display:block;max-width:100%;max-height:24em;min-width:3em;margin:.3em 0;background:#fff;"
    "border:1px solid var(--line)}img.pixels{image-rendering:pixelated}"
    "figure{margin:.4em 0;max-width:320px}figcaption{display:flex;justify-content:space-between;font-size:13px;"
    "color:var(--dim)}svg.hist{width:100%;height:auto;border-bottom:1px solid var(--dim)}"
    "svg.hist rect{fill:var(--link)}";

enum { LOOK_MS = 100 };    // between looks at the token while waiting
enum { VALUE_MS = 5000 };  // for reading a value whose bytes are there: large ones wait for each other

// A number, date or other scalar: its line.
static bool preview_scalar(struct preview *p, const struct value *v)
{
    struct err err = ERR_INIT;
    auto_cleanup(buf_free) struct buf text = {.max = 4096};
    struct head_sink head = head_sink_to(&text);
    auto_cleanup(npy_type_freep) struct npy_type *type = NULL;
    const uint8_t *data;
    const struct value *object;
    auto_cleanup(buf_free) struct buf scalar = {.max = 4096};
    bool is_line = v->kind <= VALUE_FLOAT || npy_scalar(v, &type, &data, &object) == NPY_YES ||
                   (v->kind == VALUE_CALL && render_scalar(v, &scalar));
    if (!is_line)
        return false;
    errc e = render_natural(v, NATURAL_LINE, p->cancel, &head.sink, &err);
    if (e && !head.cut) {
        preview_bad(p->out, "%s", err.cause);
        return true;
    }
    size_t len = text.len;
    while (len && text.data[len - 1] == '\n')
        len--;
    buf_puts(p->out, "<pre class=\"line\">\n");
    html_text_len(p->out, text.data ? text.data : "", len);
    buf_puts(p->out, "</pre>\n");
    if (head.cut)
        preview_note(p->out, "cut: its first %zu characters", len);
    return true;
}

void preview_value(struct preview *p, const struct value *v)
{
    auto_cleanup(frame_freep) struct frame *f = NULL;
    auto_cleanup(npy_array_free) struct npy_array a = {0};
    struct err err = ERR_INIT;
    if (v->kind == VALUE_STR)
        preview_text(p, v->u.bytes.data, v->u.bytes.len);
    else if (v->kind == VALUE_BYTES || v->kind == VALUE_BYTEARRAY)
        preview_bytes(p, v->u.bytes.data, v->u.bytes.len);
    else if (preview_scalar(p, v))
        return;
    else if (npy_array(v, &a) == NPY_YES)
        preview_array(p, v, &a);
    else if (frame_is(v) && !frame_of(v, p->cancel, &f, &err))
        preview_table(p, f);
    else
        preview_json(p, v);
}

// --- what is read ------------------------------------------------------------------------------------------

static uint64_t may_read(const struct preview_budget *budget)
{
    return budget->read < PREVIEW_MAX_READ ? budget->read : PREVIEW_MAX_READ;
}

static void take(struct preview_budget *budget, uint64_t n)
{
    budget->read -= n < budget->read ? n : budget->read;
}

bool preview_fits(const struct artifact *a, const struct preview_budget *budget)
{
    return budget->read > 0 && (a->size < 0 || (uint64_t)a->size <= may_read(budget));
}

static void tell_too_large(struct preview *p, uint64_t size)
{
    auto_cleanup(buf_free) struct buf text = {0};
    if (size)
        put_size(&text, size);
    if (!size || size > PREVIEW_MAX_READ)
        preview_note(p->out, "%s%sNo preview: it is read for this page up to 16 MiB. Open it by its name.",
                     text.data ? text.data : "", size ? ". " : "");
    else
        preview_note(p->out, "%s. No preview: this page has read its 64 MiB. Open it by its name.", text.data);
}

// Waits until so many bytes are there, or the end or an error, which who reads them is told; false when it takes too
// long, which the page says.
static bool wait_for(struct preview *p, struct staged *s, uint64_t upto)
{
    struct err err = ERR_INIT;
    int64_t now = clock_mono_ms(), end = now + PREVIEW_PATIENCE_MS;
    if (end > p->budget->until_ms)
        end = p->budget->until_ms;
    for (; !staged_ready(s, upto) && !cancel_check(p->cancel, &err); now = clock_mono_ms()) {
        if (now >= end) {
            preview_note(p->out, "No preview: its bytes did not come in time. Open it by its name.");
            return false;
        }
        struct cancel slice = {.deadline_ms = now + LOOK_MS < end ? now + LOOK_MS : end};
        uint64_t avail;
        bool ended;
        errc e = staged_wait(s, upto, &slice, &avail, &ended, &err);
        if (e && e != ERR_TIMEOUT)
            return true;
    }
    return true;
}

// The body of an included file: text where it is UTF-8, else bytes.
static errc read_included(struct preview *p, const struct artifact_env *env, const struct artifact *a, struct err *err)
{
    auto_cleanup(staged_unrefp) struct staged *body = NULL;
    const uint8_t *data;
    size_t len;
    uint64_t avail = 0, max = may_read(p->budget);
    bool ended = false;
    errc e = included_begin(env, a, p->cancel, &body, err);
    if (!e && !wait_for(p, body, max + 1))
        return ERR_OK;
    if (!e)
        e = staged_wait(body, max + 1, p->cancel, &avail, &ended, err);
    if (!e && avail > max) {
        tell_too_large(p, avail > PREVIEW_MAX_READ ? 0 : avail);
        return ERR_OK;
    }
    if (!e && !ended)
        e = staged_wait(body, UINT64_MAX, p->cancel, &avail, &ended, err);
    if (!e)
        e = staged_map(body, &data, &len, err);
    if (e)
        return e;
    take(p->budget, len);
    if (!image_type(data, len) && pickle_utf8_valid(data, len, false) && !memchr(data, 0, len))
        preview_text(p, data, len);
    else
        preview_bytes(p, data, len);
    staged_unmap(body, data, len);
    return ERR_OK;
}

// What another serializer wrote: its bytes, where it is known how many these are.
static errc read_stored(struct preview *p, const struct artifact_env *env, const struct artifact *a, struct err *err)
{
    auto_cleanup(content_unrefp) struct content *content = NULL;
    auto_cleanup(buf_free) struct buf bytes = {.max = PREVIEW_MAX_READ};
    preview_note(p->out, "%s.", err->cause);
    if (a->size < 0)
        return ERR_OK;
    errc e = artifact_open_stored(env, a, p->cancel, &content, err);
    if (!e)
        e = content_read_all(content, p->cancel, &bytes, err);
    if (e)
        return e;
    take(p->budget, bytes.len);
    preview_bytes(p, (const uint8_t *)(bytes.data ? bytes.data : ""), bytes.len);
    return ERR_OK;
}

static errc read_value(struct preview *p, const struct artifact_env *env, const struct artifact *a, struct err *err)
{
    auto_cleanup(artifact_value_free) struct artifact_value v = {0};
    auto_cleanup(staged_unrefp) struct staged *staged = NULL;
    struct blob_source src = {.store = env->store, .staging = env->staging, .flow = env->flow, .sha = a->sha};
    size_t known;
    if (blob_key_is_valid(a->sha) && !blob_known(a->sha, &known) && !blob_get(&src, &staged, err) &&
        !wait_for(p, staged, may_read(p->budget) + 1))
        return ERR_OK;
    struct cancel slice = {.deadline_ms = clock_mono_ms() + VALUE_MS};
    errc e = artifact_load(env, a, (size_t)may_read(p->budget), &slice, &v, err);
    if (e == ERR_TIMEOUT) {
        preview_note(p->out, "No preview: it takes too long to read. Open it by its name.");
        return ERR_OK;
    }
    if (e)
        return e == ERR_NO_FORM ? read_stored(p, env, a, err) : e;
    take(p->budget, v.len);
    preview_value(p, pickle_root(v.pickle));
    return ERR_OK;
}

void preview_artifact(const struct artifact_env *env, const struct artifact *a, struct preview_budget *budget,
                      struct cancel *cancel, struct buf *out)
{
    struct preview p = {.out = out, .cancel = cancel, .budget = budget};
    struct err err = ERR_INIT;
    if (!preview_fits(a, budget)) {
        tell_too_large(&p, a->size < 0 ? 0 : (uint64_t)a->size);
        return;
    }
    errc e = natural_form_of(a->type) == NATURAL_INCLUDED ? read_included(&p, env, a, &err)
                                                          : read_value(&p, env, a, &err);
    if (e == ERR_LIMIT)
        preview_note(out, "No preview: %s. Open it by its name.", err.cause);
    else if (e)
        preview_bad(out, "Cannot be read: %s", err.cause);
}
