#include "fs/cli_meant.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/edits.h"

static const struct {
    const char *word, *meant;
} words[] = {
    {"ls", "metaflowfs ls"},
    {"list", "metaflowfs ls"},
    {"cat", "metaflowfs cat"},
    {"get", "metaflowfs get"},
    {"copy", "metaflowfs get"},
    {"download", "metaflowfs get"},
    {"help", "metaflowfs --help"},
    {"version", "metaflowfs --version"},
    {"check", "metaflowfs --check"},
    {"status", "cat MOUNTPOINT/.metaflowfs/status"},
    {"mount", "metaflowfs [SOURCE] MOUNTPOINT, with no word before them"},
    {"umount", "fusermount3 -u MOUNTPOINT"},
    {"unmount", "fusermount3 -u MOUNTPOINT"},
};

static const char *meant_by(const char *text)
{
    const char *near = NULL;
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
        size_t edits = edits_between(words[i].word, text, strlen(text));
        if (edits == 0) {
            return words[i].meant;
        }
        if (edits == 1 && near == NULL) {
            near = words[i].meant;
        }
    }
    return near;
}

bool cli_meant_other(int argc, char *const *argv)
{
    struct stat st;
    const char *text = argc > 1 ? argv[1] : "-", *meant;
    if (text[0] == '-' || strchr(text, '/') != NULL || lstat(text, &st) == 0 || errno != ENOENT ||
        (meant = meant_by(text)) == NULL) {
        return false;
    }
    fprintf(stderr,
            "metaflowfs: there is no subcommand \"%s\", and no directory of that name to mount at: did you mean %s?\n",
            text, meant);
    return true;
}
