// The staging area: its table of keys, who holds what, and the producers.
#include <limits.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"
#include "s3/staging_i.h"

#define FIRST_BUCKETS 64
#define HELD_SLICE_MS 5 // how often what others hold is looked at

static unsigned default_max_files(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY ||
        limit.rlim_cur > 65536)
        return 32768;
    return limit.rlim_cur < 32 ? 16 : (unsigned)(limit.rlim_cur / 2);
}

errc staging_new(const struct staging_conf *conf, struct staging **ret, struct err *err)
{
    auto_free struct staging *st = mem_zalloc(sizeof *st);
    errc e = staging_root_init(&st->root, conf->tempdir, err);
    if (e != ERR_OK)
        return e;
    st->conf = *conf;
    st->conf.tempdir = st->root.tempdir;
    if (!st->conf.max_bytes) {
        st->conf.max_bytes = UINT64_C(8) << 30;
        st->conf.soft_cap = true;
    }
    if (!st->conf.max_memory)
        st->conf.max_memory = 4 << 20;
    st->floor_scales = !st->conf.min_free_bytes;
    if (st->floor_scales)
        st->conf.min_free_bytes = 256 << 20;
    if (!st->conf.max_files)
        st->conf.max_files = default_max_files();
    if (!st->conf.progress_ms)
        st->conf.progress_ms = 10 * 1000;
    if (!st->conf.leaving_ms)
        st->conf.leaving_ms = 2 * 1000;
    st->cap_option = mem_strdup(conf->cap_option);
    st->conf.cap_option = st->cap_option;
    pthread_mutex_init(&st->lock, NULL);
    pthread_cond_init(&st->idle, NULL);
    st->bucket_count = FIRST_BUCKETS;
    st->buckets = mem_zalloc(st->bucket_count * sizeof(struct staged *));
    if (getrandom(st->hash_key, sizeof st->hash_key, 0) < 0)
        st->hash_key[0] = 1; // keys then hash as they do everywhere, which is only less well
    *ret = steal_ptr(&st);
    return ERR_OK;
}

static void staging_destroy(struct staging *st)
{
    pthread_mutex_destroy(&st->root.lock);
    free(st->root.tempdir);
    free(st->root.path);
    pthread_mutex_destroy(&st->lock);
    pthread_cond_destroy(&st->idle);
    free(st->buckets);
    free(st->cap_option);
    free(st);
}

void staging_free(struct staging *st)
{
    if (!st)
        return;
    struct staged *victims = NULL;
    pthread_mutex_lock(&st->lock);
    st->closing = true;
    while (st->producers)
        pthread_cond_wait(&st->idle, &st->lock);
    struct staged_list *lists[] = {&st->memory_list, &st->file_list};
    for (int i = 0; i < 2; i++) {
        while (lists[i]->oldest) {
            struct staged *s = staging_evict(st, lists[i]);
            s->next = victims;
            victims = s;
        }
    }
    pthread_mutex_unlock(&st->lock);
    staging_drop(victims);
    staging_root_close(&st->root);
    pthread_mutex_lock(&st->lock);
    st->closed = true;
    bool last = st->objects == 0;
    pthread_mutex_unlock(&st->lock);
    if (last)
        staging_destroy(st);
}

const char *staging_root(struct staging *st)
{
    struct err err = ERR_INIT;
    return staging_root_path(&st->root, &err);
}

void staging_stats(struct staging *st, struct staging_stats *ret)
{
    pthread_mutex_lock(&st->lock);
    *ret = st->stats;
    ret->objects = st->objects;
    ret->file_bytes = st->file_bytes;
    ret->memory_bytes = st->memory_bytes;
    pthread_mutex_unlock(&st->lock);
}

// --- the table; all with staging.lock held -------------------------------------------------------

static struct staged *table_find(struct staging *st, const char *key, uint64_t hash)
{
    for (struct staged *s = st->buckets[hash & (st->bucket_count - 1)]; s; s = s->next) {
        if (s->hash == hash && strcmp(s->key, key) == 0)
            return s;
    }
    return NULL;
}

static void table_grow(struct staging *st)
{
    size_t count = st->bucket_count * 2;
    struct staged **buckets = mem_zalloc(count * sizeof(struct staged *));
    for (size_t i = 0; i < st->bucket_count; i++) {
        for (struct staged *s = st->buckets[i], *next; s; s = next) {
            next = s->next;
            s->next = buckets[s->hash & (count - 1)];
            buckets[s->hash & (count - 1)] = s;
        }
    }
    free(st->buckets);
    st->buckets = buckets;
    st->bucket_count = count;
}

