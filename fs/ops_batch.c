// .batch: what is written to files in it and to a job's ctl, their closing, and changes of names. A close and a rename
// may wait for AWS.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "fs/batch_source.h"
#include "fs/ops_batch.h"

#define SUBMIT_MS 40000  // a submission has 30 s of its own, and then a cause
#define CTL_MAX 4096     // bytes of one write to ctl
#define NO_REPLACE 1u    // RENAME_NOREPLACE

// --- read and write -------------------------------------------------------------------------------

void ops_batch_read(fuse_req_t req, struct handle *h, size_t size, uint64_t off)
{
    struct serve *s = serve_of(req);
    if (h->draft == NULL) {
        fuse_reply_buf(req, NULL, 0);
        return;
    }
    char *buf = iobuf_take(s->iobufs, size);
    if (buf == NULL) {
        fuse_reply_err(req, ENOMEM);
        return;
    }
    size_t got = draft_read(h->draft, off, buf, size);
    stats_add(&s->stats.read_bytes, got);
    fuse_reply_buf(req, buf, got);
    iobuf_give(s->iobufs, buf, size);
}

struct written {
    struct serve *serve;
    struct handle *handle; // held
    char *data;            // owned, with a NUL behind it
    size_t size;
    uint64_t off;
};

static void written_free(void *arg)
{
    struct written *w = arg;
    handle_unref(w->handle);
    free(w->data);
    free(w);
}

// Who was interrupted was told no more than that. Takes over the job's name, or NULL where nothing was submitted.
static void note_submitted(const struct request *r, char *job)
{
    struct err err = ERR_INIT;
    if (job != NULL) {
        err_set(&err, ERR_INTERRUPTED, "it was interrupted, and was submitted all the same as the job \"%.200s\"", job);
        request_note(r, &err);
    }
    free(job);
}

static void answer_write(struct request *r, const struct written *w, errc e, const struct err *err)
{
    if (e) {
        request_fail(r, err);
    } else if (request_claim(r)) {
        fuse_reply_write(r->req, w->size);
    } else if (w->handle->draft != NULL) {
        note_submitted(r, draft_job(w->handle->draft));
    }
}

static void run_write(struct request *r)
{
    struct written *w = r->arg;
    struct err err = ERR_INIT;
    request_extend(r, clock_mono_ms() + SUBMIT_MS);
    errc e = draft_write(w->handle->draft, w->off, w->data, w->size, &r->cancel, &err);
    answer_write(r, w, e, &err);
}

static errc tell_job(struct written *w, struct cancel *cancel, struct err *err)
{
    struct jobs *jobs;
    struct drafts *drafts;
    char *word = w->data + strspn(w->data, " \t\r\n");
    size_t len = strcspn(word, " \t\r\n");
    if (len != 4 || strncmp(word, "kill", 4) != 0 || word[len + strspn(word + len, " \t\r\n")] != '\0') {
        return err_set(err, ERR_INVALID, "ctl understands one word: echo kill > .batch/%.200s/ctl", w->handle->job);
    }
    errc e = ops_batch_get(w->serve, &jobs, &drafts, err);
    return e ? e : jobs_kill(jobs, w->handle->job, cancel, err);
}

static void run_tell(struct request *r)
{
    struct written *w = r->arg;
    struct err err = ERR_INIT;
    errc e = tell_job(w, &r->cancel, &err);
    answer_write(r, w, e, &err);
}

void ops_batch_write(fuse_req_t req, struct handle *h, const char *data, size_t size, uint64_t off)
{
    if (h->job != NULL && size > CTL_MAX) {
        ops_fail(req, OP_WRITE, h->nodeid, NULL, ERR_INVALID, "ctl understands one word: kill");
        return;
    }
    struct written *w = mem_zalloc(sizeof(*w));
    *w = (struct written){.serve = serve_of(req), .handle = handle_ref(h), .size = size, .off = off};
    w->data = mem_zalloc(size + 1);
    memcpy(w->data, data, size);
    ops_hand_over_save(req, OP_WRITE, h->nodeid, NULL, h->job != NULL ? run_tell : run_write, w, written_free);
}

