#include "client/store_keys.h"

#include <pthread.h>
#include <string.h>

#include "base/clock.h"
#include "base/keylock.h"
#include "base/mem.h"
#include "client/store_keys_i.h"

#define LISTINGS_MAX 512
#define SLOW_HOLDS_MS (60 * 1000)
#define LIVE_LISTING_MS 1000 // a listing of a live run may take so long, or its TTL

// What a listing told. Immutable once it is known to others, but for its place among them and its references.
struct listing {
    struct listing *newer, *older; // lock
    unsigned refs;                 // lock
    char *prefix;
    size_t prefix_len, bytes;
    struct key_table *keys;
    bool whole;      // else it ends at the bound
    bool of_settled; // made to answer a settled question about the one task that it lists
    int64_t began_ms, began_wall_ms;
};

struct store_keys {
    struct store_keys_conf conf;
    struct keylocks *flights; // by prefix
    pthread_mutex_t lock;     // all that follows
    struct listing *newest, *oldest; // by use
    struct seen_table seen;
    struct store_keys_stats stats;
};

struct store_keys *store_keys_new(const struct store_keys_conf *conf)
{
    struct store_keys *k = mem_zalloc(sizeof(*k));
    k->conf = *conf;
    k->conf.settle_ms = conf->settle_ms ? conf->settle_ms : 900 * 1000;
    k->conf.together_ms = conf->together_ms ? conf->together_ms : 10 * 1000;
    k->conf.max_bytes = conf->max_bytes ? conf->max_bytes : (size_t)4 << 20;
    k->conf.max_keys = conf->max_keys ? conf->max_keys : 200 * 1000;
    k->flights = keylocks_new();
    pthread_mutex_init(&k->lock, NULL);
    return k;
}

static void listing_free(struct listing *l)
{
    key_table_free(l->keys);
    free(l->prefix);
    free(l);
}

static void listing_unref(struct store_keys *k, struct listing *l)
{
    pthread_mutex_lock(&k->lock);
    bool last = --l->refs == 0;
    pthread_mutex_unlock(&k->lock);
    if (last) {
        listing_free(l);
    }
}

// --- the list; all with the lock held ------------------------------------------------------------------

static void unlink_listing(struct store_keys *k, struct listing *l)
{
    *(l->newer ? &l->newer->older : &k->newest) = l->older;
    *(l->older ? &l->older->newer : &k->oldest) = l->newer;
    l->newer = l->older = NULL;
}

static void link_newest(struct store_keys *k, struct listing *l)
{
    l->older = k->newest;
    *(k->newest ? &k->newest->newer : &k->oldest) = l;
    k->newest = l;
}

static void forget(struct store_keys *k, struct listing *l)
{
    unlink_listing(k, l);
    k->stats.bytes -= l->bytes;
    k->stats.kept--;
    if (--l->refs == 0) {
        listing_free(l);
    }
}

void store_keys_free(struct store_keys *k)
{
    if (!k) {
        return;
    }
    for (struct listing *l = k->newest, *next; l; l = next) {
        next = l->older;
        listing_free(l);
    }
    seen_free(&k->seen);
    keylocks_free(k->flights);
    pthread_mutex_destroy(&k->lock);
    free(k);
}

// Takes over the caller's reference, and drops an older listing of the same prefix and what is beyond the bounds.
static void add(struct store_keys *k, struct listing *l)
{
    for (struct listing *o = k->newest, *next; o; o = next) {
        next = o->older;
        if (strcmp(o->prefix, l->prefix) == 0) {
            forget(k, o);
        }
    }
    link_newest(k, l);
    k->stats.bytes += l->bytes;
    k->stats.kept++;
    while (k->oldest != l && (k->stats.bytes > k->conf.max_bytes || k->stats.kept > LISTINGS_MAX)) {
        forget(k, k->oldest);
    }
}

// --- a question ------------------------------------------------------------------------------------------

