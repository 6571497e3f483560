// Forms that are rendered: once, in a producer, into the staging area; a second open costs nothing.
#include <string.h>

#include "base/mem.h"
#include "client/artifact_i.h"
#include "client/csv.h"
#include "client/included.h"
#include "client/npy.h"
#include "client/pickle_reader.h"
#include "client/piece_sink.h"

#define KNOWN_MAX (64 * 1024)

struct render_job {
    struct store *store;
    struct staging *staging;
    char *flow, *name, *sha, *encoding;
    enum render_as as;
};

static void job_free(void *arg)
{
    struct render_job *job = arg;
    free(job->flow);
    free(job->name);
    free(job->sha);
    free(job->encoding);
    free(job);
}

static errc render_csv(const struct value *v, struct cancel *cancel, struct sink *sink, struct err *err)
{
    auto_cleanup(frame_freep) struct frame *f = NULL;
    errc e = frame_of(v, cancel, &f, err);
    return e ? e : csv_write(f, cancel, sink, err);
}

// most: of the bytes of text that .npy makes wider than they are.
static errc render(const struct value *v, enum render_as as, uint64_t most, struct cancel *cancel,
                   struct sink *sink, struct err *err)
{
    if (as == RENDER_JSON)
        return render_json(v, cancel, sink, err);
    if (as == RENDER_NPY)
        return npy_write(v, most, cancel, sink, err);
    if (as == RENDER_CSV)
        return render_csv(v, cancel, sink, err);
    return render_natural(v, (enum natural_form)as, cancel, sink, err);
}

static errc check_pickle(const struct artifact *a, struct err *err)
{
    if (artifact_is_pickle(a))
        return ERR_OK;
    return err_set(err, ERR_NO_FORM, "%.200s is stored as \"%.100s\", which is no pickle", a->name, a->encoding);
}

static errc render_pickle(const struct artifact_env *env, const struct artifact *a,
                          enum render_as as, struct cancel *cancel, struct piece_sink *p,
                          struct err *err)
{
    auto_cleanup(artifact_value_free) struct artifact_value value = {0};
    errc e = artifact_load(env, a, SIZE_MAX, cancel, &value, err);
    if (e != ERR_OK)
        return e;
    piece_sink_bound(p, value.len);
    return render(pickle_root(value.pickle), as, p->left, cancel, &p->sink, err);
}

// The content of an included file is a str where it is text, as JSON has no other bytes.
static errc render_included(const struct artifact_env *env, const struct artifact *a,
                            struct cancel *cancel, struct sink *sink, struct err *err)
{
    auto_cleanup(staged_unrefp) struct staged *body = NULL;
    struct value v = {.kind = VALUE_STR};
    errc e = included_stage(env, a, cancel, &body, err);
    if (e == ERR_OK)
        e = staged_map(body, &v.u.bytes.data, &v.u.bytes.len, err);
    if (e != ERR_OK)
        return e;
    if (!pickle_utf8_valid(v.u.bytes.data, v.u.bytes.len, false))
        v.kind = VALUE_BYTES;
    e = render_json(&v, cancel, sink, err);
    staged_unmap(body, v.u.bytes.data, v.u.bytes.len);
    return e;
}

static errc job_produce(void *arg, struct staged *to, struct err *err)
{
    const struct render_job *job = arg;
    struct artifact_env env = {.store = job->store, .staging = job->staging, .flow = job->flow};
    struct artifact a = {.name = job->name, .sha = job->sha, .encoding = job->encoding, .size = -1};
    auto_free struct piece_sink *p = piece_sink_new(to);
    errc e = job->as == RENDER_INCLUDED_JSON
                 ? render_included(&env, &a, staged_cancel(to), &p->sink, err)
                 : render_pickle(&env, &a, job->as, staged_cancel(to), p, err);
    return piece_sink_end(p, e, err);
}

