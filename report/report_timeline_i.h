// Private to report/report_timeline*.c: the canvas, and how a step's tasks are drawn on it.
#ifndef REPORT_REPORT_TIMELINE_I_H
#define REPORT_REPORT_TIMELINE_I_H

#include "base/buf.h"
#include "report/report_run_facts.h"
#include "report/report_timeline_scale.h"

struct canvas {
    const struct run_facts *f;
    struct time_scale scale;
    struct buf *out;
};

// One attempt, with its facts as a tooltip.
void canvas_bar(const struct canvas *v, const struct step_facts *s, const struct task_facts *t,
                const struct attempt_brief *a, double y, double height);
// The lane of each task of a step, so that those of one lane do not overlap; owned. NULL where that takes more than
// `max` lanes.
size_t *lanes_pack(const struct time_scale *scale, const struct run_facts *f, const struct step_facts *s, size_t max,
                   size_t *ret_lanes);
// How many tasks of a step were at work at each time, by state; marks below where tasks failed.
void density_draw(const struct canvas *v, const struct step_facts *s, double y, double height);

#endif
