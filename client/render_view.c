// How a value that is no scalar is shown: as an array, an object, or an instance with its class. The
// collections of the standard library and named tuples are recognised by the calls that made them.
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "client/render_parts.h"

enum { MAX_WRAPPERS = 16 }; // UserDict of UserDict of ...
// Of the keys of a ChainMap: some seconds of work, during which nobody is asked whether it is still wanted.
#define MAX_KEYS_TEXT ((uint64_t)1 << 26)

static void show_seq(struct view *view, const struct value *seq)
{
    view->kind = VIEW_SEQ;
    view->items = seq->u.seq.items;
    view->len = seq->u.seq.len;
    view->is_set = seq->kind == VALUE_SET || seq->kind == VALUE_FROZENSET;
    view->is_tuple = seq->kind == VALUE_TUPLE;
}

static void show_pairs(struct view *view, const struct value *dict)
{
    view->kind = VIEW_PAIRS;
    view->pairs = dict ? dict->u.dict.pairs : NULL;
    view->len = dict ? dict->u.dict.len : 0;
}

// Whether a name is written as a class's, not as a function's: its last part begins with a capital.
static bool is_class_name(const struct value *g)
{
    if (!g || g->kind != VALUE_GLOBAL)
        return false;
    const char *dot = strrchr(g->u.global.name, '.'), *s = dot ? dot + 1 : g->u.global.name;
    while (*s == '_')
        s++;
    return isupper((unsigned char)*s);
}

static bool is_exception_name(const char *name)
{
    static const char *const ends[] = {"Error", "Exception",     "Warning",       "Exit",
                                       "Interrupt", "StopIteration", "ExceptionGroup"};
    size_t len = strlen(name);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        size_t n = strlen(ends[i]);
        if (len >= n && !strcmp(name + len - n, ends[i]))
            return true;
    }
    return false;
}

static bool is_empty_state(const struct value *state)
{
    return !state || state->kind == VALUE_NONE || (state->kind == VALUE_DICT && !state->u.dict.len);
}

struct value *view_enum_value(const struct value *v)
{
    if (v->kind != VALUE_CALL || v->u.call.is_new || v->u.call.kwargs || v->u.call.state || v->u.call.items ||
        v->u.call.pairs || v->u.call.args->u.seq.len != 1 || !is_class_name(v->u.call.callee))
        return NULL;
    const struct value *g = v->u.call.callee;
    if (!strcmp(g->u.global.module, "builtins") || is_exception_name(g->u.global.name))
        return NULL;
    return v->u.call.args->u.seq.items[0];
}

static bool is_call_of_collections(const struct value *v, const char *name)
{
    return value_is_call(v, "collections", name);
}

// Python 2's OrderedDict([[key, value], ...]).
static bool show_pair_list(struct view *view, const struct value *list)
{
    size_t n = list->u.seq.len;
    struct value_pair *pairs = calloc(n ? n : 1, sizeof *pairs);
    if (!pairs)
        return false;
    for (size_t i = 0; i < n; i++) {
        const struct value *p = list->u.seq.items[i];
        if ((p->kind != VALUE_LIST && p->kind != VALUE_TUPLE) || p->u.seq.len != 2) {
            free(pairs);
            return false;
        }
        pairs[i] = (struct value_pair){p->u.seq.items[0], p->u.seq.items[1]};
    }
    view->kind = VIEW_PAIRS;
    view->pairs = view->owned = pairs;
    view->len = n;
    return true;
}

struct hashed_pair {
    uint64_t hash;
    size_t order, from; // where the key comes first, and whose value counts
    struct value_pair pair;
};

