// What listings need of a task, for the price of its _task_ok record; and the times of directories.
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "client/model_i.h"

// --- the newest time known below a step or flow -----------------------------------------------------

struct hint_snap {
    struct snap snap;
    int64_t newest_ms;   // mtime of the newest known child, or -1
    int64_t shown_ms;    // what was answered, or -1
    int64_t shown_at_ms; // when
};

static void hint_destroy(struct snap *s)
{
    free(s);
}

static void put_hint(struct client *c, const struct pathspec *ps, int64_t newest, int64_t shown, int64_t at)
{
    struct hint_snap *h = mem_zalloc(sizeof(*h));
    snap_init(&h->snap, sizeof(*h), hint_destroy);
    h->newest_ms = newest;
    h->shown_ms = shown;
    h->shown_at_ms = at;
    model_recent_put(c, MODEL_HINT, ps, &h->snap, RECENT_FOR_EVER);
}

static struct hint_snap get_hint(struct client *c, const struct pathspec *ps)
{
    struct hint_snap none = {.newest_ms = -1, .shown_ms = -1};
    struct snap *s = model_recent_peek(c, MODEL_HINT, ps, -1);
    if (s) {
        none.newest_ms = ((struct hint_snap *)s)->newest_ms;
        none.shown_ms = ((struct hint_snap *)s)->shown_ms;
        none.shown_at_ms = ((struct hint_snap *)s)->shown_at_ms;
        snap_unref(s);
    }
    return none;
}

void model_hint(struct client *c, const struct pathspec *child, int64_t mtime_ms)
{
    struct pathspec parent = pathspec_upto(child, pathspec_level(child) - 1);
    struct hint_snap h = get_hint(c, &parent);
    if (mtime_ms > h.newest_ms) {
        put_hint(c, &parent, mtime_ms, h.shown_ms, h.shown_at_ms);
    }
}

// Two threads that answer first at the same time may answer apart; the kernel keeps one of them.
static int64_t directory_mtime(struct client *c, const struct pathspec *ps, int64_t created_ms)
{
    struct hint_snap h = get_hint(c, ps);
    int64_t now = clock_wall_ms();
    int64_t shown = h.shown_ms;
    if (shown < 0) {
        shown = h.newest_ms > created_ms ? h.newest_ms : created_ms;
    } else if (h.newest_ms > h.shown_at_ms && h.newest_ms > shown) {
        shown = h.newest_ms;
    }
    if (shown != h.shown_ms) {
        put_hint(c, ps, h.newest_ms, shown, now);
    }
    return shown;
}

// --- a task by its _task_ok record ------------------------------------------------------------------

static void quick_destroy(struct snap *s)
{
    free(s);
}

void quick_snap_unrefp(const struct quick_snap **q)
{
    if (*q) {
        snap_unref((struct snap *)(uintptr_t)*q);
    }
}

struct load {
    struct client *c;
    const struct pathspec *ps;
};

static errc read_quick(const struct load *l, struct cancel *cancel, struct quick_snap *q,
                       int64_t *ret_ttl_ms, struct err *err)
{
    auto_cleanup(artifact_clear) struct artifact ok = {0};
    struct err missing = ERR_INIT;
    errc code = model_artifact(l->c, l->ps, -1, "_task_ok", cancel, &ok, &q->attempt, &missing);
    if (!code) {
        q->ok_ms = q->mtime_ms = ok.created_ms;
        code = model_truth(l->c, l->ps, &ok, cancel, &q->task_ok, &missing);
        if (!code || !model_is_fatal(code)) { // the time is known, whatever became of the value
            *ret_ttl_ms = model_ttl(l->c, q->task_ok == 1 && model_is_settled(l->c, q->ok_ms));
            return ERR_OK;
        }
    }
    if (model_is_fatal(code)) {
        *err = missing;
        return code;
    }
    auto_cleanup(object_snap_unrefp) const struct object_snap *o = NULL;
    code = model_object(l->c, l->ps, cancel, &o, err);
    if (!code) {
        q->mtime_ms = o->object->heartbeat_ms >= 0 ? o->object->heartbeat_ms : o->object->created_ms;
        *ret_ttl_ms = model_ttl_of_part(l->c->ttl_ms, &o->snap);
    }
    return code;
}

static errc load_quick(void *arg, struct cancel *cancel, struct snap **ret, int64_t *ret_ttl_ms,
                       struct err *err)
{
    const struct load *l = arg;
    struct quick_snap *q = mem_zalloc(sizeof(*q));
    snap_init(&q->snap, sizeof(*q), quick_destroy);
    q->task_ok = -1;
    q->attempt = -1;
    q->ok_ms = -1;
    errc code = read_quick(l, cancel, q, ret_ttl_ms, err);
    if (code) {
        snap_unref(&q->snap);
        return code;
    }
    model_hint(l->c, l->ps, q->mtime_ms);
    *ret = &q->snap;
    return ERR_OK;
}

errc model_quick(struct client *c, const struct pathspec *ps, struct cancel *cancel,
                 const struct quick_snap **ret, struct err *err)
{
    struct load l = {c, ps};
    struct snap *s;
    errc code = model_recent_get(c, MODEL_QUICK, ps, -1, load_quick, &l, cancel, &s, err);
    if (!code) {
        *ret = (const struct quick_snap *)s;
    }
    return code;
}

// A flow is as new as its newest run, where the names of its runs tell which that is.
static errc add_newest_run(struct client *c, const char *flow, struct cancel *cancel, int64_t *ms,
                           struct err *err)
{
    if (!c->meta->ops->newest_ms) {
        return ERR_OK;
    }
    int64_t newest = -1;
    struct err one = ERR_INIT;
    errc code = c->meta->ops->newest_ms(c->meta, flow, cancel, &newest, &one);
    if (code && model_is_fatal(code)) {
        *err = one;
        return code;
    }
    if (newest > *ms) {
        *ms = newest;
    }
    return ERR_OK;
}

errc client_mtime(struct client *c, const struct pathspec *ps, struct cancel *cancel, int64_t *ret_ms,
                  struct err *err)
{
    errc code = model_check_ns(c, ps, cancel, err);
    if (code) {
        return code;
    }
    enum level level = pathspec_level(ps);
    if (level == LEVEL_TASK) {
        auto_cleanup(quick_snap_unrefp) const struct quick_snap *q = NULL;
        code = model_quick(c, ps, cancel, &q, err);
        if (!code) {
            *ret_ms = q->mtime_ms;
        }
        return code;
    }
    auto_cleanup(object_snap_unrefp) const struct object_snap *o = NULL;
    code = model_object(c, ps, cancel, &o, err);
    if (code) {
        return code;
    }
    const struct meta_object *object = o->object;
    if (level == LEVEL_RUN) {
        *ret_ms = object->heartbeat_ms >= 0 ? object->heartbeat_ms : object->created_ms;
    } else {
        *ret_ms = directory_mtime(c, ps, object->created_ms);
    }
    return level == LEVEL_FLOW && !c->ns ? add_newest_run(c, ps->flow, cancel, ret_ms, err) : ERR_OK;
}
