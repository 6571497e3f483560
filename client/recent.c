#include "client/recent.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"

#define WAIT_SLICE_MS 50
#define BUCKETS 16384 // as many as there are entries by default

struct entry {
    struct entry *next;          // in its bucket
    struct entry *newer, *older; // by last use
    uint64_t hash;
    int kind, attempt;
    struct snap *value; // one reference
    size_t bytes;
    char path[];
};

// One load in progress. It belongs to its loader and to all who wait for it.
struct flight {
    struct flight *next;
    uint64_t hash;
    int kind, attempt;
    unsigned holders;    // the loader and the waiting
    bool listed;         // new askers may join it
    bool done;
    bool abandoned;      // its loader was cancelled: somebody else loads
    struct snap *value;  // one reference, when done well
    struct err err;      // when done badly
    pthread_cond_t over;
    char path[];
};

struct recent {
    pthread_mutex_t lock; // all that follows
    struct entry *buckets[BUCKETS];
    struct entry *newest, *oldest;
    struct flight *flights;
    size_t max_items, max_bytes;
    uint64_t generation; // how often something was forgotten
    struct recent_stats stats;
    pthread_condattr_t monotonic;
};

void snap_init(struct snap *s, size_t bytes, void (*destroy)(struct snap *s))
{
    atomic_init(&s->refs, 1);
    s->bytes = bytes;
    s->expires_ms = 0;
    s->destroy = destroy;
}

int64_t snap_left_ms(const struct snap *s)
{
    if (s->expires_ms == INT64_MAX) {
        return RECENT_FOR_EVER;
    }
    int64_t left = s->expires_ms - clock_mono_ms();
    return left > 0 ? left : 0;
}

struct snap *snap_ref(struct snap *s)
{
    atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
    return s;
}

void snap_unref(struct snap *s)
{
    if (s && atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) == 1) {
        s->destroy(s);
    }
}

struct recent *recent_new(const struct recent_conf *conf)
{
    struct recent *m = mem_zalloc(sizeof(*m));
    pthread_mutex_init(&m->lock, NULL);
    pthread_condattr_init(&m->monotonic);
    pthread_condattr_setclock(&m->monotonic, CLOCK_MONOTONIC);
    m->max_items = conf->max_items ? conf->max_items : 16384;
    m->max_bytes = conf->max_bytes ? conf->max_bytes : 6u * 1024 * 1024;
    return m;
}

static uint64_t key_hash(const struct recent_key *key)
{
    // Only spreads names over buckets; nobody gains anything by making them meet.
    static const uint8_t sip_key[16] = "metaflowfs seen";
    uint64_t h = hash_sip64(sip_key, key->path, strlen(key->path));
    return h ^ ((uint64_t)(unsigned)key->kind << 8) ^ (uint64_t)(unsigned)(key->attempt + 1);
}

static struct entry **entry_slot(struct recent *m, uint64_t hash, const struct recent_key *key)
{
    struct entry **slot = &m->buckets[hash % BUCKETS];
    while (*slot && !((*slot)->hash == hash && (*slot)->kind == key->kind &&
                      (*slot)->attempt == key->attempt && strcmp((*slot)->path, key->path) == 0)) {
        slot = &(*slot)->next;
    }
    return slot;
}

static void lru_remove(struct recent *m, struct entry *e)
{
    *(e->newer ? &e->newer->older : &m->newest) = e->older;
    *(e->older ? &e->older->newer : &m->oldest) = e->newer;
}

static void lru_add(struct recent *m, struct entry *e)
{
    e->newer = NULL;
    e->older = m->newest;
    *(m->newest ? &m->newest->newer : &m->oldest) = e;
    m->newest = e;
}

// Destroying a value runs no code that comes back to here, so it may happen under the lock.
static void entry_drop(struct recent *m, struct entry **slot)
{
    struct entry *e = *slot;
    *slot = e->next;
    lru_remove(m, e);
    m->stats.items--;
    m->stats.bytes -= e->bytes;
    snap_unref(e->value);
    free(e);
}

static void evict(struct recent *m)
{
    while ((m->stats.items > m->max_items || m->stats.bytes > m->max_bytes) && m->oldest != m->newest) {
        struct entry **slot = &m->buckets[m->oldest->hash % BUCKETS];
        while (*slot && *slot != m->oldest) {
            slot = &(*slot)->next;
        }
        if (!*slot) {
            break; // every entry is in its bucket
        }
        entry_drop(m, slot);
        m->stats.evicted++;
    }
}

