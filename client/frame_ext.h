// Inside of client/frame_ext*.c only: what pickles of pandas' extension arrays are made of, and the kinds of columns
// that are made from them. Layouts: pandas/core/arrays/*.py and pandas/_libs/arrays.pyx of pandas 1 to 3.
#ifndef CLIENT_FRAME_EXT_H
#define CLIENT_FRAME_EXT_H

#include "client/frame_i.h"

// A pickled extension array, however it was pickled: by pandas/_libs/arrays.pyx (a tuple of dtype, array and
// attributes), by pandas/_libs/interval.pyx (a dict in a tuple), or as an object with a dict.
struct ext {
    const char *name;           // of its class, without the module
    const struct value *dtype;  // NULL: not told
    const struct value *data;   // the array in it; NULL: none, or under another name
    const struct value *state;  // a DICT, or NULL
};
bool ext_open(const struct value *array, struct ext *ret);
// An entry of what was pickled as a dtype's state; NULL where there is none.
const struct value *dtype_field(const struct value *dtype, const char *name);

// The elements of a numpy array of one dimension.
struct items {
    struct npy_array array;
    size_t len;
};
// False, with nothing to close, where it is no such array of `rows` (ROWS_ANY: of any length).
bool items_open(struct items *it, const struct value *array, size_t rows);
void items_close(struct items *it);
const uint8_t *items_at(const struct items *it, size_t i);         // not of objects
bool items_int(const struct items *it, size_t i, int64_t *ret);    // of integers, bool, M8 and m8
bool items_is_date(const struct items *it, unsigned *ret_digits);  // M8 in a unit that pandas has
bool items_is_span(const struct items *it, unsigned *ret_digits);  // m8

// Numbers, times or spans, in whatever an interval's bounds or categories are wrapped: an Index, an extension array.
struct ticks {
    struct items items;
    struct tz *tz;         // owned; NULL: none
    bool is_date, is_span;
    unsigned digits;       // of a date or span
};
// What was opened is to be closed in any case.
bool ticks_open(struct ticks *t, const struct value *array, size_t rows);
void ticks_close(struct ticks *t);

// A dtype's name of at most DTYPE_MAX bytes, the caller's to free; what is longer ends in "...". Empties the buffer.
enum { DTYPE_MAX = 256 };
char *dtype_name(struct buf *b);

// A cell that is the text which a column's buffer holds, or "unsupported" where it could not hold it.
void cell_of_text(struct column *c, struct cell *ret);
void cell_unsupported(struct column *c, struct cell *ret);
void cell_of_element(struct cell *ret, const struct npy_type *type, const uint8_t *at);
// An element as numpy has it, or where to_csv() does otherwise its text: narrow floats as doubles (where is_object: a
// column that to_csv() writes by way of Python objects), NaN as "nan" where is_nan_text.
void cell_of_number(struct column *c, struct cell *ret, const struct npy_type *type, const uint8_t *at,
                    enum cell_style style, bool is_object, bool is_nan_text);

// Columns by kind: NULL where the parts are not what they must be.
struct column *column_of_masked(const struct ext *e, size_t rows);
struct column *column_of_strings(const struct ext *e, size_t rows);
struct column *column_of_zoned(const struct ext *e, size_t rows);
struct column *column_of_periods(const struct ext *e, size_t rows);
struct column *column_of_categories(const struct ext *e, size_t rows);
struct column *column_of_sparse(const struct ext *e, size_t rows);
struct column *column_of_intervals(const struct value *left, const struct value *right, const struct value *closed,
                                   size_t rows);
// Of pyarrow's own Array or ChunkedArray. dtype: what it is called, NULL: by its Arrow type as pandas does.
struct column *column_of_arrow(const struct value *array, const char *dtype, size_t rows);
bool arrow_is_array(const struct value *v); // by its function alone

#endif
