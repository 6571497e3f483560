// A directory for one test program, and what it needs to put files there.
#ifndef TESTS_UNIT_TEMPDIR_H
#define TESTS_UNIT_TEMPDIR_H

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char tempdir[64];

static inline int tempdir_make(void **state)
{
    (void)state;
    snprintf(tempdir, sizeof tempdir, "/tmp/metaflowfs-test-XXXXXX");
    return mkdtemp(tempdir) ? 0 : -1;
}

static inline int tempdir_remove_one(const char *path, const struct stat *st, int type,
                                     struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static inline int tempdir_remove(void **state)
{
    (void)state;
    return nftw(tempdir, tempdir_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

// Writes a file below the directory, with the directories that lead to it.
static inline void tempdir_put(const char *name, const void *data, size_t len)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", tempdir, name);
    for (char *p = path + strlen(tempdir) + 1; (p = strchr(p, '/')); p++) {
        *p = 0;
        if (mkdir(path, 0755) != 0 && errno != EEXIST)
            abort();
        *p = '/';
    }
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(data, 1, len, f) != len || fclose(f) != 0)
        abort();
}

#endif
