// What the files of report/preview*.c share; nobody else includes it.
#ifndef REPORT_PREVIEW_I_H
#define REPORT_PREVIEW_I_H

#include "client/frame.h"
#include "client/pickle.h"
#include "client/render_parts.h"
#include "report/preview.h"

// Where a preview goes and what it may take.
struct preview {
    struct buf *out;
    struct cancel *cancel;
    struct preview_budget *budget;
};

// One value, by its kind.
void preview_value(struct preview *p, const struct value *v);
// The first lines of a text (UTF-8, or U+FFFD for what is not).
void preview_text(struct preview *p, const uint8_t *s, size_t len);
// An image, else length and a hex beginning.
void preview_bytes(struct preview *p, const uint8_t *s, size_t len);
// The beginning of a value's JSON, or a line where it has no form.
void preview_json(struct preview *p, const struct value *v);
void preview_table(struct preview *p, struct frame *f);
// The only column of an array, its elements on one line.
void preview_elements(struct preview *p, struct frame *f);
void preview_array(struct preview *p, const struct value *v, const struct npy_array *a);

// The media type of bytes that begin as an image that browsers show without running anything; NULL for others.
const char *image_type(const uint8_t *s, size_t len);
// An <img> of these bytes, or a line when they are more than the budget has left. pixels: each one is to be seen.
void preview_image(struct preview *p, const char *type, bool pixels, const uint8_t *s, size_t len);
// Whether an array looks like a picture (height x width of uint8, or with 3 or 4 channels), and an <img> of one.
bool array_is_picture(const struct npy_array *a);
void preview_picture(struct preview *p, const struct npy_array *a);

// A paragraph: "note" for what is said about the value, "bad" for what went wrong. Both escape the text.
void preview_note(struct buf *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void preview_bad(struct buf *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
// Where to cut a UTF-8 text so that at most `max` bytes stay and no character is cut.
size_t utf8_cut(const uint8_t *s, size_t len, size_t max);
// "1.5 KiB"
void put_size(struct buf *out, uint64_t size);
// A value as at most about `max` bytes on one line: a scalar's text, a str as it is, else the beginning of its JSON.
// *ret_cut: there is more.
void value_line(struct buf *out, const struct value *v, size_t max, struct cancel *cancel, bool *ret_cut);

// A sink that keeps the first bytes up to the buffer's maximum, which has to be set, and stops there.
struct head_sink {
    struct sink sink;
    struct buf *buf;
    bool cut;
};
struct head_sink head_sink_to(struct buf *buf);

#endif
