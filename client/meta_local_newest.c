// Runs of a flow by created_at, newest first, reading as few of them as that takes.
//
// A run's ts_epoch is set when its `_self.json` is written, so the time of the file's last change
// (ctime, which no copy or archive can set back) is an upper bound for it. Runs are taken from a heap by
// that bound; one is read when it comes up, and given when nothing that is left can be newer. Where
// runs were written in place that reads those of the last hour. In a copied tree all bounds are the
// time of the copy, and every run is read once: what was read is remembered by the file's identity.
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "client/idlist.h"
#include "client/meta_local_internal.h"

#define CLOCK_SLACK_MS (3600 * 1000) // between the clocks of writers and of the file system
#define AGES_FIRST 1024
#define AGES_MAX (256 * 1024) // 4 MiB; beyond, it starts anew

// --- what was read before -------------------------------------------------------------------------------

struct age {
    uint64_t stamp; // of id and file; 0 is free
    int64_t created_ms;
};

struct ages {
    pthread_mutex_t lock; // all that follows
    struct age *slots;    // a power of two, at most half of them taken
    size_t cap, len;
};

struct ages *ages_new(void)
{
    struct ages *a = mem_zalloc(sizeof *a);
    pthread_mutex_init(&a->lock, NULL);
    return a;
}

void ages_free(struct ages *a)
{
    pthread_mutex_destroy(&a->lock);
    free(a->slots);
    free(a);
}

static struct age *ages_slot(struct age *slots, size_t cap, uint64_t stamp)
{
    size_t i = stamp & (cap - 1);
    while (slots[i].stamp && slots[i].stamp != stamp)
        i = (i + 1) & (cap - 1);
    return &slots[i];
}

static bool ages_find(struct ages *a, uint64_t stamp, int64_t *ret)
{
    pthread_mutex_lock(&a->lock);
    struct age *slot = a->cap ? ages_slot(a->slots, a->cap, stamp) : NULL;
    bool found = slot && slot->stamp;
    if (found)
        *ret = slot->created_ms;
    pthread_mutex_unlock(&a->lock);
    return found;
}

// A stamp that is not seen again (its file was rewritten) stays until the table starts anew.
static void ages_make_room(struct ages *a)
{
    if (a->len < a->cap / 2)
        return;
    size_t cap = a->cap ? a->cap * 2 : AGES_FIRST;
    bool keep = cap <= AGES_MAX;
    struct age *slots = mem_zalloc((keep ? cap : AGES_FIRST) * sizeof *slots);
    for (size_t i = 0; keep && i < a->cap; i++) {
        if (a->slots[i].stamp)
            *ages_slot(slots, cap, a->slots[i].stamp) = a->slots[i];
    }
    free(a->slots);
    a->slots = slots;
    a->cap = keep ? cap : AGES_FIRST;
    a->len = keep ? a->len : 0;
}

static void ages_add(struct ages *a, uint64_t stamp, int64_t created_ms)
{
    pthread_mutex_lock(&a->lock);
    ages_make_room(a);
    struct age *slot = ages_slot(a->slots, a->cap, stamp);
    a->len += slot->stamp == 0;
    *slot = (struct age){stamp, created_ms};
    pthread_mutex_unlock(&a->lock);
}

// --- candidates -----------------------------------------------------------------------------------------

struct candidate {
    int64_t at_ms;  // created_ms, or a bound that it does not pass
    uint64_t stamp;
    uint32_t index; // into the list of ids
    bool is_read;
};

struct heap {
    struct candidate *items; // the first is the newest
    size_t len;
};

// Of equals, what is not read yet comes first (it may be newer), then the order of the listing.
static bool comes_before(const struct candidate *a, const struct candidate *b)
{
    if (a->at_ms != b->at_ms)
        return a->at_ms > b->at_ms;
    if (a->is_read != b->is_read)
        return b->is_read;
    return a->index < b->index;
}