struct question {
    const char *path; // of a key; of a directory with its slash
    bool is_dir;
    unsigned flags;
    struct scopes scopes;
    int64_t asked_ms;
};

// Whether all that was asked about lies within a listing.
static bool covers(const struct listing *l, const struct question *q)
{
    if (strncmp(q->path, l->prefix, l->prefix_len) != 0) {
        return false;
    }
    if (l->whole) {
        return true;
    }
    const char *last = key_table_last(l->keys);
    size_t len = strlen(q->path);
    return key_table_is_ordered(l->keys) &&
           (q->is_dir ? strncmp(q->path, last, len) < 0 : strcmp(q->path, last) <= 0);
}

// Whether the attempt that a file belongs to had ended long before the listing was made.
static bool had_settled(const struct store_keys *k, const struct listing *l, const struct question *q)
{
    size_t dir = q->scopes.len[SCOPE_TASK];
    size_t digits = strspn(q->path + dir, "0123456789");
    uint64_t size;
    int64_t mtime_ms;
    if (q->is_dir || !digits || q->path[dir + digits] != '.') {
        return false;
    }
    auto_free char *done = mem_printf("%.*s.DONE.lock", (int)(dir + digits), q->path);
    return key_table_find(l->keys, done, &size, &mtime_ms) && mtime_ms >= 0 &&
           l->began_wall_ms - mtime_ms >= k->conf.settle_ms;
}

static bool holds(const struct store_keys *k, const struct listing *l, const struct question *q)
{
    if (l->began_ms >= q->asked_ms || clock_mono_ms() - l->began_ms <= k->conf.ttl_ms) {
        return true;
    }
    return q->flags & STORE_SETTLED &&
           ((l->of_settled && l->prefix_len == q->scopes.len[SCOPE_TASK]) || had_settled(k, l, q));
}

// A listing that answers, held for the caller, or NULL.
static struct listing *look(struct store_keys *k, const struct question *q)
{
    struct listing *found = NULL;
    pthread_mutex_lock(&k->lock);
    for (struct listing *l = k->newest; l && !found; l = l->older) {
        if (covers(l, q) && holds(k, l, q)) {
            found = l;
        }
    }
    if (found) {
        found->refs++;
        unlink_listing(k, found);
        link_newest(k, found);
    }
    pthread_mutex_unlock(&k->lock);
    return found;
}

// By which prefix to list: `from` or a narrower one.
static int choose(struct store_keys *k, const struct question *q, int from)
{
    int64_t now = clock_mono_ms();
    size_t run = q->scopes.len[SCOPE_RUN], task = q->scopes.len[SCOPE_TASK];
    pthread_mutex_lock(&k->lock);
    struct seen *s = seen_find(&k->seen, q->path, run, true, now);
    bool walk = from > SCOPE_RUN || seen_is_walk(s, q->path, task, now, k->conf.together_ms);
    int scope = walk ? from : SCOPE_TASK;
    for (; scope < SCOPE_TASK; scope++) {
        s = q->scopes.len[scope] ? seen_find(&k->seen, q->path, q->scopes.len[scope], false, now) : NULL;
        bool slow = s && now < s->slow_until_ms && !(q->flags & STORE_SETTLED);
        bool cut = s && s->cut_after && strcmp(q->path, s->cut_after) > 0;
        if (q->scopes.len[scope] && !slow && !cut) {
            break;
        }
    }
    pthread_mutex_unlock(&k->lock);
    return scope;
}

// --- listing ---------------------------------------------------------------------------------------------

struct take {
    const struct store_keys *k;
    struct listing *l;
    int64_t until_ms;
    bool late; // it was ended as it took too long
};

