// The inside of batch/jobs.h: the table of jobs, and what its parts know of each other.
//
// jobs.c has the table and its life, jobs_find.c look-ups and listings, jobs_told.c what Batch told of a job,
// jobs_text.c what files show, jobs_submit.c and jobs_send.c submissions, jobs_dry.c dry runs, jobs_poll.c the poller,
// jobs_settle.c what it does for each job, jobs_list.c Metaflow's jobs, jobs_log.c the logs,
// jobs_log_read.c what is read of them, jobs_log_place.c where they are, jobs_kill.c the end.
//
// `lock` is for memory alone: never held across a call to AWS, to the journal, or out of here. Whoever changes a record
// holds the journal's lock of that name, and then reads the record into the table again (jobs_refresh).
#ifndef BATCH_JOBS_I_H
#define BATCH_JOBS_I_H

#include <pthread.h>

#include "batch/batch_api.h"
#include "batch/job_request.h"
#include "batch/job_spec.h"
#include "batch/jobs.h"
#include "batch/journal.h"
#include "batch/queues.h"

#define JOBS_IDLE_MS (60 * 1000)    // nobody looks any more
#define JOBS_FRESH_MS (30 * 1000)   // what was told is not older than this behind a look
#define JOBS_FAILED_MS (5 * 1000)   // after a failure nothing is asked again for so long
#define JOBS_MISSING_MS (3 * 1000)  // for so long an id that Batch does not know is not asked for again
#define JOBS_LOOK_MS (5 * 1000)     // the longest wait of a look
#define JOBS_SUBMIT_MS (30 * 1000)
#define JOBS_POLL_MS 2000
#define JOBS_SLOWEST_MS (60 * 1000)
#define JOBS_SETTLE_MS (60 * 1000)
#define JOBS_LISTED 1000            // of Metaflow's jobs, the newest
#define JOBS_ASKED 1000             // jobs that were asked for by id

// --- what Batch told (jobs_told.c) -------------------------------------------------------------------------------

struct told_try {           // one try of Batch's retry strategy
    char *reason;           // lines; may be NULL
    char *stream;           // of its log, or NULL
    bool has_exit;
    int64_t exit_code, started_ms, stopped_ms;
};
struct told {
    char *id, *arn, *job_name, *queue, *status;    // status: "RUNNING"
    char *status_reason;    // as Batch says it, or NULL
    char *reason;           // status reason, container reason and exit code in words, a line each; or NULL
    char *stream;           // of its log; NULL before it starts
    char *driver, *group, *region; // log configuration, NULL where it is not told
    char *user, *task;      // of Metaflow's parameters, or NULL
    char *tempdir;          // METAFLOW_TEMPDIR of its environment, or NULL
    bool has_exit;
    int64_t exit_code, created_ms, started_ms, stopped_ms;
    struct told_try *tries;
    size_t tries_len;
};
void told_free(struct told *t); // empties it
// Reads a job's object of DescribeJobs, or what told_reduce made of it; *ret is empty before. False when it has no id.
bool told_read(const struct json *detail, struct told *ret);
// What is kept of it, as compact JSON: no environment, no secrets. Owned by the caller.
char *told_reduce(const struct json *detail);
bool told_ended(const struct told *t);          // SUCCEEDED or FAILED
int64_t told_changed_ms(const struct told *t);  // the latest of Batch's times; 0: none

// --- the table (jobs.c) ------------------------------------------------------------------------------------------

