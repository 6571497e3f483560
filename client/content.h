// What an open file reads from: a range of a staged object whose final size is known, or will be.
// Reference counted; thread-safe; immutable but for the growth of the staged prefix below it.
#ifndef CLIENT_CONTENT_H
#define CLIENT_CONTENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cancel.h"
#include "s3/staging.h"

struct content;

// Takes over one reference of `staged`. The content is [off, off+len) of it; len UINT64_MAX means
// up to the end of an object that has ended.
struct content *content_of(struct staged *staged, uint64_t off, uint64_t len);
// The same of an object that may still grow, with what its whole length has to be: the read that
// reaches the content's end waits for the object's end and is ERR_CORRUPT when that is another one.
struct content *content_of_expected(struct staged *staged, uint64_t off, uint64_t len,
                                    uint64_t total);
// The first `len` bytes of a file that only grows; takes over the descriptor. They are there: nothing waits.
struct content *content_of_fd(int fd, uint64_t len);
// The same, where more is known to come: who reads at its end has to ask for a newer one.
struct content *content_of_part(int fd, uint64_t len);
// Calls that when the last reference is gone. To be set before anybody else has the content.
void content_at_end(struct content *c, void (*let_go)(void *arg), void *arg);
// Copies the bytes.
struct content *content_of_bytes(struct staging *st, const void *data, size_t len);
struct content *content_ref(struct content *c);
void content_unref(struct content *c);
void content_unrefp(struct content **c);

uint64_t content_size(const struct content *c); // exact
bool content_has_more(const struct content *c); // of content_of_part
// Whether [off, off+len) can be read without waiting (what lies past the end counts as there; a
// failed producer counts as there too: reading then gives its error).
bool content_ready(struct content *c, uint64_t off, size_t len);
// Whether all of it came and was found right: until then what is read of it may turn out to be wrong.
bool content_is_proven(struct content *c);
// Waits for [off, off+len) and reads it; fewer bytes only at the end of the content. ERR_CORRUPT from when it is known
// that any of it is wrong.
errc content_read(struct content *c, uint64_t off, void *to, size_t len, struct cancel *cancel,
                  size_t *ret_got, struct err *err) ERR_MUST_CHECK;
// The whole content into buf (which has a maximum).
errc content_read_all(struct content *c, struct cancel *cancel, struct buf *buf,
                      struct err *err) ERR_MUST_CHECK;

#endif
