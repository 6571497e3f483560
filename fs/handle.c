#include "fs/handle.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fs/proc_status.h"

struct handles {
    struct lives *lives;   // borrowed
    pthread_mutex_t lock;  // protects the list; taken before a handle's
    struct handle *first;
};

struct handles *handles_new(struct lives *lives)
{
    struct handles *h = mem_zalloc(sizeof(*h));
    h->lives = lives;
    pthread_mutex_init(&h->lock, NULL);
    return h;
}

static void handle_destroy(struct handle *h)
{
    if (h->content != NULL) {
        content_unref(h->content);
    }
    if (h->live != NULL) {
        live_close(h->all->lives, h->live);
    }
    if (h->listing != NULL) {
        listing_stop(h->listing);
        listing_unref(h->listing);
    }
    draft_close(h->draft);
    free(h->job);
    pthread_mutex_destroy(&h->lock);
    free(h);
}

void handles_free(struct handles *all)
{
    if (all == NULL) {
        return;
    }
    for (struct handle *h = all->first, *next; h != NULL; h = next) {
        next = h->next;
        handle_destroy(h);
    }
    pthread_mutex_destroy(&all->lock);
    free(all);
}

void handles_stop(struct handles *all)
{
    pthread_mutex_lock(&all->lock);
    for (struct handle *h = all->first; h != NULL; h = h->next) {
        pthread_mutex_lock(&h->lock);
        if (h->listing != NULL) {
            listing_stop(h->listing);
        }
        pthread_mutex_unlock(&h->lock);
    }
    pthread_mutex_unlock(&all->lock);
}

struct handle *handle_new(struct handles *all, uint64_t nodeid)
{
    struct handle *h = mem_zalloc(sizeof(*h));
    atomic_init(&h->refs, 1);
    h->all = all;
    h->nodeid = nodeid;
    pthread_mutex_init(&h->lock, NULL);
    pthread_mutex_lock(&all->lock);
    h->next = all->first;
    if (h->next != NULL) {
        h->next->prev = h;
    }
    all->first = h;
    pthread_mutex_unlock(&all->lock);
    return h;
}

struct handle *handle_ref(struct handle *h)
{
    atomic_fetch_add(&h->refs, 1);
    return h;
}

void handle_unref(struct handle *h)
{
    if (h == NULL || atomic_fetch_sub(&h->refs, 1) > 1) {
        return;
    }
    struct handles *all = h->all;
    pthread_mutex_lock(&all->lock);
    *(h->prev != NULL ? &h->prev->next : &all->first) = h->next;
    if (h->next != NULL) {
        h->next->prev = h->prev;
    }
    pthread_mutex_unlock(&all->lock);
    handle_destroy(h);
}

struct content *handle_content(struct handle *h)
{
    if (h->live != NULL) {
        return live_content(h->live);
    }
    return h->content != NULL ? content_ref(h->content) : NULL;
}

void handle_add_pending(struct handle *h, struct pending *p)
{
    pthread_mutex_lock(&h->lock);
    p->prev = NULL;
    p->next = h->pending;
    if (p->next != NULL) {
        p->next->prev = p;
    }
    h->pending = p;
    pthread_mutex_unlock(&h->lock);
}

void handle_remove_pending(struct handle *h, struct pending *p)
{
    pthread_mutex_lock(&h->lock);
    *(p->prev != NULL ? &p->prev->next : &h->pending) = p->next;
    if (p->next != NULL) {
        p->next->prev = p->prev;
    }
    pthread_mutex_unlock(&h->lock);
}

static long number_of(const struct buf *status, const char *name)
{
    const char *value = proc_status_value(status->data, name);
    return value != NULL ? strtol(value, NULL, 10) : -1;
}

// The process of a thread, and its parent; -1 when it is gone (or a zombie).
static long process_of(pid_t tid, long *ret_parent)
{
    auto_cleanup(buf_free) struct buf status = {0};
    *ret_parent = -1;
    const char *state = proc_status_read(tid, &status) ? proc_status_value(status.data, "State") : NULL;
    if (state == NULL || *state == 'Z' || *state == 'X') {
        return -1;
    }
    long process = number_of(&status, "Tgid");
    *ret_parent = process >= 0 ? number_of(&status, "PPid") : -1;
    return process;
}

static bool same_reader(pid_t reader, pid_t closer)
{
    if (reader == closer || reader == 0 || closer == 0) {
        return true;
    }
    long parent, process = process_of(reader, &parent);
    return process < 0 || process == process_of(closer, &parent);
}

#define OPENERS_MAX 64 // of one file that are looked at
#define PARENTS_MAX 16

// Unlike same_reader: of an opener that is gone nobody is known to have the file.
static bool opened_by(pid_t opener, pid_t pid)
{
    long parent, process = process_of(opener, &parent);
    return process >= 0 && process == process_of(pid, &parent);
}

// Whether a process, or one that it was begun by and may have a file from (a shell's redirection), opened one.
static bool has_from(pid_t pid, pid_t opener)
{
    bool found = opened_by(opener, pid);
    long parent = -1;
    for (unsigned i = 0; i < PARENTS_MAX && !found && process_of(pid, &parent) >= 0 && parent > 1; i++) {
        pid = (pid_t)parent;
        found = opened_by(opener, pid);
    }
    return found;
}

bool handles_follow(struct handles *all, uint64_t nodeid, pid_t pid)
{
    pid_t openers[OPENERS_MAX];
    size_t n = 0;
    bool found = false;
    pthread_mutex_lock(&all->lock);
    for (const struct handle *h = all->first; h != NULL && n < OPENERS_MAX; h = h->next) {
        if (h->nodeid == nodeid && h->follows) {
            openers[n++] = h->opener;
        }
    }
    pthread_mutex_unlock(&all->lock);
    for (size_t i = 0; i < n && !found; i++) {
        found = has_from(pid, openers[i]);
    }
    return found;
}

#define PENDING_MAX 64 // readers of one handle that are looked at for one close

void handle_reader_left(struct handle *h, pid_t pid)
{
    struct request *requests[PENDING_MAX];
    pid_t pids[PENDING_MAX];
    size_t n = 0;
    pthread_mutex_lock(&h->lock);
    for (struct pending *p = h->pending; p != NULL && n < PENDING_MAX; p = p->next) {
        pids[n] = p->pid;
        requests[n++] = request_ref(p->request);
    }
    pthread_mutex_unlock(&h->lock);
    for (size_t i = 0; i < n; i++) {
        if (same_reader(pids[i], pid)) {
            request_interrupt(requests[i]);
        }
        request_unref(requests[i]);
    }
}

struct listing *handle_listing(struct handle *h, bool rewind, bool *ret_new)
{
    struct listing *old = NULL;
    pthread_mutex_lock(&h->lock);
    if (rewind && h->listing_used) {
        old = h->listing;
        h->listing = NULL;
        h->listing_used = false;
    }
    *ret_new = h->listing == NULL;
    if (h->listing == NULL) {
        h->listing = listing_new();
    }
    struct listing *l = listing_ref(h->listing);
    pthread_mutex_unlock(&h->lock);
    if (old != NULL) {
        listing_stop(old);
        listing_unref(old);
    }
    return l;
}

void handle_listing_used(struct handle *h, struct listing *l)
{
    pthread_mutex_lock(&h->lock);
    h->listing_used = h->listing_used || h->listing == l;
    pthread_mutex_unlock(&h->lock);
}
