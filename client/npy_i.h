// Inside of client/npy*.c only.
#ifndef CLIENT_NPY_I_H
#define CLIENT_NPY_I_H

#include "client/npy.h"

// Gathers bytes for the sink; a failure sticks.
enum { NPY_ROOM = 64 * 1024 };

struct npy_out {
    struct sink *sink;
    struct cancel *cancel;
    struct err *err;
    errc failed;
    uint64_t most; // bytes of text
    size_t len;
    uint8_t room[NPY_ROOM];
};

void npy_put(struct npy_out *o, const void *data, size_t len);
void npy_flush(struct npy_out *o);
void npy_check(struct npy_out *o); // looks at the token
void npy_fail(struct npy_out *o, errc code, const char *cause);

// --- The header (npy_header.c) -------------------------------------------------------------------
// "'<f8'", "[('a', '<i4'), ...]". packed: as npy_put_packed writes the elements.
void npy_descr(struct buf *b, const struct npy_type *t, bool packed);
// Text of so many characters: "'<U5'".
void npy_text_descr(struct buf *b, size_t width);
// Whether the fields lie one behind the other, as a header can say it.
bool npy_is_ordered(const struct npy_type *t);
bool npy_has_objects(const struct npy_type *t);
// Writes the header of an array whose dtype is `descr` in Python's syntax (UTF-8).
void npy_header(struct npy_out *o, const struct buf *descr, bool fortran, const size_t *shape, unsigned ndim);

// --- Text (npy_text.c) ---------------------------------------------------------------------------
// Values and cells as fixed-width text by the JSON rules, a str and the scalar types without quotes. While `to` is NULL
// the width grows to that of the widest text, 1 at least; then texts are written to it, filled up to the width.
struct npy_text {
    struct sink sink;
    struct out *out;      // owned; writes JSON into `sink`
    struct err err;
    struct npy_out *to;
    size_t chars;         // of the text at hand
    size_t width;
    uint8_t part[4];      // the beginning of a character that was cut by the end of a piece
    size_t part_len;
};

bool npy_text_new(struct npy_text *t, struct npy_out *o); // false: o has failed
void npy_text_free(struct npy_text *t);
void npy_text_value(struct npy_text *t, struct npy_out *o, const struct value *v);
void npy_text_cell(struct npy_text *t, struct npy_out *o, const struct cell *c);
// A row of several levels, as an array.
void npy_text_row(struct npy_text *t, struct npy_out *o, struct column *const *columns, size_t n, size_t row);
// Fails where numpy has no text so wide.
void npy_text_check(struct npy_text *t, struct npy_out *o);
uint64_t npy_text_size(size_t width, size_t count); // bytes; UINT64_MAX where that is more
// Fails where `total` bytes of text are more than o->most; "WHAT is WIDTH characters wide in each of COUNT ROWS" says
// whose they mostly are.
void npy_text_room(struct npy_out *o, uint64_t total, const char *what, size_t width, size_t count, const char *rows);

// --- Tables (npy_table.c) ------------------------------------------------------------------------
// array_ndim: of an array that is read as a table; is_records: its columns are fields.
void npy_table(struct npy_out *o, struct frame *f, unsigned array_ndim, bool is_records);

#endif
