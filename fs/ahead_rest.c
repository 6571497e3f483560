// The accounts of what was fetched of one task while its files are opened one after another.
#include <string.h>

#include "base/mem.h"
#include "fs/ahead_i.h"

void rest_free(struct rest *r)
{
    for (size_t i = 0; i < r->len; i++) {
        free(r->items[i].name);
    }
    free(r->items);
    *r = (struct rest){0};
}

void ahead_rest_take(struct ahead *a, struct stream *s, struct job *j)
{
    bool here = s->task && strcmp(s->task, j->task_name) == 0;
    for (size_t i = 0; here && i < j->fetched.len; i++) {
        struct rest_name *n = &j->fetched.items[i];
        if (strv_has(&s->opened, n->name)) {
            a->stats.read_bytes += n->bytes; // its reader came meanwhile
            continue;
        }
        s->rest.items = mem_grow(s->rest.items, &s->rest.cap, s->rest.len + 1, sizeof(*n));
        s->rest.items[s->rest.len++] = (struct rest_name){steal_ptr(&n->name), n->bytes};
        a->stats.unread_bytes += n->bytes;
    }
}

void ahead_rest_opened(struct ahead *a, struct stream *s, const char *name)
{
    for (size_t i = 0; i < s->rest.len; i++) {
        struct rest_name *n = &s->rest.items[i];
        if (strcmp(n->name, name) == 0) {
            a->stats.read_bytes += n->bytes;
            a->stats.unread_bytes -= n->bytes;
            n->bytes = 0;
        }
    }
}

void ahead_rest_drop(struct ahead *a, struct stream *s)
{
    for (size_t i = 0; i < s->rest.len; i++) {
        a->stats.unread_bytes -= s->rest.items[i].bytes;
    }
    rest_free(&s->rest);
}
