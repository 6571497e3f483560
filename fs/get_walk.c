// The walk: what is in a directory of the tree, as items of the queue.
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "fs/get_i.h"

char *get_item_path(const struct get_item *item)
{
    return mem_printf("%s%s%s", item->dir->path, item->dir->path[0] != '\0' && item->name[0] != '\0' ? "/" : "",
                      item->name);
}

static struct get_item *new_item(struct get_dir *dir, const struct tref *ref, const char *name)
{
    struct get_item *item = mem_zalloc(sizeof(*item));
    item->dir = get_dir_ref(dir);
    item->name = mem_strdup(name);
    tref_copy(&item->ref, ref);
    return item;
}

void get_queue_file(struct get *g, struct get_dir *dir, const struct tref *ref, const char *name,
                    const struct tattr *attr)
{
    struct get_item *item = new_item(dir, ref, name);
    if (g->raw && ref->kind == K_ARTIFACT) {
        item->ref.kind = K_PICKLE; // the same artifact, as it is stored
    }
    if (attr != NULL) {
        item->has_attr = true;
        item->executable = (attr->mode & 0111) != 0;
        item->size = attr->size;
        item->mtime_ms = attr->mtime_ms;
    }
    atomic_fetch_add(&g->files_known, 1);
    atomic_fetch_add(&g->bytes_known, item->size);
    get_queue_add(&g->queue, item);
}

struct listing {
    struct get *g;
    struct get_dir *dir;
    const struct tref *ref;
    bool begun;
};

// Names of the tree are encoded, so that none of these comes: a last look before a name is given to the system.
static bool is_file_name(const char *name)
{
    return name[0] != '\0' && strchr(name, '/') == NULL && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static bool take_entry(void *arg, const char *name, enum kind kind, const struct tattr *attr)
{
    struct listing *l = arg;
    struct tref ref __attribute__((cleanup(tref_free)));
    l->begun = true;
    tref_copy(&ref, l->ref);
    if (kind_info(kind)->type == KIND_LINK) {
        atomic_fetch_add(&l->g->links, 1);
    } else if (is_file_name(name) && tref_step(l->g->stack.tree, &ref, kind, name)) {
        if (kind_info(kind)->type == KIND_FILE) {
            get_queue_file(l->g, l->dir, &ref, name, attr);
        } else {
            struct get_item *item = new_item(l->dir, &ref, name);
            item->is_dir = true;
            get_queue_add(&l->g->queue, item);
        }
    }
    return !atomic_load(&l->g->cancel.set);
}

static void add_log(struct get *g, struct get_dir *dir, const struct tref *task, enum kind kind, const char *name)
{
    struct tref ref __attribute__((cleanup(tref_free)));
    tref_copy(&ref, task);
    if (tref_step(g->stack.tree, &ref, kind, name)) {
        get_queue_file(g, dir, &ref, name, NULL);
    }
}

static errc make_dir(const struct get_item *item, struct get_dir **ret, struct err *err)
{
    auto_free char *path = get_item_path(item);
    if (item->name[0] == '\0') { // the target itself, which is open
        *ret = get_dir_ref(item->dir);
        return ERR_OK;
    }
    if (mkdirat(item->dir->fd, item->name, 0777) != 0 && errno != EEXIST) {
        int no = errno;
        err_set_errno(err, no, "cannot make the directory");
        err->code = no == ENOSPC || no == EDQUOT ? ERR_NO_SPACE : err->code;
        return err->code;
    }
    int fd = openat(item->dir->fd, item->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && (errno == ELOOP || errno == ENOTDIR)) {
        return err_set(err, ERR_EXISTS, "something else is there already where a directory belongs: remove it");
    }
    if (fd < 0) {
        return err_set_errno(err, errno, "cannot open the directory");
    }
    *ret = get_dir_new(fd, path);
    return ERR_OK;
}

errc get_list(struct get *g, struct get_item *item, struct err *err)
{
    struct get_dir *dir = NULL;
    errc e = make_dir(item, &dir, err);
    if (e) {
        // A full file system is full for all that is left.
        return e;
    }
    struct listing l = {g, dir, &item->ref, false};
    e = tree_list(g->stack.tree, &item->ref, &g->cancel, take_entry, &l, err);
    item->begun = l.begun;
    if (!e && g->logs && (item->ref.kind == K_TASK || item->ref.kind == K_ATTEMPT)) {
        add_log(g, dir, &item->ref, K_STDOUT, ".stdout");
        add_log(g, dir, &item->ref, K_STDERR, ".stderr");
    }
    get_dir_unref(dir);
    return e;
}
