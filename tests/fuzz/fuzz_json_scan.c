// base/json_scan.h: a text is COMPLETE exactly where json_parse takes it as an object, but for what either documents
// beyond that; no part of a COMPLETE text is BAD, and no text that begins with a BAD one is anything else.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/json_scan.h"
#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct found {
    bool stops_parsing;
};

static bool see(void *arg, enum json_flaw flaw, const char *path)
{
    if (path == NULL) {
        abort();
    }
    struct found *found = arg;
    found->stops_parsing = found->stops_parsing || flaw == JSON_FLAW_TOO_LARGE || flaw == JSON_FLAW_NUL_KEY;
    return true;
}

// json_parse mends numbers of more than 308 digits without looking at them, and takes NaN and the infinities.
static bool may_be_mended(const char *text, size_t len)
{
    size_t run = 0;
    for (size_t i = 0; i < len; i++) {
        run = memchr("+-.eE0123456789", text[i], 15) != NULL ? run + 1 : 0;
        if (run > 300 || (text[i] == 'N' && i + 3 <= len && memcmp(text + i, "NaN", 3) == 0) ||
            (text[i] == 'I' && i + 8 <= len && memcmp(text + i, "Infinity", 8) == 0)) {
            return true;
        }
    }
    return false;
}

static enum json_scan_state scan(const char *text, size_t len)
{
    struct json_scan_place place;
    auto_free char *exact = malloc(len > 0 ? len : 1);
    if (exact == NULL) {
        return json_scan(text, len, &place);
    }
    memcpy(exact, text, len);
    enum json_scan_state state = json_scan(exact, len, &place);
    if (state != JSON_SCAN_COMPLETE && (place.line == 0 || place.column == 0 || place.what[0] == '\0')) {
        abort();
    }
    return state;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    struct err err = ERR_INIT;
    auto_cleanup(json_freep) struct json *json = NULL;
    if (size > 4096) {
        return 0;
    }
    enum json_scan_state whole = scan(text, size);
    bool parsed = json_parse(text, size, "fuzz", &json, &err) == ERR_OK && json_kind(json) == JSON_OBJECT;
    struct found found = {0};
    if (whole == JSON_SCAN_COMPLETE) {
        json_flaws(text, size, see, &found);
        if (parsed == found.stops_parsing) {
            abort();
        }
    } else if (parsed && !may_be_mended(text, size)) {
        struct json_scan_place place;
        json_scan(text, size, &place);
        if (strncmp(place.what, "nested", 6) != 0) { // json_parse goes deeper
            abort();
        }
    }
    bool was_bad = false;
    for (size_t n = 0; n < size; n++) {
        enum json_scan_state state = scan(text, n);
        was_bad = was_bad || state == JSON_SCAN_BAD;
        if ((was_bad && state != JSON_SCAN_BAD) || (state == JSON_SCAN_BAD && whole != JSON_SCAN_BAD)) {
            abort();
        }
    }
    return 0;
}
