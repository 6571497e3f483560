// Any bytes as a code package: what is in it makes a tree whose order and places hold together, and a second pass gives
// as many bytes as the first told.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "client/code_files.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct archive_limits limits = {.members = 2000, .bytes = 1 << 20};

struct pass {
    struct code_maker maker;
    const struct code_files *files; // NULL: the first pass
    size_t next;
    uint64_t bytes;
};

static void check(bool holds)
{
    if (!holds) {
        abort();
    }
}

static errc see_member(void *arg, const struct archive_member *m, bool *ret_wanted, struct err *err)
{
    struct pass *p = arg;
    if (p->files == NULL) {
        return code_maker_add(&p->maker, m, strncmp(m->path, ".mf_code", 8) == 0, err);
    }
    const struct code_files *f = p->files;
    if (p->next < f->n_files && f->items[f->by_member[p->next]].member == m->number) {
        check(f->items[f->by_member[p->next]].offset == p->bytes);
        *ret_wanted = true;
        p->next++;
    }
    return ERR_OK;
}

static errc see_bytes(void *arg, const struct archive_member *m, const void *data, size_t len, struct err *err)
{
    static volatile uint8_t sum;
    (void)m;
    (void)err;
    struct pass *p = arg;
    for (size_t i = 0; i < len; i += 4096) {
        sum = (uint8_t)(sum + ((const uint8_t *)data)[i]);
    }
    p->bytes += len;
    return ERR_OK;
}

static bool check_entry(void *arg, const struct code_file *f)
{
    const struct code_files *files = arg;
    auto_free char *path = mem_strndup(f->path, f->path_len);
    check(f->path_len > f->name_at && path[0] != '/' && strstr(path, "//") == NULL);
    check(strncmp(path, "../", 3) != 0 && strstr(path, "/../") == NULL && strcmp(path, "..") != 0);
    check(code_files_find(files, path) == f);
    if (f->is_dir) {
        check(f->end > (size_t)(f - files->items) && f->end <= files->len);
        code_files_list(files, f, check_entry, arg); // as deep as CODE_DEPTH_MAX
    }
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct pool *pool;
    static struct staging *staging;
    struct err err = ERR_INIT;
    if (size > STAGING_MEMORY_MAX) {
        return 0; // nothing goes to a file
    }
    if (staging == NULL) {
        pool = pool_new(&(struct pool_conf){.max_threads = 1});
        check(staging_new(&(struct staging_conf){.tempdir = "/tmp", .pool = pool}, &staging, &err) == ERR_OK);
    }
    struct staged *staged = staged_of_bytes(staging, data, size);
    struct pass first = {0}, second = {0};
    struct archive_visitor visitor = {see_member, see_bytes, &first};
    struct code_files files = {0};
    errc e = archive_each(staged, &limits, &visitor, NULL, &err);
    if (!e) {
        e = code_files_make(&first.maker, size % 2 != 0, &files, &err);
    }
    if (!e) {
        code_files_list(&files, NULL, check_entry, &files);
        second.files = &files;
        visitor.arg = &second;
        check(archive_each(staged, &limits, &visitor, NULL, &err) == ERR_OK);
        check(second.bytes == files.bytes && second.next == files.n_files);
    }
    code_maker_free(&first.maker);
    code_files_free(&files);
    staged_unref(staged);
    return 0;
}
