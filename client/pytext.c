// str() and repr() of containers, by an explicit stack of what is open.
#include "client/pytext.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { MAX_DEPTH = 1000, MAX_NAME = 1024 }; // Python's own limit is of this size

struct open {
    const struct value *self;
    struct value *const *items; // NULL: pairs
    const struct value_pair *pairs;
    size_t at, len;             // of items; of pairs twice their number
    const char *close;
    bool lone_comma;            // a tuple of one has a comma behind it
    void *owned;                // free()
    const struct value *maxlen; // of a deque
};

struct walk {
    struct out *o;
    struct buf text; // scratch
    struct open *open;
    size_t len, cap;
};

static void put_unsupported(struct walk *w, const struct value *v)
{
    char name[MAX_NAME] = "UnsupportedType : ";
    size_t at = strlen(name);
    value_class_name(v, name + at, sizeof name - at);
    out_puts(w->o, name);
}

static bool is_open(const struct walk *w, const struct value *v)
{
    for (size_t i = w->len; i-- > 0;)
        if (w->open[i].self == v)
            return true;
    return false;
}

static struct open *push(struct walk *w, const struct value *self)
{
    w->open = mem_grow(w->open, &w->cap, w->len + 1, sizeof *w->open);
    struct open *f = &w->open[w->len++];
    memset(f, 0, sizeof *f);
    f->self = self;
    return f;
}

static const char *callee_name(const struct value *v)
{
    const char *name = v->u.call.callee->u.global.name, *dot = strrchr(name, '.');
    return dot ? dot + 1 : name;
}

static bool is_collection(const struct value *v, const char *name)
{
    return value_is_call(v, "collections", name);
}

static void open_seq(struct walk *w, const struct value *v, const struct view *view)
{
    struct open *f = push(w, v);
    f->items = view->items;
    f->len = view->len;
    f->close = "]";
    if (view->is_set) {
        bool frozen = v->kind == VALUE_FROZENSET;
        out_puts(w->o, frozen && view->len ? "frozenset({" : frozen ? "frozenset(" : view->len ? "{" : "set(");
        f->close = frozen && view->len ? "})" : view->len ? "}" : ")";
    } else if (view->is_tuple) {
        if (v->kind == VALUE_CALL)
            out_puts(w->o, callee_name(v)); // a named tuple
        out_puts(w->o, "(");
        f->close = ")";
        f->lone_comma = v->kind == VALUE_TUPLE;
    } else if (is_collection(v, "deque")) {
        const struct value *args = v->u.call.args;
        f->maxlen = args->u.seq.len > 1 && args->u.seq.items[1]->kind == VALUE_INT ? args->u.seq.items[1] : NULL;
        out_puts(w->o, "deque([");
        f->close = f->maxlen ? "], maxlen=" : "])";
    } else {
        out_puts(w->o, "[");
    }
}

struct counted {
    struct value_pair pair;
    size_t order;
};

