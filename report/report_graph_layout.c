// After Sugiyama, Tagawa and Toda: break cycles, layers by longest path, order by barycentres, then x.
#include "report/report_graph_layout.h"

#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "report/report_graph_order.h"

#define MAX_WAYPOINTS 20000 // of all long lines; what is beyond goes straight

// --- edges and cycles -------------------------------------------------------------------------------------

static int by_ends(const void *a, const void *b)
{
    const struct layout_edge *ea = a, *eb = b;
    if (ea->from != eb->from)
        return ea->from < eb->from ? -1 : 1;
    return ea->to != eb->to ? (ea->to < eb->to ? -1 : 1) : 0;
}

static void take_edges(size_t n, const size_t (*edges)[2], size_t n_edges, struct graph_layout *g)
{
    g->edges = mem_zalloc((n_edges + 1) * sizeof g->edges[0]);
    size_t len = 0;
    for (size_t i = 0; i < n_edges; i++)
        if (edges[i][0] < n && edges[i][1] < n)
            g->edges[len++] = (struct layout_edge){
                .from = edges[i][0], .to = edges[i][1], .loop = edges[i][0] == edges[i][1]};
    qsort(g->edges, len, sizeof g->edges[0], by_ends);
    for (size_t i = 0; i < len; i++)
        if (i == 0 || by_ends(&g->edges[i - 1], &g->edges[i]) != 0)
            g->edges[g->n_edges++] = g->edges[i];
}

// The edges of each box: those of box i are edges[first[i]] to edges[first[i + 1] - 1].
static size_t *first_edges(size_t n, const struct graph_layout *g)
{
    size_t *first = mem_zalloc((n + 1) * sizeof first[0]);
    for (size_t i = 0; i < g->n_edges; i++)
        first[g->edges[i].from + 1]++;
    for (size_t i = 0; i < n; i++)
        first[i + 1] += first[i];
    return first;
}

enum colour { NEW, OPEN, CLOSED };

struct visit {
    const size_t *first;
    size_t *next;        // edge of a box that is looked at next
    size_t *stack, *order, ordered;
    uint8_t *colour;
};

// Depth first from one box: an edge to a box that is still open closes a cycle, and leads back.
static void visit_from(struct graph_layout *g, struct visit *v, size_t root)
{
    size_t depth = 0;
    if (v->colour[root] != NEW)
        return;
    v->stack[depth++] = root;
    v->colour[root] = OPEN;
    while (depth) {
        size_t box = v->stack[depth - 1];
        if (v->next[box] == v->first[box + 1]) {
            v->colour[box] = CLOSED;
            v->order[v->ordered++] = box;
            depth--;
            continue;
        }
        struct layout_edge *e = &g->edges[v->next[box]++];
        if (v->colour[e->to] == OPEN) {
            e->back = !e->loop;
        } else if (v->colour[e->to] == NEW) {
            v->colour[e->to] = OPEN;
            v->stack[depth++] = e->to;
        }
    }
}

// Marks edges that lead back; returns the boxes so that every other edge leads to one earlier in the list.
static size_t *break_cycles(size_t n, const size_t *first, struct graph_layout *g)
{
    auto_free size_t *next = mem_zalloc((n + 1) * sizeof next[0]);
    auto_free size_t *stack = mem_zalloc((n + 1) * sizeof stack[0]);
    auto_free uint8_t *colour = mem_zalloc(n + 1);
    auto_free bool *entered = mem_zalloc((n + 1) * sizeof entered[0]);
    struct visit v = {first, next, stack, mem_zalloc((n + 1) * sizeof(size_t)), 0, colour};
    memcpy(next, first, n * sizeof next[0]);
    for (size_t i = 0; i < g->n_edges; i++)
        if (!g->edges[i].loop)
            entered[g->edges[i].to] = true;
    for (size_t i = 0; i < n; i++)
        if (!entered[i])
            visit_from(g, &v, i);
    for (size_t i = 0; i < n; i++)
        visit_from(g, &v, i);
    return v.order;
}

static size_t *find_layers(size_t n, const size_t *first, struct graph_layout *g)
{
    auto_free size_t *order = break_cycles(n, first, g);
    size_t *layer = mem_zalloc((n + 1) * sizeof layer[0]);
    for (size_t i = n; i-- > 0;) {
        size_t box = order[i];
        for (size_t e = first[box]; e < first[box + 1]; e++)
            if (!g->edges[e].loop && !g->edges[e].back && layer[g->edges[e].to] < layer[box] + 1)
                layer[g->edges[e].to] = layer[box] + 1;
    }
    return layer;
}

