#include "report/report_graph.h"

#include <string.h>

#include "base/mem.h"
#include "report/drawing.h"
#include "report/html.h"
#include "report/report.h"
#include "report/report_graph_layout.h"

#define MARGIN 14
#define STACK 4         // how far the cards behind a step of many tasks stand out, each
#define LOOP 28         // room for a step's line to itself
#define BOX_HEIGHT 62
#define NAME_CHAR 7.9   // pixels, at most, of a character of a name on average
#define STATE_CHAR 7.4 // and of the lines below
#define ROLE_CHAR 6.3
#define MIN_WIDTH 150
#define MAX_WIDTH 210
#define MAX_EDGES 20000
#define MAX_STATES 2    // told in a box; all of them are in its tooltip

struct picture {
    const struct run_facts *f;
    struct graph_layout layout;
    struct layout_size size;
    double left, top;   // of the layout in the drawing
    struct buf *out;
};

// --- what is known of a step ------------------------------------------------------------------------------

static bool is_foreach(const struct step_facts *s)
{
    const char *type = s->node ? s->node->type : "";
    return strcmp(type, "split-foreach") == 0 || strcmp(type, "split-parallel") == 0;
}

// "foreach over items", "switch on kind", "join": what a step is for the graph; nothing for most.
static void put_role(struct buf *b, const struct step_facts *s, size_t max)
{
    const char *type = s->node ? s->node->type : "", *detail = NULL;
    auto_free char *text = NULL;
    if (strcmp(type, "split-foreach") == 0) {
        detail = s->node->foreach_artifact;
        text = mem_printf("foreach%s%s", detail ? " over " : "", detail ? detail : "");
    } else if (strcmp(type, "split-switch") == 0) {
        detail = s->node->condition;
        text = mem_printf("switch%s%s", detail ? " on " : "", detail ? detail : "");
    } else if (strcmp(type, "split-parallel") == 0) {
        text = mem_strdup("parallel");
    } else if (strncmp(type, "split", 5) == 0) {
        text = mem_strdup("split");
    } else if (strcmp(type, "join") == 0) {
        text = mem_strdup("join");
    }
    if (text)
        drawing_text(b, text, max);
}

static void put_counts(struct buf *b, const struct step_facts *s, size_t max)
{
    if (s->len == 0)
        buf_puts(b, s->start_ms < 0 && s->trouble ? "not known" : "not started");
    else if (s->len == 1)
        buf_puts(b, step_state(s));
    else
        drawing_counts(b, s->by_status, max);
}

// --- edges of the graph -----------------------------------------------------------------------------------

static int by_name(const void *a, const void *b)
{
    const struct step_facts *const *sa = a, *const *sb = b;
    return strcmp((*sa)->name, (*sb)->name);
}

static size_t find_step(const struct run_facts *f, const struct step_facts *const *sorted, const char *name)
{
    struct step_facts key = {.name = (char *)(uintptr_t)name};
    const struct step_facts *wanted = &key;
    const struct step_facts *const *found = f->len ? bsearch(&wanted, sorted, f->len, sizeof sorted[0], by_name) : NULL;
    return found ? (size_t)(*found - f->steps) : SIZE_MAX;
}

static size_t (*find_edges(const struct run_facts *f, size_t *ret_len))[2]
{
    auto_free const struct step_facts **sorted = mem_zalloc((f->len + 1) * sizeof(void *));
    size_t (*edges)[2] = NULL;
    size_t len = 0, cap = 0;
    for (size_t i = 0; i < f->len; i++)
        sorted[i] = &f->steps[i];
    if (f->len)
        qsort(sorted, f->len, sizeof sorted[0], by_name);
    for (size_t i = 0; i < f->len; i++) {
        const struct graph_step *node = f->steps[i].node;
        for (size_t k = 0; node && k < node->next.len && len < MAX_EDGES; k++) {
            size_t to = find_step(f, sorted, node->next.items[k]);
            if (to == SIZE_MAX)
                continue;
            edges = mem_grow(edges, &cap, len + 1, sizeof edges[0]);
            edges[len][0] = i;
            edges[len++][1] = to;
        }
    }
    *ret_len = len;
    return edges;
}

