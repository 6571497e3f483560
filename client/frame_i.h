// Inside of client/frame_*.c only: how a kind of column answers.
#ifndef CLIENT_FRAME_I_H
#define CLIENT_FRAME_I_H

#include "client/frame.h"

struct column {
    void (*cell)(struct column *c, size_t row, enum cell_style style, struct cell *ret);
    void (*destroy)(struct column *c); // frees the column with all that it owns; never NULL
    size_t rows;
    char *dtype;                 // owned; freed by column_free
    const struct npy_type *npy;  // what column_npy_type answers; owned by whoever `destroy` says
    struct buf text;             // for the text of one cell; freed by column_free
};

void column_free(struct column *c); // NULL is fine

// --- Kinds of columns (frame_column.c, frame_array.c) --------------------------------------------
// A column of one array as blocks, indexes and Series hold it, of any kind that one dimension can have: a numpy array,
// an object array, an extension array of pandas, an Index. Never fails but for memory (then NULL): what is not known is
// a column of CELL_UNSUPPORTED. `rows` is what the frame expects: an array of another length is unsupported, too.
// ROWS_ANY: as many as it has (see its `rows`, which stay ROWS_ANY where nothing tells how many). column_of_extension()
// is asked so for the data of an Index, whose length is written nowhere else.
// This and axis_of_index() may call each other, also through column_of_extension(): they do so to a bounded depth.
#define ROWS_ANY SIZE_MAX
struct column *column_of_array(const struct value *array, size_t rows);
bool column_is_nested(void); // whether column_of_array() is at work in this thread: no place for more than one level
// The column that a value is by itself: an array of pandas' own that stands in no table. NULL where it is none.
struct column *column_of_bare(const struct value *v);
// Row `i` of a two-dimensional array (blocks hold columns as rows), of numpy or of pandas.
struct column *column_of_block_row(const struct value *array, size_t i, size_t rows);
// frame_ext*.c: a column of an extension array of one dimension (category, masked, Arrow, string, datetime with zone,
// period, interval, sparse); NULL where `array` is none that is known. Dates and spans without a zone do not come here.
// An IntervalIndex comes as the call that pickles make of it, _new_IntervalIndex(class, {left, right, closed, name}).
struct column *column_of_extension(const struct value *array, size_t rows);
// A column whose every cell is CELL_UNSUPPORTED of that type.
struct column *column_unsupported(const char *type_name, size_t rows);
// The same, of the class that `array` is of.
struct column *column_unreadable(const struct value *array, size_t rows);
// start, start + step, ...
struct column *column_of_range(int64_t start, int64_t step, size_t rows);
// items[0], items[stride], ...: each CELL_VALUE. The items must live as long as the column. The dtype is "object".
struct column *column_of_values(struct value *const *items, size_t stride, size_t rows);
// These values as CELL_VALUE, the column's own number (int64) where one is NULL. Takes `names` (free()d with it).
struct column *column_of_names(const struct value **names, size_t rows);

// --- Arrays of numpy (frame_array.c) -------------------------------------------------------------
// An array of numpy whose columns share what is known of it: also masked, of variable strings (StringDType), and the
// arrays of pandas that are dates or spans without a zone, whose elements are numpy's.
struct grid {
    size_t refs;
    unsigned ndim;
    size_t shape[2];               // where ndim is 1 or 2
    const struct npy_type *type;   // NULL where the array cannot be read, and of variable strings
    struct npy_type *own_type;     // `type` where it is none of the common ones, which all grids share
    const uint8_t *data;           // elements
    struct value *const *objects;  // objects, in C order; NULL where there are none
    bool has_objects, is_texts;    // texts: objects that are variable strings
    bool fortran;
    const uint8_t *mask;           // of a masked array: as its elements are laid out, not 0 where masked
    size_t masks;                  // a cell's bytes there
    bool any_masked;
    char *name;                    // of the dtype, or of what cannot be read; owned
};

