// What the files of `metaflowfs get` share; nobody else includes it.
//
// One thread, main's, waits for signals and draws the progress. Workers take items from the queue: a directory to
// list, which gives more items, or a file to copy.
#ifndef FS_GET_I_H
#define FS_GET_I_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/cancel.h"
#include "fs/get_state.h"
#include "fs/progress.h"
#include "fs/stack.h"
#include "fs/tree.h"

#define GET_JOBS_MAX 512

// A directory of the copy, open as long as something is to be put into it.
struct get_dir {
    atomic_uint refs;
    int fd;
    char *path; // below the target, "" for itself
};
struct get_dir *get_dir_new(int fd, const char *path); // takes over fd, copies path
struct get_dir *get_dir_ref(struct get_dir *dir);
void get_dir_unref(struct get_dir *dir);

struct get_item {
    struct get_item *next;
    struct get_dir *dir; // where it goes
    char *name;          // its file name there
    struct tref ref;
    bool is_dir, alone;  // alone: tried before, and to be tried with nothing beside it
    bool begun;          // a directory of which something is queued already
    bool has_attr, executable;
    uint64_t size;       // as it was shown; counted in progress
    int64_t mtime_ms;
};
void get_item_free(struct get_item *item);

// --- the queue (fs/get_queue.c) -----------------------------------------------------------------------
// Files go before directories while there are enough of them, so that what is queued stays little.
struct get_queue {
    pthread_mutex_t lock; // of all that follows
    pthread_cond_t changed;
    struct get_item *files, **files_end, *dirs, *late;
    size_t n_files, enough;
    unsigned listing, copying, max_listing, max_running;
    bool begun, alone, stopped; // begun: the first item came
};
void get_queue_init(struct get_queue *q, unsigned jobs);
void get_queue_free(struct get_queue *q); // with what is still in it
void get_queue_add(struct get_queue *q, struct get_item *item);
// Waits for work: NULL when everything is done, or the queue was stopped. get_queue_done follows each item.
struct get_item *get_queue_take(struct get_queue *q);
void get_queue_done(struct get_queue *q, const struct get_item *item);
// Instead of get_queue_done, for an item that failed because too many run at once: it comes again, first, and from here
// on half as many run. False when it was the only one: then it fails.
bool get_queue_crowded(struct get_queue *q, struct get_item *item);
bool get_queue_is_walked(struct get_queue *q); // everything was listed
void get_queue_stop(struct get_queue *q);

// --- what is told to people (fs/get_report.c) -----------------------------------------------------------
struct get_report {
    pthread_mutex_t lock; // of what follows, and of stderr
    bool terminal, quiet;
    size_t shown;         // columns of the line on the terminal now
    int64_t drawn_ms, start_ms;
    struct {
        int64_t ms;
        uint64_t bytes;
    } seen[32];           // of the last seconds, a ring
    unsigned n_seen;
};
struct get;
void get_report_init(struct get_report *r, bool quiet);
void get_report_free(struct get_report *r);
void get_report_draw(struct get *g);  // at most 10 times a second
void get_report_clear(struct get *g); // takes the line away
void get_report_end(struct get *g);   // the closing line
// One line on stderr.
void get_say(struct get *g, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

// --- the whole ----------------------------------------------------------------------------------------
struct get {
    // What is wanted; constant.
    const char *pathspec, *dir;
    bool raw, logs, overwrite;
    unsigned jobs;
    struct stack stack;

    struct cancel cancel;
    struct get_queue queue;
    struct get_report report;
    struct get_state *state; // NULL: one file alone is copied
    int done_fd;             // an eventfd: a worker ended
    atomic_uint workers;

    pthread_mutex_t failing; // held while one failure is judged
    struct cancel checking;  // of what is asked meanwhile
    // lock
    pthread_mutex_t lock;
    struct err fatal;        // what stopped everything
    char *fatal_at;

    atomic_ullong bytes, bytes_known, bytes_copied; // done of; read and written by this run
    atomic_ullong files, files_known, copied, there, links;
    atomic_ullong failed, failed_dirs; // failed: files
    atomic_ullong failed_for_good;     // of these: what the same command will not copy either
    atomic_uint unreached;   // failures in a row because nobody answers
    atomic_bool was_unreached; // there was one
};

// Stops everything for a reason that holds for all that is left. The first one is kept.
void get_fatal(struct get *g, const char *where, const struct err *err);
// Counts and tells the failure of one item; some kinds stop everything.
void get_fail(struct get *g, const struct get_item *item, const struct err *err);
char *get_item_path(const struct get_item *item); // below the target, owned

// fs/get_target.c: resolves the path, finds or makes the target, and queues the first item.
errc get_start(struct get *g, struct err *err) ERR_MUST_CHECK;
// fs/get_walk.c: makes the directory and queues what is in it.
errc get_list(struct get *g, struct get_item *item, struct err *err) ERR_MUST_CHECK;
// Queues one file of a directory; attr is NULL where a listing did not tell it.
void get_queue_file(struct get *g, struct get_dir *dir, const struct tref *ref, const char *name,
                    const struct tattr *attr);
// fs/get_copy.c: copies one file. `chunk` has GET_CHUNK bytes.
#define GET_CHUNK ((size_t)1024 * 1024)
errc get_copy(struct get *g, struct get_item *item, char *chunk, struct err *err) ERR_MUST_CHECK;

#endif
