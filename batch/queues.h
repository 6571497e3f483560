// Queues, the platforms behind them, and job definitions: what is asked for once in a mount's life and then known. The
// platform of a queue is that of its first compute environment, as Metaflow takes it. Thread-safe; one question at a
// time for a thing, however many wait.
#ifndef BATCH_QUEUES_H
#define BATCH_QUEUES_H

#include "base/strv.h"
#include "batch/batch_api.h"

struct queues;

struct queues *queues_new(struct batch_api *api); // borrowed
void queues_free(struct queues *q);               // NULL is fine

// The platform of a queue (name or ARN): "EC2", "SPOT", "FARGATE", "FARGATE_SPOT". ERR_INVALID where there is no such
// queue (the cause names those there are), or it is not ENABLED and VALID, or its compute environment has none of
// these (EKS, unmanaged). Known for 10 minutes. Owned by the caller.
errc queues_platform(struct queues *q, const char *queue, struct cancel *cancel, char **ret, struct err *err)
    ERR_MUST_CHECK;
// The same from memory: NULL when it was not asked for yet.
char *queues_platform_known(struct queues *q, const char *queue);
// Every ENABLED and VALID queue, in AWS's order. Known for 5 minutes.
errc queues_active(struct queues *q, struct cancel *cancel, struct strv *ret, struct err *err) ERR_MUST_CHECK;
// The ARN of the newest ACTIVE definition of that name, registered with `body` where there is none: as Metaflow does,
// element 0 of what DescribeJobDefinitions answers. Known as long as the mount lives; queues_definition_gone forgets
// one that SubmitJob did not accept. Owned by the caller.
errc queues_definition(struct queues *q, const char *name, const char *body, struct cancel *cancel, char **ret,
                       struct err *err) ERR_MUST_CHECK;
void queues_definition_gone(struct queues *q, const char *name);

#endif
