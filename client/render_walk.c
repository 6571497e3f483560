#include "client/render_walk.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "client/render_table.h"

enum { MAX_DEPTH = 2000, MAX_NAME = 1024 }; // the indentation grows with the square of the depth

enum level_kind {
    LEVEL_SEQ,   // [ items ]
    LEVEL_PAIRS, // { key: value }, the state of an instance too
    LEVEL_ITEMS, // {"__items__": [[key, value], ...]}
    LEVEL_GRID,  // one level of an object array
    LEVEL_SELF,  // nothing of its own: one value in its place
    LEVEL_TABLE, // a table (render_table.c), which keeps where it is itself
};

struct level {
    enum level_kind kind;
    unsigned depth;                 // of the opening bracket
    const struct value *self;       // NULL inside a grid
    size_t at, len;                 // the next item, and how many there are
    struct value *const *items;
    const struct value_pair *pairs, *more; // more: continues pairs at index n_pairs
    size_t n_pairs;
    void *owned;                    // what of items, pairs and shape belongs to this level
    struct value_pair one;
    struct table_json *table;       // owned
    bool instance;                  // "__class__" is written first
    const size_t *shape;            // GRID: of this level and those below
    unsigned ndim;                  // GRID: levels from here on
    size_t stride;                  // GRID: items of one step of this level
};

// --- The set of open values ---

static size_t open_slot(const struct walk *w, const struct value *v)
{
    uint64_t hash = (uint64_t)(uintptr_t)v * 0x9e3779b97f4a7c15u;
    size_t i = (size_t)(hash >> 32) & (w->open_cap - 1);
    while (w->open[i] && w->open[i] != v)
        i = (i + 1) & (w->open_cap - 1);
    return i;
}

bool walk_is_open(const struct walk *w, const struct value *v)
{
    return w->open_cap && w->open[open_slot(w, v)] == v;
}

static bool open_add(struct walk *w, const struct value *v)
{
    if (w->open_len * 2 >= w->open_cap) {
        struct walk old = *w;
        w->open_cap = old.open_cap ? old.open_cap * 2 : 64;
        w->open = calloc(w->open_cap, sizeof(void *));
        if (!w->open) {
            *w = old;
            return false;
        }
        for (size_t i = 0; i < old.open_cap; i++) {
            if (old.open[i])
                w->open[open_slot(w, old.open[i])] = old.open[i];
        }
        free(old.open);
    }
    w->open[open_slot(w, v)] = v;
    w->open_len++;
    return true;
}

static void open_remove(struct walk *w, const struct value *v)
{
    size_t hole = open_slot(w, v), mask = w->open_cap - 1;
    w->open[hole] = NULL;
    w->open_len--;
    // What stood behind it in the same run must stay reachable.
    for (size_t i = (hole + 1) & mask; w->open[i]; i = (i + 1) & mask) {
        const struct value *moved = w->open[i];
        w->open[i] = NULL;
        w->open[open_slot(w, moved)] = moved;
    }
}

// --- Levels ---

static struct level *push(struct walk *w, const struct value *self, enum level_kind kind, unsigned depth)
{
    if (w->len >= MAX_DEPTH) {
        out_fail(w->out, ERR_LIMIT, "the value is nested more than 2,000 deep");
        return NULL;
    }
    if (w->len == w->cap) {
        size_t cap = w->cap ? w->cap * 2 : 16;
        struct level *levels = realloc(w->levels, cap * sizeof *levels);
        if (!levels) {
            out_fail(w->out, ERR_NO_MEMORY, "no memory to render a value");
            return NULL;
        }
        w->levels = levels;
        w->cap = cap;
    }
    if (self && !open_add(w, self)) {
        out_fail(w->out, ERR_NO_MEMORY, "no memory to render a value");
        return NULL;
    }
    struct level *f = &w->levels[w->len++];
    memset(f, 0, sizeof *f);
    f->kind = kind;
    f->depth = depth;
    f->self = self;
    return f;
}

static void pop(struct walk *w)
{
    struct level *f = &w->levels[--w->len];
    if (f->self)
        open_remove(w, f->self);
    free(f->owned);
    table_json_free(f->table);
}

void walk_free(struct walk *w)
{
    while (w->len)
        pop(w);
    free(w->levels);
    free(w->open);
    buf_free(&w->text);
}

