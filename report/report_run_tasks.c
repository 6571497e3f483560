#include "report/report_run_tasks.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"

#define AT_ONCE 8

struct reader {
    struct client *c;
    struct pathspec step;
    struct step_facts *s;
    size_t max, left_out;
    struct cancel *cancel;
    atomic_bool over;     // the token ended it
    pthread_mutex_t lock; // what follows
    struct err why;       // then why
    size_t troubled;      // the first task that could not be read, or SIZE_MAX
};

int64_t sane_ms(int64_t ms)
{
    const int64_t last = 253402300799999; // the end of the year 9999
    return ms < 0 ? -1 : ms > last ? last : ms;
}

static void make_sane(struct task_brief *b)
{
    b->created_ms = sane_ms(b->created_ms);
    b->heartbeat_ms = sane_ms(b->heartbeat_ms);
    for (size_t i = 0; i < b->len; i++) {
        struct attempt_brief *a = &b->attempts[i];
        a->start_ms = a->start_ms < 0 ? 0 : sane_ms(a->start_ms);
        a->end_ms = sane_ms(a->end_ms);
    }
}

static bool see_task(void *arg, const char *id, int64_t created_ms)
{
    struct reader *r = arg;
    struct step_facts *s = r->s;
    if (s->len >= r->max) {
        r->left_out++;
        return true;
    }
    s->tasks = mem_grow(s->tasks, &s->cap, s->len + 1, sizeof s->tasks[0]);
    s->tasks[s->len++] = (struct task_facts){.id = mem_strdup(id), .brief.created_ms = created_ms};
    return true;
}

static void note_failure(struct reader *r, size_t i, const struct err *why, bool is_over)
{
    pthread_mutex_lock(&r->lock);
    if (is_over) {
        r->why = *why;
        atomic_store(&r->over, true);
    } else if (i < r->troubled) {
        r->troubled = i;
        free(r->s->trouble);
        r->s->trouble = mem_printf("task %s: %s", r->s->tasks[i].id, why->cause);
    }
    pthread_mutex_unlock(&r->lock);
}

// A task that cannot be read stays without attempts.
static void look_at_task(void *arg, size_t i)
{
    struct reader *r = arg;
    struct task_facts *t = &r->s->tasks[i];
    struct pathspec ps = pathspec_child(&r->step, t->id);
    struct task_brief brief;
    struct err one = ERR_INIT;
    if (atomic_load(&r->over))
        return;
    errc code = cancel_check(r->cancel, &one);
    if (!code)
        code = client_task_brief(r->c, &ps, t->brief.created_ms, r->cancel, &brief, &one);
    if (code) {
        note_failure(r, i, &one, report_is_over(r->cancel, code));
        return;
    }
    make_sane(&brief);
    t->brief = brief;
}

static void drop_unread(struct step_facts *s)
{
    size_t kept = 0;
    for (size_t i = 0; i < s->len; i++) {
        if (s->tasks[i].brief.len)
            s->tasks[kept++] = s->tasks[i];
        else
            free(s->tasks[i].id);
    }
    s->len = kept;
}

static int by_number(const char *a, const char *b)
{
    size_t la = strlen(a), lb = strlen(b);
    bool numbers = strspn(a, "0123456789") == la && strspn(b, "0123456789") == lb;
    return numbers && la != lb ? (la > lb) - (la < lb) : strcmp(a, b);
}

static int by_start(const void *a, const void *b)
{
    const struct task_facts *ta = a, *tb = b;
    int64_t sa = ta->brief.attempts[0].start_ms, sb = tb->brief.attempts[0].start_ms;
    return sa != sb ? (sa > sb) - (sa < sb) : by_number(ta->id, tb->id);
}

errc run_tasks_read(struct client *c, const struct pathspec *run, struct step_facts *s, size_t max,
                    size_t *ret_left_out, struct cancel *cancel, struct err *err)
{
    struct reader r = {.c = c, .step = pathspec_child(run, s->name), .s = s, .max = max, .cancel = cancel,
                       .lock = PTHREAD_MUTEX_INITIALIZER, .why = ERR_INIT, .troubled = SIZE_MAX};
    struct err one = ERR_INIT;
    errc code = client_list(c, &r.step, cancel, see_task, &r, &one);
    *ret_left_out = r.left_out;
    if (report_is_over(cancel, code)) {
        *err = one;
        return code;
    }
    parallel_each(s->len, AT_ONCE, "mf-report", look_at_task, &r);
    drop_unread(s);
    if (atomic_load(&r.over)) {
        *err = r.why;
        return err->code;
    }
    if (code) {
        free(s->trouble);
        s->trouble = mem_strdup(one.cause);
    }
    if (s->len)
        qsort(s->tasks, s->len, sizeof s->tasks[0], by_start);
    return ERR_OK;
}