static void table_add(struct staging *st, struct staged *s)
{
    if (st->keyed >= st->bucket_count)
        table_grow(st);
    struct staged **bucket = &st->buckets[s->hash & (st->bucket_count - 1)];
    s->next = *bucket;
    *bucket = s;
    s->in_table = true;
    st->keyed++;
}

void staging_table_remove(struct staged *s)
{
    if (!s->in_table)
        return;
    struct staged **at = &s->st->buckets[s->hash & (s->st->bucket_count - 1)];
    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    s->next = NULL;
    s->in_table = false;
    s->st->keyed--;
}

// --- objects -------------------------------------------------------------------------------------

struct staged *staging_object_new(struct staging *st, const char *key)
{
    struct staged *s = mem_zalloc(sizeof *s);
    s->st = st;
    s->key = mem_strdup(key);
    s->fd = -1;
    s->holders = 1;
    s->wanted = UINT64_MAX;
    s->moved_ms = clock_mono_ms();
    s->memory_charge = sizeof *s + (key ? strlen(key) : 0);
    st->memory_bytes += s->memory_charge;
    st->objects++;
    pthread_mutex_init(&s->lock, NULL);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&s->grown, &attr);
    pthread_condattr_destroy(&attr);
    return s;
}

bool staging_object_free(struct staged *s)
{
    struct staging *st = s->st;
    if (s->fd >= 0)
        close(s->fd);
    free(s->mem);
    free(s->error);
    free(s->key);
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->grown);
    pthread_mutex_lock(&st->lock);
    staging_uncharge(s);
    bool last = --st->objects == 0 && st->closed;
    pthread_mutex_unlock(&st->lock);
    free(s);
    return last;
}

struct staged *staged_ref(struct staged *s)
{
    pthread_mutex_lock(&s->st->lock);
    s->holders++;
    pthread_mutex_unlock(&s->st->lock);
    return s;
}

// With staging.lock held: nobody holds it any more.
static void unheld(struct staged *s)
{
    staging_charge_held(s);
    staging_unpromise(s);
    if (!s->made)
        atomic_store(&s->cancel.set, true);
    if (!s->made || s->st->closing)
        staging_table_remove(s);
    if (s->in_table)
        staging_list_push(s);
}

// Takes a holder, the producer, or both away.
static void release(struct staged *s, bool holder, bool producer)
{
    struct staging *st = s->st;
    pthread_mutex_lock(&st->lock);
    if (producer)
        s->attached = false;
    if (holder && --s->holders == 0)
        unheld(s);
    bool gone = !s->holders && !s->in_table && !s->attached;
    struct staged *victims = staging_trim(st);
    pthread_mutex_unlock(&st->lock);
    staging_drop(victims);
    bool last = gone && staging_object_free(s);
    if (producer) { // the area is not closed before its last producer is gone
        pthread_mutex_lock(&st->lock);
        if (--st->producers == 0)
            pthread_cond_broadcast(&st->idle);
        pthread_mutex_unlock(&st->lock);
    } else if (last) {
        staging_destroy(st);
    }
}

void staged_unref(struct staged *s)
{
    if (s)
        release(s, true, false);
}

void staged_unrefp(struct staged **s)
{
    staged_unref(*s);
}

struct cancel *staged_cancel(struct staged *s)
{
    return &s->cancel;
}

// --- producers -----------------------------------------------------------------------------------

// Ends an object: its result is settled first, then published. A failed object has left the table
// before anybody can see that it failed.
static void object_end(struct staged *s, const struct err *error)
{
    struct staging *st = s->st;
    if (!error)
        staged_show_all(s);
    staged_shrink(s);
    pthread_mutex_lock(&st->lock);
    s->made = true;
    staging_unpromise(s);
    if (error) {
        staging_table_remove(s);
        if (atomic_load(&s->cancel.set))
            st->stats.cancelled++;
        else
            st->stats.failed++;
    } else {
        st->stats.produced++;
    }
    pthread_mutex_unlock(&st->lock);
    staged_finish_bytes(s, error);
}

static void object_produce(void *arg)
{
    struct staged *s = arg;
    struct err err = ERR_INIT;
    errc e = s->produce(s->arg, s, &err);
    if (s->free_arg)
        s->free_arg(s->arg);
    s->arg = NULL;
    object_end(s, e == ERR_OK ? NULL : &err);
    release(s, false, true);
}

