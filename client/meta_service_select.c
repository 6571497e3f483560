// Runs by tag, time and outcome, where the service can tell: asked for alone, and each time anew.
#include <string.h>

#include "base/mem.h"
#include "client/meta_service_i.h"

struct selecting {
    struct gather *f;
    struct strv ids;
    int64_t *created;
    size_t cap;
};

static errc take_run(void *arg, struct service_row *row, struct err *err)
{
    (void)err;
    struct selecting *s = arg;
    gather_put_object(s->f, &row->object);
    s->created = mem_grow(s->created, &s->cap, s->ids.len + 1, sizeof(s->created[0]));
    s->created[s->ids.len] = row->object.created_ms;
    strv_add(&s->ids, row->object.run);
    return ERR_OK;
}

// False when fn wants no more.
static bool give_page(struct selecting *s, meta_list_fn fn, void *arg)
{
    bool go_on = true;
    gather_commit(s->f); // who looks at a run at once finds it in the cache
    for (size_t i = 0; go_on && i < s->ids.len; i++) {
        go_on = fn(arg, s->ids.items[i], s->created[i]);
    }
    strv_free(&s->ids);
    return go_on;
}

errc ms_select(struct meta *meta, const char *flow, const struct meta_select *sel, struct cancel *cancel,
               meta_list_fn fn, void *arg, struct err *err)
{
    struct meta_service *m = ms_of(meta);
    struct pathspec at = {.flow = flow};
    if (sel->tag && strchr(sel->tag, ',')) {
        return err_set(err, ERR_NO_FORM, "the service takes a comma for the end of a tag");
    }
    struct gather f __attribute__((cleanup(gather_free)));
    gather_begin(&f, m, SERVICE_CHILDREN, &at, cancel);
    f.q.tag = sel->tag;
    f.q.from_ms = sel->from_ms;
    f.q.to_ms = sel->to_ms;
    f.q.status = sel->outcome == META_COMPLETED       ? "completed"
                 : sel->outcome == META_NOT_COMPLETED ? "failed,running"
                                                      : NULL;
    struct selecting s = {.f = &f};
    bool paged, more = true, any = false;
    errc code = ERR_OK;
    while (!code && more) {
        code = gather_page(&f, take_run, &s, &paged, &more, err);
        if (!code) {
            any |= s.ids.len > 0;
            more = give_page(&s, fn, arg) && more;
        }
    }
    strv_free(&s.ids);
    free(s.created);
    // Nothing was given: the runs that are known may do, and are looked at one by one.
    return code && !any && ms_may_be_stale(m, code) ? err_set(err, ERR_NO_FORM, "the service does not answer") : code;
}
