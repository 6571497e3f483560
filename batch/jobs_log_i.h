// The spools of logs: what batch/jobs_log.c fetches into them, and batch/jobs_log_read.c gives of them. The table's
// lock is held.
#ifndef BATCH_JOBS_LOG_I_H
#define BATCH_JOBS_LOG_I_H

#include <stdatomic.h>

#include "batch/jobs_i.h"

// How many have a log open. It outlives the spool where somebody has.
struct log_hold {
    atomic_uint refs; // the spool's own, and one for each
};

struct log_spool {
    struct log_spool *next;
    char *group, *region, *stream; // region: NULL means the mount's
    char *job;                     // whose `log` it is; NULL for one that was seen in attempts/ only
    struct batch_api *api;         // of another region; owned, or NULL
    int fd;
    struct log_hold *hold;
    uint64_t len;
    uint64_t room;                 // bytes that were taken for it
    char *token;
    bool is_done, is_busy;
    bool is_behind;                // more is known to be there, or what was read is too old to know
    bool is_ended;                 // the job
    unsigned waiting;              // calls that wait for what comes; it stays while there are some
    int64_t ended_ms;              // wall clock
    int64_t looked_ms, caught_ms, next_ms, pace_ms; // monotonic; caught: all there was has been read
    int64_t asked_ms, told_ms;     // the last call, its answer
    int64_t empty_until_ms;
    struct err failure;            // code 0: none
};

// The spool of a place, or NULL.
struct log_spool *spool_of(struct jobs *j, const struct log_place *p);
struct log_spool *spool_make(struct jobs *j, const struct log_place *p, struct err *err);
int spool_open_file(const char *dir, struct err *err); // -1: see err
errc spool_append(struct log_spool *s, const struct buf *text, struct err *err) ERR_MUST_CHECK;
// What was read of it so far says nothing of what is there now.
void spool_doubt(struct log_spool *s, int64_t now);
void spool_note_end(struct log_spool *s, const struct face *f); // whether, and when, its job ended
bool spool_is_kept_empty(const struct log_spool *s);
// The thread that fetches runs from now on, and has something to do.
void logs_wake(struct jobs *j);

#endif
