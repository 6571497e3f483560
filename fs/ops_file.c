// Files: open resolves the size, read answers from what is staged or waits for it.
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "fs/grow.h"
#include "fs/handle.h"
#include "fs/ops_batch.h"

#define PAGE 4096
#define PROGRESS_MS 10000  // a READ fails after this long without a new byte

// --- open -----------------------------------------------------------------------------------------

struct open_job {
    struct serve *serve;
    struct fuse_file_info fi;
    pid_t opener;              // its thread
    struct tattr attr;         // from before the content was taken
    struct content *content;   // owned
    uint64_t version;
    char tail[PAGE];           // the last page
    size_t tail_len;
};

static void open_job_free(void *arg)
{
    struct open_job *j = arg;
    if (j->content != NULL) {
        content_unref(j->content);
    }
    free(j);
}

// The last page is read before the reply is claimed: it may have to be waited for.
static errc read_tail(struct open_job *j, struct cancel *cancel, struct err *err)
{
    uint64_t size = content_size(j->content);
    uint64_t off = size == 0 ? 0 : (size - 1) / PAGE * PAGE;
    return content_read(j->content, off, j->tail, size - off, cancel, &j->tail_len, err);
}

static errc resolve(struct request *r, struct open_job *j, struct err *err)
{
    struct serve *s = j->serve;
    struct tref node __attribute__((cleanup(tref_free))) = {0};
    struct inode_view v;
    errc e = ops_tref(s, r->nodeid, &node, err);
    if (e) {
        return e;
    }
    ops_ahead_opened(s, r->nodeid, &node);
    e = tree_attr(s->tree, &node, &r->cancel, &j->attr, err);
    if (!e) {
        e = tree_open(s->tree, &node, &r->cancel, &j->content, &j->version, err);
    }
    if (e) {
        return e;
    }
    stats_add(&s->stats.opens[node.kind], 1);
    // Told less than there is: the kernel needs the last page to see the true end.
    if (inodes_get(s->inodes, r->nodeid, 0, &v) && v.attr.size < content_size(j->content) &&
        !content_has_more(j->content)) {
        e = read_tail(j, &r->cancel, err);
    }
    return e;
}

// FUSE.md, Sizes: the one recipe that no reader gets wrong. No lock is held here.
static void tell_size(const struct open_job *j, uint64_t nodeid, const struct inode_size_change *change)
{
    uint64_t size = content_size(j->content);
    struct fuse_session *se = j->serve->se;
    if (!change->changed && !content_has_more(j->content)) {
        return;
    }
    fuse_lowlevel_notify_inval_inode(se, nodeid, -1, 0);
    if (size > change->old_size && j->tail_len > 0) {
        struct fuse_bufvec data = FUSE_BUFVEC_INIT(j->tail_len);
        char tail[PAGE];
        memcpy(tail, j->tail, j->tail_len);
        data.buf[0].mem = tail;
        fuse_lowlevel_notify_store(se, nodeid, (off_t)((size - 1) / PAGE * PAGE), &data, 0);
    }
}

static void reply_opened(struct request *r, struct open_job *j)
{
    struct serve *s = j->serve;
    struct inode_size_change change;
    if (!inodes_open(s->inodes, r->nodeid, content_size(j->content), j->version, &change)) {
        fuse_reply_err(r->req, ENOENT);
        return;
    }
    struct handle *h = handle_new(s->handles, r->nodeid);
    if (j->attr.growing) {
        h->live = live_open(s->lives, r->nodeid, content_ref(j->content), &j->attr);
        h->follows = content_has_more(j->content);
        h->opener = j->opener;
    } else {
        h->content = content_ref(j->content);
        h->version = j->version;
    }
    tell_size(j, r->nodeid, &change);
    j->fi.fh = (uintptr_t)h;
    j->fi.keep_cache = change.same_bytes && !j->attr.growing;
    j->fi.direct_io = j->attr.replaced || h->follows; // each read comes here, whatever the size was
    if (fuse_reply_open(r->req, &j->fi) < 0) {
        inodes_close(s->inodes, h->nodeid);
        handle_unref(h);
    }
}

static void run_open(struct request *r)
{
    struct open_job *j = r->arg;
    struct err err = ERR_INIT;
    if (resolve(r, j, &err)) {
        request_fail(r, &err);
    } else if (request_claim(r)) {
        reply_opened(r, j);
    }
}

static void open_refresh(struct serve *s, fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    struct inode_size_change change;
    if (!inodes_open(s->inodes, ino, 0, 0, &change)) {
        fuse_reply_err(req, ENOENT);
        return;
    }
    stats_add(&s->stats.opens[K_CTL_REFRESH], 1);
    struct handle *h = handle_new(s->handles, ino);
    h->writable = true;
    fi->fh = (uintptr_t)h;
    fi->direct_io = 1;
    if (fuse_reply_open(req, fi) < 0) {
        inodes_close(s->inodes, ino);
        handle_unref(h);
    }
}

