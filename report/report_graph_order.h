// Private to the layout of graphs: the order of nodes within their layers, and where they stand.
#ifndef REPORT_REPORT_GRAPH_ORDER_H
#define REPORT_REPORT_GRAPH_ORDER_H

#include <stddef.h>

struct order_node {
    size_t layer;
    double width;
    double x;   // of its middle, once arranged
    size_t pos; // in its layer
};

struct order {
    double gap; // between neighbours
    struct order_node *nodes;
    size_t len, cap;
    size_t (*links)[2]; // from a node to one in the next layer
    size_t n_links, cap_links;
    double width;       // once arranged: all nodes stand between 0 and this
    // while it is arranged:
    size_t n_layers;
    size_t *layers, *layer_first; // nodes by layer and pos; layer i begins at layers[layer_first[i]]
    size_t *near[2], *near_first[2]; // neighbours above (0) and below (1) each node
};

size_t order_add_node(struct order *o, size_t layer, double width); // its number
void order_add_link(struct order *o, size_t upper, size_t lower);
void order_arrange(struct order *o);
void order_free(struct order *o);

#endif