// --- what is between boxes of distant layers --------------------------------------------------------------

// Each edge becomes a chain of parts between neighbouring layers, with waypoints where it passes a layer; its
// first waypoint goes into way[edge] (the others follow it), SIZE_MAX for one without.
static void add_chains(struct order *o, const struct graph_layout *g, size_t *way, const struct layout_size *size)
{
    size_t left = MAX_WAYPOINTS;
    for (size_t i = 0; i < g->n_edges; i++) {
        const struct layout_edge *e = &g->edges[i];
        size_t upper = e->back ? e->to : e->from, lower = e->back ? e->from : e->to;
        size_t from = o->nodes[upper].layer, to = o->nodes[lower].layer;
        way[i] = SIZE_MAX;
        if (e->loop || to <= from || to - from - 1 > left)
            continue;
        left -= to - from - 1;
        size_t above = upper;
        for (size_t layer = from + 1; layer < to; layer++) {
            size_t node = order_add_node(o, layer, size->gap_x * 0.5);
            if (way[i] == SIZE_MAX)
                way[i] = node;
            order_add_link(o, above, node);
            above = node;
        }
        order_add_link(o, above, lower);
    }
}

static void put_point(struct graph_layout *g, size_t *cap, double x, double y)
{
    g->points = mem_grow(g->points, cap, g->n_points + 1, sizeof g->points[0]);
    g->points[g->n_points++] = (struct layout_point){x, y};
}

static void put_line(struct graph_layout *g, size_t *cap, struct layout_edge *e, const struct order *o, size_t way,
                     const struct layout_size *size)
{
    size_t upper = e->back ? e->to : e->from, lower = e->back ? e->from : e->to;
    double pitch = size->box_height + size->gap_y;
    e->first = g->n_points;
    put_point(g, cap, o->nodes[upper].x, (double)o->nodes[upper].layer * pitch + size->box_height);
    for (size_t layer = o->nodes[upper].layer + 1; way != SIZE_MAX && layer < o->nodes[lower].layer; layer++, way++) {
        put_point(g, cap, o->nodes[way].x, (double)layer * pitch);
        put_point(g, cap, o->nodes[way].x, (double)layer * pitch + size->box_height);
    }
    put_point(g, cap, o->nodes[lower].x, (double)o->nodes[lower].layer * pitch);
    e->len = g->n_points - e->first;
    for (size_t i = 0; e->back && i < e->len / 2; i++) {
        struct layout_point swap = g->points[e->first + i];
        g->points[e->first + i] = g->points[e->first + e->len - 1 - i];
        g->points[e->first + e->len - 1 - i] = swap;
    }
}

static void put_places(struct graph_layout *g, const struct order *o, const size_t *way, const struct layout_size *size)
{
    double pitch = size->box_height + size->gap_y;
    size_t cap = 0;
    g->width = o->width;
    for (size_t i = 0; i < g->n_boxes; i++) {
        g->boxes[i].x = o->nodes[i].x - size->box_width / 2;
        g->boxes[i].y = (double)o->nodes[i].layer * pitch;
        if (g->boxes[i].y + size->box_height > g->height)
            g->height = g->boxes[i].y + size->box_height;
    }
    for (size_t i = 0; i < g->n_edges; i++)
        if (!g->edges[i].loop)
            put_line(g, &cap, &g->edges[i], o, way[i], size);
}

void graph_layout(size_t n, const size_t (*edges)[2], size_t n_edges, const struct layout_size *size,
                  struct graph_layout *ret)
{
    *ret = (struct graph_layout){.n_boxes = n};
    ret->boxes = mem_zalloc((n + 1) * sizeof ret->boxes[0]);
    if (n == 0)
        return;
    take_edges(n, edges, n_edges, ret);
    auto_free size_t *first = first_edges(n, ret);
    auto_free size_t *layer = find_layers(n, first, ret);
    auto_free size_t *way = mem_zalloc((ret->n_edges + 1) * sizeof way[0]);
    auto_cleanup(order_free) struct order o = {.gap = size->gap_x};
    for (size_t i = 0; i < n; i++)
        order_add_node(&o, layer[i], size->box_width);
    add_chains(&o, ret, way, size);
    order_arrange(&o);
    put_places(ret, &o, way, size);
}

void graph_layout_free(struct graph_layout *g)
{
    free(g->boxes);
    free(g->edges);
    free(g->points);
    *g = (struct graph_layout){0};
}
