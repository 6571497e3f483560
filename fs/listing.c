#include "fs/listing.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

#define INDEX_EVERY 64            // entries between two offsets of the index
#define LISTING_MAX ((size_t)2 << 30)
#define POLL_MS 50                // how soon a waiter sees that it was cancelled

// An entry is packed: kind, flags, length of the name, the name, and the attributes where it has them.
enum { HAS_ATTR = 1, SIZE_EXACT = 2, GROWING = 4 };
struct packed_attr {
    uint64_t size;
    int64_t mtime_ms, ttl_ms;
    uint32_t mode;
};

struct listing {
    atomic_uint refs;
    struct cancel token;
    pthread_mutex_t lock;  // protects all below
    pthread_cond_t more;
    char *data;
    size_t len, cap;
    int fd;                // the shared-memory file behind data, or -1: data is allocated
    size_t *index;         // offset of each INDEX_EVERYth entry
    size_t index_cap, count;
    size_t last_pos, last_off; // where the last entry that was read is
    bool ended;
    struct err err;
};

struct listing *listing_new(void)
{
    struct listing *l = mem_zalloc(sizeof(*l));
    atomic_init(&l->refs, 1);
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->more, NULL);
    l->fd = -1;
    return l;
}

struct listing *listing_ref(struct listing *l)
{
    atomic_fetch_add(&l->refs, 1);
    return l;
}

void listing_unref(struct listing *l)
{
    if (l == NULL || atomic_fetch_sub(&l->refs, 1) > 1) {
        return;
    }
    if (l->fd >= 0) {
        munmap(l->data, l->cap);
        close(l->fd);
    } else {
        free(l->data);
    }
    free(l->index);
    pthread_cond_destroy(&l->more);
    pthread_mutex_destroy(&l->lock);
    free(l);
}

struct cancel *listing_token(struct listing *l)
{
    return &l->token;
}

