// The renderers' inside, shared by client/render_*.c only. Texts of scalars are appended to a struct
// buf; JSON goes through a struct out.
#ifndef CLIENT_RENDER_PARTS_H
#define CLIENT_RENDER_PARTS_H

#include "client/render.h"

// --- Output (render_out.c) ---------------------------------------------------------------------
// Collects bytes for a sink. A failure sticks: later writes do nothing and `failed` says why, so
// that a writer looks once per value. The amount of work (bytes written, and what is counted with
// out_work) is bounded, because shared references can make a small pickle endless.

enum { OUT_ROOM = 32 * 1024 };

struct out {
    struct sink *sink;
    struct cancel *cancel;
    struct err *err;
    struct buf scratch;   // for one scalar's text; empty between uses
    errc failed;
    uint64_t work, next_check;
    bool compact;         // lines of JSON are joined: ", " between items
    size_t len;
    char data[OUT_ROOM];
};

struct out *out_new(struct sink *sink, struct cancel *cancel, struct err *err); // NULL: no memory
errc out_free(struct out *o);                // writes out the rest; the outcome of it all
void out_drop(struct out *o);                // without writing anything more
void out_restart(struct out *o, struct sink *sink); // as new, for that sink; what it had is lost
void out_put(struct out *o, const void *data, size_t len);
void out_puts(struct out *o, const char *s);
void out_buf(struct out *o, struct buf *b);  // writes and empties b; fails when it was over
void out_work(struct out *o, uint64_t units);
void out_fail(struct out *o, errc code, const char *cause);
void out_line(struct out *o, unsigned depth);  // a newline and the indentation of that depth, unless compact
void out_string(struct out *o, const uint8_t *s, size_t len);  // a JSON string
void out_base64(struct out *o, const uint8_t *s, size_t len);  // a JSON string
// {"key": TEXT} as an indented object at that depth; text is written as a JSON string, base64 for bytes.
void out_tagged(struct out *o, unsigned depth, const char *key, const char *text);
void out_bytes(struct out *o, unsigned depth, const uint8_t *s, size_t len);

// --- Texts of scalars --------------------------------------------------------------------------
enum float_width { FLOAT_16, FLOAT_32, FLOAT_64, FLOAT_LONG };

// Python's repr of a float (of numpy's str for its widths): "0.1", "1e-05", "inf", "nan".
void text_float(struct buf *b, long double x, enum float_width width);
// The same into `to`, which has room for FLOAT_ROOM bytes; its length, without a final NUL.
enum { FLOAT_ROOM = 64 };
size_t format_float(char *to, long double x, enum float_width width);
// The shortest digits of a finite number that is not below 0, at most FLOAT_ROOM; how many. *power: of the first one.
int float_digits(char *digits, long double x, enum float_width width, int *power);
// Decimal digits of an integer; at most 20 bytes, without a final NUL.
size_t format_int(char *to, int64_t i);
size_t format_uint(char *to, uint64_t u);
// The shortest decimal digits * 10^power that reads back as c * 2^q (render_shortest.c), c > 0: the mantissa and
// exponent of a double or of a narrower number. closer: the next smaller number is nearer than the next larger one.
struct shortest {
    uint64_t digits;
    int power;
};
struct shortest shortest_decimal(uint64_t c, int q, bool closer);
// "(1+2j)"
void text_complex(struct buf *b, long double real, long double imag, enum float_width width);
void text_int(struct buf *b, int64_t i);
void text_uint(struct buf *b, uint64_t u);
// False when the number, of two's complement, is of more than BIGINT_MAX bytes (631,305 digits), which take about half
// a second. (render_bigint.c)
enum { BIGINT_MAX = 256 * 1024 };
bool text_bigint(struct buf *b, const uint8_t *le, size_t len);
// Python's repr of a str and of bytes.
void text_str_repr(struct buf *b, const uint8_t *s, size_t len);
void text_bytes_repr(struct buf *b, const uint8_t *s, size_t len);

// The scalar types that are calls (dates, Decimal, UUID, complex, range, paths, ...): false and
// nothing appended when v is none of them.
bool text_call(struct buf *b, const struct value *v);
bool text_time(struct buf *b, const struct value *v); // its part for the module datetime
bool delta_micros(const struct value *v, __int128 *ret); // a datetime.timedelta in microseconds; else false

