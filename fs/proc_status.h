// What the kernel tells of a thread in /proc/TID/status (proc_pid_status(5)): lines "NAME:\tVALUE".
#ifndef FS_PROC_STATUS_H
#define FS_PROC_STATUS_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/buf.h"

// The whole status; the caller frees it. False when there is no such thread (0 is none), or when it may not be read.
bool proc_status_read(pid_t thread, struct buf *ret);
// Where the value of a name begins; NULL when it is not told. Ends at the end of its line.
const char *proc_status_value(const char *status, const char *name);

#endif
