#include "fs/ahead_guess.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define FIRST_DISTANCE 2
#define SLOWNESS 3

struct rank {
    uint64_t ino;
    const char *name;
    uint32_t index;
};

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct rank *)a)->name, ((const struct rank *)b)->name);
}

static int by_ino(const void *a, const void *b)
{
    uint64_t x = ((const struct rank *)a)->ino, y = ((const struct rank *)b)->ino;
    return x < y ? -1 : x > y;
}

static void put_order(struct roster *r, int order, const struct rank *ranks)
{
    size_t n = r->names.len;
    r->at[order] = mem_zalloc((n + 1) * sizeof(uint32_t));
    r->pos[order] = mem_zalloc((n + 1) * sizeof(uint32_t));
    for (size_t i = 0; i < n; i++) {
        r->at[order][i] = ranks[i].index;
        r->pos[order][ranks[i].index] = (uint32_t)i;
    }
}

struct roster *roster_new(struct strv *names, uint64_t (*ino)(void *arg, const char *name), void *arg)
{
    struct roster *r = mem_zalloc(sizeof(*r));
    size_t n = names->len;
    auto_free struct rank *ranks = mem_zalloc((n + 1) * sizeof(*ranks));
    atomic_init(&r->refs, 1);
    r->names = *names;
    *names = (struct strv){0};
    for (size_t i = 0; i < n; i++) {
        ranks[i] = (struct rank){ino(arg, r->names.items[i]), r->names.items[i], (uint32_t)i};
    }
    put_order(r, ORDER_LISTED, ranks);
    if (n > 0) {
        qsort(ranks, n, sizeof(*ranks), by_ino);
    }
    put_order(r, ORDER_INODE, ranks);
    if (n > 0) {
        qsort(ranks, n, sizeof(*ranks), by_name);
    }
    put_order(r, ORDER_NAME, ranks);
    return r;
}

struct roster *roster_ref(struct roster *r)
{
    atomic_fetch_add(&r->refs, 1);
    return r;
}

void roster_unref(struct roster *r)
{
    if (!r || atomic_fetch_sub(&r->refs, 1) != 1) {
        return;
    }
    for (int i = 0; i < ORDERS; i++) {
        free(r->at[i]);
        free(r->pos[i]);
    }
    strv_free(&r->names);
    free(r);
}

bool roster_find(const struct roster *r, const char *name, uint32_t *ret)
{
    size_t low = 0, high = r->names.len;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        uint32_t index = r->at[ORDER_NAME][mid];
        int c = strcmp(name, r->names.items[index]);
        if (c == 0) {
            *ret = index;
            return true;
        }
        *(c < 0 ? &high : &low) = c < 0 ? mid : mid + 1;
    }
    return false;
}

// --- guesses --------------------------------------------------------------------------------------

void guess_init(struct guess *g, const struct roster *r)
{
    *g = (struct guess){.last = -1, .chosen = -1};
    g->state = mem_zalloc(r->names.len + 1);
}

void guess_free(struct guess *g)
{
    free(g->state);
    g->state = NULL;
}

void guess_drop(struct guess *g, const struct roster *r)
{
    for (size_t i = 0; i < r->names.len; i++) {
        if (g->state[i] == GUESS_GIVEN) {
            g->state[i] = GUESS_DROPPED;
            g->wrong++;
        }
    }
}

void guess_renew(struct guess *g, const struct roster *r)
{
    g->came_before = g->came > g->came_before ? g->came : g->came_before;
    for (size_t i = 0; i < r->names.len; i++) {
        g->state[i] = g->state[i] == GUESS_SEEN ? GUESS_RENEWED : g->state[i];
    }
}

static int64_t step_of(int way)
{
    return way % 2 == 0 ? 1 : -1;
}

// The way that the last steps went, the longest first.
static int best_way(const struct guess *g)
{
    int best = -1;
    for (int way = 0; way < ORDERS * 2; way++) {
        if (g->votes[way] > 0 && (best < 0 || g->votes[way] > g->votes[best])) {
            best = way;
        }
    }
    return best;
}

