// The last 1,000 failures of a mount, for `.metaflowfs/errors`: time, errno, path, cause, what to do.
// Thread-safe; bounded memory. A failure that repeats the last one only counts up.
#ifndef FS_ERRLOG_H
#define FS_ERRLOG_H

#include "base/buf.h"
#include "base/err.h"

#define ERRLOG_MAX 1000

struct errlog;

struct errlog *errlog_new(void);
void errlog_free(struct errlog *l);
// `op` is a constant text ("open"); path and the cause are copied.
void errlog_add(struct errlog *l, const char *op, const char *path, const struct err *err);
// One line each, oldest first.
void errlog_print(struct errlog *l, struct buf *out);
unsigned long long errlog_total(struct errlog *l); // failures since the start

#endif
