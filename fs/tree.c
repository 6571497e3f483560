#include "fs/tree.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/mem.h"
#include "fs/batch_source.h"
#include "fs/tree_i.h"

// An artifact that was stored this long ago is not stored anew under the same attempt: the kernel may
// keep what it knows of it.
#define SETTLED_AFTER_MS (15 * 60 * 1000)
#define SETTLED_TTL_MS (30 * 1000)
// Shown where a size is not known before the bytes are made: never 0, which readers take for empty.
#define UNKNOWN_SIZE 4096
// The same of a page: a browser reads no further than what it was told before it opened the file, so more than most
// pages have.
#define PAGE_ROOM (8 << 20)

struct tree *tree_new(const struct tree_conf *conf)
{
    struct tree *t = mem_zalloc(sizeof *t);
    t->conf = *conf;
    t->long_names = long_names_new();
    t->start_ms = clock_wall_ms();
    return t;
}

void tree_free(struct tree *t)
{
    if (!t)
        return;
    long_names_free(t->long_names);
    free(t);
}

char *tree_encode(struct tree *t, const char *name)
{
    bool cut;
    char *file_name = name_encode(name, &cut);
    if (cut)
        long_names_add(t->long_names, file_name, name);
    return file_name;
}

char *tree_decode(const struct tree *t, const char *file_name)
{
    if (name_is_cut(file_name)) {
        char *name = long_names_find(t->long_names, file_name);
        if (name)
            return name;
    }
    return name_decode(file_name);
}

void tree_fill_attr(const struct tree *t, enum kind kind, int64_t mtime_ms, struct tattr *ret)
{
    const struct kind_info *info = kind_info(kind);
    mode_t perm = info->mode;
    if (kind_is_batch(kind) && t->conf.batch && t->conf.batch->allow_other)
        perm |= perm >> 3 | perm >> 6;
    if (t->conf.read_only)
        perm &= ~(mode_t)0222;
    static const mode_t types[] = {[KIND_DIR] = S_IFDIR, [KIND_FILE] = S_IFREG, [KIND_LINK] = S_IFLNK};
    if (info->type != KIND_LINK)
        perm &= ~t->conf.umask;
    *ret = (struct tattr){
        .mode = types[info->type] | perm,
        .size_exact = true,
        .growing = info->growing,
        .mtime_ms = mtime_ms > 0 ? mtime_ms : t->start_ms,
        .ttl_ms = t->conf.ttl_ms,
    };
}

void tree_artifact_attr(const struct tree *t, enum kind kind, const struct artifact *a, struct tattr *ret)
{
    tree_fill_attr(t, kind, a->created_ms, ret);
    const bool rendered = *kind_suffix(kind), natural = kind != K_PICKLE && !rendered;
    struct artifact_size size = natural ? artifact_natural_size(a) : artifact_stored_size(a);
    ret->size = size.size;
    ret->size_exact = !rendered && size.exact;
    if (a->created_ms > 0 && clock_wall_ms() - a->created_ms > SETTLED_AFTER_MS)
        ret->ttl_ms = SETTLED_TTL_MS;
}

void tree_part_attr(const struct tree *t, enum kind kind, uint64_t size, int64_t mtime_ms,
                    struct tattr *ret)
{
    tree_fill_attr(t, kind, mtime_ms, ret);
    ret->size = size;
}

errc tree_object_mtime(struct tree *t, const struct tref *r, struct cancel *cancel, int64_t *ret,
                       struct err *err)
{
    struct pathspec ps = tref_pathspec(r);
    if (pathspec_level(&ps) == LEVEL_ROOT) {
        *ret = t->start_ms;
        return ERR_OK;
    }
    return client_mtime(t->conf.client, &ps, cancel, ret, err);
}

bool tree_promises(enum kind form, const struct artifact *a)
{
    return form == K_CSV ? artifact_has_csv(a) : form != K_NPY || artifact_has_npy(a);
}

static errc find_in_task(struct tree *t, const struct tref *r, const struct pathspec *task,
                         struct cancel *cancel, const struct artifacts **ret_list,
                         const struct artifact **ret, struct err *err)
{
    const struct artifacts *list;
    errc e = client_artifacts(t->conf.client, task, r->attempt, cancel, &list, err);
    if (e)
        return e;
    const struct artifact *a = artifacts_find(list, r->leaf);
    // Where no type was recorded only opening it can tell.
    if (a && (tree_promises(r->kind, a) || strcmp(a->type, "object") == 0)) {
        *ret_list = list;
        *ret = a;
        return ERR_OK;
    }
    auto_free char *text = pathspec_text(task);
    e = a ? err_set(err, ERR_NOT_FOUND, "the artifact \"%s\" of task %s is a %s, which has no form %s", r->leaf, text,
                    a->type, kind_suffix(r->kind))
          : err_set(err, ERR_NOT_FOUND, "task %s has no artifact \"%s\"", text, r->leaf);
    artifacts_unref(list);
    return e;
}