// --- lines ------------------------------------------------------------------------------------------------

static void draw_curve(const struct picture *p, const struct layout_edge *e)
{
    const struct layout_point *at = &p->layout.points[e->first];
    buf_printf(p->out, "M%.1f %.1f", at[0].x + p->left, at[0].y + p->top);
    for (size_t i = 1; i < e->len; i++) {
        double x0 = at[i - 1].x + p->left, y0 = at[i - 1].y + p->top, x1 = at[i].x + p->left, y1 = at[i].y + p->top;
        if (x0 == x1) {
            buf_printf(p->out, "L%.1f %.1f", x1, y1);
        } else {
            double middle = (y0 + y1) / 2;
            buf_printf(p->out, "C%.1f %.1f %.1f %.1f %.1f %.1f", x0, middle, x1, middle, x1, y1);
        }
    }
}

static bool is_body_of_foreach(const struct picture *p, size_t box)
{
    for (size_t i = 0; i < p->layout.n_edges; i++)
        if (p->layout.edges[i].to == box && is_foreach(&p->f->steps[p->layout.edges[i].from]))
            return true;
    return false;
}

// Whether a step has, or will have, many tasks.
static bool is_stack(const struct picture *p, size_t box)
{
    return p->f->steps[box].len > 1 || is_body_of_foreach(p, box);
}

static double right_side(const struct picture *p, size_t box)
{
    return p->layout.boxes[box].x + p->left + p->size.box_width + (is_stack(p, box) ? 2 * STACK : 0);
}

static void draw_loop(const struct picture *p, const struct layout_edge *e)
{
    const struct layout_point *box = &p->layout.boxes[e->from];
    double x = right_side(p, e->from), y = box->y + p->top;
    double from = y + BOX_HEIGHT - 14, to = y + 14;
    buf_printf(p->out, "M%.1f %.1fC%.1f %.1f %.1f %.1f %.1f %.1f", x, from, x + LOOP, from, x + LOOP, to, x, to);
}

// The case of a switch that takes this line, NULL for any other line.
static const char *case_of(const struct step_facts *from, const struct step_facts *to)
{
    for (size_t i = 0; from->node && i < from->node->cases.len; i++)
        if (strcmp(from->node->case_steps.items[i], to->name) == 0)
            return from->node->cases.items[i];
    return NULL;
}

static void draw_edge(const struct picture *p, const struct layout_edge *e)
{
    const struct step_facts *from = &p->f->steps[e->from], *to = &p->f->steps[e->to];
    buf_printf(p->out, "<path class=\"edge%s\" marker-end=\"url(#graph-tip)\" d=\"",
               from->len && to->len ? "" : " unused");
    if (e->loop)
        draw_loop(p, e);
    else
        draw_curve(p, e);
    buf_puts(p->out, "\"><title>");
    html_text(p->out, from->name);
    buf_puts(p->out, " \xe2\x86\x92 ");
    html_text(p->out, to->name);
    buf_puts(p->out, "</title></path>\n");
    const char *label = case_of(from, to);
    if (!label)
        return;
    double x, y;
    if (e->loop) {
        x = right_side(p, e->from) + 3;
        y = p->layout.boxes[e->from].y + p->top + 8;
    } else {
        const struct layout_point *at = &p->layout.points[e->first];
        x = (at[0].x * 0.5 + at[1].x * 0.5) + p->left;
        y = (at[0].y * 0.5 + at[1].y * 0.5) + p->top + 4;
    }
    buf_printf(p->out, "<text class=\"label\" x=\"%.1f\" y=\"%.1f\"%s>", x, y,
               e->loop ? "" : " text-anchor=\"middle\"");
    drawing_text(p->out, label, 16);
    buf_puts(p->out, "</text>\n");
}

// --- boxes ------------------------------------------------------------------------------------------------

