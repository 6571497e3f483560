// The metadata service as a source of metadata (client/meta.h), with what it told kept in a cache: asked for
// once what is terminal, for what is new what is live, in bulk where a walk shows itself. DESIGN.md section 5.
//
// What is terminal: the existence of a flow, run, step or task and when it was created; the artifacts and records
// of a task whose _task_ok was recorded as true settle_after_ms before they were asked for; everything below a run
// that the client concluded to be settled, where it was asked for after that. Tags never are.
#ifndef CLIENT_META_SERVICE_H
#define CLIENT_META_SERVICE_H

#include "client/cache.h"
#include "client/service.h"

struct meta_service_conf {
    struct service *service;   // taken over
    struct cache *cache;       // taken over
    int64_t ttl_ms;            // of what is live
    int64_t quiet_ttl_ms;      // of a failed or stale run; 0 means 60 s
    int64_t settle_after_ms;   // 0 means 900 s
};
struct meta *meta_service_new(const struct meta_service_conf *conf);

#endif