void ops_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    struct serve *s = serve_of(req);
    struct inode_view v;
    count_op(s, OP_OPEN);
    if (!inodes_get(s->inodes, ino, 0, &v)) {
        fuse_reply_err(req, ESTALE);
        return;
    }
    if (ops_batch_denied(req, OP_OPEN, ino, NULL, v.kind)) {
        return;
    }
    if (s->batch != NULL && (v.kind == K_BATCH_FILE || v.kind == K_JOB_CTL)) {
        ops_batch_open(req, &v, fi);
        return;
    }
    bool writes = (fi->flags & O_ACCMODE) != O_RDONLY || (fi->flags & O_TRUNC);
    if (writes && (v.kind != K_CTL_REFRESH || s->read_only)) {
        ops_fail(req, OP_OPEN, ino, NULL, ERR_READ_ONLY, "it cannot be written");
        return;
    }
    if (v.kind == K_CTL_REFRESH) {
        open_refresh(s, req, ino, fi);
        return;
    }
    struct open_job *j = mem_zalloc(sizeof(*j));
    j->serve = s;
    j->fi = *fi;
    j->opener = fuse_req_ctx(req)->pid;
    ops_hand_over(req, OP_OPEN, ino, NULL, run_open, j, open_job_free);
}

// --- read -----------------------------------------------------------------------------------------

struct read_job {
    struct serve *serve;
    struct handle *handle;  // held
    struct content *content;
    size_t size;
    uint64_t off;
    struct pending pending;
};

static void read_job_free(void *arg)
{
    struct read_job *j = arg;
    if (j->content != NULL) {
        content_unref(j->content);
    }
    handle_unref(j->handle);
    free(j);
}

// Bytes that are there, found by asking: what content_ready says is true up to some length.
static uint64_t ready_prefix(struct content *c)
{
    uint64_t low = 0, high = content_size(c);
    while (low < high) {
        uint64_t mid = high - (high - low) / 2;
        if (content_ready(c, 0, mid)) {
            low = mid;
        } else {
            high = mid - 1;
        }
    }
    return low;
}

// A file is given before its last byte was checked. What the kernel caches of that counts as unknown for the next open
// until it is known to be right.
static void note_given(struct serve *s, struct handle *h, struct content *c)
{
    if (h->content != NULL && !content_is_proven(c)) {
        atomic_store(&h->gave_unproven, true);
        inodes_doubt(s->inodes, h->nodeid);
    }
}

// Called when the READ was answered: until then its pages cannot be dropped.
static void note_failed(struct serve *s, struct handle *h, errc e)
{
    if (e == ERR_CORRUPT && h->content != NULL && !atomic_exchange(&h->was_wrong, true)) {
        notify_bytes(s->notify, h->nodeid);
    }
}

// Waits as long as bytes arrive.
static errc read_progressing(struct request *r, struct read_job *j, char *buf, size_t *ret_got,
                             struct err *err)
{
    uint64_t before = ready_prefix(j->content);
    for (;;) {
        request_extend(r, clock_mono_ms() + PROGRESS_MS);
        errc e = content_read(j->content, j->off, buf, j->size, &r->cancel, ret_got, err);
        uint64_t now = e == ERR_TIMEOUT ? ready_prefix(j->content) : before;
        if (now == before || atomic_load(&r->cancel.set)) {
            return e;
        }
        before = now;
    }
}

// Past the end of a file that may grow: perhaps it did.
static errc look_for_growth(struct request *r, struct read_job *j, struct err *err)
{
    struct tref node __attribute__((cleanup(tref_free))) = {0};
    errc e = ops_tref(j->serve, j->handle->nodeid, &node, err);
    if (!e) {
        e = grow_look(j->serve, j->handle->nodeid, &node, &r->cancel, err);
    }
    if (!e) {
        content_unref(j->content);
        j->content = handle_content(j->handle);
    }
    return e;
}

// At the end of what was fetched of a log: each answer is progress.
static bool has_to_wait(const struct read_job *j)
{
    return j->handle->follows && j->off >= content_size(j->content) && content_has_more(j->content);
}

static errc wait_for_more(struct request *r, struct read_job *j, struct err *err)
{
    struct tref node __attribute__((cleanup(tref_free))) = {0};
    errc e = ops_tref(j->serve, j->handle->nodeid, &node, err);
    while (!e && has_to_wait(j)) {
        request_extend(r, clock_mono_ms() + PROGRESS_MS);
        e = grow_wait(j->serve, j->handle->nodeid, &node, content_size(j->content), &r->cancel, err);
        if (!e) {
            content_unref(j->content);
            j->content = handle_content(j->handle);
        }
    }
    return e;
}

