#include "batch/body.h"

#include <inttypes.h>
#include <string.h>

#include "base/json.h"
#include "base/py_repr.h"

static void put(struct body *b, const char *json, const char *py)
{
    buf_puts(b->json, json);
    if (b->py != NULL) {
        buf_puts(b->py, py);
    }
}

// What stands between two members.
static void separate(struct body *b)
{
    if (b->comma) {
        put(b, ",", ", ");
    }
    b->comma = true;
}

static void quoted(struct body *b, const char *text)
{
    size_t len = strlen(text);
    json_quote(b->json, text, len);
    if (b->py != NULL) {
        py_repr(b->py, text, len);
    }
}

void body_open(struct body *b, char bracket)
{
    const char text[] = {bracket, '\0'};
    separate(b);
    put(b, text, text);
    b->comma = false;
}

void body_close(struct body *b, char bracket)
{
    const char text[] = {bracket, '\0'};
    put(b, text, text);
    b->comma = true;
}

void body_key(struct body *b, const char *key)
{
    separate(b);
    quoted(b, key);
    put(b, ":", ": ");
    b->comma = false;
}

void body_str(struct body *b, const char *value)
{
    separate(b);
    quoted(b, value);
}

void body_int(struct body *b, int64_t value)
{
    separate(b);
    buf_printf(b->json, "%" PRId64, value);
    if (b->py != NULL) {
        buf_printf(b->py, "%" PRId64, value);
    }
}

void body_true(struct body *b)
{
    separate(b);
    put(b, "true", "True");
}

void body_pair(struct body *b, const char *key, const char *value)
{
    body_key(b, key);
    body_str(b, value);
}
