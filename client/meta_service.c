#include "client/meta_service.h"

#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "client/meta_service_i.h"

#define TICK_S 60

// --- what the service can, across mounts ------------------------------------------------------------------

static struct place traits_place(void)
{
    return (struct place){mem_strdup(""), mem_strdup("")};
}

static void restore_traits(struct meta_service *m)
{
    auto_cleanup(place_free) struct place at = traits_place();
    auto_cleanup(buf_free) struct buf text = {0};
    struct cache_key key = place_key(&at, ROW_TRAITS, 0, "");
    int64_t asked_ms;
    if (cache_get(m->cache, &key, &text, &asked_ms) && text.data) {
        service_traits_restore(m->service, text.data);
        m->saved_traits = mem_strdup(text.data);
    }
}

static void save_traits(struct meta_service *m)
{
    auto_free char *text = service_traits_text(m->service);
    pthread_mutex_lock(&m->lock);
    bool same = m->saved_traits && strcmp(m->saved_traits, text) == 0;
    if (!same) {
        free(m->saved_traits);
        m->saved_traits = mem_strdup(text);
    }
    pthread_mutex_unlock(&m->lock);
    if (!same) {
        auto_cleanup(place_free) struct place at = traits_place();
        struct cache_batch *b = cache_batch_new(m->cache, cache_generation(m->cache), clock_wall_ms());
        struct cache_key key = place_key(&at, ROW_TRAITS, 0, "");
        cache_batch_put(b, &key, text, strlen(text));
        cache_batch_commit(b);
    }
}

// --- housekeeping -----------------------------------------------------------------------------------------

static void *keep(void *arg)
{
    struct meta_service *m = arg;
    struct timespec until;
    pthread_mutex_lock(&m->lock);
    while (!m->ending) {
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += TICK_S;
        pthread_cond_timedwait(&m->wake, &m->lock, &until);
        if (!m->ending) {
            pthread_mutex_unlock(&m->lock);
            save_traits(m);
            cache_tick(m->cache);
            pthread_mutex_lock(&m->lock);
        }
    }
    pthread_mutex_unlock(&m->lock);
    return NULL;
}

static void ms_free(struct meta *meta)
{
    struct meta_service *m = ms_of(meta);
    if (m->has_keeper) {
        pthread_mutex_lock(&m->lock);
        m->ending = true;
        pthread_cond_signal(&m->wake);
        pthread_mutex_unlock(&m->lock);
        pthread_join(m->keeper, NULL);
    }
    save_traits(m);
    service_free(m->service);
    cache_close(m->cache);
    keylocks_free(m->locks);
    walks_free(m->walks);
    pthread_cond_destroy(&m->wake);
    pthread_mutex_destroy(&m->lock);
    free(m->saved_traits);
    free(m);
}

// --- tags ------------------------------------------------------------------------------------------------

// The row alone: what is below a run does not change with its tags.
static void forget_row(struct meta_service *m, const struct pathspec *ps)
{
    auto_cleanup(place_free) struct place at = place_object(ps);
    struct cache_batch *b = cache_batch_new(m->cache, cache_generation(m->cache), clock_wall_ms());
    struct cache_key key = place_key(&at, ROW_OBJECT, 0, "");
    cache_batch_delete(b, &key);
    cache_batch_commit(b);
}

static errc ms_mutate_tags(struct meta *meta, const struct pathspec *run, const struct strv *add,
                           const struct strv *remove, struct cancel *cancel, struct err *err)
{
    struct meta_service *m = ms_of(meta);
    errc code = service_mutate_tags(m->service, run, add, remove, cancel, NULL, err);
    forget_row(m, run); // also after a failure: the answer may have been lost on its way, not the change
    return code;
}

static void ms_forget(struct meta *meta, const struct pathspec *ps, bool below)
{
    struct meta_service *m = ms_of(meta);
    if (!below) {
        forget_row(m, ps);
        return;
    }
    auto_free char *path = pathspec_text(ps);
    cache_forget(m->cache, path);
    walks_forget(m->walks);
}

// --- how it is ---------------------------------------------------------------------------------------------

static void count(meta_counter_fn fn, void *arg, const char *name, const char *help, const atomic_ulong *value)
{
    fn(arg, name, help, atomic_load_explicit(value, memory_order_relaxed));
}