static bool may_have_grown(const struct read_job *j)
{
    return j->handle->live != NULL && j->off >= content_size(j->content) &&
           live_is_due(j->handle->live, clock_mono_ms());
}

static void run_read(struct request *r)
{
    struct read_job *j = r->arg;
    struct serve *s = j->serve;
    struct err err = ERR_INIT;
    size_t got = 0;
    errc e = has_to_wait(j) ? wait_for_more(r, j, &err) : may_have_grown(j) ? look_for_growth(r, j, &err) : ERR_OK;
    char *buf = e ? NULL : iobuf_take(s->iobufs, j->size);
    if (!e && buf == NULL) {
        e = err_set(&err, ERR_NO_MEMORY, "no memory for %zu bytes", j->size);
    }
    if (!e) {
        e = read_progressing(r, j, buf, &got, &err);
    }
    if (e) {
        request_fail(r, &err);
        note_failed(s, j->handle, e);
    } else if (request_claim(r)) {
        note_given(s, j->handle, j->content);
        stats_add(&s->stats.read_bytes, got);
        fuse_reply_buf(r->req, buf, got);
    }
    if (buf != NULL) {
        iobuf_give(s->iobufs, buf, j->size);
    }
}

static void read_ended(struct request *r)
{
    struct read_job *j = r->arg;
    handle_remove_pending(j->handle, &j->pending);
    request_unref(j->pending.request);
}

static void read_now(struct serve *s, fuse_req_t req, struct read_job *j)
{
    struct err err = ERR_INIT;
    size_t got;
    char *buf = iobuf_take(s->iobufs, j->size);
    if (buf == NULL) {
        fuse_reply_err(req, ENOMEM);
    } else if (content_read(j->content, j->off, buf, j->size, NULL, &got, &err) != ERR_OK) {
        ops_fail(req, OP_READ, j->handle->nodeid, NULL, err.code, err.cause);
        note_failed(s, j->handle, err.code);
    } else {
        note_given(s, j->handle, j->content);
        stats_add(&s->stats.read_bytes, got);
        fuse_reply_buf(req, buf, got);
    }
    if (buf != NULL) {
        iobuf_give(s->iobufs, buf, j->size);
    }
}

void ops_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
    struct serve *s = serve_of(req);
    struct handle *h = (struct handle *)(uintptr_t)fi->fh;
    count_op(s, OP_READ);
    if (h->draft != NULL || h->job != NULL) {
        ops_batch_read(req, h, size, off > 0 ? (uint64_t)off : 0);
        return;
    }
    struct content *content = handle_content(h);
    if (content == NULL || off < 0) {
        fuse_reply_buf(req, NULL, 0);
        return;
    }
    struct read_job *j = mem_zalloc(sizeof(*j));
    *j = (struct read_job){.serve = s, .handle = handle_ref(h), .content = content, .size = size, .off = (uint64_t)off};
    if (content_ready(content, j->off, size) && !may_have_grown(j) && !has_to_wait(j)) {
        read_now(s, req, j);
        read_job_free(j);
        return;
    }
    struct request *r = request_new(s->engine, req, OP_READ, ino, NULL, run_read);
    r->arg = j;
    r->free_arg = read_job_free;
    r->ended = read_ended;
    j->pending = (struct pending){.request = request_ref(r), .pid = fuse_req_ctx(req)->pid};
    engine_arm(r);
    handle_add_pending(h, &j->pending);
    engine_run(r);
    request_unref(r);
}

// --- the end --------------------------------------------------------------------------------------

// What became of the bytes that were given before they were checked.
static void settle_given(struct serve *s, struct handle *h)
{
    if (!atomic_load(&h->gave_unproven)) {
        return;
    }
    if (content_is_proven(h->content)) {
        inodes_trust(s->inodes, h->nodeid, h->version);
    } else {
        inodes_doubt(s->inodes, h->nodeid);
    }
}

void ops_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    (void)ino;
    struct handle *h = (struct handle *)(uintptr_t)fi->fh;
    count_op(serve_of(req), OP_FLUSH);
    if (h->draft != NULL || h->job != NULL) {
        ops_batch_flush(req, h);
        return;
    }
    settle_given(serve_of(req), h); // here too: RELEASE comes after close() returned, and perhaps after the next OPEN
    handle_reader_left(h, fuse_req_ctx(req)->pid);
    fuse_reply_err(req, 0);
}

// What is written here is in memory, and what it becomes is told by the close.
void ops_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
    (void)ino;
    (void)datasync;
    (void)fi;
    count_op(serve_of(req), OP_FSYNC);
    fuse_reply_err(req, 0);
}

void ops_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    struct serve *s = serve_of(req);
    struct handle *h = (struct handle *)(uintptr_t)fi->fh;
    count_op(s, OP_RELEASE);
    settle_given(s, h);
    inodes_close(s->inodes, ino);
    handle_unref(h);
    fuse_reply_err(req, 0);
}
