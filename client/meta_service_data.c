// Artifacts and records of tasks: from the cache while they hold, else asked for, of the task alone or of its
// whole run (client/meta_service_walk.c tells which).
#include <limits.h>
#include <string.h>

#include "base/mem.h"
#include "client/meta_service_i.h"
#include "client/model_i.h"
#include "client/rows.h"

// What differs between the two kinds of data.
struct data_kind {
    enum service_what what;
    enum service_trait bulk;
    enum walk_kind walk;
    uint8_t row, whole; // of one, and of that all of them were read
    char letter;        // in keys
};
static const struct data_kind artifacts_kind = {
    SERVICE_ARTIFACTS, SERVICE_RUN_ARTIFACTS, WALK_ARTIFACTS, ROW_ARTIFACT, ROW_ARTIFACTS, 'a'};
static const struct data_kind records_kind = {
    SERVICE_RECORDS, SERVICE_RUN_RECORDS, WALK_RECORDS, ROW_RECORD, ROW_RECORDS, 'm'};

// What is wanted of a task, and where it goes.
struct want {
    struct meta_service *m;
    const struct data_kind *kind;
    struct pathspec task;
    int attempt;                      // -1: the latest, and for records all
    struct cancel *cancel;
    struct meta_artifacts *artifacts; // or
    struct meta_records *records;
};

// --- reading the cache ----------------------------------------------------------------------------------

static void add_artifact(struct meta_artifacts *to, const struct meta_artifact *a)
{
    to->items = mem_grow(to->items, &to->cap, to->len + 1, sizeof(to->items[0]));
    to->items[to->len++] = *a;
}

static void add_record(struct meta_records *to, const struct meta_record *r)
{
    to->items = mem_grow(to->items, &to->cap, to->len + 1, sizeof(to->items[0]));
    to->items[to->len++] = *r;
}

static bool take_cached(void *arg, const struct cache_item *item)
{
    struct want *w = arg;
    struct meta_artifact a;
    struct meta_record r;
    if (w->artifacts && rows_get_artifact(item->data, item->len, &a)) {
        add_artifact(w->artifacts, &a);
    } else if (w->records && rows_get_record(item->data, item->len, &r)) {
        add_record(w->records, &r);
    }
    return true;
}

static void read_cached(struct want *w)
{
    auto_cleanup(place_free) struct place at = place_below(&w->task);
    cache_scan(w->m->cache, at.unit, w->kind->row, at.parent, 0, take_cached, w);
}

static void clear(struct want *w)
{
    if (w->artifacts) {
        meta_artifacts_free(w->artifacts);
    } else {
        meta_records_free(w->records);
    }
}

// Of the mark that all of an attempt was read; 0 for that of the latest.
static uint64_t attempt_order(int attempt)
{
    return attempt < 0 ? 0 : (uint64_t)attempt + 1;
}

// When all of this was asked for last, of the task (or its attempt) or of the whole run; false for never.
static bool whole_asked(const struct want *w, int64_t *ret_asked_ms)
{
    struct pathspec run = pathspec_upto(&w->task, LEVEL_RUN);
    auto_cleanup(place_free) struct place task_at = place_below(&w->task), run_at = place_below(&run);
    auto_cleanup(buf_free) struct buf scratch = {0};
    struct cache_key keys[] = {
        place_key(&task_at, w->kind->whole, attempt_order(w->attempt), ""),
        place_key(&task_at, w->kind->whole, 0, ""),
        place_key(&run_at, w->kind->whole, 0, ""),
    };
    bool found = false;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        int64_t asked_ms;
        if (cache_get(w->m->cache, &keys[i], &scratch, &asked_ms) && (!found || asked_ms > *ret_asked_ms)) {
            *ret_asked_ms = asked_ms;
            found = true;
        }
    }
    return found;
}

static int latest_attempt(const struct meta_artifacts *a)
{
    int latest = -1;
    for (size_t i = 0; i < a->len; i++) {
        latest = a->items[i].attempt > latest ? a->items[i].attempt : latest;
    }
    return latest;
}

static void keep_attempt(struct meta_artifacts *a, int attempt)
{
    size_t kept = 0;
    for (size_t i = 0; i < a->len; i++) {
        if (a->items[i].attempt == attempt) {
            a->items[kept++] = a->items[i];
        } else {
            meta_artifact_clear(&a->items[i]);
        }
    }
    a->len = kept;
}

// An earlier attempt is only complete when it was asked for by its number: a list of the latest may have
// some of it as well.
static bool attempt_is_whole(const struct want *w)
{
    auto_cleanup(place_free) struct place at = place_below(&w->task);
    auto_cleanup(buf_free) struct buf scratch = {0};
    struct cache_key key = place_key(&at, w->kind->whole, attempt_order(w->attempt), "");
    int64_t asked_ms;
    return cache_get(w->m->cache, &key, &scratch, &asked_ms);
}

