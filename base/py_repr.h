// Python's repr() of a str: what stands for it in the str() of a list or dict. Pure.
#ifndef BASE_PY_REPR_H
#define BASE_PY_REPR_H

#include <stddef.h>

#include "base/buf.h"

// Appends the repr of UTF-8 text: single quotes, double ones where only they need no escape; \\ \n \r \t, \xNN,
// \uNNNN, \UNNNNNNNN for what str.isprintable() denies (Unicode 14, as of Python 3.11: newer ones print some characters
// that were not assigned then). A byte that is no UTF-8 stands as \xNN.
void py_repr(struct buf *b, const char *s, size_t len);

#endif
