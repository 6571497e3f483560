// Many keys with sizes and times in little memory: what a listing of a run told (some 15 bytes a key, as each is
// stored as what differs from the one before). Built once, then read by any number of threads.
#ifndef CLIENT_KEY_TABLE_H
#define CLIENT_KEY_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct key_table;
struct key_table *key_table_new(void);
void key_table_free(struct key_table *t); // NULL is fine

// Keys are found fastest when they were added in the order of their bytes, as S3 lists them. False, with nothing
// added, for one that is longer than 64 KiB, or when the table would pass 1 GiB.
bool key_table_add(struct key_table *t, const char *key, uint64_t size, int64_t mtime_ms);
bool key_table_find(const struct key_table *t, const char *key, uint64_t *ret_size, int64_t *ret_mtime_ms);
// Keys that begin with `prefix`, in the order in which they were added, until fn returns false.
typedef bool (*key_table_fn)(void *arg, const char *key, uint64_t size, int64_t mtime_ms);
void key_table_each(const struct key_table *t, const char *prefix, key_table_fn fn, void *arg);

// Whether every key so far came behind the one before it, and the last one ("" when there is none).
bool key_table_is_ordered(const struct key_table *t);
const char *key_table_last(const struct key_table *t);
size_t key_table_len(const struct key_table *t);
// Of memory that it needs; what it has beyond that is given back by key_table_trim, when nothing more is added.
size_t key_table_bytes(const struct key_table *t);
void key_table_trim(struct key_table *t);

#endif
