// Objects, records and artifacts as the bytes that the cache keeps. The first byte is the version of the
// form; bytes of another version, or cut short, are refused, and what they stood for is asked for again.
#ifndef CLIENT_ROWS_H
#define CLIENT_ROWS_H

#include "base/buf.h"
#include "client/meta.h"

void rows_put_object(struct buf *out, const struct meta_object *o);
void rows_put_record(struct buf *out, const struct meta_record *r);
void rows_put_artifact(struct buf *out, const struct meta_artifact *a);

// False for bytes that are not such a row; *ret is then untouched. The caller owns what it gets.
bool rows_get_object(const void *data, size_t len, struct meta_object **ret);
bool rows_get_record(const void *data, size_t len, struct meta_record *ret);
bool rows_get_artifact(const void *data, size_t len, struct meta_artifact *ret);

#endif