// Until when a listing goes on. One of more than was asked about is not worth every wait: what is live has to be
// listed within its TTL, and who asks has to have time left to ask for less.
static int64_t end_of_listing(const struct store_keys *k, const struct question *q, int scope,
                              const struct cancel *cancel, int64_t now_ms)
{
    int64_t left = cancel && cancel->deadline_ms ? (cancel->deadline_ms - now_ms) / 2 : INT64_MAX - now_ms;
    if (scope == SCOPE_TASK) {
        return INT64_MAX;
    }
    if (!(q->flags & STORE_SETTLED)) {
        int64_t live = k->conf.ttl_ms > LIVE_LISTING_MS ? k->conf.ttl_ms : LIVE_LISTING_MS;
        left = live < left ? live : left;
    }
    return now_ms + left;
}

static bool take_key(void *arg, const char *key, uint64_t size, int64_t mtime_ms)
{
    struct take *t = arg;
    struct key_table *keys = t->l->keys;
    t->late = clock_mono_ms() > t->until_ms;
    t->l->whole = !t->late && key_table_len(keys) < t->k->conf.max_keys &&
                  key_table_bytes(keys) < t->k->conf.max_bytes / 4 * 3 && key_table_add(keys, key, size, mtime_ms);
    return t->l->whole;
}

// That it is slow keeps live tasks from asking for it again for a while; where it ends keeps everybody from asking for
// what is behind that, but for an end that came too soon for those whose answers hold for ever.
static void note(struct store_keys *k, const struct listing *l, bool is_end)
{
    int64_t now = clock_mono_ms();
    bool slow = now - l->began_ms > k->conf.ttl_ms / 2;
    struct seen *s = seen_find(&k->seen, l->prefix, l->prefix_len, slow || !l->whole, now);
    if (s) {
        s->slow_until_ms = slow ? now + SLOW_HOLDS_MS : 0;
        seen_cut(s, l->whole || !is_end ? NULL : key_table_last(l->keys), now);
    }
}

// Lists a prefix, and keeps what it told; *ret is held for the caller.
static errc list(struct store_keys *k, const struct question *q, int scope, struct cancel *cancel,
                 struct listing **ret, struct err *err)
{
    struct listing *l = mem_zalloc(sizeof(*l));
    l->prefix_len = q->scopes.len[scope];
    l->prefix = mem_strndup(q->path, l->prefix_len);
    l->keys = key_table_new();
    l->whole = true;
    l->of_settled = scope == SCOPE_TASK && q->flags & STORE_SETTLED;
    l->began_ms = clock_mono_ms();
    l->began_wall_ms = clock_wall_ms();
    struct take t = {k, l, end_of_listing(k, q, scope, cancel, l->began_ms), false};
    errc code = k->conf.list(k->conf.arg, l->prefix, cancel, take_key, &t, err);
    key_table_trim(l->keys);
    l->bytes = sizeof(*l) + l->prefix_len + key_table_bytes(l->keys);
    l->refs = code ? 1 : 2;
    pthread_mutex_lock(&k->lock);
    k->stats.listings++;
    if (!code) {
        k->stats.cut += !l->whole;
        if (scope != SCOPE_TASK) {
            note(k, l, !t.late || q->flags & STORE_SETTLED);
        }
        add(k, l);
    }
    pthread_mutex_unlock(&k->lock);
    if (code) {
        listing_unref(k, l);
        return code;
    }
    *ret = l;
    return ERR_OK;
}

// Lists a prefix, or finds that somebody just did; *ret is held. NULL: somebody else's listing, for which we waited,
// has not told it, and may have shown that this prefix is not the one to list.
static errc list_once(struct store_keys *k, const struct question *q, int scope, struct cancel *cancel,
                      struct listing **ret, struct err *err)
{
    auto_free char *prefix = mem_strndup(q->path, q->scopes.len[scope]);
    bool waited;
    errc code = keylock_take(k->flights, prefix, cancel, &waited, err);
    if (code) {
        return code;
    }
    struct listing *l = look(k, q);
    struct err own = ERR_INIT;
    if (!l && !waited) {
        code = list(k, q, scope, cancel, &l, &own);
    }
    bool own_end = code == ERR_INTERRUPTED || code == ERR_TIMEOUT;
    keylock_give(k->flights, prefix, code && !own_end ? &own : NULL);
    if (code) {
        *err = own;
        return code;
    }
    *ret = l;
    return ERR_OK;
}

