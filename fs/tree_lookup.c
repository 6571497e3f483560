// Look-up of one name in a directory: which kind it is, whether it exists, and its attributes.
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fs/tree_i.h"

// Kinds whose entries are the text of their own name, and so are known without asking.
static bool in_names(const char *const *names, const char *name)
{
    for (; *names; names++)
        if (strcmp(*names, name) == 0)
            return true;
    return false;
}

bool tree_never(const struct tree *t, enum kind dir, const char *name)
{
    if (strlen(name) > NAME_MAX_BYTES)
        return true;
    if (dir == K_BATCH)
        return false; // a file can be called anything
    if (name[0] == '.')
        return kind_of_dot(dir, name) == K_NONE;
    if (kind_is_code(dir))
        return false; // people's own names
    bool odd_names = atomic_load(&t->odd_names);
    if (!odd_names && kind_is_probe(dir, name))
        return true;
    switch (dir) {
    case K_CTL:
        return !in_names(ctl_names, name);
    case K_ATTEMPTS:
        return name[0] < '0' || name[0] > '9' || name[1];
    case K_RUN_TAG:
        return true;
    case K_JSONS:
    case K_CSVS:
    case K_NPYS:
        return !strstr(name, kind_suffix(tree_kind_of_entry(dir, name)));
    default: {
        if (name_is_cut(name))
            return false;
        auto_free char *decoded = tree_decode(t, name);
        return !decoded || (t->conf.strict_names && !odd_names && !kind_can_be_called(dir, decoded));
    }
    }
}

// The kind of an entry that is no dot name, by its directory alone. Some need a look at the name.
enum kind tree_kind_of_entry(enum kind dir, const char *name)
{
    switch (dir) {
    case K_ROOT:
        return K_FLOW;
    case K_FLOW:
        return K_RUN;
    case K_RUN:
        return K_STEP;
    case K_STEP:
        return K_TASK;
    case K_TASK:
    case K_ATTEMPT:
    case K_INTERNALS:
        return K_ARTIFACT;
    case K_CTL:
        if (strcmp(name, "tempdir") == 0)
            return K_CTL_TEMPDIR;
        return strcmp(name, "refresh") == 0 ? K_CTL_REFRESH : K_CTL_FILE;
    case K_FLOW_TAGS:
        return K_FLOW_TAG;
    case K_BY_DATE:
        return K_DAY;
    case K_FLOW_TAG:
    case K_DAY:
    case K_FLOW_FAILED:
    case K_FLOW_RUNNING:
        return K_RUN_LINK;
    case K_PARAMETERS:
        return K_PARAMETER;
    case K_RUN_TAGS:
        return K_RUN_TAG;
    case K_RUN_FAILED:
    case K_PARENTS:
    case K_CHILDREN:
        return K_TASK_LINK;
    case K_INDEX:
        return K_INDEX_LINK;
    case K_LOGS:
        return K_LOG_PART;
    case K_ATTEMPTS:
        return K_ATTEMPT;
    case K_PICKLES:
        return K_PICKLE;
    case K_JSONS:
        return K_JSON;
    case K_CSVS:
        return K_CSV;
    case K_NPYS:
        return K_NPY;

    case K_CARDS:
        return K_CARD;
    default:
        return K_NONE;
    }
}

// Whether a view has an entry is asked of the view itself; everything else shows in its attributes.
struct seen {
    const char *first, *second; // ids wanted; NULL matches all
    bool found;
};

static bool see_run(void *arg, const char *id, int64_t created_ms)
{
    (void)created_ms;
    struct seen *s = arg;
    s->found = !s->first || strcmp(s->first, id) == 0;
    return !s->found;
}

static bool see_task(void *arg, const char *step, const char *task)
{
    struct seen *s = arg;
    s->found = strcmp(s->first, step) == 0 && (!s->second || strcmp(s->second, task) == 0);
    return !s->found;
}

