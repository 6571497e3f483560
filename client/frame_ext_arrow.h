// Inside of client/frame_ext_arrow*.c only: arrays of Arrow as pyarrow pickles them,
//     pyarrow.lib._restore_array((type, length, null count, offset, [buffers], [children], dictionary))
//     pyarrow.lib.chunked_array([arrays], type)
// (pyarrow/array.pxi: _reduce_array_data; the layout of buffers is https://arrow.apache.org/docs/format/Columnar.html).
#ifndef CLIENT_FRAME_EXT_ARROW_H
#define CLIENT_FRAME_EXT_ARROW_H

#include "base/buf.h"
#include "client/frame_ext.h"
#include "client/render_pandas.h"

enum { ARROW_DEPTH = 24 }; // of types in types; what nests deeper is not read

enum arrow_kind {
    ARROW_NULL, ARROW_BOOL, ARROW_NUMBER, ARROW_DECIMAL, ARROW_TEXT, ARROW_BYTES, ARROW_DATE, ARROW_TIME,
    ARROW_TIMESTAMP, ARROW_DURATION, ARROW_LIST, ARROW_FIXED_LIST, ARROW_STRUCT, ARROW_MAP, ARROW_DICTIONARY,
};

// Where the bytes of a cell of TEXT or BYTES are.
enum arrow_layout { LAYOUT_OFFSETS, LAYOUT_VIEW, LAYOUT_FIXED };

struct arrow_type {
    enum arrow_kind kind;
    enum arrow_layout layout;    // TEXT, BYTES
    size_t width;                // of an element in the second buffer, or of an offset; LAYOUT_FIXED: of a cell
    const struct npy_type *npy;  // NUMBER; of DICTIONARY the indices'
    int64_t scale;               // DECIMAL
    unsigned digits;             // TIME, TIMESTAMP, DURATION; DATE: 3 where it is in milliseconds, else 0 for days
    const struct value *zone;    // TIMESTAMP: a STR, or NULL
    size_t size;                 // FIXED_LIST
};

struct arrow_bytes {
    const uint8_t *data; // NULL: no such buffer
    size_t len;
};

struct arrow_array {
    struct arrow_type type;
    size_t len, offset;                // rows, and the elements before them in the buffers
    struct arrow_bytes validity, first; // first: the elements or offsets
    struct arrow_bytes rest;           // text of LAYOUT_OFFSETS
    const struct value *buffers;       // all of them, a LIST: LAYOUT_VIEW has any number
    struct tz *tz;                     // owned; of TIMESTAMP
    struct arrow_array *children;      // owned; of DICTIONARY the dictionary
    size_t n_children;
    const struct value *fields;        // STRUCT: a LIST of field(name, type, nullable, metadata)
    bool has_nulls;                    // of a list's or struct's child: any of what these have is not valid
};

// False where the type is none that is read.
bool arrow_type_of(const struct value *type, struct arrow_type *ret);
// The parts of a type: seq_at() of its call's arguments; NULL where it is no such call.
const struct value *arrow_call_arg(const struct value *type, const char *function, size_t i);
// A buffer: None is no bytes. False where it is none that can be read.
bool arrow_buffer(const struct value *v, struct arrow_bytes *ret);
// Reads one array; all sizes are checked, so that any row of it can be asked for. False: nothing to free. *budget is
// how many arrays it may still be made of; much to look through counts as some.
bool arrow_array_read(const struct value *parts, struct arrow_array *ret, size_t *budget);
void arrow_array_clear(struct arrow_array *a);

// --- Cells (frame_ext_arrow_cell.c); row < a->len ------------------------------------------------
bool arrow_is_valid(const struct arrow_array *a, size_t row);
bool arrow_bit(const struct arrow_array *a, size_t row); // of BOOL
bool arrow_int(const struct arrow_array *a, size_t row, int64_t *ret); // of what is an integer in `first`
// The array and row behind any dictionaries; false where an index points nowhere. May end at a row that is not valid.
bool arrow_resolve(const struct arrow_array **a, size_t *row);
// The bytes of a TEXT or BYTES cell; false where they are outside of their buffers, or are no UTF-8 for a TEXT.
bool arrow_cell_bytes(const struct arrow_array *a, size_t row, struct arrow_bytes *ret);
// The children's rows that a LIST, FIXED_LIST or MAP cell has; false where they are outside of the child.
bool arrow_cell_range(const struct arrow_array *a, size_t row, size_t *ret_from, size_t *ret_to);
// DECIMAL, DATE, TIME, TIMESTAMP, DURATION. STYLE_CSV: times as str() has them.
bool arrow_cell_text(struct buf *b, const struct arrow_array *a, size_t row, enum cell_style style);

// --- Nested cells as values (frame_ext_arrow_tree.c) -----------------------------------------------
struct arrow_tree;
struct arrow_tree *arrow_tree_new(void);
void arrow_tree_free(struct arrow_tree *t);
// A cell as what to_pylist() has: a list, a list of tuples, a dict; in lists alone a narrow float is written at its own
// width, as in a column. In STYLE_CSV as pandas writes them: lists of
// numbers, bool or text are arrays of numpy, and integers are floats where one of the column is missing. Valid until
// the next call; NULL where it is too large or points nowhere.
const struct value *arrow_tree_build(struct arrow_tree *t, const struct arrow_array *a, size_t row,
                                     enum cell_style style);

#endif
