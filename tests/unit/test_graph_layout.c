#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "report/report_graph_layout.h"

static const struct layout_size size = {150, 62, 40, 44};

// What holds for every graph: boxes within the picture and apart from each other, and each line from the one box to
// the other.
static void check(const struct graph_layout *g)
{
    for (size_t i = 0; i < g->n_boxes; i++) {
        const struct layout_point *a = &g->boxes[i];
        assert_true(a->x >= -0.01 && a->x + size.box_width <= g->width + 0.01);
        assert_true(a->y >= 0 && a->y + size.box_height <= g->height + 0.01);
        for (size_t k = 0; k < i; k++) {
            const struct layout_point *b = &g->boxes[k];
            assert_true(fabs(a->y - b->y) >= size.box_height + size.gap_y - 0.01 ||
                        fabs(a->x - b->x) >= size.box_width + size.gap_x - 0.01);
        }
    }
    for (size_t i = 0; i < g->n_edges; i++) {
        const struct layout_edge *e = &g->edges[i];
        if (e->loop) {
            assert_int_equal(e->from, e->to);
            continue;
        }
        const struct layout_point *from = &g->boxes[e->from], *to = &g->boxes[e->to];
        assert_true(e->len >= 2 && e->first + e->len <= g->n_points);
        const struct layout_point *begin = &g->points[e->first], *end = &g->points[e->first + e->len - 1];
        assert_true(fabs(begin->x - from->x - size.box_width / 2) < 0.01);
        assert_true(fabs(end->x - to->x - size.box_width / 2) < 0.01);
        assert_true(fabs(begin->y - from->y - (e->back ? 0 : size.box_height)) < 0.01);
        assert_true(fabs(end->y - to->y - (e->back ? size.box_height : 0)) < 0.01);
        assert_true(e->back ? end->y < begin->y : end->y > begin->y);
    }
}

static const struct layout_edge *edge(const struct graph_layout *g, size_t from, size_t to)
{
    for (size_t i = 0; i < g->n_edges; i++)
        if (g->edges[i].from == from && g->edges[i].to == to)
            return &g->edges[i];
    return NULL;
}

static void lay(size_t n, const size_t (*edges)[2], size_t n_edges, struct graph_layout *g)
{
    graph_layout(n, edges, n_edges, &size, g);
    assert_int_equal(g->n_boxes, n);
    check(g);
    for (size_t i = 0; i < n_edges; i++)
        assert_non_null(edge(g, edges[i][0], edges[i][1]));
}

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

static void a_chain_is_a_column(void **state)
{
    (void)state;
    static const size_t edges[][2] = {{0, 1}, {1, 2}, {2, 3}};
    struct graph_layout g;
    lay(4, edges, LEN(edges), &g);
    for (size_t i = 1; i < 4; i++) {
        assert_true(fabs(g.boxes[i].x - g.boxes[0].x) < 0.01);
        assert_true(g.boxes[i].y > g.boxes[i - 1].y);
    }
    graph_layout_free(&g);
}

static void a_split_is_symmetric(void **state)
{
    (void)state;
    static const size_t edges[][2] = {{0, 1}, {0, 2}, {1, 3}, {2, 3}};
    struct graph_layout g;
    lay(4, edges, LEN(edges), &g);
    assert_true(g.boxes[1].y == g.boxes[2].y);
    assert_true(fabs(g.boxes[0].x - (g.boxes[1].x + g.boxes[2].x) / 2) < 0.5);
    assert_true(fabs(g.boxes[3].x - g.boxes[0].x) < 0.5);
    graph_layout_free(&g);
}

// Layers by the longest path, and nothing crosses that need not: 0 leads to 1 and 2, these to 3, 4 and 5, 6, written
// in an order that crosses; 7 and 8 join them, 9 all, past an empty way from 0.
static void branches_do_not_cross(void **state)
{
    (void)state;
    static const size_t edges[][2] = {{0, 1}, {0, 2}, {2, 3}, {1, 4}, {2, 5}, {1, 6}, {4, 7}, {6, 7},
                                      {3, 8}, {5, 8}, {7, 9}, {8, 9}, {0, 9}};
    struct graph_layout g;
    lay(10, edges, LEN(edges), &g);
    bool left = g.boxes[1].x < g.boxes[2].x;
    for (size_t a = 4; a <= 6; a += 2)
        for (size_t b = 3; b <= 5; b += 2)
            assert_int_equal(g.boxes[a].x < g.boxes[b].x, left);
    assert_int_equal(g.boxes[7].x < g.boxes[8].x, left);
    assert_int_equal(edge(&g, 0, 9)->len, 2 + 2 * 3); // it passes three layers
    assert_true(g.boxes[9].y == 4 * (size.box_height + size.gap_y));
    graph_layout_free(&g);
}

