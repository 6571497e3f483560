// Listings: the names that readdir gives.
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fs/tree_i.h"

const char *const ctl_names[] = {"README", "status", "stats",   "errors",  "config",
                                 "version", "tempdir", "refresh", NULL};

struct lister {
    struct tree *t;
    enum kind dir;  // what is listed
    enum kind kind; // of the entries
    tree_list_fn fn;
    void *arg;
    bool stopped;
};

static bool emit(struct lister *l, enum kind kind, const char *name, const struct tattr *attr)
{
    // Whatever is listed is found, too.
    if (kind_is_probe(l->dir, name) || !kind_can_be_called(l->dir, name))
        atomic_store(&l->t->odd_names, true);
    auto_free char *file_name = tree_encode(l->t, name);
    l->stopped = !l->fn(l->arg, file_name, kind, attr);
    return !l->stopped;
}

static bool emit_id(void *arg, const char *id, int64_t created_ms)
{
    (void)created_ms;
    struct lister *l = arg;
    return emit(l, l->kind, id, NULL);
}

static bool emit_task(void *arg, const char *step, const char *task)
{
    struct lister *l = arg;
    auto_free char *name = mem_printf("%s.%s", step, task);
    return emit(l, l->kind, name, NULL);
}

static bool collect_index(void *arg, const char *index, const char *task)
{
    (void)task;
    strv_add(arg, index);
    return true;
}

static bool emit_part(void *arg, const char *name, uint64_t size, int64_t mtime_ms)
{
    (void)size;
    (void)mtime_ms;
    struct lister *l = arg;
    return emit(l, K_LOG_PART, name, NULL);
}

static void emit_names(struct lister *l, const struct strv *names)
{
    for (size_t i = 0; i < names->len; i++)
        if (!emit(l, l->kind, names->items[i], NULL))
            return;
}

enum artifact_choice { ALL, VISIBLE, HIDDEN };

static bool chosen(enum artifact_choice choice, const struct artifact *a)
{
    return choice == ALL || (choice == VISIBLE) == artifact_is_visible(a);
}

static bool emit_artifact(struct lister *l, enum kind kind, const struct artifact *a)
{
    struct tattr attr;
    tree_artifact_attr(l->t, kind, a, &attr);
    const char *suffix = kind_suffix(kind);
    if (!*suffix)
        return emit(l, kind, a->name, &attr);
    if (!tree_promises(kind, a))
        return true;
    auto_free char *stem = tree_encode(l->t, a->name);
    auto_free char *file_name = mem_printf("%s%s", stem, suffix);
    l->stopped = !l->fn(l->arg, file_name, kind, &attr);
    return !l->stopped;
}

static errc list_artifacts(struct lister *l, const struct tref *dir, enum artifact_choice choice,
                           enum kind kind, struct cancel *cancel, struct err *err)
{
    struct pathspec ps = tref_pathspec(dir);
    auto_cleanup(artifacts_unrefp) const struct artifacts *list = NULL;
    errc e = client_artifacts(l->t->conf.client, &ps, dir->attempt, cancel, &list, err);
    if (e)
        return e;
    for (size_t i = 0; i < list->len; i++)
        if (chosen(choice, &list->items[i]) && !emit_artifact(l, kind, &list->items[i]))
            break;
    return ERR_OK;
}

static errc list_run_tags(struct lister *l, const struct tref *dir, struct cancel *cancel, struct err *err)
{
    struct pathspec run = tref_pathspec_upto(dir, LEVEL_RUN);
    auto_cleanup(meta_object_freep) struct meta_object *object = NULL;
    errc e = client_object(l->t->conf.client, &run, cancel, &object, err);
    if (e)
        return e;
    auto_cleanup(strv_free) struct strv tags = {0};
    strv_copy(&tags, &object->tags);
    for (size_t i = 0; i < object->system_tags.len; i++)
        if (!strv_has(&tags, object->system_tags.items[i]))
            strv_add(&tags, object->system_tags.items[i]);
    strv_sort(&tags);
    emit_names(l, &tags);
    return ERR_OK;
}

static bool has_card(const struct cards *cards, const char *file)
{
    for (size_t i = 0; i < cards->len; i++)
        if (strcmp(cards->items[i].file, file) == 0)
            return true;
    return false;
}

