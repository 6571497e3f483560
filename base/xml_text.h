// The text of one element of an XML answer: for replies that hold a few values (STS, errors). expat does the reading; a
// document type declaration is refused, so that no entity is ever defined or fetched. Pure, thread-safe.
#ifndef BASE_XML_TEXT_H
#define BASE_XML_TEXT_H

#include <stddef.h>

#include "base/err.h"

// The text directly in the first element at `path`, names below the root with slashes: "Error/Code" in
// <ErrorResponse><Error><Code>x</Code></Error></ErrorResponse>. Prefixes of namespaces do not count. Owned by the
// caller. Not well-formed, deeper than 64, or a text over 64 KiB is ERR_CORRUPT (the cause has the line, and
// nothing of the text); no such element ERR_NOT_FOUND.
errc xml_text(const void *xml, size_t len, const char *path, char **ret, struct err *err) ERR_MUST_CHECK;

#endif
