// The jobs of a mount: those of its job files (batch/journal.h) and those that Metaflow itself submitted for the same
// user, with one poller for all of them. Reading never makes a call of its own: answers come from memory, which the
// poller keeps. Thread-safe; nothing is held across a call out of here.
//
// The poller begins with the first look (jobs_look), asks DescribeJobs for 100 jobs a call and ListJobs for Metaflow's
// (JOB_NAME USER-*, each active queue), slows down while nothing changes (2 s, growing to 60 s; jittered), and stops
// when nobody has looked for a minute and no job of ours lives. Freeing it kills no job.
#ifndef BATCH_JOBS_H
#define BATCH_JOBS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cancel.h"
#include "base/creds.h"
#include "base/http.h"
#include "batch/settings.h"

struct jobs;

// The steps of a submission, for tests that end the process between any two of them.
enum jobs_step {
    JOBS_STEP_BEGUN,    // written down, nothing sent
    JOBS_STEP_READY,    // the definition is known
    JOBS_STEP_SENDING,  // written down as being sent
    JOBS_STEP_ANSWERED, // SubmitJob was answered, or failed
    JOBS_STEP_ACCEPTED, // its id is written down
};

struct jobs_conf {
    struct http *http;                     // borrowed
    struct creds *creds;                   // borrowed
    const struct batch_settings *settings; // borrowed
    const char *journal_dir;               // copied
    const char *spool_dir;                 // where logs are kept while they are looked at, in unnamed files; copied
    // Takes room there for so many bytes of a log more, and gives it back. NULL: there is always some. give_room is
    // called with a lock held, and only counts.
    errc (*take_room)(void *arg, uint64_t bytes, struct err *err);
    void (*give_room)(void *arg, uint64_t bytes);
    bool dry_run;                          // nothing is ever sent
    // The code package of a run "Flow/run"; ERR_NOT_FOUND or ERR_INVALID with a cause. Called without a lock.
    errc (*code)(void *arg, const char *run, struct cancel *cancel, struct job_code *ret, struct err *err);
    void *arg;
    int64_t submit_ms;                     // how long a submission may take; 0 means 30 s
    int64_t poll_ms;                       // the poller's quickest pace; 0 means 2 s (shorter in tests)
    int64_t settle_ms;                     // a sent job that is not found this long after is none; 0 means 60 s
    void (*reached)(void *arg, enum jobs_step step); // tests look or stop here; NULL else
};
errc jobs_new(const struct jobs_conf *conf, struct jobs **ret, struct err *err) ERR_MUST_CHECK;
void jobs_free(struct jobs *j); // stops the poller; nobody is in a call any more; NULL is fine

// What a text is, as far as it goes: for a file that is being written. Pure but for what it keeps: a text that is bad,
// or whole and refused, is remembered with every problem as the job's `error`. ERR_INVALID then.
enum jobs_text { JOBS_TEXT_EMPTY, JOBS_TEXT_INCOMPLETE, JOBS_TEXT_ACCEPTED };
errc jobs_check(struct jobs *j, const char *name, const char *text, size_t len, enum jobs_text *ret, struct err *err)
    ERR_MUST_CHECK;
// What jobs_submit would refuse of a whole, accepted text before it sends anything, because of the configuration, the
// queue, the run of `code` or `depends_on`; with a dry run what that would. ERR_INVALID then, and it is the job's
// `error`. ERR_INTERRUPTED. What AWS or a metadata service does not answer within 5 s is no refusal, and nothing is
// decided where a job lives or may come to light: jobs_submit tells. It finds what was asked here remembered.
errc jobs_vet(struct jobs *j, const char *name, const char *text, size_t len, struct cancel *cancel, struct err *err)
    ERR_MUST_CHECK;
// Submits a whole, accepted text as the job `name`, and waits for it: at most submit_ms, the token before that. The
// same text as that of the job that lives, or of one that may have been sent, is the same intent: ERR_OK when the job
// exists. ERR_BUSY for another text while it lives or may live; ERR_INVALID for what the configuration or AWS refuses;
// ERR_DENIED, ERR_THROTTLED, ERR_UNREACHABLE, ERR_TIMEOUT when it was not accepted in time: the cause says whether
// anything was sent. What could not be submitted is the job's `error`.
//
// Whether the present job ended is asked anew for each save (DescribeJobs), since what the poller heard last may be
// old: a save that cannot learn it fails, and says that nothing was sent.
//
// What is believed of SubmitJob, which has no token that would make a second call harmless: a 4xx and a throttled
// answer made no job, and such a call may be made again at once. Any other failure after the sending (a lost or cut
// answer, one without an id, and 500, 502, 503 and 504: a server may fail behind what it did) may have made one. Then
// the job is looked for by its name. ListJobs lags behind: a listing that lacks the job counts only when it was asked
// for settle_ms after the sending; until then nothing is sent again, and a save whose time ends first leaves the job
// `unknown`.
errc jobs_submit(struct jobs *j, const char *name, const char *text, size_t len, struct cancel *cancel,
                 struct err *err) ERR_MUST_CHECK;

// Somebody looks at .batch: the poller works from now for a minute. Waits, for 5 s at most, until what Batch told is
// not older than 30 s; not at all where nothing can be asked, or an answer failed within the last 5 s.
void jobs_look(struct jobs *j, struct cancel *cancel);

