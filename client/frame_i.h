// Inside of client/frame_*.c only: how a kind of column answers.
#ifndef CLIENT_FRAME_I_H
#define CLIENT_FRAME_I_H

#include "client/frame.h"

struct column {
    void (*cell)(struct column *c, size_t row, enum cell_style style, struct cell *ret);
    void (*destroy)(struct column *c); // frees the column with all that it owns; never NULL
    size_t rows;
    char *dtype;                 // owned
    const struct npy_type *npy;  // what column_npy_type answers; owned by whoever `destroy` says
    struct buf text;             // for the text of one cell; freed by column_free
};

void column_free(struct column *c); // NULL is fine

// A column of one array as blocks, indexes and Series hold it, of any kind that one dimension can have: a numpy array,
// an object array, an extension array of pandas. Never fails but for memory (then NULL): what is not known is a column
// of CELL_UNSUPPORTED. `rows` is what the frame expects: an array of another length is unsupported, too.
struct column *column_of_array(const struct value *array, size_t rows);
// Row `i` of a two-dimensional numpy array (blocks hold columns as rows).
struct column *column_of_block_row(const struct value *array, size_t i, size_t rows);
// frame_ext*.c: a column of an extension array (category, masked, Arrow, string, datetime with zone, timedelta, period,
// interval, sparse); NULL where `array` is none that is known.
struct column *column_of_extension(const struct value *array, size_t rows);
// A column whose every cell is CELL_UNSUPPORTED of that type.
struct column *column_unsupported(const char *type_name, size_t rows);
// start, start + step, ...
struct column *column_of_range(int64_t start, int64_t step, size_t rows);

// The axis that a pickled Index of any kind is: its levels as columns, its names, its length. False where it is none.
struct axis {
    size_t rows, n_levels;
    struct column **levels;      // owned
    const struct value **names;  // owned array
    bool is_plain;               // 0, 1, ... without a name
};
bool axis_of_index(const struct value *index, struct axis *ret);
void axis_free(struct axis *a);

#endif
