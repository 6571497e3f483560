#include "report/report_graph_order.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"

#define SWEEPS 16     // over all layers, for the order
#define X_SPREAD 6    // for the places: to spread them,
#define X_SWEEPS 24   // and all
enum { ABOVE, BELOW };

size_t order_add_node(struct order *o, size_t layer, double width)
{
    o->nodes = mem_grow(o->nodes, &o->cap, o->len + 1, sizeof o->nodes[0]);
    o->nodes[o->len] = (struct order_node){.layer = layer, .width = width};
    return o->len++;
}

void order_add_link(struct order *o, size_t upper, size_t lower)
{
    o->links = mem_grow(o->links, &o->cap_links, o->n_links + 1, sizeof o->links[0]);
    o->links[o->n_links][0] = upper;
    o->links[o->n_links++][1] = lower;
}

void order_free(struct order *o)
{
    free(o->nodes);
    free(o->links);
    free(o->layers);
    free(o->layer_first);
    for (int side = ABOVE; side <= BELOW; side++) {
        free(o->near[side]);
        free(o->near_first[side]);
    }
    *o = (struct order){0};
}

// --- tables -----------------------------------------------------------------------------------------------

static void fill_layers(struct order *o)
{
    for (size_t i = 0; i < o->len; i++)
        if (o->nodes[i].layer >= o->n_layers)
            o->n_layers = o->nodes[i].layer + 1;
    o->layer_first = mem_zalloc((o->n_layers + 2) * sizeof o->layer_first[0]);
    o->layers = mem_zalloc((o->len + 1) * sizeof o->layers[0]);
    for (size_t i = 0; i < o->len; i++)
        o->nodes[i].pos = o->layer_first[o->nodes[i].layer + 1]++;
    for (size_t i = 0; i < o->n_layers; i++)
        o->layer_first[i + 1] += o->layer_first[i];
    for (size_t i = 0; i < o->len; i++)
        o->layers[o->layer_first[o->nodes[i].layer] + o->nodes[i].pos] = i;
}

static void fill_near(struct order *o, int side)
{
    size_t *first = mem_zalloc((o->len + 2) * sizeof first[0]);
    auto_free size_t *fill = mem_zalloc((o->len + 1) * sizeof fill[0]);
    size_t *near = mem_zalloc((o->n_links + 1) * sizeof near[0]);
    int me = side == ABOVE ? 1 : 0;
    for (size_t i = 0; i < o->n_links; i++)
        first[o->links[i][me] + 1]++;
    for (size_t i = 0; i < o->len; i++)
        first[i + 1] += first[i];
    for (size_t i = 0; i < o->n_links; i++) {
        size_t node = o->links[i][me];
        near[first[node] + fill[node]++] = o->links[i][1 - me];
    }
    o->near[side] = near;
    o->near_first[side] = first;
}

// --- order ------------------------------------------------------------------------------------------------

struct keyed {
    double key;
    size_t pos, node;
};

static int by_key(const void *a, const void *b)
{
    const struct keyed *ka = a, *kb = b;
    if (ka->key != kb->key)
        return ka->key < kb->key ? -1 : 1;
    return ka->pos != kb->pos ? (ka->pos < kb->pos ? -1 : 1) : 0;
}

static void order_layer(struct order *o, size_t layer, int side, struct keyed *scratch)
{
    size_t from = o->layer_first[layer], n = o->layer_first[layer + 1] - from;
    for (size_t i = 0; i < n; i++) {
        size_t node = o->layers[from + i];
        size_t begin = o->near_first[side][node], end = o->near_first[side][node + 1];
        double sum = 0;
        for (size_t k = begin; k < end; k++)
            sum += (double)o->nodes[o->near[side][k]].pos;
        scratch[i] = (struct keyed){end > begin ? sum / (double)(end - begin) : (double)i, i, node};
    }
    if (n)
        qsort(scratch, n, sizeof scratch[0], by_key);
    for (size_t i = 0; i < n; i++) {
        o->layers[from + i] = scratch[i].node;
        o->nodes[scratch[i].node].pos = i;
    }
}

static int by_size(const void *a, const void *b)
{
    size_t sa = *(const size_t *)a, sb = *(const size_t *)b;
    return (sa > sb) - (sa < sb);
}

// Crossings between a layer and the next: pairs of lines in the one order above and the other below, counted with a
// Fenwick tree over the places below.
static size_t crossings_below(const struct order *o, size_t layer, size_t *tree, size_t *ends)
{
    size_t n_below = o->layer_first[layer + 2] - o->layer_first[layer + 1], seen = 0, crossings = 0;
    memset(tree, 0, (n_below + 1) * sizeof tree[0]);
    for (size_t i = o->layer_first[layer]; i < o->layer_first[layer + 1]; i++) {
        size_t node = o->layers[i], n = 0;
        for (size_t k = o->near_first[BELOW][node]; k < o->near_first[BELOW][node + 1]; k++)
            ends[n++] = o->nodes[o->near[BELOW][k]].pos;
        if (n)
            qsort(ends, n, sizeof ends[0], by_size);
        for (size_t k = 0; k < n; k++) {
            size_t not_after = 0;
            for (size_t at = ends[k] + 1; at > 0; at -= at & -at)
                not_after += tree[at];
            crossings += seen - not_after;
        }
        for (size_t k = 0; k < n; k++)
            for (size_t at = ends[k] + 1; at <= n_below; at += at & -at)
                tree[at]++;
        seen += n;
    }
    return crossings;
}