// A line passes between the boxes of the layers that it crosses.
static void long_lines_keep_clear_of_boxes(void **state)
{
    (void)state;
    static const size_t edges[][2] = {{0, 1}, {1, 2}, {2, 3}, {0, 3}, {0, 4}, {4, 5}, {5, 3}, {1, 3}};
    struct graph_layout g;
    lay(6, edges, LEN(edges), &g);
    for (size_t i = 0; i < g.n_edges; i++)
        for (size_t k = 1; k + 1 < g.edges[i].len; k++) {
            const struct layout_point *p = &g.points[g.edges[i].first + k];
            for (size_t box = 0; box < g.n_boxes; box++)
                assert_false(p->x > g.boxes[box].x && p->x < g.boxes[box].x + size.box_width &&
                             p->y >= g.boxes[box].y && p->y <= g.boxes[box].y + size.box_height);
        }
    graph_layout_free(&g);
}

static void cycles_lead_back(void **state)
{
    (void)state;
    static const size_t edges[][2] = {{0, 1}, {1, 1}, {1, 2}, {2, 3}, {3, 1}, {3, 4}};
    struct graph_layout g;
    lay(5, edges, LEN(edges), &g);
    assert_true(edge(&g, 1, 1)->loop);
    assert_true(edge(&g, 3, 1)->back);
    assert_int_equal(edge(&g, 3, 1)->len, 4); // past the layer of 2
    assert_false(edge(&g, 2, 3)->back);
    graph_layout_free(&g);
    static const size_t ring[][2] = {{0, 1}, {1, 2}, {2, 0}}; // nothing is first
    lay(3, ring, LEN(ring), &g);
    graph_layout_free(&g);
}

static void odd_graphs(void **state)
{
    (void)state;
    struct graph_layout g;
    lay(0, NULL, 0, &g);
    assert_true(g.width == 0 && g.height == 0);
    graph_layout_free(&g);
    lay(3, NULL, 0, &g);
    graph_layout_free(&g);
    static const size_t edges[][2] = {{0, 1}, {0, 1}, {0, 7}, {9, 1}};
    graph_layout(2, edges, LEN(edges), &size, &g);
    check(&g);
    assert_int_equal(g.n_edges, 1);
    graph_layout_free(&g);
}

static uint32_t seed;

static size_t below(size_t n)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % n;
}

static void any_graph_is_drawn_and_always_the_same(void **state)
{
    (void)state;
    seed = 99;
    for (int round = 0; round < 60; round++) {
        size_t n = 1 + below(round < 50 ? 12 : 120), n_edges = below(2 * n + 1);
        auto_free size_t(*edges)[2] = mem_zalloc((n_edges + 1) * sizeof edges[0]);
        for (size_t i = 0; i < n_edges; i++) {
            edges[i][0] = below(n);
            edges[i][1] = below(n);
        }
        struct graph_layout a, b;
        lay(n, (const size_t(*)[2])edges, n_edges, &a);
        lay(n, (const size_t(*)[2])edges, n_edges, &b);
        assert_int_equal(a.n_points, b.n_points);
        assert_memory_equal(a.boxes, b.boxes, n * sizeof a.boxes[0]);
        if (a.n_points)
            assert_memory_equal(a.points, b.points, a.n_points * sizeof a.points[0]);
        graph_layout_free(&a);
        graph_layout_free(&b);
    }
}

// 2,000 steps, of which each leads far down: no more than so many waypoints are made.
static void a_huge_graph_ends(void **state)
{
    (void)state;
    enum { N = 2000 };
    auto_free size_t(*edges)[2] = mem_zalloc(3 * N * sizeof edges[0]);
    size_t n_edges = 0;
    for (size_t i = 0; i + 1 < N; i++) {
        edges[n_edges][0] = i;
        edges[n_edges++][1] = i + 1;
        edges[n_edges][0] = i;
        edges[n_edges++][1] = N - 1;
    }
    struct graph_layout g;
    graph_layout(N, (const size_t(*)[2])edges, n_edges, &size, &g);
    assert_int_equal(g.n_edges, n_edges - 1);
    assert_true(g.n_points < 2 * 20000 + 2 * n_edges);
    graph_layout_free(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_chain_is_a_column),
        cmocka_unit_test(a_split_is_symmetric),
        cmocka_unit_test(branches_do_not_cross),
        cmocka_unit_test(long_lines_keep_clear_of_boxes),
        cmocka_unit_test(cycles_lead_back),
        cmocka_unit_test(odd_graphs),
        cmocka_unit_test(any_graph_is_drawn_and_always_the_same),
        cmocka_unit_test(a_huge_graph_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