// --- Time zones (render_zone.c, render_zonerule.c, render_tz.c) ----------------------------------
// The UTC offset of a zone of the system's time zone database at a local time; false when it is
// not known there.
bool zone_offset(const char *key, int64_t local_seconds, bool fold, int32_t *ret_seconds, bool *ret_fixed);
// The same by a POSIX TZ rule such as "CET-1CEST,M3.5.0,M10.5.0/3"; *ret_fixed: it has no summer time.
bool zone_rule_offset(const char *rule, size_t len, int64_t local_seconds, bool fold, int32_t *ret_seconds,
                      bool *ret_fixed);
// The same at a moment (seconds of UTC from 1970).
bool zone_rule_at(const char *rule, size_t len, int64_t utc_seconds, int32_t *ret_seconds);

// A zone of the database that is read once, for the times of a whole column.
struct zone;
struct zone *zone_open(const char *key); // NULL: not known
void zone_free(struct zone *z);          // NULL is fine
int32_t zone_at(const struct zone *z, int64_t utc_seconds);
int32_t zone_first(const struct zone *z); // before any change: usually the local mean time

// What a tzinfo in a pickle says by itself: its UTC offset in microseconds (of a pytz zone, the one that the
// instance stands for); and the name by which the database knows it, a STR, or NULL.
bool tz_stated_offset(const struct value *tz, int64_t *ret_micros);
const struct value *tz_key(const struct value *tz);

// A tzinfo that is asked for the offsets of many moments.
struct tz {
    bool known;         // else times are UTC's, followed by the name
    bool is_short;      // of a library that knows the changes from 1901 to 2037 only: pytz, dateutil
    bool in_minutes;    // pytz has offsets of whole minutes
    int64_t fixed;      // microseconds, where zone is NULL
    struct zone *zone;  // owned
    char *name;         // owned: str() of the tzinfo, as in a dtype's name
};
// NULL where v is NULL or None: times without a zone. Anything else has a name at least.
struct tz *tz_new(const struct value *v);
struct tz *tz_named(const char *name); // of an Arrow timestamp: a zone's name or "+01:00"
void tz_free(struct tz *tz); // NULL is fine
void tz_freep(struct tz **tz);
int64_t tz_offset_at(const struct tz *tz, int64_t utc_seconds); // microseconds
// str() of a tzinfo of these libraries; false and nothing appended where v is none of them.
bool text_tz(struct buf *b, const struct value *v);
void text_offset(struct buf *b, int64_t micros);                // "+01:00"

// Days from 1970-01-01 to a day of the proleptic Gregorian calendar, and back.
int64_t days_from_civil(int64_t year, unsigned month, unsigned day);
void civil_from_days(__int128 days, int64_t *ret_year, unsigned *ret_month, unsigned *ret_day);

// --- numpy, and array.array (render_numpy.c, render_npytext.c, render_array.c, render_dtype.c) -----------------------
struct npy_field;

struct npy_type {
    char kind;               // b i u f c M m S U V O, as numpy's dtype.kind
    bool swap;               // stored in the other byte order than this machine's
    size_t itemsize;
    const char *unit;        // M and m: "ns", ..., "generic"
    int64_t unit_count;      // M and m: one tick is so many units
    struct npy_field *fields; // V: structured, owned
    size_t n_fields;
    struct npy_type *sub;    // V: an array of these, owned
    size_t shape[64];        // of sub
    unsigned ndim;
};

struct npy_field {
    struct npy_type *type; // owned
    size_t offset;
    const uint8_t *name;   // UTF-8, in the pickle
    size_t name_len;
};

struct npy_array {
    struct npy_type *type;   // owned
    size_t shape[64];
    unsigned ndim;
    bool fortran;
    const uint8_t *data;     // elements, where objects is NULL
    struct value *const *objects; // elements of an object array, in C order
    size_t count;
};

enum npy_is { NPY_NO, NPY_YES, NPY_BAD }; // BAD: a numpy value that cannot be decoded

enum npy_is npy_scalar(const struct value *v, struct npy_type **ret_type, const uint8_t **ret_data,
                       const struct value **ret_object);
// The number of dimensions, also of an array whose elements cannot be decoded.
bool npy_ndim(const struct value *v, unsigned *ret);
enum npy_is npy_array(const struct value *v, struct npy_array *ret);
// Of a dtype; NULL where v is none, or one that is not known. The caller's to free.
struct npy_type *npy_type_of(const struct value *v);
void npy_type_free(struct npy_type *t);
void npy_type_freep(struct npy_type **t);
void npy_array_free(struct npy_array *a);
// An integer (also bool) element; false for other kinds and for what passes int64_t.
bool npy_int(const struct npy_type *t, const uint8_t *at, int64_t *ret);
uint64_t npy_uint(const struct npy_type *t, const uint8_t *at); // of kind u
bool npy_real(const struct npy_type *t, const uint8_t *at, long double *ret, enum float_width *ret_width);
// A complex element; false for other kinds. The width is that of each part.
bool npy_complex(const struct npy_type *t, const uint8_t *at, long double *ret_real, long double *ret_imag,
                 enum float_width *ret_width);