// Narrows what was read to the attempt that is wanted; false when that is not all of it.
static bool narrow(struct want *w)
{
    if (!w->artifacts) {
        return true;
    }
    int latest = latest_attempt(w->artifacts);
    int attempt = w->attempt >= 0 ? w->attempt : latest;
    bool whole = attempt >= latest || attempt_is_whole(w);
    keep_attempt(w->artifacts, attempt);
    return whole;
}

// Gives what is cached when it holds, or with `any_age` whatever there is.
static bool answer_cached(struct want *w, bool any_age)
{
    int64_t asked_ms = 0;
    if (!whole_asked(w, &asked_ms) || (!any_age && !ms_holds(w->m, &w->task, asked_ms))) {
        return false;
    }
    read_cached(w);
    if (!narrow(w)) {
        clear(w);
        return false;
    }
    return true;
}

// --- asking ---------------------------------------------------------------------------------------------

struct taker {
    struct gather *f;
    struct want *keep;        // of a single task: what is read goes here too; else NULL
    const struct data_kind *kind;
    struct pathspec at;       // the task or run that was asked
    bool odd;                 // a row of a whole run that does not say whose it is
};

// A task that went well stays as it is, from some time after it said so.
static void note_settled(struct taker *t, const struct place *at, const struct meta_artifact *a)
{
    if (strcmp(a->name, "_task_ok") == 0 && a->sha && sha_truth(a->sha) == 1) {
        ms_put_settled(t->f->batch, at, a->created_ms + t->f->m->settle_after_ms);
    }
}

static void put_artifact(struct taker *t, const struct place *at, struct meta_artifact *a)
{
    auto_cleanup(buf_free) struct buf data = {0};
    int attempt = a->attempt < 0 ? 0 : a->attempt;
    rows_put_artifact(&data, a);
    gather_put(t->f, at, ROW_ARTIFACT, (uint64_t)attempt, a->name, data.data, data.len);
    note_settled(t, at, a);
    if (t->keep) {
        add_artifact(t->keep->artifacts, a);
        memset(a, 0, sizeof(*a));
    }
}

static void put_record(struct taker *t, const struct place *at, struct meta_record *r, int64_t id)
{
    auto_cleanup(buf_free) struct buf data = {0};
    auto_free char *name = id >= 0 ? mem_printf("%lld", (long long)id)
                                   : mem_printf("%s@%lld#%d", r->field, (long long)r->created_ms, r->attempt);
    rows_put_record(&data, r);
    gather_put(t->f, at, ROW_RECORD, ms_newest_first(r->created_ms, id), name, data.data, data.len);
    if (t->keep) {
        add_record(t->keep->records, r);
        memset(r, 0, sizeof(*r));
    }
}

static errc take_row(void *arg, struct service_row *row, struct err *err)
{
    (void)err;
    struct taker *t = arg;
    struct pathspec task = t->at;
    if (!task.task) {
        task.step = row->step;
        task.task = row->task;
    }
    if (!task.step || !task.task) {
        t->odd = true;
        return ERR_OK;
    }
    auto_cleanup(place_free) struct place at = place_below(&task);
    if (t->kind->what == SERVICE_ARTIFACTS && row->artifact.name) {
        put_artifact(t, &at, &row->artifact);
    } else if (t->kind->what == SERVICE_RECORDS && row->record.field) {
        put_record(t, &at, &row->record, row->record_id);
    }
    return ERR_OK;
}

// Asks for all of a task or run, at most so many pages of it. *ret_whole: it was all, and it is in the cache.
static errc ask_data(struct want *w, const struct pathspec *at, unsigned max_pages, struct want *keep,
                     bool *ret_whole, struct err *err)
{
    struct gather f __attribute__((cleanup(gather_free)));
    gather_begin(&f, w->m, w->kind->what, at, w->cancel);
    f.q.attempt = at->task && w->artifacts ? w->attempt : -1;
    int64_t old_ms;
    // Each page of a giant run makes the service look through all of it: one long answer is less work for both.
    f.q.whole = !at->task && max_pages == UINT_MAX;
    f.q.timeout_ms = !f.q.whole && whole_asked(w, &old_ms) ? MS_PATIENCE_MS : 0;
    struct taker t = {.f = &f, .keep = keep, .kind = w->kind, .at = *at};
    bool paged, more = true;
    for (unsigned n = 0; more && n < max_pages; n++) {
        errc code = gather_page(&f, take_row, &t, &paged, &more, err);
        if (code) {
            gather_commit(&f); // what came is true, if not all
            return code;
        }
    }
    if (!more && !t.odd) {
        auto_cleanup(place_free) struct place place = place_below(at);
        gather_put(&f, &place, w->kind->whole, attempt_order(f.q.attempt), "", "1", 1);
    }
    *ret_whole = gather_end(&f) && !more && !t.odd;
    return ERR_OK;
}

static errc ask_single(struct want *w, struct err *err)
{
    bool whole;
    atomic_fetch_add_explicit(&w->m->single_fetches, 1, memory_order_relaxed);
    errc code = ask_data(w, &w->task, UINT_MAX, w, &whole, err);
    if (code) {
        clear(w);
    } else {
        narrow(w);
    }
    return code;
}

