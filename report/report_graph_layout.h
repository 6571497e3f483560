// Where the boxes and lines of a graph go: in layers from top to bottom, each box one layer below the lowest that leads
// to it; within a layer in an order with few crossings (barycentres); lines pass between the boxes of the layers that
// they cross. Pure and deterministic: the same graph gives the same picture. No boxes overlap.
#ifndef REPORT_REPORT_GRAPH_LAYOUT_H
#define REPORT_REPORT_GRAPH_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>

struct layout_size {
    double box_width, box_height;
    double gap_x, gap_y; // between boxes beside and below each other
};

struct layout_point { double x, y; };

struct layout_edge {
    size_t from, to;    // boxes
    bool loop;          // a box's line to itself: has no points
    bool back;          // leads up: from the top of a box to the bottom of one above it
    size_t first, len;  // of its points: begin, then where it enters and leaves each layer that it passes, and end
};

struct graph_layout {
    struct layout_point *boxes; // their upper left corners
    size_t n_boxes;
    struct layout_edge *edges;  // as given, each once
    size_t n_edges;
    struct layout_point *points;
    size_t n_points;
    double width, height;       // everything lies between 0 and these
};

// edges: pairs of boxes (below n); duplicates and pairs out of range are left out.
void graph_layout(size_t n, const size_t (*edges)[2], size_t n_edges, const struct layout_size *size,
                  struct graph_layout *ret);
void graph_layout_free(struct graph_layout *g);

#endif
