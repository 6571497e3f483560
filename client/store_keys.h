// What listings of keys told of a run's small files, so that the many questions about them (which logs has this task,
// how large are they, which cards) cost few requests. Policy only: it lists through a function that it is given.
//
// A path is answered for when it is a task's file (F/R/S/T/name) or a card (mf.cards/F/runs/R/…). Asked about one task
// it lists that task's keys; from the third task of one run within some seconds on the whole run's, flat (F/R/), up to
// a bound of keys and bytes. What lies behind the bound is listed by step (F/R/S/), and behind that bound by task.
// Where the listing of a run or step took longer than half of what it holds as live, it is not made again for live
// tasks for a minute. It is ended, and what it told so far is used, when it takes longer than the TTL
// (at least 1 s; of what had settled: than half of the asker's time): then less is asked for.
//
// How long an answer holds: at most ttl_ms from the moment at which its listing began; or, whatever the TTL, where the
// listing began after the question (somebody waited for it). For a question with STORE_SETTLED any older listing is
// good too in two cases: when it was made to answer a settled question about that very task (it had settled before);
// and when it has the attempt's DONE.lock, and that was settle_ms old at the listing (logs and cards are written after
// the attempt's end, but not that long after). Everything else is asked about anew, also what is missing.
//
// Bounded memory (least recently used listings go first), one listing of a prefix in flight, no lock held over it.
// Thread-safe.
#ifndef CLIENT_STORE_KEYS_H
#define CLIENT_STORE_KEYS_H

#include "client/key_table.h"
#include "client/store.h"

// Gives each key below `prefix` (ends with a slash) as a path below the root, in order, until fn returns false.
typedef errc (*store_keys_list_fn)(void *arg, const char *prefix, struct cancel *cancel, key_table_fn fn,
                                   void *fn_arg, struct err *err);

struct store_keys;
struct store_keys_conf {
    store_keys_list_fn list;
    void *arg;
    int64_t ttl_ms;
    int64_t settle_ms;   // 0 means 900 s
    int64_t together_ms; // how near three tasks have to be; 0 means 10 s
    size_t max_bytes;    // of all listings; 0 means 4 MiB
    size_t max_keys;     // of one listing; 0 means 200,000
};
struct store_keys *store_keys_new(const struct store_keys_conf *conf);
void store_keys_free(struct store_keys *k); // NULL is fine; nobody is in a call any more

// Whether this module answers for a path, or for what is directly below a directory.
bool store_keys_covers(const char *path);

// Whether there is such a key, with its size and time. `flags` are of enum store_want.
errc store_keys_find(struct store_keys *k, const char *path, unsigned flags, struct cancel *cancel, bool *ret_found,
                     uint64_t *ret_size, int64_t *ret_mtime_ms, struct err *err) ERR_MUST_CHECK;
// Entries directly below a directory (no slash at its end), as store_ops.list gives them.
errc store_keys_each(struct store_keys *k, const char *dir, struct cancel *cancel, store_list_fn fn, void *arg,
                     struct err *err) ERR_MUST_CHECK;

struct store_keys_stats {
    uint64_t listings, cut, answers; // begun; of more keys than the bound; questions that needed no listing
    size_t bytes, kept;              // now: of listings, and how many
};
void store_keys_stats(struct store_keys *k, struct store_keys_stats *ret);

#endif
