// What is done ahead of a reader, with the calls that the reader itself will make: single flight below makes the two
// meet, and what is ready stays in the caches.
#include <string.h>

#include "base/mem.h"
#include "base/name.h"
#include "fs/ahead_i.h"
#include "fs/inode.h"

#define MAX_ROSTER 20000  // tasks of one step: memory is bounded
#define MAX_AT_ONCE 16    // artifacts of the task that is being read
#define MAX_OF_MANY 4     // and of each where many tasks are made ready

struct collect {
    struct strv names;
};

static bool collect_task(void *arg, const char *id, int64_t created_ms)
{
    (void)created_ms;
    struct collect *c = arg;
    strv_add(&c->names, id);
    return c->names.len < MAX_ROSTER;
}

struct ino_of {
    const uint8_t *key;
    uint64_t step_ino;
};

static uint64_t ino_of_task(void *arg, const char *name)
{
    const struct ino_of *o = arg;
    bool cut;
    auto_free char *file_name = name_encode(name, &cut);
    return inode_number(o->key, o->step_ino, file_name);
}

struct roster *ahead_job_roster(struct job *j)
{
    struct collect c = {0};
    struct err err = ERR_INIT;
    struct pathspec ps = {j->stream->flow, j->stream->run, j->stream->step, NULL};
    struct ino_of ino = {j->a->conf.ino_key, j->stream->step_ino};
    errc e = client_list(j->a->conf.client, &ps, &j->cancel, collect_task, &c, &err);
    if (e) {
        strv_free(&c.names);
        return NULL;
    }
    bool partial = c.names.len == MAX_ROSTER;
    struct roster *r = roster_new(&c.names, ino_of_task, &ino);
    r->partial = partial;
    return r;
}

// Begins to fetch one artifact's stored bytes into the caches; NULL where there is nothing to fetch.
static struct staged *begin(const struct job *j, const struct pathspec *task, const struct artifact *a)
{
    struct artifact_env env = client_artifact_env(j->a->conf.client, task);
    struct blob_source src = {.store = env.store, .staging = env.staging, .flow = env.flow, .sha = a->sha,
                              .ahead = true};
    struct err err = ERR_INIT;
    size_t known;
    struct staged *staged;
    bool large = a->size > 0 && (uint64_t)a->size > j->a->conf.max_object;
    return large || blob_known(a->sha, &known) || blob_get(&src, &staged, &err) ? NULL : staged;
}

static void finish(struct job *j, const struct artifact *a, struct staged *staged)
{
    struct err err = ERR_INIT;
    uint64_t avail = 0;
    bool ended;
    if (!staged_wait(staged, UINT64_MAX, &j->cancel, &avail, &ended, &err)) {
        j->bytes += avail;
        if (j->work == JOB_REST) {
            struct rest *r = &j->fetched;
            r->items = mem_grow(r->items, &r->cap, r->len + 1, sizeof(*r->items));
            r->items[r->len++] = (struct rest_name){mem_strdup(a->name), avail};
        }
    }
    staged_unref(staged);
}

static bool is_wanted(const struct job *j, const struct artifact *a)
{
    return j->name ? strcmp(j->name, a->name) == 0 : artifact_is_visible(a) && !strv_has(&j->opened, a->name);
}

// Whether no other visible artifact stands between the first two that were opened.
static bool stand_side_by_side(const struct job *j, const struct artifacts *list)
{
    int64_t last = -1, n = 0, found = 0;
    for (size_t i = 0; i < list->len; i++) {
        if (!artifact_is_visible(&list->items[i])) {
            continue;
        }
        if (strv_has(&j->opened, list->items[i].name)) {
            if (found++ > 0 && n != last + 1) {
                return false;
            }
            last = n;
        }
        n++;
    }
    return found > 1;
}

// All at once: each has a thread of its own.
static void fetch(struct job *j, const struct pathspec *task, const struct artifacts *list)
{
    struct staged *staged[MAX_AT_ONCE];
    const struct artifact *of[MAX_AT_ONCE];
    size_t most = j->work == JOB_REST ? MAX_AT_ONCE : MAX_OF_MANY;
    for (size_t i = 0; i < list->len;) {
        size_t n = 0;
        for (; i < list->len && n < most && !atomic_load(&j->cancel.set); i++) {
            of[n] = &list->items[i];
            staged[n] = is_wanted(j, of[n]) ? begin(j, task, of[n]) : NULL;
            n += staged[n] != NULL;
        }
        for (size_t k = 0; k < n; k++) {
            finish(j, of[k], staged[k]);
        }
        if (atomic_load(&j->cancel.set)) {
            return;
        }
    }
}

