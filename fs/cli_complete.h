// `metaflowfs __complete`: what a shell may offer for the word that is being typed. The completions of bash, zsh and
// fish (completions/) ask it, so that the options are those of fs/options_table.c and the paths those that the client
// has, in each of them. It is for them and in no help text.
//
//   metaflowfs __complete -- WORD... LAST        the words after the command's name; LAST may be empty
//   metaflowfs __complete LINE BREAKS            bash: the line up to the cursor, and its COMP_WORDBREAKS
//
// The first line of its output says what the shell has to do:
//   words   offer the lines that follow: the whole word, a tab, and what it means
//   paths   the same, of words that are paths of the tree; a shell may show their last parts alone
//   dirs    offer directories, and the lines that follow
//   files   offer files
// What ends with "/", "=" or "," is gone on with: no space is to follow. Where LINE is given the words lack what bash
// leaves alone, which is all up to the last unquoted character of BREAKS.
//
// Nothing is said of errors, and what takes longer than two seconds is given up: then there is nothing to offer.
#ifndef FS_CLI_COMPLETE_H
#define FS_CLI_COMPLETE_H

// argv[1] is "__complete". The result is main's: 0, or 2 for arguments that are none of the above.
int complete_run(int argc, char *const *argv);

// An option that a subcommand has and a mount has not; ended by a NULL name.
struct complete_own {
    const char *subcommand; // "ls"
    const char *name;       // "-l", "--jobs"
    const char *arg;        // "N", or NULL
    const char *help;
};
extern const struct complete_own complete_own[];
// Names of fs/options_table.c that mean something only where there is a mount; ended by NULL.
extern const char *const complete_of_mount[];

#endif