// Files of a job's directory, and of its attempts'.
enum job_part {
    JOB_JOB, JOB_REQUEST, JOB_ID, JOB_STATUS, JOB_REASON, JOB_EXIT_CODE, JOB_TEMPDIR, JOB_ERROR, JOB_LOG, JOB_PARTS
};
const char *job_part_name(enum job_part part); // "job", "exit_code"; never NULL

struct job_view {
    char *name;               // its directory: a job file's name without .json, or Metaflow's job name
    bool ours;                // it has a job file; else Metaflow submitted it
    bool can_kill;            // it lives, or may live
    unsigned parts;           // bit 1u << JOB_x: that file is there
    uint64_t size[JOB_PARTS]; // bytes; of JOB_LOG what was fetched so far
    int64_t changed_ms;       // when its state last changed (Batch's own times), wall clock
    int64_t saved_ms;         // of a job file; else 0
    bool log_grows;           // more of it may come
    bool log_is_empty;        // no container wrote to it (yet): its size of 0 is the true one
    unsigned attempts;        // entries of attempts/
    char *task;               // "Flow/run/step/task" of Metaflow's job, or NULL
};
void job_view_free(struct job_view *v); // empties it

// From memory. Jobs of files first, by name; then Metaflow's, the newest first. `fn` borrows the view; false ends it.
void jobs_list(struct jobs *j, bool (*fn)(void *arg, const struct job_view *v), void *arg);
// One job by its directory's name, or by its job id. A job id that is not known is asked for once (DescribeJobs) and
// then remembered, so that TASK/.batch leads to jobs that ended long ago; one that Batch does not know is asked for
// again when somebody wants it 3 s later. ERR_NOT_FOUND.
errc jobs_find(struct jobs *j, const char *name, struct cancel *cancel, struct job_view *ret, struct err *err)
    ERR_MUST_CHECK;
// The directory of the job that ran a task, where it is known: by id (or NULL), else by Metaflow's parameters. Owned by
// the caller; NULL when it is not.
char *jobs_of_task(struct jobs *j, const char *id, const char *pathspec);

// Entries of attempts/: "1", "2" are former generations of the file, "G.A" the tries that Batch's retry strategy made
// within generation G. `index` counts from 0. False past the end. A view's `attempts` is 0 there.
bool jobs_attempt(struct jobs *j, const char *name, unsigned index, char **ret_attempt, struct job_view *ret);
errc jobs_find_attempt(struct jobs *j, const char *name, const char *attempt, struct job_view *ret, struct err *err)
    ERR_MUST_CHECK;

// The text of a part (not JOB_LOG); `attempt` NULL is the job itself. ERR_NOT_FOUND when it is not there.
errc jobs_text(struct jobs *j, const char *name, const char *attempt, enum job_part part, struct buf *out,
               struct err *err) ERR_MUST_CHECK;
// A log as far as it was fetched: a file that only grows, to be read with pread, up to `len` now.
struct job_log {
    int fd;        // the caller's
    uint64_t len;
    bool has_more; // there is more of it that was not fetched yet
    struct log_hold *hold; // the caller's: what was fetched is not forgotten until it is let go
};
void log_hold_let_go(struct log_hold *hold); // may be called from anywhere, also when the table is gone
#define JOBS_LOG_NOW UINT64_MAX
// It is fetched from now on while it is looked at. With `from` 0 it waits for all there is, and after 2 s for the first
// bytes only; else until there is more than `from` bytes, the end, or any answer; JOBS_LOG_NOW waits for nothing. Fails
// where there is nothing behind `from` and it is known why not, and after 10 s without an answer. ERR_ARCHIVED: the job
// ended, and its stream is not there (any more). A log whose stream is replaced by that of the next try is empty for a
// while, so that who follows it sees that it began anew.
errc jobs_log_more(struct jobs *j, const char *name, const char *attempt, uint64_t from, struct cancel *cancel,
                   struct job_log *ret, struct err *err) ERR_MUST_CHECK;
// The same with `from` 0, for who wants no more than comes so.
errc jobs_log(struct jobs *j, const char *name, const char *attempt, struct cancel *cancel, int *ret_fd,
              uint64_t *ret_len, struct err *err) ERR_MUST_CHECK;

// TerminateJob (CancelJob is not enough for one that runs). ERR_INVALID when it ended or was never submitted.
errc jobs_kill(struct jobs *j, const char *name, struct cancel *cancel, struct err *err) ERR_MUST_CHECK;

// The job file as it was last saved and accepted, which NAME.json reads back as after a remount: names in turn. False
// past the end.
struct job_saved {
    char *name, *text; // owned by the caller
    int64_t saved_ms;
    int64_t mtime_ms;  // by jobs_touch; 0: nobody set it
};
bool jobs_saved(struct jobs *j, unsigned index, struct job_saved *ret);
// A program set the time of NAME.json, which holds that text: it is kept with the job. 0: it was written since. False
// where the job has another text, or was not submitted.
bool jobs_touch(struct jobs *j, const char *name, const char *text, size_t len, int64_t mtime_ms);
// NAME.json was removed: it is not shown again; the job's directory stays.
void jobs_unsave(struct jobs *j, const char *name);
void jobs_resave(struct jobs *j, const char *name); // it came back as it was: shown again

// For .metaflowfs/status: region, queue, jobs, why nothing can be asked; and counters for stats.
void jobs_describe(struct jobs *j, int width, struct buf *out);
void jobs_counters(struct jobs *j, void (*put)(void *out, const char *name, const char *help, uint64_t value),
                   void *out);

#endif
