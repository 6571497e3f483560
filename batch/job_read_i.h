// The parts of job_spec_read. Only batch/job_*.c include it.
#ifndef BATCH_JOB_READ_I_H
#define BATCH_JOB_READ_I_H

#include "base/json.h"
#include "batch/job_keys.h"
#include "batch/job_spec.h"

struct job_reader {
    const char *name;                   // of the file, borrowed
    struct buf *problems;               // borrowed
    size_t count;                       // of the problems
    char *first;                        // owned; NULL without a problem
    struct strv twice;                  // full names of keys that are there twice
    const char *level;                  // where the walk is: "" or "batch."
    const struct json *value[K_COUNT];  // what was given and is as the table asks; borrowed from the text's tree
    bool refused[K_COUNT];              // given, and a problem
};

// job_problem.c: words.
void job_problem(struct job_reader *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void job_problem_of(struct job_reader *r, enum job_key_id id, const char *fmt, ...)
    __attribute__((format(printf, 3, 4))); // "KEY: ..."; the key is refused
void job_problem_kind(struct job_reader *r, enum job_key_id id, const struct json *found); // of another type
void job_problem_unknown(struct job_reader *r, const char *level, const char *key);
void job_problems_end(struct job_reader *r); // says how many were left out
// Outside text as it may stand in a problem: plain, or quoted and cut. Owned by the caller.
char *job_show(const char *text);

// job_check.c: what the table alone cannot tell of a value of the right type. Each tells its problems.
void job_check_text(struct job_reader *r, enum job_key_id id, const char *text);
void job_check_item(struct job_reader *r, enum job_key_id id, const char *text); // of a list
void job_check_var(struct job_reader *r, const char *name, const struct json *value);
void job_check_tag(struct job_reader *r, const char *name, const struct json *value);
bool job_path_is_mountpoint(const char *path); // absolute, not /, without . and ..

#endif
