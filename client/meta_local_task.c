// Records and artifacts of a task. A malformed record or artifact file does not hide the others: it is
// left out with a warning in the log; asked for by itself, or when it says which attempt is done, it is
// an error. A file that cannot be read for lack of permission always is.
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "client/meta_local_internal.h"

#define FILE_MAX_BYTES ((size_t)4 << 20)
// All values of one task together; a task has some dozens of records of less than a kilobyte.
#define RECORDS_MAX_BYTES ((size_t)64 << 20)

struct task_dir {
    struct meta_local *m;
    char *rel; // "F/R/S/T/_meta"
    DIR *dir;
};

static void task_dir_close(struct task_dir *d)
{
    meta_local_closedirp(&d->dir);
    free(d->rel);
}

static errc task_dir_open(struct meta_local *m, const struct pathspec *task, struct task_dir *d,
                          struct err *err)
{
    if (pathspec_level(task) != LEVEL_TASK)
        return err_set(err, ERR_INVALID, "only tasks have records and artifacts");
    d->m = m;
    d->rel = meta_local_rel(task, "_meta");
    if (!d->rel)
        return meta_local_missing(m, task, err);
    errc e = meta_local_opendir(m, d->rel, &d->dir, err);
    return e == ERR_NOT_FOUND ? meta_local_missing(m, task, err) : e;
}

static char *task_file_path(const struct task_dir *d, const char *name)
{
    return mem_printf("%s/%s/%s", confine_path(d->m->root), d->rel, name);
}

static errc task_file_read(struct task_dir *d, const char *name, struct buf *buf, struct err *err)
{
    int fd;
    errc e = confine_open_in(d->m->root, dirfd(d->dir), d->rel, name, O_RDONLY, &fd, err);
    if (e)
        return e;
    atomic_fetch_add_explicit(&d->m->files_read, 1, memory_order_relaxed);
    auto_free char *path = task_file_path(d, name);
    e = file_read_fd(fd, path, FILE_MAX_BYTES, buf, err);
    close(fd);
    return e;
}

// Whether one file's failure is its own affair; says so in the log.
static bool only_this_file(errc e, const struct err *err)
{
    if (e == ERR_NOT_FOUND)
        return true; // it went away between the listing and now
    if (e != ERR_CORRUPT && e != ERR_INVALID && e != ERR_LIMIT)
        return false;
    log_warn("meta", "left out: %s", err->cause);
    return true;
}

