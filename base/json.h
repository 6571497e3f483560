// JSON in: typed, limit-checked getters over jansson, which is seen nowhere else. A struct json is
// one value; children are borrowed from their root, which json_free releases. Getters take NULL and
// answer as for a value that is absent, so that lookups chain. Not thread-safe while being freed.
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct json;

enum json_kind { JSON_ABSENT, JSON_NULL, JSON_BOOL, JSON_INT, JSON_REAL, JSON_STR, JSON_ARRAY, JSON_OBJECT };

// Parses one whole value. Bad text, or text nested deeper than 256 levels, is ERR_CORRUPT with line and
// column; `what` names it in the cause. What Python's json writes beyond the standard is taken:
// integers past 64 bits become reals, NaN and the infinities null, lone surrogates U+FFFD. Of members
// with one key the last counts.
errc json_parse(const char *text, size_t len, const char *what, struct json **ret_json,
                struct err *err) ERR_MUST_CHECK;
void json_free(struct json *json);
void json_freep(struct json **json); // for auto_cleanup

enum json_kind json_kind(const struct json *json);
const struct json *json_get(const struct json *object, const char *key); // NULL when absent
size_t json_len(const struct json *array_or_object);
const struct json *json_at(const struct json *array, size_t index);
const char *json_str(const struct json *json);             // NULL when it is not a string, or one with a NUL inside
// The same with any bytes inside.
const char *json_str_len(const struct json *json, size_t *ret_len);
bool json_int(const struct json *json, int64_t *ret);      // false when it is not an integer
bool json_real(const struct json *json, double *ret);      // integers too
bool json_bool(const struct json *json, bool *ret);
// Calls fn for each member in file order until it returns false.
void json_each(const struct json *object, bool (*fn)(void *arg, const char *key, const struct json *value),
               void *arg);
// The value as compact JSON text, appended to buf (nothing for NULL).
void json_dump(const struct json *json, struct buf *buf);

// JSON out: a small writer of indented JSON into a buffer, commas and escapes its business.
struct json_out {
    struct buf *buf;   // borrowed
    unsigned depth;
    bool comma, after_key;
};
void json_out_begin(struct json_out *w, char open);        // '{' or '['
void json_out_end(struct json_out *w, char close);
void json_out_key(struct json_out *w, const char *key);
void json_out_str(struct json_out *w, const char *s);      // NULL writes null; bytes that are not UTF-8 become U+FFFD
void json_out_int(struct json_out *w, int64_t v);
void json_out_bool(struct json_out *w, bool v);
void json_out_null(struct json_out *w);
void json_out_raw(struct json_out *w, const char *json_text); // an already formed value
// Appends s as a JSON string with its quotes.
void json_quote(struct buf *buf, const char *s, size_t len);

#endif
