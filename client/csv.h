// A table as CSV: the text of pandas' DataFrame.to_csv() with its defaults (RFC 4180 with "\n", UTF-8). First the names
// of the index levels and the column labels, then a line a row; a field is quoted where it has to be. Missing values
// are empty. A cell, a column or a label that cannot be represented is "UnsupportedType : TYPENAME". Containers in
// cells are Python's str() of them, as to_csv() has it. Nothing is kept of what was written: memory is bounded.
#ifndef CLIENT_CSV_H
#define CLIENT_CSV_H

#include "base/sink.h"
#include "client/frame.h"

// ERR_INTERRUPTED by the token or by a sink that stops.
errc csv_write(struct frame *f, struct cancel *cancel, struct sink *sink, struct err *err) ERR_MUST_CHECK;

#endif
