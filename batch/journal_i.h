// What the files of the journal share among themselves and with their tests.
#ifndef BATCH_JOURNAL_I_H
#define BATCH_JOURNAL_I_H

#include "batch/journal.h"

#define RECORD_MAX (8u * 1024 * 1024) // bytes of a record's file
#define RECORD_GENERATIONS 20

// A record as text: {"version": 1, "name": ..., "file_removed": ..., "generations": [...]}, each generation with the
// members of struct intent that it has. Of more than RECORD_GENERATIONS, and of more than fit into RECORD_MAX bytes,
// the oldest are left out. ERR_INVALID for a text that is not UTF-8 (no job file that was accepted is), ERR_LIMIT where
// the last generation alone does not fit.
errc record_write(const struct record *r, struct buf *out, struct err *err) ERR_MUST_CHECK;
// The reverse. `what` names the file in causes. ERR_CORRUPT for everything that record_write does not write.
errc record_read(const char *text, size_t len, const char *name, const char *what, struct record *ret,
                 struct err *err) ERR_MUST_CHECK;

// The name of a record's file without its ending: what a file name cannot have ('/', a leading '.') and '%' as %XX.
// ERR_INVALID for a name that is empty or too long.
errc journal_file_of(const char *name, char **ret, struct err *err) ERR_MUST_CHECK;
// The reverse, owned by the caller; NULL for what journal_file_of does not make. `len` bytes of `file`.
char *journal_name_of(const char *file, size_t len);

#endif
