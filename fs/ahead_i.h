// Private to fs/ahead*.c.
//
// One lock guards everything but what a job works on; it is not held while a job runs or asks anything.
#ifndef FS_AHEAD_I_H
#define FS_AHEAD_I_H

#include <pthread.h>

#include "base/pool.h"
#include "fs/ahead.h"
#include "fs/ahead_guess.h"

#define TRACKS 2       // AHEAD_LOOKED, AHEAD_OPENED
#define MAX_STREAMS 16 // steps that are read at the same time

// What was fetched of the task that is being read, and not opened yet.
struct rest {
    struct rest_name { char *name; uint64_t bytes; } *items;
    size_t len, cap;
};

// What is wanted of a task or of one of its attempts, as bits; of raw log files the one of each name.
enum { WANT_ARTIFACTS = 1, WANT_STDOUT = 2, WANT_STDERR = 4, WANT_LOG = 8, WANT_META = 16, WANT_FIRST_PART = 32 };
#define ATTEMPTS 7 // the task as a whole, and each that Metaflow makes at most

// What a reader takes of each task.
struct pass {
    char *task, *key; // of what was seen last
    struct strv keys; // what is taken
    unsigned wants[ATTEMPTS]; // the same, as far as a job is told; by attempt + 1
    bool began;       // with what was seen last
};

// A task is counted once, for whatever of it was made ready, and has one end.
enum { COUNTED_READY = 1, COUNTED_END = 2 };

// Readers' way through one step.
struct stream {
    char *flow, *run, *step;
    uint64_t step_ino;
    struct roster *roster;        // NULL until it is worth to have it
    bool arming;                  // a job is making it
    char *before[TRACKS], *last[TRACKS]; // tasks seen before there was a roster
    struct guess guess[TRACKS];
    struct pass pass[TRACKS];
    char *name[TRACKS];           // of the artifact that was seen last
    char *task;                   // the one that is being read, and what of it was opened
    struct strv opened;
    bool walk;                    // all of a task is read, not one name in each
    struct rest rest;             // of `task`
    uint32_t *bytes;              // of each task: fetched and not read yet
    uint8_t *counted;             // of each task: COUNTED_*
    int64_t used_ms;
    unsigned jobs;                // that refer to it
    bool gone;                    // freed when the last job ends
};

enum job_work {
    JOB_ROSTER, // which tasks the step has
    JOB_TASK,   // makes one of them ready
    JOB_REST,   // fetches what was not opened yet of the task that is being read
};

struct job {
    enum job_work work;
    struct ahead *a;
    struct stream *stream;
    struct job *prev, *next;      // in the list of those that run
    struct cancel cancel;
    struct roster *roster;        // JOB_TASK: held; what `task` is an index of
    enum ahead_event track;
    uint32_t task;
    char *task_name;              // owned
    unsigned wants[ATTEMPTS];
    char *name;                   // owned; NULL: everything
    struct strv opened;           // JOB_REST: this not
    bool if_beside;               // JOB_REST: only where the two that were opened stand side by side
    uint64_t bytes;               // fetched
    struct rest fetched;          // JOB_REST: the same by name
};

struct ahead {
    struct ahead_conf conf;
    struct pool *pool;
    pthread_mutex_t lock;         // what follows
    struct stream *streams[MAX_STREAMS];
    struct job *jobs;
    unsigned running;
    bool ending;
    struct ahead_stats stats;
};

// fs/ahead_count.c, with the lock held: what was made ready, and what became of it.
void ahead_count_ready(struct ahead *a, struct stream *s, uint32_t task);
void ahead_count_right(struct ahead *a, struct stream *s, uint32_t task);
void ahead_count_wrong(struct ahead *a, struct stream *s, enum ahead_event track); // what its guess dropped
void ahead_count_fetched(struct ahead *a, struct stream *s, const struct job *j);
void ahead_count_read(struct ahead *a, struct stream *s, uint32_t task);
void ahead_forget_unread(struct ahead *a, struct stream *s);

// fs/ahead_rest.c, with the lock held.
void rest_free(struct rest *r);
void ahead_rest_take(struct ahead *a, struct stream *s, struct job *j);     // what a JOB_REST fetched
void ahead_rest_opened(struct ahead *a, struct stream *s, const char *name);
void ahead_rest_drop(struct ahead *a, struct stream *s);                    // another task is read now

// fs/ahead_pass.c
unsigned ahead_wants(const struct tref *r); // 0: nothing that is fetched ahead
unsigned ahead_part_want(const char *file); // of a raw log file, by its name; 0: none
bool ahead_is_of_interest(const struct ahead_seen *seen);
// Whether a pass for another name begins with this: what was seen of the tasks says nothing of that name.
bool pass_saw(struct pass *p, const struct ahead_seen *seen);
void pass_free(struct pass *p); // empties it

// fs/ahead_job.c: what a job does, without the lock.
void ahead_job_work(struct job *j);
// The roster of a step; NULL when it cannot be had.
struct roster *ahead_job_roster(struct job *j);

#endif