static errc list_cards(struct lister *l, const struct tref *dir, struct cancel *cancel, struct err *err)
{
    struct pathspec ps = tref_pathspec(dir);
    struct cards cards = {0};
    errc e = client_cards(l->t->conf.client, &ps, dir->attempt, cancel, &cards, err);
    if (e)
        return e;
    auto_cleanup(strv_free) struct strv links = {0};
    for (size_t i = 0; i < cards.len && !l->stopped; i++) {
        emit(l, K_CARD, cards.items[i].file, NULL);
        auto_free char *link = tree_card_link_name(&cards.items[i]);
        if (!strv_has(&links, link) && !has_card(&cards, link))
            strv_add(&links, link);
    }
    for (size_t i = 0; i < links.len && !l->stopped; i++)
        emit(l, K_CARD_LINK, links.items[i], NULL);
    cards_free(&cards);
    return ERR_OK;
}

static errc list_attempts(struct lister *l, const struct tref *dir, struct cancel *cancel, struct err *err)
{
    struct pathspec ps = tref_pathspec(dir);
    int attempts[6];
    size_t n;
    errc e = client_attempts(l->t->conf.client, &ps, cancel, attempts, &n, err);
    for (size_t i = 0; !e && i < n && !l->stopped; i++) {
        char name[2] = {(char)('0' + attempts[i]), '\0'};
        emit(l, K_ATTEMPT, name, NULL);
    }
    return e;
}

static errc list_parameters(struct lister *l, const struct tref *dir, struct cancel *cancel, struct err *err)
{
    struct pathspec run = tref_pathspec(dir);
    auto_cleanup(strv_free) struct strv names = {0};
    auto_free char *task = NULL;
    errc e = client_parameters(l->t->conf.client, &run, cancel, &names, &task, err);
    if (!e)
        emit_names(l, &names);
    return e;
}

static errc list_logs(struct lister *l, const struct tref *dir, struct cancel *cancel, struct err *err)
{
    struct pathspec ps = tref_pathspec(dir);
    struct log_source src;
    auto_cleanup(task_unrefp) const struct task *task = NULL;
    errc e = client_log_source(l->t->conf.client, &ps, dir->attempt, cancel, &src, &task, err);
    return e ? e : logs_parts(&src, cancel, emit_part, l, err);
}

// A step that a switch enters again has several tasks of one index: the link is to the newest.
static errc list_index(struct lister *l, const struct tref *dir, struct cancel *cancel, struct err *err)
{
    struct pathspec ps = tref_pathspec(dir);
    auto_cleanup(strv_free) struct strv names = {0};
    errc e = client_step_index(l->t->conf.client, &ps, cancel, collect_index, &names, err);
    if (e)
        return e;
    strv_sort(&names);
    for (size_t i = 0; i < names.len; i++) {
        bool again = i > 0 && strcmp(names.items[i], names.items[i - 1]) == 0;
        if (!again && !emit(l, l->kind, names.items[i], NULL))
            break;
    }
    return ERR_OK;
}

static errc list_flow_names(struct lister *l, const struct tref *dir, struct cancel *cancel, struct err *err)
{
    auto_cleanup(strv_free) struct strv names = {0};
    struct client *c = l->t->conf.client;
    errc e = dir->kind == K_FLOW_TAGS ? client_flow_tags(c, dir->flow, cancel, &names, err)
                                      : client_flow_days(c, dir->flow, cancel, &names, err);
    if (!e)
        emit_names(l, &names);
    return e;
}

