// Requests whose rows go to the cache, in batches that are written while the answer still comes.
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "client/meta_service_i.h"
#include "client/rows.h"

#define BATCH_BYTES (256 * 1024)

void gather_begin(struct gather *f, struct meta_service *m, enum service_what what, const struct pathspec *at,
                 struct cancel *cancel)
{
    *f = (struct gather){.m = m, .cancel = cancel, .q = SERVICE_QUERY_INIT};
    f->q.what = what;
    f->q.at = *at;
    f->generation = cache_generation(m->cache);
    f->asked_ms = clock_wall_ms();
    f->batch = cache_batch_new(m->cache, f->generation, f->asked_ms);
}

void gather_commit(struct gather *f)
{
    if (f->lost) {
        cache_batch_drop(f->batch); // later rows would make a list look whole that is not
    } else {
        f->lost = !cache_batch_commit(f->batch);
    }
    f->batch = cache_batch_new(f->m->cache, f->generation, f->asked_ms);
}

bool gather_end(struct gather *f)
{
    gather_commit(f);
    return !f->lost;
}

void gather_free(struct gather *f)
{
    cache_batch_drop(f->batch);
    service_ahead_free(f->ahead);
    free((char *)(uintptr_t)f->q.cursor);
}

void gather_put(struct gather *f, const struct place *at, uint8_t row, uint64_t order, const char *name,
               const void *data, size_t len)
{
    struct cache_key key = place_key(at, row, order, name);
    cache_batch_put(f->batch, &key, data, len);
    if (cache_batch_bytes(f->batch) > BATCH_BYTES && row != ROW_LIST) {
        gather_commit(f);
    }
}

void gather_put_object(struct gather *f, const struct meta_object *o)
{
    struct pathspec ps = {o->flow, o->run, o->step, o->task};
    auto_cleanup(place_free) struct place at = place_object(&ps);
    auto_cleanup(buf_free) struct buf data = {0};
    rows_put_object(&data, o);
    gather_put(f, &at, ROW_OBJECT, 0, "", data.data, data.len);
}

errc gather_page(struct gather *f, service_row_fn fn, void *arg, bool *ret_paged, bool *ret_more, struct err *err)
{
    auto_cleanup(service_page_free) struct service_page page = {0};
    errc code = service_get(f->m->service, &f->q, f->priority, f->cancel, fn, arg, &page, err);
    if (code) {
        return code;
    }
    free((char *)(uintptr_t)f->q.cursor);
    f->q.cursor = steal_ptr(&page.next_cursor);
    f->q.ahead = &f->ahead; // whoever comes for a second page comes for the third
    *ret_paged = page.paged;
    *ret_more = f->q.cursor != NULL;
    return ERR_OK;
}

void ms_give(struct meta_service *m, const char *key, struct cancel *cancel, errc code, const struct err *err)
{
    struct err scratch = ERR_INIT;
    bool own_end = code == ERR_INTERRUPTED || (code == ERR_TIMEOUT && cancel_check(cancel, &scratch));
    keylock_give(m->locks, key, code && !own_end ? err : NULL);
}