static void heap_sink(struct heap *h, size_t at)
{
    struct candidate moved = h->items[at];
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= h->len)
            break;
        if (child + 1 < h->len && comes_before(&h->items[child + 1], &h->items[child]))
            child++;
        if (!comes_before(&h->items[child], &moved))
            break;
        h->items[at] = h->items[child];
        at = child;
    }
    h->items[at] = moved;
}

static void heap_make(struct heap *h)
{
    for (size_t i = h->len / 2; i-- > 0;)
        heap_sink(h, i);
}

static void heap_drop_first(struct heap *h)
{
    h->items[0] = h->items[--h->len];
    if (h->len)
        heap_sink(h, 0);
}

// --- the walk -------------------------------------------------------------------------------------------

struct newest {
    struct meta_local *m;
    const char *flow;
    DIR *dir;
    struct idlist ids;
    struct heap heap;
};

static uint64_t stamp_of(const struct newest *n, const char *id, const struct stat *st)
{
    static const uint8_t key[16] = "metaflowfs ages";
    int64_t all[8] = {(int64_t)hash_sip64(key, n->flow, strlen(n->flow)),
                      (int64_t)hash_sip64(key, id, strlen(id)),
                      (int64_t)st->st_dev,
                      (int64_t)st->st_ino,
                      (int64_t)st->st_size,
                      st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec,
                      st->st_ctim.tv_sec,
                      st->st_ctim.tv_nsec};
    uint64_t stamp = hash_sip64(key, all, sizeof all);
    return stamp ? stamp : 1;
}

static int64_t upper_bound(const char *id, const struct stat *st)
{
    int64_t changed = (int64_t)st->st_ctim.tv_sec * 1000 + st->st_ctim.tv_nsec / 1000000;
    // Metaflow's own ids are microseconds: a clock that ran ahead when it made them shows in them.
    int64_t named = strspn(id, "0123456789") == strlen(id) ? strtoll(id, NULL, 10) / 1000 : 0;
    return (changed > named ? changed : named) + CLOCK_SLACK_MS;
}

static void add_candidate(struct newest *n, const char *id, uint32_t index)
{
    char self[NAME_MAX + sizeof "/_meta/_self.json"];
    struct stat st;
    snprintf(self, sizeof self, "%s/_meta/_self.json", id);
    if (fstatat(dirfd(n->dir), self, &st, 0) != 0)
        return; // no run
    struct candidate c = {.stamp = stamp_of(n, id, &st), .index = index};
    c.is_read = ages_find(n->m->ages, c.stamp, &c.at_ms);
    if (!c.is_read)
        c.at_ms = upper_bound(id, &st);
    n->heap.items[n->heap.len++] = c;
}

static errc list_names(struct newest *n, struct cancel *cancel, struct err *err)
{
    for (;;) {
        const char *name;
        unsigned char type;
        errc e = meta_local_readdir(n->dir, cancel, &name, &type, err);
        if (e || !name)
            return e;
        if (type == DT_DIR || type == DT_LNK || type == DT_UNKNOWN)
            e = idlist_add(&n->ids, name, err);
        if (e)
            return e;
    }
}

static errc collect(struct newest *n, struct cancel *cancel, struct err *err)
{
    errc e = list_names(n, cancel, err);
    if (e)
        return e;
    size_t len = idlist_len(&n->ids);
    n->heap.items = len < UINT32_MAX ? calloc(len + 1, sizeof *n->heap.items) : NULL;
    if (!n->heap.items)
        return err_set(err, ERR_NO_MEMORY, "no memory to order the %zu runs of flow %s", len, n->flow);
    idlist_sort(&n->ids);
    for (size_t i = 0; i < len; i++) {
        char room[24];
        e = i % 64 == 0 ? cancel_check(cancel, err) : ERR_OK;
        if (e)
            return e;
        add_candidate(n, idlist_at(&n->ids, i, room), (uint32_t)i);
    }
    heap_make(&n->heap);
    return ERR_OK;
}

