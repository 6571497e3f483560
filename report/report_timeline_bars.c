#include "base/mem.h"
#include "report/html.h"
#include "report/report_timeline_i.h"

#define MIN_BAR 2.0  // pixels
#define BIN 2.0      // pixels of the density's columns
#define MARKS 4      // height of the marks of failures

static bool is_open(const struct task_facts *t, const struct attempt_brief *a)
{
    return a->end_ms < 0 && a == &t->brief.attempts[t->brief.len - 1];
}

void canvas_bar(const struct canvas *v, const struct step_facts *s, const struct task_facts *t,
                const struct attempt_brief *a, double y, double height)
{
    int64_t end = attempt_end_ms(v->f, t, a);
    double x0 = time_scale_x(&v->scale, a->start_ms), x1 = time_scale_x(&v->scale, end);
    if (x1 - x0 < MIN_BAR)
        x1 = x0 + MIN_BAR;
    buf_printf(v->out, "<rect class=\"bar %s%s\" x=\"%.2f\" y=\"%.1f\" width=\"%.2f\" height=\"%.1f\"><title>",
               status_name(a->status), is_open(t, a) ? " open" : "", x0, y, x1 - x0, height);
    html_text(v->out, s->name);
    buf_puts(v->out, "/");
    html_text(v->out, t->id);
    if (t->brief.len > 1 || a->number > 0)
        buf_printf(v->out, ", attempt %d", a->number);
    buf_printf(v->out, ": %s, %s", status_name(a->status), is_open(t, a) ? "no end known, " : "");
    html_duration(v->out, end - a->start_ms);
    buf_puts(v->out, "</title></rect>");
}

size_t *lanes_pack(const struct time_scale *scale, const struct run_facts *f, const struct step_facts *s, size_t max,
                   size_t *ret_lanes)
{
    auto_free double *ends = mem_zalloc((max + 1) * sizeof ends[0]);
    auto_free size_t *lane = mem_zalloc((s->len + 1) * sizeof lane[0]);
    size_t lanes = 0;
    for (size_t i = 0; i < s->len; i++) {
        const struct task_brief *b = &s->tasks[i].brief;
        double x0 = time_scale_x(scale, b->attempts[0].start_ms);
        double x1 = time_scale_x(scale, attempt_end_ms(f, &s->tasks[i], &b->attempts[b->len - 1]));
        size_t at = 0;
        while (at < lanes && ends[at] > x0)
            at++;
        if (at == max)
            return NULL;
        lanes = at == lanes ? lanes + 1 : lanes;
        ends[at] = (x1 - x0 < MIN_BAR ? x0 + MIN_BAR : x1) + 0.5;
        lane[i] = at;
    }
    *ret_lanes = lanes;
    return steal_ptr(&lane);
}

// --- density ----------------------------------------------------------------------------------------------

enum layer { LAYER_DONE, LAYER_OPEN, LAYER_FAILED, LAYERS };

struct density {
    size_t bins;
    double *at[LAYERS]; // tasks at work in each bin, on average over its time
    double highest;     // sum of a bin
    bool *failed;       // whether a task failed in this bin
    size_t peak;        // tasks at work at once
};

static enum layer layer_of(enum status s)
{
    return s == STATUS_DONE ? LAYER_DONE : s == STATUS_FAILED ? LAYER_FAILED : LAYER_OPEN;
}

// Adds the share of each bin's time that an attempt takes. `slopes` has what begins and ends with whole bins.
static void add_attempt(struct density *d, double *bins, double *slopes, double from, double to)
{
    size_t first = (size_t)from, last = (size_t)to;
    first = first < d->bins ? first : d->bins - 1;
    last = last < d->bins ? last : d->bins - 1;
    if (first == last) {
        bins[first] += to - from;
        return;
    }
    bins[first] += (double)(first + 1) - from;
    bins[last] += to - (double)last;
    slopes[first + 1] += 1;
    slopes[last] -= 1;
}

static void fill_layer(struct density *d, const struct canvas *v, const struct step_facts *s, enum layer layer)
{
    auto_free double *slopes = mem_zalloc((d->bins + 2) * sizeof slopes[0]);
    for (size_t i = 0; i < s->len; i++) {
        const struct task_facts *t = &s->tasks[i];
        for (size_t k = 0; k < t->brief.len; k++) {
            const struct attempt_brief *a = &t->brief.attempts[k];
            double from = (time_scale_x(&v->scale, a->start_ms) - v->scale.left) / BIN;
            double to = (time_scale_x(&v->scale, attempt_end_ms(v->f, t, a)) - v->scale.left) / BIN;
            if (layer_of(a->status) != layer)
                continue;
            add_attempt(d, d->at[layer], slopes, from, to);
            if (a->status == STATUS_FAILED)
                d->failed[(size_t)to < d->bins ? (size_t)to : d->bins - 1] = true;
        }
    }
    double whole = 0;
    for (size_t bin = 0; bin < d->bins; bin++) {
        whole += slopes[bin];
        d->at[layer][bin] += whole;
    }
}

