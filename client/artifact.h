// One artifact as a file: which form it has, how big it is before it is opened, and its content.
#ifndef CLIENT_ARTIFACT_H
#define CLIENT_ARTIFACT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cancel.h"
#include "client/blob.h"
#include "client/content.h"
#include "client/render.h"

// What is known of an artifact from metadata and the task's data.json.
struct artifact {
    char *name, *sha;
    char *type;     // recorded type, or "object" when none is recorded
    char *encoding; // "pickle-v4", "gzip+pickle-v2", ...
    int64_t size;   // recorded size of the stored bytes, or -1 when none is recorded
    int64_t created_ms;
    char *location; // as recorded, or NULL
};

struct artifact_size {
    uint64_t size;
    bool exact; // false: OPEN will tell
};

// Size of the natural form, or of the stored bytes, without reading the artifact (a text's
// length follows from its pickle's; built-in values are known; the rest shows what is recorded).
struct artifact_size artifact_natural_size(const struct artifact *a);
struct artifact_size artifact_stored_size(const struct artifact *a);

struct artifact_env {
    struct store *store; // where the flow's blobs are; borrowed, outlives the content
    struct staging *staging;
    const char *flow;
};

// Waits until the size is known exactly (for JSON, lines and included files: until it is rendered).
// An encoding that is no pickle has its stored bytes as natural form. A big text or stored form may
// still be arriving: then its size is exact, and an end that does not match it, or the SHA-1, is
// ERR_CORRUPT of the read that reaches the end.
errc artifact_open_natural(const struct artifact_env *env, const struct artifact *a,
                           struct cancel *cancel, struct content **ret,
                           struct err *err) ERR_MUST_CHECK;
// Its value as JSON, whatever the natural form is (an included file: its content as text or
// base64). An encoding that is no pickle is ERR_NO_FORM naming it; so below.
errc artifact_open_json(const struct artifact_env *env, const struct artifact *a,
                        struct cancel *cancel, struct content **ret,
                        struct err *err) ERR_MUST_CHECK;
// As a table in CSV (client/csv.h), and as a .npy file (client/npy.h): rendered once, a second open costs nothing.
// ERR_NO_FORM with a cause where the value has no such form.
errc artifact_open_csv(const struct artifact_env *env, const struct artifact *a, struct cancel *cancel,
                       struct content **ret, struct err *err) ERR_MUST_CHECK;
errc artifact_open_npy(const struct artifact_env *env, const struct artifact *a, struct cancel *cancel,
                       struct content **ret, struct err *err) ERR_MUST_CHECK;
// Writes one of these forms into `sink` as it is made: nothing but the blob is staged, nothing is shared with opens.
// Stopped by the sink: ERR_INTERRUPTED.
enum artifact_form { ARTIFACT_JSON, ARTIFACT_CSV, ARTIFACT_NPY };
errc artifact_stream(const struct artifact_env *env, const struct artifact *a, enum artifact_form form,
                     struct cancel *cancel, struct sink *sink, struct err *err) ERR_MUST_CHECK;
// Whether the recorded type is one that has these forms: pandas' DataFrame, Series and kinds of Index and of array, and
// numpy's array; for npy numpy's scalars too.
bool artifact_has_csv(const struct artifact *a);
bool artifact_has_npy(const struct artifact *a);
errc artifact_open_stored(const struct artifact_env *env, const struct artifact *a,
                          struct cancel *cancel, struct content **ret,
                          struct err *err) ERR_MUST_CHECK;

// The unpickled value, for metadata that needs one (_graph_info, _foreach_stack, _exception). The
// pickle is freed by the caller with artifact_value_free, which also lets go of its bytes.
struct artifact_value {
    struct pickle *pickle;
    struct staged *staged;
    const uint8_t *data;
    size_t len;
};
errc artifact_load(const struct artifact_env *env, const struct artifact *a, size_t max_bytes,
                   struct cancel *cancel, struct artifact_value *ret,
                   struct err *err) ERR_MUST_CHECK;
void artifact_value_free(struct artifact_value *v);

#endif