static errc missing(struct err *err, const struct tref *r)
{
    struct pathspec ps = tref_pathspec(r);
    auto_free char *text = pathspec_text(&ps);
    return err_set(err, ERR_NOT_FOUND, "there is no %s \"%s\" in %s", kind_info(r->kind)->label,
                   r->leaf ? r->leaf : "", *text ? text : "the mount");
}

static errc check_view_run(struct tree *t, const struct tref *dir, const struct tref *r,
                           struct cancel *cancel, struct err *err)
{
    enum run_filter filter = dir->kind == K_FLOW_TAG      ? RUNS_WITH_TAG
                             : dir->kind == K_DAY         ? RUNS_ON_DAY
                             : dir->kind == K_FLOW_FAILED ? RUNS_FAILED
                                                          : RUNS_RUNNING;
    bool found = false;
    errc e = client_run_matches(t->conf.client, r->flow, r->leaf, filter, dir->leaf, cancel, &found, err);
    return e ? e : found ? ERR_OK : missing(err, r);
}

static errc check_view(struct tree *t, const struct tref *r, enum run_filter filter,
                       struct cancel *cancel, struct err *err)
{
    struct seen seen = {0};
    errc e = client_runs(t->conf.client, r->flow, filter, r->leaf, cancel, see_run, &seen, err);
    return e ? e : seen.found ? ERR_OK : missing(err, r);
}

static errc check_task_link(struct tree *t, const struct tref *dir, const struct tref *r,
                            struct cancel *cancel, struct err *err)
{
    auto_free char *text = mem_strdup(r->leaf);
    char *step, *task;
    if (!tree_split_task_name(text, &step, &task))
        return missing(err, r);
    struct pathspec ps = tref_pathspec(r);
    if (dir->kind == K_RUN_FAILED) {
        struct pathspec failed = {r->flow, r->run, step, task};
        auto_cleanup(task_unrefp) const struct task *found = NULL;
        errc e = client_task(t->conf.client, &failed, cancel, &found, err);
        if (e)
            return e;
        bool is_failed = found->status == STATUS_FAILED || found->status == STATUS_STALE;
        return is_failed ? ERR_OK : missing(err, r);
    }
    struct seen seen = {step, task, false};
    errc e = client_relatives(t->conf.client, &ps, dir->kind == K_PARENTS, cancel, see_task, &seen, err);
    return e ? e : seen.found ? ERR_OK : missing(err, r);
}

static errc check_run_tag(struct tree *t, const struct tref *r, struct cancel *cancel, struct err *err)
{
    struct pathspec run = tref_pathspec_upto(r, LEVEL_RUN);
    auto_cleanup(meta_object_freep) struct meta_object *object = NULL;
    errc e = client_object(t->conf.client, &run, cancel, &object, err);
    if (e)
        return e;
    bool found = strv_has(&object->tags, r->leaf) || strv_has(&object->system_tags, r->leaf);
    return found ? ERR_OK : missing(err, r);
}

static errc check_attempt(struct tree *t, const struct tref *r, struct cancel *cancel, struct err *err)
{
    struct pathspec ps = tref_pathspec(r);
    int attempts[6];
    size_t n;
    errc e = client_attempts(t->conf.client, &ps, cancel, attempts, &n, err);
    if (e)
        return e;
    for (size_t i = 0; i < n; i++)
        if (attempts[i] == r->attempt)
            return ERR_OK;
    return missing(err, r);
}

static errc check_index(struct tree *t, const struct tref *r, struct cancel *cancel, struct err *err)
{
    struct pathspec ps = tref_pathspec(r);
    struct seen seen = {r->leaf, NULL, false};
    errc e = client_step_index(t->conf.client, &ps, cancel, see_task, &seen, err);
    return e ? e : seen.found ? ERR_OK : missing(err, r);
}

// A link that dangles when there is nothing to point to does not exist.
static errc check_link(struct tree *t, const struct tref *r, struct cancel *cancel, struct err *err)
{
    char *target;
    errc e = tree_readlink(t, r, cancel, &target, err);
    if (!e)
        free(target);
    return e;
}

