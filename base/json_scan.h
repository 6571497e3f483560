// Whether text, as far as it goes, is one JSON object: for text that arrives in pieces. Grammar of RFC 8259, at most
// 64 levels deep; it says nothing of what the object means. Pure.
#ifndef BASE_JSON_SCAN_H
#define BASE_JSON_SCAN_H

#include <stddef.h>

#include "base/err.h"

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

#endif