// A built-in value needs neither the store nor the staging table.
static errc render_known(const struct artifact_env *env, const struct artifact *a,
                         enum render_as as, struct cancel *cancel, struct content **ret,
                         struct err *err)
{
    auto_cleanup(artifact_value_free) struct artifact_value value = {0};
    errc e = artifact_load(env, a, KNOWN_MAX, cancel, &value, err);
    if (e != ERR_OK)
        return e;
    auto_cleanup(buf_free) struct buf buf = {.max = KNOWN_MAX};
    struct buf_sink sink = sink_to_buf(&buf);
    e = render(pickle_root(value.pickle), as, NPY_ANY, cancel, &sink.sink, err);
    if (e == ERR_OK)
        *ret = content_of_bytes(env->staging, buf.data ? buf.data : "", buf.len);
    return e;
}

static errc wait_content(struct staged *staged, struct cancel *cancel, struct content **ret,
                         struct err *err)
{
    uint64_t avail;
    bool ended;
    errc e = staged_wait(staged, UINT64_MAX, cancel, &avail, &ended, err);
    if (e == ERR_OK)
        *ret = content_of(staged, 0, UINT64_MAX);
    else
        staged_unref(staged);
    return e;
}

errc artifact_render(const struct artifact_env *env, const struct artifact *a, enum render_as as,
                     struct cancel *cancel, struct content **ret, struct err *err)
{
    size_t len;
    errc bad = check_pickle(a, err);
    if (bad != ERR_OK)
        return bad;
    if (!blob_key_is_valid(a->sha))
        return err_set(err, ERR_CORRUPT, "the key of %.200s is not 40 hex digits: \"%.100s\"",
                       a->name, a->sha ? a->sha : "");
    if (blob_known(a->sha, &len))
        return render_known(env, a, as, cancel, ret, err);
    // An included file's body may be one that can change, so its rendering is not shared.
    auto_free char *key = as == RENDER_INCLUDED_JSON
                              ? NULL
                              : mem_printf("natural:%s/%s:%d", env->flow, a->sha, (int)as);
    struct render_job *job = mem_zalloc(sizeof *job);
    *job = (struct render_job){
        .store = env->store,
        .staging = env->staging,
        .flow = mem_strdup(env->flow),
        .name = mem_strdup(a->name),
        .sha = mem_strdup(a->sha),
        .encoding = mem_strdup(a->encoding),
        .as = as,
    };
    struct staging_request rq = {
        .key = key, .produce = job_produce, .arg = job, .free_arg = job_free, .patient = true};
    struct staged *staged;
    errc e = staging_get(env->staging, &rq, &staged, err);
    return e == ERR_OK ? wait_content(staged, cancel, ret, err) : e;
}

errc artifact_stream(const struct artifact_env *env, const struct artifact *a, enum artifact_form form,
                     struct cancel *cancel, struct sink *sink, struct err *err)
{
    static const enum render_as as[] = {
        [ARTIFACT_JSON] = RENDER_JSON, [ARTIFACT_CSV] = RENDER_CSV, [ARTIFACT_NPY] = RENDER_NPY};
    errc e = check_pickle(a, err);
    if (e == ERR_OK && form == ARTIFACT_JSON && artifact_form(a) == NATURAL_INCLUDED)
        return render_included(env, a, cancel, sink, err);
    auto_cleanup(artifact_value_free) struct artifact_value value = {0};
    if (e == ERR_OK)
        e = artifact_load(env, a, SIZE_MAX, cancel, &value, err);
    return e == ERR_OK ? render(pickle_root(value.pickle), as[form], NPY_ANY, cancel, sink, err) : e;
}

errc artifact_open_csv(const struct artifact_env *env, const struct artifact *a, struct cancel *cancel,
                       struct content **ret, struct err *err)
{
    return artifact_render(env, a, RENDER_CSV, cancel, ret, err);
}

errc artifact_open_npy(const struct artifact_env *env, const struct artifact *a, struct cancel *cancel,
                       struct content **ret, struct err *err)
{
    return artifact_render(env, a, RENDER_NPY, cancel, ret, err);
}

errc artifact_open_json(const struct artifact_env *env, const struct artifact *a,
                        struct cancel *cancel, struct content **ret, struct err *err)
{
    bool included = artifact_form(a) == NATURAL_INCLUDED;
    return artifact_render(env, a, included ? RENDER_INCLUDED_JSON : RENDER_JSON, cancel, ret, err);
}
