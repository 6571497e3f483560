// Which log a job has, and where it is.
#include <string.h>

#include "batch/jobs_i.h"

#define DEFAULT_GROUP "/aws/batch/job"

struct log_place log_place_of(const struct face *f)
{
    struct log_place p = {0};
    if (f->told != NULL) {
        p.driver = f->told->driver;
        p.group = f->told->group;
        p.region = f->told->region;
        p.stream = f->told->stream;
    }
    if (f->side != NULL && p.driver == NULL) {
        p.driver = f->side->driver;
        p.group = f->side->group;
        p.region = f->side->region;
    }
    if (f->one != NULL) {
        p.stream = f->one->stream;
    }
    p.group = p.group != NULL ? p.group : DEFAULT_GROUP;
    return p;
}

bool log_is_elsewhere(const struct log_place *p)
{
    return p->driver != NULL && strcmp(p->driver, "awslogs") != 0;
}

// There is one from the acceptance on: who follows it from then sees what comes.
bool log_exists(const struct face *f)
{
    bool is_accepted = f->in != NULL && (f->in->state == INTENT_ACCEPTED || f->in->state == INTENT_ENDED);
    return !f->is_dry && (f->told != NULL || is_accepted);
}

bool log_has_stream(const struct face *f)
{
    struct log_place p = log_place_of(f);
    return p.stream != NULL || log_is_elsewhere(&p);
}

bool log_has_ended(const struct face *f)
{
    if (f->one != NULL) {
        return f->one->stopped_ms > 0;
    }
    return (f->in != NULL && f->in->state == INTENT_ENDED) || (f->told != NULL && told_ended(f->told));
}

void log_put_elsewhere(const struct log_place *p, struct buf *out)
{
    buf_printf(out, "the log of this job goes to the log driver \"%s\": it is not in CloudWatch Logs\n", p->driver);
}
