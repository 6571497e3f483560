// Fetch-ahead: makes ready what a serial reader will ask for next, so that `cat */name`, `grep -r`, `tar` and `cp -r`
// over a remote datastore run at the speed of a parallel downloader.
//
// It is told of every look-up, listing and open of an artifact, log, .meta or task, and of a task's extended attributes
// (as of its .meta), and guesses (fs/ahead_guess.h) which tasks come next. For what is looked at only, their metadata
// and data.json are read; the bytes of artifacts only behind somebody who opens them: the same name in sibling tasks,
// or every artifact where the files of a task are opened one after another. Who goes over the tasks again for another
// name is followed anew (fs/ahead_pass.c). What was fetched and not read yet is bounded (max_bytes), and so is each
// single object: a large one is parallel by itself. Nobody waits for any of it; what a reader wants that is under way
// already, is shared by staging.
#ifndef FS_AHEAD_H
#define FS_AHEAD_H

#include <stdint.h>

#include "client/model.h"
#include "fs/tree.h"

struct ahead;

struct ahead_conf {
    struct client *client;   // borrowed
    struct staging *staging; // borrowed
    unsigned max_jobs;       // at once; 0 means 96
    uint64_t max_bytes;      // fetched and not read; 0 means 32 MiB
    uint64_t max_object;     // 0 means 8 MiB
    uint8_t ino_key[16];     // of inode numbers, as the mount's
};
struct ahead *ahead_new(const struct ahead_conf *conf);
void ahead_free(struct ahead *a); // stops what is under way; NULL is fine

enum ahead_event { AHEAD_LOOKED, AHEAD_OPENED };
// An artifact, log or .meta was looked up or is about to be opened, or a task was listed (r->kind == K_TASK,
// AHEAD_LOOKED). step_ino is the inode number of the step's directory. Never waits. NULL is fine.
struct ahead_seen {
    const struct tref *r;
    enum ahead_event what;
    uint64_t step_ino;
};
void ahead_saw(struct ahead *a, const struct ahead_seen *seen);

// A task counts once, however much of it is made ready: it is right when it was looked at or opened as guessed, and
// wrong when it was given up, at the latest when nobody has read the step for 10 s.
struct ahead_stats {
    uint64_t tasks, right, wrong;       // made ready; of these asked for; of these given up
    uint64_t fetched_bytes, read_bytes; // of artifacts fetched ahead; of those that were then opened
    uint64_t unread_bytes;              // now
};
void ahead_stats(struct ahead *a, struct ahead_stats *ret);

#endif