// Moves what is there into a shared-memory file of `cap` bytes. Where that cannot be had, memory has
// to do.
static bool move_to_file(struct listing *l, size_t cap)
{
    int fd = memfd_create("metaflowfs-listing", MFD_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    void *p = MAP_FAILED;
    if (ftruncate(fd, (off_t)cap) == 0) {
        p = mmap(NULL, cap, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    }
    if (p == MAP_FAILED) {
        close(fd);
        return false;
    }
    memcpy(p, l->data, l->len);
    free(l->data);
    l->data = p;
    l->cap = cap;
    l->fd = fd;
    return true;
}

static bool grow_file(struct listing *l, size_t cap)
{
    if (ftruncate(l->fd, (off_t)cap) != 0) {
        return false;
    }
    void *p = mremap(l->data, l->cap, cap, MREMAP_MAYMOVE);
    if (p == MAP_FAILED) {
        return false;
    }
    l->data = p;
    l->cap = cap;
    return true;
}

static bool make_room(struct listing *l, size_t need)
{
    if (l->len + need <= l->cap) {
        return true;
    }
    size_t cap = l->cap == 0 ? 4096 : l->cap * 2;
    if (cap > LISTING_MAX) {
        return false;
    }
    if (l->fd >= 0) {
        return grow_file(l, cap);
    }
    if (cap > LISTING_MEMORY_MAX && move_to_file(l, cap)) {
        return true;
    }
    char *p = realloc(l->data, cap);
    if (p == NULL) {
        return false;
    }
    l->data = p;
    l->cap = cap;
    return true;
}

static void pack(struct listing *l, const char *name, size_t len, enum kind kind, const struct tattr *attr)
{
    if (l->count % INDEX_EVERY == 0) {
        l->index = mem_grow(l->index, &l->index_cap, l->count / INDEX_EVERY + 1, sizeof(*l->index));
        l->index[l->count / INDEX_EVERY] = l->len;
    }
    uint8_t flags = 0;
    if (attr != NULL) {
        flags = (uint8_t)(HAS_ATTR | (attr->size_exact ? SIZE_EXACT : 0) | (attr->growing ? GROWING : 0));
    }
    uint8_t head[3] = {(uint8_t)kind, flags, (uint8_t)len};
    memcpy(l->data + l->len, head, sizeof(head));
    memcpy(l->data + l->len + sizeof(head), name, len);
    l->len += sizeof(head) + len;
    if (attr != NULL) {
        struct packed_attr a = {attr->size, attr->mtime_ms, attr->ttl_ms, attr->mode};
        memcpy(l->data + l->len, &a, sizeof(a));
        l->len += sizeof(a);
    }
    l->count++;
}

bool listing_add(struct listing *l, const char *name, enum kind kind, const struct tattr *attr)
{
    size_t len = strlen(name);
    if (len == 0 || len > 255) {
        return true;
    }
    pthread_mutex_lock(&l->lock);
    bool ok = !atomic_load(&l->token.set) && make_room(l, 3 + len + sizeof(struct packed_attr));
    if (ok) {
        pack(l, name, len, kind, attr);
        pthread_cond_broadcast(&l->more);
    } else if (l->err.code == ERR_OK) {
        err_set(&l->err, atomic_load(&l->token.set) ? ERR_INTERRUPTED : ERR_LIMIT,
                "the listing was ended after %zu entries", l->count);
    }
    pthread_mutex_unlock(&l->lock);
    return ok;
}

void listing_end(struct listing *l, const struct err *err)
{
    pthread_mutex_lock(&l->lock);
    l->ended = true;
    if (l->err.code == ERR_OK && err != NULL) {
        l->err = *err;
    }
    pthread_cond_broadcast(&l->more);
    pthread_mutex_unlock(&l->lock);
}

void listing_stop(struct listing *l)
{
    atomic_store(&l->token.set, true);
}

static size_t entry_size(const char *at)
{
    return 3 + (size_t)(uint8_t)at[2] + ((uint8_t)at[1] & HAS_ATTR ? sizeof(struct packed_attr) : 0);
}

// Offset of an entry that is there: from the last one read, or from the index.
static size_t seek_entry(struct listing *l, size_t pos)
{
    size_t at = pos / INDEX_EVERY * INDEX_EVERY, off = l->index[pos / INDEX_EVERY];
    if (l->last_pos > at && l->last_pos <= pos) {
        at = l->last_pos;
        off = l->last_off;
    }
    for (; at < pos; at++) {
        off += entry_size(l->data + off);
    }
    l->last_pos = pos;
    l->last_off = off;
    return off;
}

static void unpack(const char *at, struct listing_entry *e)
{
    uint8_t flags = (uint8_t)at[1], len = (uint8_t)at[2];
    e->kind = (enum kind)(uint8_t)at[0];
    e->has_attr = flags & HAS_ATTR;
    memcpy(e->name, at + 3, len);
    e->name[len] = '\0';
    if (e->has_attr) {
        struct packed_attr a;
        memcpy(&a, at + 3 + len, sizeof(a));
        e->attr = (struct tattr){.mode = a.mode, .size = a.size, .size_exact = flags & SIZE_EXACT,
                                 .growing = flags & GROWING, .mtime_ms = a.mtime_ms, .ttl_ms = a.ttl_ms};
    }
}

bool listing_get(struct listing *l, size_t pos, struct listing_entry *ret)
{
    pthread_mutex_lock(&l->lock);
    bool found = pos < l->count;
    if (found) {
        unpack(l->data + seek_entry(l, pos), ret);
    }
    pthread_mutex_unlock(&l->lock);
    return found;
}

static bool ready_locked(const struct listing *l, size_t pos, size_t want)
{
    return l->ended || (l->count > pos && l->count - pos >= want);
}

bool listing_ready(struct listing *l, size_t pos, size_t want)
{
    pthread_mutex_lock(&l->lock);
    bool ready = ready_locked(l, pos, want) && (l->err.code == ERR_OK || l->count > pos);
    pthread_mutex_unlock(&l->lock);
    return ready;
}

static void wait_a_little(struct listing *l, unsigned ms)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    ts.tv_nsec += (long)ms * 1000000;
    if (ts.tv_nsec >= 1000000000) {
        ts.tv_sec++;
        ts.tv_nsec -= 1000000000;
    }
    pthread_cond_clockwait(&l->more, &l->lock, CLOCK_MONOTONIC, &ts);
}

errc listing_wait(struct listing *l, size_t pos, size_t want, unsigned grace_ms, struct cancel *cancel,
                  struct err *err)
{
    int64_t grace_end = clock_mono_ms() + grace_ms;
    errc e = ERR_OK;
    pthread_mutex_lock(&l->lock);
    while (e == ERR_OK && !ready_locked(l, pos, want)) {
        int64_t left = grace_end - clock_mono_ms();
        if (left <= 0 && l->count > pos) {
            break;
        }
        wait_a_little(l, left > 0 && left < POLL_MS ? (unsigned)left : POLL_MS);
        e = cancel_check(cancel, err);
    }
    if (e == ERR_OK && l->count <= pos && l->err.code != ERR_OK) {
        *err = l->err;
        e = err->code;
    }
    pthread_mutex_unlock(&l->lock);
    return e;
}

void listing_stats(struct listing *l, struct listing_stats *ret)
{
    pthread_mutex_lock(&l->lock);
    ret->entries = l->count;
    ret->memory_bytes = (l->fd < 0 ? l->cap : 0) + l->index_cap * sizeof(*l->index);
    ret->file_bytes = l->fd < 0 ? 0 : l->cap;
    pthread_mutex_unlock(&l->lock);
}
