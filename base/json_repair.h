// JSON as Python's json module writes it and jansson refuses it. Only base/json.c includes it.
#ifndef BASE_JSON_REPAIR_H
#define BASE_JSON_REPAIR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

// Appends the text with integers past 64 bits as reals, NaN and the infinities as null, and \u escapes
// of lone surrogates as U+FFFD; all else is copied. False when there was nothing to change.
bool json_repair(const char *text, size_t len, struct buf *out);

#endif
