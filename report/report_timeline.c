// Three ways to draw, by how much there is: a row for each task; for each step a band with its tasks packed into
// lanes; and for a step of very many tasks how many of them were at work at each time.
#include "report/report_timeline.h"

#include <string.h>

#include "base/mem.h"
#include "report/drawing.h"
#include "report/html.h"
#include "report/report.h"
#include "report/report_timeline_i.h"

#define WIDTH 1100
#define LABELS 176      // width of the column with names
#define AXIS 22         // height of the marks above
#define RIGHT 14
#define NAME_CHARS 20
#define ROW 20
#define MAX_ROWS 60     // tasks of a run that have a row each
#define MAX_BARS 600    // attempts that are drawn one by one, each two elements
#define MAX_LANES 48
#define MAX_BANDS 200
#define DENSITY_HEIGHT 64
#define EMPTY_HEIGHT 60

// --- rows: a task each ------------------------------------------------------------------------------------

static void put_task_link(struct buf *b, const struct step_facts *s, const struct task_facts *t)
{
    html_name(b, s->name);
    buf_puts(b, "/");
    html_name(b, t->id);
    buf_puts(b, "/.report.html");
}

static void draw_row(const struct canvas *v, const struct step_facts *s, const struct task_facts *t, double y)
{
    auto_free char *label = s->len == 1 ? mem_strdup(s->name) : mem_printf("%s/%s", s->name, t->id);
    buf_puts(v->out, "<a href=\"");
    put_task_link(v->out, s, t);
    buf_printf(v->out, "\"><text class=\"name\" x=\"8\" y=\"%.1f\">", y + 14);
    drawing_text(v->out, label, NAME_CHARS);
    buf_puts(v->out, "<title>");
    html_text(v->out, label);
    buf_puts(v->out, "</title></text></a>");
    if (t->brief.len > 1)
        buf_printf(v->out, "<path class=\"wait\" d=\"M%.2f %.1fH%.2f\"/>",
                   time_scale_x(&v->scale, t->brief.attempts[0].start_ms), y + 10,
                   time_scale_x(&v->scale, t->brief.attempts[t->brief.len - 1].start_ms));
    for (size_t i = 0; i < t->brief.len; i++)
        canvas_bar(v, s, t, &t->brief.attempts[i], y + 4, 12);
    buf_puts(v->out, "\n");
}

static double draw_rows(const struct canvas *v, double y)
{
    size_t n = 0;
    for (size_t i = 0; i < v->f->len; i++)
        for (size_t k = 0; k < v->f->steps[i].len; k++)
            draw_row(v, &v->f->steps[i], &v->f->steps[i].tasks[k], y + (double)n++ * ROW);
    return y + (double)n * ROW;
}

// --- bands: a step each -----------------------------------------------------------------------------------

static void draw_band_name(const struct canvas *v, const struct step_facts *s, double y)
{
    buf_puts(v->out, "<a href=\"");
    html_name(v->out, s->name);
    buf_puts(v->out, "/");
    if (s->len == 1) {
        html_name(v->out, s->tasks[0].id);
        buf_puts(v->out, "/.report.html");
    }
    buf_printf(v->out, "\"><text class=\"name\" x=\"8\" y=\"%.1f\">", y + 14);
    drawing_text(v->out, s->name, NAME_CHARS);
    buf_puts(v->out, "<title>");
    html_text(v->out, s->name);
    buf_puts(v->out, "</title></text></a>");
}

static size_t count_bars(const struct step_facts *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->len; i++)
        n += s->tasks[i].brief.len;
    return n;
}

// Draws a step's band and returns its height. *left is how many bars may still be drawn.
static double draw_band(const struct canvas *v, const struct step_facts *s, double y, size_t *left)
{
    size_t bars = count_bars(s), lanes = 0;
    auto_free size_t *lane = NULL;
    if (bars <= *left)
        lane = lanes_pack(&v->scale, v->f, s, MAX_LANES, &lanes);
    draw_band_name(v, s, y);
    if (s->len == 1 && lane) {
        for (size_t i = 0; i < s->tasks[0].brief.len; i++)
            canvas_bar(v, s, &s->tasks[0], &s->tasks[0].brief.attempts[i], y + 4, 12);
        *left -= bars;
        return ROW;
    }
    buf_printf(v->out, "<text class=\"label\" x=\"8\" y=\"%.1f\">", y + 28);
    drawing_counts(v->out, s->by_status, 2);
    buf_puts(v->out, "</text>\n");
    if (!lane) {
        density_draw(v, s, y + 4, DENSITY_HEIGHT);
        return DENSITY_HEIGHT + 12;
    }
    double pitch = lanes <= 6 ? 11 : lanes <= 16 ? 7 : 4;
    for (size_t i = 0; i < s->len; i++)
        for (size_t k = 0; k < s->tasks[i].brief.len; k++)
            canvas_bar(v, s, &s->tasks[i], &s->tasks[i].brief.attempts[k], y + 4 + (double)lane[i] * pitch, pitch - 1);
    *left -= bars;
    double height = (double)lanes * pitch + 10;
    return height < 36 ? 36 : height;
}

