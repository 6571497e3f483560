#include "client/meta_local.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "client/fault.h"
#include "client/idlist.h"
#include "client/meta_local_internal.h"

#define SELF_TAIL "_meta/_self.json"
// Far more than Metaflow writes: 50 tags of 500 characters, or one value of a decorator.
#define FILE_MAX_BYTES ((size_t)4 << 20)

char *meta_local_rel(const struct pathspec *ps, const char *tail)
{
    const char *const ids[] = {ps->flow, ps->run, ps->step, ps->task};
    enum level level = pathspec_level(ps);
    for (unsigned i = 0; i < level; i++) {
        if (!confine_is_part(ids[i]))
            return NULL;
    }
    auto_free char *path = pathspec_text(ps);
    return mem_printf("%s%s%s", path, path[0] ? "/" : "", tail);
}

void meta_local_say_missing(struct meta_local *m, const struct pathspec *ps, struct err *err)
{
    static const char *const names[] = {"datastore", "flow", "run", "step", "task"};
    auto_free char *path = pathspec_text(ps);
    err_set_text(err, ERR_NOT_FOUND, "there is no %s %s in %s", names[pathspec_level(ps)], path,
                 confine_path(m->root));
}

errc meta_local_read(struct meta_local *m, const char *rel, struct buf *buf, struct err *err)
{
    int fd;
    errc e = confine_open(m->root, rel, O_RDONLY, &fd, err);
    if (e)
        return e;
    atomic_fetch_add_explicit(&m->files_read, 1, memory_order_relaxed);
    auto_free char *path = file_join(confine_path(m->root), rel);
    e = file_read_fd(fd, path, FILE_MAX_BYTES, buf, err);
    close(fd);
    return e;
}

errc meta_local_self(struct meta_local *m, const struct pathspec *ps, struct meta_object **ret,
                     struct err *err)
{
    auto_free char *rel = meta_local_rel(ps, SELF_TAIL);
    if (!rel)
        return meta_local_missing(m, ps, err);
    auto_cleanup(buf_free) struct buf text = {0};
    errc e = meta_local_read(m, rel, &text, err);
    if (e == ERR_NOT_FOUND)
        return meta_local_missing(m, ps, err);
    if (e)
        return e;
    auto_free char *path = file_join(confine_path(m->root), rel);
    struct meta_object o;
    e = meta_local_parse_object(text.data, text.len, path, &o, err);
    if (e)
        return e;
    o.flow = mem_strdup(ps->flow);
    o.run = mem_strdup(ps->run);
    o.step = mem_strdup(ps->step);
    o.task = mem_strdup(ps->task);
    struct meta_object *object = mem_zalloc(sizeof *object);
    *object = o;
    *ret = object;
    return ERR_OK;
}

static errc local_get(struct meta *meta, const struct pathspec *ps, struct cancel *cancel,
                      struct meta_object **ret, struct err *err)
{
    struct meta_local *m = meta_local_of(meta);
    atomic_fetch_add_explicit(&m->gets, 1, memory_order_relaxed);
    errc e = cancel_check(cancel, err);
    if (e)
        return e;
    enum level level = pathspec_level(ps);
    if (level == LEVEL_ROOT)
        return err_set(err, ERR_INVALID, "the datastore itself is no object: name a flow");
    auto_cleanup(meta_object_freep) struct meta_object *object = NULL;
    e = meta_local_self(m, ps, &object, err);
    if (e)
        return e;
    if (level > LEVEL_RUN) {
        // Every level has a copy of the tags from when it was made; only the run's own are kept up.
        struct pathspec run_ps = pathspec_upto(ps, LEVEL_RUN);
        auto_cleanup(meta_object_freep) struct meta_object *run = NULL;
        e = meta_local_self(m, &run_ps, &run, err);
        if (e)
            return e;
        struct strv swap = object->tags;
        object->tags = run->tags;
        run->tags = swap;
        swap = object->system_tags;
        object->system_tags = run->system_tags;
        run->system_tags = swap;
    }
    *ret = steal_ptr(&object);
    return ERR_OK;
}

errc meta_local_opendir(struct meta_local *m, const char *rel, DIR **ret, struct err *err)
{
    int fd;
    errc e = confine_open(m->root, rel, O_RDONLY | O_DIRECTORY, &fd, err);
    if (e)
        return e;
    DIR *dir = fdopendir(fd);
    if (!dir) {
        int failed = errno;
        close(fd);
        return err_set_errno(err, failed, "cannot list %s/%s", confine_path(m->root), rel);
    }
    atomic_fetch_add_explicit(&m->dirs_read, 1, memory_order_relaxed);
    *ret = dir;
    return ERR_OK;
}

void meta_local_closedirp(DIR **dir)
{
    if (*dir)
        closedir(*dir);
}

errc meta_local_readdir(DIR *dir, struct cancel *cancel, const char **ret_name, unsigned char *ret_type,
                        struct err *err)
{
    errc e = cancel_check(cancel, err);
    if (e)
        return e;
    struct dirent *entry;
    do {
        errno = 0;
        entry = readdir(dir); // NOLINT(concurrency-mt-unsafe): nobody else has this DIR
    } while (entry && entry->d_name[0] == '.');
    if (!entry && errno)
        return err_set_errno(err, errno, "cannot read a directory of the datastore");
    *ret_name = entry ? entry->d_name : NULL;
    *ret_type = entry ? entry->d_type : DT_UNKNOWN;
    return ERR_OK;
}

