// Arrays: shape and type, a summary, a histogram as inline SVG, and the elements of small ones.
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "report/html.h"
#include "report/preview_i.h"
#include "report/preview_stats.h"

enum { SVG_WIDTH = 320, SVG_HEIGHT = 96 };

static void put_shape(struct preview *p, const struct npy_array *a)
{
    auto_cleanup(buf_free) struct buf name = {0};
    if (a->type->fields || a->type->sub)
        buf_puts(&name, "structured");
    else
        npy_type_name(&name, a->type);
    buf_puts(p->out, "<p class=\"note\">array of ");
    html_text_len(p->out, name.data ? name.data : "", name.len);
    buf_puts(p->out, ", shape (");
    for (unsigned i = 0; i < a->ndim; i++)
        buf_printf(p->out, "%s%zu", i ? ", " : "", a->shape[i]);
    buf_puts(p->out, a->ndim == 1 ? ",)</p>\n" : ")</p>\n");
}

static void put_fact(struct buf *out, const char *name, const char *text, size_t len)
{
    buf_printf(out, "<span><b>%s</b> ", name);
    html_text_len(out, text, len);
    buf_puts(out, "</span> ");
}

static void put_element(struct buf *out, const char *name, const struct npy_type *t, const uint8_t *at)
{
    auto_cleanup(buf_free) struct buf text = {0};
    if (!at)
        return;
    (void)npy_text(&text, t, at);
    put_fact(out, name, text.data ? text.data : "", text.len);
}

static void put_count(struct buf *out, const char *name, size_t n)
{
    auto_cleanup(buf_free) struct buf text = {0};
    buf_printf(&text, "%zu", n);
    put_fact(out, name, text.data ? text.data : "", text.len);
}

static bool is_time(const struct npy_type *t)
{
    return t->kind == 'M' || t->kind == 'm';
}

// True and False are counted; other elements have least, greatest and mean.
static void put_summary(struct preview *p, const struct npy_array *a, const struct array_stats *s)
{
    buf_puts(p->out, "<p class=\"stats\">");
    if (a->type->kind == 'b') {
        size_t n_true = s->looked ? (size_t)(s->mean * (long double)s->looked + 0.5L) : 0;
        put_count(p->out, "True", n_true);
        put_count(p->out, "False", s->looked - n_true);
    } else {
        put_element(p->out, "min", a->type, s->min);
        put_element(p->out, "max", a->type, s->max);
    }
    if (!memchr("bMm", a->type->kind, 3) && !isnan(s->mean)) {
        auto_cleanup(buf_free) struct buf text = {0};
        buf_printf(&text, "%.6Lg", s->mean);
        put_fact(p->out, "mean", text.data ? text.data : "", text.len);
    }
    if (memchr("fMm", a->type->kind, 3))
        put_count(p->out, is_time(a->type) ? "NaT" : "NaN", s->missing);
    if (s->infinite)
        put_count(p->out, "infinite", s->infinite);
    buf_puts(p->out, "</p>\n");
    if (s->step > 1)
        preview_note(p->out, "sampled: one in %zu of the %zu elements was looked at", s->step, a->count);
}

// An edge of a bin as text: whole numbers of integer types as such.
static void put_edge(struct buf *out, const struct npy_type *t, long double x)
{
    if (t->kind == 'M' && fabsl(x) < 0x1p62L)
        npy_datetime_text(out, t, (int64_t)x);
    else if (t->kind == 'm' && fabsl(x) < 0x1p62L)
        npy_timedelta_text(out, t, (int64_t)x);
    else
        buf_printf(out, "%.6Lg", x);
}

static void put_histogram(struct preview *p, const struct npy_type *t, const struct array_stats *s)
{
    size_t most = 1;
    for (unsigned i = 0; i < s->n_bins; i++)
        most = s->bins[i] > most ? s->bins[i] : most;
    buf_printf(p->out, "<figure><svg class=\"hist\" role=\"img\" aria-label=\"histogram of %zu elements\" "
                       "viewBox=\"0 0 %d %d\">", s->finite, SVG_WIDTH, SVG_HEIGHT);
    long double width = (s->last - s->first) / s->n_bins;
    for (unsigned i = 0; i < s->n_bins; i++) {
        double high = (double)s->bins[i] / (double)most * (SVG_HEIGHT - 2);
        if (s->bins[i] && high < 1)
            high = 1;
        double step = (double)SVG_WIDTH / s->n_bins;
        buf_printf(p->out, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" data-n=\"%zu\"><title>",
                   i * step + 0.5, SVG_HEIGHT - high, step - 1, high, s->bins[i]);
        put_edge(p->out, t, s->first + width * i);
        buf_puts(p->out, " to ");
        put_edge(p->out, t, i + 1 == s->n_bins ? s->last : s->first + width * (i + 1));
        buf_printf(p->out, ": %zu</title></rect>", s->bins[i]);
    }
    buf_puts(p->out, "</svg><figcaption><span>");
    put_edge(p->out, t, s->first);
    buf_puts(p->out, "</span><span>");
    put_edge(p->out, t, s->last);
    buf_puts(p->out, "</span></figcaption></figure>\n");
}

static void put_stats(struct preview *p, const struct npy_array *a)
{
    struct array_stats s = {0};
    struct err err = ERR_INIT;
    if (stats_of(a, STATS_MAX_LOOKED, p->cancel, &s, &err)) {
        preview_bad(p->out, "%s", err.cause);
        return;
    }
    put_summary(p, a, &s);
    if (s.has_histogram && a->type->kind != 'b')
        put_histogram(p, a->type, &s);
}

void preview_array(struct preview *p, const struct value *v, const struct npy_array *a)
{
    put_shape(p, a);
    if (!a->count)
        return;
    if (a->ndim && !a->objects && stats_is_numeric(a->type))
        put_stats(p, a);
    if (array_is_picture(a)) {
        preview_picture(p, a);
        return;
    }
    auto_cleanup(frame_freep) struct frame *f = NULL;
    struct err err = ERR_INIT;
    if (a->ndim == 1 && !frame_of(v, p->cancel, &f, &err) && f->n_columns == 1)
        preview_elements(p, f);
    else if (f || (a->ndim == 2 && !frame_of(v, p->cancel, &f, &err)))
        preview_table(p, f);
    else if (a->ndim == 0 || a->objects)
        preview_json(p, v);
}
