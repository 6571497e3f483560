// Tells fetch-ahead what programs look at and open.
#include <string.h>

#include "base/mem.h"
#include "fs/ahead.h"
#include "fs/ops.h"

#define MAX_DEPTH 8 // STEP/TASK/.attempts/0/.logs/FILE, and more

// The inode number of the step that a node is below; 0 where it is below none.
static uint64_t step_ino(struct serve *s, uint64_t nodeid)
{
    struct inode_view v;
    for (int up = 0; up < MAX_DEPTH && inodes_get(s->inodes, nodeid, 0, &v); up++, nodeid = v.parent) {
        if (v.kind == K_STEP) {
            return v.ino;
        }
    }
    return 0;
}

void ops_ahead_opened(struct serve *s, uint64_t nodeid, const struct tref *r)
{
    if (s->ahead != NULL && r->task != NULL) {
        struct ahead_seen seen = {.r = r, .what = AHEAD_OPENED, .step_ino = step_ino(s, nodeid)};
        ahead_saw(s->ahead, &seen);
    }
}

void ops_ahead_listed(struct serve *s, uint64_t nodeid, const struct tref *dir)
{
    if (s->ahead != NULL && dir->kind == K_TASK) {
        struct ahead_seen seen = {.r = dir, .what = AHEAD_LOOKED, .step_ino = step_ino(s, nodeid)};
        ahead_saw(s->ahead, &seen);
    }
}

void ops_ahead_looked(struct serve *s, uint64_t nodeid, const struct tref *dir, const char *name)
{
    if (s->ahead == NULL || dir->task == NULL) {
        return;
    }
    enum kind kind = name[0] == '.' ? kind_of_dot(dir->kind, name) : tree_kind_of_entry(dir->kind, name);
    struct tref child __attribute__((cleanup(tref_free))) = {0};
    tref_copy(&child, dir);
    if (kind != K_NONE && tref_step(s->tree, &child, kind, name)) {
        struct ahead_seen seen = {.r = &child, .what = AHEAD_LOOKED, .step_ino = step_ino(s, nodeid)};
        ahead_saw(s->ahead, &seen);
    }
}

// `getfattr` and `cp -a` read attributes of one task after another. Names and most values are made of metadata; what is
// kept in the datastore is that of .meta.
void ops_ahead_attribute(struct serve *s, uint64_t nodeid, const struct tref *r, const char *name)
{
    static const char *const stored[] = {"user.metaflow.index", "user.metaflow.exception"};
    if (s->ahead == NULL || (r->kind != K_TASK && r->kind != K_ATTEMPT)) {
        return;
    }
    struct tref meta = *r; // borrows
    meta.kind = K_META;
    struct ahead_seen seen = {.r = &meta, .what = AHEAD_LOOKED, .step_ino = step_ino(s, nodeid)};
    for (size_t i = 0; name != NULL && i < sizeof(stored) / sizeof(stored[0]); i++) {
        if (strcmp(name, stored[i]) == 0) {
            seen.what = AHEAD_OPENED;
        }
    }
    ahead_saw(s->ahead, &seen);
}
