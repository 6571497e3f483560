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

// Readers' way through one step.
struct stream {
    char *flow, *run, *step;
    uint64_t step_ino;
    struct roster *roster;        // NULL until it is worth to have it
    bool arming;                  // a job is making it
    char *before[TRACKS], *last[TRACKS]; // tasks seen before there was a roster
    struct guess guess[TRACKS];
    enum kind kind[TRACKS];       // what is seen in the tasks: its kind and name
    char *name[TRACKS];
    char *task;                   // the one that is being read, and what of it was opened
    struct strv opened;
    bool walk;                    // all of a task is read, not one name in each
    uint32_t *bytes;              // of each task: fetched and not read yet
    int64_t used_ms;
    unsigned jobs;                // that refer to it
    bool gone;                    // freed when the last job ends
};

struct job {
    struct ahead *a;
    struct stream *stream;
    struct job *prev, *next;      // in the list of those that run
    struct cancel cancel;
    struct roster *roster;        // held: what `task` is an index of; NULL: this job makes it
    enum ahead_event track;
    uint32_t task;
    char *task_name;              // owned
    enum kind kind;
    char *name;                   // owned; NULL: everything
    uint64_t bytes;               // fetched
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

// fs/ahead_job.c: what a job does, without the lock.
void ahead_job_work(struct job *j);
// The roster of a step; NULL when it cannot be had.
struct roster *ahead_job_roster(struct job *j);

#endif
