// Listings: page by page from the service into the cache and out to who asked; afterwards what is new only.
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "client/meta_service_i.h"

// A refresh asks again for what was created so long before the newest that is known: rows become visible
// a little out of order, and a service of several machines has several clocks.
#define NEW_MARGIN_MS (60 * 1000)
#define EMIT_EVERY 500
#define NEWEST_PAGE 20 // who wants the newest alone is seldom in need of a second page

// --- the state of a listing --------------------------------------------------------------------------------

struct packed_state {
    uint8_t version, complete, paged;
    int64_t first_ms, newest_ms, count;
};
#define STATE_VERSION 1

bool list_state_get(struct meta_service *m, const struct place *at, struct list_state *ret)
{
    auto_cleanup(buf_free) struct buf data = {0};
    struct cache_key key = place_key(at, ROW_LIST, 0, "");
    struct packed_state p;
    int64_t asked_ms;
    if (!cache_get(m->cache, &key, &data, &asked_ms) || data.len < sizeof(p)) {
        return false;
    }
    memcpy(&p, data.data, sizeof(p));
    *ret = (struct list_state){.complete = p.complete != 0, .paged = p.paged != 0, .asked_ms = asked_ms,
                               .first_ms = p.first_ms, .newest_ms = p.newest_ms, .count = p.count};
    if (data.len > sizeof(p)) {
        ret->cursor = mem_strndup(data.data + sizeof(p), data.len - sizeof(p));
    }
    return p.version == STATE_VERSION && (ret->complete || ret->cursor);
}

void list_state_free(struct list_state *s)
{
    free(s->cursor);
    s->cursor = NULL;
}

static void put_state(struct gather *f, const struct place *at, const struct list_state *s)
{
    struct packed_state p;
    memset(&p, 0, sizeof(p));
    p.version = STATE_VERSION;
    p.complete = s->complete;
    p.paged = s->paged;
    p.first_ms = s->first_ms;
    p.newest_ms = s->newest_ms;
    p.count = s->count;
    auto_cleanup(buf_free) struct buf data = {0};
    buf_put(&data, &p, sizeof(p));
    if (!s->complete && s->cursor) {
        buf_puts(&data, s->cursor);
    }
    gather_put(f, at, ROW_LIST, 0, "", data.data, data.len);
}

// --- one listing in progress -------------------------------------------------------------------------------

struct lister {
    struct meta_service *m;
    struct pathspec parent;
    struct place at;
    struct cancel *cancel;
    meta_list_fn fn;           // NULL: nobody wants to see it
    void *arg;
    struct list_state state;
    struct gather *fetch;
    struct strv ids;           // written, or about to be, and not yet given
    int64_t *created;
    size_t created_cap;
    bool emits;                // rows are given as they are read, not from the cache
    bool ordered;              // newest first is a promise, not only what the service happens to do
    bool stopped;
    int64_t oldest_ms;         // of the page
    int64_t known_ms;          // rows created before this were known before
    errc code;                 // of giving
};

static void lister_free(struct lister *l)
{
    place_free(&l->at);
    list_state_free(&l->state);
    strv_free(&l->ids);
    free(l->created);
}

static void emit(struct lister *l, const char *id, int64_t created_ms)
{
    if (!l->stopped && l->fn) {
        l->stopped = !l->fn(l->arg, id, created_ms);
    }
}

// What is given is in the cache by then: who looks at a row at once finds it there.
static void emit_pending(struct lister *l)
{
    if (l->ids.len == 0) {
        return;
    }
    gather_commit(l->fetch);
    for (size_t i = 0; i < l->ids.len; i++) {
        emit(l, l->ids.items[i], l->created[i]);
    }
    strv_free(&l->ids);
}

// Where the service gives no order, ids wait for the end and are put in order then.
static bool must_sort(const struct lister *l)
{
    return l->ordered && (service_can(l->m->service, SERVICE_PAGES) != SERVICE_CAN ||
                          pathspec_level(&l->parent) == LEVEL_RUN);
}

struct pending {
    char *id;
    int64_t created_ms;
    uint64_t order;
};

static int by_order(const void *a, const void *b)
{
    uint64_t x = ((const struct pending *)a)->order, y = ((const struct pending *)b)->order;
    return (x > y) - (x < y);
}

static void sort_pending(struct lister *l)
{
    size_t n = l->ids.len;
    auto_free struct pending *all = mem_zalloc((n + 1) * sizeof(*all));
    for (size_t i = 0; i < n; i++) {
        char *id = l->ids.items[i];
        all[i] = (struct pending){id, l->created[i], ms_newest_first(l->created[i], ms_number(id))};
    }
    qsort(all, n, sizeof(*all), by_order);
    for (size_t i = 0; i < n; i++) {
        l->ids.items[i] = all[i].id;
        l->created[i] = all[i].created_ms;
    }
}

