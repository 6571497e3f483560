// `metaflowfs ls`, `cat` and `get`: the tree without a mount and without FUSE, for containers and
// scripts. Paths are those of a mount, below its root: FLOW/RUN/STEP/TASK/NAME, dot names included.
#ifndef FS_CLI_H
#define FS_CLI_H

// Whether argv[1] is one of the subcommands.
int cli_is_subcommand(int argc, char *const *argv);
// Runs it; the result is main's (fs/options.h: enum exit_code). Messages go to stderr.
int cli_run(int argc, char *const *argv);

#endif
