// Content of files.
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "fs/tree_i.h"
#include "report/report.h"

enum { MAX_PAGE = 64 << 20 };

// Equal keys are equal bytes; the form is part of it.
static uint64_t version_of(enum kind kind, const char *sha)
{
    static const uint8_t key[16] = "artifact-version";
    uint64_t hash = hash_sip64(key, sha, strlen(sha)) ^ (uint64_t)kind;
    return hash ? hash : 1;
}

static errc open_artifact(struct tree *t, const struct tref *r, struct cancel *cancel,
                          struct content **ret, uint64_t *ret_version, struct err *err)
{
    auto_cleanup(artifacts_unrefp) const struct artifacts *list = NULL;
    const struct artifact *a = NULL;
    struct artifact_env env;
    errc e = tree_find_artifact(t, r, cancel, &list, &a, &env, err);
    if (e)
        return e;
    if (r->kind == K_PICKLE)
        e = artifact_open_stored(&env, a, cancel, ret, err);
    else if (r->kind == K_JSON)
        e = artifact_open_json(&env, a, cancel, ret, err);
    else if (r->kind == K_CSV)
        e = artifact_open_csv(&env, a, cancel, ret, err);
    else if (r->kind == K_NPY)
        e = artifact_open_npy(&env, a, cancel, ret, err);
    else
        e = artifact_open_natural(&env, a, cancel, ret, err);
    if (!e)
        *ret_version = version_of(r->kind, a->sha);
    return e;
}

errc tree_stream(struct tree *t, const struct tref *r, struct cancel *cancel, struct sink *sink, bool *ret_is_one,
                 struct err *err)
{
    auto_cleanup(artifacts_unrefp) const struct artifacts *list = NULL;
    const struct artifact *a = NULL;
    struct artifact_env env;
    enum artifact_form form = r->kind == K_CSV ? ARTIFACT_CSV : r->kind == K_NPY ? ARTIFACT_NPY : ARTIFACT_JSON;
    *ret_is_one = *kind_suffix(r->kind);
    if (!*ret_is_one)
        return ERR_OK;
    errc e = tree_find_artifact(t, r, cancel, &list, &a, &env, err);
    return e ? e : artifact_stream(&env, a, form, cancel, sink, err);
}

static errc open_log(struct tree *t, const struct tref *r, struct cancel *cancel, struct content **ret,
                     struct err *err)
{
    struct pathspec ps = tref_pathspec(r);
    struct log_source src;
    auto_cleanup(task_unrefp) const struct task *task = NULL;
    errc e = client_log_source(t->conf.client, &ps, r->attempt, cancel, &src, &task, err);
    if (e)
        return e;
    if (r->kind == K_LOG_PART)
        return logs_open_part(&src, r->leaf, cancel, ret, err);
    enum log_stream streams = r->kind == K_STDOUT   ? LOG_STDOUT
                              : r->kind == K_STDERR ? LOG_STDERR
                                                    : LOG_BOTH;
    return logs_open(&src, streams, cancel, ret, err);
}

static errc open_text(struct tree *t, struct buf *text, struct content **ret, struct err *err)
{
    if (text->over)
        return err_set(err, ERR_LIMIT, "the text is larger than %zu bytes", text->max);
    *ret = content_of_bytes(t->conf.staging, text->data ? text->data : "", text->len);
    return ERR_OK;
}

static errc open_meta(struct tree *t, const struct tref *r, struct cancel *cancel, struct content **ret,
                      struct err *err)
{
    auto_cleanup(buf_free) struct buf text = {0};
    struct pathspec ps = tref_pathspec(r);
    errc e = client_meta_json(t->conf.client, &ps, r->attempt, cancel, &text, err);
    return e ? e : open_text(t, &text, ret, err);
}

static errc open_page(struct tree *t, const struct tref *r, struct cancel *cancel, struct content **ret,
                      struct err *err)
{
    auto_cleanup(buf_free) struct buf text = {.max = MAX_PAGE};
    struct pathspec ps = tref_pathspec(r);
    struct client *c = t->conf.client;
    errc e = r->kind == K_GRAPH      ? report_graph(c, &ps, cancel, &text, err)
             : r->kind == K_TIMELINE ? report_timeline(c, &ps, cancel, &text, err)
             : r->dir == K_RUN       ? report_run(c, &ps, cancel, &text, err)
                                     : report_task(c, &ps, r->attempt, cancel, &text, err);
    return e ? e : open_text(t, &text, ret, err);
}