static errc take_child(void *arg, struct service_row *row, struct err *err)
{
    struct lister *l = arg;
    const struct meta_object *o = &row->object;
    const char *id = o->task ? o->task : o->step ? o->step : o->run ? o->run : o->flow;
    gather_put_object(l->fetch, o);
    gather_put(l->fetch, &l->at, ROW_CHILD, ms_newest_first(o->created_ms, ms_number(id)), id, &o->created_ms,
              sizeof(o->created_ms));
    if (o->created_ms >= l->known_ms) {
        l->state.count++;
    }
    l->state.newest_ms = o->created_ms > l->state.newest_ms ? o->created_ms : l->state.newest_ms;
    l->oldest_ms = o->created_ms < l->oldest_ms ? o->created_ms : l->oldest_ms;
    if (l->emits && l->fn) {
        l->created = mem_grow(l->created, &l->created_cap, l->ids.len + 1, sizeof(l->created[0]));
        l->created[l->ids.len] = o->created_ms;
        strv_add(&l->ids, id);
        if (l->ids.len >= EMIT_EVERY && !must_sort(l)) {
            emit_pending(l);
        }
    }
    // A whole list has no cursor to go on from, but what one wanted is found.
    return l->stopped && !l->state.paged ? err_set(err, ERR_INTERRUPTED, "enough of the list was seen") : ERR_OK;
}

static errc read_pages_down(struct lister *l, struct err *err)
{
    struct gather *f = l->fetch;
    bool more = true;
    while (more && !l->stopped) {
        bool paged;
        errc code = gather_page(f, take_child, l, &paged, &more, err);
        if (code) {
            gather_commit(f);
            return l->stopped ? ERR_OK : code;
        }
        f->q.limit = 0;
        l->state.paged = paged;
        l->state.complete = !more;
        free(l->state.cursor);
        l->state.cursor = mem_strdup(f->q.cursor);
        if (must_sort(l)) {
            sort_pending(l);
        }
        emit_pending(l);
        if (!paged) {
            cache_batch_replace(f->batch, l->at.unit, ROW_CHILD, l->at.parent);
        }
        put_state(f, &l->at, &l->state);
        gather_commit(f);
    }
    return ERR_OK;
}

// From a cursor, or with NULL from the newest on, down to the end or as long as the asker wants more.
static errc read_down(struct lister *l, const char *cursor, unsigned first_limit, struct err *err)
{
    struct gather f __attribute__((cleanup(gather_free)));
    gather_begin(&f, l->m, SERVICE_CHILDREN, &l->parent, l->cancel);
    f.q.cursor = mem_strdup(cursor);
    f.q.limit = first_limit;
    // A whole list takes its time.
    f.q.timeout_ms = l->state.complete && l->state.paged ? MS_PATIENCE_MS : 0;
    l->emits = true;
    l->known_ms = INT64_MIN;
    l->state.asked_ms = cursor ? l->state.asked_ms : f.asked_ms;
    l->state.first_ms = cursor ? l->state.first_ms : f.asked_ms;
    l->state.paged = service_can(l->m->service, SERVICE_PAGES) != SERVICE_CANNOT &&
                     pathspec_level(&l->parent) != LEVEL_RUN;
    l->fetch = &f;
    errc code = read_pages_down(l, err);
    l->fetch = NULL;
    return code;
}

static errc read_new_pages(struct lister *l, int64_t from_ms, bool filters, struct err *err)
{
    bool paged, more = true;
    while (more && (filters || l->oldest_ms >= from_ms)) {
        errc code = gather_page(l->fetch, take_child, l, &paged, &more, err);
        if (code) {
            return code;
        }
    }
    return ERR_OK;
}

// What was created since the listing was read last.
static errc read_new(struct lister *l, bool *ret_written, struct err *err)
{
    struct gather f __attribute__((cleanup(gather_free)));
    gather_begin(&f, l->m, SERVICE_CHILDREN, &l->parent, l->cancel);
    int64_t from_ms = l->state.newest_ms - NEW_MARGIN_MS;
    bool filters = pathspec_level(&l->parent) != LEVEL_ROOT;
    f.q.from_ms = filters && from_ms > 0 ? from_ms : -1;
    f.q.timeout_ms = MS_PATIENCE_MS;
    l->emits = false;
    l->known_ms = l->state.newest_ms + 1;
    l->oldest_ms = INT64_MAX;
    atomic_fetch_add_explicit(&l->m->refreshes, 1, memory_order_relaxed);
    l->fetch = &f;
    errc code = read_new_pages(l, from_ms, filters, err);
    l->fetch = NULL;
    if (!code) {
        l->state.asked_ms = f.asked_ms;
        put_state(&f, &l->at, &l->state);
        *ret_written = gather_end(&f);
    }
    return code;
}

static bool give_child(void *arg, const struct cache_item *item)
{
    struct lister *l = arg;
    int64_t created_ms = -1;
    if (item->len == sizeof(created_ms)) {
        memcpy(&created_ms, item->data, sizeof(created_ms));
    }
    emit(l, item->name, created_ms);
    return !l->stopped;
}