// Replaces the first one's bound by its time; drops it when it cannot be read.
static void read_first(struct newest *n, const char *id)
{
    struct candidate *c = &n->heap.items[0];
    struct pathspec ps = {.flow = n->flow, .run = id};
    auto_cleanup(meta_object_freep) struct meta_object *object = NULL;
    struct err err = ERR_INIT;
    if (meta_local_self(n->m, &ps, &object, &err)) {
        if (err.code != ERR_NOT_FOUND)
            log_warn("meta", "left out: %s", err.cause);
        heap_drop_first(&n->heap);
        return;
    }
    ages_add(n->m->ages, c->stamp, object->created_ms);
    c->at_ms = object->created_ms;
    c->is_read = true;
    heap_sink(&n->heap, 0);
}

static errc walk(struct newest *n, struct cancel *cancel, meta_list_fn fn, void *arg, struct err *err)
{
    while (n->heap.len) {
        errc e = cancel_check(cancel, err);
        if (e)
            return e;
        char room[24];
        struct candidate first = n->heap.items[0];
        const char *id = idlist_at(&n->ids, first.index, room);
        if (!first.is_read) {
            read_first(n, id);
        } else {
            heap_drop_first(&n->heap);
            if (!fn(arg, id, first.at_ms))
                break;
        }
    }
    return ERR_OK;
}

errc meta_local_newest(struct meta *meta, const char *flow, struct cancel *cancel, meta_list_fn fn,
                       void *arg, struct err *err)
{
    struct meta_local *m = meta_local_of(meta);
    atomic_fetch_add_explicit(&m->lists, 1, memory_order_relaxed);
    struct pathspec ps = {.flow = flow};
    auto_free char *rel = meta_local_rel(&ps, "");
    if (!rel)
        return meta_local_missing(m, &ps, err);
    auto_cleanup(meta_local_closedirp) DIR *dir = NULL;
    errc e = meta_local_opendir(m, rel, &dir, err);
    if (e)
        return e == ERR_NOT_FOUND ? meta_local_missing(m, &ps, err) : e;
    struct newest n = {.m = m, .flow = flow, .dir = dir};
    e = collect(&n, cancel, err);
    if (!e)
        e = walk(&n, cancel, fn, arg, err);
    free(n.heap.items);
    idlist_free(&n.ids);
    return e;
}

// --- the newest by its id ---------------------------------------------------------------------------------

// Metaflow's own ids are times in microseconds, all of one length; those made elsewhere tell nothing.
static bool is_newer_id(const char *name, const char *than)
{
    size_t len = strlen(name), other = strlen(than);
    if (name[strspn(name, "0123456789")] != '\0')
        return false;
    return len != other ? len > other : strcmp(name, than) > 0;
}

static errc highest_id(DIR *dir, struct cancel *cancel, char ret[NAME_MAX + 1], struct err *err)
{
    ret[0] = '\0';
    for (;;) {
        const char *name;
        unsigned char type;
        errc e = meta_local_readdir(dir, cancel, &name, &type, err);
        if (e || !name)
            return e;
        if ((type == DT_DIR || type == DT_UNKNOWN) && is_newer_id(name, ret))
            snprintf(ret, NAME_MAX + 1, "%s", name);
    }
}

errc meta_local_newest_ms(struct meta *m, const char *flow, struct cancel *cancel, int64_t *ret_ms,
                          struct err *err)
{
    struct meta_local *local = (struct meta_local *)m;
    const struct pathspec ps = {.flow = flow};
    auto_free char *rel = meta_local_rel(&ps, "");
    auto_cleanup(meta_local_closedirp) DIR *dir = NULL;
    errc e = meta_local_opendir(local, rel, &dir, err);
    char id[NAME_MAX + 1] = "";
    if (!e)
        e = highest_id(dir, cancel, id, err);
    if (e)
        return e;
    *ret_ms = -1;
    struct pathspec run_ps = {.flow = flow, .run = id};
    auto_cleanup(meta_object_freep) struct meta_object *run = NULL;
    e = id[0] ? meta_local_self(local, &run_ps, &run, err) : ERR_NOT_FOUND;
    if (!e)
        *ret_ms = run->created_ms;
    return e == ERR_NOT_FOUND ? ERR_OK : e; // a directory that is about to be a run
}