static int by_count(const void *a, const void *b)
{
    const struct counted *x = a, *y = b;
    int64_t m = x->pair.value->u.integer, n = y->pair.value->u.integer;
    if (m != n)
        return m > n ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

// The pairs of a Counter, the most common first, where all counts are small integers.
static void sort_by_count(struct view *view)
{
    for (size_t i = 0; i < view->len; i++)
        if (view->pairs[i].value->kind != VALUE_INT)
            return;
    struct counted *all = view->len && !view->owned ? calloc(view->len, sizeof *all) : NULL;
    if (!all)
        return;
    for (size_t i = 0; i < view->len; i++)
        all[i] = (struct counted){view->pairs[i], i};
    qsort(all, view->len, sizeof *all, by_count);
    struct value_pair *sorted = calloc(view->len, sizeof *sorted);
    for (size_t i = 0; i < view->len && sorted; i++)
        sorted[i] = all[i].pair;
    view->pairs = sorted ? sorted : view->pairs;
    view->owned = sorted;
    free(all);
}

static void open_pairs(struct walk *w, const struct value *v, struct view *view)
{
    bool counter = is_collection(v, "Counter");
    if (counter)
        sort_by_count(view);
    struct open *f = push(w, v);
    f->pairs = view->pairs;
    f->len = view->len * 2;
    f->owned = view->owned;
    view->owned = NULL;
    f->close = "}";
    if (counter || is_collection(v, "OrderedDict")) {
        out_puts(w->o, callee_name(v));
        out_puts(w->o, view->len ? "({" : "(");
        f->close = view->len ? "})" : ")";
    } else if (is_collection(v, "defaultdict")) {
        const struct value *args = v->u.call.args;
        out_puts(w->o, "defaultdict(");
        if (!args->u.seq.len)
            out_puts(w->o, "None");
        else if (py_scalar_repr(&w->text, args->u.seq.items[0]))
            out_buf(w->o, &w->text);
        else
            put_unsupported(w, args->u.seq.items[0]);
        out_puts(w->o, ", {");
        f->close = "})";
    } else {
        out_puts(w->o, "{");
    }
}

// What Python shows of a container inside itself.
static const char *dots_of(const struct value *v, const struct view *view)
{
    if (view->kind == VIEW_PAIRS)
        return v->kind == VALUE_DICT ? "{...}" : "...";
    return v->kind == VALUE_LIST ? "[...]" : v->kind == VALUE_TUPLE ? "(...)" : "...";
}

static void put_repr(struct walk *w, const struct value *v)
{
    struct view view;
    out_work(w->o, 1 + w->len);
    if (py_scalar_repr(&w->text, v)) {
        out_buf(w->o, &w->text);
        return;
    }
    w->text.len = 0;
    if (v->kind == VALUE_CALL && py_array_str(w->o, v, true))
        return;
    view_of(v, &view);
    if ((view.kind != VIEW_SEQ && view.kind != VIEW_PAIRS) || w->len >= MAX_DEPTH || is_collection(v, "ChainMap"))
        put_unsupported(w, v);
    else if (is_open(w, v))
        out_puts(w->o, dots_of(v, &view));
    else if (view.kind == VIEW_SEQ)
        open_seq(w, v, &view);
    else
        open_pairs(w, v, &view);
    free(view.owned);
}

static void close_innermost(struct walk *w)
{
    struct open *f = &w->open[--w->len];
    if (f->lone_comma && f->len == 1)
        out_puts(w->o, ",");
    out_puts(w->o, f->close);
    if (f->maxlen) {
        text_int(&w->text, f->maxlen->u.integer);
        buf_putc(&w->text, ')');
        out_buf(w->o, &w->text);
    }
    free(f->owned);
}

static void walk_on(struct walk *w)
{
    while (w->len && !w->o->failed) {
        struct open *f = &w->open[w->len - 1];
        if (f->at == f->len) {
            close_innermost(w);
            continue;
        }
        size_t i = f->at++;
        bool is_value = !f->items && i % 2;
        if (i)
            out_puts(w->o, is_value ? ": " : ", ");
        put_repr(w, f->items ? f->items[i] : is_value ? f->pairs[i / 2].value : f->pairs[i / 2].key);
    }
}

// str() where it is not repr(); false for the others.
static bool put_str(struct walk *w, const struct value *v)
{
    struct npy_type *t = NULL;
    const uint8_t *at;
    const struct value *object;
    if (v->kind == VALUE_STR) {
        out_put(w->o, v->u.bytes.data, v->u.bytes.len);
        return true;
    }
    if (v->kind != VALUE_CALL)
        return false;
    bool ok = npy_scalar(v, &t, &at, &object) == NPY_YES && !object && npy_text(&w->text, t, at);
    npy_type_free(t);
    if (!ok) {
        w->text.len = 0;
        ok = text_call(&w->text, v);
        bool moment = value_is_call(v, "datetime", "datetime") ||
                      value_is_call(v, "pandas._libs.tslibs.timestamps", "_unpickle_timestamp");
        if (ok && moment && w->text.len > 10 && w->text.data[10] == 'T')
            w->text.data[10] = ' ';
    }
    if (ok)
        out_buf(w->o, &w->text);
    w->text.len = 0;
    return ok || py_array_str(w->o, v, false);
}

void py_str(struct out *o, const struct value *v)
{
    struct walk w = {.o = o, .text.max = 64 << 20};
    if (!put_str(&w, v))
        put_repr(&w, v);
    walk_on(&w);
    while (w.len)
        free(w.open[--w.len].owned);
    free(w.open);
    buf_free(&w.text);
}
