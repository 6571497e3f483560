// Requests as objects: made, held and let go of. fs/engine.c has their life in between.
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "fs/engine.h"

struct request *request_new(struct engine *e, struct fuse_req *req, enum stat_op op, uint64_t nodeid,
                            const char *name, void (*run)(struct request *r))
{
    struct request *r = mem_zalloc(sizeof(*r));
    atomic_init(&r->refs, 1);
    r->req = req;
    r->engine = e;
    r->op = op;
    r->nodeid = nodeid;
    r->name = mem_strdup(name);
    r->run = run;
    r->cancel.deadline_ms = clock_mono_ms() + engine_deadline_ms(e);
    atomic_init(&r->reply_by_ms, r->cancel.deadline_ms + REQUEST_SLACK_MS);
    return r;
}

struct request *request_ref(struct request *r)
{
    atomic_fetch_add(&r->refs, 1);
    return r;
}

void request_unref(struct request *r)
{
    if (atomic_fetch_sub(&r->refs, 1) > 1) {
        return;
    }
    if (r->free_arg != NULL) {
        r->free_arg(r->arg);
    }
    free(r->name);
    free(r);
}