// Takes over one reference.
static void store_value(struct recent *m, uint64_t hash, const struct recent_key *key, struct snap *value,
                        int64_t ttl_ms)
{
    struct entry **slot = entry_slot(m, hash, key);
    if (*slot) {
        entry_drop(m, slot);
    }
    if (ttl_ms <= 0) {
        snap_unref(value);
        return;
    }
    size_t path_size = strlen(key->path) + 1;
    struct entry *e = mem_zalloc(sizeof(*e) + path_size);
    memcpy(e->path, key->path, path_size);
    e->hash = hash;
    e->kind = key->kind;
    e->attempt = key->attempt;
    e->value = value;
    e->bytes = recent_heap_bytes(sizeof(*e) + path_size) + recent_heap_bytes(value->bytes);
    int64_t now = clock_mono_ms();
    value->expires_ms = ttl_ms > INT64_MAX - now ? INT64_MAX : now + ttl_ms;
    e->next = m->buckets[hash % BUCKETS];
    m->buckets[hash % BUCKETS] = e;
    lru_add(m, e);
    m->stats.items++;
    m->stats.bytes += e->bytes;
    evict(m);
}

// The value with a reference, or NULL.
static struct snap *fresh_value(struct recent *m, uint64_t hash, const struct recent_key *key)
{
    struct entry *e = *entry_slot(m, hash, key);
    if (!e || snap_left_ms(e->value) == 0) {
        return NULL;
    }
    lru_remove(m, e);
    lru_add(m, e);
    return snap_ref(e->value);
}

static struct flight *flight_find(struct recent *m, uint64_t hash, const struct recent_key *key)
{
    struct flight *f = m->flights;
    while (f && !(f->hash == hash && f->kind == key->kind && f->attempt == key->attempt &&
                  strcmp(f->path, key->path) == 0)) {
        f = f->next;
    }
    return f;
}

static struct flight *flight_start(struct recent *m, uint64_t hash, const struct recent_key *key)
{
    size_t path_size = strlen(key->path) + 1;
    struct flight *f = mem_zalloc(sizeof(*f) + path_size);
    memcpy(f->path, key->path, path_size);
    f->hash = hash;
    f->kind = key->kind;
    f->attempt = key->attempt;
    f->holders = 1;
    f->listed = true;
    pthread_cond_init(&f->over, &m->monotonic);
    f->next = m->flights;
    m->flights = f;
    return f;
}

static void flight_unlist(struct recent *m, struct flight *f)
{
    struct flight **at = &m->flights;
    while (*at && *at != f) {
        at = &(*at)->next;
    }
    if (*at) {
        *at = f->next;
    }
    f->listed = false;
}

static void flight_leave(struct flight *f)
{
    if (--f->holders == 0) {
        pthread_cond_destroy(&f->over);
        snap_unref(f->value);
        free(f);
    }
}

static void wait_slice(pthread_cond_t *cond, pthread_mutex_t *lock)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    ts.tv_nsec += WAIT_SLICE_MS * 1000000L;
    if (ts.tv_nsec >= 1000000000L) {
        ts.tv_nsec -= 1000000000L;
        ts.tv_sec++;
    }
    pthread_cond_timedwait(cond, lock, &ts);
}

// Waits for somebody else's load. *ret_again tells that it was abandoned and the caller should look
// again. Called and returns with the lock held.
static errc flight_wait(struct recent *m, struct flight *f, struct cancel *cancel, struct snap **ret,
                        bool *ret_again, struct err *err)
{
    errc code = ERR_OK;
    f->holders++;
    while (!f->done) {
        wait_slice(&f->over, &m->lock);
        if (!f->done && (code = cancel_check(cancel, err))) {
            break;
        }
    }
    *ret_again = false;
    if (!code && f->abandoned) {
        *ret_again = true;
    } else if (!code && f->err.code) {
        *err = f->err;
        code = err->code;
    } else if (!code) {
        *ret = snap_ref(f->value);
    }
    flight_leave(f);
    return code;
}

