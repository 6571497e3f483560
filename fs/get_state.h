// What a `metaflowfs get` remembers of its work, in the file `.metaflowfs-get` of the directory that it fills, so that
// an interrupted copy goes on where it was. A text of lines, appended to as the work goes on:
//
//     metaflowfs-get 1 HelloFlow/1795373817325255      what is copied here
//     begun start/1/numbers                            from here on the file of that name is ours
//     done 0f3c5a7799e1d2b4 512 1795373817325 start/1/numbers    version, size, mtime in ms
//
// The last line of a path holds. A line that is cut or no such line counts for nothing. Paths are those of the tree,
// whose file names have no control characters. Find is thread-safe, and so are begin and done.
#ifndef FS_GET_STATE_H
#define FS_GET_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define GET_STATE_FILE ".metaflowfs-get"

struct get_state;
struct get_record {
    uint64_t version; // tree_version, never 0 of what is kept
    uint64_t size;
    int64_t mtime_ms; // as the file was given it
};
enum get_known { GET_UNKNOWN, GET_BEGUN, GET_DONE };

// Whether the directory holds a copy of `object`.
bool get_state_is_of(int dirfd, const char *object);
// Opens it, or begins it, and locks it until get_state_free. ERR_BUSY where another process has it; ERR_EXISTS where
// it is of another object, but for `overwrite`, which begins it anew. `shown` is the directory for causes.
errc get_state_open(int dirfd, const char *shown, const char *object, bool overwrite, struct get_state **ret,
                    struct err *err) ERR_MUST_CHECK;
void get_state_free(struct get_state *s); // NULL is fine

// What the file said of a path when it was opened. *ret_record is set for GET_DONE.
enum get_known get_state_find(const struct get_state *s, const char *path, struct get_record *ret_record);
errc get_state_begin(struct get_state *s, const char *path, struct err *err) ERR_MUST_CHECK;
errc get_state_done(struct get_state *s, const char *path, const struct get_record *record,
                    struct err *err) ERR_MUST_CHECK;

// The text as a table, without a file: for tests and fuzzing. Takes over `text` (malloc, `len` bytes and a NUL).
struct get_state *get_state_parse(char *text, size_t len);
// What its first line says is copied here; NULL when it is no such line. Borrowed.
const char *get_state_object(const struct get_state *s);

#endif
