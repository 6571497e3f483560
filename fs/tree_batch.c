// .batch: job files as they are written, and a directory for each job.
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "fs/batch_source.h"
#include "fs/tree_i.h"

#define LIVE_TTL_MS 1000 // most, of what a job shows

static errc get(struct tree *t, struct jobs **jobs, struct drafts **drafts, struct err *err)
{
    if (t->conf.batch == NULL) {
        return err_set(err, ERR_NOT_FOUND, "this mount has no .batch");
    }
    return t->conf.batch->get(t->conf.batch->arg, jobs, drafts, err);
}

static bool part_of(const char *name, enum job_part *ret)
{
    for (unsigned part = 0; part < JOB_PARTS; part++) {
        if (strcmp(job_part_name((enum job_part)part), name) == 0) {
            *ret = (enum job_part)part;
            return true;
        }
    }
    return false;
}

// --- attributes -----------------------------------------------------------------------------------

static void fill(const struct tree *t, enum kind kind, int64_t mtime_ms, struct tattr *ret)
{
    tree_fill_attr(t, kind, mtime_ms, ret);
    ret->ttl_ms = kind == K_BATCH_FILE ? 0 : ret->ttl_ms < LIVE_TTL_MS ? ret->ttl_ms : LIVE_TTL_MS;
}

static void fill_file(const struct tree *t, const struct draft_info *info, struct tattr *ret)
{
    fill(t, K_BATCH_FILE, info->mtime_ms, ret);
    ret->size = info->size;
}

static void fill_job(const struct tree *t, enum kind kind, enum job_part part, const struct job_view *v,
                     struct tattr *ret)
{
    bool saved = kind == K_JOB_PART && part == JOB_JOB;
    fill(t, kind, !saved && v->changed_ms > 0 ? v->changed_ms : v->saved_ms, ret);
    if (kind == K_JOB_PART) {
        ret->size = v->size[part];
    } else if (kind == K_JOB_LOG) {
        // What was not asked for yet is not known to be empty.
        ret->size = v->size[JOB_LOG] > 0 || v->log_is_empty ? v->size[JOB_LOG] : 1;
        ret->size_exact = false;
        ret->growing = v->log_grows;
    }
}

static errc find_view(struct jobs *jobs, const struct tref *r, struct cancel *cancel, struct job_view *ret,
                      struct err *err)
{
    return r->job_attempt != NULL ? jobs_find_attempt(jobs, r->job, r->job_attempt, ret, err)
                                  : jobs_find(jobs, r->job, cancel, ret, err);
}

static errc no_part(const struct tref *r, const char *name, struct err *err)
{
    return err_set(err, ERR_NOT_FOUND, "the job \"%s\" has no %s", r->job, name);
}

static errc attr_of_view(const struct tree *t, const struct tref *r, const struct job_view *v, struct tattr *ret,
                         struct err *err)
{
    enum job_part part = JOB_LOG;
    bool is_part = r->kind == K_JOB_LOG || (r->kind == K_JOB_PART && part_of(r->leaf, &part));
    if ((is_part && !(v->parts & 1u << part)) || (r->kind == K_JOB_PART && !is_part)) {
        return no_part(r, r->kind == K_JOB_LOG ? "log" : r->leaf, err);
    }
    if (r->kind == K_JOB_TASK && v->task == NULL) {
        return no_part(r, "task", err);
    }
    fill_job(t, r->kind, part, v, ret);
    return ERR_OK;
}

errc tree_batch_attr(struct tree *t, const struct tref *r, struct cancel *cancel, struct tattr *ret, struct err *err)
{
    struct jobs *jobs;
    struct drafts *drafts;
    struct draft_info info;
    struct job_view v = {0};
    if (r->kind == K_BATCH) {
        fill(t, K_BATCH, 0, ret);
        return t->conf.batch != NULL ? ERR_OK : err_set(err, ERR_NOT_FOUND, "this mount has no .batch");
    }
    errc e = get(t, &jobs, &drafts, err);
    if (e) {
        return e;
    }
    if (r->kind == K_BATCH_FILE) {
        if (!drafts_find(drafts, r->leaf, &info)) {
            return err_set(err, ERR_NOT_FOUND, "there is no file \"%s\" in .batch", r->leaf);
        }
        fill_file(t, &info, ret);
        return ERR_OK;
    }
    jobs_look(jobs, cancel);
    e = find_view(jobs, r, cancel, &v, err);
    if (!e) {
        e = attr_of_view(t, r, &v, ret, err);
        job_view_free(&v);
    }
    return e;
}