static void ms_counters(struct meta *meta, meta_counter_fn fn, void *arg)
{
    struct meta_service *m = ms_of(meta);
    struct service_stats s;
    struct cache_stats c;
    service_stats(m->service, &s);
    cache_stats(m->cache, &c);
    fn(arg, "service_requests_total", "Requests to the metadata service.", s.requests);
    fn(arg, "service_retries_total", "Requests that were tried again.", s.retries);
    fn(arg, "service_failures_total", "Requests that failed.", s.failures);
    fn(arg, "service_rows_total", "Rows that the metadata service gave.", s.rows);
    fn(arg, "service_bytes_total", "Bytes that the metadata service gave.", s.bytes);
    fn(arg, "service_breaker_open", "1 while the service is taken to be down.", s.open);
    count(fn, arg, "service_bulk_fetches_total", "Runs whose artifacts or records were asked for as a whole.",
          &m->bulk_fetches);
    count(fn, arg, "service_single_fetches_total", "Tasks whose artifacts or records were asked for alone.",
          &m->single_fetches);
    count(fn, arg, "service_refreshes_total", "Times that only what is new was asked for.", &m->refreshes);
    count(fn, arg, "stale_answers_total", "Old answers given because the service did not answer.", &m->stale_served);
    fn(arg, "cache_hits_total", "Items found in the cache.", c.hits);
    fn(arg, "cache_misses_total", "Items not found in the cache.", c.misses);
    fn(arg, "cache_writes_total", "Items written to the cache.", c.writes);
    fn(arg, "cache_dropped_writes_total", "Items that the cache could not take.", c.dropped_writes);
    fn(arg, "cache_evicted_units_total", "Runs and listings dropped from the cache to make room.", c.evicted_units);
    fn(arg, "cache_set_aside_total", "Damaged caches that were set aside.", c.set_aside);
    fn(arg, "cache_bytes", "Bytes in the cache.", c.bytes);
    fn(arg, "cache_items", "Items in the cache.", c.items);
}

static void ms_describe(struct meta *meta, struct buf *out)
{
    struct meta_service *m = ms_of(meta);
    struct service_stats s;
    struct cache_stats c;
    service_stats(m->service, &s);
    cache_stats(m->cache, &c);
    unsigned long stale = atomic_load(&m->stale_served);
    if (s.open) {
        char since[32] = "";
        clock_iso8601(s.open_since_ms, since, sizeof(since));
        buf_printf(out, "service      %s\nservice      down since %s: %s\n", service_url(m->service), since,
                   s.last_cause);
        buf_printf(out, "stale        what the cache has is shown, and may be old (%lu such answers so far)\n", stale);
    } else {
        buf_printf(out, "service      %s\nservice      up\n", service_url(m->service));
        if (s.last_cause[0]) {
            buf_printf(out, "service      last failure: %s\n", s.last_cause);
        }
        if (stale) {
            buf_printf(out, "stale        %lu answers were old ones, given while the service did not answer\n", stale);
        }
    }
    auto_free char *traits = service_traits_text(m->service);
    buf_printf(out, "service can  %s\n", traits[0] ? traits : "(not known yet)");
    if (service_can(m->service, SERVICE_LISTS_FLOWS) == SERVICE_CANNOT) {
        buf_puts(out, "flows        this service cannot list them: those that were looked up by name are shown\n");
    }
    buf_printf(out, "cache        %s, %llu items, %llu bytes%s\n", cache_where(m->cache),
               (unsigned long long)c.items, (unsigned long long)c.bytes, c.kept ? "" : " (not kept)");
}

static const struct meta_ops meta_service_ops = {
    .get = ms_get,
    .list = ms_list,
    .records = ms_records,
    .artifacts = ms_artifacts,
    .artifact = ms_artifact,
    .mutate_tags = ms_mutate_tags,
    .free = ms_free,
    .newest = ms_newest,
    .stat = ms_stat,
    .select = ms_select,
    .conclude = ms_conclude,
    .forget = ms_forget,
    .counters = ms_counters,
    .describe = ms_describe,
};

struct meta *meta_service_new(const struct meta_service_conf *conf)
{
    struct meta_service *m = mem_zalloc(sizeof(*m));
    m->meta.ops = &meta_service_ops;
    m->meta.type = "service";
    m->service = conf->service;
    m->cache = conf->cache;
    m->locks = keylocks_new();
    m->walks = walks_new();
    m->ttl_ms = conf->ttl_ms;
    m->quiet_ttl_ms = conf->quiet_ttl_ms > 0 ? conf->quiet_ttl_ms : 60 * 1000;
    m->settle_after_ms = conf->settle_after_ms > 0 ? conf->settle_after_ms : 900 * 1000;
    pthread_mutex_init(&m->lock, NULL);
    pthread_cond_init(&m->wake, NULL);
    restore_traits(m);
    m->has_keeper = pthread_create(&m->keeper, NULL, keep, m) == 0;
    if (!m->has_keeper) {
        log_warn("service", "no thread for the cache's housekeeping: it is done at the next mount");
    }
    return &m->meta;
}
