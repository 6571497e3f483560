// Private to client/store_keys*.c: the prefixes that a path can be listed by, and who asked about what lately.
#ifndef CLIENT_STORE_KEYS_I_H
#define CLIENT_STORE_KEYS_I_H

#include "client/store_keys.h"

// How much of a path is the prefix of its run, step and task, slash included; 0 where there is none of that kind.
enum { SCOPE_RUN, SCOPE_STEP, SCOPE_TASK, SCOPES };
struct scopes {
    size_t len[SCOPES];
};
// False for a path that this module does not answer for. A task's directory ends with its slash here.
bool scopes_of(const char *path, struct scopes *ret);

// What was seen lately of prefixes; bounded. Its caller has a lock.
#define SEEN_TASKS 2 // besides the one that is asked about
struct seen {
    char *prefix;         // owned; NULL: free
    char *cut_after;      // owned: its listing ended here, at the bound; or NULL
    int64_t cut_ms;       // when that was
    int64_t slow_until_ms;
    uint64_t tasks[SEEN_TASKS];
    int64_t tasks_ms[SEEN_TASKS];
    int64_t used_ms;
};
#define SEEN_MAX 64
struct seen_table {
    struct seen items[SEEN_MAX];
};
void seen_free(struct seen_table *t);
// NULL when nothing is known of it and `make` is false.
struct seen *seen_find(struct seen_table *t, const char *prefix, size_t len, bool make, int64_t now_ms);
// Notes a question about a task; whether it is the third task within together_ms, or a later one.
bool seen_is_walk(struct seen *s, const char *task, size_t len, int64_t now_ms, int64_t together_ms);
void seen_cut(struct seen *s, const char *last, int64_t now_ms); // NULL: its listing is whole

#endif
