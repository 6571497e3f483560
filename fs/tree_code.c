// The code package of a run as files.
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"
#include "client/code.h"
#include "fs/tree_i.h"

// A package that was recorded this long ago stays the run's: the kernel may keep what it knows of its files.
#define SETTLED_AFTER_MS (15 * 60 * 1000)
#define SETTLED_TTL_MS (30 * 1000)

struct view {
    const struct code_package *package;
    const struct code_files *files;
};

static void view_free(struct view *v)
{
    code_files_unref(v->files);
    code_package_unref(v->package);
}

static errc view_open(struct tree *t, const struct tref *r, struct cancel *cancel, struct view *v, struct err *err)
{
    struct pathspec run = tref_pathspec(r);
    errc e = client_code(t->conf.client, &run, cancel, &v->package, err);
    return e ? e : client_code_files(t->conf.client, &run, v->package, cancel, &v->files, err);
}

static errc missing(struct err *err, const struct tref *r, const char *name)
{
    return err_set(err, ERR_NOT_FOUND, "there is no \"%.200s\" in the code package of run %s/%s", name, r->flow,
                   r->run);
}

// *ret NULL: .code itself.
static errc find_entry(const struct view *v, const struct tref *r, const struct code_file **ret, struct err *err)
{
    *ret = NULL;
    if (r->kind == K_CODE) {
        return ERR_OK;
    }
    const struct code_file *f = code_files_find(v->files, r->leaf);
    if (f == NULL || f->is_dir != (r->kind == K_CODE_DIR)) {
        return missing(err, r, r->leaf);
    }
    *ret = f;
    return ERR_OK;
}

static void fill_attr(const struct tree *t, const struct code_package *p, enum kind kind, int64_t mtime_ms,
                      struct tattr *ret)
{
    tree_fill_attr(t, kind, mtime_ms > 0 ? mtime_ms : p->created_ms, ret);
    if (p->created_ms > 0 && clock_wall_ms() - p->created_ms > SETTLED_AFTER_MS) {
        ret->ttl_ms = SETTLED_TTL_MS;
    }
}

static enum kind entry_attr(const struct tree *t, const struct code_package *p, const struct code_file *f,
                            struct tattr *ret)
{
    enum kind kind = f->is_dir ? K_CODE_DIR : K_CODE_FILE;
    fill_attr(t, p, kind, f->mtime_ms, ret);
    ret->size = f->size;
    if (f->executable) {
        ret->mode |= 0111 & ~t->conf.umask;
    }
    return kind;
}

static char *entry_name(struct tree *t, const struct code_file *f)
{
    auto_free char *name = mem_strndup(f->path + f->name_at, f->path_len - f->name_at);
    return tree_encode(t, name);
}

// --- look-up ---------------------------------------------------------------------------------------

// A name that was cut leads back to a path only once its directory was listed.
static bool learn_name(void *arg, const struct code_file *f)
{
    free(entry_name(arg, f));
    return true;
}

errc tree_code_lookup(struct tree *t, const struct tref *dir, const char *name, struct cancel *cancel,
                      enum kind *ret_kind, struct tattr *ret_attr, struct err *err)
{
    auto_cleanup(view_free) struct view v = {0};
    const struct code_file *in;
    errc e = view_open(t, dir, cancel, &v, err);
    if (!e) {
        e = find_entry(&v, dir, &in, err);
    }
    if (e) {
        return e;
    }
    if (name_is_cut(name)) {
        code_files_list(v.files, in, learn_name, t);
    }
    auto_free char *decoded = tree_decode(t, name);
    if (decoded == NULL || strchr(decoded, '/') != NULL) {
        return missing(err, dir, name);
    }
    auto_free char *path = in != NULL ? mem_printf("%s/%s", dir->leaf, decoded) : mem_strdup(decoded);
    const struct code_file *f = code_files_find(v.files, path);
    if (f == NULL) {
        return missing(err, dir, path);
    }
    *ret_kind = entry_attr(t, v.package, f, ret_attr);
    return ERR_OK;
}

