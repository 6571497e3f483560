// Previews of artifacts for a task's page: a few lines of HTML that show what is in an artifact, whatever it is. A
// table is shown by its first and last rows, an array by its summary and histogram, an image as itself, a text by its
// first lines, a container by the beginning of its JSON, bytes in hex.
//
// Nothing from an artifact becomes markup: text is escaped, and only bytes that begin as PNG, JPEG, GIF or WebP go into
// a data: URL (never SVG or HTML). Thread-safe: a budget belongs to one page.
#ifndef REPORT_PREVIEW_H
#define REPORT_PREVIEW_H

#include "base/buf.h"
#include "base/cancel.h"
#include "client/artifact.h"

// An artifact is read for its preview only up to this size as stored, and a page reads so much in all.
#define PREVIEW_MAX_READ (16u << 20)
#define PREVIEW_MAX_READ_PAGE (64u << 20)
// Bytes of one image, and of all images of a page, which as base64 are a third more: a page stays below the 8 MiB that
// it shows as its size before it is opened, as browsers read no further.
#define PREVIEW_MAX_IMAGE (1u << 20)
#define PREVIEW_MAX_IMAGE_PAGE (4u << 20)

// How long each artifact's bytes are waited for, in milliseconds: where a store does not answer, the others are shown.
#define PREVIEW_PATIENCE_MS 4000

// What a page may still read and embed, in bytes; and until when it waits for bytes at all (by clock_mono_ms): what is
// there is shown after that, too.
struct preview_budget {
    uint64_t read, images;
    int64_t until_ms;
};

// Appends the preview of an artifact, or why there is none: it cannot be read, is too large, does not come in time, or
// the budget is used up.
// Takes from the budget what was read. May wait for the artifact's bytes; the token ends it (the caller looks at it).
void preview_artifact(const struct artifact_env *env, const struct artifact *a, struct preview_budget *budget,
                      struct cancel *cancel, struct buf *out);
// Whether it would be read for its preview now.
bool preview_fits(const struct artifact *a, const struct preview_budget *budget);
// The rules of the classes that previews use, for a <style> element.
extern const char preview_style[];

#endif