static size_t count_crossings(const struct order *o, size_t *tree, size_t *ends)
{
    size_t sum = 0;
    for (size_t layer = 0; layer + 1 < o->n_layers; layer++)
        sum += crossings_below(o, layer, tree, ends);
    return sum;
}

static void find_order(struct order *o)
{
    auto_free struct keyed *scratch = mem_zalloc((o->len + 1) * sizeof scratch[0]);
    auto_free size_t *tree = mem_zalloc((o->len + 2) * sizeof tree[0]);
    auto_free size_t *ends = mem_zalloc((o->n_links + 1) * sizeof ends[0]);
    auto_free size_t *best = mem_zalloc((o->len + 1) * sizeof best[0]);
    size_t fewest = SIZE_MAX;
    for (int sweep = 0; sweep <= SWEEPS && fewest > 0; sweep++) {
        size_t crossings = count_crossings(o, tree, ends);
        if (crossings < fewest) {
            fewest = crossings;
            memcpy(best, o->layers, o->len * sizeof best[0]);
        }
        for (size_t i = 1; i < o->n_layers; i++)
            order_layer(o, sweep % 2 ? o->n_layers - 1 - i : i, sweep % 2 ? BELOW : ABOVE, scratch);
    }
    memcpy(o->layers, best, o->len * sizeof best[0]);
    for (size_t layer = 0; layer < o->n_layers; layer++)
        for (size_t i = o->layer_first[layer]; i < o->layer_first[layer + 1]; i++)
            o->nodes[o->layers[i]].pos = i - o->layer_first[layer];
}

// --- places -----------------------------------------------------------------------------------------------

// What a node is placed by: the nodes above it, below it, both; or, to make chains straight, the one above that leads
// to it alone.
enum wish { WISH_ABOVE = 1, WISH_BELOW = 2, WISH_BOTH = 3, WISH_STRAIGHT = 4 };

static double wish(const struct order *o, size_t node, enum wish by)
{
    double sum = 0;
    size_t n = 0;
    if (by == WISH_STRAIGHT) {
        size_t at = o->near_first[ABOVE][node];
        bool only_one = o->near_first[ABOVE][node + 1] == at + 1;
        size_t upper = only_one ? o->near[ABOVE][at] : node;
        bool alone = o->near_first[BELOW][upper + 1] == o->near_first[BELOW][upper] + 1;
        return only_one && alone ? o->nodes[upper].x : o->nodes[node].x;
    }
    for (int side = ABOVE; side <= BELOW; side++)
        for (size_t k = o->near_first[side][node]; k < o->near_first[side][node + 1]; k++)
            if (by & (side == ABOVE ? WISH_ABOVE : WISH_BELOW)) {
                sum += o->nodes[o->near[side][k]].x;
                n++;
            }
    return n ? sum / (double)n : o->nodes[node].x;
}

// Nodes that have to stand side by side: what they wish for on average, measured from the first of the layer.
struct block {
    double sum;
    size_t n;
};

// Puts a layer's nodes as near as can be to where they wish to stand (least squares), in their order and without
// overlap: isotonic regression, by pooling neighbours whose wishes are in the wrong order.
static void place_layer(struct order *o, size_t layer, enum wish by, struct block *blocks)
{
    size_t from = o->layer_first[layer], to = o->layer_first[layer + 1], n = 0;
    double offset = 0;
    for (size_t i = from; i < to; i++) {
        if (i > from)
            offset += (o->nodes[o->layers[i - 1]].width + o->nodes[o->layers[i]].width) / 2 + o->gap;
        blocks[n++] = (struct block){wish(o, o->layers[i], by) - offset, 1};
        while (n > 1 && blocks[n - 2].sum / (double)blocks[n - 2].n > blocks[n - 1].sum / (double)blocks[n - 1].n) {
            blocks[n - 2].sum += blocks[n - 1].sum;
            blocks[n - 2].n += blocks[n - 1].n;
            n--;
        }
    }
    offset = 0;
    for (size_t i = from, block = 0, used = 0; i < to; i++) {
        if (i > from)
            offset += (o->nodes[o->layers[i - 1]].width + o->nodes[o->layers[i]].width) / 2 + o->gap;
        o->nodes[o->layers[i]].x = blocks[block].sum / (double)blocks[block].n + offset;
        if (++used == blocks[block].n) {
            used = 0;
            block++;
        }
    }
}

static void find_places(struct order *o)
{
    auto_free struct block *blocks = mem_zalloc((o->len + 1) * sizeof blocks[0]);
    for (int sweep = 0; sweep < X_SWEEPS; sweep++) {
        bool both = sweep >= X_SPREAD; // first each side alone spreads the layers, then they settle between
        for (size_t i = 0; i < o->n_layers; i++)
            place_layer(o, i, both ? WISH_BOTH : WISH_ABOVE, blocks);
        for (size_t i = o->n_layers; i-- > 0;)
            place_layer(o, i, both ? WISH_BOTH : WISH_BELOW, blocks);
    }
    for (size_t i = 0; i < o->n_layers; i++)
        place_layer(o, i, WISH_STRAIGHT, blocks);
    double left = 0, right = 0;
    for (size_t i = 0; i < o->len; i++) {
        double l = o->nodes[i].x - o->nodes[i].width / 2, r = o->nodes[i].x + o->nodes[i].width / 2;
        left = i == 0 || l < left ? l : left;
        right = i == 0 || r > right ? r : right;
    }
    for (size_t i = 0; i < o->len; i++)
        o->nodes[i].x -= left;
    o->width = right - left;
}

void order_arrange(struct order *o)
{
    fill_layers(o);
    fill_near(o, ABOVE);
    fill_near(o, BELOW);
    find_order(o);
    find_places(o);
}
