// Directories: a snapshot for each open one, filled by a worker and read while it grows.
//
// READDIRPLUS: an entry has a node only when its attributes are at hand, from the listing or from the
// table; the kernel looks the others up when somebody asks. The kernel asks for attributes with the
// first entries of every directory, and with later ones when it sees that each is looked at (ls -l).
// So for later ones a worker looks up the directories among them, for a short time: that saves a round
// trip an entry, and a plain listing of 100,000 runs reads none of them. Among the first entries it does
// so for those that were looked at before and are stale by now: whoever lists them again will again.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/mem.h"
#include "fs/handle.h"
#include "fs/ops_batch.h"

#define GRACE_MS 20    // how long a reply waits to be full
#define RESOLVE_MS 250 // how long entries of one reply are looked up
#define LOOK_MS 1000   // and one of them: the names are known already and need not wait for a dead server
#define DOTS 2         // "." and ".." come first

struct read_dir {
    struct serve *serve;
    struct handle *handle;    // held
    struct listing *listing;  // held
    size_t size;
    off_t off;
    bool plus;
};

static void read_dir_free(void *arg)
{
    struct read_dir *d = arg;
    listing_unref(d->listing);
    handle_unref(d->handle);
    free(d);
}

void ops_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    struct serve *s = serve_of(req);
    struct inode_view v;
    count_op(s, OP_OPENDIR);
    if (inodes_get(s->inodes, ino, 0, &v) && ops_batch_denied(req, OP_OPENDIR, ino, NULL, v.kind)) {
        return;
    }
    struct handle *h = handle_new(s->handles, ino);
    h->is_dir = true;
    fi->fh = (uintptr_t)h;
    if (fuse_reply_open(req, fi) < 0) {
        handle_unref(h);
    }
}

void ops_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    (void)ino;
    struct handle *h = (struct handle *)(uintptr_t)fi->fh;
    bool is_new;
    count_op(serve_of(req), OP_RELEASEDIR);
    struct listing *l = handle_listing(h, false, &is_new);
    listing_stop(l);
    listing_unref(l);
    handle_unref(h);
    fuse_reply_err(req, 0);
}

// --- filling --------------------------------------------------------------------------------------

struct fill {
    struct serve *serve;
    struct listing *listing; // held
    uint64_t nodeid;
};

static bool add_entry(void *arg, const char *name, enum kind kind, const struct tattr *attr)
{
    return listing_add(arg, name, kind, attr);
}

static void run_fill(void *arg)
{
    struct fill *f = arg;
    struct err err = ERR_INIT;
    struct tref dir __attribute__((cleanup(tref_free))) = {0};
    errc e = ops_tref(f->serve, f->nodeid, &dir, &err);
    if (!e) {
        ops_ahead_listed(f->serve, f->nodeid, &dir);
        e = tree_list(f->serve->tree, &dir, listing_token(f->listing), add_entry, f->listing, &err);
    }
    listing_end(f->listing, e ? &err : NULL);
    listing_unref(f->listing);
    free(f);
}

static void start_fill(struct serve *s, struct listing *l, uint64_t nodeid)
{
    struct err err = ERR_INIT;
    struct fill *f = mem_zalloc(sizeof(*f));
    *f = (struct fill){.serve = s, .listing = listing_ref(l), .nodeid = nodeid};
    if (pool_run(engine_pool(s->engine), run_fill, f, &err) != ERR_OK) {
        listing_end(l, &err);
        listing_unref(l);
        free(f);
    }
}

// --- replies --------------------------------------------------------------------------------------

struct reply {
    const struct read_dir *dir;
    fuse_req_t req;
    char *buf;
    size_t len;
    uint64_t nodeid, ino, parent_ino; // of the directory
    uint64_t *entered;                // nodes that were counted
    size_t n_entered;
    unsigned entries;
};

static mode_t type_of(enum kind kind)
{
    static const mode_t types[] = {[KIND_DIR] = S_IFDIR, [KIND_FILE] = S_IFREG, [KIND_LINK] = S_IFLNK};
    return types[kind_info(kind)->type];
}

