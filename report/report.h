// Pages to look at: what RUN/.report.html, RUN/.graph.svg, RUN/.timeline.svg and TASK/.report.html show. One file each,
// self-contained: no script, no network, only relative links to what is beside them in the tree. Everything comes
// through client/model.h; text that comes from users is escaped. Thread-safe.
#ifndef REPORT_REPORT_H
#define REPORT_REPORT_H

#include "base/buf.h"
#include "client/model.h"

// Each appends the page to `out` (whose maximum it keeps: ERR_LIMIT). May wait: metadata of all tasks of a run, the end
// of failed tasks' logs, for a task's page its artifacts. What cannot be read is told in the page, in its place, and
// ends nothing else; only the object itself missing, or the token, is an error.
errc report_run(struct client *c, const struct pathspec *run, struct cancel *cancel, struct buf *out,
                struct err *err) ERR_MUST_CHECK;
// attempt: -1 for the task as it is, else as TASK/.attempts/<n> shows it.
errc report_task(struct client *c, const struct pathspec *task, int attempt, struct cancel *cancel, struct buf *out,
                 struct err *err) ERR_MUST_CHECK;
// Stand-alone SVG of the steps with their states, and of the tasks over time.
errc report_graph(struct client *c, const struct pathspec *run, struct cancel *cancel, struct buf *out,
                  struct err *err) ERR_MUST_CHECK;
errc report_timeline(struct client *c, const struct pathspec *run, struct cancel *cancel, struct buf *out,
                     struct err *err) ERR_MUST_CHECK;

#endif
