// The rules of client/fault.h, as the wrappers of both kinds of source apply them.
#ifndef CLIENT_FAULT_RULES_H
#define CLIENT_FAULT_RULES_H

#include "base/cancel.h"
#include "client/fault.h"

enum fault_what {
    FAULT_GET,
    FAULT_LIST,
    FAULT_RECORDS,
    FAULT_ARTIFACTS,
    FAULT_INFO,
    FAULT_READ,
    FAULT_ANY, // also what has no name of its own
};

// Applies every rule that holds for a call of kind `what` on `path`: waits, then fails or does not.
errc fault_apply(struct fault *f, enum fault_what what, const char *path, struct cancel *cancel,
                 struct err *err) ERR_MUST_CHECK;

#endif