// How many tasks the step of w has, where it was listed; else -1.
static int64_t listed_tasks(const struct want *w)
{
    struct pathspec step = pathspec_upto(&w->task, LEVEL_STEP);
    auto_cleanup(place_free) struct place at = place_below(&step);
    auto_cleanup(list_state_free) struct list_state s = {0};
    return list_state_get(w->m, &at, &s) && s.complete ? s.count : -1;
}

// Asks for the whole run where that is worth it. *ret_done: what is wanted is in the cache now.
static errc ask_run(struct want *w, bool *ret_done, struct err *err)
{
    struct pathspec run = pathspec_upto(&w->task, LEVEL_RUN);
    struct service *service = w->m->service;
    *ret_done = false;
    if (w->attempt >= 0 || service_can(service, w->kind->bulk) == SERVICE_CANNOT) {
        return ERR_OK;
    }
    bool pages = service_can(service, SERVICE_PAGES) == SERVICE_CAN;
    unsigned n = walks_pages(w->m->walks, &w->task, w->kind->walk, listed_tasks(w), pages);
    if (n == 0) {
        return ERR_OK;
    }
    auto_free char *path = pathspec_text(&run);
    auto_free char *key = mem_printf("%c:%s", w->kind->letter, path);
    bool waited;
    errc code = keylock_take(w->m->locks, key, w->cancel, &waited, err);
    if (code) {
        return code;
    }
    if (waited && answer_cached(w, false)) {
        *ret_done = true;
        clear(w);
    } else if (!waited || (n = walks_pages(w->m->walks, &w->task, w->kind->walk, listed_tasks(w), pages)) > 0) {
        atomic_fetch_add_explicit(&w->m->bulk_fetches, 1, memory_order_relaxed);
        code = ask_data(w, &run, n, NULL, ret_done, err);
        if (code) {
            walks_slow(w->m->walks, &run, w->kind->walk);
        } else if (!*ret_done) {
            walks_big(w->m->walks, &run, w->kind->walk);
        }
    }
    // A service without it is asked task by task, and so is one that cannot do it in time.
    bool passed_over = code == ERR_NO_FORM || code == ERR_IO || (code == ERR_TIMEOUT && n == UINT_MAX);
    ms_give(w->m, key, w->cancel, passed_over ? ERR_OK : code, err);
    return passed_over ? ERR_OK : code;
}

static errc ask_task(struct want *w, struct err *err)
{
    auto_free char *path = pathspec_text(&w->task);
    auto_free char *key = mem_printf("%c:%s#%d", w->kind->letter, path, w->attempt);
    bool waited;
    errc code = keylock_take(w->m->locks, key, w->cancel, &waited, err);
    if (code) {
        return code;
    }
    if (!waited || !answer_cached(w, false)) {
        code = ask_single(w, err);
    }
    ms_give(w->m, key, w->cancel, code, err);
    return code;
}

static errc find_data(struct want *w, struct err *err)
{
    if (answer_cached(w, false)) {
        return ERR_OK;
    }
    bool done;
    errc code = ask_run(w, &done, err);
    if (!code && done && answer_cached(w, true)) {
        return ERR_OK;
    }
    if (!code) {
        code = ask_task(w, err);
    }
    return code && ms_may_be_stale(w->m, code) && answer_cached(w, true) ? ERR_OK : code;
}

// --- the calls -------------------------------------------------------------------------------------------

errc ms_records(struct meta *meta, const struct pathspec *task, struct cancel *cancel, struct meta_records *ret,
                struct err *err)
{
    struct meta_records found = {0};
    struct want w = {.m = ms_of(meta), .kind = &records_kind, .task = *task, .attempt = -1, .cancel = cancel,
                     .records = &found};
    errc code = find_data(&w, err);
    if (!code) {
        *ret = found;
    }
    return code;
}

errc ms_artifacts(struct meta *meta, const struct pathspec *task, int attempt, struct cancel *cancel,
                  int *ret_attempt, struct meta_artifacts *ret, struct err *err)
{
    struct meta_artifacts found = {0};
    struct want w = {.m = ms_of(meta), .kind = &artifacts_kind, .task = *task, .attempt = attempt,
                     .cancel = cancel, .artifacts = &found};
    errc code = find_data(&w, err);
    if (!code) {
        *ret_attempt = attempt >= 0 ? attempt : latest_attempt(&found);
        *ret = found;
    }
    return code;
}

errc ms_artifact(struct meta *meta, const struct pathspec *task, int attempt, const char *name,
                 struct cancel *cancel, struct meta_artifacts *ret_one, struct err *err)
{
    auto_cleanup(meta_artifacts_free) struct meta_artifacts all = {0};
    int found_attempt;
    errc code = ms_artifacts(meta, task, attempt, cancel, &found_attempt, &all, err);
    for (size_t i = 0; !code && i < all.len; i++) {
        if (strcmp(all.items[i].name, name) == 0) {
            struct meta_artifacts one = {0};
            add_artifact(&one, &all.items[i]);
            memset(&all.items[i], 0, sizeof(all.items[i]));
            *ret_one = one;
            break;
        }
    }
    return code;
}
