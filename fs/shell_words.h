// A command line as it is being typed, taken apart into words as a POSIX shell and bash would, as far as that can be
// done without running anything: for completion (fs/cli_complete.h). Pure.
//
// Quotes and backslashes are taken away; a quote that is still open is one that the user has not closed yet. Nothing is
// expanded: neither variables nor globs, and never a command substitution. Of several commands only the last is looked
// at. Redirections and what they lead to are no words.
#ifndef FS_SHELL_WORDS_H
#define FS_SHELL_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/strv.h"

struct shell_words {
    struct strv words; // from the command's own name to the word at the end of the line, which may be empty; never none
    bool redirected;   // the last one is where a redirection leads
    size_t broken;     // bytes of the last word up to its last unquoted character of `breaks`, which is among them
};

// `line` ends where the cursor is. `breaks` are characters that part words for readline only (bash's COMP_WORDBREAKS).
// *ret is always to be freed.
void shell_words_split(const char *line, const char *breaks, struct shell_words *ret);
void shell_words_free(struct shell_words *w);

#endif
