// `metaflowfs ls PATH` and `metaflowfs cat PATH`: the tree with no mount.
#ifndef FS_CLI_H
#define FS_CLI_H

// argv[1] is "ls" or "cat". Returns the exit code.
int cli_run(int argc, char **argv);

#endif
