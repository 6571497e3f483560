// Where things are in the cache, and how long they hold.
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "client/meta_service_i.h"
#include "client/rows.h"

struct place place_object(const struct pathspec *ps)
{
    switch (pathspec_level(ps)) {
    case LEVEL_FLOW:
        return (struct place){mem_strdup(""), mem_strdup(ps->flow)};
    case LEVEL_RUN:
        return (struct place){mem_strdup(ps->flow), mem_strdup(ps->run)};
    default:
        return place_below(ps);
    }
}

struct place place_below(const struct pathspec *ps)
{
    switch (pathspec_level(ps)) {
    case LEVEL_ROOT:
        return (struct place){mem_strdup(""), mem_strdup("")};
    case LEVEL_FLOW:
        return (struct place){mem_strdup(ps->flow), mem_strdup("")};
    case LEVEL_RUN:
        return (struct place){mem_printf("%s/%s", ps->flow, ps->run), mem_strdup("")};
    case LEVEL_STEP:
        return (struct place){mem_printf("%s/%s", ps->flow, ps->run), mem_strdup(ps->step)};
    default:
        return (struct place){mem_printf("%s/%s", ps->flow, ps->run), mem_printf("%s/%s", ps->step, ps->task)};
    }
}

void place_free(struct place *p)
{
    free(p->unit);
    free(p->parent);
}

struct cache_key place_key(const struct place *p, uint8_t row, uint64_t order, const char *name)
{
    struct cache_key key = {p->unit, p->parent, row, order, name, false};
    if (row == ROW_OBJECT) { // lists come in the order of their numbers, or near it
        const char *slash = strrchr(p->parent, '/');
        int64_t number = ms_number(slash ? slash + 1 : p->parent);
        key.by_order = true;
        key.order = number >= 0 ? (uint64_t)number : UINT64_MAX;
    }
    return key;
}

#define NUMBER_BITS 23 // beside the 41 bits of a time in milliseconds

uint64_t ms_newest_first(int64_t created_ms, int64_t number)
{
    uint64_t time = created_ms < 0 ? 0 : (uint64_t)created_ms & ((UINT64_C(1) << (64 - NUMBER_BITS)) - 1);
    uint64_t low = number < 0 ? 0 : (uint64_t)number & ((UINT64_C(1) << NUMBER_BITS) - 1);
    return ~(time << NUMBER_BITS | low);
}

int64_t ms_number(const char *id)
{
    int64_t v = 0;
    for (const char *p = id; *p; p++) {
        if (*p < '0' || *p > '9' || v > INT64_MAX / 10 - 10) {
            return -1;
        }
        v = v * 10 + (*p - '0');
    }
    return *id ? v : -1;
}

bool ms_is_fresh(int64_t asked_ms, int64_t ttl_ms)
{
    int64_t age = clock_wall_ms() - asked_ms;
    return age >= -1000 && age < ttl_ms; // a clock that was set back makes nothing fresh for ever
}

// --- states ---------------------------------------------------------------------------------------------

struct state {
    uint8_t version, state;
    int64_t since_ms;
};
#define STATE_VERSION 1

static bool state_get(struct meta_service *m, const struct pathspec *ps, struct state *ret)
{
    auto_cleanup(place_free) struct place at = place_object(ps);
    auto_cleanup(buf_free) struct buf data = {0};
    struct cache_key key = place_key(&at, ROW_STATE, 0, "");
    int64_t asked_ms;
    if (!cache_get(m->cache, &key, &data, &asked_ms) || data.len != sizeof(*ret)) {
        return false;
    }
    memcpy(ret, data.data, sizeof(*ret));
    return ret->version == STATE_VERSION;
}

static void state_put(struct cache_batch *b, const struct place *at, enum meta_state state, int64_t since_ms)
{
    struct state s;
    memset(&s, 0, sizeof(s));
    s.version = STATE_VERSION;
    s.state = (uint8_t)state;
    s.since_ms = since_ms;
    struct cache_key key = place_key(at, ROW_STATE, 0, "");
    cache_batch_put(b, &key, &s, sizeof(s));
}

void ms_put_settled(struct cache_batch *b, const struct place *task, int64_t since_ms)
{
    state_put(b, task, META_SETTLED, since_ms);
}

// What a run was started with is written at its start.
static int64_t parameters_settled_at(struct meta_service *m, const struct pathspec *run)
{
    auto_cleanup(place_free) struct place at = place_object(run);
    auto_cleanup(buf_free) struct buf data = {0};
    auto_cleanup(meta_object_freep) struct meta_object *o = NULL;
    struct cache_key key = place_key(&at, ROW_OBJECT, 0, "");
    int64_t asked_ms;
    bool found = cache_get(m->cache, &key, &data, &asked_ms) && rows_get_object(data.data, data.len, &o);
    return found ? o->created_ms + m->settle_after_ms : INT64_MAX;
}

int64_t ms_settled_at(struct meta_service *m, const struct pathspec *ps)
{
    struct pathspec run = pathspec_upto(ps, LEVEL_RUN);
    struct state s;
    int64_t at = ps->step && strcmp(ps->step, "_parameters") == 0 ? parameters_settled_at(m, &run) : INT64_MAX;
    if (state_get(m, &run, &s) && s.state == META_SETTLED && s.since_ms < at) {
        at = s.since_ms;
    }
    if (pathspec_level(ps) == LEVEL_TASK && state_get(m, ps, &s) && s.state == META_SETTLED && s.since_ms < at) {
        at = s.since_ms;
    }
    return at;
}

int64_t ms_ttl(struct meta_service *m, const struct pathspec *ps)
{
    struct pathspec run = pathspec_upto(ps, LEVEL_RUN);
    struct state s;
    if (pathspec_level(ps) >= LEVEL_RUN && state_get(m, &run, &s) && s.state == META_QUIET &&
        ms_is_fresh(s.since_ms, 2 * m->quiet_ttl_ms) && m->quiet_ttl_ms > m->ttl_ms) {
        return m->quiet_ttl_ms;
    }
    return m->ttl_ms;
}

bool ms_holds(struct meta_service *m, const struct pathspec *ps, int64_t asked_ms)
{
    return ms_is_fresh(asked_ms, m->ttl_ms) || asked_ms >= ms_settled_at(m, ps) ||
           ms_is_fresh(asked_ms, ms_ttl(m, ps));
}

void ms_conclude(struct meta *meta, const struct pathspec *ps, enum meta_state state, int64_t since_ms)
{
    struct meta_service *m = ms_of(meta);
    struct state s;
    bool known = state_get(m, ps, &s);
    if (known && s.state == META_SETTLED) {
        return;
    }
    int64_t now = clock_wall_ms();
    if (state == META_QUIET && known && s.state == META_QUIET && ms_is_fresh(s.since_ms, m->quiet_ttl_ms)) {
        return;
    }
    auto_cleanup(place_free) struct place at = place_object(ps);
    struct cache_batch *b = cache_batch_new(m->cache, cache_generation(m->cache), now);
    state_put(b, &at, state, state == META_SETTLED ? since_ms + m->settle_after_ms : now);
    cache_batch_commit(b);
}

bool ms_may_be_stale(struct meta_service *m, errc code)
{
    bool may = code == ERR_UNREACHABLE || code == ERR_TIMEOUT || code == ERR_THROTTLED || code == ERR_IO;
    if (may) {
        atomic_fetch_add_explicit(&m->stale_served, 1, memory_order_relaxed);
    }
    return may;
}
