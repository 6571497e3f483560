// Whether text, as far as it goes, is one JSON object: for text that arrives in pieces. Grammar of RFC 8259, at most
// 64 levels deep; it says nothing of what the object means. Pure.
#ifndef BASE_JSON_SCAN_H
#define BASE_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>

enum json_scan_state {
    JSON_SCAN_EMPTY,      // nothing, or white space alone
    JSON_SCAN_INCOMPLETE, // more bytes can make it whole
    JSON_SCAN_COMPLETE,   // one object, and white space around it
    JSON_SCAN_BAD,        // no further byte can mend it
};

// Where and why a text is bad; for one that is incomplete, where it ends and what is open.
struct json_scan_place {
    size_t line, column;  // from 1; a column is a byte
    char what[160];       // "a comma or } is expected here, not \"x\""
};
enum json_scan_state json_scan(const char *text, size_t len, struct json_scan_place *ret_place);

// What json_parse of base/json.h passes over in silence, or refuses without a name, in a text that is COMPLETE.
enum json_flaw {
    JSON_FLAW_TWICE,     // an object has the key before already
    JSON_FLAW_TOO_LARGE, // a number past 1.8e308
    JSON_FLAW_NUL_KEY,   // a key with \u0000 inside
    JSON_FLAW_SURROGATE, // a text or key with half of a character's two \u escapes
};
// Calls fn for each in the order of the text, until it returns false. `path` is the keys from the outermost one, with
// dots between: "batch.cpu"; of a list the list's own. Borrowed for the call.
void json_flaws(const char *text, size_t len, bool (*fn)(void *arg, enum json_flaw flaw, const char *path), void *arg);

#endif
