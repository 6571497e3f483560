// The open containers of a JSON document that is being written.
#ifndef CLIENT_RENDER_WALK_H
#define CLIENT_RENDER_WALK_H

#include "client/render_parts.h"

struct frame;
struct level;

struct walk {
    struct out *out;
    struct buf text;            // scratch; empty between uses
    struct level *levels;       // owned, the innermost last
    size_t len, cap;
    const struct value **open;  // owned hash set of the values that are open
    size_t open_len, open_cap;
};

// Opens a container or instance whose contents stand at depth + 1; false when v is neither. Limits
// and missing memory fail w->out.
bool walk_open(struct walk *w, const struct value *v, unsigned depth);
// Opens an array of objects; a NULL: a numpy scalar around one object, which stands in its place.
void walk_open_grid(struct walk *w, const struct value *v, const struct npy_array *a, unsigned depth);
// Opens a table, which it takes over.
void walk_open_table(struct walk *w, const struct value *v, struct frame *table, unsigned depth);
// The next value to write and its depth, after what goes before it is written. False at the end.
bool walk_next(struct walk *w, const struct value **ret, unsigned *ret_depth);
bool walk_is_open(const struct walk *w, const struct value *v);
// Where an open value stands: "$" is the whole, ".name" a member with a plain name, "[\"a b\"]" any
// other member, "[0]" an item.
void walk_path(const struct walk *w, const struct value *v, struct buf *path);
void walk_free(struct walk *w);

#endif
