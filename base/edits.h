// How near two short words are, for the "did you mean" of an option, a key or a subcommand.
#ifndef BASE_EDITS_H
#define BASE_EDITS_H

#include <stddef.h>

// Words of this many bytes or more are never compared.
#define EDITS_MAX 48

// How many bytes of b have to be put in, taken out or changed to make a of it (Levenshtein). SIZE_MAX where b is too
// long.
size_t edits_between(const char *a, const char *b, size_t b_len);

#endif
