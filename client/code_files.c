#include "client/code_files.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define PATH_BYTES_MAX 4095 // as long as a path can be for the system

struct code_member {
    uint32_t path_at, path_len, member;
    enum archive_kind kind;
    bool executable, flag;
    uint64_t size;
    int64_t mtime_ms;
};

void code_files_free(struct code_files *f)
{
    free(f->items);
    free(f->by_member);
    free(f->paths);
    *f = (struct code_files){0};
}

size_t code_files_bytes(const struct code_files *f)
{
    size_t bytes = sizeof(*f) + f->len * sizeof(f->items[0]) + f->n_files * sizeof(f->by_member[0]);
    for (size_t i = 0; i < f->len; i++) {
        bytes += f->items[i].path_len - f->items[i].name_at + 1u;
    }
    return bytes;
}

void code_maker_free(struct code_maker *m)
{
    free(m->items);
    free(m->paths);
    *m = (struct code_maker){0};
}

// --- collecting -----------------------------------------------------------------------------------

// Makes a path plain, in place: its length, 0 for one that names nothing below the root. *ret_depth counts its names.
static size_t make_plain(char *path, unsigned *ret_depth)
{
    size_t len = 0;
    *ret_depth = 0;
    if (path[0] == '/') {
        return 0;
    }
    for (const char *p = path; *p != '\0';) {
        size_t n = strcspn(p, "/");
        if (n == 2 && memcmp(p, "..", 2) == 0) {
            return 0;
        }
        if (n > 0 && !(n == 1 && *p == '.')) {
            if (len > 0) {
                path[len++] = '/';
            }
            memmove(path + len, p, n);
            len += n;
            ++*ret_depth;
        }
        p += n;
        p += strspn(p, "/");
    }
    path[len] = '\0';
    return len;
}

errc code_maker_add(struct code_maker *m, const struct archive_member *member, bool flag, struct err *err)
{
    size_t len = strlen(member->path);
    unsigned depth;
    if (len > PATH_BYTES_MAX) {
        return err_set(err, ERR_LIMIT, "a path in it has %zu bytes, and the limit is %d: \"%.100s...\"", len,
                       PATH_BYTES_MAX, member->path);
    }
    if (m->len >= CODE_MEMBERS_MAX || m->paths_len + len + 1 > CODE_PATHS_MAX) {
        return err_set(err, ERR_LIMIT, "it has more than %d members, or paths of more than %d bytes", CODE_MEMBERS_MAX,
                       CODE_PATHS_MAX);
    }
    m->paths = mem_grow(m->paths, &m->paths_cap, m->paths_len + len + 1, 1);
    char *path = m->paths + m->paths_len;
    memcpy(path, member->path, len + 1);
    len = make_plain(path, &depth);
    if (len == 0) {
        return ERR_OK;
    }
    if (depth > CODE_DEPTH_MAX) {
        return err_set(err, ERR_LIMIT, "a path in it has more than %d names: \"%.100s...\"", CODE_DEPTH_MAX, path);
    }
    m->items = mem_grow(m->items, &m->cap, m->len + 1, sizeof(m->items[0]));
    m->items[m->len++] = (struct code_member){
        .path_at = (uint32_t)m->paths_len,
        .path_len = (uint32_t)len,
        .member = member->number,
        .kind = member->kind,
        .executable = member->executable,
        .flag = flag,
        .size = member->size,
        .mtime_ms = member->mtime_ms,
    };
    m->paths_len += len + 1;
    return ERR_OK;
}

// --- order: a directory, then all that is below it ------------------------------------------------------

// '/' goes before every other byte, so that nothing comes between a directory and what is in it.
static int compare_paths(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t n = a_len < b_len ? a_len : b_len;
    for (size_t i = 0; i < n; i++) {
        int x = a[i] == '/' ? 0 : (unsigned char)a[i], y = b[i] == '/' ? 0 : (unsigned char)b[i];
        if (x != y) {
            return x < y ? -1 : 1;
        }
    }
    return a_len < b_len ? -1 : a_len > b_len;
}

static int compare_members(const void *a, const void *b, void *paths)
{
    const struct code_member *x = a, *y = b;
    const char *text = paths;
    int order = compare_paths(text + x->path_at, x->path_len, text + y->path_at, y->path_len);
    return order != 0 ? order : x->member < y->member ? -1 : 1;
}

static bool is_below(const char *path, size_t len, const char *dir, size_t dir_len)
{
    return len > dir_len && path[dir_len] == '/' && memcmp(path, dir, dir_len) == 0;
}

// Of members of one path the last stays, but a directory stays one. What is then no file and no directory goes.
static void keep_last(struct code_maker *m)
{
    size_t kept = 0;
    for (size_t i = 0; i < m->len;) {
        struct code_member last = m->items[i];
        for (i++; i < m->len && m->items[i].path_len == last.path_len &&
                  memcmp(m->paths + m->items[i].path_at, m->paths + last.path_at, last.path_len) == 0; i++) {
            if (last.kind != ARCHIVE_DIR || m->items[i].kind == ARCHIVE_DIR) {
                last = m->items[i];
            }
        }
        if (last.kind != ARCHIVE_OTHER) {
            m->items[kept++] = last;
        }
    }
    m->len = kept;
}

static void drop_flagged(struct code_maker *m)
{
    size_t kept = 0;
    for (size_t i = 0; i < m->len; i++) {
        if (!m->items[i].flag) {
            m->items[kept++] = m->items[i];
        }
    }
    m->len = kept;
}

// --- the tree --------------------------------------------------------------------------------------

struct tree_maker {
    struct code_files *to;
    size_t cap;
    uint32_t open[CODE_DEPTH_MAX + 1]; // directories that what comes next may be in
    unsigned n_open;
};

