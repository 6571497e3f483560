// Private to the timeline: time along its width.
#ifndef REPORT_REPORT_TIMELINE_SCALE_H
#define REPORT_REPORT_TIMELINE_SCALE_H

#include "base/buf.h"
#include "report/report_run_facts.h"

struct time_scale {
    int64_t from_ms, to_ms; // of the axis; to is later than from
    double left, width;     // pixels
};

// From the first task's start (without any: the run's) to the last known end.
struct time_scale time_scale_of(const struct run_facts *f, double left, double width);
double time_scale_x(const struct time_scale *t, int64_t ms); // times outside are at the edge
// A round distance between lines, so that there are at most ten.
int64_t time_scale_step(const struct time_scale *t);
// "0", "250 ms", "5 s", "3 min", "1 h 30 min", "2 d": the time since the axis began, as its lines are marked.
void time_scale_mark(struct buf *b, int64_t ms);

#endif
