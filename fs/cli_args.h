// What the subcommands (`metaflowfs ls`, `cat`, `get`) share: how their arguments are sorted, and how the layers
// below the tree are made for them.
#ifndef FS_CLI_ARGS_H
#define FS_CLI_ARGS_H

#include <stdbool.h>

#include "base/strv.h"
#include "fs/options.h"
#include "fs/stack.h"

// An argument that only the subcommand has; one of flag and value is set by it. Ended by a NULL name.
struct cli_own {
    const char *name; // "-l", "--jobs"
    bool *flag;
    const char **value; // of "--jobs 4" or "--jobs=4": borrowed from argv
};
struct cli_args {
    struct strv paths, options; // options: what goes to options_parse
};
// Sorts argv[2..]. An own argument without its value is ERR_INVALID. *ret is always to be freed.
errc cli_args_sort(int argc, char *const *argv, const struct cli_own *own, struct cli_args *ret,
                   struct err *err) ERR_MUST_CHECK;
void cli_args_free(struct cli_args *args);

// Finds and makes the layers. What stands in the way is said on stderr; the result is EXIT_OK, or main's.
int cli_stack(struct stack *s, const struct options *o);

#endif
