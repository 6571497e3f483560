// What is in a package, and the bytes of its files: one pass over the archive for each.
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "client/code_i.h"

#define MARKER ".mf_install"
#define MARKER_MAX ((size_t)4 * 1024 * 1024)
#define MODULES ".mf_code"

static const struct archive_limits limits = {.members = CODE_MEMBERS_MAX, .bytes = CODE_BYTES_MAX};

// --- what is in it -----------------------------------------------------------------------------------

struct files_snap {
    struct snap snap;
    struct code_files files;
};

static void files_destroy(struct snap *s)
{
    struct files_snap *fs = (struct files_snap *)s;
    code_files_free(&fs->files);
    free(fs);
}

static struct files_snap *files_snap_of(const struct code_files *f)
{
    return (struct files_snap *)((uintptr_t)f - offsetof(struct files_snap, files));
}

void code_files_unref(const struct code_files *f)
{
    if (f != NULL) {
        snap_unref(&files_snap_of(f)->snap);
    }
}

void code_files_unrefp(const struct code_files **f)
{
    code_files_unref(*f);
}

struct look {
    struct code_maker maker;
    struct buf marker; // content of the last member of that name
    bool has_marker;
};

static void look_free(struct look *l)
{
    code_maker_free(&l->maker);
    buf_free(&l->marker);
}

static errc see_member(void *arg, const struct archive_member *m, bool *ret_wanted, struct err *err)
{
    struct look *l = arg;
    if (strcmp(m->path, MARKER) == 0) {
        buf_free(&l->marker);
        l->marker = (struct buf){.max = MARKER_MAX};
        l->has_marker = true;
        *ret_wanted = true;
    }
    return code_maker_add(&l->maker, m, strncmp(m->path, MODULES, strlen(MODULES)) == 0, err);
}

static errc see_bytes(void *arg, const struct archive_member *m, const void *data, size_t len, struct err *err)
{
    struct look *l = arg;
    buf_put(&l->marker, data, len);
    return l->marker.over ? err_set(err, ERR_LIMIT, "its %s has more than %zu bytes", m->path, MARKER_MAX) : ERR_OK;
}

// The version of the layout, as MetaflowCodeContent takes it from the marker: none, or an empty one, is version 0.
static errc layout_of(const struct look *l, int64_t *ret, struct err *err)
{
    auto_cleanup(json_freep) struct json *json = NULL;
    *ret = 0;
    if (!l->has_marker || l->marker.len == 0) {
        return ERR_OK;
    }
    errc e = json_parse((const char *)l->marker.data, l->marker.len, MARKER, &json, err);
    if (e || json_kind(json) == JSON_NULL) {
        return e;
    }
    if (!json_int(json_get(json, "version"), ret) || *ret < 0 || *ret > 1) {
        return err_set(err, ERR_NO_FORM, "the layout that its %s tells is not known here (0 and 1 are): .code.tgz has "
                       "the whole package", MARKER);
    }
    return ERR_OK;
}

// Packages before the record had `metadata` are tgz.
static errc check_format(const struct code_package *p, struct err *err)
{
    auto_cleanup(json_freep) struct json *json = NULL;
    if (p->metadata == NULL) {
        return ERR_OK;
    }
    errc e = json_parse(p->metadata, strlen(p->metadata), "the metadata of the code package", &json, err);
    const char *format = e ? NULL : json_str(json_get(json, "archive_format"));
    if (format != NULL && strcmp(format, "tgz") != 0) {
        return err_set(err, ERR_NO_FORM, "the code package is a %.40s archive, and only tgz is read: .code.tgz has its "
                       "bytes", format);
    }
    return e;
}

struct load {
    struct client *c;
    const struct pathspec *run;
    const struct code_package *package;
};

static errc read_archive(const struct load *l, struct cancel *cancel, struct code_files *ret, struct err *err)
{
    auto_cleanup(look_free) struct look look = {0};
    auto_cleanup(staged_unrefp) struct staged *staged = NULL;
    struct archive_visitor visitor = {see_member, see_bytes, &look};
    int64_t layout;
    errc e = code_get(l->c, l->run->flow, l->package, &staged, err);
    if (!e) {
        e = archive_each(staged, &limits, &visitor, cancel, err);
    }
    if (!e) {
        e = layout_of(&look, &layout, err);
    }
    return e ? e : code_files_make(&look.maker, layout == 1, ret, err);
}