static void artifacts(struct job *j, const struct pathspec *task, int attempt)
{
    auto_cleanup(artifacts_unrefp) const struct artifacts *list = NULL;
    struct err err = ERR_INIT;
    if (client_artifacts(j->a->conf.client, task, attempt, &j->cancel, &list, &err) || j->track != AHEAD_OPENED) {
        return;
    }
    if (!j->if_beside || stand_side_by_side(j, list)) {
        fetch(j, task, list);
    }
}

static void logs(struct job *j, const struct pathspec *task, int attempt, enum log_stream streams)
{
    auto_cleanup(task_unrefp) const struct task *t = NULL;
    auto_cleanup(content_unrefp) struct content *content = NULL;
    struct log_source src;
    struct err err = ERR_INIT;
    uint64_t size;
    errc e = client_log_source(j->a->conf.client, task, attempt, &j->cancel, &src, &t, &err);
    if (!e) {
        e = logs_raw_size(&src, streams, &j->cancel, &size, &err);
    }
    if (!e && j->track == AHEAD_OPENED && size <= j->a->conf.max_object &&
        !logs_open(&src, streams, &j->cancel, &content, &err)) {
        j->bytes += content_size(content);
    }
}

struct wanted_parts {
    unsigned wants;
    uint64_t max_object;
    struct strv names;
};

static bool collect_part(void *arg, const char *name, uint64_t size, int64_t mtime_ms)
{
    (void)mtime_ms;
    struct wanted_parts *w = arg;
    if (w->wants & ahead_part_want(name) && size > 0 && size <= w->max_object) {
        strv_add(&w->names, name);
    }
    return true;
}

// Raw log files: which there are, and for who opens them their bytes.
static void parts(struct job *j, const struct pathspec *task, int attempt, unsigned wants)
{
    auto_cleanup(task_unrefp) const struct task *t = NULL;
    struct wanted_parts wanted = {wants, j->a->conf.max_object, {0}};
    struct log_source src;
    struct err err = ERR_INIT;
    errc e = client_log_source(j->a->conf.client, task, attempt, &j->cancel, &src, &t, &err);
    if (!e) {
        e = logs_parts(&src, &j->cancel, collect_part, &wanted, &err);
    }
    for (size_t i = 0; !e && j->track == AHEAD_OPENED && i < wanted.names.len; i++) {
        auto_cleanup(content_unrefp) struct content *content = NULL;
        e = logs_open_part(&src, wanted.names.items[i], &j->cancel, &content, &err);
        j->bytes += e ? 0 : content_size(content);
    }
    strv_free(&wanted.names);
}

// For who only looks its metadata; who opens it needs the sizes of the artifacts and, of a task that failed or is one
// of a foreach, what they say.
static void meta(struct job *j, const struct pathspec *task, int attempt)
{
    struct err err = ERR_INIT;
    if (j->track == AHEAD_OPENED) {
        auto_cleanup(buf_free) struct buf text = {0};
        (void)!client_meta_json(j->a->conf.client, task, attempt, &j->cancel, &text, &err);
    } else {
        auto_cleanup(task_unrefp) const struct task *t = NULL;
        (void)!client_task(j->a->conf.client, task, &j->cancel, &t, &err);
    }
}

static void make_ready(struct job *j, const struct pathspec *task, int attempt, unsigned wants)
{
    static const enum log_stream streams[] = {LOG_STDOUT, LOG_STDERR, LOG_BOTH};
    if (wants & WANT_ARTIFACTS) {
        artifacts(j, task, attempt);
    }
    for (int i = 0; i < 3; i++) {
        if (wants & (WANT_STDOUT << i)) {
            logs(j, task, attempt, streams[i]);
        }
    }
    if (wants & WANT_META) {
        meta(j, task, attempt);
    }
    if (wants >= WANT_FIRST_PART) {
        parts(j, task, attempt, wants);
    }
}

// Which attempts a task had is metadata; nothing is asked for one that it had not.
static bool had_attempt(struct job *j, const struct pathspec *task, int attempt)
{
    int attempts[6];
    size_t n = 0;
    struct err err = ERR_INIT;
    if (client_attempts(j->a->conf.client, task, &j->cancel, attempts, &n, &err)) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (attempts[i] == attempt) {
            return true;
        }
    }
    return false;
}

void ahead_job_work(struct job *j)
{
    const struct stream *s = j->stream;
    struct pathspec task = {s->flow, s->run, s->step, j->task_name};
    if (j->work == JOB_REST) {
        artifacts(j, &task, -1);
    }
    for (int i = 0; i < ATTEMPTS; i++) {
        if (j->wants[i] && (i == 0 || had_attempt(j, &task, i - 1))) {
            make_ready(j, &task, i - 1, j->wants[i]);
        }
    }
}