static void draw_cards(const struct picture *p, double x, double y)
{
    for (int i = 2; i > 0; i--)
        buf_printf(p->out, "<rect class=\"card\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%d\" rx=\"6\"/>",
                   x + i * STACK, y + i * STACK, p->size.box_width, BOX_HEIGHT);
}

// How many tasks are in which state, as parts of one line.
static void draw_shares(const struct picture *p, const struct step_facts *s, double x, double y)
{
    static const enum status order[] = {STATUS_DONE, STATUS_FAILED, STATUS_STALE, STATUS_RUNNING, STATUS_UNKNOWN};
    double width = p->size.box_width - 24;
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        double part = width * (double)s->by_status[order[i]] / (double)s->len;
        if (part > 0)
            buf_printf(p->out, "<rect class=\"bar %s\" x=\"%.2f\" y=\"%.1f\" width=\"%.2f\" height=\"4\"/>",
                       status_name(order[i]), x, y, part);
        x += part;
    }
}

static void put_tooltip(const struct picture *p, const struct step_facts *s)
{
    buf_puts(p->out, "<title>");
    html_text(p->out, s->name);
    buf_puts(p->out, ": ");
    put_counts(p->out, s, STATUSES);
    if (s->node && (strncmp(s->node->type, "split", 5) == 0 || strcmp(s->node->type, "join") == 0)) {
        buf_puts(p->out, "; ");
        put_role(p->out, s, 200);
    }
    buf_puts(p->out, "</title>");
}

static void draw_texts(const struct picture *p, const struct step_facts *s, double x, double y)
{
    size_t chars = (size_t)((p->size.box_width - 24) / NAME_CHAR);
    auto_cleanup(buf_free) struct buf role = {0};
    put_role(&role, s, (size_t)((p->size.box_width - 20) / ROLE_CHAR));
    double down = role.len || s->len > 1 ? 0 : 7; // what has two lines only has them in the middle
    buf_printf(p->out, "<text class=\"name\" x=\"%.1f\" y=\"%.1f\">", x, y + down + 20);
    drawing_text(p->out, s->name, chars);
    buf_printf(p->out, "</text><text class=\"state\" x=\"%.1f\" y=\"%.1f\">", x, y + down + 35);
    put_counts(p->out, s, MAX_STATES);
    buf_puts(p->out, "</text>");
    if (role.len) {
        buf_printf(p->out, "<text class=\"role\" x=\"%.1f\" y=\"%.1f\">", x, y + 49);
        buf_put(p->out, role.data, role.len);
        buf_puts(p->out, "</text>");
    }
    if (s->len > 1)
        draw_shares(p, s, x, y + BOX_HEIGHT - 8);
}

static void draw_box(const struct picture *p, size_t box)
{
    const struct step_facts *s = &p->f->steps[box];
    double x = p->layout.boxes[box].x + p->left, y = p->layout.boxes[box].y + p->top;
    const char *state = step_state(s);
    buf_printf(p->out, "<g class=\"step %s\">", state ? state : "none");
    put_tooltip(p, s);
    bool is_linked = step_link(p->out, s);
    if (is_stack(p, box))
        draw_cards(p, x, y);
    buf_printf(p->out, "<rect class=\"box\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%d\" rx=\"6\"/>", x, y,
               p->size.box_width, BOX_HEIGHT);
    draw_texts(p, s, x + 12, y);
    if (is_linked)
        buf_puts(p->out, "</a>");
    buf_puts(p->out, "</g>\n");
}

// --- the picture ------------------------------------------------------------------------------------------

// Without a graph: the steps below each other, as they started.
static void lay_in_order(struct picture *p)
{
    p->layout.boxes = mem_zalloc((p->f->len + 1) * sizeof p->layout.boxes[0]);
    p->layout.n_boxes = p->f->len;
    p->layout.width = p->size.box_width;
    for (size_t i = 0; i < p->f->len; i++)
        p->layout.boxes[i].y = (double)i * (BOX_HEIGHT + p->size.gap_y / 2);
    p->layout.height = (double)p->f->len * (BOX_HEIGHT + p->size.gap_y / 2);
}

