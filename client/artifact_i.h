// What the files of client/artifact*.c share; nobody else includes it.
#ifndef CLIENT_ARTIFACT_I_H
#define CLIENT_ARTIFACT_I_H

#include "client/artifact.h"

// Whether our reader reads this encoding: pickle-v<N> or gzip+pickle-v<N>; NULL is Metaflow's
// default.
bool artifact_is_pickle(const struct artifact *a);
enum natural_form artifact_form(const struct artifact *a);

// What a rendered form is rendered as: a natural form, or JSON whatever the natural form is.
enum render_as {
    RENDER_TEXT = NATURAL_TEXT,
    RENDER_LINE = NATURAL_LINE,
    RENDER_NATURAL_JSON = NATURAL_JSON,
    RENDER_JSON = 100,
    RENDER_INCLUDED_JSON, // of the included file's content
    RENDER_CSV,
    RENDER_NPY,
};
errc artifact_render(const struct artifact_env *env, const struct artifact *a, enum render_as as,
                     struct cancel *cancel, struct content **ret, struct err *err) ERR_MUST_CHECK;

// Where the text of a str or bytes is in its pickle, as far as the first bytes tell.
struct text_span {
    uint64_t off, len;
    unsigned protocol;
};
#define TEXT_HEAD_BYTES 24
// From the first bytes of a pickle (`len` of them, the whole or at least TEXT_HEAD_BYTES). False
// where it is not simply one str or bytes.
bool text_span_parse(const uint8_t *head, size_t len, struct text_span *ret);
// Length of the pickle when what Python's pickler puts behind the text is behind it.
uint64_t text_span_total(const struct text_span *span);
// Whether the bytes behind the text only put it in the memo, if that, and stop.
bool text_span_tail_ok(const uint8_t *tail, size_t len);

// Size of the text from the size of the pickle; false where it does not follow.
bool text_size_of_pickle(unsigned protocol, uint64_t pickle, uint64_t *ret);

#endif
