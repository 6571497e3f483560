// Values as text: the natural form and JSON of DESIGN.md section 3. Rendering does not recurse on the
// value's depth (limit: 2,000 levels), writes at most 16 GiB and looks at its token meanwhile, because
// shared references let a small pickle hold an endless text.
//
// What section 3 leaves open is decided so: __ref__ is the place where the value began, "$" for the whole,
// ".name" for a member with a plain name, "[\"a b\"]" for another, "[0]" for an item. A set that cannot be
// sorted has the pickle's order. Keys that have no literal are their text ("2020-01-02"), or
// module.Class(value) for an enum member. Subclasses of list and dict are their items. float16 and float32
// have their own width everywhere. A datetime whose zone is only named gets its offset from the system's
// time zone database, or "[Zone/Name]" where that does not know it. Integers of more than 64 KiB
// (157,000 digits) are not converted: UnsupportedType in JSON, ERR_NO_FORM as a line.
#ifndef CLIENT_RENDER_H
#define CLIENT_RENDER_H

#include "base/buf.h"
#include "base/cancel.h"
#include "base/err.h"
#include "base/sink.h"
#include "client/pickle.h"

enum natural_form {
    NATURAL_STORED,   // the stored bytes themselves
    NATURAL_TEXT,     // str: its UTF-8; bytes, bytearray: the bytes. Nothing added
    NATURAL_LINE,     // one line of text with a final newline: None, bool, int, float, the scalar types
    NATURAL_JSON,     // containers: indented JSON with a final newline
    NATURAL_INCLUDED, // an included file: the file's own bytes (client/included.h)
};

// The form of a recorded type, Python's str(type(x)) as data.json has it: "<class 'str'>",
// "<class 'numpy.float32'>", "<class 'collections.OrderedDict'>". Unknown types are NATURAL_STORED.
enum natural_form natural_form_of(const char *recorded_type);

// Writes the value in that form (TEXT, LINE or JSON). A value that turns out to be of another kind
// than the recorded type said is rendered as JSON. ERR_NO_FORM with a cause where the text cannot be
// made. A sink that stops ends it with ERR_INTERRUPTED (the sink has the reason).
errc render_natural(const struct value *v, enum natural_form form, struct cancel *cancel,
                    struct sink *sink, struct err *err) ERR_MUST_CHECK;
// Indented JSON by the JSON rules, with a final newline.
errc render_json(const struct value *v, struct cancel *cancel, struct sink *sink,
                 struct err *err) ERR_MUST_CHECK;
// One scalar as text without newline (int, float repr, datetime isoformat, Decimal, ...; a str is its
// own text): true when v is such a scalar. Used by metadata that needs a value as text (foreach index,
// exceptions).
bool render_scalar(const struct value *v, struct buf *out);

#endif