static errc package_attr(struct tree *t, const struct tref *r, struct cancel *cancel, struct tattr *ret,
                         struct err *err)
{
    auto_cleanup(code_package_unrefp) const struct code_package *p = NULL;
    struct pathspec run = tref_pathspec(r);
    uint64_t size = 0;
    errc e = client_code(t->conf.client, &run, cancel, &p, err);
    if (!e && r->kind == K_CODE_TGZ) {
        e = client_code_size(t->conf.client, &run, p, cancel, &size, err);
    }
    if (!e) {
        fill_attr(t, p, r->kind, p->created_ms, ret);
        ret->size = size;
    }
    return e;
}

errc tree_code_attr(struct tree *t, const struct tref *r, struct cancel *cancel, struct tattr *ret, struct err *err)
{
    if (r->kind == K_CODE || r->kind == K_CODE_TGZ) {
        return package_attr(t, r, cancel, ret, err);
    }
    auto_cleanup(view_free) struct view v = {0};
    const struct code_file *f;
    errc e = view_open(t, r, cancel, &v, err);
    if (!e) {
        e = find_entry(&v, r, &f, err);
    }
    if (!e) {
        entry_attr(t, v.package, f, ret);
    }
    return e;
}

// --- listing and content -----------------------------------------------------------------------------

struct lister {
    struct tree *t;
    const struct code_package *package;
    tree_list_fn fn;
    void *arg;
};

static bool emit(void *arg, const struct code_file *f)
{
    struct lister *l = arg;
    struct tattr attr;
    enum kind kind = entry_attr(l->t, l->package, f, &attr);
    auto_free char *name = entry_name(l->t, f);
    return l->fn(l->arg, name, kind, &attr);
}

errc tree_code_list(struct tree *t, const struct tref *dir, struct cancel *cancel, tree_list_fn fn, void *arg,
                    struct err *err)
{
    auto_cleanup(view_free) struct view v = {0};
    const struct code_file *in;
    errc e = view_open(t, dir, cancel, &v, err);
    if (!e) {
        e = find_entry(&v, dir, &in, err);
    }
    if (!e) {
        struct lister l = {t, v.package, fn, arg};
        code_files_list(v.files, in, emit, &l);
    }
    return e;
}

static uint64_t version_of(const struct tref *r, const struct code_package *p)
{
    static const uint8_t key[16] = "code-version";
    auto_free char *text = mem_printf("%s/%s", p->sha, r->leaf != NULL ? r->leaf : "");
    uint64_t hash = hash_sip64(key, text, strlen(text));
    return hash != 0 ? hash : 1;
}

errc tree_code_version(struct tree *t, const struct tref *r, struct cancel *cancel, uint64_t *ret_version,
                       struct err *err)
{
    auto_cleanup(code_package_unrefp) const struct code_package *p = NULL;
    struct pathspec run = tref_pathspec(r);
    errc e = client_code(t->conf.client, &run, cancel, &p, err);
    if (!e) {
        *ret_version = version_of(r, p);
    }
    return e;
}

errc tree_code_open(struct tree *t, const struct tref *r, struct cancel *cancel, struct content **ret,
                    uint64_t *ret_version, struct err *err)
{
    auto_cleanup(view_free) struct view v = {0};
    struct pathspec run = tref_pathspec(r);
    const struct code_file *f;
    errc e;
    if (r->kind == K_CODE_TGZ) {
        e = client_code(t->conf.client, &run, cancel, &v.package, err);
        e = e ? e : client_code_open(t->conf.client, &run, v.package, cancel, ret, err);
    } else {
        e = view_open(t, r, cancel, &v, err);
        e = e ? e : find_entry(&v, r, &f, err);
        e = e ? e : client_code_open_file(t->conf.client, &run, v.package, v.files, f, cancel, ret, err);
    }
    if (!e) {
        *ret_version = version_of(r, v.package);
    }
    return e;
}