static void push_seq(struct walk *w, const struct value *v, struct view *view, unsigned depth)
{
    struct value **sorted = view->is_set ? sort_items(view->items, view->len) : NULL;
    struct level *f = push(w, v, LEVEL_SEQ, depth);
    if (!f) {
        free(sorted);
        return;
    }
    f->items = sorted ? sorted : view->items;
    f->owned = sorted;
    f->len = view->len;
    out_puts(w->out, "[");
}

static void push_pairs(struct walk *w, const struct value *v, struct view *view, unsigned depth)
{
    bool instance = view->kind == VIEW_INSTANCE;
    bool meet = !instance && keys_meet(w->out, view->pairs, view->len);
    struct level *f = push(w, v, meet ? LEVEL_ITEMS : LEVEL_PAIRS, depth);
    if (!f)
        return;
    f->one = view->one;
    f->pairs = view->pairs == &view->one ? NULL : view->pairs; // NULL with pairs: the level's own one
    f->more = view->more;
    f->n_pairs = view->len;
    f->len = meet ? view->len * 2 : view->len + view->more_len;
    f->owned = view->owned;
    view->owned = NULL;
    f->instance = instance;
    out_puts(w->out, "{");
    if (meet) {
        out_line(w->out, depth + 1);
        out_puts(w->out, "\"__items__\": [");
    } else if (instance) {
        char name[MAX_NAME];
        value_type_name(v, name, sizeof name);
        out_line(w->out, depth + 1);
        out_puts(w->out, "\"__class__\": ");
        out_string(w->out, (const uint8_t *)name, strlen(name));
    }
}

bool walk_open(struct walk *w, const struct value *v, unsigned depth)
{
    struct view view;
    view_of(v, &view);
    if (view.kind == VIEW_SEQ)
        push_seq(w, v, &view, depth);
    else if (view.kind != VIEW_OTHER)
        push_pairs(w, v, &view, depth);
    free(view.owned);
    return view.kind != VIEW_OTHER;
}

void walk_open_grid(struct walk *w, const struct value *v, const struct npy_array *a, unsigned depth)
{
    bool level = a && a->ndim;
    struct level *f = push(w, v, level ? LEVEL_GRID : LEVEL_SELF, depth);
    if (!f)
        return;
    if (!a) {
        f->items = &v->u.call.args->u.seq.items[1];
        f->len = 1;
        return;
    }
    f->items = a->objects;
    f->len = level ? a->shape[0] : 1;
    f->ndim = a->ndim;
    f->stride = 1;
    if (!level)
        return;
    size_t *shape = malloc(a->ndim * sizeof *shape);
    if (!shape) {
        out_fail(w->out, ERR_NO_MEMORY, "no memory to render a value");
        return;
    }
    memcpy(shape, a->shape, a->ndim * sizeof *shape);
    f->shape = f->owned = shape;
    for (unsigned i = 1; i < a->ndim; i++)
        f->stride *= a->shape[i];
    out_puts(w->out, "[");
}

void walk_open_table(struct walk *w, const struct value *v, struct frame *table, unsigned depth)
{
    unsigned ndim = 1;
    (void)npy_ndim(v, &ndim);
    struct table_json *t = table_json_new(table, depth, ndim);
    struct level *f = push(w, v, LEVEL_TABLE, depth);
    if (f) {
        f->table = t;
        f->len = 1; // not complete
    } else {
        table_json_free(t);
    }
}

static const struct value_pair *pair_at(const struct level *f, size_t i)
{
    if (i >= f->n_pairs)
        return &f->more[i - f->n_pairs];
    return f->pairs ? &f->pairs[i] : &f->one;
}

static void close_level(struct walk *w)
{
    struct level *f = &w->levels[w->len - 1];
    struct out *o = w->out;
    if (f->kind == LEVEL_ITEMS) {
        out_line(o, f->depth + 1);
        out_puts(o, "]");
        out_line(o, f->depth);
        out_puts(o, "}");
    } else if (f->kind != LEVEL_SELF && f->kind != LEVEL_TABLE) {
        if (f->len || f->instance)
            out_line(o, f->depth);
        out_puts(o, f->kind == LEVEL_PAIRS ? "}" : "]");
    }
    pop(w);
}

static void put_key(struct walk *w, const struct value *key)
{
    if (key->kind == VALUE_STR) {
        out_string(w->out, key->u.bytes.data, key->u.bytes.len);
    } else {
        if (!key_text(&w->text, key))
            out_work(w->out, KEY_MAX);
        out_string(w->out, (const uint8_t *)w->text.data, w->text.len);
        w->text.len = 0;
    }
    out_puts(w->out, ": ");
}

