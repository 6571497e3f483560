// The few writes: tags of a run, and the refresh file.
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fs/tree_i.h"

static errc check_tags_writable(const struct tree *t, const struct tref *dir, const char *what,
                                const char *name, struct err *err)
{
    if (t->conf.read_only)
        return err_set(err, ERR_READ_ONLY, "cannot %s \"%s\": mounted with -o ro", what, name);
    if (dir->kind != K_RUN_TAGS)
        return err_set(err, ERR_READ_ONLY,
                       "cannot %s \"%s\": only the tags of a run can be changed, as RUN/.tags/NAME", what,
                       name);
    return ERR_OK;
}

errc tree_mkdir(struct tree *t, const struct tref *dir, const char *name, struct cancel *cancel,
                enum kind *ret_kind, struct tattr *ret_attr, struct err *err)
{
    errc e = check_tags_writable(t, dir, "make", name, err);
    if (e)
        return e;
    auto_free char *tag = name[0] == '.' ? NULL : tree_decode(t, name);
    if (!tag)
        return err_set(err, ERR_INVALID,
                       "\"%s\" cannot be a tag's file name: write a leading dot as %%2E, a slash as %%2F, "
                       "a percent sign as %%25",
                       name);
    struct pathspec run = tref_pathspec(dir);
    e = client_tag_add(t->conf.client, &run, tag, cancel, err);
    return e ? e : tree_lookup(t, dir, name, cancel, ret_kind, ret_attr, err);
}

errc tree_rmdir(struct tree *t, const struct tref *dir, const char *name, struct cancel *cancel,
                struct err *err)
{
    errc e = check_tags_writable(t, dir, "remove", name, err);
    if (e)
        return e;
    auto_free char *tag = name[0] == '.' ? NULL : tree_decode(t, name);
    if (!tag)
        return err_set(err, ERR_NOT_FOUND, "run %s/%s has no tag \"%s\"", dir->flow, dir->run, name);
    struct pathspec run = tref_pathspec(dir);
    return client_tag_remove(t->conf.client, &run, tag, cancel, err);
}

errc tree_refresh(struct tree *t, const char *path, struct err *err)
{
    struct tref r __attribute__((cleanup(tref_free)));
    tref_init_root(&r);
    auto_free char *text = mem_strdup(path);
    static const enum kind levels[] = {K_FLOW, K_RUN, K_STEP, K_TASK};
    size_t depth = 0;
    char *rest = text;
    for (char *part; (part = strsep(&rest, "/"));) {
        if (!*part || strcmp(part, ".") == 0)
            continue;
        // What is below a task, or behind a dot name, belongs to the object above it.
        if (part[0] == '.' || depth == sizeof levels / sizeof *levels)
            break;
        if (!tref_step(t, &r, levels[depth++], part))
            return err_set(err, ERR_INVALID,
                           "\"%s\" is not a path below the mount: write FLOW[/RUN[/STEP[/TASK]]], or / for all",
                           path);
    }
    struct pathspec ps = tref_pathspec(&r);
    client_forget(t->conf.client, &ps);
    if (t->conf.ctl && t->conf.ctl->refreshed)
        t->conf.ctl->refreshed(t->conf.ctl->arg, path);
    return ERR_OK;
}
