// A temporary directory for one test, and files in it.
#ifndef TESTS_UNIT_TEMP_TREE_H
#define TESTS_UNIT_TEMP_TREE_H

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct tree_dir {
    char path[64];
};

static inline struct tree_dir tree_make(void)
{
    struct tree_dir d;
    const char *tmp = getenv("TMPDIR");
    snprintf(d.path, sizeof d.path, "%.30s/metaflowfs.test.XXXXXX", tmp ? tmp : "/tmp");
    if (!mkdtemp(d.path))
        abort();
    return d;
}

static inline int tree_remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static inline void tree_remove(struct tree_dir *d)
{
    nftw(d->path, tree_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

// The path of `rel`, whose directories are made. Owned by the caller.
static inline char *tree_path(const struct tree_dir *d, const char *rel)
{
    char *path = NULL;
    if (asprintf(&path, "%s/%s", d->path, rel) < 0)
        abort();
    for (char *p = path + strlen(d->path) + 1; (p = strchr(p, '/')); p++) {
        *p = '\0';
        if (mkdir(path, 0755) != 0 && errno != EEXIST)
            abort();
        *p = '/';
    }
    return path;
}

// Writes a file; its path, owned by the caller.
static inline char *tree_write(const struct tree_dir *d, const char *rel, const char *text)
{
    char *path = tree_path(d, rel);
    FILE *f = fopen(path, "w");
    if (!f || fputs(text, f) < 0 || fclose(f) != 0)
        abort();
    return path;
}

// The same for those who do not want the path.
static inline void tree_file(const struct tree_dir *d, const char *rel, const char *text)
{
    free(tree_write(d, rel, text));
}

static inline void tree_dir_at(const struct tree_dir *d, const char *rel)
{
    char *path = tree_path(d, rel);
    if (mkdir(path, 0755) != 0 && errno != EEXIST)
        abort();
    free(path);
}

static inline void tree_link(const struct tree_dir *d, const char *rel, const char *target)
{
    char *path = tree_path(d, rel);
    if (symlink(target, path) != 0)
        abort();
    free(path);
}

// Writes a file that this process cannot read from here to tree_unlock: a superuser becomes nobody.
static inline void tree_lock(const struct tree_dir *d, const char *rel, const char *text)
{
    char *path = tree_write(d, rel, text);
    if (chmod(path, 0) != 0 || chmod(d->path, 0755) != 0 || (geteuid() == 0 && seteuid(65534) != 0))
        abort();
    free(path);
}

static inline void tree_unlock(void)
{
    if (getuid() == 0 && seteuid(0) != 0)
        abort();
}

#endif