// --- look-up --------------------------------------------------------------------------------------

// A job file that another mount saved a moment ago.
static bool find_elsewhere(struct jobs *jobs, struct drafts *drafts, const char *name, struct cancel *cancel,
                           struct draft_info *ret)
{
    auto_free char *job = draft_job_name(name);
    struct job_view v = {0};
    struct err ignored = ERR_INIT;
    if (job == NULL || jobs_find(jobs, job, cancel, &v, &ignored)) {
        return false;
    }
    bool ours = v.ours;
    job_view_free(&v);
    if (ours) {
        drafts_sync(drafts);
    }
    return ours && drafts_find(drafts, name, ret);
}

static bool can_be_job(const char *name)
{
    size_t len = strlen(name);
    bool json = len >= 5 && strcmp(name + len - 5, ".json") == 0;
    return name[0] != '.' && len > 0 && !json;
}

// What editors look for beside a file: nobody is asked because of it, though it may be a job's name.
static bool is_backup(const char *name)
{
    return name[strlen(name) - 1] == '~';
}

static errc lookup_entry(struct tree *t, const char *name, struct cancel *cancel, enum kind *ret_kind,
                         struct tattr *ret_attr, struct err *err)
{
    struct jobs *jobs;
    struct drafts *drafts;
    struct draft_info info;
    struct job_view v = {0};
    errc e = get(t, &jobs, &drafts, err);
    if (e) {
        return e;
    }
    if (drafts_find(drafts, name, &info) || find_elsewhere(jobs, drafts, name, cancel, &info)) {
        *ret_kind = K_BATCH_FILE;
        fill_file(t, &info, ret_attr);
        return ERR_OK;
    }
    if (!can_be_job(name)) {
        return err_set(err, ERR_NOT_FOUND, "there is no \"%s\" in .batch", name);
    }
    e = jobs_find(jobs, name, cancel, &v, err);
    if (e == ERR_NOT_FOUND && !is_backup(name)) {
        jobs_look(jobs, cancel);
        e = jobs_find(jobs, name, cancel, &v, err);
    }
    if (!e) {
        *ret_kind = K_JOB;
        fill_job(t, K_JOB, JOB_JOB, &v, ret_attr);
        job_view_free(&v);
    }
    return e;
}

static enum kind kind_in_job(enum kind dir, const char *name)
{
    static const struct {
        const char *name;
        enum kind kind;
    } own[] = {{"ctl", K_JOB_CTL}, {"task", K_JOB_TASK}, {"attempts", K_JOB_ATTEMPTS}};
    enum job_part part;
    if (dir == K_JOB_ATTEMPTS) {
        return K_JOB_ATTEMPT;
    }
    if (part_of(name, &part)) {
        return part == JOB_LOG ? K_JOB_LOG : K_JOB_PART;
    }
    for (size_t i = 0; dir == K_JOB && i < sizeof(own) / sizeof(own[0]); i++) {
        if (strcmp(own[i].name, name) == 0) {
            return own[i].kind;
        }
    }
    return K_NONE;
}

errc tree_batch_lookup(struct tree *t, const struct tref *dir, const char *name, struct cancel *cancel,
                       enum kind *ret_kind, struct tattr *ret_attr, struct err *err)
{
    if (dir->kind == K_BATCH) {
        return lookup_entry(t, name, cancel, ret_kind, ret_attr, err);
    }
    struct tref child __attribute__((cleanup(tref_free)));
    enum kind kind = kind_in_job(dir->kind, name);
    tref_copy(&child, dir);
    if (kind == K_NONE || !tref_step(t, &child, kind, name)) {
        return no_part(dir, name, err);
    }
    errc e = tree_batch_attr(t, &child, cancel, ret_attr, err);
    if (!e) {
        *ret_kind = kind;
    }
    return e;
}

// --- listings -------------------------------------------------------------------------------------