// Appends one entry; `v` is its node, or NULL. False when it does not fit.
static bool put(struct reply *p, const char *name, uint64_t ino, mode_t type, const struct inode_view *v,
                off_t cookie)
{
    struct fuse_entry_param e = {.attr = {.st_ino = ino, .st_mode = type}};
    size_t room = p->dir->size - p->len, need;
    if (!p->dir->plus) {
        need = fuse_add_direntry(p->req, p->buf + p->len, room, name, &e.attr, cookie);
    } else {
        if (v != NULL) {
            ops_entry(p->dir->serve, v, &e);
        }
        need = fuse_add_direntry_plus(p->req, p->buf + p->len, room, name, &e, cookie);
    }
    if (need > room) {
        return false;
    }
    p->len += need;
    p->entries++;
    return true;
}

static size_t entry_room(const struct reply *p, const char *name)
{
    return p->dir->plus ? fuse_add_direntry_plus(p->req, NULL, 0, name, NULL, 0)
                        : fuse_add_direntry(p->req, NULL, 0, name, NULL, 0);
}

// The node of an entry whose attributes are at hand; counts it.
static bool enter_known(struct reply *p, const struct listing_entry *e, const struct tattr *attr,
                        struct inode_view *v)
{
    struct serve *s = p->dir->serve;
    int64_t now = clock_mono_ms();
    bool known = inodes_find(s->inodes, p->nodeid, e->name, true, now, v) && v->fresh;
    if (!known && (attr != NULL || e->has_attr)) {
        known = inodes_enter(s->inodes, p->nodeid, e->name, e->kind, attr != NULL ? attr : &e->attr, now, v);
    }
    if (known) {
        p->entered[p->n_entered++] = v->nodeid;
    }
    return known;
}

static bool put_entry(struct reply *p, const struct listing_entry *e, const struct tattr *attr, off_t cookie)
{
    struct serve *s = p->dir->serve;
    struct inode_view v;
    if (entry_room(p, e->name) > p->dir->size - p->len) {
        return false;
    }
    if (p->dir->plus && enter_known(p, e, attr, &v)) {
        return put(p, e->name, v.ino, type_of(e->kind), &v, cookie);
    }
    uint64_t ino = inodes_find(s->inodes, p->nodeid, e->name, false, 0, &v)
                       ? v.ino
                       : inodes_child_ino(s->inodes, p->ino, e->name);
    return put(p, e->name, ino, type_of(e->kind), NULL, cookie);
}

static void put_all(struct reply *p, const struct tattr *resolved, const bool *has, size_t n)
{
    off_t off = p->dir->off;
    struct listing_entry e;
    if (off == 0 && put(p, ".", p->ino, S_IFDIR, NULL, 1)) {
        off++;
    }
    if (off == 1 && put(p, "..", p->parent_ino, S_IFDIR, NULL, DOTS)) {
        off++;
    }
    for (size_t i = 0, pos = (size_t)off - DOTS; off >= DOTS && listing_get(p->dir->listing, pos, &e); i++, pos++) {
        const struct tattr *attr = i < n && has[i] ? &resolved[i] : NULL;
        if (!put_entry(p, &e, attr, (off_t)pos + DOTS + 1)) {
            break;
        }
    }
}

// Builds and sends; the right to reply is the caller's.
static void reply_entries(const struct read_dir *d, fuse_req_t req, const struct tattr *resolved,
                          const bool *has, size_t n)
{
    struct serve *s = d->serve;
    struct inode_view self, up;
    struct reply p = {.dir = d, .req = req, .nodeid = d->handle->nodeid};
    if (!inodes_get(s->inodes, p.nodeid, 0, &self) || !inodes_get(s->inodes, self.parent, 0, &up)) {
        fuse_reply_err(req, ENOENT);
        return;
    }
    p.ino = self.ino;
    p.parent_ino = up.ino;
    p.buf = malloc(d->size + 1);
    p.entered = calloc(d->size / 128 + 1, sizeof(*p.entered)); // an entry with a node is larger
    if (p.buf == NULL || p.entered == NULL) {
        fuse_reply_err(req, ENOMEM);
    } else {
        put_all(&p, resolved, has, n);
        handle_listing_used(d->handle, d->listing);
        stats_add(&s->stats.listed_entries, p.entries);
        if (fuse_reply_buf(req, p.buf, p.len) < 0) {
            for (size_t i = 0; i < p.n_entered; i++) {
                inodes_forget(s->inodes, p.entered[i], 1);
            }
        }
    }
    free(p.buf);
    free(p.entered);
}

