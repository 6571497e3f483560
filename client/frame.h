// pandas objects and numpy arrays as tables: what pickles of them hold, as columns of cells. A frame is read from
// plain values (client/pickle.h); nothing of pandas or numpy is needed. Classes and layouts of pandas 1 to 3 and
// numpy 1 and 2 are recognised by their names in the pickle; facts: pandas/core/internals, pandas/core/arrays.
//
// What is a frame: a DataFrame; a Series (one column); an Index of any kind (one column, or one a level of a
// MultiIndex, labelled as Index.to_frame(index=False) has it, with a plain row index); an array of one or two
// dimensions (as DataFrame(a): columns 0, 1, ...; of a structured array its fields); an array of pandas' own.
// Subclasses of these that other libraries define are read where they keep the same state.
//
// Managers of blocks are read as pandas 0.14.1 to 3 pickle them, and managers of arrays. Dates and spans in CSV style
// are those of pandas 3.1 whatever version made the pickle. A table that contradicts itself (two blocks for a column, a
// column that is not there) is ERR_CORRUPT; a block that does not fit the axes is a column, or columns, that cannot be
// read; axes that cannot be read have the length that blocks tell, and cells that cannot be read. At most 1,048,576
// columns (ERR_LIMIT).
//
// A column or cell that cannot be read never makes the rest unreadable: its cells are CELL_UNSUPPORTED, and name the
// type. Rows are not copied: elements point into the pickle, which must live as long as the frame. Memory grows with
// the number of columns, not of rows.
#ifndef CLIENT_FRAME_H
#define CLIENT_FRAME_H

#include "base/buf.h"
#include "base/cancel.h"
#include "client/render_parts.h"

enum frame_kind { FRAME_DATAFRAME, FRAME_SERIES, FRAME_INDEX, FRAME_ARRAY };

enum cell_kind {
    CELL_NA,          // missing where the column can say so: Arrow's null, pandas.NA, a masked value, code -1
    CELL_ELEMENT,     // an element of a numpy type, NaN and NaT too
    CELL_TEXT,        // text: a str, or what a period, interval, time with a zone, ... looks like
    CELL_VALUE,       // any Python value (object columns), None and float nan too
    CELL_UNSUPPORTED, // text is the name of the type
};

// Strings are valid until the next cell of the same column is asked for.
struct cell {
    enum cell_kind kind;
    const struct npy_type *type; // ELEMENT
    const uint8_t *at;           // ELEMENT: type->itemsize bytes, not aligned
    const char *text;            // TEXT, UNSUPPORTED: UTF-8 (surrogates passed), not terminated
    size_t len;
    const struct value *value;   // VALUE
};

// How dates, times, spans and zones are written where they are CELL_TEXT: by the JSON rules (isoformat), or as
// DataFrame.to_csv() writes them (a column of whole days has no times).
enum cell_style { STYLE_JSON, STYLE_CSV };

struct column; // not thread-safe: each has room for one text

// Cell `row` of a column, row < the frame's rows. In STYLE_CSV date and time columns are CELL_TEXT or CELL_NA.
void column_cell(struct column *c, size_t row, enum cell_style style, struct cell *ret);
// The dtype's name as pandas shows it: "int64", "datetime64[ns, UTC]", "category", "string", "object".
const char *column_dtype(const struct column *c);
// What numpy makes of the column in DataFrame.to_records(): the type of its elements where these are in memory as
// such, and the same in every CELL_ELEMENT of it; NULL where it makes objects, which npy holds as text.
const struct npy_type *column_npy_type(const struct column *c);

struct frame {
    enum frame_kind kind;
    size_t rows;
    size_t n_columns;
    struct column **columns;   // n_columns
    size_t n_index;            // levels of the row index, at least 1
    struct column **index;
    const struct value **index_names;  // n_index; NULL: no name
    size_t n_labels;           // levels of the column labels, at least 1
    struct column **labels;    // each has n_columns cells
    const struct value **label_names;  // n_labels; NULL: no name
    const struct value *name;  // of a Series or Index, NULL: none (labels then has the cell that pandas would write)
    bool is_numpy;             // an array of numpy, whose dates are numpy's; all others are pandas'
    bool plain_index;          // the row index is 0, 1, ... and nothing that somebody chose
};

// Whether a value is of a class that frames are made of: looks at its class, and of classes of other libraries at the
// mark that pandas keeps in their state (_typ).
bool frame_is(const struct value *v);
// ERR_NO_FORM with a cause that names what it is where the value is no table (three dimensions, a scalar).
// ERR_INTERRUPTED by the token.
errc frame_of(const struct value *v, struct cancel *cancel, struct frame **ret, struct err *err) ERR_MUST_CHECK;
void frame_free(struct frame *f);
void frame_freep(struct frame **f);

#endif