struct batch_lister {
    struct tree *t;
    tree_list_fn fn;
    void *arg;
    struct drafts *drafts;
    bool more;
};

static bool put_file(void *arg, const char *file, const struct draft_info *info)
{
    struct batch_lister *l = arg;
    struct tattr attr;
    fill_file(l->t, info, &attr);
    l->more = l->fn(l->arg, file, K_BATCH_FILE, &attr);
    return l->more;
}

static bool put_job(void *arg, const struct job_view *v)
{
    struct batch_lister *l = arg;
    struct tattr attr;
    struct draft_info info;
    if (strchr(v->name, '/') != NULL || strlen(v->name) > NAME_MAX_BYTES || drafts_find(l->drafts, v->name, &info)) {
        return true; // a name that a directory cannot have, or that a scratch file has for now
    }
    fill_job(l->t, K_JOB, JOB_JOB, v, &attr);
    l->more = l->fn(l->arg, v->name, K_JOB, &attr);
    return l->more;
}

static void put_parts(struct batch_lister *l, const struct tref *dir, const struct job_view *v)
{
    struct tattr attr;
    for (unsigned i = 0; i < JOB_PARTS && l->more; i++) {
        enum job_part part = (enum job_part)i;
        enum kind kind = part == JOB_LOG ? K_JOB_LOG : K_JOB_PART;
        if (v->parts & 1u << i) {
            fill_job(l->t, kind, part, v, &attr);
            l->more = l->fn(l->arg, job_part_name(part), kind, &attr);
        }
    }
    if (dir->kind != K_JOB) {
        return;
    }
    fill_job(l->t, K_JOB_CTL, JOB_JOB, v, &attr);
    l->more = l->more && l->fn(l->arg, "ctl", K_JOB_CTL, &attr);
    fill_job(l->t, K_JOB_ATTEMPTS, JOB_JOB, v, &attr);
    l->more = l->more && l->fn(l->arg, "attempts", K_JOB_ATTEMPTS, &attr);
    if (l->more && v->task != NULL) {
        fill_job(l->t, K_JOB_TASK, JOB_JOB, v, &attr);
        l->more = l->fn(l->arg, "task", K_JOB_TASK, &attr);
    }
}

static void put_attempts(struct batch_lister *l, struct jobs *jobs, const char *job)
{
    char *attempt;
    struct job_view v = {0};
    for (unsigned i = 0; l->more && jobs_attempt(jobs, job, i, &attempt, &v); i++) {
        struct tattr attr;
        fill_job(l->t, K_JOB_ATTEMPT, JOB_JOB, &v, &attr);
        l->more = l->fn(l->arg, attempt, K_JOB_ATTEMPT, &attr);
        free(attempt);
        job_view_free(&v);
    }
}

errc tree_batch_list(struct tree *t, const struct tref *dir, struct cancel *cancel, tree_list_fn fn, void *arg,
                     struct err *err)
{
    struct jobs *jobs;
    struct batch_lister l = {.t = t, .fn = fn, .arg = arg, .more = true};
    struct job_view v = {0};
    errc e = get(t, &jobs, &l.drafts, err);
    if (e) {
        // .metaflowfs/status says why there are no jobs; a listing is not the place for it.
        return dir->kind == K_BATCH ? ERR_OK : e;
    }
    jobs_look(jobs, cancel);
    if (dir->kind == K_BATCH) {
        drafts_list(l.drafts, put_file, &l);
        if (l.more) {
            jobs_list(jobs, put_job, &l);
        }
        return ERR_OK;
    }
    e = find_view(jobs, dir, cancel, &v, err);
    if (e) {
        return e;
    }
    if (dir->kind == K_JOB_ATTEMPTS) {
        put_attempts(&l, jobs, dir->job);
    } else {
        put_parts(&l, dir, &v);
    }
    job_view_free(&v);
    return ERR_OK;
}

// --- contents -------------------------------------------------------------------------------------

static void let_go(void *hold)
{
    log_hold_let_go(hold);
}

