// Shared by the files of batch/job_request.h.
#ifndef BATCH_JOB_REQUEST_I_H
#define BATCH_JOB_REQUEST_I_H

#include <stdbool.h>

#include "batch/body.h"
#include "batch/job_request.h"

#define SUBMISSION_MAX 30720 // bytes of a SubmitJob body (AWS Batch service quotas)

// The image of a job: its own, else the configuration's, else Python's of the run's version; with the configured
// registry in front where it names none. NULL when nothing names an image. Owned by the caller.
char *job_image(const struct job_spec *j, const struct batch_settings *s, const struct job_code *code);
// Whether an image begins with a registry, by the expression of get_docker_registry (plugins/aws/aws_utils.py).
bool job_image_has_registry(const char *image);

bool job_is_fargate(const char *platform);

// What only configuration and platform tell. Appends to *problems; ERR_INVALID when there was any.
errc job_platform_check(const struct job_spec *j, const struct batch_settings *s, const struct job_code *code,
                        const char *platform, struct buf *problems, struct err *err) ERR_MUST_CHECK;
// What is wrong with a code package's record as "code: ...", or NULL. Owned by the caller.
char *job_code_problem(const struct job_code *code);

// The tags of a submission.
void job_tags(const struct job_spec *j, const struct batch_settings *s, const struct job_code *code,
              struct pairs *ret);

// The script that fetches and unpacks a run's code package and then becomes "$@". `code` has no problem. Owned by the
// caller.
char *job_bootstrap(const struct job_code *code);

#endif
