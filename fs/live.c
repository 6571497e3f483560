#include "fs/live.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"

#define LOOK_AGAIN_MS 1000

struct live {
    struct live *next;       // the list's lock, as refs
    unsigned refs;
    uint64_t nodeid;         // immutable
    pthread_mutex_t lock;    // protects all below
    struct content *content;
    uint64_t size;           // as the tree said: recorded, not of the content
    int64_t mtime_ms;
    int64_t looked_ms;
};

struct lives {
    pthread_mutex_t lock;    // taken before a live's
    struct live *first;
};

struct lives *lives_new(void)
{
    struct lives *l = mem_zalloc(sizeof(*l));
    pthread_mutex_init(&l->lock, NULL);
    return l;
}

static void live_destroy(struct live *f)
{
    if (f->content != NULL) {
        content_unref(f->content);
    }
    pthread_mutex_destroy(&f->lock);
    free(f);
}

void lives_free(struct lives *l)
{
    if (l == NULL) {
        return;
    }
    for (struct live *f = l->first, *next; f != NULL; f = next) {
        next = f->next;
        live_destroy(f);
    }
    pthread_mutex_destroy(&l->lock);
    free(l);
}

static struct live *find_locked(struct lives *l, uint64_t nodeid)
{
    struct live *f = l->first;
    while (f != NULL && f->nodeid != nodeid) {
        f = f->next;
    }
    return f;
}

struct live *live_find(struct lives *l, uint64_t nodeid)
{
    pthread_mutex_lock(&l->lock);
    struct live *f = find_locked(l, nodeid);
    if (f != NULL) {
        f->refs++;
    }
    pthread_mutex_unlock(&l->lock);
    return f;
}

void live_replace(struct live *f, struct content *content, const struct tattr *attr)
{
    pthread_mutex_lock(&f->lock);
    struct content *old = f->content;
    f->content = content;
    f->size = attr->size;
    f->mtime_ms = attr->mtime_ms;
    f->looked_ms = clock_mono_ms();
    pthread_mutex_unlock(&f->lock);
    if (old != NULL) {
        content_unref(old);
    }
}

struct live *live_open(struct lives *l, uint64_t nodeid, struct content *content, const struct tattr *attr)
{
    struct live *fresh = mem_zalloc(sizeof(*fresh));
    fresh->nodeid = nodeid;
    pthread_mutex_init(&fresh->lock, NULL);
    pthread_mutex_lock(&l->lock);
    struct live *f = find_locked(l, nodeid);
    if (f == NULL) {
        f = fresh;
        f->next = l->first;
        l->first = f;
    }
    f->refs++;
    pthread_mutex_unlock(&l->lock);
    live_replace(f, content, attr);
    if (f != fresh) {
        live_destroy(fresh);
    }
    return f;
}

void live_close(struct lives *l, struct live *f)
{
    pthread_mutex_lock(&l->lock);
    bool last = --f->refs == 0;
    if (last) {
        struct live **at = &l->first;
        while (*at != f) {
            at = &(*at)->next;
        }
        *at = f->next;
    }
    pthread_mutex_unlock(&l->lock);
    if (last) {
        live_destroy(f);
    }
}

struct content *live_content(struct live *f)
{
    pthread_mutex_lock(&f->lock);
    struct content *c = content_ref(f->content);
    pthread_mutex_unlock(&f->lock);
    return c;
}

bool live_is_due(struct live *f, int64_t now)
{
    pthread_mutex_lock(&f->lock);
    bool due = now - f->looked_ms >= LOOK_AGAIN_MS;
    pthread_mutex_unlock(&f->lock);
    return due;
}

bool live_due(struct live *f, int64_t now)
{
    pthread_mutex_lock(&f->lock);
    bool due = now - f->looked_ms >= LOOK_AGAIN_MS;
    if (due) {
        f->looked_ms = now;
    }
    pthread_mutex_unlock(&f->lock);
    return due;
}

bool live_differs(struct live *f, const struct tattr *attr)
{
    pthread_mutex_lock(&f->lock);
    bool differs = f->size != attr->size || f->mtime_ms != attr->mtime_ms;
    pthread_mutex_unlock(&f->lock);
    return differs;
}