// --- flush ----------------------------------------------------------------------------------------

static void run_flush(struct request *r)
{
    struct written *w = r->arg;
    struct err err = ERR_INIT;
    request_extend(r, clock_mono_ms() + SUBMIT_MS);
    if (draft_flush(w->handle->draft, &r->cancel, &err)) {
        request_fail(r, &err);
    } else if (request_claim(r)) {
        fuse_reply_err(r->req, 0);
    } else {
        note_submitted(r, draft_job(w->handle->draft));
    }
}

void ops_batch_flush(fuse_req_t req, struct handle *h)
{
    if (h->draft == NULL || !h->writable) {
        fuse_reply_err(req, 0);
        return;
    }
    struct written *w = mem_zalloc(sizeof(*w));
    *w = (struct written){.serve = serve_of(req), .handle = handle_ref(h)};
    ops_hand_over_save(req, OP_FLUSH, h->nodeid, NULL, run_flush, w, written_free);
}

// --- names ----------------------------------------------------------------------------------------

static void run_unlink(struct request *r)
{
    struct serve *s = r->arg;
    struct err err = ERR_INIT;
    struct jobs *jobs;
    struct drafts *drafts;
    errc e = ops_batch_get(s, &jobs, &drafts, &err);
    if (!e) {
        e = drafts_unlink(drafts, r->name, &err);
    }
    if (e == ERR_NOT_FOUND) {
        e = err_set(&err, ERR_READ_ONLY, "a job's directory cannot be removed, nor what is in it");
    }
    if (e) {
        request_fail(r, &err);
        return;
    }
    inodes_unlink(s->inodes, r->nodeid, r->name);
    if (request_claim(r)) {
        fuse_reply_err(r->req, 0);
    }
}

void ops_batch_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    ops_hand_over(req, OP_UNLINK, parent, name, run_unlink, serve_of(req), NULL);
}

struct renamed {
    struct serve *serve;
    char *to; // owned
    bool replace;
};

static void renamed_free(void *arg)
{
    struct renamed *j = arg;
    free(j->to);
    free(j);
}

static void run_rename(struct request *r)
{
    struct renamed *j = r->arg;
    struct err err = ERR_INIT;
    struct jobs *jobs;
    struct drafts *drafts;
    struct draft_info info;
    request_extend(r, clock_mono_ms() + SUBMIT_MS);
    errc e = ops_batch_get(j->serve, &jobs, &drafts, &err);
    if (!e && !drafts_find(drafts, r->name, &info)) {
        e = err_set(&err, ERR_READ_ONLY, "a job's directory cannot be renamed: its name is that of its file");
    }
    auto_free char *before = e ? NULL : drafts_job(drafts, r->name);
    if (!e) {
        e = drafts_rename(drafts, r->name, j->to, j->replace, &r->cancel, &err);
    }
    if (e) {
        request_fail(r, &err);
        return;
    }
    inodes_rename(j->serve->inodes, r->nodeid, r->name, j->to);
    if (request_claim(r)) {
        fuse_reply_err(r->req, 0);
    } else if (before == NULL) { // else nothing was to be submitted
        note_submitted(r, drafts_job(drafts, j->to));
    }
}

void ops_batch_rename(fuse_req_t req, fuse_ino_t parent, const char *name, const char *to, unsigned flags)
{
    if (flags & ~NO_REPLACE) {
        ops_fail(req, OP_RENAME, parent, name, ERR_INVALID, "files in .batch cannot be exchanged");
        return;
    }
    struct renamed *j = mem_zalloc(sizeof(*j));
    *j = (struct renamed){.serve = serve_of(req), .to = mem_strdup(to), .replace = !(flags & NO_REPLACE)};
    ops_hand_over_save(req, OP_RENAME, parent, name, run_rename, j, renamed_free);
}
