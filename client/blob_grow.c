#include "client/blob_grow.h"

#include <pthread.h>
#include <string.h>

#include "base/mem.h"
#include "client/blob.h"

#define OVERLAP ((size_t)1024)
#define COPY_PIECE ((size_t)256 * 1024)
#define OBJECTS 128

struct version {
    char *path, *key; // owned; the key is staging's
    uint64_t used;
};

struct grown {
    pthread_mutex_t lock; // what follows
    struct version objects[OBJECTS];
    uint64_t clock;
};

struct grown *grown_new(void)
{
    struct grown *g = mem_zalloc(sizeof(*g));
    pthread_mutex_init(&g->lock, NULL);
    return g;
}

void grown_free(struct grown *g)
{
    if (!g) {
        return;
    }
    for (size_t i = 0; i < OBJECTS; i++) {
        free(g->objects[i].path);
        free(g->objects[i].key);
    }
    pthread_mutex_destroy(&g->lock);
    free(g);
}

// Remembers the version of a path and gives the key of the one before; NULL where that is none, or the same. Owned.
static char *swap_version(struct grown *g, const char *path, const char *key)
{
    char *before = NULL;
    pthread_mutex_lock(&g->lock);
    struct version *v = &g->objects[0];
    for (size_t i = 0; i < OBJECTS; i++) {
        struct version *at = &g->objects[i];
        if (at->path && strcmp(at->path, path) == 0) {
            v = at;
            break;
        }
        v = at->used < v->used ? at : v;
    }
    if (v->path && strcmp(v->path, path) == 0) {
        before = strcmp(v->key, key) == 0 ? NULL : steal_ptr(&v->key);
    } else {
        free(v->path);
        v->path = mem_strdup(path);
    }
    if (!v->key || strcmp(v->key, key) != 0) {
        free(v->key);
        v->key = mem_strdup(key);
    }
    v->used = ++g->clock;
    pthread_mutex_unlock(&g->lock);
    return before;
}

// --- making a version from the one before ---------------------------------------------------------------------

struct growth {
    struct store *store; // borrowed, outlives what is staged
    char *path;
    struct staged *before; // held; has ended
};

static void growth_free(void *arg)
{
    struct growth *g = arg;
    staged_unref(g->before);
    free(g->path);
    free(g);
}

struct growing {
    const struct growth *growth;
    struct staged *to;
    uint64_t before_len;
    char tail[OVERLAP]; // of the version before
    size_t overlap, compared;
    bool differs;
};

static errc copy_before(struct growing *p, struct err *err)
{
    auto_free char *piece = mem_zalloc(COPY_PIECE);
    size_t got = 0;
    errc code = ERR_OK;
    for (uint64_t at = 0; at < p->before_len && !code; at += got) {
        uint64_t left = p->before_len - at;
        code = staged_pread(p->growth->before, at, piece, left < COPY_PIECE ? (size_t)left : COPY_PIECE, &got, err);
        if (!code && !got) {
            return err_set(err, ERR_IO, "the staged part of %.300s is shorter than it was", p->growth->path);
        }
        if (!code) {
            code = staged_append(p->to, piece, got, err);
        }
    }
    return code;
}

static errc take_more(void *arg, const void *data, size_t len, struct err *err)
{
    struct growing *p = arg;
    const char *bytes = data;
    if (p->compared < p->overlap) {
        size_t left = p->overlap - p->compared, n = len < left ? len : left;
        if (memcmp(p->tail + p->compared, bytes, n) != 0) {
            p->differs = true;
            return err_set(err, ERR_BUSY, "%.300s is not what it was and more", p->growth->path);
        }
        p->compared += n;
        bytes += n;
        len -= n;
        errc code = p->compared == p->overlap ? copy_before(p, err) : ERR_OK;
        if (code) {
            return code;
        }
    }
    return len ? staged_append(p->to, bytes, len, err) : ERR_OK;
}

static errc take_whole(void *arg, const void *data, size_t len, struct err *err)
{
    return staged_append(arg, data, len, err);
}

static errc produce(void *arg, struct staged *to, struct err *err)
{
    const struct growth *g = arg;
    struct growing p = {.growth = g, .to = to, .before_len = staged_len(g->before)};
    struct cancel *cancel = staged_cancel(to);
    struct err failed = ERR_INIT;
    size_t got;
    p.overlap = p.before_len < OVERLAP ? (size_t)p.before_len : OVERLAP;
    errc code = staged_pread(g->before, p.before_len - p.overlap, p.tail, p.overlap, &got, err);
    if (code) {
        return code;
    }
    code = g->store->ops->read(g->store, g->path, p.before_len - p.overlap, cancel, NULL, take_more, &p, &failed);
    if (p.differs || (!code && p.compared < p.overlap)) {
        code = g->store->ops->read(g->store, g->path, 0, cancel, NULL, take_whole, to, &failed);
    }
    if (code == ERR_NOT_FOUND) { // as client/blob_fetch.c has it
        return err_set(err, ERR_CORRUPT, "the stored object is gone: there is no %.300s in %.200s", g->path,
                       g->store->sysroot);
    }
    if (code) {
        *err = failed;
    }
    return code;
}

errc blob_get_grown(struct grown *g, struct store *store, struct staging *staging, const char *path,
                    const char *version, uint64_t size, struct staged **ret, struct err *err)
{
    if (size == 0) { // many a log is empty: nothing has to be asked for
        *ret = staged_of_bytes(staging, "", 0);
        return ERR_OK;
    }
    auto_free char *key = blob_plain_key(store, path, version);
    auto_free char *key_before = g ? swap_version(g, path, key) : NULL;
    auto_cleanup(staged_unrefp) struct staged *before = key_before ? staging_find(staging, key_before) : NULL;
    uint64_t len = before ? staged_len(before) : 0;
    if (!len || size < len) {
        return blob_get_plain(store, staging, path, version, ret, err);
    }
    struct growth *growth = mem_zalloc(sizeof(*growth));
    growth->store = store;
    growth->path = mem_strdup(path);
    growth->before = steal_ptr(&before);
    struct staging_request rq = {.key = key, .produce = produce, .arg = growth, .free_arg = growth_free};
    return staging_get(staging, &rq, ret, err);
}
