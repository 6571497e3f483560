// base/json.h: any bytes parse or fail with a cause; what parsed is walked by every getter, and its text
// parses again to the same text.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool walk_member(void *arg, const char *key, const struct json *value);

static void walk(const struct json *json)
{
    int64_t i;
    double r;
    bool b;
    json_int(json, &i);
    json_real(json, &r);
    json_bool(json, &b);
    const char *s = json_str(json);
    if (s) {
        auto_cleanup(buf_free) struct buf quoted = {0};
        struct json_out out = {.buf = &quoted};
        json_out_str(&out, s);
    }
    for (size_t k = 0; k < json_len(json); k++)
        walk(json_at(json, k));
    json_each(json, walk_member, NULL);
}

static bool walk_member(void *arg, const char *key, const struct json *value)
{
    (void)arg;
    if (!key)
        abort();
    walk(value);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = ERR_INIT;
    auto_cleanup(json_freep) struct json *json = NULL, *again = NULL;
    auto_cleanup(buf_free) struct buf first = {0}, second = {0}, quoted = {0};
    char *text = malloc(size ? size : 1);
    if (!text)
        return 0;
    memcpy(text, data, size);
    errc e = json_parse(text, size, "fuzz", &json, &err);
    json_quote(&quoted, text, size);
    free(text);
    if (!e) {
        walk(json);
        json_dump(json, &first);
        if (json_parse(first.data, first.len, "again", &again, &err) != ERR_OK)
            abort();
        json_dump(again, &second);
        if (first.len != second.len || memcmp(first.data, second.data, first.len) != 0)
            abort();
    }
    // Any bytes at all make a string that is JSON.
    auto_cleanup(json_freep) struct json *string = NULL;
    if (json_parse(quoted.data, quoted.len, "quoted", &string, &err) != ERR_OK || json_kind(string) != JSON_STR)
        abort();
    return 0;
}
