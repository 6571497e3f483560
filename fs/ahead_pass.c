// Passes over the tasks of a step: which names of each task a reader takes, and when it begins again with others.
//
// `cat */a */b` goes over all tasks for a, and then again for b; a loop takes a and b of a task before it goes to the
// next. Nobody has to know the loop's names before: those it takes of the first task are those of each.
#include <string.h>

#include "base/mem.h"
#include "fs/ahead_i.h"

unsigned ahead_part_want(const char *file)
{
    static const char *const parts[] = {"runtime_stdout.log", "runtime_stderr.log", "task_stdout.log",
                                        "task_stderr.log",    "stdout.log",         "stderr.log"};
    const char *dot = strchr(file, '.'); // behind the attempt's number
    for (unsigned i = 0; dot && i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (strcmp(dot + 1, parts[i]) == 0) {
            return WANT_FIRST_PART << i;
        }
    }
    return 0;
}

unsigned ahead_wants(const struct tref *r)
{
    switch (r->kind) {
    case K_ARTIFACT:
    case K_PICKLE:
    case K_JSON:
    case K_CSV:
    case K_NPY:
    case K_TASK:
        return WANT_ARTIFACTS;
    case K_STDOUT:
        return WANT_STDOUT;
    case K_STDERR:
        return WANT_STDERR;
    case K_LOG:
        return WANT_LOG;
    case K_LOG_PART:
        return r->leaf ? ahead_part_want(r->leaf) : 0;
    case K_META:
        return WANT_META;
    default:
        return 0;
    }
}

bool ahead_is_of_interest(const struct ahead_seen *seen)
{
    const struct tref *r = seen->r;
    return ahead_wants(r) && r->task && r->attempt + 1 < ATTEMPTS && (r->kind != K_TASK || seen->what == AHEAD_LOOKED);
}

// By what a pass is known. What is read for who looks at one artifact is what all of them need.
static char *key_of(const struct ahead_seen *seen)
{
    bool named = ahead_wants(seen->r) == WANT_ARTIFACTS && seen->what == AHEAD_OPENED && seen->r->leaf;
    return named ? mem_printf("%d/%s", seen->r->attempt, seen->r->leaf)
                 : mem_printf("%d:%u", seen->r->attempt, ahead_wants(seen->r));
}

void pass_free(struct pass *p)
{
    free(p->task);
    free(p->key);
    strv_free(&p->keys);
    *p = (struct pass){0};
}

bool pass_saw(struct pass *p, const struct ahead_seen *seen)
{
    char *key = key_of(seen);
    bool moved = p->task && strcmp(p->task, seen->r->task) != 0;
    bool is_new = !strv_has(&p->keys, key);
    // One name of a task and then the same of another: the rest of the names is not taken any more.
    bool is_alone = p->keys.len > 1 && strcmp(p->key, key) == 0;
    p->began = moved && (is_new || is_alone);
    if (p->began) {
        strv_free(&p->keys);
        memset(p->wants, 0, sizeof(p->wants));
    }
    p->wants[seen->r->attempt < 0 ? 0 : seen->r->attempt + 1] |= ahead_wants(seen->r);
    if (p->began || is_new) {
        strv_add(&p->keys, key);
    }
    if (moved || !p->task) {
        free(p->task);
        p->task = mem_strdup(seen->r->task);
    }
    free(p->key);
    p->key = key;
    return p->began;
}
