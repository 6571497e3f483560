// The drawing of a run's steps, for its page and for a file of its own.
#ifndef REPORT_REPORT_GRAPH_H
#define REPORT_REPORT_GRAPH_H

#include "base/buf.h"
#include "report/report_run_facts.h"

void report_graph_draw(const struct run_facts *f, const struct pathspec *run, bool alone, struct buf *out);

#endif