struct side {               // what was worked out of one intent, beside it
    struct told told;       // of intent.last; empty without it
    uint64_t request_size;  // bytes of JOB_REQUEST; 0: there is none
    char *place;            // "REGION:ACCOUNT" of the definition that was sent, or NULL
    char *driver, *group, *region; // of the definition's logConfiguration, or NULL
};
struct own {                // a job file's job
    char *name;
    struct record rec;      // as the journal has it; empty where nothing was written down
    struct side *sides;     // one for each of rec.at
    struct intent *dry;     // the dry run that was saved last, or NULL
    bool dry_removed;       // its file was removed
    uint64_t dry_size;      // of its request
    char *dry_note;         // what the request says besides
    char *error;            // why the text that was saved last was refused, or NULL
    int64_t error_ms;
    char *look_failure;     // why the job that nobody knows of could not be looked for, or NULL
    unsigned submitting;    // calls of jobs_submit that are at work on it in this process
    uint64_t ticket;        // of the reading of the journal that it shows
};
struct theirs {             // a job that Metaflow submitted, or one that was asked for by id
    char *dir;              // its directory's name
    struct told told;
    bool listed;            // ListJobs told of it, and it is the user's
    bool asked;             // somebody asked for it by its id
    unsigned silent;        // how often in turn Batch did not know it
};

struct missing {            // an id that Batch did not know a moment ago
    char *id;
    int64_t ms;             // monotonic
};

struct log_spool;           // jobs_log_i.h

struct jobs {
    struct jobs_conf conf;  // with its numbers filled in; its two folders are gone when jobs_new has returned
    char *spool_dir;
    struct batch_api *api;  // NULL: nothing can be asked
    struct queues *queues;  // the same
    char *why_not;          // why nothing can be asked, for people; NULL where something can
    struct journal *journal;
    struct cancel ending, log_ending; // the tokens of what the poller and the logs ask: a thread each

    pthread_mutex_t loading; // is_loaded: the journal is first read when somebody looks
    bool is_loaded;

    pthread_mutex_t lock;   // all that follows
    pthread_cond_t changed; // something that somebody waits for
    struct own **own;       // by name
    size_t own_len, own_cap;
    struct theirs **theirs;
    size_t theirs_len, theirs_cap;
    struct missing missing[32]; // a ring
    unsigned missing_at;
    bool is_ending;

    bool has_poller, is_polling;
    pthread_t poller;
    int64_t looked_ms;      // monotonic, as the next ones; 0: never
    int64_t told_ms, failed_ms, begun_ms; // the last cycle that ended well, that failed; the one under way
    int64_t next_ms, pace_ms, next_list_ms, list_pace_ms;
    uint64_t cycles, looks;
    char *failure;          // of the last cycle, or NULL
    char *list_failure;     // why Metaflow's jobs cannot be listed, or NULL
    int64_t ask_failed_ms;  // when a job could not be asked for by its id

    uint64_t tickets;       // readings of the journal that began
    uint64_t stamp;         // the journal's, when it was read last; the poller's alone
    bool has_stamp;

    bool has_logger;
    pthread_t logger;
    struct log_spool *spools;
};

bool jobs_can_ask(const struct jobs *j);
bool jobs_is_looked_at(const struct jobs *j);            // within a minute; with the lock held
char *arn_place(const char *arn);                        // "REGION:ACCOUNT", or NULL; owned by the caller
// The same of the definition that a body of SubmitJob names; NULL for no body, too.
char *submission_place(const char *submission);
bool is_job_id(const char *text);                        // a UUID; a child of an array or a node has more behind it
// A cycle soon, and the poller running; with the lock held.
void jobs_wake(struct jobs *j);
struct own *own_find(struct jobs *j, const char *name);  // with the lock held, as the next ones
struct own *own_make(struct jobs *j, const char *name);  // found, or made
void own_forget_dry(struct own *o);
struct intent *own_present(const struct own *o);         // of its record; NULL where it has none
struct side *own_present_side(const struct own *o);
struct theirs *theirs_of_id(struct jobs *j, const char *id);
struct theirs *theirs_of_dir(struct jobs *j, const char *dir);
// Keeps what Batch told of a job that has no file here; takes the content of *t. `asked`: somebody named its id.
void theirs_put(struct jobs *j, struct told *t, bool asked);
void theirs_drop(struct jobs *j, const char *id);
bool theirs_is_polled(const struct theirs *t);
bool own_of_id(struct jobs *j, const char *id, struct own **ret, size_t *ret_generation);
bool intent_lives(const struct intent *in);              // or may live: SENDING and ACCEPTED
bool side_is_here(const struct jobs *j, const struct side *s); // sent to this region, or nothing was sent
void own_refuse(struct jobs *j, const char *name, const char *error); // takes the lock; NULL takes the error back
// The outcome of a look for a job that may have been made, for its `reason`; takes the lock. One that was given up says
// nothing.
void own_looked(struct jobs *j, const char *name, errc code, const char *cause);

