// Opening an artifact: the natural form, the stored bytes, the unpickled value. The forms that are
// rendered are in client/artifact_render.c.
#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "client/artifact_i.h"
#include "client/included.h"

// Up to this size an open waits for the whole and its digest, so that a corrupt blob fails there.
#define WHOLE_AT_OPEN (1024 * 1024)
// Whoever reads one artifact after the other opens the next before the kernel has said that the last was closed.
#define LET_GO_MS 1000

static errc get_blob(const struct artifact_env *env, const struct artifact *a, struct cancel *cancel,
                     struct staged **ret, struct err *err)
{
    struct blob_source src = {.store = env->store,
                              .staging = env->staging,
                              .flow = env->flow,
                              .sha = a->sha,
                              .expected = a->size > WHOLE_AT_OPEN ? (uint64_t)a->size : 0,
                              .wait_ms = LET_GO_MS,
                              .cancel = cancel};
    return blob_get(&src, ret, err);
}

static errc wait_end(struct staged *staged, struct cancel *cancel, uint64_t *ret_len,
                     struct err *err)
{
    bool ended;
    return staged_wait(staged, UINT64_MAX, cancel, ret_len, &ended, err);
}

errc artifact_open_stored(const struct artifact_env *env, const struct artifact *a,
                          struct cancel *cancel, struct content **ret, struct err *err)
{
    size_t known_len;
    const uint8_t *known = a->sha ? blob_known(a->sha, &known_len) : NULL;
    if (known) {
        *ret = content_of_bytes(env->staging, known, known_len);
        return ERR_OK;
    }
    auto_cleanup(staged_unrefp) struct staged *staged = NULL;
    errc e = get_blob(env, a, cancel, &staged, err);
    if (e != ERR_OK)
        return e;
    if (a->size > WHOLE_AT_OPEN) {
        uint64_t avail;
        bool ended;
        e = staged_wait(staged, 1, cancel, &avail, &ended, err);
        if (e == ERR_OK && !ended) {
            *ret = content_of_expected(steal_ptr(&staged), 0, (uint64_t)a->size, (uint64_t)a->size);
            return ERR_OK;
        }
    }
    uint64_t len = 0;
    if (e == ERR_OK)
        e = wait_end(staged, cancel, &len, err);
    if (e == ERR_OK)
        *ret = content_of(steal_ptr(&staged), 0, len);
    return e;
}

// Where the text is, once the first bytes are there; found is false when they are not simply a
// text.
static errc find_span(struct staged *staged, struct cancel *cancel, struct text_span *span,
                      bool *ret_found, struct err *err)
{
    uint8_t head[TEXT_HEAD_BYTES];
    uint64_t avail;
    bool ended;
    size_t got = 0;
    errc e = staged_wait(staged, sizeof head, cancel, &avail, &ended, err);
    if (e == ERR_OK)
        e = staged_pread(staged, 0, head, sizeof head, &got, err);
    if (e == ERR_OK)
        *ret_found = text_span_parse(head, got, span);
    return e;
}

// With the whole there: whether the text is followed by nothing but the end of the pickle.
static errc check_tail(struct staged *staged, uint64_t len, const struct text_span *span,
                       bool *ret_ok, struct err *err)
{
    uint8_t tail[8];
    size_t got = 0;
    *ret_ok = false;
    if (span->off + span->len >= len)
        return ERR_OK;
    errc e = staged_pread(staged, span->off + span->len, tail, sizeof tail, &got, err);
    if (e == ERR_OK)
        *ret_ok = text_span_tail_ok(tail, got);
    return e;
}

// The text as a range of the stored pickle; *ret stays NULL where it is not one.
static errc open_text(const struct artifact_env *env, const struct artifact *a,
                      struct cancel *cancel, struct content **ret, struct err *err)
{
    auto_cleanup(staged_unrefp) struct staged *staged = NULL;
    struct text_span span;
    bool found = false;
    errc e = get_blob(env, a, cancel, &staged, err);
    if (e == ERR_OK)
        e = find_span(staged, cancel, &span, &found, err);
    if (e != ERR_OK || !found)
        return e;
    uint64_t total = text_span_total(&span);
    if (a->size > WHOLE_AT_OPEN && (uint64_t)a->size == total &&
        !staged_ready(staged, UINT64_MAX)) {
        *ret = content_of_expected(steal_ptr(&staged), span.off, span.len, total);
        return ERR_OK;
    }
    uint64_t len = 0;
    e = wait_end(staged, cancel, &len, err);
    if (e == ERR_OK)
        e = check_tail(staged, len, &span, &found, err);
    if (e == ERR_OK && found)
        *ret = content_of(steal_ptr(&staged), span.off, span.len);
    return e;
}

errc artifact_open_natural(const struct artifact_env *env, const struct artifact *a,
                           struct cancel *cancel, struct content **ret, struct err *err)
{
    enum natural_form form = artifact_form(a);
    size_t known_len;
    if (form == NATURAL_STORED)
        return artifact_open_stored(env, a, cancel, ret, err);
    if (form == NATURAL_INCLUDED)
        return included_open(env, a, cancel, ret, err);
    if (form == NATURAL_TEXT && !(a->sha && blob_known(a->sha, &known_len))) {
        struct content *text = NULL;
        errc e = open_text(env, a, cancel, &text, err);
        if (e != ERR_OK)
            return e;
        if (text) {
            *ret = text;
            return ERR_OK;
        }
    }
    return artifact_render(env, a, (enum render_as)form, cancel, ret, err);
}

// --- values --------------------------------------------------------------------------------------

// Waits for the end without ever taking in more than max bytes.
static errc stage_value(const struct artifact_env *env, const struct artifact *a, size_t max,
                        struct cancel *cancel, struct artifact_value *v, struct err *err)
{
    errc e = get_blob(env, a, cancel, &v->staged, err);
    uint64_t avail = 0;
    bool ended = false;
    if (e == ERR_OK && max < INT64_MAX)
        e = staged_wait(v->staged, (uint64_t)max + 1, cancel, &avail, &ended, err);
    if (e == ERR_OK && avail > max)
        return err_set(err, ERR_LIMIT, "%.200s: its pickle is larger than %zu bytes", a->name, max);
    if (e == ERR_OK)
        e = wait_end(v->staged, cancel, &avail, err);
    return e == ERR_OK ? staged_map(v->staged, &v->data, &v->len, err) : e;
}

errc artifact_load(const struct artifact_env *env, const struct artifact *a, size_t max_bytes,
                   struct cancel *cancel, struct artifact_value *ret, struct err *err)
{
    if (!artifact_is_pickle(a))
        return err_set(err, ERR_NO_FORM, "%.200s is stored as \"%.100s\", which is no pickle",
                       a->name, a->encoding);
    auto_cleanup(artifact_value_free) struct artifact_value v = {0};
    v.data = a->sha ? blob_known(a->sha, &v.len) : NULL;
    errc e = v.data ? ERR_OK : stage_value(env, a, max_bytes, cancel, &v, err);
    if (e == ERR_OK)
        e = pickle_read(v.data, v.len, &(struct pickle_limits){0}, cancel, &v.pickle, err);
    if (e != ERR_OK)
        return e;
    *ret = v;
    v = (struct artifact_value){0};
    return ERR_OK;
}

void artifact_value_free(struct artifact_value *v)
{
    pickle_free(v->pickle);
    if (v->staged) {
        if (v->data)
            staged_unmap(v->staged, v->data, v->len);
        staged_unref(v->staged);
    }
    *v = (struct artifact_value){0};
}
