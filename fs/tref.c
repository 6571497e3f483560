#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fs/tree_i.h"

void tref_init_root(struct tref *r)
{
    *r = (struct tref){.kind = K_ROOT, .dir = K_ROOT, .attempt = -1};
}

void tref_free(struct tref *r)
{
    free(r->flow);
    free(r->run);
    free(r->step);
    free(r->task);
    free(r->job);
    free(r->job_attempt);
    free(r->leaf);
    tref_init_root(r);
}

void tref_copy(struct tref *to, const struct tref *from)
{
    *to = *from;
    to->flow = mem_strdup(from->flow);
    to->run = mem_strdup(from->run);
    to->step = mem_strdup(from->step);
    to->task = mem_strdup(from->task);
    to->job = mem_strdup(from->job);
    to->job_attempt = mem_strdup(from->job_attempt);
    to->leaf = mem_strdup(from->leaf);
}

struct pathspec tref_pathspec(const struct tref *r)
{
    return (struct pathspec){r->flow, r->run, r->step, r->task};
}

struct pathspec tref_pathspec_upto(const struct tref *r, enum level level)
{
    struct pathspec ps = tref_pathspec(r);
    return pathspec_upto(&ps, level);
}

static char *decode_attempt(const char *name)
{
    return name[0] >= '0' && name[0] <= '9' && !name[1] ? mem_strdup(name) : NULL;
}

static char *decode_leaf(const struct tree *t, enum kind kind, const char *name)
{
    if (kind_is_batch(kind))
        return mem_strdup(name);
    const char *suffix = kind_suffix(kind);
    size_t len = strlen(name), tail = strlen(suffix);
    if (len <= tail || strcmp(name + len - tail, suffix) != 0)
        return NULL;
    auto_free char *stem = mem_strndup(name, len - tail);
    return tree_decode(t, stem);
}

// Where the decoded name of a node of `kind` is kept; NULL for kinds that are named by their kind alone.
static char **slot_of(struct tref *r, enum kind kind)
{
    switch (kind) {
    case K_FLOW:
        return &r->flow;
    case K_RUN:
        return &r->run;
    case K_STEP:
        return &r->step;
    case K_TASK:
        return &r->task;
    case K_JOB:
        return &r->job;
    case K_JOB_ATTEMPT:
        return &r->job_attempt;
    case K_BATCH_FILE:
    case K_JOB_PART:
    case K_ATTEMPT:
    case K_ARTIFACT:
    case K_PARAMETER:
    case K_PICKLE:
    case K_JSON:
    case K_CSV:
    case K_NPY:
    case K_CODE_DIR:
    case K_CODE_FILE:
    case K_LOG_PART:
    case K_CARD:
    case K_CARD_LINK:
    case K_FLOW_TAG:
    case K_DAY:
    case K_RUN_LINK:
    case K_RUN_TAG:
    case K_INDEX_LINK:
    case K_TASK_LINK:
    case K_CTL_FILE:
        return &r->leaf;
    default:
        return NULL;
    }
}

bool tref_step(const struct tree *t, struct tref *r, enum kind kind, const char *name)
{
    const enum kind dir = r->kind;
    char **slot = slot_of(r, kind);
    if (slot) {
        char *text = kind == K_ATTEMPT ? decode_attempt(name) : decode_leaf(t, kind, name);
        if (!text)
            return false;
        if (dir == K_CODE_DIR) { // below .code the leaf is the whole path
            char *path = mem_printf("%s/%s", r->leaf, text);
            free(text);
            text = path;
        }
        free(*slot);
        *slot = text;
        if (kind == K_ATTEMPT)
            r->attempt = text[0] - '0';
    }
    r->dir = dir;
    r->kind = kind;
    return true;
}

char *tref_file_name(struct tree *t, const struct tref *r)
{
    struct tref copy = *r; // slot_of takes one that may be written to
    char **slot = slot_of(&copy, r->kind);
    if (slot && *slot) {
        if (kind_is_batch(r->kind))
            return mem_strdup(*slot);
        const char *below = kind_is_code(r->kind) ? strrchr(*slot, '/') : NULL;
        auto_free char *name = tree_encode(t, below ? below + 1 : *slot);
        return mem_printf("%s%s", name, kind_suffix(r->kind));
    }
    for (const struct dot_name *d = kind_dot_names(); d->name; d++)
        if (d->kind == r->kind && kind_of_dot(r->dir, d->name) == r->kind)
            return mem_strdup(d->name);
    return mem_strdup(r->kind == K_META ? ".meta" : r->kind == K_HELP ? ".help" : "");
}
