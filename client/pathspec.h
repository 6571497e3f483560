// Where an object is in Metaflow: FLOW[/RUN[/STEP[/TASK]]], ids as text exactly as Metaflow has them.
#ifndef CLIENT_PATHSPEC_H
#define CLIENT_PATHSPEC_H

#include <stdbool.h>
#include <stddef.h>

enum level { LEVEL_ROOT, LEVEL_FLOW, LEVEL_RUN, LEVEL_STEP, LEVEL_TASK };

// Borrowed ids; the first NULL ends the path.
struct pathspec {
    const char *flow, *run, *step, *task;
};

enum level pathspec_level(const struct pathspec *ps);
// The same path cut to `level`.
struct pathspec pathspec_upto(const struct pathspec *ps, enum level level);
// The child `id` of ps.
struct pathspec pathspec_child(const struct pathspec *ps, const char *id);
// "F/R/S/T", owned by the caller; "" for the root.
char *pathspec_text(const struct pathspec *ps);
// The id of the last part; NULL for the root.
const char *pathspec_id(const struct pathspec *ps);

#endif
