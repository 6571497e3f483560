// The merged text of a log, made in the staging area.
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "client/logs_i.h"
#include "client/piece_sink.h"

struct merge_job {
    struct store *store;
    struct staging *staging;
    struct grown *grown;
    struct log_choice choice;
    bool settled;
};

static void job_free(void *arg)
{
    struct merge_job *job = arg;
    log_choice_free(&job->choice);
    free(job);
}

// One part with its bytes in memory or mapped.
struct mapped {
    struct staged *staged;
    struct log_part bytes;
};

static void unmap_parts(struct mapped *m, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (m[i].bytes.data)
            staged_unmap(m[i].staged, (const uint8_t *)m[i].bytes.data, m[i].bytes.len);
        staged_unref(m[i].staged);
    }
}

static errc map_part(const struct merge_job *job, const struct log_choice_part *part,
                     struct cancel *cancel, struct mapped *m, struct err *err)
{
    uint64_t avail;
    bool ended;
    const uint8_t *data = NULL;
    errc e = ERR_OK;
    if (part->size == 0) {
        m->staged = staged_of_bytes(job->staging, "", 0); // of nothing nothing is asked for
    } else {
        e = blob_get_grown(job->grown, job->store, job->staging, part->path, part->version, part->size, &m->staged,
                           err);
    }
    if (e == ERR_OK)
        e = staged_wait(m->staged, UINT64_MAX, cancel, &avail, &ended, err);
    if (e == ERR_OK)
        e = staged_map(m->staged, &data, &m->bytes.len, err);
    m->bytes.data = (const char *)data;
    return e;
}

// Parts from before mflog are shown as they are; the client knows no merge of them with others.
static errc join(const struct merge_job *job, const struct log_part *parts, struct sink *sink,
                 struct err *err)
{
    errc e = ERR_OK;
    for (size_t i = 0; i < job->choice.len && e == ERR_OK; i++) {
        if (!job->choice.parts[i].legacy)
            e = logs_merge(&parts[i], 1, sink, err);
        else if (parts[i].len && !sink_put(sink, parts[i].data, parts[i].len))
            e = err_set(err, ERR_INTERRUPTED, "the copy of a log was stopped");
    }
    return e;
}

static errc write_text(const struct merge_job *job, const struct log_part *parts, struct sink *sink,
                       struct err *err)
{
    for (size_t i = 0; i < job->choice.len; i++) {
        if (job->choice.parts[i].legacy)
            return join(job, parts, sink, err);
    }
    if (!job->settled && job->choice.len == 1)
        return logs_messages(&parts[0], sink, err);
    return logs_merge(parts, job->choice.len, sink, err);
}

static errc job_produce(void *arg, struct staged *to, struct err *err)
{
    const struct merge_job *job = arg;
    struct mapped mapped[4] = {0};
    struct log_part parts[4];
    errc e = ERR_OK;
    for (size_t i = 0; i < job->choice.len && e == ERR_OK; i++) {
        e = map_part(job, &job->choice.parts[i], staged_cancel(to), &mapped[i], err);
        parts[i] = mapped[i].bytes;
    }
    auto_free struct piece_sink *p = piece_sink_new(to);
    if (e == ERR_OK)
        e = write_text(job, parts, &p->sink, err);
    e = piece_sink_end(p, e, err);
    unmap_parts(mapped, job->choice.len);
    return e;
}

static char *key_of(const struct log_source *src, enum log_stream streams,
                    const struct log_choice *c)
{
    char *key = mem_printf("log:%s/%s/%s/%s/%d:%d%s", src->flow, src->run, src->step, src->task,
                           src->attempt, (int)streams, src->settled ? "" : ":live");
    for (size_t i = 0; i < c->len; i++) {
        char *longer =
            mem_printf("%s:%s:%s", key, strrchr(c->parts[i].path, '/'), c->parts[i].version);
        free(key);
        key = longer;
    }
    return key;
}

errc logs_open(const struct log_source *src, enum log_stream streams, struct cancel *cancel,
               struct content **ret, struct err *err)
{
    if (log_is_single_empty_line(src, streams)) {
        *ret = content_of_bytes(src->staging, "\n", 1);
        return ERR_OK;
    }
    struct merge_job *job = mem_zalloc(sizeof *job);
    job->store = src->store;
    job->staging = src->staging;
    job->grown = src->grown;
    job->settled = src->settled;
    errc e = log_choose(src, streams, cancel, &job->choice, err);
    if (e != ERR_OK || job->choice.len == 0) {
        job_free(job);
        if (e == ERR_OK)
            *ret = content_of_bytes(src->staging, "", 0);
        return e;
    }
    auto_free char *key = key_of(src, streams, &job->choice);
    struct staging_request rq = {
        .key = key, .produce = job_produce, .arg = job, .free_arg = job_free, .patient = true};
    auto_cleanup(staged_unrefp) struct staged *staged = NULL;
    uint64_t avail;
    bool ended;
    e = staging_get(src->staging, &rq, &staged, err);
    if (e == ERR_OK)
        e = staged_wait(staged, UINT64_MAX, cancel, &avail, &ended, err);
    if (e == ERR_OK)
        *ret = content_of(steal_ptr(&staged), 0, UINT64_MAX);
    return e;
}
