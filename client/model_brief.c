// What a page of a whole run needs of each task: its state, and when its attempts were.
#include <string.h>

#include "base/mem.h"
#include "client/model_i.h"

#define MAX_ATTEMPTS (sizeof(((struct task_brief *)0)->attempts) / sizeof(struct attempt_brief))

// The place of an attempt among those that are known, ascending; made when it is missing. NULL for one that is older
// than the six that are kept.
static struct attempt_brief *attempt_at(struct task_brief *b, int number)
{
    size_t at = 0;
    while (at < b->len && b->attempts[at].number < number) {
        at++;
    }
    if (at < b->len && b->attempts[at].number == number) {
        return &b->attempts[at];
    }
    if (b->len == MAX_ATTEMPTS) {
        if (at == 0) {
            return NULL;
        }
        at--;
        memmove(&b->attempts[0], &b->attempts[1], at * sizeof(b->attempts[0]));
    } else {
        memmove(&b->attempts[at + 1], &b->attempts[at], (b->len - at) * sizeof(b->attempts[0]));
        b->len++;
    }
    b->attempts[at] = (struct attempt_brief){.number = number, .start_ms = -1, .end_ms = -1};
    return &b->attempts[at];
}

static void see_record(struct task_brief *b, const struct meta_record *r)
{
    bool is_start = strcmp(r->field, "attempt") == 0;
    bool is_end = strcmp(r->field, "attempt-done") == 0;
    int number = parse_small_int(r->value, 1000);
    struct attempt_brief *a = (is_start || is_end) && number >= 0 ? attempt_at(b, number) : NULL;
    if (!a) {
        return;
    }
    if (is_start && (a->start_ms < 0 || r->created_ms < a->start_ms)) {
        a->start_ms = r->created_ms;
    }
    if (is_end && r->created_ms > a->end_ms) {
        a->end_ms = r->created_ms;
    }
}

// Fills in what no record told: an attempt ended at the latest when the next began.
static void close_gaps(struct task_brief *b, const struct task *t)
{
    size_t own = task_snap_of(t)->own_records;
    for (size_t i = 0; i < b->len; i++) {
        struct attempt_brief *a = &b->attempts[i];
        const struct attempt_brief *next = i + 1 < b->len ? a + 1 : NULL;
        const struct meta_record *ok = records_newest(t->records.items, own, "attempt_ok", a->number);
        if (a->number == 0 || a->start_ms < 0) {
            a->start_ms = i == 0 || b->attempts[i - 1].end_ms < 0 ? b->created_ms : b->attempts[i - 1].end_ms;
        }
        if (a->end_ms < 0 && ok) {
            a->end_ms = ok->created_ms;
        }
        if (a->end_ms < 0 && next) {
            a->end_ms = next->start_ms;
        }
        bool went_well = ok && ok->value && strcmp(ok->value, "True") == 0;
        a->status = !next ? t->status : went_well ? STATUS_DONE : STATUS_FAILED;
    }
}

static void brief_of_task(const struct task *t, struct task_brief *b)
{
    size_t own = task_snap_of(t)->own_records;
    *b = (struct task_brief){
        .status = t->status, .created_ms = t->object->created_ms, .heartbeat_ms = t->object->heartbeat_ms};
    for (size_t i = 0; i < own; i++) {
        see_record(b, &t->records.items[i]);
    }
    if (b->len == 0) {
        attempt_at(b, t->current_attempt);
    }
    struct attempt_brief *latest = &b->attempts[b->len - 1];
    if (t->finished_ms >= 0 && latest->number == t->artifact_attempt) {
        latest->end_ms = t->finished_ms;
    }
    close_gaps(b, t);
}

errc client_task_brief(struct client *c, const struct pathspec *ps, int64_t known_created_ms, struct cancel *cancel,
                       struct task_brief *ret, struct err *err)
{
    auto_cleanup(quick_snap_unrefp) const struct quick_snap *q = NULL;
    errc code = model_check_ns(c, ps, cancel, err);
    if (!code) {
        code = model_quick(c, ps, cancel, &q, err);
    }
    if (code) {
        return code;
    }
    if (q->task_ok == 1 && q->attempt == 0) {
        auto_cleanup(object_snap_unrefp) const struct object_snap *o = NULL;
        if (known_created_ms < 0) {
            code = model_object(c, ps, cancel, &o, err);
            if (code) {
                return code;
            }
            known_created_ms = o->object->created_ms;
        }
        *ret = (struct task_brief){.status = STATUS_DONE, .created_ms = known_created_ms, .heartbeat_ms = -1, .len = 1};
        ret->attempts[0] = (struct attempt_brief){0, STATUS_DONE, known_created_ms, q->ok_ms};
        return ERR_OK;
    }
    auto_cleanup(task_unrefp) const struct task *t = NULL;
    code = model_task(c, ps, cancel, &t, err);
    if (!code) {
        brief_of_task(t, ret);
    }
    return code;
}
