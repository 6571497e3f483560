// What the page of a run and its two drawings are made of: one look at the run, its steps and its tasks.
#ifndef REPORT_REPORT_RUN_FACTS_H
#define REPORT_REPORT_RUN_FACTS_H

#include "client/model.h"

#define STATUSES (STATUS_STALE + 1)
#define FACTS_MAX_TASKS 50000 // of a run; what is beyond is counted in n_left_out
#define FACTS_MAX_STEPS 2000

struct task_facts {
    char *id;
    struct task_brief brief;
};

struct step_facts {
    char *name;
    const struct graph_step *node; // borrowed from the graph; NULL where the graph has no such step
    struct task_facts *tasks;      // by start, then id
    size_t len, cap;
    size_t by_status[STATUSES];
    int64_t start_ms;              // of the first task, or -1
    int64_t end_ms;                // the last end that is known, or -1
    const struct task_facts *slowest; // of those that ended, or NULL
    char *trouble;                 // what of it could not be read, or NULL
};

struct run_facts {
    const struct run *run;
    const struct graph *graph;     // NULL where it is not known
    char *graph_trouble;           // then why
    struct strv tags, system_tags;
    char *user, *origin;           // or NULL
    bool has_code;
    struct step_facts *steps;      // by first start; those that have not started last, as the graph has them
    size_t len, cap;
    size_t n_tasks, n_left_out, by_status[STATUSES];
    int64_t start_ms, last_ms;     // of the run; the last sign of it (a task's start or end, a heartbeat)
    int64_t now_ms;
    struct strv troubles;          // what else could not be read, a sentence each
};

// Only the run itself missing, and the token, are errors.
errc run_facts_read(struct client *c, const struct pathspec *run, struct cancel *cancel, struct run_facts *ret,
                    struct err *err) ERR_MUST_CHECK;
void run_facts_free(struct run_facts *f);

// Whether an error ends the page: the asker is gone, or time is up. Else it is told where it happened.
bool report_is_over(struct cancel *cancel, errc code);

const struct step_facts *run_facts_step(const struct run_facts *f, const char *name); // or NULL
// One word for a step: failed before stale before running before unknown before done; NULL where nothing has started.
const char *step_state(const struct step_facts *s);
// When an attempt ended, or where it stands: an open one ends now while its task runs, else at the last sign of it.
int64_t attempt_end_ms(const struct run_facts *f, const struct task_facts *t, const struct attempt_brief *a);
// The first task's start (without any: the run's), and the latest of all ends as attempt_end_ms has them. A tag that is
// added makes a local run newer than its tasks, so that its own time tells little.
int64_t run_facts_begin_ms(const struct run_facts *f);
int64_t run_facts_end_ms(const struct run_facts *f);
// From the first start of a task to its end, which is as above.
int64_t task_duration_ms(const struct run_facts *f, const struct task_facts *t);

// Opens a link (<a href=...>) to the step's directory; where it has one task only, to that one's page. False, and
// nothing is written, where there is no task.
bool step_link(struct buf *b, const struct step_facts *s);

#endif
