// Splits text into words as a POSIX shell would quote them (and Python's shlex.split does): blanks separate, single
// quotes keep everything, double quotes all but \" and \\, a backslash outside of quotes keeps the next byte. Nothing
// is expanded and nothing is run. Pure.
#ifndef BASE_SHELL_WORDS_H
#define BASE_SHELL_WORDS_H

#include <stdbool.h>

#include "base/strv.h"

// Appends the words. False for a quote that is not closed or a backslash at the end; some may be appended then.
bool shell_words(const char *text, struct strv *words);

#endif
