// What a job takes from Metaflow's configuration and from the user's environment, handed down by fs/. Immutable once a
// mount has it.
#ifndef BATCH_SETTINGS_H
#define BATCH_SETTINGS_H

#include <stdbool.h>

#include "base/endpoint.h"
#include "batch/pairs.h"

struct batch_settings {
    char *user;                // Metaflow's user name, or the system's where that is root. Never NULL
    char *region;              // of Batch; NULL: none was found, and nothing can be asked
    struct aws_variant variant; // of AWS's endpoints
    char *batch_endpoint, *logs_endpoint; // URLs, or NULL: AWS's of the region
    char *queue;               // METAFLOW_BATCH_JOB_QUEUE, or NULL: the first that is enabled and valid
    char *image, *registry;    // METAFLOW_BATCH_CONTAINER_IMAGE and _REGISTRY with their defaults, or NULL
    char *iam_role;            // METAFLOW_ECS_S3_ACCESS_IAM_ROLE, or NULL
    char *execution_role;      // METAFLOW_ECS_FARGATE_EXECUTION_ROLE, or NULL
    bool emit_tags;            // METAFLOW_BATCH_EMIT_TAGS
    bool sandbox;              // METAFLOW_AWS_SANDBOX_ENABLED: the platform is not asked for but EC2
    struct pairs default_tags; // METAFLOW_BATCH_DEFAULT_TAGS
    // What the container gets, in Metaflow's order (plugins/aws/batch/batch.py, create_job): from METAFLOW_USER to
    // METAFLOW_RUNTIME_ENVIRONMENT, the METAFLOW_CONDA_* and METAFLOW_DEBUG_* that are set, METAFLOW_DEFAULT_SECRETS_*
    // (first), and what comes behind METAFLOW_TEMPDIR: METAFLOW_S3_* (last).
    struct pairs env_first, env_last;
};
void batch_settings_free(struct batch_settings *s); // empties it

// The code package of a run, as its task's metadata `code-package` tells.
struct job_code {
    char *flow, *run;
    char *metadata;            // JSON text; NULL: an old record has none
    char *sha, *url, *ds;      // ds: "s3"
    char *python_version;      // "3.11" of the run's python_version tag, or NULL
};
void job_code_free(struct job_code *c); // empties it

#endif
