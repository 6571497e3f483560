// A table as CSV: the text of pandas' DataFrame.to_csv() with its defaults (RFC 4180 with "\n", UTF-8), pandas 3 with
// numpy 2 where versions differ. First the names of the index levels and the column labels, then a line a row; a field
// is quoted where it has to be (pandas/io/formats/csvs.py, Modules/_csv.c of CPython, QUOTE_MINIMAL). What is missing
// is empty. A cell, a column or a label that cannot be represented is "UnsupportedType : TYPENAME". Values in cells are
// Python's str() of them (client/pytext.h). A Series is its to_csv(), an Index that of its to_frame(index=False), an
// array that of DataFrame(a): all with the row index. Nothing is kept of what was written: memory is bounded.
//
// What differs from pandas: a field with a lone CR is quoted (Python does so since 3.13); a column of dates has one
// format, where pandas chooses anew for each 100,000 cells; an integer array with a mask keeps its integers; lone
// surrogates are passed on, where writing a file fails in Python.
#ifndef CLIENT_CSV_H
#define CLIENT_CSV_H

#include "base/sink.h"
#include "client/frame.h"

// ERR_INTERRUPTED by the token or by a sink that stops.
errc csv_write(struct frame *f, struct cancel *cancel, struct sink *sink, struct err *err) ERR_MUST_CHECK;

#endif
