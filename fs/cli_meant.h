// A first argument that is no subcommand and no directory, but looks like one of the former.
#ifndef FS_CLI_MEANT_H
#define FS_CLI_MEANT_H

#include <stdbool.h>

// True, with one line on stderr that says what was probably meant, where argv[1] is such a word: a subcommand with one
// letter wrong, or what other programs call it. The call is then to end with EXIT_USAGE.
bool cli_meant_other(int argc, char *const *argv);

#endif
