// Private to report/report_run*.c: the sections of a run's page.
#ifndef REPORT_REPORT_RUN_I_H
#define REPORT_REPORT_RUN_I_H

#include "base/buf.h"
#include "report/report_run_facts.h"

struct page {
    struct client *c;
    const struct pathspec *run;
    struct cancel *cancel;
    const struct run_facts *f;
    struct buf *out;
};

// Each writes one section with its heading, or nothing where it has nothing to tell. What cannot be read is told in
// it; only the token is an error.
void page_steps(const struct page *p);
errc page_failures(const struct page *p, struct err *err) ERR_MUST_CHECK;
errc page_parameters(const struct page *p, struct err *err) ERR_MUST_CHECK;

// A quiet sentence on what could not be read: "What: why".
void page_trouble(struct buf *b, const char *what, const char *why);
// <a href="step/task/.report.html">step/task</a>
void page_task_link(struct buf *b, const char *step, const char *task);

#endif
