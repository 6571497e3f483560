#include "batch/settings.h"

#include <stdlib.h>

void batch_settings_free(struct batch_settings *s)
{
    char *const owned[] = {s->user,  s->region,   s->batch_endpoint, s->logs_endpoint, s->queue,
                           s->image, s->registry, s->iam_role,       s->execution_role};
    for (size_t i = 0; i < sizeof(owned) / sizeof(*owned); i++) {
        free(owned[i]);
    }
    pairs_free(&s->default_tags);
    pairs_free(&s->env_first);
    pairs_free(&s->env_last);
    *s = (struct batch_settings){0};
}

void job_code_free(struct job_code *c)
{
    char *const owned[] = {c->flow, c->run, c->metadata, c->sha, c->url, c->ds, c->python_version};
    for (size_t i = 0; i < sizeof(owned) / sizeof(*owned); i++) {
        free(owned[i]);
    }
    *c = (struct job_code){0};
}