// The `_parameters` task of a run that has a parameter of that name, owned by the caller.
static errc find_parameters_task(struct tree *t, const struct tref *r, struct cancel *cancel,
                                 char **ret_task, struct err *err)
{
    struct pathspec run = tref_pathspec(r);
    auto_cleanup(strv_free) struct strv names = {0};
    char *task = NULL;
    errc e = client_parameters(t->conf.client, &run, cancel, &names, &task, err);
    if (!e && !strv_has(&names, r->leaf))
        e = err_set(err, ERR_NOT_FOUND, "run %s/%s has no parameter \"%s\"", r->flow, r->run, r->leaf);
    if (e)
        free(task);
    else
        *ret_task = task;
    return e;
}

errc tree_find_artifact(struct tree *t, const struct tref *r, struct cancel *cancel,
                        const struct artifacts **ret_list, const struct artifact **ret,
                        struct artifact_env *ret_env, struct err *err)
{
    struct pathspec task = tref_pathspec(r);
    char *parameters_task = NULL;
    if (r->kind == K_PARAMETER) {
        errc missing = find_parameters_task(t, r, cancel, &parameters_task, err);
        if (missing)
            return missing;
        task.step = "_parameters";
        task.task = parameters_task;
    }
    errc e = find_in_task(t, r, &task, cancel, ret_list, ret, err);
    if (!e && ret_env) {
        *ret_env = client_artifact_env(t->conf.client, &task);
        ret_env->flow = r->flow;
    }
    free(parameters_task);
    return e;
}

bool tree_split_task_name(char *name, char **ret_step, char **ret_task)
{
    char *dot = strchr(name, '.');
    if (!dot || dot == name || !dot[1])
        return false;
    *dot = '\0';
    *ret_step = name;
    *ret_task = dot + 1;
    return true;
}

char *tree_card_link_name(const struct card *card)
{
    return card->id ? mem_printf("%s-%s.html", card->type, card->id) : mem_printf("%s.html", card->type);
}

// S3 tells whole seconds: of two attempts within one the later record decides.
static bool is_newer_card(const struct card *a, const struct card *b)
{
    return a->mtime_ms != b->mtime_ms ? a->mtime_ms > b->mtime_ms : a->recorded_ms > b->recorded_ms;
}

const struct card *tree_newest_card(const struct cards *cards, const char *link_name)
{
    const struct card *best = NULL;
    for (size_t i = 0; i < cards->len; i++) {
        auto_free char *name = tree_card_link_name(&cards->items[i]);
        if (strcmp(name, link_name) == 0 && (!best || is_newer_card(&cards->items[i], best)))
            best = &cards->items[i];
    }
    return best;
}

// --- attributes ------------------------------------------------------------------------------------

struct find_part {
    const char *name;
    bool found;
    uint64_t size;
    int64_t mtime_ms;
};

static bool match_part(void *arg, const char *name, uint64_t size, int64_t mtime_ms)
{
    struct find_part *f = arg;
    if (strcmp(name, f->name) != 0)
        return true;
    f->found = true;
    f->size = size;
    f->mtime_ms = mtime_ms;
    return false;
}

static errc attr_log(struct tree *t, const struct tref *r, struct cancel *cancel, struct tattr *ret,
                     struct err *err)
{
    struct pathspec ps = tref_pathspec(r);
    struct log_source src;
    auto_cleanup(task_unrefp) const struct task *task = NULL;
    errc e = client_log_source(t->conf.client, &ps, r->attempt, cancel, &src, &task, err);
    if (e)
        return e;
    if (r->kind == K_LOG_PART) {
        struct find_part find = {.name = r->leaf};
        e = logs_parts(&src, cancel, match_part, &find, err);
        if (e)
            return e;
        if (!find.found)
            return err_set(err, ERR_NOT_FOUND, "task %s/%s/%s/%s has no log file \"%s\"", r->flow, r->run,
                           r->step, r->task, r->leaf);
        tree_part_attr(t, r->kind, find.size, find.mtime_ms, ret);
    } else {
        enum log_stream streams = r->kind == K_STDOUT   ? LOG_STDOUT
                                  : r->kind == K_STDERR ? LOG_STDERR
                                                        : LOG_BOTH;
        uint64_t size;
        e = logs_raw_size(&src, streams, cancel, &size, err);
        if (e)
            return e;
        tree_fill_attr(t, r->kind, task->mtime_ms, ret);
        ret->size = size ? size : 1;
        ret->size_exact = false;
    }
    ret->growing = !task->settled;
    return ERR_OK;
}