// Reads one record of the journal into the table. No lock held.
errc jobs_refresh(struct jobs *j, const char *name, struct err *err) ERR_MUST_CHECK;
errc jobs_refresh_all(struct jobs *j, struct err *err) ERR_MUST_CHECK;
void jobs_load(struct jobs *j); // once; each function of batch/jobs.h that looks at the table begins with it

// --- what files show (jobs_text.c) -------------------------------------------------------------------------------

struct face {               // of one directory; borrowed from the table, with its lock held
    const char *dir;
    const struct own *own;        // or
    const struct theirs *theirs;
    const struct intent *in;      // of ours; NULL for a text that was refused
    const struct told *told;      // NULL where Batch told nothing
    const struct side *side;
    const struct told_try *one;   // of an attempt
    bool is_dry, is_former;       // former: a directory in attempts/
};
bool face_of(struct jobs *j, const char *name, struct face *ret); // by directory, else by job id
void face_of_own(const struct own *o, struct face *ret);
void face_of_theirs(const struct theirs *t, struct face *ret);
// The entry `index` of attempts/; its name is the caller's.
bool face_attempt(const struct face *f, unsigned index, char **ret_name, struct face *ret);
// The directory of a job, or with `attempt` (not NULL) that one in its attempts/.
bool face_at(struct jobs *j, const char *dir, const char *attempt, struct face *ret);
const char *face_status(const struct face *f);
void face_view(struct jobs *j, const struct face *f, struct job_view *ret);
uint64_t job_request_size(const struct intent *in, const char *note);

// --- submissions -------------------------------------------------------------------------------------------------

struct submission {          // one call of jobs_submit
    struct jobs *j;
    const char *name;
    struct cancel *cancel;   // its deadline is that of the submission
    struct journal_lock *lock;
    struct job_spec spec;
    struct job_code code;
    bool has_code;
    struct strv depends_on;  // job ids
    struct record rec;
    struct job_definition definition;
    const char *text;        // NUL-terminated
    bool may_exist;          // a request was sent, and its answer is not known
    bool unanswered;         // one was, whatever was found out since: its job may come to light late
    bool is_told;            // why it was not submitted is written down
    struct buf problems;
};
void jobs_reached(struct jobs *j, enum jobs_step step);
errc submission_write(struct submission *s, struct err *err) ERR_MUST_CHECK; // to the journal and the table
// The job exists: the present intent has that id now, also on disk.
errc submission_adopt(struct submission *s, const char *id, struct err *err) ERR_MUST_CHECK;
// What can be refused before anything is sent: code, dependencies, the queue, and the definition, which it makes.
// *ret_queue is the caller's.
errc submission_judge(struct submission *s, char **ret_queue, struct err *err) ERR_MUST_CHECK;
// The same; then the definition's ARN, asked for, and the two bodies in the present intent.
errc submission_prepare(struct submission *s, struct err *err) ERR_MUST_CHECK;
// The name of a generation's job at Batch. Owned.
char *submission_job_name(const struct submission *s, unsigned generation);
// Looks for the present intent's job by its name, and adopts it.
errc submission_look(struct submission *s, bool *ret_found, struct err *err) ERR_MUST_CHECK;
// Sends what the present intent says until it is known whether the job exists (jobs_send.c).
errc submission_send(struct submission *s, struct err *err) ERR_MUST_CHECK;
// Code and dependencies: what the file alone does not tell. Problems by name.
errc submission_resolve(struct submission *s, struct err *err) ERR_MUST_CHECK;
errc submission_problems(struct submission *s, struct err *err) ERR_MUST_CHECK; // ERR_INVALID by s->problems
errc jobs_dry_run(struct submission *s, const char *text, struct err *err) ERR_MUST_CHECK;
errc jobs_dry_vet(struct submission *s, struct err *err) ERR_MUST_CHECK; // what jobs_dry_run refuses; keeps nothing

