// Paths from the root without a kernel: `metaflowfs ls` and `cat`.
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "fs/tree_i.h"

#define MAX_LINKS 40
#define MAX_DEPTH 64

struct walk {
    struct tref at[MAX_DEPTH]; // the way down from the root, at[depth] is where we are
    struct tattr attr[MAX_DEPTH];
    size_t depth;
    int links;
};

static void walk_free(struct walk *w)
{
    for (size_t i = 0; i <= w->depth; i++)
        tref_free(&w->at[i]);
}

static void pop(struct walk *w)
{
    if (w->depth > 0)
        tref_free(&w->at[w->depth--]);
}

static errc push(struct tree *t, struct walk *w, const char *name, struct cancel *cancel, struct err *err)
{
    if (w->depth + 1 == MAX_DEPTH)
        return err_set(err, ERR_INVALID, "the path has more than %d parts", MAX_DEPTH);
    const struct tref *dir = &w->at[w->depth];
    if (!S_ISDIR(w->attr[w->depth].mode))
        return err_set(err, ERR_NOT_FOUND, "\"%s\" is below something that is no directory", name);
    enum kind kind;
    struct tattr attr;
    errc e = tree_lookup(t, dir, name, cancel, &kind, &attr, err);
    if (e)
        return e;
    struct tref *child = &w->at[w->depth + 1];
    tref_copy(child, dir);
    if (!tref_step(t, child, kind, name)) {
        tref_free(child);
        return err_set(err, ERR_NOT_FOUND, "\"%s\" is not the file name of anything here", name);
    }
    w->attr[++w->depth] = attr;
    return ERR_OK;
}

static errc walk_path(struct tree *t, struct walk *w, const char *path, bool follow_last,
                      struct cancel *cancel, struct err *err);

static errc follow(struct tree *t, struct walk *w, struct cancel *cancel, struct err *err)
{
    if (++w->links > MAX_LINKS)
        return err_set(err, ERR_INVALID, "too many links in the path");
    auto_free char *target = NULL;
    errc e = tree_readlink(t, &w->at[w->depth], cancel, &target, err);
    if (e)
        return e;
    if (target[0] == '/')
        return err_set(err, ERR_INVALID, "the link leads out of the tree, to %s", target);
    pop(w);
    return walk_path(t, w, target, true, cancel, err);
}

static errc walk_path(struct tree *t, struct walk *w, const char *path, bool follow_last,
                      struct cancel *cancel, struct err *err)
{
    auto_free char *copy = mem_strdup(path);
    char *rest = copy;
    for (char *part; (part = strsep(&rest, "/"));) {
        if (!*part || strcmp(part, ".") == 0)
            continue;
        if (strcmp(part, "..") == 0) {
            pop(w);
            continue;
        }
        errc e = push(t, w, part, cancel, err);
        bool last = !rest || !*rest;
        if (!e && S_ISLNK(w->attr[w->depth].mode) && (!last || follow_last))
            e = follow(t, w, cancel, err);
        if (e)
            return e;
    }
    return ERR_OK;
}

errc tree_resolve(struct tree *t, const char *path, bool follow_last, struct cancel *cancel,
                  struct tref *ret, struct tattr *ret_attr, struct err *err)
{
    struct walk *w = mem_zalloc(sizeof *w);
    tref_init_root(&w->at[0]);
    errc e = tree_attr(t, &w->at[0], cancel, &w->attr[0], err);
    if (!e)
        e = walk_path(t, w, path, follow_last, cancel, err);
    if (!e) {
        tref_copy(ret, &w->at[w->depth]);
        *ret_attr = w->attr[w->depth];
    }
    walk_free(w);
    free(w);
    return e;
}