static errc list_entries(struct lister *l, const struct tref *dir, struct cancel *cancel, struct err *err)
{
    struct client *c = l->t->conf.client;
    struct pathspec ps = tref_pathspec(dir);
    switch (dir->kind) {
    case K_ROOT:
    case K_FLOW:
    case K_RUN:
    case K_STEP:
        l->kind = (enum kind)(dir->kind + 1);
        return client_list(c, &ps, cancel, emit_id, l, err);
    case K_TASK:
    case K_ATTEMPT:
        return list_artifacts(l, dir, VISIBLE, K_ARTIFACT, cancel, err);
    case K_INTERNALS:
        return list_artifacts(l, dir, HIDDEN, K_ARTIFACT, cancel, err);
    case K_PICKLES:
        return list_artifacts(l, dir, ALL, K_PICKLE, cancel, err);
    case K_JSONS:
    case K_CSVS:
    case K_NPYS:
        return list_artifacts(l, dir, VISIBLE, tree_kind_of_entry(dir->kind, ""), cancel, err);
    case K_FLOW_TAGS:
    case K_BY_DATE:
        l->kind = dir->kind == K_FLOW_TAGS ? K_FLOW_TAG : K_DAY;
        return list_flow_names(l, dir, cancel, err);
    case K_FLOW_TAG:
        l->kind = K_RUN_LINK;
        return client_runs(c, dir->flow, RUNS_WITH_TAG, dir->leaf, cancel, emit_id, l, err);
    case K_DAY:
        l->kind = K_RUN_LINK;
        return client_runs(c, dir->flow, RUNS_ON_DAY, dir->leaf, cancel, emit_id, l, err);
    case K_FLOW_FAILED:
    case K_FLOW_RUNNING:
        l->kind = K_RUN_LINK;
        return client_runs(c, dir->flow, dir->kind == K_FLOW_FAILED ? RUNS_FAILED : RUNS_RUNNING, NULL,
                           cancel, emit_id, l, err);
    case K_PARAMETERS:
        l->kind = K_PARAMETER;
        return list_parameters(l, dir, cancel, err);
    case K_RUN_TAGS:
        l->kind = K_RUN_TAG;
        return list_run_tags(l, dir, cancel, err);
    case K_RUN_FAILED:
        l->kind = K_TASK_LINK;
        return client_failed_tasks(c, &ps, cancel, emit_task, l, err);
    case K_PARENTS:
    case K_CHILDREN:
        l->kind = K_TASK_LINK;
        return client_relatives(c, &ps, dir->kind == K_PARENTS, cancel, emit_task, l, err);
    case K_INDEX:
        l->kind = K_INDEX_LINK;
        return list_index(l, dir, cancel, err);
    case K_LOGS:
        return list_logs(l, dir, cancel, err);
    case K_ATTEMPTS:
        return list_attempts(l, dir, cancel, err);
    case K_CARDS:
        return list_cards(l, dir, cancel, err);
    default:
        return ERR_OK;
    }
}

static void list_ctl(struct lister *l)
{
    for (const char *const *name = ctl_names; *name && !l->stopped; name++) {
        enum kind kind = strcmp(*name, "tempdir") == 0   ? K_CTL_TEMPDIR
                         : strcmp(*name, "refresh") == 0 ? K_CTL_REFRESH
                                                         : K_CTL_FILE;
        l->stopped = !l->fn(l->arg, *name, kind, NULL);
    }
}

// With -o dots=list: the dot names that exist here.
static errc list_dots(struct lister *l, const struct tref *dir, struct cancel *cancel, struct err *err)
{
    bool meta = false;
    for (const struct dot_name *d = kind_dot_names(); d->name && !l->stopped; d++) {
        if (d->parent != dir->kind)
            continue;
        meta |= d->kind == K_META;
        enum kind kind;
        struct tattr attr;
        errc e = tree_lookup(l->t, dir, d->name, cancel, &kind, &attr, err);
        if (e == ERR_INTERRUPTED || e == ERR_TIMEOUT)
            return e;
        if (!e)
            l->stopped = !l->fn(l->arg, d->name, kind, NULL);
    }
    if (!meta && !l->stopped && kind_of_dot(dir->kind, ".meta"))
        l->stopped = !l->fn(l->arg, ".meta", K_META, NULL);
    if (!l->stopped && kind_of_dot(dir->kind, ".help"))
        l->fn(l->arg, ".help", K_HELP, NULL);
    return ERR_OK;
}

errc tree_list(struct tree *t, const struct tref *dir, struct cancel *cancel, tree_list_fn fn, void *arg,
               struct err *err)
{
    struct lister l = {.t = t, .dir = dir->kind, .fn = fn, .arg = arg};
    errc e = ERR_OK;
    if (dir->kind == K_CTL)
        list_ctl(&l);
    else if (kind_is_batch(dir->kind))
        e = tree_batch_list(t, dir, cancel, fn, arg, err);
    else if (kind_is_code(dir->kind))
        e = tree_code_list(t, dir, cancel, fn, arg, err);
    else
        e = list_entries(&l, dir, cancel, err);
    if (!e && t->conf.list_dots && !l.stopped)
        e = list_dots(&l, dir, cancel, err);
    return e;
}