static errc load_files(void *arg, struct cancel *cancel, struct snap **ret, int64_t *ret_ttl_ms, struct err *err)
{
    const struct load *l = arg;
    struct code_files files;
    errc e = check_format(l->package, err);
    if (!e) {
        e = read_archive(l, cancel, &files, err);
    }
    if (e) {
        return err_prefix(err, "the code package of run %s/%s", l->run->flow, l->run->run);
    }
    struct files_snap *fs = mem_zalloc(sizeof(*fs));
    fs->files = files;
    snap_init(&fs->snap, code_files_bytes(&files), files_destroy);
    *ret = &fs->snap;
    *ret_ttl_ms = RECENT_FOR_EVER; // its key is the SHA-1 of its bytes
    return ERR_OK;
}

errc client_code_files(struct client *c, const struct pathspec *run, const struct code_package *p,
                       struct cancel *cancel, const struct code_files **ret, struct err *err)
{
    struct load l = {c, run, p};
    struct recent_key key = {MODEL_CODE_FILES, p->sha, -1};
    struct snap *s;
    errc e = recent_get(c->recent, &key, load_files, &l, cancel, &s, err);
    if (!e) {
        *ret = &((struct files_snap *)s)->files;
    }
    return e;
}

// --- the bytes of its files ----------------------------------------------------------------------------

struct unpack {
    struct staged *archive; // whole
    const struct code_files *files;
    size_t next;            // of files->by_member
    uint64_t bytes;
    struct staged *to;
};

static void unpack_free(void *arg)
{
    struct unpack *u = arg;
    staged_unref(u->archive);
    code_files_unref(u->files);
    free(u);
}

static errc choose_member(void *arg, const struct archive_member *m, bool *ret_wanted, struct err *err)
{
    (void)err;
    struct unpack *u = arg;
    const struct code_files *f = u->files;
    if (u->next < f->n_files && f->items[f->by_member[u->next]].member == m->number) {
        *ret_wanted = true;
        u->next++;
    }
    staged_touch(u->to);
    return ERR_OK;
}

static errc keep_bytes(void *arg, const struct archive_member *m, const void *data, size_t len, struct err *err)
{
    (void)m;
    struct unpack *u = arg;
    u->bytes += len;
    return staged_append(u->to, data, len, err);
}

static errc produce_files(void *arg, struct staged *to, struct err *err)
{
    struct unpack *u = arg;
    struct archive_visitor visitor = {choose_member, keep_bytes, u};
    u->to = to;
    errc e = archive_each(u->archive, &limits, &visitor, staged_cancel(to), err);
    if (!e && u->bytes != u->files->bytes) {
        e = err_set(err, ERR_CORRUPT, "the archive has another content than before");
    }
    return e;
}

static errc get_files(struct client *c, const char *flow, const struct code_package *p,
                      const struct code_files *files, struct cancel *cancel, struct staged **ret, struct err *err)
{
    auto_free char *key = mem_printf("code:%s/%s", flow, p->sha);
    *ret = staging_find(c->staging, key);
    if (*ret != NULL) {
        return ERR_OK;
    }
    struct staged *archive;
    errc e = code_get_whole(c, flow, p, cancel, &archive, err);
    if (e) {
        return e;
    }
    struct unpack *u = mem_zalloc(sizeof(*u));
    u->archive = archive;
    u->files = files;
    snap_ref(&files_snap_of(files)->snap);
    struct staging_request rq = {
        .key = key, .produce = produce_files, .arg = u, .free_arg = unpack_free, .patient = true};
    return staging_get(c->staging, &rq, ret, err);
}

errc client_code_open_file(struct client *c, const struct pathspec *run, const struct code_package *p,
                           const struct code_files *files, const struct code_file *file, struct cancel *cancel,
                           struct content **ret, struct err *err)
{
    auto_cleanup(staged_unrefp) struct staged *staged = NULL;
    uint64_t avail;
    bool ended;
    errc e = get_files(c, run->flow, p, files, cancel, &staged, err);
    if (!e) {
        e = staged_wait(staged, UINT64_MAX, cancel, &avail, &ended, err);
    }
    if (e) {
        return err_prefix(err, "the code package of run %s/%s", run->flow, run->run);
    }
    *ret = content_of(steal_ptr(&staged), file->offset, file->size);
    return ERR_OK;
}
