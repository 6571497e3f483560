// A job as its file describes it: checked, with Metaflow's defaults, and nothing of where it will run. What the keys
// mean: docs/metaflowfs.1; metaflow/plugins/aws/batch/batch_decorator.py, plugins/resources_decorator.py,
// environment_decorator.py, timeout_decorator.py and retry_decorator.py (Metaflow 2.19).
#ifndef BATCH_JOB_SPEC_H
#define BATCH_JOB_SPEC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/strv.h"
#include "batch/pairs.h"

#define JOB_TEXT_MAX (256 * 1024) // bytes of a job file

struct job_spec {
    struct strv command;       // the words; a text became {"sh", "-c", TEXT}. {tempdir} is not replaced yet
    char *name;                // "name", else the file's name without .json
    char *code;                // a run, "Flow/run", or NULL
    struct strv depends_on;    // names in .batch/ or job ids
    bool dry_run;

    double cpu, memory, gpu;   // the larger of resources and batch; 1, 4096 (MiB) and 0 where neither tells
    char *image, *queue, *iam_role, *execution_role; // NULL: the configuration's
    int64_t shared_memory, max_swap, swappiness;     // -1: not given. MiB, MiB, 0 to 100
    int64_t inferentia, efa, ephemeral_storage;      // 0: none. devices, devices, GiB
    struct strv host_volumes, efs_volumes, log_options; // as given
    char *log_driver;          // or NULL
    bool privileged;
    bool asks_tmpfs;           // use_tmpfs or tmpfs_size was given (Fargate refuses both)
    bool tmpfs;                // a tmpfs is mounted
    bool tmpfs_tempdir;        // METAFLOW_TEMPDIR is its path; true also without a tmpfs
    int64_t tmpfs_size;        // MiB, given or half of memory; 0 without a tmpfs
    char *tmpfs_path;          // absolute

    struct pairs vars;         // of @environment
    struct pairs tags;         // aws_batch_tags
    int64_t timeout_s;         // at least 60; 432,000 (5 days) without `timeout`
    unsigned attempts;         // of the retry strategy, 1 to 5; 0: the job has none
};
void job_spec_free(struct job_spec *j); // empties it

// Reads a whole job file. `name` is the file's name without ".json". Every problem is found and appended to *problems,
// a line each: the key by its full name ("batch.tmpfs_size"), what is wrong with it, what is accepted; for text that is
// no JSON the one line has line and column. ERR_INVALID then, whose cause is the first problem (and how many more there
// are). Nothing is asked of anybody: what only the configuration or AWS can tell is found later.
errc job_spec_read(const char *text, size_t len, const char *name, struct job_spec *ret, struct buf *problems,
                   struct err *err) ERR_MUST_CHECK;

// What {tempdir} stands for: the tmpfs path where one is mounted, else ".". Borrowed.
const char *job_spec_tempdir(const struct job_spec *j);

#endif