static int by_hash(const void *a, const void *b)
{
    const struct hashed_pair *x = a, *y = b;
    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

static int by_order(const void *a, const void *b)
{
    const struct hashed_pair *x = a, *y = b;
    return x->order < y->order ? -1 : x->order > y->order;
}

// The pairs of the maps, last map first, each key where it comes first and with its last value: what
// dict() makes of a ChainMap.
static size_t merge_pairs(struct hashed_pair *all, size_t n)
{
    size_t kept = 0;
    qsort(all, n, sizeof *all, by_hash);
    for (size_t i = 0; i < n; i++) {
        if (kept && all[kept - 1].hash == all[i].hash)
            all[kept - 1].pair.value = all[i].pair.value;
        else
            all[kept++] = all[i];
    }
    qsort(all, kept, sizeof *all, by_order);
    return kept;
}

// The dict of one of a ChainMap's maps; NULL when it is none.
static const struct value *map_dict(const struct value *m)
{
    const struct value *d = m->kind == VALUE_CALL ? m->u.call.pairs : m;
    return d && d->kind == VALUE_DICT ? d : NULL;
}

// What two keys that are the same key have in common: their text, or where that is too long their place in the
// pickle's memory. *left is how many more bytes of texts may be looked at.
static uint64_t same_key(struct buf *scratch, const struct value *key, uint64_t *left)
{
    bool whole;
    uint64_t used, hash = key_hash(scratch, key, &whole, &used);
    *left -= used < *left ? used : *left;
    if (!whole)
        hash ^= (uint64_t)(uintptr_t)key * 0x9e3779b97f4a7c15u;
    return hash ^ (key->kind == VALUE_STR); // "1" is not 1
}

// False where the keys' texts are too much to compare.
static bool collect_pairs(struct hashed_pair *all, const struct value *maps)
{
    struct buf scratch = {.max = KEY_MAX};
    uint64_t left = MAX_KEYS_TEXT;
    size_t at = 0;
    for (size_t i = maps->u.seq.len; i-- > 0;) {
        const struct value *d = map_dict(maps->u.seq.items[i]);
        for (size_t k = 0; k < d->u.dict.len && left; k++, at++) {
            all[at].order = at;
            all[at].pair = d->u.dict.pairs[k];
            all[at].hash = same_key(&scratch, all[at].pair.key, &left);
        }
    }
    buf_free(&scratch);
    return left;
}

static bool show_chain(struct view *view, const struct value *maps)
{
    size_t n = 0;
    for (size_t i = 0; i < maps->u.seq.len; i++) {
        const struct value *d = map_dict(maps->u.seq.items[i]);
        if (!d || __builtin_add_overflow(n, d->u.dict.len, &n))
            return false;
    }
    if (n > ((size_t)1 << 24)) // more than one chained lookup table would hold
        return false;
    struct hashed_pair *all = calloc(n ? n : 1, sizeof *all);
    struct value_pair *pairs = calloc(n ? n : 1, sizeof *pairs);
    if (!all || !pairs || !collect_pairs(all, maps)) {
        free(all);
        free(pairs);
        return false;
    }
    view->len = merge_pairs(all, n);
    for (size_t i = 0; i < view->len; i++)
        pairs[i] = all[i].pair;
    view->kind = VIEW_PAIRS;
    view->pairs = view->owned = pairs;
    free(all);
    return true;
}

// The collections module but for its wrappers; false when v is none of them.
static bool show_collection(const struct value *v, struct view *view)
{
    const struct value *first = value_arg(v, 0), *more = v->u.call.pairs;
    if (is_call_of_collections(v, "deque")) {
        const struct value *items = v->u.call.items ? v->u.call.items : first;
        if (!items || (items->kind != VALUE_LIST && items->kind != VALUE_TUPLE))
            items = v->u.call.args;
        show_seq(view, items);
        view->len = items == v->u.call.args ? 0 : view->len;
        view->is_tuple = false;
        return true;
    }
    if (is_call_of_collections(v, "OrderedDict") && !more && first && first->kind == VALUE_LIST)
        return show_pair_list(view, first);
    if (is_call_of_collections(v, "Counter") && !more && first && first->kind == VALUE_DICT)
        more = first;
    else if (!is_call_of_collections(v, "OrderedDict") && !is_call_of_collections(v, "defaultdict") &&
             !is_call_of_collections(v, "Counter"))
        return false;
    show_pairs(view, more);
    return true;
}

// The value inside a UserDict or UserList; NULL when v is neither.
static const struct value *unwrap(const struct value *v)
{
    if (!is_call_of_collections(v, "UserDict") && !is_call_of_collections(v, "UserList"))
        return NULL;
    return value_dict_get(v->u.call.state, "data");
}

// State that can stand beside "__class__": string keys, none of them that one.
static bool is_plain_state(const struct value *state)
{
    for (size_t i = 0; i < state->u.dict.len; i++) {
        if (state->u.dict.pairs[i].key->kind != VALUE_STR)
            return false;
    }
    return !value_dict_get(state, "__class__");
}

// Their state is how they are stored in memory, not what they hold.
static bool is_of_pandas(const struct value *g)
{
    return !strcmp(g->u.global.module, "pandas") || !strncmp(g->u.global.module, "pandas.", 7);
}

// Whether a class was called with arguments that say something (MetaflowExceptionWrapper(None) does not).
static bool has_args(const struct value *v)
{
    const struct value *args = v->u.call.args;
    for (size_t i = 0; i < args->u.seq.len; i++)
        if (args->u.seq.items[i]->kind != VALUE_NONE)
            return !v->u.call.is_new && is_class_name(v->u.call.callee);
    return false;
}

static void show_args(const struct value *v, struct view *view)
{
    static struct value args_key = {.kind = VALUE_STR, .u.bytes = {(const uint8_t *)"args", 4}};
    view->one = (struct value_pair){&args_key, v->u.call.args};
    view->pairs = &view->one;
    view->len = 1;
}

static bool show_instance(const struct value *v, struct view *view)
{
    static struct value state_key = {.kind = VALUE_STR, .u.bytes = {(const uint8_t *)"__state__", 9}};
    const struct value *state = v->u.call.state, *slots = NULL;
    if (v->u.call.callee->kind != VALUE_GLOBAL || is_of_pandas(v->u.call.callee))
        return false;
    // Of a frozen dataclass with slots: the fields' values in order, without their names.
    if (state && state->kind == VALUE_LIST && v->u.call.is_new && !v->u.call.args->u.seq.len && !v->u.call.kwargs) {
        view->kind = VIEW_INSTANCE;
        view->one = (struct value_pair){&state_key, v->u.call.state};
        view->pairs = &view->one;
        view->len = 1;
        return true;
    }
    // With __slots__ the state is (instance dict or None, slots).
    if (state && state->kind == VALUE_TUPLE && state->u.seq.len == 2) {
        slots = state->u.seq.items[1];
        state = state->u.seq.items[0];
        if (slots->kind != VALUE_DICT || !is_plain_state(slots))
            return false;
    }
    bool has_state = state && state->kind == VALUE_DICT;
    if (state && !has_state && state->kind != VALUE_NONE)
        return false;
    if (has_state && !is_plain_state(state))
        return false;
    if (!has_state && !slots && !v->u.call.is_new && !is_class_name(v->u.call.callee))
        return false;
    if (!has_state && !slots && (v->u.call.args->u.seq.len || v->u.call.kwargs))
        return false;
    view->kind = VIEW_INSTANCE;
    if (has_state && !slots && has_args(v) && !value_dict_get(state, "args")) {
        show_args(v, view);
        view->more = state->u.dict.pairs;
        view->more_len = state->u.dict.len;
        return true;
    }
    view->pairs = has_state ? state->u.dict.pairs : NULL;
    view->len = has_state ? state->u.dict.len : 0;
    view->more = slots ? slots->u.dict.pairs : NULL;
    view->more_len = slots ? slots->u.dict.len : 0;
    return true;
}

// ValueError("bad", 3): its args beside what was set on it.
static bool show_exception(const struct value *v, struct view *view)
{
    const struct value *g = v->u.call.callee, *state = v->u.call.state;
    if (g->kind != VALUE_GLOBAL || !is_class_name(g) || !is_exception_name(g->u.global.name) || v->u.call.is_new ||
        v->u.call.kwargs)
        return false;
    bool has_state = !is_empty_state(state);
    if (has_state && (state->kind != VALUE_DICT || !is_plain_state(state) || value_dict_get(state, "args")))
        return false;
    view->kind = VIEW_INSTANCE;
    show_args(v, view);
    if (has_state) {
        view->more = state->u.dict.pairs;
        view->more_len = state->u.dict.len;
    }
    return true;
}

// struct_time, stat_result and their kin, in the order of their fields: called with these and a dict of more.
static bool is_struct_sequence(const struct value *v)
{
    static const char *const modules[] = {"time", "os", "posix", "resource", "pwd", "grp"};
    const struct value *g = v->u.call.callee, *fields = value_arg(v, 0), *more = value_arg(v, 1);
    if (g->kind != VALUE_GLOBAL || !fields || fields->kind != VALUE_TUPLE || !more || more->kind != VALUE_DICT)
        return false;
    for (size_t i = 0; i < sizeof modules / sizeof *modules; i++)
        if (!strcmp(g->u.global.module, modules[i]))
            return true;
    return false;
}

static void show_call(const struct value *v, struct view *view)
{
    static struct value value_key = {.kind = VALUE_STR, .u.bytes = {(const uint8_t *)"value", 5}};
    const struct value *items = v->u.call.items, *pairs = v->u.call.pairs;
    const struct value *maps = is_call_of_collections(v, "ChainMap") ? value_dict_get(v->u.call.state, "maps") : NULL;
    struct value *member = view_enum_value(v);
    if (show_collection(v, view))
        return;
    const struct value *list = value_is_call(v, "array", "array") ? value_arg(v, 1) : NULL;
    if (list && list->kind == VALUE_LIST) { // of the standard library, by protocols 0 to 2
        show_seq(view, list);
        return;
    }
    if (maps && maps->kind == VALUE_LIST && show_chain(view, maps))
        return;
    if (items || pairs) { // subclasses of list and dict
        if (items && !pairs)
            show_seq(view, items);
        else if (pairs && !items)
            show_pairs(view, pairs);
        return;
    }
    if (member) {
        view->kind = VIEW_INSTANCE;
        view->one = (struct value_pair){&value_key, member};
        view->pairs = &view->one;
        view->len = 1;
        return;
    }
    if (v->u.call.is_new && !v->u.call.kwargs && v->u.call.args->u.seq.len && is_empty_state(v->u.call.state))
        show_seq(view, v->u.call.args); // a named tuple
    else if (is_struct_sequence(v))
        show_seq(view, value_arg(v, 0));
    else if (!show_exception(v, view))
        (void)show_instance(v, view);
}

void view_of(const struct value *v, struct view *view)
{
    memset(view, 0, sizeof *view);
    view->kind = VIEW_OTHER;
    for (unsigned n = 0; v->kind == VALUE_CALL && n < MAX_WRAPPERS; n++) {
        const struct value *inner = unwrap(v);
        if (!inner)
            break;
        v = inner;
    }
    switch (v->kind) {
    case VALUE_LIST:
    case VALUE_TUPLE:
    case VALUE_SET:
    case VALUE_FROZENSET: show_seq(view, v); break;
    case VALUE_DICT: show_pairs(view, v); break;
    case VALUE_CALL: show_call(v, view); break;
    default: break;
    }
}