static errc open_log(struct jobs *jobs, const struct tref *r, uint64_t from, struct cancel *cancel,
                     struct content **ret, struct err *err)
{
    struct job_log log;
    errc e = jobs_log_more(jobs, r->job, r->job_attempt, from, cancel, &log, err);
    if (!e) {
        *ret = log.has_more ? content_of_part(log.fd, log.len) : content_of_fd(log.fd, log.len);
        content_at_end(*ret, let_go, log.hold);
    }
    return e;
}

errc tree_follow(struct tree *t, const struct tref *r, uint64_t from, struct cancel *cancel, struct content **ret,
                 struct err *err)
{
    struct jobs *jobs;
    struct drafts *drafts;
    uint64_t version;
    if (r->kind != K_JOB_LOG) {
        return tree_open(t, r, cancel, ret, &version, err);
    }
    errc e = get(t, &jobs, &drafts, err);
    return e ? e : open_log(jobs, r, from, cancel, ret, err);
}

errc tree_batch_open(struct tree *t, const struct tref *r, struct cancel *cancel, struct content **ret,
                     struct err *err)
{
    struct jobs *jobs;
    struct drafts *drafts;
    auto_cleanup(buf_free) struct buf text = {0};
    enum job_part part = JOB_LOG;
    errc e = get(t, &jobs, &drafts, err);
    if (e) {
        return e;
    }
    if (r->kind == K_JOB_LOG) {
        return open_log(jobs, r, 0, cancel, ret, err);
    }
    if (r->kind != K_JOB_PART || !part_of(r->leaf, &part)) {
        return err_set(err, ERR_INVALID, "a %s cannot be read", kind_info(r->kind)->label);
    }
    e = jobs_text(jobs, r->job, r->job_attempt, part, &text, err);
    if (!e) {
        *ret = content_of_bytes(t->conf.staging, text.data != NULL ? text.data : "", text.len);
    }
    return e;
}

// --- links ----------------------------------------------------------------------------------------

static errc target_of_job(struct tree *t, const struct tref *r, struct cancel *cancel, char **ret, struct err *err)
{
    struct jobs *jobs;
    struct drafts *drafts;
    struct job_view v = {0};
    struct buf target = {0};
    errc e = get(t, &jobs, &drafts, err);
    if (!e) {
        e = jobs_find(jobs, r->job, cancel, &v, err);
    }
    if (!e && v.task == NULL) {
        e = no_part(r, "task", err);
    }
    if (!e) {
        buf_puts(&target, "../..");
        char *rest = v.task;
        for (char *part; (part = strsep(&rest, "/")) != NULL;) {
            auto_free char *name = tree_encode(t, part);
            buf_printf(&target, "/%s", name);
        }
        *ret = buf_steal(&target);
    }
    job_view_free(&v);
    return e;
}

static errc target_of_task(struct tree *t, const struct tref *r, struct cancel *cancel, char **ret, struct err *err)
{
    struct pathspec ps = tref_pathspec(r);
    auto_cleanup(task_unrefp) const struct task *task = NULL;
    if (t->conf.batch == NULL) {
        return err_set(err, ERR_NOT_FOUND, "this mount has no .batch");
    }
    errc e = client_task(t->conf.client, &ps, cancel, &task, err);
    if (e) {
        return e;
    }
    const char *id = task_metadata(task, "aws-batch-job-id", -1);
    // Nobody is asked because of a link: what is not known yet is found when it is followed.
    struct jobs *jobs = t->conf.batch->peek(t->conf.batch->arg);
    auto_free char *path = pathspec_text(&ps);
    auto_free char *job = jobs != NULL ? jobs_of_task(jobs, id, path) : NULL;
    if (job == NULL && id == NULL) {
        return err_set(err, ERR_NOT_FOUND, "task %s did not run on AWS Batch", path);
    }
    const char *name = job != NULL ? job : id;
    if (strchr(name, '/') != NULL || name[0] == '\0') {
        return err_set(err, ERR_NOT_FOUND, "the recorded job id of task %s is none", path);
    }
    *ret = mem_printf("../../../../.batch/%s", name);
    return ERR_OK;
}

errc tree_batch_link(struct tree *t, const struct tref *r, struct cancel *cancel, char **ret, struct err *err)
{
    return r->kind == K_TASK_BATCH ? target_of_task(t, r, cancel, ret, err) : target_of_job(t, r, cancel, ret, err);
}
