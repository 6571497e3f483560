// HTML and SVG as text: what comes from users is always escaped. Pure; writes to a struct buf, which becomes `over`
// when full. What is written is well-formed as XML too: a drawing is the same in a page and in a file of its own.
#ifndef REPORT_HTML_H
#define REPORT_HTML_H

#include <stdint.h>

#include "base/buf.h"

// Text between tags or in a quoted attribute. Bytes that are not UTF-8 (as Python's errors="replace" counts them), and
// characters that HTML or XML does not allow (controls but tab, LF and CR; U+FDD0 and its kind), become U+FFFD.
void html_text(struct buf *b, const char *s);
void html_text_len(struct buf *b, const char *s, size_t len);
// The same without the escape sequences of a terminal (colours, titles): for logs and stack traces.
void html_log(struct buf *b, const char *s, size_t len);
// A relative URL in a quoted attribute: each part of the path percent-encoded, "/" kept.
void html_path(struct buf *b, const char *path);
// The part of such a URL for a flow, run, step, task, artifact or tag of this name: percent-encoded as the tree shows
// it (base/name.h), and that once more as a URL.
void html_name(struct buf *b, const char *name);

// "2026-11-22 20:40:04 UTC" in a <time>; milliseconds since the epoch.
void html_time(struct buf *b, int64_t ms);
// "0.25 s", "12 s", "3 min 5 s", "2 h 3 min", "4 d 2 h"; milliseconds, negative as 0. No markup.
void html_duration(struct buf *b, int64_t ms);
// A state's word with its colour: "done", "failed", "running", "stale", "unknown" (client/model.h's status_name);
// another word has no colour of its own.
void html_status(struct buf *b, const char *word);

// The beginning of a page up to <body><main>, with the style of all reports (no script, no network; light and dark by
// the reader's scheme; readable at the width of a phone), and its end. `title` is escaped. The page's policy allows
// inline style and data: images, nothing else. Classes of the style, for use in pages:
//   p.path       a line of links to what is above, before <h1>
//   dl.facts     pairs of <dt> and <dd> in columns
//   div.wide     around a table or drawing that may be wider than the page: it scrolls in itself
//   td.num       a number, to the right;  td.text  text from users: breaks anywhere
//   pre.log      a log: keeps lines, scrolls in itself; with class tail as well it shows its end first
//   ul.tags      a list of short texts in frames;  p.note  said quietly;  p.trouble  what could not be read
//   span.status  html_status;  code  names and values
void html_begin(struct buf *b, const char *title);
void html_end(struct buf *b);

#endif
