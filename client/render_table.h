// Tables as JSON, piece by piece, so that a value in a cell can be of any depth without recursion: a DataFrame is
// {"columns": [...], "index": [...], "data": [[...], ...]}, a Series {"name": ..., "index": [...], "data": [...]}, an
// Index an array. Each label, index entry and row is a line of its own; an entry of several levels is an array.
// Memory does not grow with the rows.
#ifndef CLIENT_RENDER_TABLE_H
#define CLIENT_RENDER_TABLE_H

#include "client/frame.h"

struct table_json;

// Takes the frame over. The table's opening bracket stands at `depth`. ndim: of an array, which is nested arrays.
struct table_json *table_json_new(struct frame *f, unsigned depth, unsigned ndim);
// Writes on up to a cell that holds a Python value, which the caller writes at depth *ret_depth before it asks again;
// NULL when the table is complete, or when o has failed.
const struct value *table_json_next(struct table_json *t, struct out *o, unsigned *ret_depth);
// Where the value that was given last stands in the table: ".data[3][0]".
void table_json_path(const struct table_json *t, struct buf *path);
// Writes a cell; one that holds a Python value is not written, but returned.
const struct value *cell_json(struct out *o, const struct cell *c, unsigned depth);
void table_json_free(struct table_json *t); // NULL is fine

#endif
