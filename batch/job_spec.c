#include "batch/job_spec.h"

#include <stdlib.h>

void job_spec_free(struct job_spec *j)
{
    char *const owned[] = {j->name,     j->code,           j->image,      j->queue,
                           j->iam_role, j->execution_role, j->log_driver, j->tmpfs_path};
    for (size_t i = 0; i < sizeof(owned) / sizeof(*owned); i++) {
        free(owned[i]);
    }
    strv_free(&j->command);
    strv_free(&j->depends_on);
    strv_free(&j->host_volumes);
    strv_free(&j->efs_volumes);
    strv_free(&j->log_options);
    pairs_free(&j->vars);
    pairs_free(&j->tags);
    *j = (struct job_spec){0};
}

const char *job_spec_tempdir(const struct job_spec *j)
{
    return j->tmpfs ? j->tmpfs_path : ".";
}