static struct staged *hold(struct staging *st, const char *key, uint64_t hash)
{
    struct staged *s = key ? table_find(st, key, hash) : NULL;
    if (s) {
        if (s->holders++ == 0) {
            staging_list_remove(s);
            staging_charge_held(s);
        }
        st->stats.hits++;
    }
    return s;
}

// With staging.lock held: whether there is room for it, as a new object or as one that nobody holds now, which could be
// dropped for those that were promised room.
static errc may_hold(struct staging *st, const struct staging_request *rq, uint64_t hash, uint64_t room,
                     bool *ret_beside, struct err *err)
{
    const struct staged *s = rq->key ? table_find(st, rq->key, hash) : NULL;
    *ret_beside = false;
    if (!s)
        return staging_fits(st, rq->expected, room, ret_beside, err);
    return s->holders == 0 && st->promised_bytes > 0 ? staging_fits(st, s->file_charge, room, ret_beside, err)
                                                     : ERR_OK;
}

// With staging.lock held: a new object, whose producer is still to be run.
static struct staged *begin(struct staging *st, const struct staging_request *rq, uint64_t hash)
{
    struct staged *s = staging_object_new(st, rq->key);
    s->hash = hash;
    s->patient = rq->patient;
    atomic_store(&s->cancel.ahead, rq->ahead);
    s->produce = rq->produce;
    s->arg = rq->arg;
    s->free_arg = rq->free_arg;
    s->attached = true;
    staging_promise(s, rq->expected);
    st->producers++;
    if (rq->key)
        table_add(st, s);
    return s;
}

// Holds the object, or begins it; *ret_begun tells which.
static errc hold_or_begin(struct staging *st, const struct staging_request *rq, struct staged **ret, bool *ret_begun,
                          bool *ret_beside, struct err *err)
{
    uint64_t hash = rq->key ? hash_sip64(st->hash_key, rq->key, strlen(rq->key)) : 0;
    uint64_t room = staging_room_for(st, rq->expected);
    pthread_mutex_lock(&st->lock);
    errc e = may_hold(st, rq, hash, room, ret_beside, err);
    struct staged *s = e == ERR_OK ? hold(st, rq->key, hash) : NULL;
    *ret_begun = e == ERR_OK && !s;
    if (s && !rq->ahead) {
        atomic_store(&s->cancel.ahead, false);
        staging_charge_held(s);
    }
    *ret = *ret_begun ? begin(st, rq, hash) : s;
    pthread_mutex_unlock(&st->lock);
    return e;
}

errc staging_get(struct staging *st, const struct staging_request *rq, struct staged **ret,
                 struct err *err)
{
    struct staged *s = NULL;
    struct err waited = ERR_INIT;
    bool begun = false, beside = false;
    int64_t until_ms = clock_mono_ms() + rq->wait_ms;
    errc e = hold_or_begin(st, rq, &s, &begun, &beside, err);
    while (e != ERR_OK && beside && clock_mono_ms() < until_ms &&
           cancel_sleep(rq->cancel, HELD_SLICE_MS, &waited) == ERR_OK)
        e = hold_or_begin(st, rq, &s, &begun, &beside, err);
    if (begun && pool_run(st->conf.pool, object_produce, s, err) != ERR_OK) {
        e = err->code;
        object_end(s, err);
        release(s, true, true);
        begun = false;
    }
    if (!begun && rq->free_arg)
        rq->free_arg(rq->arg);
    if (e == ERR_OK)
        *ret = s;
    return e;
}

struct staged *staging_find(struct staging *st, const char *key)
{
    uint64_t hash = hash_sip64(st->hash_key, key, strlen(key));
    pthread_mutex_lock(&st->lock);
    struct staged *s = table_find(st, key, hash); // a failed object is not in the table
    s = s && s->made ? hold(st, key, hash) : NULL;
    pthread_mutex_unlock(&st->lock);
    return s;
}

struct staged *staged_of_bytes(struct staging *st, const void *data, size_t len)
{
    pthread_mutex_lock(&st->lock);
    struct staged *s = staging_object_new(st, NULL);
    pthread_mutex_unlock(&st->lock);
    struct err err = ERR_INIT;
    if (len && staged_append(s, data, len, &err) != ERR_OK)
        staged_keep_in_memory(s, data, len);
    staged_shrink(s);
    pthread_mutex_lock(&st->lock);
    s->made = true;
    pthread_mutex_unlock(&st->lock);
    staged_finish_bytes(s, NULL);
    return s;
}