// Keys and values of {"__items__": ...} take turns.
static const struct value *next_of_items(struct walk *w, struct level *f)
{
    const struct value_pair *p = pair_at(f, f->at / 2);
    struct out *o = w->out;
    if (f->at % 2) {
        out_puts(o, ",");
    } else {
        if (f->at) {
            out_line(o, f->depth + 2);
            out_puts(o, "],");
        }
        out_line(o, f->depth + 2);
        out_puts(o, "[");
    }
    out_line(o, f->depth + 3);
    return f->at++ % 2 ? p->value : p->key;
}

// A level of an object array opens the level below for each step; the lowest gives its items.
static void open_level(struct walk *w, size_t index)
{
    struct level *g = push(w, NULL, LEVEL_GRID, w->levels[w->len - 1].depth + 1);
    if (!g)
        return;
    const struct level *f = g - 1;
    g->items = f->items + index * f->stride;
    g->shape = f->shape + 1;
    g->ndim = f->ndim - 1;
    g->len = g->shape[0];
    g->stride = g->len ? f->stride / g->len : 0;
    out_puts(w->out, "[");
}

bool walk_next(struct walk *w, const struct value **ret, unsigned *ret_depth)
{
    while (w->len && !w->out->failed) {
        struct level *f = &w->levels[w->len - 1];
        if (f->at == f->len) {
            if (f->kind == LEVEL_ITEMS && f->len) {
                out_line(w->out, f->depth + 2);
                out_puts(w->out, "]");
            }
            close_level(w);
            continue;
        }
        if (f->kind == LEVEL_TABLE) {
            *ret = table_json_next(f->table, w->out, ret_depth);
            if (*ret)
                return true;
            f->at = f->len;
            continue;
        }
        *ret_depth = f->depth + (f->kind == LEVEL_ITEMS ? 3 : f->kind == LEVEL_SELF ? 0 : 1);
        if (f->kind == LEVEL_ITEMS) {
            *ret = next_of_items(w, f);
            return true;
        }
        size_t i = f->at++;
        if (f->kind == LEVEL_SELF) {
            *ret = f->items[0];
            return true;
        }
        if (i || f->instance)
            out_puts(w->out, ",");
        out_line(w->out, f->depth + 1);
        if (f->kind == LEVEL_GRID && f->ndim > 1) {
            out_work(w->out, 1);
            open_level(w, i);
            continue;
        }
        if (f->kind == LEVEL_PAIRS)
            put_key(w, pair_at(f, i)->key);
        *ret = f->kind == LEVEL_PAIRS ? pair_at(f, i)->value : f->items[i];
        return true;
    }
    return false;
}

// --- Paths ---

static bool is_plain_name(const uint8_t *s, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (!isalnum(s[i]) && s[i] != '_')
            return false;
    }
    return len && !isdigit(s[0]);
}

static void path_step(const struct level *f, struct buf *path)
{
    size_t i = f->at - 1;
    if (f->kind == LEVEL_SELF)
        return;
    if (f->kind == LEVEL_TABLE) {
        table_json_path(f->table, path);
        return;
    }
    if (f->kind == LEVEL_ITEMS) {
        buf_printf(path, ".__items__[%zu][%zu]", i / 2, i % 2);
        return;
    }
    if (f->kind != LEVEL_PAIRS) {
        buf_printf(path, "[%zu]", i);
        return;
    }
    const struct value *key = pair_at(f, i)->key;
    struct buf text = {.max = KEY_MAX};
    (void)key_text(&text, key);
    if (is_plain_name((const uint8_t *)text.data, text.len)) {
        buf_putc(path, '.');
        buf_put(path, text.data, text.len);
    } else {
        buf_puts(path, "[\"");
        for (size_t k = 0; k < text.len; k++) {
            if (text.data[k] == '"' || text.data[k] == '\\')
                buf_putc(path, '\\');
            buf_putc(path, text.data[k] ? text.data[k] : ' ');
        }
        buf_puts(path, "\"]");
    }
    buf_free(&text);
}

void walk_path(const struct walk *w, const struct value *v, struct buf *path)
{
    buf_putc(path, '$');
    for (size_t i = 0; i < w->len && w->levels[i].self != v && !path->over; i++)
        path_step(&w->levels[i], path);
}
