#include "base/mem.h"
#include "client/model_i.h"

errc client_log_source(struct client *c, const struct pathspec *task, int attempt, struct cancel *cancel,
                       struct log_source *ret, const struct task **ret_task, struct err *err)
{
    const struct task *t;
    errc code = client_task(c, task, cancel, &t, err);
    if (code) {
        return code;
    }
    bool is_latest = attempt < 0 || attempt == t->current_attempt;
    bool ended = t->status == STATUS_DONE || t->status == STATUS_FAILED || t->status == STATUS_STALE;
    model_know_root(c, task, t);
    *ret = (struct log_source){
        .store = c->store,
        .staging = c->staging,
        .grown = c->grown,
        .flow = task->flow,
        .run = task->run,
        .step = task->step,
        .task = task->task,
        .attempt = attempt < 0 ? t->current_attempt : attempt,
        .settled = !is_latest || ended,
        .final = t->settled,
        .legacy_stdout = task_metadata(t, "log_location_stdout", attempt),
        .legacy_stderr = task_metadata(t, "log_location_stderr", attempt),
        .no_datastore = !task_metadata(t, "ds-type", attempt) || !task_metadata(t, "ds-root", attempt),
    };
    *ret_task = t;
    return ERR_OK;
}