// Whether an entry whose attributes are those of its object is really there.
static errc check_exists(struct tree *t, const struct tref *dir, const struct tref *r,
                         struct cancel *cancel, struct err *err)
{
    switch (r->kind) {
    case K_CTL:
        return t->conf.ctl ? ERR_OK
                           : err_set(err, ERR_NOT_FOUND, "there is no .metaflowfs without a mount; metaflowfs --check "
                                                         "says what a mount would use");
    case K_RUN_LINK:
        return check_view_run(t, dir, r, cancel, err);
    case K_FLOW_TAG:
        return check_view(t, r, RUNS_WITH_TAG, cancel, err);
    case K_DAY:
        return check_view(t, r, RUNS_ON_DAY, cancel, err);
    case K_TASK_LINK:
        return check_task_link(t, dir, r, cancel, err);
    case K_RUN_TAG:
        return check_run_tag(t, r, cancel, err);
    case K_ATTEMPT:
        return check_attempt(t, r, cancel, err);
    case K_INDEX_LINK:
        return check_index(t, r, cancel, err);
    case K_LATEST:
    case K_LATEST_SUCCESSFUL:
    case K_END:
    case K_TASK_BATCH:
    case K_CTL_TEMPDIR:
        return check_link(t, r, cancel, err);
    default:
        return ERR_OK;
    }
}

// A cut name is only known once its directory was listed: lists it, for the names that it leaves.
static bool ignore_entry(void *arg, const char *name, enum kind kind, const struct tattr *attr)
{
    (void)kind;
    (void)attr;
    return strcmp(name, arg) != 0;
}

static errc learn_cut_name(struct tree *t, const struct tref *dir, const char *name,
                           struct cancel *cancel, struct err *err)
{
    if (!name_is_cut(name))
        return ERR_OK;
    auto_free char *known = long_names_find(t->long_names, name);
    if (known)
        return ERR_OK;
    auto_free char *wanted = mem_strdup(name);
    return tree_list(t, dir, cancel, ignore_entry, wanted, err);
}

static errc lookup_step(struct tree *t, const struct tref *dir, enum kind kind, const char *name,
                        struct cancel *cancel, struct tattr *ret_attr, struct err *err)
{
    struct tref child __attribute__((cleanup(tref_free)));
    tref_copy(&child, dir);
    if (!tref_step(t, &child, kind, name))
        return err_set(err, ERR_NOT_FOUND, "\"%s\" is not the file name of anything here", name);
    errc e = check_exists(t, dir, &child, cancel, err);
    return e ? e : tree_attr(t, &child, cancel, ret_attr, err);
}

errc tree_lookup(struct tree *t, const struct tref *dir, const char *name, struct cancel *cancel,
                 enum kind *ret_kind, struct tattr *ret_attr, struct err *err)
{
    if (tree_never(t, dir->kind, name))
        return err_set(err, ERR_NOT_FOUND, "there can be no \"%s\" in a %s directory", name,
                       kind_info(dir->kind)->label);
    if (kind_is_batch(dir->kind) && kind_of_dot(dir->kind, name) == K_NONE)
        return tree_batch_lookup(t, dir, name, cancel, ret_kind, ret_attr, err);
    if (kind_is_code(dir->kind) && kind_of_dot(dir->kind, name) == K_NONE)
        return tree_code_lookup(t, dir, name, cancel, ret_kind, ret_attr, err);
    errc e = learn_cut_name(t, dir, name, cancel, err);
    if (e)
        return e;
    enum kind kind = name[0] == '.' ? kind_of_dot(dir->kind, name) : tree_kind_of_entry(dir->kind, name);
    if (kind == K_NONE)
        return err_set(err, ERR_NOT_FOUND, "there is no \"%s\" in a %s directory", name,
                       kind_info(dir->kind)->label);
    e = lookup_step(t, dir, kind, name, cancel, ret_attr, err);
    if (e == ERR_NOT_FOUND && kind == K_CARD) {
        // Not a stored name: perhaps the link of its type and id.
        kind = K_CARD_LINK;
        e = lookup_step(t, dir, kind, name, cancel, ret_attr, err);
    }
    if (!e)
        *ret_kind = kind;
    return e;
}
