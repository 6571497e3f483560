// Children in the client's order: by created_at, newest first, ties in the provider's order.
#include <string.h>

#include "base/mem.h"
#include "client/model_i.h"

// A step of more tasks than this is taken in the order of the listing when only its first is wanted:
// ids are given in the order of creation, and reading them all for one name is not worth it.
#define MAX_READ_FOR_FIRST 64

void children_free(struct children *ch)
{
    for (size_t i = 0; i < ch->len; i++) {
        free(ch->items[i].id);
    }
    free(ch->items);
    memset(ch, 0, sizeof(*ch));
}

static bool add_child(void *arg, const char *id, int64_t created_ms)
{
    struct children *ch = arg;
    ch->items = mem_grow(ch->items, &ch->cap, ch->len + 1, sizeof(ch->items[0]));
    ch->items[ch->len++] = (struct child){mem_strdup(id), created_ms};
    return true;
}

// A stable merge sort: qsort gives no promise about ties, and they are the provider's to order.
static void sort_newest_first(struct child *items, struct child *scratch, size_t n)
{
    if (n < 2) {
        return;
    }
    size_t half = n / 2, a = 0, b = half, out = 0;
    sort_newest_first(items, scratch, half);
    sort_newest_first(items + half, scratch, n - half);
    while (a < half && b < n) {
        scratch[out++] = items[b].created_ms > items[a].created_ms ? items[b++] : items[a++];
    }
    while (a < half) {
        scratch[out++] = items[a++];
    }
    while (b < n) {
        scratch[out++] = items[b++];
    }
    memcpy(items, scratch, n * sizeof(*items));
}

// Asks each child that the listing told no time of; those that cannot be read are dropped.
static errc read_times(struct client *c, const struct pathspec *ps, struct cancel *cancel,
                       struct children *ch, struct err *err)
{
    size_t kept = 0;
    errc code = ERR_OK;
    for (size_t i = 0; i < ch->len; i++) {
        struct child child = ch->items[i];
        if (!code && child.created_ms < 0) {
            struct pathspec at = pathspec_child(ps, child.id);
            auto_cleanup(object_snap_unrefp) const struct object_snap *o = NULL;
            errc one = model_object(c, &at, cancel, &o, err);
            if (one) {
                code = model_skip(one, &at, err) ? ERR_OK : one;
                free(child.id);
                continue;
            }
            child.created_ms = o->object->created_ms;
        }
        ch->items[kept++] = child;
    }
    ch->len = kept;
    return code;
}

errc model_children(struct client *c, const struct pathspec *ps, struct cancel *cancel,
                    struct children *ret, struct err *err)
{
    auto_cleanup(children_free) struct children ch = {0};
    errc code = model_list(c, ps, cancel, add_child, &ch, err);
    if (!code) {
        code = read_times(c, ps, cancel, &ch, err);
    }
    if (code) {
        return code;
    }
    auto_free struct child *scratch = mem_zalloc((ch.len + 1) * sizeof(*scratch));
    sort_newest_first(ch.items, scratch, ch.len);
    *ret = ch;
    memset(&ch, 0, sizeof(ch));
    return ERR_OK;
}

errc model_first_task(struct client *c, const struct pathspec *step, struct cancel *cancel,
                      char **ret_task, struct err *err)
{
    auto_cleanup(children_free) struct children ch = {0};
    errc code = model_meta_list(c, step, cancel, add_child, &ch, err);
    if (!code && ch.len > 1 && ch.len <= MAX_READ_FOR_FIRST) {
        code = read_times(c, step, cancel, &ch, err);
        auto_free struct child *scratch = mem_zalloc((ch.len + 1) * sizeof(*scratch));
        sort_newest_first(ch.items, scratch, ch.len);
    }
    if (code) {
        return code;
    }
    if (ch.len == 0) {
        auto_free char *path = pathspec_text(step);
        return err_set(err, ERR_NOT_FOUND, "step %s has no task", path);
    }
    *ret_task = steal_ptr(&ch.items[0].id);
    return ERR_OK;
}