void submission_free(struct submission *s);
// ListJobs of a queue by job name (exact, or with a * at its end), the newest first, in any state: each page is told to
// fn until it returns false.
errc jobs_list_pages(struct jobs *j, const char *queue, const char *name, unsigned max_pages, struct cancel *cancel,
                     bool (*fn)(void *arg, const struct json *list), void *arg, struct err *err) ERR_MUST_CHECK;
// Looks for a job by its name: *ret_id is NULL when there is none (yet).
errc jobs_look_for(struct jobs *j, const char *queue, const char *job_name, struct cancel *cancel, char **ret_id,
                   struct err *err) ERR_MUST_CHECK;

// --- the poller --------------------------------------------------------------------------------------------------

struct cycle {               // one round of the poller
    bool changed;
    unsigned calls;          // DescribeJobs
};
errc jobs_settle(struct jobs *j, struct cycle *c, struct err *err) ERR_MUST_CHECK;   // what dead processes left
// What became of the present intent of `rec`, which is SENDING: found by its name it is ACCEPTED; sent longer ago than
// settle_ms and not found, NONE; else as it was. The caller holds the lock and writes the record. False: as it was.
errc intent_settle(struct jobs *j, const char *name, struct intent *in, struct cancel *cancel, bool *ret_changed,
                   struct err *err) ERR_MUST_CHECK;
// Puts what Batch told into an intent: ENDED when it did. False: nothing new.
bool intent_tell(struct intent *in, const struct json *detail);
errc jobs_describe_all(struct jobs *j, struct cycle *c, struct err *err) ERR_MUST_CHECK;
errc jobs_list_theirs(struct jobs *j, struct cycle *c, struct err *err) ERR_MUST_CHECK;
// DescribeJobs of at most 100 ids; each job told to fn.
errc jobs_ask(struct jobs *j, const struct strv *ids, size_t from, struct cancel *cancel,
              void (*fn)(void *arg, const struct json *detail), void *arg, struct err *err) ERR_MUST_CHECK;

// --- logs --------------------------------------------------------------------------------------------------------

struct log_place {
    const char *driver, *group, *region, *stream; // borrowed; `group` is never NULL
};
struct log_place log_place_of(const struct face *f);     // jobs_log_place.c, as the next ones
bool log_is_elsewhere(const struct log_place *p);        // with a log driver other than CloudWatch's
void log_put_elsewhere(const struct log_place *p, struct buf *out); // what is read then
bool log_exists(const struct face *f);                   // of a job that was accepted; perhaps empty
bool log_has_stream(const struct face *f);               // else there is nothing in it (yet)
bool log_has_ended(const struct face *f);                // the job, or the attempt
bool log_is_empty(struct jobs *j, const struct face *f); // nothing is to be read of it now; with the lock held
// Bytes that were fetched of a log; with the lock held. *ret_grows: more may come.
uint64_t log_size(struct jobs *j, const struct face *f, bool *ret_grows);
void log_touch(struct jobs *j, const struct face *f);    // somebody looks at a log that is open already
void logs_free(struct jobs *j); // with no thread left

int64_t jobs_jitter(int64_t ms); // spread by a fifth to both sides
// Waits on `changed`, with the lock held, until that monotonic time at most.
void jobs_wait_until(struct jobs *j, int64_t mono_ms);

#endif