static double draw_bands(const struct canvas *v, double y)
{
    size_t left = MAX_BARS, drawn = 0, skipped = 0;
    for (size_t i = 0; i < v->f->len; i++) {
        const struct step_facts *s = &v->f->steps[i];
        if (s->len == 0)
            continue;
        if (drawn == MAX_BANDS) {
            skipped++;
            continue;
        }
        y += draw_band(v, s, y, &left);
        buf_printf(v->out, "<path class=\"grid\" d=\"M0 %.1fH%d\"/>\n", y, WIDTH);
        drawn++;
    }
    if (skipped) {
        buf_printf(v->out, "<text class=\"label\" x=\"8\" y=\"%.1f\">and %zu more steps</text>\n", y + 14, skipped);
        y += ROW;
    }
    return y;
}

// --- axis and legend --------------------------------------------------------------------------------------

static void draw_axis(const struct canvas *v, double top, double bottom, struct buf *out)
{
    int64_t step = time_scale_step(&v->scale);
    for (int64_t at = 0; at <= v->scale.to_ms - v->scale.from_ms; at += step) {
        double x = time_scale_x(&v->scale, v->scale.from_ms + at);
        buf_printf(out, "<path class=\"grid\" d=\"M%.1f %.1fV%.1f\"/><text class=\"label\" x=\"%.1f\" y=\"%.1f\"%s>", x,
                   top + AXIS - 4, bottom, x, top + 13, x > WIDTH - 60 ? " text-anchor=\"end\"" : "");
        time_scale_mark(out, at);
        buf_puts(out, "</text>\n");
    }
}

static double draw_legend(const struct canvas *v, double y)
{
    double x = 8;
    bool retried = false, used[STATUSES] = {false};
    for (size_t i = 0; i < v->f->len; i++)
        for (size_t k = 0; k < v->f->steps[i].len; k++) {
            const struct task_brief *b = &v->f->steps[i].tasks[k].brief;
            retried |= b->len > 1;
            for (size_t n = 0; n < b->len; n++)
                used[b->attempts[n].status] = true;
        }
    for (int status = STATUS_UNKNOWN; status < STATUSES; status++) {
        const char *word = status_name((enum status)status);
        if (!used[status])
            continue;
        buf_printf(v->out, "<rect class=\"bar %s\" x=\"%.1f\" y=\"%.1f\" width=\"12\" height=\"10\"/><text "
                           "class=\"label\" x=\"%.1f\" y=\"%.1f\">%s</text>", word, x, y, x + 17, y + 9, word);
        x += 84;
    }
    buf_printf(v->out, "<text class=\"label\" x=\"%.1f\" y=\"%.1f\">%s</text>\n", x, y + 9,
               retried ? "a bar for each attempt, from the task\xe2\x80\x99s creation; pale: no end is known"
                       : "from each task\xe2\x80\x99s creation to its end; pale: no end is known");
    return y + 18;
}

void report_timeline_draw(const struct run_facts *f, const struct pathspec *run, bool alone, struct buf *out)
{
    struct buf body = {.max = out->max};
    struct canvas v = {f, time_scale_of(f, LABELS, WIDTH - LABELS - RIGHT), &body};
    double top = draw_legend(&v, 8) + 4, y = top + AXIS;
    if (f->n_tasks == 0) {
        buf_printf(&body, "<text class=\"label\" x=\"8\" y=\"%.1f\">No task has started</text>\n", y + 14);
        y += EMPTY_HEIGHT;
    } else {
        y = f->n_tasks <= MAX_ROWS ? draw_rows(&v, y) : draw_bands(&v, y);
    }
    auto_free char *title = mem_printf("Tasks of run %s/%s over time", run->flow, run->run);
    struct drawing d = {"timeline", title, WIDTH, y + 8, alone};
    drawing_begin(out, &d, "Time since the first task was created goes to the right; a row or band for each step.");
    if (f->n_tasks)
        draw_axis(&v, top, y, out);
    buf_put(out, body.data ? body.data : "", body.len);
    out->over |= body.over;
    drawing_end(out);
    buf_free(&body);
}

errc report_timeline(struct client *c, const struct pathspec *run, struct cancel *cancel, struct buf *out,
                     struct err *err)
{
    auto_cleanup(run_facts_free) struct run_facts f = {0};
    errc code = run_facts_read(c, run, cancel, &f, err);
    if (code)
        return code;
    report_timeline_draw(&f, run, true, out);
    return out->over ? err_set(err, ERR_LIMIT, "the drawing is larger than %zu bytes", out->max) : ERR_OK;
}
