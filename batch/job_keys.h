// The keys of a job file, a row each: what job_spec_read accepts, and what the documentation tells. The order is that
// of the documentation. Immutable.
#ifndef BATCH_JOB_KEYS_H
#define BATCH_JOB_KEYS_H

#include <stdbool.h>
#include <stddef.h>

enum job_type {
    JOB_T_OBJECT,   // a decorator
    JOB_T_BOOL,
    JOB_T_WHOLE,    // a number without a fraction: 2 and 2.0
    JOB_T_NUMBER,
    JOB_T_TEXT,
    JOB_T_LIST,     // of texts
    JOB_T_TEXTS,    // a list of texts, or one text
    JOB_T_PAIRS,    // an object of texts
    JOB_T_ANYTHING, // accepted, and without effect
    JOB_T_REFUSED,  // a key of the decorator's that is none here; `meaning` says why, on "is refused: ..."
};

enum job_key_id {
    K_COMMAND, K_NAME, K_CODE, K_DEPENDS_ON, K_DRY_RUN,
    K_RESOURCES, K_RES_CPU, K_RES_GPU, K_RES_DISK, K_RES_MEMORY, K_RES_SHARED_MEMORY,
    K_BATCH, K_CPU, K_GPU, K_MEMORY, K_IMAGE, K_QUEUE, K_IAM_ROLE, K_EXECUTION_ROLE, K_SHARED_MEMORY, K_MAX_SWAP,
    K_SWAPPINESS, K_TAGS, K_USE_TMPFS, K_TMPFS_TEMPDIR, K_TMPFS_SIZE, K_TMPFS_PATH, K_INFERENTIA, K_TRAINIUM, K_EFA,
    K_EPHEMERAL_STORAGE, K_HOST_VOLUMES, K_EFS_VOLUMES, K_LOG_DRIVER, K_LOG_OPTIONS, K_PRIVILEGED, K_EXECUTABLE,
    K_NUM_PARALLEL,
    K_ENVIRONMENT, K_VARS,
    K_TIMEOUT, K_SECONDS, K_MINUTES, K_HOURS,
    K_RETRY, K_TIMES, K_MINUTES_BETWEEN,
    K_COUNT
};

struct job_key {
    const char *name;     // in full: "batch.tmpfs_size"
    enum job_type type;
    bool null_is_absent;  // Metaflow's None is its default
    double min, max;      // of numbers, both inclusive (JOB_T_NUMBER: above min); of lists and pairs, max of them
    const char *fallback; // the value where it is not given, in words
    const char *accepted; // goes on "it takes ..."; NULL: nothing
    const char *meaning;  // a sentence, or several
};
const struct job_key *job_key(enum job_key_id id);
// The key of that full name, or NULL.
const struct job_key *job_key_find(const char *name);
// The known key of the same level that is nearest to a misspelt one, or NULL where none is near. `level` is "" or
// "batch."; the result is a full name.
const char *job_key_near(const char *level, const char *key);

#endif
