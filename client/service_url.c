// Paths and queries of the metadata service.
#include <string.h>

#include "client/service_i.h"

bool service_id_is_usable(const char *id)
{
    if (!id || !*id || strcmp(id, ".") == 0 || strcmp(id, "..") == 0) {
        return false;
    }
    for (const unsigned char *p = (const unsigned char *)id; *p; p++) {
        if (*p == '/' || *p < 0x20 || *p == 0x7f) {
            return false;
        }
    }
    return true;
}

// A decimal number above `most`, which is one itself.
static bool is_above(const char *id, const char *most)
{
    size_t len = id ? strspn(id, "0123456789") : 0;
    return len > 0 && !id[len] && (len > strlen(most) || (len == strlen(most) && strcmp(id, most) > 0));
}

bool service_ids_are_out_of_range(const struct pathspec *at)
{
    return is_above(at->run, "2147483647") || is_above(at->task, "9223372036854775807");
}

const char *service_children_word(enum level level)
{
    static const char *const words[] = {
        [LEVEL_ROOT] = "flows", [LEVEL_FLOW] = "runs", [LEVEL_RUN] = "steps", [LEVEL_STEP] = "tasks",
        [LEVEL_TASK] = NULL};
    return words[level];
}

bool service_put_path(struct buf *url, const struct pathspec *at)
{
    const char *const ids[] = {at->flow, at->run, at->step, at->task};
    enum level level = pathspec_level(at);
    for (unsigned i = 0; i < level; i++) {
        if (!service_id_is_usable(ids[i])) {
            return false;
        }
        buf_printf(url, "/%s/", service_children_word((enum level)i));
        http_url_put(url, ids[i]);
    }
    return true;
}

static void put_key(struct buf *url, char *mark, const char *key)
{
    buf_putc(url, *mark);
    buf_puts(url, key);
    buf_putc(url, '=');
    *mark = '&';
}

static void put_int(struct buf *url, char *mark, const char *key, int64_t value)
{
    put_key(url, mark, key);
    buf_printf(url, "%lld", (long long)value);
}

static void put_filters(struct buf *url, char *mark, const struct service_query *q)
{
    if (q->from_ms >= 0) {
        put_int(url, mark, "ts_epoch:ge", q->from_ms);
    }
    if (q->to_ms >= 0) {
        put_int(url, mark, "ts_epoch:lt", q->to_ms);
    }
    if (q->beat_from_ms >= 0) {
        put_int(url, mark, "last_heartbeat_ts:ge", q->beat_from_ms / 1000);
    }
    if (q->status) {
        put_key(url, mark, "status");
        http_url_put(url, q->status);
    }
    if (q->tag) {
        put_key(url, mark, "_tags");
        http_url_put(url, q->tag);
    }
}

bool service_put_query(struct buf *url, const struct service_query *q, bool with_limit)
{
    char mark = '?';
    enum level level = pathspec_level(&q->at);
    const char *word = service_children_word(level);
    if (!service_put_path(url, &q->at)) {
        return false;
    }
    switch (q->what) {
    case SERVICE_OBJECT:
        return level != LEVEL_ROOT;
    case SERVICE_CHILDREN:
        buf_printf(url, "/%s", word ? word : "");
        break;
    case SERVICE_ARTIFACTS:
        if (q->attempt >= 0) {
            buf_printf(url, "/attempt/%d/artifacts", q->attempt);
            return level == LEVEL_TASK;
        }
        buf_puts(url, "/artifacts");
        break;
    case SERVICE_RECORDS:
        buf_puts(url, "/metadata");
        break;
    }
    if (with_limit) {
        put_int(url, &mark, "_limit", q->limit ? q->limit : 500);
    }
    if (q->cursor) {
        put_key(url, &mark, "_cursor");
        http_url_put(url, q->cursor);
    }
    put_filters(url, &mark, q);
    return word != NULL || q->what != SERVICE_CHILDREN;
}
