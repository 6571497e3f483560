#include "base/json_rows.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define MAX_DEPTH 256 // as base/json.c

enum where { BEFORE, FIRST, ELEMENT, AFTER_ELEMENT, NEXT, SINGLE, AFTER };

struct json_rows {
    char *what;          // owned
    json_row_fn fn;
    void *arg;
    size_t max_row;
    uint64_t max_total, total;
    struct buf row;      // of the element so far
    enum where where;
    unsigned depth;      // within the element
    bool in_string, escaped, array;
};

struct json_rows *json_rows_new(const char *what, size_t max_row, uint64_t max_total, json_row_fn fn, void *arg)
{
    struct json_rows *r = mem_zalloc(sizeof(*r));
    r->what = mem_strdup(what);
    r->fn = fn;
    r->arg = arg;
    r->max_row = max_row;
    r->max_total = max_total;
    r->row.max = max_row;
    return r;
}

void json_rows_free(struct json_rows *r)
{
    if (!r) {
        return;
    }
    buf_free(&r->row);
    free(r->what);
    free(r);
}

bool json_rows_was_array(const struct json_rows *r)
{
    return r->array;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static errc give_row(struct json_rows *r, struct err *err)
{
    auto_cleanup(json_freep) struct json *json = NULL;
    errc code = json_parse(r->row.data ? r->row.data : "", r->row.len, r->what, &json, err);
    r->row.len = 0;
    return code ? code : r->fn(r->arg, json, err);
}

static errc add(struct json_rows *r, const char *from, size_t len, struct err *err)
{
    if (len > r->max_row - r->row.len) {
        return err_set(err, ERR_LIMIT, "%s: one element has more than %zu bytes", r->what, r->max_row);
    }
    buf_put(&r->row, from, len);
    return r->row.over ? err_set(err, ERR_NO_MEMORY, "%s: no memory for an element", r->what) : ERR_OK;
}

// What one byte does to the element that it is in. True when the element ends before it.
static bool ends_before(struct json_rows *r, char c)
{
    if (r->in_string) {
        bool quote = c == '"' && !r->escaped;
        r->escaped = c == '\\' && !r->escaped;
        r->in_string = !quote;
        return false;
    }
    switch (c) {
    case '"':
        r->in_string = true;
        return false;
    case '[':
    case '{':
        r->depth++;
        return false;
    case ']':
    case '}':
        if (r->depth == 0) {
            return true;
        }
        r->depth--;
        return false;
    case ',':
        return r->depth == 0;
    default:
        return false;
    }
}

// The bytes of the element from `from` on; returns how many belong to it.
static errc take_element(struct json_rows *r, const char *from, size_t len, size_t *ret_used, struct err *err)
{
    size_t n = 0;
    while (n < len && !ends_before(r, from[n])) {
        if (r->depth > MAX_DEPTH) {
            return err_set(err, ERR_CORRUPT, "%s: nested more than %d levels deep", r->what, MAX_DEPTH);
        }
        n++;
    }
    *ret_used = n;
    errc code = add(r, from, n, err);
    if (!code && n < len) {
        r->where = AFTER_ELEMENT;
        code = give_row(r, err);
    }
    return code;
}

static errc unexpected(const struct json_rows *r, size_t at, struct err *err)
{
    return err_set(err, ERR_CORRUPT, "%s: not a JSON array: unexpected byte at offset %llu", r->what,
                   (unsigned long long)(r->total + at));
}

// One byte between elements.
static errc take_between(struct json_rows *r, char c, size_t at, bool *ret_again, struct err *err)
{
    *ret_again = false;
    if (is_space(c)) {
        return ERR_OK;
    }
    switch (r->where) {
    case BEFORE:
        r->array = c == '[';
        r->where = r->array ? FIRST : SINGLE;
        *ret_again = !r->array;
        return ERR_OK;
    case FIRST:
    case NEXT:
        if (c == ']' && r->where == FIRST) {
            r->where = AFTER;
            return ERR_OK;
        }
        if (c == ',' || c == ']' || c == '}') {
            return unexpected(r, at, err);
        }
        r->where = ELEMENT;
        *ret_again = true;
        return ERR_OK;
    case AFTER_ELEMENT:
        if (c != ',' && c != ']') {
            return unexpected(r, at, err);
        }
        r->where = c == ',' ? NEXT : AFTER;
        return ERR_OK;
    default:
        return unexpected(r, at, err);
    }
}

errc json_rows_put(struct json_rows *r, const void *data, size_t len, struct err *err)
{
    const char *at = data;
    size_t n = 0;
    errc code = ERR_OK;
    if (r->max_total && len > r->max_total - r->total) {
        return err_set(err, ERR_LIMIT, "%s: more than %llu bytes", r->what, (unsigned long long)r->max_total);
    }
    while (!code && n < len) {
        if (r->where == SINGLE) {
            code = add(r, at + n, len - n, err);
            n = len;
        } else if (r->where == ELEMENT) {
            size_t used;
            code = take_element(r, at + n, len - n, &used, err);
            n += code ? 0 : used;
        } else {
            bool again;
            code = take_between(r, at[n], n, &again, err);
            n += !again;
        }
    }
    r->total += len;
    return code;
}

errc json_rows_end(struct json_rows *r, struct err *err)
{
    if (r->where == SINGLE) {
        return give_row(r, err);
    }
    if (r->where != AFTER) {
        return err_set(err, ERR_CORRUPT, "%s: the answer ends early, after %llu bytes", r->what,
                       (unsigned long long)r->total);
    }
    return ERR_OK;
}
