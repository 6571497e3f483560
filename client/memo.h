// What was asked lately, so that it is not asked again: immutable snapshots in bounded memory, by kind,
// path and attempt, the least recently used out first. Thread-safe.
//
// Single flight: one load at a time for a key; whoever else asks waits for it, and leaves when its own
// cancel token says so. When the loader is cancelled, one of those who wait loads instead. A load may
// ask the memo for kinds smaller than its own, never for its own or a greater one: so no two loads can
// wait for each other.
//
// A value that was being loaded while memo_forget ran is given to those who asked before, and to
// nobody after: it may be older than what was forgotten.
#ifndef CLIENT_MEMO_H
#define CLIENT_MEMO_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cancel.h"
#include "base/err.h"

// The first member of everything that is remembered.
struct snap {
    atomic_uint refs;
    size_t bytes; // roughly what it occupies
    void (*destroy)(struct snap *s);
};
void snap_init(struct snap *s, size_t bytes, void (*destroy)(struct snap *s)); // with one reference
struct snap *snap_ref(struct snap *s);
void snap_unref(struct snap *s); // NULL is fine

struct memo_key {
    int kind;
    const char *path; // as pathspec_text; borrowed
    int attempt;      // -1 where there is none
};

#define MEMO_FOR_EVER INT64_MAX

// Makes the value of a key: *ret has one reference, *ret_ttl_ms how long it holds (0: only for those
// who wait for it now).
typedef errc (*memo_load_fn)(void *arg, struct cancel *cancel, struct snap **ret, int64_t *ret_ttl_ms,
                             struct err *err);

struct memo;
struct memo_conf {
    size_t max_items; // 0 means 16,384
    size_t max_bytes; // 0 means 8 MiB
};
struct memo *memo_new(const struct memo_conf *conf);
void memo_free(struct memo *m); // nobody is in a call any more

// The value of the key, loaded where it is not known. The caller unrefs it. A failed load is told to
// all who waited for it and not remembered.
errc memo_get(struct memo *m, const struct memo_key *key, memo_load_fn load, void *arg,
              struct cancel *cancel, struct snap **ret, struct err *err) ERR_MUST_CHECK;
// The value if it is known and holds, with a reference; else NULL. Never waits.
struct snap *memo_peek(struct memo *m, const struct memo_key *key);
// Remembers a value that came by another way; takes over one reference.
void memo_put(struct memo *m, const struct memo_key *key, struct snap *value, int64_t ttl_ms);
// Drops what is at and below `path` ("" is all), and what is above it, which was concluded from it.
void memo_forget(struct memo *m, const char *path);

struct memo_stats { uint64_t hits, misses, evicted; size_t items, bytes; };
void memo_stats(struct memo *m, struct memo_stats *ret);

#endif
