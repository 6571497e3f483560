// Python's str() of a value, as DataFrame.to_csv() writes what it finds in a cell: a str is its own text, containers
// show the repr() of what is in them ("[1, 'a']"), numpy's arrays and scalars as the numpy that made the pickle writes
// them. What cannot be known from a pickle is "UnsupportedType : TYPENAME" in its place: objects of classes (their
// __str__ is code), members of enums (their names are not in the pickle). Named tuples have no field names:
// "Point(1, 2)". An OrderedDict is written as Python 3.12 and later do. Does not recurse on the value's depth.
#ifndef CLIENT_PYTEXT_H
#define CLIENT_PYTEXT_H

#include "client/frame.h"

void py_str(struct out *o, const struct value *v);
// repr() of a scalar: "'a'", "datetime.date(2024, 2, 29)", "np.float64(0.1)". False when v is none that has one.
bool py_scalar_repr(struct buf *b, const struct value *v);
// A record's element as str() of the tuple that pandas has for it: "(1, 2.0)". False, perhaps with something appended,
// where it holds arrays.
bool py_record(struct buf *b, const struct npy_type *t, const uint8_t *at);
// A numpy array as str() or repr() has it; false and nothing written where v is none.
bool py_array_str(struct out *o, const struct value *v, bool repr);
// str() or repr() of a value, appended: for names and labels.
void py_value_str(struct buf *b, const struct value *v, bool repr);
// The same of what pandas has in a cell when somebody takes it out: "1.5", "nan", "2024-01-01 00:00:00", "'a'".
// as_float: integers are floats there, as py_is_floating() says of a level of labels: beside missing ones.
void py_cell_str(struct buf *b, struct column *column, size_t row, bool repr, bool as_float);
bool py_is_floating(struct column *column, size_t rows);
// Whether pandas takes it for missing: None, NaN (of any kind, Decimal's too), NaT, NA.
bool py_is_na(const struct value *v);

#endif