// Whether a failed load says nothing of the thing itself, only that its own asker went away.
static bool is_own_cancel(errc code, struct cancel *cancel)
{
    struct err scratch = ERR_INIT;
    return (code == ERR_INTERRUPTED || code == ERR_TIMEOUT) && cancel_check(cancel, &scratch);
}

// Called with the lock held, returns without it.
static errc flight_load(struct recent *m, uint64_t hash, const struct recent_key *key, recent_load_fn load,
                        void *arg, struct cancel *cancel, struct snap **ret, struct err *err)
{
    struct flight *f = flight_start(m, hash, key);
    uint64_t generation = m->generation;
    m->stats.misses++;
    pthread_mutex_unlock(&m->lock);

    struct snap *value = NULL;
    int64_t ttl_ms = 0;
    errc code = load(arg, cancel, &value, &ttl_ms, err);

    pthread_mutex_lock(&m->lock);
    if (f->listed) {
        flight_unlist(m, f);
    }
    f->done = true;
    if (code) {
        f->abandoned = is_own_cancel(code, cancel);
        f->err = *err;
    } else {
        f->value = snap_ref(value);
        if (m->generation == generation) {
            store_value(m, hash, key, snap_ref(value), ttl_ms);
        }
        *ret = value;
    }
    pthread_cond_broadcast(&f->over);
    flight_leave(f);
    pthread_mutex_unlock(&m->lock);
    return code;
}

errc recent_get(struct recent *m, const struct recent_key *key, recent_load_fn load, void *arg,
              struct cancel *cancel, struct snap **ret, struct err *err)
{
    uint64_t hash = key_hash(key);
    pthread_mutex_lock(&m->lock);
    for (;;) {
        struct snap *value = fresh_value(m, hash, key);
        if (value) {
            m->stats.hits++;
            pthread_mutex_unlock(&m->lock);
            *ret = value;
            return ERR_OK;
        }
        struct flight *f = flight_find(m, hash, key);
        if (!f) {
            return flight_load(m, hash, key, load, arg, cancel, ret, err);
        }
        bool again;
        errc code = flight_wait(m, f, cancel, ret, &again, err);
        if (!again) {
            m->stats.hits += code == ERR_OK;
            pthread_mutex_unlock(&m->lock);
            return code;
        }
    }
}

struct snap *recent_peek(struct recent *m, const struct recent_key *key)
{
    uint64_t hash = key_hash(key);
    pthread_mutex_lock(&m->lock);
    struct snap *value = fresh_value(m, hash, key);
    pthread_mutex_unlock(&m->lock);
    return value;
}

void recent_put(struct recent *m, const struct recent_key *key, struct snap *value, int64_t ttl_ms)
{
    uint64_t hash = key_hash(key);
    pthread_mutex_lock(&m->lock);
    store_value(m, hash, key, value, ttl_ms);
    pthread_mutex_unlock(&m->lock);
}

// Whether one of two paths is the other or an ancestor of it.
static bool path_related(const char *a, const char *b)
{
    size_t la = strlen(a), lb = strlen(b);
    size_t n = la < lb ? la : lb;
    if (n == 0) {
        return true;
    }
    return memcmp(a, b, n) == 0 && (la == lb || (la < lb ? b : a)[n] == '/');
}

void recent_forget(struct recent *m, const char *path)
{
    pthread_mutex_lock(&m->lock);
    m->generation++;
    for (size_t i = 0; i < BUCKETS; i++) {
        struct entry **slot = &m->buckets[i];
        while (*slot) {
            if (path_related((*slot)->path, path)) {
                entry_drop(m, slot);
            } else {
                slot = &(*slot)->next;
            }
        }
    }
    struct flight *next;
    for (struct flight *f = m->flights; f; f = next) {
        next = f->next;
        if (path_related(f->path, path)) {
            flight_unlist(m, f);
        }
    }
    pthread_mutex_unlock(&m->lock);
}

void recent_stats(struct recent *m, struct recent_stats *ret)
{
    pthread_mutex_lock(&m->lock);
    *ret = m->stats;
    pthread_mutex_unlock(&m->lock);
}

void recent_free(struct recent *m)
{
    if (!m) {
        return;
    }
    for (size_t i = 0; i < BUCKETS; i++) {
        while (m->buckets[i]) {
            entry_drop(m, &m->buckets[i]);
        }
    }
    pthread_condattr_destroy(&m->monotonic);
    pthread_mutex_destroy(&m->lock);
    free(m);
}