static errc collect(DIR *dir, struct cancel *cancel, struct idlist *ids, struct err *err)
{
    for (;;) {
        const char *name;
        unsigned char type;
        errc e = meta_local_readdir(dir, cancel, &name, &type, err);
        if (e || !name)
            return e;
        if (type != DT_DIR && type != DT_LNK && type != DT_UNKNOWN)
            continue;
        char self[NAME_MAX + sizeof "/" SELF_TAIL];
        snprintf(self, sizeof self, "%s/%s", name, SELF_TAIL);
        if (faccessat(dirfd(dir), self, F_OK, 0) != 0)
            continue;
        e = idlist_add(ids, name, err);
        if (e)
            return e;
    }
}

static bool has_self(struct meta_local *m, const struct pathspec *ps)
{
    auto_free char *rel = meta_local_rel(ps, SELF_TAIL);
    int fd;
    struct err ignored = ERR_INIT;
    if (!rel || confine_open(m->root, rel, O_PATH, &fd, &ignored) != ERR_OK)
        return false;
    close(fd);
    return true;
}

static errc list_into(struct meta_local *m, const struct pathspec *ps, struct cancel *cancel,
                      struct idlist *ids, struct err *err)
{
    enum level level = pathspec_level(ps);
    auto_free char *rel = meta_local_rel(ps, level == LEVEL_ROOT ? "." : "");
    if (!rel)
        return meta_local_missing(m, ps, err);
    auto_cleanup(meta_local_closedirp) DIR *dir = NULL;
    errc e = meta_local_opendir(m, rel, &dir, err);
    if (e == ERR_NOT_FOUND)
        return meta_local_missing(m, ps, err);
    if (!e)
        e = collect(dir, cancel, ids, err);
    if (!e && idlist_len(ids) == 0 && level != LEVEL_ROOT && !has_self(m, ps))
        e = meta_local_missing(m, ps, err);
    return e;
}

static errc local_list(struct meta *meta, const struct pathspec *ps, struct cancel *cancel,
                       meta_list_fn fn, void *arg, struct err *err)
{
    struct meta_local *m = meta_local_of(meta);
    atomic_fetch_add_explicit(&m->lists, 1, memory_order_relaxed);
    if (pathspec_level(ps) == LEVEL_TASK)
        return err_set(err, ERR_INVALID, "a task has no children: ask for its artifacts");
    auto_cleanup(idlist_free) struct idlist ids = {0};
    errc e = list_into(m, ps, cancel, &ids, err);
    if (e)
        return e;
    idlist_sort(&ids);
    for (size_t i = 0; i < idlist_len(&ids); i++) {
        char room[24];
        e = i % 64 == 0 ? cancel_check(cancel, err) : ERR_OK;
        if (e)
            return e;
        if (!fn(arg, idlist_at(&ids, i, room), -1))
            break;
    }
    return ERR_OK;
}

static void local_free(struct meta *meta)
{
    struct meta_local *m = meta_local_of(meta);
    confine_free(m->root);
    ages_free(m->ages);
    free(m->user);
    free(m);
}

static const struct meta_ops local_ops = {
    .get = local_get,
    .list = local_list,
    .records = meta_local_records,
    .artifacts = meta_local_artifacts,
    .artifact = meta_local_artifact,
    .mutate_tags = meta_local_mutate_tags,
    .free = local_free,
    .newest = meta_local_newest,
    .newest_ms = meta_local_newest_ms,
    .field = meta_local_field,
    .stats = meta_local_stats,
};

void meta_local_stats(struct meta *meta, struct meta_stats *ret)
{
    *ret = (struct meta_stats){0};
    meta = fault_meta_inner(meta);
    if (meta->ops != &local_ops)
        return;
    struct meta_local *m = meta_local_of(meta);
    *ret = (struct meta_stats){
        .gets = atomic_load_explicit(&m->gets, memory_order_relaxed),
        .lists = atomic_load_explicit(&m->lists, memory_order_relaxed),
        .records = atomic_load_explicit(&m->records, memory_order_relaxed),
        .artifacts = atomic_load_explicit(&m->artifacts, memory_order_relaxed),
        .files_read = atomic_load_explicit(&m->files_read, memory_order_relaxed),
        .dirs_read = atomic_load_explicit(&m->dirs_read, memory_order_relaxed),
    };
}

void meta_local_set_user(struct meta *meta, const char *user)
{
    meta = fault_meta_inner(meta);
    if (meta->ops != &local_ops)
        return;
    struct meta_local *m = meta_local_of(meta);
    free(m->user);
    m->user = mem_strdup(user);
}

errc meta_local_new(const char *root, struct meta **ret, struct err *err)
{
    struct confine *confine;
    errc e = confine_new(root, &confine, err);
    if (e)
        return e;
    struct meta_local *m = mem_zalloc(sizeof *m);
    m->meta.ops = &local_ops;
    m->meta.type = "local";
    m->root = confine;
    m->ages = ages_new();
    *ret = &m->meta;
    return ERR_OK;
}