static int by_time(const void *a, const void *b)
{
    int64_t ta = *(const int64_t *)a, tb = *(const int64_t *)b;
    return (ta > tb) - (ta < tb);
}

// The most attempts that were at work at once: one that ends as another starts does not count with it.
static size_t find_peak(const struct canvas *v, const struct step_facts *s)
{
    size_t max = 6 * s->len + 1, n = 0, peak = 0;
    auto_free int64_t *starts = mem_zalloc(max * sizeof starts[0]);
    auto_free int64_t *ends = mem_zalloc(max * sizeof ends[0]);
    for (size_t i = 0; i < s->len; i++)
        for (size_t k = 0; k < s->tasks[i].brief.len; k++) {
            starts[n] = s->tasks[i].brief.attempts[k].start_ms;
            ends[n++] = attempt_end_ms(v->f, &s->tasks[i], &s->tasks[i].brief.attempts[k]);
        }
    if (n) {
        qsort(starts, n, sizeof starts[0], by_time);
        qsort(ends, n, sizeof ends[0], by_time);
    }
    for (size_t i = 0, ended = 0; i < n; i++) {
        while (ended < i && ends[ended] <= starts[i])
            ended++;
        peak = i + 1 - ended > peak ? i + 1 - ended : peak;
    }
    return peak;
}

// One layer of the stack, along its lower side to the right and back along its upper one. Steps, not slopes: a share
// holds for a bin.
static void draw_layer(const struct density *d, const struct canvas *v, int layer, double y, double height)
{
    static const char *const classes[LAYERS] = {"done", "running", "failed"};
    double any = 0, scale = height / (d->highest > 0 ? d->highest : 1);
    for (size_t bin = 0; bin < d->bins; bin++)
        any += d->at[layer][bin];
    if (any <= 0)
        return;
    buf_printf(v->out, "<path class=\"bar %s\" d=\"", classes[layer]);
    for (int side = 0; side < 2; side++)
        for (size_t i = 0; i < d->bins; i++) {
            size_t bin = side ? d->bins - 1 - i : i;
            double sum = 0;
            for (int below = 0; below < layer + side; below++)
                sum += d->at[below][bin];
            double x = v->scale.left + (double)(bin + (side ? 1 : 0)) * BIN;
            buf_printf(v->out, "%s%.0f %.1fh%s%.0f", i || side ? "L" : "M", x, y + height - sum * scale,
                       side ? "-" : "", BIN);
        }
    buf_puts(v->out, "z\"/>\n");
}

static void draw_failures(const struct density *d, const struct canvas *v, double y)
{
    bool any = false;
    for (size_t bin = 0; bin < d->bins; bin++)
        if (d->failed[bin]) {
            buf_puts(v->out, any ? "" : "<path class=\"bar failed\" d=\"");
            any = true;
            buf_printf(v->out, "M%.0f %.1fh%.0fv%dh-%.0fz", v->scale.left + (double)bin * BIN, y, BIN, MARKS, BIN);
        }
    buf_puts(v->out, any ? "\"/>\n" : "");
}

void density_draw(const struct canvas *v, const struct step_facts *s, double y, double height)
{
    struct density d = {.bins = (size_t)(v->scale.width / BIN), .peak = find_peak(v, s)};
    d.failed = mem_zalloc((d.bins + 2) * sizeof d.failed[0]);
    for (int layer = 0; layer < LAYERS; layer++) {
        d.at[layer] = mem_zalloc((d.bins + 2) * sizeof d.at[0][0]);
        fill_layer(&d, v, s, (enum layer)layer);
    }
    for (size_t bin = 0; bin < d.bins; bin++) {
        double sum = d.at[LAYER_DONE][bin] + d.at[LAYER_OPEN][bin] + d.at[LAYER_FAILED][bin];
        d.highest = sum > d.highest ? sum : d.highest;
    }
    buf_puts(v->out, "<g><title>");
    html_text(v->out, s->name);
    buf_printf(v->out, ": %zu tasks, at most %zu at once</title>\n", s->len, d.peak);
    for (int layer = 0; layer < LAYERS; layer++)
        draw_layer(&d, v, layer, y, height - MARKS - 1);
    draw_failures(&d, v, y + height - MARKS);
    buf_printf(v->out, "</g><text class=\"label\" x=\"8\" y=\"%.1f\">at most %zu at once</text>\n", y + 38, d.peak);
    for (int layer = 0; layer < LAYERS; layer++)
        free(d.at[layer]);
    free(d.failed);
}
