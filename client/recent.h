// What was asked lately, so that it is not asked again: immutable snapshots in bounded memory, by kind,
// path and attempt, the least recently used out first. Thread-safe.
//
// Single flight: one load at a time for a key; whoever else asks waits for it, and leaves when its own
// cancel token says so. When the loader is cancelled, one of those who wait loads instead. A load may
// ask for kinds smaller than its own, never for its own or a greater one: so no two loads can
// wait for each other.
//
// A value that was being loaded while recent_forget ran is given to those who asked before, and to
// nobody after: it may be older than what was forgotten.
#ifndef CLIENT_RECENT_H
#define CLIENT_RECENT_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cancel.h"
#include "base/err.h"

// The first member of everything that is remembered.
struct snap {
    atomic_uint refs;
    size_t bytes;       // what it occupies, nearly; the share of malloc in its first allocation is added
    int64_t expires_ms; // by clock_mono_ms; set once, before others can see it
    void (*destroy)(struct snap *s);
};
// What malloc takes for an allocation of `size` bytes: a head of 8, steps of 16, 32 at least. Most of what is
// remembered is small: without these a third of the memory would not be seen.
static inline size_t recent_heap_bytes(size_t size)
{
    return size <= 24 ? 32 : (size + 8 + 15) / 16 * 16;
}
void snap_init(struct snap *s, size_t bytes, void (*destroy)(struct snap *s)); // with one reference
struct snap *snap_ref(struct snap *s);
void snap_unref(struct snap *s); // NULL is fine
// How long it still holds. What is made of several snapshots holds no longer than each of them, so that
// times do not add up.
int64_t snap_left_ms(const struct snap *s);

struct recent_key {
    int kind;
    const char *path; // as pathspec_text; borrowed
    int attempt;      // -1 where there is none
};

#define RECENT_FOR_EVER INT64_MAX

// Makes the value of a key: *ret has one reference, *ret_ttl_ms how long it holds (0: only for those
// who wait for it now).
typedef errc (*recent_load_fn)(void *arg, struct cancel *cancel, struct snap **ret, int64_t *ret_ttl_ms,
                             struct err *err);

struct recent;
struct recent_conf {
    size_t max_items; // 0 means 16,384
    size_t max_bytes; // 0 means 6 MiB
};
struct recent *recent_new(const struct recent_conf *conf);
void recent_free(struct recent *m); // nobody is in a call any more

// The value of the key, loaded where it is not known. The caller unrefs it. A failed load is told to
// all who waited for it and not remembered.
errc recent_get(struct recent *m, const struct recent_key *key, recent_load_fn load, void *arg,
              struct cancel *cancel, struct snap **ret, struct err *err) ERR_MUST_CHECK;
// The value if it is known and holds, with a reference; else NULL. Never waits.
struct snap *recent_peek(struct recent *m, const struct recent_key *key);
// Remembers a value that came by another way; takes over one reference.
void recent_put(struct recent *m, const struct recent_key *key, struct snap *value, int64_t ttl_ms);
// Drops what is at and below `path` ("" is all), and what is above it, which was concluded from it.
void recent_forget(struct recent *m, const char *path);

struct recent_stats { uint64_t hits, misses, evicted; size_t items, bytes; };
void recent_stats(struct recent *m, struct recent_stats *ret);

#endif
