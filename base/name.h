// Metaflow names as file names. A name with `/`, `%`, control characters, bytes that are not UTF-8 or a
// leading dot is percent-encoded (upper-case hex) and round-trips; one that is longer than 255 bytes
// when encoded is cut to 200 bytes and "~" with 16 hex digits of its hash, and then decodes only through
// the table of a struct long_names that has seen it.
#ifndef BASE_NAME_H
#define BASE_NAME_H

#include <stdbool.h>
#include <stddef.h>

#define NAME_MAX_BYTES 255

// The file name of a Metaflow name, owned by the caller; *ret_cut tells that it was cut.
char *name_encode(const char *name, bool *ret_cut);
// The Metaflow name of a file name that was not cut: NULL when it is not a canonical encoding (so each
// name has one file name, and "%61" is not "a").
char *name_decode(const char *file_name);
// Whether a file name has the shape of a cut one.
bool name_is_cut(const char *file_name);

// Full names behind cut ones. Thread-safe, bounded (the oldest go).
struct long_names;
struct long_names *long_names_new(void);
void long_names_free(struct long_names *l);
void long_names_add(struct long_names *l, const char *file_name, const char *name);
char *long_names_find(struct long_names *l, const char *file_name); // owned, or NULL

#endif