// --- waiting --------------------------------------------------------------------------------------

// About as many entries as fit.
static size_t wanted(const struct read_dir *d)
{
    return d->size / (d->plus ? 176 : 40) + 1;
}

static size_t first_pos(const struct read_dir *d)
{
    return d->off > DOTS ? (size_t)d->off - DOTS : 0;
}

// Whether an entry is to be looked up before it is given.
static bool needs_look(const struct read_dir *d, const struct listing_entry *e, int64_t now)
{
    struct inode_view v;
    if (!d->plus || e->has_attr || kind_info(e->kind)->type != KIND_DIR) {
        return false;
    }
    bool known = inodes_find(d->serve->inodes, d->handle->nodeid, e->name, false, now, &v);
    return known ? !v.fresh : d->off > DOTS;
}

// Looks up what needs it among the next entries, for a short time.
static size_t resolve(struct read_dir *d, struct cancel *cancel, struct tattr *attrs, bool *has, size_t max)
{
    struct serve *s = d->serve;
    struct tref dir __attribute__((cleanup(tref_free))) = {0};
    struct err err = ERR_INIT;
    struct listing_entry e;
    size_t n = 0;
    int64_t start = clock_mono_ms(), now = start;
    struct cancel look = {.deadline_ms = start + LOOK_MS};
    if (ops_tref(s, d->handle->nodeid, &dir, &err) != ERR_OK) {
        return 0;
    }
    for (; n < max && now - start < RESOLVE_MS && !atomic_load(&cancel->set) &&
           listing_get(d->listing, first_pos(d) + n, &e); n++) {
        enum kind kind;
        has[n] = needs_look(d, &e, now) &&
                 tree_lookup(s->tree, &dir, e.name, &look, &kind, &attrs[n], &err) == ERR_OK && kind == e.kind;
        now = clock_mono_ms();
    }
    return n;
}

static void run_read_dir(struct request *r)
{
    struct read_dir *d = r->arg;
    struct err err = ERR_INIT;
    size_t want = wanted(d), n = 0;
    auto_free struct tattr *attrs = NULL;
    auto_free bool *has = NULL;
    if (listing_wait(d->listing, first_pos(d), want, GRACE_MS, &r->cancel, &err)) {
        // An error of the listing comes again with the next try, which looks anew.
        handle_listing_used(d->handle, d->listing);
        request_fail(r, &err);
        return;
    }
    if (d->plus) {
        attrs = mem_zalloc(want * sizeof(*attrs));
        has = mem_zalloc(want * sizeof(*has));
        n = resolve(d, &r->cancel, attrs, has, want);
    }
    if (request_claim(r)) {
        reply_entries(d, r->req, attrs, has, n);
    }
}

static bool nothing_to_look_up(struct read_dir *d)
{
    struct listing_entry e;
    int64_t now = clock_mono_ms();
    size_t want = d->plus ? wanted(d) : 0;
    for (size_t i = 0; i < want && listing_get(d->listing, first_pos(d) + i, &e); i++) {
        if (needs_look(d, &e, now)) {
            return false;
        }
    }
    return true;
}

static void read_dir(fuse_req_t req, struct fuse_file_info *fi, size_t size, off_t off, bool plus)
{
    struct serve *s = serve_of(req);
    enum stat_op op = plus ? OP_READDIRPLUS : OP_READDIR;
    struct handle *h = (struct handle *)(uintptr_t)fi->fh;
    bool is_new;
    count_op(s, op);
    struct read_dir *d = mem_zalloc(sizeof(*d));
    *d = (struct read_dir){.serve = s, .handle = handle_ref(h), .size = size, .off = off < 0 ? INT64_MAX : off,
                           .plus = plus, .listing = handle_listing(h, off == 0, &is_new)};
    if (is_new) {
        start_fill(s, d->listing, h->nodeid);
    }
    if (!is_new && listing_ready(d->listing, first_pos(d), wanted(d)) && nothing_to_look_up(d)) {
        reply_entries(d, req, NULL, NULL, 0);
        read_dir_free(d);
        return;
    }
    ops_hand_over(req, op, h->nodeid, NULL, run_read_dir, d, read_dir_free);
}

void ops_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
    (void)ino;
    read_dir(req, fi, size, off, false);
}

void ops_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
    (void)ino;
    read_dir(req, fi, size, off, true);
}
