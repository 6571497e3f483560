// HTML as text: what comes from users is always escaped. Pure; writes to a struct buf, which becomes `over` when full.
#ifndef REPORT_HTML_H
#define REPORT_HTML_H

#include "base/buf.h"

// Text between tags or in a quoted attribute. Bytes that are not UTF-8, and control characters that HTML does not
// allow, become U+FFFD.
void html_text(struct buf *b, const char *s);
void html_text_len(struct buf *b, const char *s, size_t len);
// A relative URL in a quoted attribute: each part of the path percent-encoded, "/" kept.
void html_path(struct buf *b, const char *path);

// The beginning of a page up to <body><main>, with the style of all reports (no script, no network; light and dark by
// the reader's scheme; readable at the width of a phone), and its end. `title` is escaped.
void html_begin(struct buf *b, const char *title);
void html_end(struct buf *b);

#endif