static void vote(struct guess *g, const struct roster *r, uint32_t task)
{
    for (int way = 0; way < ORDERS * 2; way++) {
        const uint32_t *pos = r->pos[way / 2];
        bool fits = g->last >= 0 && (int64_t)pos[task] == (int64_t)pos[g->last] + step_of(way);
        g->votes[way] = !fits ? 0 : g->votes[way] < UINT8_MAX ? (uint8_t)(g->votes[way] + 1) : UINT8_MAX;
    }
}

static void choose(struct guess *g, const struct roster *r, int way, uint32_t task, unsigned distance)
{
    g->chosen = way;
    g->distance = distance;
    g->next = way < 0 ? 0 : (int64_t)r->pos[way / 2][task] + step_of(way);
}

// How far ahead a reader is believed to go on who came so far: few for a few, all that a link can use (a hundred) for
// twenty, so that a long pass is as fast as if this bound were not.
static unsigned belief(unsigned came, unsigned farthest)
{
    return came >= farthest || came * came / SLOWNESS >= farthest ? farthest : came * came / SLOWNESS;
}

static void look_farther(struct guess *g, unsigned farthest)
{
    unsigned most = belief(g->came > g->came_before ? g->came : g->came_before, farthest);
    unsigned twice = g->distance * 2 < most ? g->distance * 2 : most;
    g->distance = twice > g->distance ? twice : g->distance;
}

bool guess_saw(struct guess *g, const struct roster *r, uint32_t task, unsigned farthest)
{
    bool again = g->last == task;
    bool right = g->state[task] == GUESS_GIVEN;
    g->state[task] = GUESS_SEEN;
    if (again) {
        return right;
    }
    vote(g, r, task);
    g->last = task;
    g->came++;
    bool on_way = g->chosen >= 0 && g->votes[g->chosen] > 0;
    if (right || on_way) {
        look_farther(g, farthest);
        if (!on_way && best_way(g) >= 0 && g->votes[best_way(g)] > 1) {
            choose(g, r, best_way(g), task, g->distance); // right, but it goes another way
        }
    } else if (best_way(g) >= 0) {
        choose(g, r, best_way(g), task, FIRST_DISTANCE < farthest ? FIRST_DISTANCE : farthest);
    } else {
        if (g->chosen >= 0) {
            guess_drop(g, r);
        }
        choose(g, r, -1, task, 0);
        g->came = 1;
    }
    return right;
}

void guess_trust(struct guess *g, const struct roster *r, uint32_t task, const struct guess *other, unsigned distance)
{
    static const int ways[] = {ORDER_NAME * 2, ORDER_LISTED * 2, ORDER_INODE * 2, ORDER_LISTED * 2 + 1};
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]) && g->chosen < 0; i++) {
        uint32_t end = step_of(ways[i]) > 0 ? 0 : (uint32_t)r->names.len - 1;
        if (r->pos[ways[i] / 2][task] == end) {
            choose(g, r, ways[i], task, other->came < distance ? other->came : distance);
            g->came_before = other->came > g->came_before ? other->came : g->came_before;
        }
    }
}

bool guess_next(struct guess *g, const struct roster *r, uint32_t *ret)
{
    if (g->chosen < 0 || g->last < 0) {
        return false;
    }
    const uint32_t *at = r->at[g->chosen / 2], *pos = r->pos[g->chosen / 2];
    int64_t step = step_of(g->chosen), here = pos[g->last];
    if ((g->next - here) * step <= 0) {
        g->next = here + step;
    }
    while (g->next >= 0 && g->next < (int64_t)r->names.len && (g->next - here) * step <= (int64_t)g->distance) {
        uint32_t task = at[g->next];
        g->next += step;
        if (g->state[task] != GUESS_GIVEN && g->state[task] != GUESS_SEEN) {
            g->state[task] = GUESS_GIVEN;
            *ret = task;
            return true;
        }
    }
    return false;
}