// str() of a dtype without fields: "int64", ">f4", "datetime64[ns]", "<U3". Appended.
void npy_type_name(struct buf *b, const struct npy_type *t);
void npy_type_unit(struct buf *b, const struct npy_type *t); // of a date or span: "[ns]", "[25s]", ""
// str() of a dtype v with fields, or of an array of another; t: npy_type_of(v). False, perhaps with something
// appended, where it has titles that are no text. (render_dtype_fields.c)
bool text_structured(struct buf *b, const struct value *v, const struct npy_type *t);
// The same of any dtype in a pickle, also of pandas: "[('a', '<i4')]", "StringDType()", "Int64", "category",
// "datetime64[ns, UTC]", "int64[pyarrow]", "Sparse[int64, 0]". False, perhaps with something appended, when the call v
// is none of them.
bool text_dtype(struct buf *b, const struct value *v);
// The count of a date or span (M, m); INT64_MIN is NaT.
int64_t npy_ticks(const struct npy_type *t, const uint8_t *at);
// NaN (of a complex number: in a part of it) or NaT.
bool npy_is_na(const struct npy_type *t, const uint8_t *at);
// numpy's str() of an element.
bool npy_text(struct buf *b, const struct npy_type *t, const uint8_t *at);
void npy_datetime_text(struct buf *b, const struct npy_type *t, int64_t v);
void npy_timedelta_text(struct buf *b, const struct npy_type *t, int64_t v);
// The UTF-8 text of a U element.
void npy_unicode(struct buf *b, const struct npy_type *t, const uint8_t *at);
size_t npy_bytes_len(const struct npy_type *t, const uint8_t *at); // of an S element without its padding
// An element and a whole array without objects as JSON at that depth.
void npy_json(struct out *o, const struct npy_type *t, const uint8_t *at, unsigned depth);
void npy_array_json(struct out *o, const struct npy_array *a, unsigned depth);

// --- What a value is shown as (render_view.c) ----------------------------------------------------
enum view_kind {
    VIEW_SEQ,      // an array of items
    VIEW_PAIRS,    // an object of pairs
    VIEW_INSTANCE, // an object of a class: pairs and more are its state
    VIEW_OTHER,    // a scalar, a numpy value or unsupported
};

struct view {
    enum view_kind kind;
    struct value *const *items;
    const struct value_pair *pairs, *more;
    size_t len, more_len;     // of items or pairs; of more
    struct value_pair one;    // where pairs point for an enum member
    bool is_set, sort;        // items are a set's
    bool is_tuple;            // items are a tuple's or a named tuple's
    void *owned;              // free() it: made for this view
};

// Fills *view; nothing is owned where view->owned is NULL. May point into *view: do not move it.
void view_of(const struct value *v, struct view *view);
// A member of an enum: its value, else NULL.
struct value *view_enum_value(const struct value *v);

// --- Keys and sets -------------------------------------------------------------------------------
// A dict key as text: a str as it is, others as their Python literal. One whose literal does not fit into b.max
// (KEY_MAX, mostly), or has an integer of more than KEY_INT_MAX bytes in it, is "UnsupportedType : TYPENAME", and
// false.
enum { KEY_MAX = 1 << 20, KEY_INT_MAX = 16 << 10 };
bool key_text(struct buf *b, const struct value *key);
// A number that stands for the key's text; equal texts have equal numbers. *ret_whole: what key_text() returns;
// *ret_work: how much it took, for out_work.
uint64_t key_hash(struct buf *scratch, const struct value *key, bool *ret_whole, uint64_t *ret_work);
// Whether two keys of these pairs have the same text. Counts its work on o.
bool keys_meet(struct out *o, const struct value_pair *pairs, size_t n);
// The items of a set in Python's sorting order: a new array for the caller to free, or NULL where
// they cannot be compared with each other (or memory is short).
struct value **sort_items(struct value *const *items, size_t n);

// --- JSON (render_json.c) ------------------------------------------------------------------------
// A value at the start of a document, without final newline.
void json_value(struct out *o, const struct value *root);

#endif