bool frame_is_array(const struct value *v); // by its class alone
struct grid *grid_open(const struct value *array); // NULL where it is no such array
void grid_close(struct grid *g);                   // of the caller's reference; columns have their own
// Line `i` across dimension `along` of two: row i (0) or column i (1); of one dimension the whole.
struct column *grid_line(struct grid *g, unsigned along, size_t i, size_t rows);
// Field `i` of a structured array of one dimension.
struct column *grid_field(struct grid *g, size_t i, size_t rows);
// Row `i` of an extension array of two dimensions (dates with a zone); NULL where it is none.
struct column *column_of_extension_row(const struct value *array, size_t i, size_t rows);

// --- Axes (frame_axis.c) -------------------------------------------------------------------------
// The axis that a pickled Index of any kind is: its levels as columns, its names, its length. False where it is none.
struct axis {
    size_t rows, n_levels;
    struct column **levels;      // owned
    const struct value **names;  // owned array
    bool is_plain;               // 0, 1, ... without a name
};
bool axis_is_index(const struct value *v); // by its class alone
bool axis_of_index(const struct value *index, struct axis *ret);
void axis_of_range(size_t rows, struct axis *ret); // 0, 1, ...
void axis_free(struct axis *a);

// --- Dates (M8) and spans (m8) as to_csv() writes them (frame_date.c) -----------------------------
// One format for a whole column: of whole days the days alone, else with as many digits behind the seconds as its
// values need (pandas 3.1, tslib.format_array_from_datetime and format.get_format_timedelta64).
struct date_style {
    bool is_known;       // false: date_style_of is to be called
    bool days_only;
    bool is_calendar;    // ticks are years or months: not of one length
    uint8_t digits;      // behind the seconds
    int64_t mul, div;    // ticks * mul / div are of a unit that divides the second
    int64_t per_second;  // so many of these are a second
};

// `n` elements, `stride` bytes apart. Those where mask[i * mask_stride] is not 0 do not count; a mask can be NULL.
void date_style_of(struct date_style *s, const struct npy_type *t, const uint8_t *data, size_t stride, size_t n,
                   const uint8_t *mask, size_t mask_stride);
// Appends an element's text in that style; false and nothing appended for NaT.
bool date_text(struct buf *b, const struct date_style *s, const struct npy_type *t, const uint8_t *at);

// --- Managers of blocks (frame_blocks.c) ----------------------------------------------------------
// What the `_mgr` (or `_data`) of a DataFrame or Series holds. The axes' lengths become the frame's, every column is
// there afterwards. `f` is the caller's to free in any case.
errc frame_read_manager(struct frame *f, const struct value *manager, struct cancel *cancel,
                        struct err *err) ERR_MUST_CHECK;
// Takes the axis over as the frame's row index, or as its column labels.
void frame_take_index(struct frame *f, struct axis *a);
void frame_take_labels(struct frame *f, struct axis *a);
// Room for so many columns: ERR_LIMIT where they are too many.
errc frame_make_columns(struct frame *f, size_t n, struct err *err) ERR_MUST_CHECK;
// An array of numpy (also masked, or of variable strings) as a table; ERR_NO_FORM where it has no such form.
errc frame_read_array(struct frame *f, const struct value *array, struct cancel *cancel,
                      struct err *err) ERR_MUST_CHECK;

// --- Small things about values (frame_value.c) -----------------------------------------------------
const struct value *seq_at(const struct value *seq, size_t i); // of a tuple or list; NULL where it has none
// The items of a tuple, a list, or a class of list (FrozenList); false where it is none.
bool seq_items(const struct value *v, struct value *const **ret, size_t *ret_len);
// The global that is called, and that is made: for a function that makes an object of a class, its first argument.
const struct value *called_global(const struct value *v); // NULL where there is none
const struct value *made_class(const struct value *v);
// Whether a global has this name in a module that begins with `package` and a dot, or is it.
bool global_is(const struct value *global, const char *package, const char *name);
const struct value *none_is_null(const struct value *v); // None as NULL
// How many numbers range(start, stop, step) of Python has; false where step is 0, or they pass int64_t.
bool range_len(int64_t start, int64_t stop, int64_t step, size_t *ret);

#endif
