// What the drawings of a run share: the frame of an SVG, inline in a page or a file of its own, and texts in it.
#ifndef REPORT_DRAWING_H
#define REPORT_DRAWING_H

#include "base/buf.h"
#include "client/model.h"

struct drawing {
    const char *name;        // prefix of ids and class of the drawing: "graph", "timeline"
    const char *title;       // unescaped; for readers of screens and as a tooltip's heading
    double width, height;    // pixels
    bool alone;              // a file of its own: with its style and XML declaration
};

// Opens <svg> with title and description (both escaped), and closes it.
void drawing_begin(struct buf *b, const struct drawing *d, const char *description);
void drawing_end(struct buf *b);

// At most `max` characters of a text, escaped; one that is cut ends in an ellipsis.
void drawing_text(struct buf *b, const char *s, size_t max);
// Characters of a text, as drawing_text counts them.
size_t drawing_chars(const char *s);
// "3 failed, 1 running, 12 done": what there is of each state; at most `max` of them, then an ellipsis.
void drawing_counts(struct buf *b, const size_t by_status[], size_t max);

#endif
