// Inflates gzip as it arrives, over ISA-L, with the rules of Python's gzip module: members may
// follow each other, zero bytes may pad the end, and anything else is an error, as are a wrong
// checksum or length and a missing end. Not thread-safe.
#ifndef CLIENT_GUNZIP_H
#define CLIENT_GUNZIP_H

#include <stddef.h>

#include "base/err.h"

struct gunzip;

// Takes the next inflated bytes; an error ends the work and is returned by gunzip_feed. They stay as they are until
// GUNZIP_KEPT further pieces were given, or the gunzip was freed.
#define GUNZIP_KEPT 2
typedef errc (*gunzip_out_fn)(void *arg, const void *data, size_t len, struct err *err);

struct gunzip *gunzip_new(gunzip_out_fn out, void *arg);
// The next bytes of the file, of any number.
errc gunzip_feed(struct gunzip *g, const void *data, size_t len, struct err *err) ERR_MUST_CHECK;
// After the last bytes: ERR_CORRUPT where the file stops in the middle of a member.
errc gunzip_end(struct gunzip *g, struct err *err) ERR_MUST_CHECK;
void gunzip_free(struct gunzip *g);
void gunzip_freep(struct gunzip **g);

#endif