static void close_dirs(struct tree_maker *t, const char *path, size_t len)
{
    while (t->n_open > 0) {
        struct code_file *dir = &t->to->items[t->open[t->n_open - 1]];
        if (path != NULL && is_below(path, len, dir->path, dir->path_len)) {
            return;
        }
        dir->end = (uint32_t)t->to->len;
        t->n_open--;
    }
}

static struct code_file *add_entry(struct tree_maker *t, const char *path, size_t len, bool is_dir)
{
    struct code_files *to = t->to;
    to->items = mem_grow(to->items, &t->cap, to->len + 1, sizeof(to->items[0]));
    const char *slash = memrchr(path, '/', len);
    struct code_file *f = &to->items[to->len];
    *f = (struct code_file){.path = path, .path_len = (uint32_t)len, .member = UINT32_MAX, .is_dir = is_dir};
    f->name_at = slash != NULL ? (uint32_t)(slash - path + 1) : 0;
    if (is_dir) {
        t->open[t->n_open++] = (uint32_t)to->len;
    }
    to->len++;
    return f;
}

// The directories that a path goes through and that no member was for.
static errc add_parents(struct tree_maker *t, const char *path, size_t len, struct err *err)
{
    size_t from = t->n_open > 0 ? t->to->items[t->open[t->n_open - 1]].path_len + 1u : 0;
    const char *slash;
    while (from < len && (slash = memchr(path + from, '/', len - from)) != NULL) {
        if (t->to->len >= 2 * CODE_MEMBERS_MAX) {
            return err_set(err, ERR_LIMIT, "it has more than %d files and directories", 2 * CODE_MEMBERS_MAX);
        }
        add_entry(t, path, (size_t)(slash - path), true);
        from = (size_t)(slash - path) + 1;
    }
    return ERR_OK;
}

static errc add_members(struct tree_maker *t, const struct code_maker *m, struct err *err)
{
    for (size_t i = 0; i < m->len; i++) {
        const struct code_member *from = &m->items[i];
        const char *path = t->to->paths + from->path_at;
        bool is_parent = i + 1 < m->len && is_below(t->to->paths + m->items[i + 1].path_at, m->items[i + 1].path_len,
                                                    path, from->path_len);
        close_dirs(t, path, from->path_len);
        errc e = add_parents(t, path, from->path_len, err);
        if (e) {
            return e;
        }
        struct code_file *f = add_entry(t, path, from->path_len, is_parent || from->kind == ARCHIVE_DIR);
        if (!f->is_dir) {
            f->executable = from->executable;
            f->size = from->size;
            t->to->n_files++;
        }
        if (f->is_dir == (from->kind == ARCHIVE_DIR)) {
            f->member = from->member;
            f->mtime_ms = from->mtime_ms;
        }
        for (unsigned d = 0; d < t->n_open; d++) {
            struct code_file *dir = &t->to->items[t->open[d]];
            if (dir->member == UINT32_MAX && dir->mtime_ms < from->mtime_ms) {
                dir->mtime_ms = from->mtime_ms;
            }
        }
    }
    close_dirs(t, NULL, 0);
    return ERR_OK;
}

static int compare_numbers(const void *a, const void *b, void *items)
{
    const struct code_file *files = items;
    uint32_t x = files[*(const uint32_t *)a].member, y = files[*(const uint32_t *)b].member;
    return x < y ? -1 : x > y;
}

static errc place_files(struct code_files *f, struct err *err)
{
    size_t n = 0;
    f->by_member = mem_zalloc((f->n_files + 1) * sizeof(f->by_member[0]));
    for (size_t i = 0; i < f->len; i++) {
        if (!f->items[i].is_dir) {
            f->by_member[n++] = (uint32_t)i;
        }
    }
    qsort_r(f->by_member, n, sizeof(f->by_member[0]), compare_numbers, f->items);
    for (size_t i = 0; i < n; i++) {
        struct code_file *file = &f->items[f->by_member[i]];
        file->offset = f->bytes;
        if (__builtin_add_overflow(f->bytes, file->size, &f->bytes)) {
            return err_set(err, ERR_LIMIT, "its files are larger than can be counted");
        }
    }
    return ERR_OK;
}

errc code_files_make(struct code_maker *m, bool without_flagged, struct code_files *ret, struct err *err)
{
    struct code_files files = {.paths = m->paths};
    if (without_flagged) {
        drop_flagged(m);
    }
    if (m->len > 0) {
        qsort_r(m->items, m->len, sizeof(m->items[0]), compare_members, m->paths);
        keep_last(m);
    }
    struct tree_maker tree = {.to = &files};
    errc e = add_members(&tree, m, err);
    if (!e) {
        e = place_files(&files, err);
    }
    m->paths = NULL;
    code_maker_free(m);
    if (e) {
        code_files_free(&files);
        return e;
    }
    *ret = files;
    return ERR_OK;
}

const struct code_file *code_files_find(const struct code_files *f, const char *path)
{
    size_t len = strlen(path), from = 0, to = f->len;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        const struct code_file *at = &f->items[middle];
        int order = compare_paths(at->path, at->path_len, path, len);
        if (order == 0) {
            return at;
        }
        if (order < 0) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return NULL;
}

void code_files_list(const struct code_files *f, const struct code_file *dir,
                     bool (*fn)(void *arg, const struct code_file *file), void *arg)
{
    size_t i = dir != NULL ? (size_t)(dir - f->items) + 1 : 0;
    size_t end = dir != NULL ? dir->end : f->len;
    while (i < end && fn(arg, &f->items[i])) {
        i = f->items[i].is_dir ? f->items[i].end : i + 1;
    }
}