// A listing that has all that was asked about; *ret is held.
static errc answer(struct store_keys *k, struct question *q, struct cancel *cancel, struct listing **ret,
                   struct err *err)
{
    q->asked_ms = clock_mono_ms();
    struct listing *l = look(k, q);
    if (l) {
        pthread_mutex_lock(&k->lock);
        k->stats.answers++;
        pthread_mutex_unlock(&k->lock);
        *ret = l;
        return ERR_OK;
    }
    for (int from = SCOPE_RUN; from < SCOPES;) {
        int scope = choose(k, q, from);
        errc code = list_once(k, q, scope, cancel, &l, err);
        if (code) {
            return code;
        }
        if (l && covers(l, q)) {
            *ret = l;
            return ERR_OK;
        }
        if (l) {
            listing_unref(k, l);
            from = scope + 1;
        }
    }
    return err_set(err, ERR_LIMIT, "there are more than %zu keys below %.*s, more than a task has",
                   k->conf.max_keys, (int)q->scopes.len[SCOPE_TASK], q->path);
}

static errc not_ours(const char *path, struct err *err)
{
    return err_set(err, ERR_INVALID, "%s is no file of a task", path);
}

errc store_keys_find(struct store_keys *k, const char *path, unsigned flags, struct cancel *cancel, bool *ret_found,
                     uint64_t *ret_size, int64_t *ret_mtime_ms, struct err *err)
{
    struct question q = {.path = path, .flags = flags};
    if (!scopes_of(path, &q.scopes)) {
        return not_ours(path, err);
    }
    struct listing *l;
    errc code = answer(k, &q, cancel, &l, err);
    if (!code) {
        *ret_found = key_table_find(l->keys, path, ret_size, ret_mtime_ms);
        listing_unref(k, l);
    }
    return code;
}

struct each {
    size_t dir_len;
    struct buf last_dir; // that was given, with its NUL
    store_list_fn fn;
    void *arg;
};

static bool give_entry(void *arg, const char *key, uint64_t size, int64_t mtime_ms)
{
    struct each *e = arg;
    const char *name = key + e->dir_len, *slash = strchr(name, '/');
    if (!*name || slash == name) {
        return true; // S3's consoles make keys that stand for a directory
    }
    if (!slash) {
        return e->fn(e->arg, name, false, size > INT64_MAX ? -1 : (int64_t)size, mtime_ms);
    }
    size_t len = (size_t)(slash - name);
    if (e->last_dir.len == len + 1 && memcmp(e->last_dir.data, name, len) == 0) {
        return true;
    }
    e->last_dir.len = 0;
    buf_put(&e->last_dir, name, len);
    buf_putc(&e->last_dir, '\0');
    return e->last_dir.over || e->fn(e->arg, e->last_dir.data, true, -1, -1);
}

errc store_keys_each(struct store_keys *k, const char *dir, struct cancel *cancel, store_list_fn fn, void *arg,
                     struct err *err)
{
    auto_free char *path = mem_printf("%s/", dir);
    struct question q = {.path = path, .is_dir = true};
    if (!scopes_of(path, &q.scopes)) {
        return not_ours(dir, err);
    }
    struct listing *l;
    errc code = answer(k, &q, cancel, &l, err);
    if (!code) {
        struct each e = {.dir_len = strlen(path), .fn = fn, .arg = arg};
        key_table_each(l->keys, path, give_entry, &e);
        buf_free(&e.last_dir);
        listing_unref(k, l);
    }
    return code;
}

void store_keys_stats(struct store_keys *k, struct store_keys_stats *ret)
{
    pthread_mutex_lock(&k->lock);
    *ret = k->stats;
    pthread_mutex_unlock(&k->lock);
}
