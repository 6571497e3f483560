// A JSON array, element by element, as its bytes arrive: memory is bounded by one element, whatever the
// length of the array. Not thread-safe.
#ifndef BASE_JSON_ROWS_H
#define BASE_JSON_ROWS_H

#include "base/json.h"

// Takes one element, which is freed afterwards; an error ends the reading.
typedef errc (*json_row_fn)(void *arg, const struct json *row, struct err *err);

struct json_rows;
// `what` names the text in causes (a URL without its query); copied. An element over max_row bytes is
// ERR_LIMIT, as are more than max_total bytes in all (0: no bound).
struct json_rows *json_rows_new(const char *what, size_t max_row, uint64_t max_total, json_row_fn fn, void *arg);
void json_rows_free(struct json_rows *r);
// The next bytes. Text that is no array, a malformed element, or bytes after the array's end other than
// white space are ERR_CORRUPT with the offset. A single value that is no array (an object) is given to
// fn as the only row, and *json_rows_was_array is false then.
errc json_rows_put(struct json_rows *r, const void *data, size_t len, struct err *err) ERR_MUST_CHECK;
// After the last byte: ERR_CORRUPT when the text ended early.
errc json_rows_end(struct json_rows *r, struct err *err) ERR_MUST_CHECK;
bool json_rows_was_array(const struct json_rows *r);

#endif
