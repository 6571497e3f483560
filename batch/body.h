// A request's body as it is built: compact JSON, and beside it, where asked for, what Python's str() of the same
// dictionary is. Members stand in the order of the calls. Not thread-safe.
#ifndef BATCH_BODY_H
#define BATCH_BODY_H

#include <stdint.h>

#include "base/buf.h"

struct body {
    struct buf *json; // borrowed
    struct buf *py;   // borrowed, or NULL
    bool comma;       // something stands before what comes now
};

void body_open(struct body *b, char bracket);         // '{' or '['
void body_close(struct body *b, char bracket);        // '}' or ']'
void body_key(struct body *b, const char *key);
void body_str(struct body *b, const char *value);
void body_int(struct body *b, int64_t value);
void body_true(struct body *b);
void body_pair(struct body *b, const char *key, const char *value); // a key and a text

#endif
