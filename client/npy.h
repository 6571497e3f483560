// A value as a .npy file (numpy/lib/format.py, version 1.0; 2.0 for a long header, 3.0 for names that are not
// Latin-1): numpy.load reads an equal array, without pickle. A numpy scalar is an array of no dimensions; an array is
// written as it is in memory (its byte order, Fortran order too); objects and variable strings become fixed-width
// text ("U") by the JSON rules, so that nothing has to be
// unpickled. A DataFrame is its to_records(); a Series or Index its values.
#ifndef CLIENT_NPY_H
#define CLIENT_NPY_H

#include "base/sink.h"
#include "client/frame.h"

// ERR_NO_FORM with a cause where the value is no array, scalar of numpy or table.
errc npy_write(const struct value *v, struct cancel *cancel, struct sink *sink, struct err *err) ERR_MUST_CHECK;

#endif
