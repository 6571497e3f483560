// A value as a .npy file (numpy/lib/_format_impl.py, version 1.0; 2.0 for a long header, 3.0 for names that are not
// Latin-1): numpy.load(allow_pickle=False) reads an equal array. A numpy scalar is an array of no dimensions. An array
// is written as it is in memory (its byte order, Fortran order too), and the file is the one that numpy.save writes;
// titles of fields are dropped, and fields that overlap or lie in another order than their names' are packed.
//
// A DataFrame is its to_records(): the index first ("index", "level_0", ... where it has no name), then the columns by
// str() of their labels; a name that was there already gets ".1", ".2", .... A Series or Index is its values, an entry
// of a MultiIndex an array as text. Numbers of which some are missing become floats, with NaN for these; objects, text
// and all else become fixed-width text ("U", as wide as the widest) by the JSON rules, a str and the scalar types
// without quotes, missing ones "null". Arrays of records that hold objects are text in every field.
//
// numpy.load refuses headers of more than 10,000 bytes (some 400 columns) unless it is given max_header_size, also of
// its own files. What is text is gone through twice. Memory is bounded by a buffer.
#ifndef CLIENT_NPY_H
#define CLIENT_NPY_H

#include "base/sink.h"
#include "client/frame.h"

// ERR_NO_FORM with a cause where the value is no array, scalar of numpy or table. ERR_LIMIT, before the first byte,
// where its text takes more than `most` bytes, because one text is so much longer than the others: NPY_ANY bounds
// nothing.
#define NPY_ANY UINT64_MAX
errc npy_write(const struct value *v, uint64_t most, struct cancel *cancel, struct sink *sink,
               struct err *err) ERR_MUST_CHECK;

#endif
