// Targets of links: all relative, but for tempdir.
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fs/tree_i.h"

static errc target_latest(struct tree *t, const struct tref *r, struct cancel *cancel, char **ret,
                          struct err *err)
{
    auto_free char *run = NULL;
    errc e = client_latest(t->conf.client, r->flow, r->kind == K_LATEST_SUCCESSFUL, cancel, &run, err);
    if (!e)
        *ret = tree_encode(t, run);
    return e;
}

static errc target_end(struct tree *t, const struct tref *r, struct cancel *cancel, char **ret,
                       struct err *err)
{
    struct pathspec ps = tref_pathspec(r);
    auto_cleanup(run_unrefp) const struct run *run = NULL;
    errc e = client_run(t->conf.client, &ps, cancel, &run, err);
    if (e)
        return e;
    if (!run->end_task)
        return err_set(err, ERR_NOT_FOUND, "run %s/%s has no end task yet", r->flow, r->run);
    auto_free char *step = tree_encode(t, run->end_step);
    auto_free char *task = tree_encode(t, run->end_task);
    *ret = mem_printf("%s/%s", step, task);
    return ERR_OK;
}

struct find_index {
    struct tree *t;
    const char *index;
    char *target; // owned, NULL until it is found
};

static bool match_index(void *arg, const char *index, const char *task)
{
    struct find_index *f = arg;
    if (strcmp(index, f->index) != 0)
        return true;
    auto_free char *name = tree_encode(f->t, task);
    f->target = mem_printf("../%s", name);
    return false;
}

static errc target_index(struct tree *t, const struct tref *r, struct cancel *cancel, char **ret,
                         struct err *err)
{
    struct find_index find = {t, r->leaf, NULL};
    struct pathspec ps = tref_pathspec(r);
    errc e = client_step_index(t->conf.client, &ps, cancel, match_index, &find, err);
    if (e) {
        free(find.target);
        return e;
    }
    if (!find.target)
        return err_set(err, ERR_NOT_FOUND, "step %s/%s/%s has no task with foreach index %s", r->flow,
                       r->run, r->step, r->leaf);
    *ret = find.target;
    return ERR_OK;
}

static errc target_card(struct tree *t, const struct tref *r, struct cancel *cancel, char **ret,
                        struct err *err)
{
    struct pathspec ps = tref_pathspec(r);
    struct cards cards = {0};
    errc e = client_cards(t->conf.client, &ps, r->attempt, cancel, &cards, err);
    if (e)
        return e;
    const struct card *card = tree_newest_card(&cards, r->leaf);
    if (card)
        *ret = tree_encode(t, card->file);
    else
        e = err_set(err, ERR_NOT_FOUND, "the task has no card \"%s\"", r->leaf);
    cards_free(&cards);
    return e;
}

static errc target_task(struct tree *t, const struct tref *r, char **ret, struct err *err)
{
    auto_free char *text = mem_strdup(r->leaf);
    char *step, *task;
    if (!tree_split_task_name(text, &step, &task))
        return err_set(err, ERR_NOT_FOUND, "\"%s\" is not STEP.TASK", r->leaf);
    auto_free char *step_name = tree_encode(t, step);
    auto_free char *task_name = tree_encode(t, task);
    // From RUN/.failed/x one level up is the run; from RUN/STEP/TASK/.parents/x it is three.
    *ret = mem_printf("%s%s/%s", r->dir == K_RUN_FAILED ? "../" : "../../../", step_name, task_name);
    return ERR_OK;
}

static void target_run(struct tree *t, const struct tref *r, char **ret)
{
    auto_free char *run = tree_encode(t, r->leaf);
    bool deep = r->dir == K_FLOW_TAG || r->dir == K_DAY;
    *ret = mem_printf("%s%s", deep ? "../../" : "../", run);
}

errc tree_readlink(struct tree *t, const struct tref *r, struct cancel *cancel, char **ret_target,
                   struct err *err)
{
    switch (r->kind) {
    case K_LATEST:
    case K_LATEST_SUCCESSFUL:
        return target_latest(t, r, cancel, ret_target, err);
    case K_END:
        return target_end(t, r, cancel, ret_target, err);
    case K_INDEX_LINK:
        return target_index(t, r, cancel, ret_target, err);
    case K_CARD_LINK:
        return target_card(t, r, cancel, ret_target, err);
    case K_TASK_LINK:
        return target_task(t, r, ret_target, err);
    case K_RUN_LINK:
        target_run(t, r, ret_target);
        return ERR_OK;
    case K_JOB_TASK:
    case K_TASK_BATCH:
        return tree_batch_link(t, r, cancel, ret_target, err);
    case K_CTL_TEMPDIR: {
        const struct ctl_source *ctl = t->conf.ctl;
        char *dir = ctl ? ctl->tempdir(ctl->arg) : NULL;
        if (!dir)
            return err_set(err, ERR_NOT_FOUND, "there is no staging directory");
        *ret_target = dir;
        return ERR_OK;
    }
    default:
        return err_set(err, ERR_INVALID, "a %s is not a link", kind_info(r->kind)->label);
    }
}
