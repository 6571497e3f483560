#include "fs/notify.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fs/fuse_api.h"

#define QUEUE_MAX 64 // more notes than this become one for the whole mount
#define BATCH 64

struct notify {
    struct inodes *inodes;
    pthread_t thread;
    pthread_mutex_t lock; // protects all below
    pthread_cond_t wake;
    struct fuse_session *se;
    bool expire_only, ending;
    uint64_t queue[QUEUE_MAX], bytes[QUEUE_MAX]; // what to ask for again; whose bytes to drop
    size_t len, n_bytes;
};

static void tell(struct fuse_session *se, bool expire_only, const struct inode_ref *r)
{
    if (r->nodeid != INODE_ROOT) {
        fuse_lowlevel_notify_expire_entry(se, r->parent, r->name, strlen(r->name),
                                          expire_only ? FUSE_LL_EXPIRE_ONLY : 0);
    }
    // Attributes only: data goes when they turn out to have changed.
    fuse_lowlevel_notify_inval_inode(se, r->nodeid, -1, 0);
}

static void tell_below(struct notify *n, struct fuse_session *se, bool expire_only, uint64_t top)
{
    struct inode_ref *refs = mem_zalloc(BATCH * sizeof(*refs));
    uint64_t cursor = 0;
    for (size_t found; (found = inodes_expire_below(n->inodes, top, &cursor, refs, BATCH)) > 0;) {
        for (size_t i = 0; i < found && se != NULL; i++) {
            tell(se, expire_only, &refs[i]);
        }
    }
    free(refs);
}

// With the lock held, which is not held while the kernel is told.
static void tell_one(struct notify *n)
{
    bool is_bytes = n->n_bytes > 0, expire_only = n->expire_only;
    uint64_t nodeid = is_bytes ? n->bytes[--n->n_bytes] : n->queue[--n->len];
    struct fuse_session *se = n->se;
    pthread_mutex_unlock(&n->lock);
    if (!is_bytes) {
        tell_below(n, se, expire_only, nodeid);
    } else if (se != NULL) {
        fuse_lowlevel_notify_inval_inode(se, nodeid, 0, 0);
    }
    pthread_mutex_lock(&n->lock);
}

static void *notify_thread(void *arg)
{
    struct notify *n = arg;
    pthread_setname_np(pthread_self(), "mf-notify");
    pthread_mutex_lock(&n->lock);
    while (!n->ending) {
        if (n->len == 0 && n->n_bytes == 0) {
            pthread_cond_wait(&n->wake, &n->lock);
        } else {
            tell_one(n);
        }
    }
    pthread_mutex_unlock(&n->lock);
    return NULL;
}

struct notify *notify_new(struct inodes *inodes)
{
    struct notify *n = mem_zalloc(sizeof(*n));
    n->inodes = inodes;
    pthread_mutex_init(&n->lock, NULL);
    pthread_cond_init(&n->wake, NULL);
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int failed = pthread_create(&n->thread, NULL, notify_thread, n);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (failed != 0) {
        free(n);
        return NULL;
    }
    return n;
}

void notify_start(struct notify *n, struct fuse_session *se, bool expire_only)
{
    pthread_mutex_lock(&n->lock);
    n->se = se;
    n->expire_only = expire_only;
    pthread_mutex_unlock(&n->lock);
}

void notify_below(struct notify *n, uint64_t nodeid)
{
    pthread_mutex_lock(&n->lock);
    if (n->len == QUEUE_MAX) {
        n->len = 0;
        nodeid = INODE_ROOT;
    }
    n->queue[n->len++] = nodeid;
    pthread_cond_signal(&n->wake);
    pthread_mutex_unlock(&n->lock);
}

void notify_bytes(struct notify *n, uint64_t nodeid)
{
    pthread_mutex_lock(&n->lock);
    if (n->n_bytes < QUEUE_MAX) {
        n->bytes[n->n_bytes++] = nodeid;
        pthread_cond_signal(&n->wake);
    }
    pthread_mutex_unlock(&n->lock);
}

void notify_free(struct notify *n)
{
    if (n == NULL) {
        return;
    }
    pthread_mutex_lock(&n->lock);
    n->ending = true;
    pthread_cond_signal(&n->wake);
    pthread_mutex_unlock(&n->lock);
    pthread_join(n->thread, NULL);
    pthread_cond_destroy(&n->wake);
    pthread_mutex_destroy(&n->lock);
    free(n);
}
