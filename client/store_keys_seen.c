#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "client/store_keys_i.h"

#define CUT_HOLDS_MS (10 * 60 * 1000)

static const uint8_t sip_key[16] = "metaflowfs-tasks";

// The length up to and with the n-th slash; 0 when there are fewer.
static size_t upto_slash(const char *path, int n)
{
    const char *at = path;
    for (; n > 0; n--) {
        at = strchr(at, '/');
        if (!at) {
            return 0;
        }
        at++;
    }
    return (size_t)(at - path);
}

static bool is_there(const char *path, size_t at, const char *part)
{
    return strncmp(path + at, part, strlen(part)) == 0;
}

bool scopes_of(const char *path, struct scopes *ret)
{
    memset(ret, 0, sizeof(*ret));
    if (!is_there(path, 0, "mf.cards/")) {
        for (int i = SCOPE_RUN; i < SCOPES; i++) {
            ret->len[i] = upto_slash(path, i + 2);
        }
        size_t len = ret->len[SCOPE_TASK];
        return len && !strchr(path + len, '/');
    }
    size_t flow = upto_slash(path, 2), run = upto_slash(path, 4);
    if (!flow || !run || !is_there(path, flow, "runs/")) {
        return false;
    }
    ret->len[SCOPE_RUN] = run;
    if (is_there(path, run, "steps/")) {
        ret->len[SCOPE_STEP] = upto_slash(path, 6);
        ret->len[SCOPE_TASK] = upto_slash(path, 8);
    } else if (is_there(path, run, "tasks/")) {
        ret->len[SCOPE_TASK] = upto_slash(path, 6);
    }
    return ret->len[SCOPE_TASK] != 0;
}

bool store_keys_covers(const char *path)
{
    struct scopes s;
    return scopes_of(path, &s);
}

static void clear(struct seen *s)
{
    free(s->prefix);
    free(s->cut_after);
    *s = (struct seen){0};
}

void seen_free(struct seen_table *t)
{
    for (size_t i = 0; i < SEEN_MAX; i++) {
        clear(&t->items[i]);
    }
}

struct seen *seen_find(struct seen_table *t, const char *prefix, size_t len, bool make, int64_t now_ms)
{
    struct seen *oldest = &t->items[0];
    for (size_t i = 0; i < SEEN_MAX; i++) {
        struct seen *s = &t->items[i];
        if (s->prefix && strncmp(s->prefix, prefix, len) == 0 && !s->prefix[len]) {
            if (s->cut_after && now_ms - s->cut_ms > CUT_HOLDS_MS) {
                seen_cut(s, NULL, now_ms);
            }
            s->used_ms = now_ms;
            return s;
        }
        if (!s->prefix || (oldest->prefix && s->used_ms < oldest->used_ms)) {
            oldest = s;
        }
    }
    if (!make) {
        return NULL;
    }
    clear(oldest);
    oldest->prefix = mem_strndup(prefix, len);
    oldest->used_ms = now_ms;
    return oldest;
}

bool seen_is_walk(struct seen *s, const char *task, size_t len, int64_t now_ms, int64_t together_ms)
{
    uint64_t hash = hash_sip64(sip_key, task, len) | 1; // 0 is nobody
    int oldest = 0;
    bool all = true;
    for (int i = 0; i < SEEN_TASKS; i++) {
        if (s->tasks[i] == hash) {
            s->tasks_ms[i] = now_ms;
            return false;
        }
        all = all && s->tasks[i] && now_ms - s->tasks_ms[i] <= together_ms;
        oldest = s->tasks_ms[i] < s->tasks_ms[oldest] ? i : oldest;
    }
    if (all) {
        s->tasks_ms[0] = s->tasks_ms[1] = now_ms; // the walk goes on
        return true;
    }
    s->tasks[oldest] = hash;
    s->tasks_ms[oldest] = now_ms;
    return false;
}

void seen_cut(struct seen *s, const char *last, int64_t now_ms)
{
    free(s->cut_after);
    s->cut_after = mem_strdup(last);
    s->cut_ms = now_ms;
}