static errc attr_card(struct tree *t, const struct tref *r, struct cancel *cancel, struct tattr *ret,
                      struct err *err)
{
    struct pathspec ps = tref_pathspec(r);
    struct cards cards = {0};
    errc e = client_cards(t->conf.client, &ps, r->attempt, cancel, &cards, err);
    if (e)
        return e;
    const struct card *card = NULL;
    if (r->kind == K_CARD_LINK) {
        card = tree_newest_card(&cards, r->leaf);
    } else {
        for (size_t i = 0; i < cards.len && !card; i++)
            if (strcmp(cards.items[i].file, r->leaf) == 0)
                card = &cards.items[i];
    }
    if (card) {
        tree_part_attr(t, r->kind, r->kind == K_CARD ? card->size : 0, card->mtime_ms, ret);
        ret->replaced = !cards.settled;
    } else {
        e = err_set(err, ERR_NOT_FOUND, "the task has no card \"%s\"", r->leaf);
    }
    cards_free(&cards);
    return e;
}

static void attr_of_memory(const struct tree *t, const struct tref *r, struct tattr *ret)
{
    tree_fill_attr(t, r->kind, 0, ret);
    if (r->kind == K_CTL_FILE) {
        ret->size = UNKNOWN_SIZE;
        ret->size_exact = false;
    }
}

// What still goes on has a page that is as new as the look at it: the size of an earlier open does not hold.
static bool page_is_final(struct tree *t, const struct tref *r, struct cancel *cancel)
{
    struct pathspec ps = tref_pathspec(r);
    struct err err = ERR_INIT;
    if (r->dir == K_RUN) {
        auto_cleanup(run_unrefp) const struct run *run = NULL;
        return !client_run(t->conf.client, &ps, cancel, &run, &err) && run->status == STATUS_DONE;
    }
    struct task_brief task;
    return !client_task_brief(t->conf.client, &ps, -1, cancel, &task, &err) && task.status == STATUS_DONE;
}

errc tree_attr(struct tree *t, const struct tref *r, struct cancel *cancel, struct tattr *ret,
               struct err *err)
{
    errc e;
    if (kind_is_batch(r->kind))
        return tree_batch_attr(t, r, cancel, ret, err);
    switch (r->kind) {
    case K_CTL:
    case K_CTL_FILE:
    case K_CTL_TEMPDIR:
    case K_CTL_REFRESH:
        attr_of_memory(t, r, ret);
        return ERR_OK;
    case K_ARTIFACT:
    case K_PARAMETER:
    case K_PICKLE:
    case K_JSON:
    case K_CSV:
    case K_NPY: {
        auto_cleanup(artifacts_unrefp) const struct artifacts *list = NULL;
        const struct artifact *a = NULL;
        e = tree_find_artifact(t, r, cancel, &list, &a, NULL, err);
        if (!e)
            tree_artifact_attr(t, r->kind, a, ret);
        return e;
    }
    case K_STDOUT:
    case K_STDERR:
    case K_LOG:
    case K_LOG_PART:
        return attr_log(t, r, cancel, ret, err);
    case K_CARD:
    case K_CARD_LINK:
        return attr_card(t, r, cancel, ret, err);
    case K_CODE:
    case K_CODE_DIR:
    case K_CODE_FILE:
    case K_CODE_TGZ:
        return tree_code_attr(t, r, cancel, ret, err);
    default:
        break;
    }
    int64_t mtime;
    e = tree_object_mtime(t, r, cancel, &mtime, err);
    if (e)
        return e;
    if (kind_is_page(r->kind) && !page_is_final(t, r, cancel))
        mtime = clock_wall_ms();
    tree_fill_attr(t, r->kind, mtime, ret);
    if (r->kind == K_META || kind_is_page(r->kind)) {
        ret->size = kind_is_page(r->kind) ? PAGE_ROOM : UNKNOWN_SIZE;
        ret->size_exact = false;
    } else if (r->kind == K_HELP) {
        auto_cleanup(buf_free) struct buf text = {0};
        help_text(r->dir, t->conf.batch != NULL, &text);
        ret->size = text.len;
    }
    return ERR_OK;
}