static bool starts_with(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

static errc read_record(struct task_dir *d, const char *name, struct meta_record *ret, struct err *err)
{
    auto_cleanup(buf_free) struct buf text = {0};
    errc e = task_file_read(d, name, &text, err);
    if (e)
        return e;
    auto_free char *path = task_file_path(d, name);
    return meta_local_parse_record(text.data, text.len, path, ret, err);
}

// Whether a file holds a record, of the field `field` unless that is NULL: sysmeta_{field}_{time}.json,
// where fields have underscores of their own.
static bool is_record_file(const char *name, const char *field)
{
    if (!starts_with(name, "sysmeta_"))
        return false;
    if (!field)
        return true;
    name += strlen("sysmeta_");
    size_t len = strlen(field);
    if (strncmp(name, field, len) != 0 || name[len] != '_')
        return false;
    name += len + 1;
    return name[strspn(name, "0123456789")] == '.';
}

static errc add_records(struct task_dir *d, const char *field, struct cancel *cancel,
                        struct meta_records *to, struct err *err)
{
    size_t bytes = 0;
    for (;;) {
        const char *name;
        unsigned char type;
        errc e = meta_local_readdir(d->dir, cancel, &name, &type, err);
        if (e || !name)
            return e;
        if (!is_record_file(name, field))
            continue;
        struct meta_record record;
        e = read_record(d, name, &record, err);
        if (e && only_this_file(e, err))
            continue;
        if (e)
            return e;
        to->items = mem_grow(to->items, &to->cap, to->len + 1, sizeof *to->items);
        to->items[to->len++] = record;
        bytes += strlen(record.value) + strlen(record.field);
        if (bytes > RECORDS_MAX_BYTES)
            return err_set(err, ERR_LIMIT, "the metadata in %s/%s is larger than %zu bytes",
                           confine_path(d->m->root), d->rel, RECORDS_MAX_BYTES);
    }
}

errc meta_local_field(struct meta *meta, const struct pathspec *task, const char *field,
                      struct cancel *cancel, struct meta_records *ret, struct err *err)
{
    struct meta_local *m = meta_local_of(meta);
    atomic_fetch_add_explicit(&m->records, 1, memory_order_relaxed);
    auto_cleanup(task_dir_close) struct task_dir d = {0};
    errc e = task_dir_open(m, task, &d, err);
    if (e)
        return e;
    struct meta_records records = {0};
    e = add_records(&d, field, cancel, &records, err);
    if (e) {
        meta_records_free(&records);
        return e;
    }
    *ret = records;
    return ERR_OK;
}

errc meta_local_records(struct meta *meta, const struct pathspec *task, struct cancel *cancel,
                        struct meta_records *ret, struct err *err)
{
    return meta_local_field(meta, task, NULL, cancel, ret, err);
}

// One pass over the directory: the artifact files of `attempt` (of every attempt with -1; of none
// when names is NULL) and the last attempt-done file.
struct task_names {
    struct strv *artifacts;
    int attempt;
    char *done; // or NULL
};

static errc scan_names(struct task_dir *d, struct task_names *names, struct cancel *cancel,
                       struct err *err)
{
    for (;;) {
        const char *name;
        unsigned char type;
        errc e = meta_local_readdir(d->dir, cancel, &name, &type, err);
        if (e || !name)
            return e;
        if (starts_with(name, "sysmeta_attempt-done_")) {
            if (!names->done || strcmp(name, names->done) > 0) {
                free(names->done);
                names->done = mem_strdup(name);
            }
            continue;
        }
        int attempt;
        auto_free char *artifact = NULL;
        if (names->artifacts && meta_local_artifact_file(name, &attempt, &artifact) &&
            (names->attempt < 0 || attempt == names->attempt))
            strv_add(names->artifacts, name);
    }
}

static errc done_attempt(struct task_dir *d, const char *name, int *ret, struct err *err)
{
    *ret = -1;
    if (!name)
        return ERR_OK;
    struct meta_record record;
    errc e = read_record(d, name, &record, err);
    if (e)
        return e;
    char *end;
    long attempt = strtol(record.value, &end, 10);
    bool bad = end == record.value || *end || attempt < 0 || attempt > INT_MAX;
    if (bad) {
        auto_free char *path = task_file_path(d, name);
        e = err_set(err, ERR_CORRUPT, "%s: its value \"%.40s\" is not the number of an attempt", path,
                    record.value);
    } else {
        *ret = (int)attempt;
    }
    free(record.field);
    free(record.type);
    free(record.value);
    return e;
}

static errc read_artifact(struct task_dir *d, const char *file, const char *name, int attempt,
                          struct meta_artifacts *to, struct err *err)
{
    auto_cleanup(buf_free) struct buf text = {0};
    errc e = task_file_read(d, file, &text, err);
    if (e)
        return e;
    auto_free char *path = task_file_path(d, file);
    struct meta_artifact artifact;
    e = meta_local_parse_artifact(text.data, text.len, path, name, attempt, &artifact, err);
    if (e)
        return e;
    to->items = mem_grow(to->items, &to->cap, to->len + 1, sizeof *to->items);
    to->items[to->len++] = artifact;
    return ERR_OK;
}

static errc add_artifacts(struct task_dir *d, const struct strv *files, int attempt,
                          struct cancel *cancel, struct meta_artifacts *to, struct err *err)
{
    for (size_t i = 0; i < files->len; i++) {
        errc e = cancel_check(cancel, err);
        if (e)
            return e;
        int of;
        auto_free char *name = NULL;
        if (!meta_local_artifact_file(files->items[i], &of, &name) || of != attempt)
            continue;
        e = read_artifact(d, files->items[i], name, attempt, to, err);
        if (e && !only_this_file(e, err))
            return e;
    }
    return ERR_OK;
}

errc meta_local_artifacts(struct meta *meta, const struct pathspec *task, int attempt,
                          struct cancel *cancel, int *ret_attempt, struct meta_artifacts *ret,
                          struct err *err)
{
    struct meta_local *m = meta_local_of(meta);
    atomic_fetch_add_explicit(&m->artifacts, 1, memory_order_relaxed);
    auto_cleanup(task_dir_close) struct task_dir d = {0};
    auto_cleanup(strv_free) struct strv files = {0};
    struct task_names names = {.artifacts = &files, .attempt = attempt};
    errc e = task_dir_open(m, task, &d, err);
    if (!e)
        e = scan_names(&d, &names, cancel, err);
    auto_free char *done = names.done;
    if (!e && attempt < 0)
        e = done_attempt(&d, done, &attempt, err);
    if (e)
        return e;
    struct meta_artifacts artifacts = {0};
    if (attempt >= 0)
        e = add_artifacts(&d, &files, attempt, cancel, &artifacts, err);
    if (e) {
        meta_artifacts_free(&artifacts);
        return e;
    }
    *ret_attempt = attempt;
    *ret = artifacts;
    return ERR_OK;
}

errc meta_local_artifact(struct meta *meta, const struct pathspec *task, int attempt, const char *name,
                         struct cancel *cancel, struct meta_artifacts *ret_one, struct err *err)
{
    struct meta_local *m = meta_local_of(meta);
    atomic_fetch_add_explicit(&m->artifacts, 1, memory_order_relaxed);
    auto_cleanup(task_dir_close) struct task_dir d = {0};
    struct task_names names = {0};
    errc e = task_dir_open(m, task, &d, err);
    if (!e && attempt < 0)
        e = scan_names(&d, &names, cancel, err);
    auto_free char *done = names.done;
    if (!e && attempt < 0)
        e = done_attempt(&d, done, &attempt, err);
    if (e)
        return e;
    struct meta_artifacts one = {0};
    e = ERR_NOT_FOUND;
    if (attempt >= 0 && name[0] && !strchr(name, '/')) {
        auto_free char *file = mem_printf("%d_artifact_%s.json", attempt, name);
        e = read_artifact(&d, file, name, attempt, &one, err);
    }
    if (e == ERR_NOT_FOUND) {
        auto_free char *path = pathspec_text(task);
        return err_set(err, e, "there is no artifact %s/%s in %s", path, name, confine_path(m->root));
    }
    if (e)
        return e;
    *ret_one = one;
    return ERR_OK;
}
