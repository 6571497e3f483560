// The tasks of a step, each looked at once.
#ifndef REPORT_REPORT_RUN_TASKS_H
#define REPORT_REPORT_RUN_TASKS_H

#include "report/report_run_facts.h"

// Fills s->tasks (at most `max`, by start), s->len and s->trouble of a step that is empty but for its name;
// *ret_left_out: how many it has beyond `max`. Several tasks are asked for at once, so that a service that answers for
// one at a time, and is far away, is not waited for task by task. Only the token is an error.
errc run_tasks_read(struct client *c, const struct pathspec *run, struct step_facts *s, size_t max,
                    size_t *ret_left_out, struct cancel *cancel, struct err *err) ERR_MUST_CHECK;

// Recorded times are believed within the years that can be shown, so that differences of them are numbers too: -1
// where the time is below 0, and the end of the year 9999 at most.
int64_t sane_ms(int64_t ms);

#endif
