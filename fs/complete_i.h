// What fs/cli_complete.c and fs/complete_path.c share.
#ifndef FS_COMPLETE_I_H
#define FS_COMPLETE_I_H

#include <stddef.h>

#include "base/strv.h"

// Adds what the tree has for a path that is being typed: whole paths, directories with a slash at the end. `argv` are
// the subcommand and its words so far, without that path, as main has them from argv[1] on. Waits at most two seconds;
// what has not come by then is not added, and nothing at all in case of an error.
void complete_path(size_t argc, char *const *argv, const char *path, struct strv *ret);

#endif
