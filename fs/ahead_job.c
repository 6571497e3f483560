// What is done ahead of a reader, with the calls that the reader itself will make: single flight below makes the two
// meet, and what is ready stays in the caches.
#include <string.h>

#include "base/mem.h"
#include "fs/ahead_i.h"
#include "fs/inode.h"
#include "fs/name.h"

#define MAX_ROSTER 200000 // tasks of one step
#define FLIGHT 16         // artifacts of one task at once

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
    return roster_new(&c.names, ino_of_task, &ino);
}

// Artifacts of one task that are fetched at once, oldest first.
struct flight {
    struct staged *staged[FLIGHT];
    size_t first, len;
};

static void wait_oldest(struct job *j, struct flight *f)
{
    auto_cleanup(staged_unrefp) struct staged *staged = f->staged[f->first];
    struct err err = ERR_INIT;
    uint64_t avail = 0;
    bool ended;
    f->first = (f->first + 1) % FLIGHT;
    f->len--;
    if (!staged_wait(staged, UINT64_MAX, &j->cancel, &avail, &ended, &err)) {
        j->bytes += avail;
    }
}

// Begins to fetch one artifact's stored bytes into the caches.
static void begin(struct job *j, const struct pathspec *task, const struct artifact *a, struct flight *f)
{
    struct artifact_env env = client_artifact_env(j->a->conf.client, task);
    struct blob_source src = {.store = env.store, .staging = env.staging, .flow = env.flow, .sha = a->sha};
    struct err err = ERR_INIT;
    struct staged *staged;
    size_t known;
    if (blob_known(a->sha, &known) || (a->size > 0 && (uint64_t)a->size > j->a->conf.max_object)) {
        return;
    }
    if (f->len == FLIGHT) {
        wait_oldest(j, f);
    }
    if (!blob_get(&src, &staged, &err)) {
        f->staged[(f->first + f->len++) % FLIGHT] = staged;
    }
}

static void artifacts(struct job *j, const struct pathspec *task)
{
    auto_cleanup(artifacts_unrefp) const struct artifacts *list = NULL;
    struct err err = ERR_INIT;
    struct flight f = {.len = 0};
    if (client_artifacts(j->a->conf.client, task, -1, &j->cancel, &list, &err) || j->track != AHEAD_OPENED) {
        return;
    }
    for (size_t i = 0; i < list->len && !atomic_load(&j->cancel.set) && j->bytes < j->a->conf.max_bytes; i++) {
        const struct artifact *a = &list->items[i];
        if (j->name ? strcmp(j->name, a->name) == 0 : artifact_is_visible(a)) {
            begin(j, task, a, &f);
        }
    }
    while (f.len > 0) {
        wait_oldest(j, &f);
    }
}

static void logs(struct job *j, const struct pathspec *task)
{
    enum log_stream streams = j->kind == K_STDOUT ? LOG_STDOUT : j->kind == K_STDERR ? LOG_STDERR : LOG_BOTH;
    auto_cleanup(task_unrefp) const struct task *t = NULL;
    auto_cleanup(content_unrefp) struct content *content = NULL;
    struct log_source src;
    struct err err = ERR_INIT;
    uint64_t size;
    errc e = client_log_source(j->a->conf.client, task, -1, &j->cancel, &src, &t, &err);
    if (!e) {
        e = logs_raw_size(&src, streams, &j->cancel, &size, &err);
    }
    if (!e && j->track == AHEAD_OPENED && size <= j->a->conf.max_object &&
        !logs_open(&src, streams, &j->cancel, &content, &err)) {
        j->bytes += content_size(content);
    }
}

void ahead_job_work(struct job *j)
{
    const struct stream *s = j->stream;
    struct pathspec task = {s->flow, s->run, s->step, j->task_name};
    if (j->kind == K_STDOUT || j->kind == K_STDERR || j->kind == K_LOG) {
        logs(j, &task);
    } else {
        artifacts(j, &task);
    }
}
