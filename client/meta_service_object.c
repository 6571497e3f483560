// One flow, run, step or task: from the cache while it holds, else asked for; and heartbeats, which are
// read for a whole listing at once where it was listed.
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "client/meta_service_i.h"
#include "client/rows.h"

// Rows that were asked for this much before are read again with the news: clocks of services differ.
#define BEAT_MARGIN_MS (30 * 1000)
// A run or task whose heart stopped this long ago is looked at less often.
#define SILENT_MS (10 * 60 * 1000)
#define NEVER_BEAT_MS (24 * 3600 * 1000)

static bool cached_object(struct meta_service *m, const struct pathspec *ps, struct meta_object **ret,
                          int64_t *ret_asked_ms)
{
    auto_cleanup(place_free) struct place at = place_object(ps);
    auto_cleanup(buf_free) struct buf data = {0};
    struct cache_key key = place_key(&at, ROW_OBJECT, 0, "");
    return cache_get(m->cache, &key, &data, ret_asked_ms) && rows_get_object(data.data, data.len, ret);
}

// Up to when heartbeats of the objects below `parent` were read, for objects that were asked for after *ret_first_ms.
struct beats {
    int64_t first_ms;
};

static bool beats_get(struct meta_service *m, const struct place *at, struct beats *ret, int64_t *ret_asked_ms)
{
    auto_cleanup(buf_free) struct buf data = {0};
    struct cache_key key = place_key(at, ROW_BEATS, 0, "");
    if (!cache_get(m->cache, &key, &data, ret_asked_ms) || data.len != sizeof(*ret)) {
        return false;
    }
    memcpy(ret, data.data, sizeof(*ret));
    return true;
}

// Whether something that beats no more is looked at less often.
static bool is_silent(const struct meta_object *o, int64_t asked_ms)
{
    return o->heartbeat_ms >= 0 ? asked_ms - o->heartbeat_ms > SILENT_MS : asked_ms - o->created_ms > NEVER_BEAT_MS;
}

static bool object_holds(struct meta_service *m, const struct pathspec *ps, const struct meta_object *o,
                         int64_t asked_ms)
{
    enum level level = pathspec_level(ps);
    if (level == LEVEL_FLOW || level == LEVEL_STEP) {
        return true; // that it is there and since when is all there is to know
    }
    if (ms_holds(m, ps, asked_ms) || (is_silent(o, asked_ms) && ms_is_fresh(asked_ms, m->quiet_ttl_ms))) {
        return true;
    }
    struct pathspec parent = pathspec_upto(ps, level - 1);
    auto_cleanup(place_free) struct place at = place_below(&parent);
    struct beats beats;
    int64_t beats_ms;
    return beats_get(m, &at, &beats, &beats_ms) && asked_ms >= beats.first_ms &&
           ms_is_fresh(beats_ms, ms_ttl(m, &parent));
}

// --- asking ---------------------------------------------------------------------------------------------

struct one {
    struct gather *f;
    struct meta_object *object;
};

static errc take_one(void *arg, struct service_row *row, struct err *err)
{
    (void)err;
    struct one *one = arg;
    if (!one->object) {
        gather_put_object(one->f, &row->object);
        one->object = mem_zalloc(sizeof(*one->object));
        *one->object = row->object;
        memset(&row->object, 0, sizeof(row->object));
    }
    return ERR_OK;
}

// Where a service cannot list its flows, those that were asked for by name are the list.
static void note_flow(struct gather *f, const struct meta_object *o)
{
    if (service_can(f->m->service, SERVICE_LISTS_FLOWS) == SERVICE_CANNOT && !o->run) {
        auto_cleanup(place_free) struct place root = place_below(&(struct pathspec){0});
        gather_put(f, &root, ROW_CHILD, ms_newest_first(o->created_ms, -1), o->flow, &o->created_ms,
                  sizeof(o->created_ms));
    }
}

static errc ask_object(struct meta_service *m, const struct pathspec *ps, bool has_old, struct cancel *cancel,
                       struct meta_object **ret, struct err *err)
{
    struct gather f __attribute__((cleanup(gather_free)));
    gather_begin(&f, m, SERVICE_OBJECT, ps, cancel);
    f.q.timeout_ms = has_old ? MS_PATIENCE_MS : 0;
    struct one one = {.f = &f};
    bool paged, more;
    errc code = gather_page(&f, take_one, &one, &paged, &more, err);
    if (!code && !one.object) {
        auto_free char *path = pathspec_text(ps);
        code = err_set(err, ERR_CORRUPT, "the metadata service answered nothing about %s", path);
    }
    if (code) {
        meta_object_free(one.object);
        return code;
    }
    note_flow(&f, one.object);
    gather_end(&f);
    *ret = one.object;
    return ERR_OK;
}

static errc take_beat(void *arg, struct service_row *row, struct err *err)
{
    (void)err;
    gather_put_object(arg, &row->object);
    return ERR_OK;
}

// Reads which of the listed objects below `parent` had a heartbeat since that was last read.
static errc ask_beats(struct meta_service *m, const struct pathspec *parent, const struct list_state *list,
                      struct cancel *cancel, struct err *err)
{
    auto_cleanup(place_free) struct place at = place_below(parent);
    struct beats beats = {.first_ms = list->first_ms};
    int64_t since_ms = list->first_ms;
    struct beats before;
    int64_t before_ms;
    if (beats_get(m, &at, &before, &before_ms) && before.first_ms == list->first_ms) {
        since_ms = before_ms;
    }
    struct gather f __attribute__((cleanup(gather_free)));
    gather_begin(&f, m, SERVICE_CHILDREN, parent, cancel);
    f.q.beat_from_ms = since_ms - BEAT_MARGIN_MS;
    f.q.timeout_ms = MS_PATIENCE_MS;
    atomic_fetch_add_explicit(&m->refreshes, 1, memory_order_relaxed);
    bool paged, more = true;
    errc code = ERR_OK;
    while (!code && more) {
        code = gather_page(&f, take_beat, &f, &paged, &more, err);
    }
    if (!code) {
        gather_put(&f, &at, ROW_BEATS, 0, "", &beats, sizeof(beats));
        gather_end(&f);
    }
    return code;
}

