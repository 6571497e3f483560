// The drawing of a run's tasks over time, for its page and for a file of its own.
#ifndef REPORT_REPORT_TIMELINE_H
#define REPORT_REPORT_TIMELINE_H

#include "base/buf.h"
#include "report/report_run_facts.h"

void report_timeline_draw(const struct run_facts *f, const struct pathspec *run, bool alone, struct buf *out);

#endif