static errc open_ctl(struct tree *t, const struct tref *r, struct content **ret, struct err *err)
{
    auto_cleanup(buf_free) struct buf text = {0};
    const struct ctl_source *ctl = t->conf.ctl;
    if (!ctl || !ctl->text(ctl->arg, r->leaf, &text))
        return err_set(err, ERR_NOT_FOUND, "there is no \"%s\" in .metaflowfs", r->leaf);
    return open_text(t, &text, ret, err);
}

errc tree_open(struct tree *t, const struct tref *r, struct cancel *cancel, struct content **ret,
               uint64_t *ret_version, struct err *err)
{
    *ret_version = 0;
    switch (r->kind) {
    case K_ARTIFACT:
    case K_PARAMETER:
    case K_PICKLE:
    case K_JSON:
    case K_CSV:
    case K_NPY:
        return open_artifact(t, r, cancel, ret, ret_version, err);
    case K_STDOUT:
    case K_STDERR:
    case K_LOG:
    case K_LOG_PART:
        return open_log(t, r, cancel, ret, err);
    case K_CARD: {
        struct pathspec ps = tref_pathspec(r);
        return client_card_open(t->conf.client, &ps, r->leaf, cancel, ret, err);
    }
    case K_META:
        return open_meta(t, r, cancel, ret, err);
    case K_REPORT:
    case K_GRAPH:
    case K_TIMELINE:
        return open_page(t, r, cancel, ret, err);
    case K_CODE_FILE:
    case K_CODE_TGZ:
        return tree_code_open(t, r, cancel, ret, ret_version, err);
    case K_HELP: {
        auto_cleanup(buf_free) struct buf text = {0};
        help_text(r->dir, t->conf.batch != NULL, &text);
        return open_text(t, &text, ret, err);
    }
    case K_JOB_PART:
    case K_JOB_LOG:
        return tree_batch_open(t, r, cancel, ret, err);
    case K_CTL_FILE:
        return open_ctl(t, r, ret, err);
    default:
        return err_set(err, ERR_INVALID, "a %s cannot be read", kind_info(r->kind)->label);
    }
}

// A log that cannot change any more is told by how much of it there is.
static errc log_version(struct tree *t, const struct tref *r, struct cancel *cancel, uint64_t *ret, struct err *err)
{
    struct pathspec ps = tref_pathspec(r);
    struct log_source src;
    uint64_t size;
    auto_cleanup(task_unrefp) const struct task *task = NULL;
    errc e = client_log_source(t->conf.client, &ps, r->attempt, cancel, &src, &task, err);
    if (!e && task->settled)
        e = logs_raw_size(&src, r->kind == K_STDOUT ? LOG_STDOUT : LOG_STDERR, cancel, &size, err);
    if (e)
        return e;
    if (task->settled) {
        auto_free char *text = mem_printf("%llu %lld", (unsigned long long)size, (long long)task->mtime_ms);
        *ret = version_of(r->kind, text);
    }
    return ERR_OK;
}

errc tree_version(struct tree *t, const struct tref *r, struct cancel *cancel, uint64_t *ret_version,
                  struct err *err)
{
    *ret_version = 0;
    if (r->kind == K_STDOUT || r->kind == K_STDERR)
        return log_version(t, r, cancel, ret_version, err);
    if (r->kind == K_CODE_FILE || r->kind == K_CODE_TGZ)
        return tree_code_version(t, r, cancel, ret_version, err);
    if (r->kind != K_ARTIFACT && r->kind != K_PARAMETER && r->kind != K_PICKLE && !*kind_suffix(r->kind))
        return ERR_OK;
    auto_cleanup(artifacts_unrefp) const struct artifacts *list = NULL;
    const struct artifact *a = NULL;
    struct artifact_env env;
    errc e = tree_find_artifact(t, r, cancel, &list, &a, &env, err);
    if (!e && a->sha)
        *ret_version = version_of(r->kind, a->sha);
    return e;
}