static void give_cached(struct lister *l)
{
    if (l->fn) {
        cache_scan(l->m->cache, l->at.unit, ROW_CHILD, l->at.parent, 0, give_child, l);
    }
}

static bool list_holds(struct meta_service *m, const struct pathspec *parent, const struct list_state *s)
{
    if (pathspec_level(parent) < LEVEL_RUN) {
        return ms_is_fresh(s->asked_ms, m->ttl_ms);
    }
    return ms_holds(m, parent, s->asked_ms);
}

// Brings the listing up to date and gives it, as far as it is wanted. With the key of the listing held.
static errc list_now(struct lister *l, unsigned first_limit, struct err *err)
{
    bool known = list_state_get(l->m, &l->at, &l->state);
    if (!known) {
        list_state_free(&l->state);
        l->state = (struct list_state){0};
        return read_down(l, NULL, first_limit, err);
    }
    if (!list_holds(l->m, &l->parent, &l->state)) {
        if (!l->state.paged) {
            l->state.count = 0;
            return read_down(l, NULL, first_limit, err);
        }
        bool written = false;
        errc code = read_new(l, &written, err);
        if (code) {
            return code;
        }
        if (!written) { // what is new could not be kept, and is only to be had from the service
            return read_down(l, NULL, first_limit, err);
        }
    }
    give_cached(l);
    if (l->stopped || l->state.complete) {
        return ERR_OK;
    }
    auto_free char *cursor = mem_strdup(l->state.cursor);
    return read_down(l, cursor, 0, err);
}

// A listing of nothing is that of something empty, or of something that is not there.
static errc check_parent(struct meta_service *m, const struct pathspec *ps, struct cancel *cancel, struct err *err)
{
    // Of an unknown step nobody asks who has not just found it missing: that is not worth a request.
    if (pathspec_level(ps) == LEVEL_ROOT || pathspec_level(ps) == LEVEL_STEP) {
        return ERR_OK;
    }
    auto_cleanup(meta_object_freep) struct meta_object *parent = NULL;
    return ms_stat(&m->meta, ps, cancel, &parent, err);
}

// Where the service cannot list, or does not answer, what is known has to do.
static errc list_fallback(struct lister *l, errc code)
{
    bool no_route = code == ERR_NO_FORM && pathspec_level(&l->parent) == LEVEL_ROOT;
    auto_cleanup(list_state_free) struct list_state s = {0};
    if (!no_route && (!list_state_get(l->m, &l->at, &s) || !ms_may_be_stale(l->m, code))) {
        return code;
    }
    give_cached(l);
    return ERR_OK;
}

struct counted {
    meta_list_fn fn;
    void *arg;
    size_t n;
};

static bool count_child(void *arg, const char *id, int64_t created_ms)
{
    struct counted *c = arg;
    c->n++;
    return c->fn(c->arg, id, created_ms);
}

static errc list_with(struct meta_service *m, const struct pathspec *ps, bool newest, struct cancel *cancel,
                      meta_list_fn fn, void *arg, struct err *err)
{
    struct counted counted = {fn, arg, 0};
    struct lister l __attribute__((cleanup(lister_free))) = {
        .m = m, .parent = *ps, .at = place_below(ps), .cancel = cancel, .fn = fn ? count_child : NULL,
        .arg = &counted, .ordered = newest || pathspec_level(ps) >= LEVEL_RUN};
    if (list_state_get(m, &l.at, &l.state) && l.state.complete && list_holds(m, ps, &l.state)) {
        give_cached(&l);
    } else {
        list_state_free(&l.state);
        auto_free char *key = mem_printf("list:%s/%s", l.at.unit, l.at.parent);
        bool waited;
        errc code = keylock_take(m->locks, key, cancel, &waited, err);
        if (!code) {
            code = list_now(&l, newest ? NEWEST_PAGE : 0, err);
            ms_give(m, key, cancel, code, err);
        }
        code = code && counted.n == 0 ? list_fallback(&l, code) : code;
        if (code) {
            return code;
        }
    }
    if (pathspec_level(ps) == LEVEL_STEP && counted.n > WALK_FEW_TASKS) {
        walks_big(m->walks, ps, WALK_ARTIFACTS);
        walks_big(m->walks, ps, WALK_RECORDS);
    }
    return fn && counted.n == 0 ? check_parent(m, ps, cancel, err) : ERR_OK;
}

errc ms_list(struct meta *meta, const struct pathspec *ps, struct cancel *cancel, meta_list_fn fn, void *arg,
             struct err *err)
{
    return list_with(ms_of(meta), ps, false, cancel, fn, arg, err);
}

errc ms_newest(struct meta *meta, const char *flow, struct cancel *cancel, meta_list_fn fn, void *arg,
               struct err *err)
{
    return list_with(ms_of(meta), &(struct pathspec){.flow = flow}, true, cancel, fn, arg, err);
}

errc ms_relist(struct meta_service *m, const struct pathspec *ps, struct cancel *cancel, struct err *err)
{
    return list_with(m, ps, false, cancel, NULL, NULL, err);
}
