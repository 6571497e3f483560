// Where the copy goes: DIR itself or something in it, as `cp -r` decides, or where an earlier copy is gone on with.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "fs/get_i.h"

// What the state calls the object that is copied: its path in the tree, but for links.
static char *object_of(const struct tref *ref, const char *name)
{
    struct pathspec ps = tref_pathspec(ref);
    auto_free char *text = pathspec_text(&ps);
    bool named = ref->kind <= K_TASK, in_code = ref->kind == K_CODE_DIR;
    const char *attempt = ref->attempt >= 0 ? "/.attempts" : in_code ? "/.code" : "";
    char *object = mem_printf("%s%s%s%s", *text ? text : "/", attempt, named ? "" : "/",
                              named ? "" : in_code ? ref->leaf : name);
    // A text of the metadata: what would end the line is not written.
    for (char *p = object; *p != '\0'; p++) {
        *p = *p == '\n' ? '?' : *p;
    }
    return object;
}

static errc open_dir(int at, const char *path, int flags, int *ret, struct err *err)
{
    int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | flags);
    if (fd >= 0) {
        *ret = fd;
        return ERR_OK;
    }
    if (errno == ENOTDIR || errno == ELOOP) {
        return err_set(err, ERR_EXISTS, "%s is there already and is no directory: name another DIR", path);
    }
    return err_set_errno(err, errno, "cannot open the directory %s", path);
}

static errc make_dir(int at, const char *path, struct err *err)
{
    if (mkdirat(at, path, 0777) == 0 || errno == EEXIST) {
        return ERR_OK;
    }
    return err_set_errno(err, errno, "cannot make the directory %s", path);
}

// A directory of a run that ended before it could say what it copies: it holds an empty state, and nothing else.
static bool is_barely_begun(int dirfd)
{
    struct stat st;
    if (fstatat(dirfd, GET_STATE_FILE, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode) || st.st_size != 0) {
        return false;
    }
    int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (dir == NULL) {
        if (fd >= 0) {
            close(fd);
        }
        return false;
    }
    unsigned entries = 0;
    // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody else has this DIR
    while (entries < 4 && readdir(dir) != NULL) {
        entries++;
    }
    closedir(dir);
    return entries == 3; // with . and ..
}

// *ret_shown is the target's path for causes, owned by the caller.
static errc find_dir(const struct get *g, const char *name, const char *object, int *ret, char **ret_shown,
                     struct err *err)
{
    bool fresh = mkdir(g->dir, 0777) == 0;
    if (!fresh && errno != EEXIST) {
        return err_set_errno(err, errno, "cannot make the directory %s", g->dir);
    }
    int fd = -1, inner = -1;
    errc e = open_dir(AT_FDCWD, g->dir, 0, &fd, err);
    if (e) {
        return e;
    }
    if (fresh || name[0] == '\0' || get_state_is_of(fd, object) || is_barely_begun(fd)) {
        *ret = fd;
        *ret_shown = mem_strdup(g->dir);
        return ERR_OK;
    }
    e = make_dir(fd, name, err);
    if (!e) {
        e = open_dir(fd, name, O_NOFOLLOW, &inner, err);
    }
    close(fd);
    if (e) {
        return err_prefix(err, "in %s", g->dir);
    }
    *ret = inner;
    *ret_shown = file_join(g->dir, name);
    return ERR_OK;
}

static errc start_dir(struct get *g, const struct tref *ref, const char *name, struct err *err)
{
    int fd = -1;
    auto_free char *shown = NULL, *object = object_of(ref, name);
    errc e = find_dir(g, name, object, &fd, &shown, err);
    if (!e) {
        e = get_state_open(fd, shown, object, g->overwrite, &g->state, err);
        if (e) {
            close(fd);
        }
    }
    if (e) {
        return e;
    }
    struct get_item *item = mem_zalloc(sizeof(*item));
    item->dir = get_dir_new(fd, "");
    item->name = mem_strdup("");
    item->is_dir = true;
    tref_copy(&item->ref, ref);
    get_queue_add(&g->queue, item);
    return ERR_OK;
}

// One file: into DIR where that is a directory, else under DIR's own name.
static errc start_file(struct get *g, const struct tref *ref, const struct tattr *attr, const char *name,
                       struct err *err)
{
    struct stat st;
    bool into = stat(g->dir, &st) == 0 && S_ISDIR(st.st_mode);
    const char *slash = strrchr(g->dir, '/');
    auto_free char *parent = into            ? mem_strdup(g->dir)
                             : slash == NULL ? mem_strdup(".")
                                             : mem_strndup(g->dir, (size_t)(slash - g->dir) + 1);
    const char *own = slash != NULL ? slash + 1 : g->dir;
    if (!into && own[0] == '\0') {
        return err_set(err, ERR_NOT_FOUND, "there is no directory %s", g->dir);
    }
    if (g->raw && ref->kind == K_PARAMETER) {
        return err_set(err, ERR_NO_FORM, "--raw takes artifacts: a parameter is stored as one of the run's "
                                         "_parameters task");
    }
    int fd = -1;
    errc e = open_dir(AT_FDCWD, parent, 0, &fd, err);
    if (e) {
        return e;
    }
    struct get_dir *dir = get_dir_new(fd, "");
    get_queue_file(g, dir, ref, into ? name : own, attr);
    get_dir_unref(dir);
    return ERR_OK;
}

errc get_start(struct get *g, struct err *err)
{
    struct tref ref __attribute__((cleanup(tref_free))) = {.attempt = -1};
    struct tattr attr;
    errc e = tree_resolve(g->stack.tree, g->pathspec, true, &g->cancel, &ref, &attr, err);
    if (e) {
        return e;
    }
    auto_free char *name = tref_file_name(g->stack.tree, &ref);
    return S_ISDIR(attr.mode) ? start_dir(g, &ref, name, err) : start_file(g, &ref, &attr, name, err);
}
