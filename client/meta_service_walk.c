// One task, or its whole run? A walk asks for task after task; one who looks at a task wants that task. What
// was listed just before, and how many tasks were asked for, tells them apart; and no small question
// is answered by many pages.
#include <limits.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"
#include "client/meta_service_i.h"

#define SLOTS 256                     // runs and listings that are remembered
#define FORGET_MS (INT64_C(600) * 1000)
#define FEW_PAGES 10
#define MANY_ASKED 16                 // tasks of one run: the whole of it is worth its pages
#define MANY_SIBLINGS 32              // objects of one listing

struct walk {
    uint64_t run;                     // hash of its path and of what is asked; 0: free
    uint64_t last;                    // hash of the task that was asked for last
    int64_t last_ms;
    unsigned asked;                   // different tasks, one after another
    bool big, slow;
};

struct walks {
    pthread_mutex_t lock;
    struct walk slots[SLOTS];
};

struct walks *walks_new(void)
{
    struct walks *w = mem_zalloc(sizeof(*w));
    pthread_mutex_init(&w->lock, NULL);
    return w;
}

void walks_free(struct walks *w)
{
    pthread_mutex_destroy(&w->lock);
    free(w);
}

void walks_forget(struct walks *w)
{
    pthread_mutex_lock(&w->lock);
    memset(w->slots, 0, sizeof(w->slots));
    pthread_mutex_unlock(&w->lock);
}

static uint64_t path_hash(const struct pathspec *ps, char kind)
{
    static const uint8_t key[16] = "metaflowfs walk"; // spreads, and keeps nothing apart that matters
    auto_free char *path = pathspec_text(ps);
    auto_free char *text = mem_printf("%c%s", kind, path);
    uint64_t h = hash_sip64(key, text, strlen(text));
    return h ? h : 1;
}

// With the lock held. The slot of a run or listing, a new one where there was none lately.
static struct walk *walk_of(struct walks *w, uint64_t hash, int64_t now)
{
    struct walk *oldest = &w->slots[0];
    for (size_t i = 0; i < SLOTS; i++) {
        struct walk *s = &w->slots[i];
        if (s->run == hash && now - s->last_ms < FORGET_MS) {
            return s;
        }
        if (s->run == hash || s->last_ms < oldest->last_ms) {
            oldest = s;
        }
    }
    *oldest = (struct walk){.run = hash, .last_ms = now};
    return oldest;
}

unsigned walks_pages(struct walks *w, const struct pathspec *task, enum walk_kind kind, int64_t listed, bool paged)
{
    struct pathspec run = pathspec_upto(task, LEVEL_RUN);
    uint64_t hash = path_hash(&run, kind == WALK_ARTIFACTS ? 'a' : 'm'), this = path_hash(task, 't');
    int64_t now = clock_mono_ms();
    pthread_mutex_lock(&w->lock);
    struct walk *s = walk_of(w, hash, now);
    bool few = listed >= 0 && listed <= WALK_FEW_TASKS;
    unsigned pages = s->slow                ? 0
                     : s->asked >= MANY_ASKED ? UINT_MAX
                     : s->big               ? 0
                     : few                  ? FEW_PAGES
                     : paged && s->asked    ? 1
                                            : 0;
    s->asked += s->last != this && s->asked < MANY_ASKED;
    s->last = this;
    s->last_ms = now;
    pthread_mutex_unlock(&w->lock);
    return pages;
}

void walks_big(struct walks *w, const struct pathspec *at, enum walk_kind kind)
{
    struct pathspec run = pathspec_upto(at, LEVEL_RUN);
    uint64_t hash = path_hash(&run, kind == WALK_ARTIFACTS ? 'a' : 'm');
    pthread_mutex_lock(&w->lock);
    walk_of(w, hash, clock_mono_ms())->big = true;
    pthread_mutex_unlock(&w->lock);
}

void walks_slow(struct walks *w, const struct pathspec *at, enum walk_kind kind)
{
    struct pathspec run = pathspec_upto(at, LEVEL_RUN);
    uint64_t hash = path_hash(&run, kind == WALK_ARTIFACTS ? 'a' : 'm');
    pthread_mutex_lock(&w->lock);
    walk_of(w, hash, clock_mono_ms())->slow = true;
    pthread_mutex_unlock(&w->lock);
}

bool walks_relist(struct walks *w, const struct pathspec *parent, int64_t list_asked_ms)
{
    uint64_t hash = path_hash(parent, 'l');
    pthread_mutex_lock(&w->lock);
    struct walk *s = walk_of(w, hash, clock_mono_ms());
    if (s->last != (uint64_t)list_asked_ms) { // the list was read since: count anew
        s->last = (uint64_t)list_asked_ms;
        s->asked = 0;
    }
    bool many = ++s->asked > MANY_SIBLINGS;
    s->last_ms = clock_mono_ms();
    pthread_mutex_unlock(&w->lock);
    return many;
}