// Brings everything that was listed beside ps up to date, where that is one request, or cheaper than
// asking for each. *ret_did tells whether it was done.
static errc refresh_siblings(struct meta_service *m, const struct pathspec *ps, struct cancel *cancel,
                             bool *ret_did, struct err *err)
{
    struct pathspec parent = pathspec_upto(ps, pathspec_level(ps) - 1);
    auto_cleanup(place_free) struct place at = place_below(&parent);
    auto_cleanup(list_state_free) struct list_state list = {0};
    *ret_did = false;
    if (!list_state_get(m, &at, &list) || !list.complete || list.count < 2) {
        return ERR_OK;
    }
    if (!list.paged) {
        *ret_did = walks_relist(m->walks, &parent, list.asked_ms);
        return *ret_did ? ms_relist(m, &parent, cancel, err) : ERR_OK;
    }
    auto_free char *key = mem_printf("beats:%s/%s", at.unit, at.parent);
    bool waited;
    errc code = keylock_take(m->locks, key, cancel, &waited, err);
    if (code) {
        return code;
    }
    struct beats beats;
    int64_t asked_ms;
    *ret_did = true;
    if (!waited || !beats_get(m, &at, &beats, &asked_ms) || !ms_is_fresh(asked_ms, m->ttl_ms)) {
        code = ask_beats(m, &parent, &list, cancel, err);
    }
    ms_give(m, key, cancel, code, err);
    return code;
}

// --- the calls -------------------------------------------------------------------------------------------

// The object while it holds; an older one goes to *ret_old, for want of a better.
static bool recall(struct meta_service *m, const struct pathspec *ps, bool with_tags, struct meta_object **ret,
                   struct meta_object **ret_old)
{
    int64_t asked_ms;
    auto_cleanup(meta_object_freep) struct meta_object *o = NULL;
    if (!cached_object(m, ps, &o, &asked_ms)) {
        return false;
    }
    bool holds = with_tags ? ms_is_fresh(asked_ms, m->ttl_ms) : object_holds(m, ps, o, asked_ms);
    meta_object_freep(ret_old);
    *ret_old = NULL;
    *(holds ? ret : ret_old) = steal_ptr(&o);
    return holds;
}

// One request for an object, however many want it.
static errc ask_once(struct meta_service *m, const struct pathspec *ps, bool with_tags, struct cancel *cancel,
                     struct meta_object **ret, struct meta_object **old, struct err *err)
{
    auto_free char *path = pathspec_text(ps);
    auto_free char *key = mem_printf("object:%s", path);
    bool waited;
    errc code = keylock_take(m->locks, key, cancel, &waited, err);
    if (code) {
        return code;
    }
    if (!waited || !recall(m, ps, with_tags, ret, old)) {
        code = ask_object(m, ps, *old != NULL, cancel, ret, err);
    }
    ms_give(m, key, cancel, code, err);
    return code;
}

static errc find_object(struct meta_service *m, const struct pathspec *ps, bool with_tags, struct cancel *cancel,
                        struct meta_object **ret, struct err *err)
{
    auto_cleanup(meta_object_freep) struct meta_object *old = NULL;
    int64_t asked_ms;
    if (recall(m, ps, with_tags, ret, &old)) {
        return ERR_OK;
    }
    bool refreshed = false;
    errc code = old && !with_tags ? refresh_siblings(m, ps, cancel, &refreshed, err) : ERR_OK;
    if (!code && refreshed && cached_object(m, ps, ret, &asked_ms)) {
        return ERR_OK;
    }
    if (!code) {
        code = ask_once(m, ps, with_tags, cancel, ret, &old, err);
    }
    if (code && old && ms_may_be_stale(m, code)) {
        *ret = steal_ptr(&old);
        return ERR_OK;
    }
    return code;
}

errc ms_stat(struct meta *meta, const struct pathspec *ps, struct cancel *cancel, struct meta_object **ret,
             struct err *err)
{
    return find_object(ms_of(meta), ps, false, cancel, ret, err);
}

errc ms_get(struct meta *meta, const struct pathspec *ps, struct cancel *cancel, struct meta_object **ret,
            struct err *err)
{
    struct meta_service *m = ms_of(meta);
    enum level level = pathspec_level(ps);
    if (level <= LEVEL_RUN) {
        return find_object(m, ps, level == LEVEL_RUN, cancel, ret, err);
    }
    struct pathspec at = pathspec_upto(ps, LEVEL_RUN);
    auto_cleanup(meta_object_freep) struct meta_object *run = NULL;
    auto_cleanup(meta_object_freep) struct meta_object *object = NULL;
    errc code = find_object(m, ps, false, cancel, &object, err);
    if (!code) {
        code = find_object(m, &at, true, cancel, &run, err);
    }
    if (code) {
        return code;
    }
    // Tags are the run's, whatever a row of a step or task repeated when it was asked for.
    strv_free(&object->tags);
    strv_free(&object->system_tags);
    strv_copy(&object->tags, &run->tags);
    strv_copy(&object->system_tags, &run->system_tags);
    *ret = steal_ptr(&object);
    return ERR_OK;
}
