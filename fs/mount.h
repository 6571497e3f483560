// From a checked command line to a mounted tree: the session, its threads, signals, and the end.
#ifndef FS_MOUNT_H
#define FS_MOUNT_H

#include "fs/options.h"
#include "fs/stack.h"

// Mounts and serves until it is unmounted; returns the exit code. Prints why it could not to standard
// error. The parent of a daemon returns once the root can be listed.
int mount_run(const struct options *o);
// --check: says what would be mounted, and mounts nothing. Returns the exit code.
int check_run(const struct options *o);

// "/dev/fd/N" as mountpoint: the caller has opened /dev/fuse as N and mounted it, and unmounts it; for containers that
// may not mount. Nothing else is asked of it.
// Where it is to be mounted: exists, is a directory, is not mounted by us already, is not stale, and
// does not hide the datastore or the staging area. *ret_path is absolute.
errc mountpoint_check(const struct options *o, const struct stack *stack, char **ret_path,
                      enum exit_code *ret_exit, struct err *err) ERR_MUST_CHECK;
// /dev/fuse, fusermount3, and leave for allow_other.
errc fuse_check(const struct options *o, enum exit_code *ret_exit, struct err *err) ERR_MUST_CHECK;
// Whether a program is found in PATH.
bool program_is_found(const char *name);
// The line that unmounts.
char *unmount_line(const char *mountpoint); // owned

#endif