// What the name and the states of a step take, in pixels.
static double text_width(const struct step_facts *s)
{
    auto_cleanup(buf_free) struct buf counts = {0};
    put_counts(&counts, s, MAX_STATES);
    double name = (double)drawing_chars(s->name) * NAME_CHAR;
    double state = (double)drawing_chars(counts.data ? counts.data : "") * STATE_CHAR;
    auto_cleanup(buf_free) struct buf text = {0};
    put_role(&text, s, 200);
    double role = (double)drawing_chars(text.data ? text.data : "") * ROLE_CHAR;
    double wide = name > state ? name : state;
    return role > wide ? role : wide;
}

static void lay_out(struct picture *p)
{
    size_t n_edges;
    double width = 0;
    for (size_t i = 0; i < p->f->len; i++) {
        double wanted = text_width(&p->f->steps[i]) + 26;
        width = wanted > width ? wanted : width;
    }
    width = width < MIN_WIDTH ? MIN_WIDTH : width > MAX_WIDTH ? MAX_WIDTH : width;
    p->size = (struct layout_size){width, BOX_HEIGHT, 40, 44};
    p->left = p->top = MARGIN;
    if (p->f->graph) {
        auto_free size_t (*edges)[2] = find_edges(p->f, &n_edges);
        graph_layout(p->f->len, (const size_t (*)[2])edges, n_edges, &p->size, &p->layout);
    } else {
        lay_in_order(p);
        p->top += 22;
    }
}

static bool has_loop(const struct picture *p)
{
    for (size_t i = 0; i < p->layout.n_edges; i++)
        if (p->layout.edges[i].loop)
            return true;
    return false;
}

void report_graph_draw(const struct run_facts *f, const struct pathspec *run, bool alone, struct buf *out)
{
    struct picture p = {.f = f, .out = out};
    lay_out(&p);
    auto_free char *title = mem_printf("Steps of run %s/%s", run->flow, run->run);
    struct drawing d = {"graph", title, p.layout.width + p.left + MARGIN + (has_loop(&p) ? LOOP + 2 * STACK : 0),
                        p.layout.height + p.top + MARGIN, alone};
    d.width = !f->graph && d.width < 330 ? 330 : d.width;
    drawing_begin(out, &d, "A box for each step with the states of its tasks; lines lead from each step to the next.");
    buf_puts(out, "<defs><marker id=\"graph-tip\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"8\" "
                  "markerHeight=\"8\" markerUnits=\"userSpaceOnUse\" orient=\"auto\"><path class=\"tip\" "
                  "d=\"M0 0L8 4L0 8z\"/></marker></defs>\n");
    if (!f->graph)
        buf_printf(out, "<text class=\"label\" x=\"%d\" y=\"18\">%s</text>\n", MARGIN,
                   f->len ? "The graph is not known: steps in order of time" : "No step has started");
    for (size_t i = 0; i < p.layout.n_edges; i++)
        if (!p.layout.edges[i].loop)
            draw_edge(&p, &p.layout.edges[i]);
    for (size_t i = 0; i < p.layout.n_boxes; i++)
        draw_box(&p, i);
    for (size_t i = 0; i < p.layout.n_edges; i++)
        if (p.layout.edges[i].loop) // it begins and ends on the step's cards
            draw_edge(&p, &p.layout.edges[i]);
    drawing_end(out);
    graph_layout_free(&p.layout);
}

errc report_graph(struct client *c, const struct pathspec *run, struct cancel *cancel, struct buf *out,
                  struct err *err)
{
    auto_cleanup(run_facts_free) struct run_facts f = {0};
    errc code = run_facts_read(c, run, cancel, &f, err);
    if (code)
        return code;
    report_graph_draw(&f, run, true, out);
    return out->over ? err_set(err, ERR_LIMIT, "the drawing is larger than %zu bytes", out->max) : ERR_OK;
}
