// Metadata that is kept in artifacts: outcomes, exceptions and places in a foreach.
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "client/blob.h"
#include "client/model_i.h"

#define MAX_VALUE (64u * 1024 * 1024)

// SHA-1 of the pickles of True, False and None at protocols 2 to 5.
static const char *const true_keys[] = {
    "69e77141c3eb7a8c9ce864251d70c02723f29332", "bb199900e39bfcc0170a164fe9bb9cc84312499c",
    "868436778cb011a1c6230bc12534683ab0b7f1c3", "06dc8621801a29ac5e0d127c987fff12a8b60696", NULL};
static const char *const false_keys[] = {
    "caa40ab420354941d2127f64360105b8548b8802", "6ddaf21da2d54b976af53fef46b44a828ce32847",
    "2473d4676d5b2aba674167293142f8031ada401b", "eefbc401f26b49af1f788d3c430e131e109d96a3", NULL};
static const char *const none_keys[] = {
    "f3627f46179fdd95bf0e83101840fd1d71b60e40", "38f65f3b11da4851aaaccc19b1f0cf4d3806f83b",
    "dbc1aaddc8b7343d6d33b34edcf608b8f8801918", "f7a1473fbfe59b0061e290207fcc6dab0a9dfaff", NULL};

static bool is_one_of(const char *sha, const char *const *keys)
{
    for (; *keys; keys++) {
        if (strcmp(*keys, sha) == 0) {
            return true;
        }
    }
    return false;
}

bool sha_is_none(const char *sha)
{
    return is_one_of(sha, none_keys);
}

int sha_truth(const char *sha)
{
    if (is_one_of(sha, true_keys)) {
        return 1;
    }
    return is_one_of(sha, false_keys) || sha_is_none(sha) ? 0 : -1;
}

errc model_load(struct client *c, const struct pathspec *task, const struct artifact *a,
                struct cancel *cancel, struct artifact_value *ret, struct err *err)
{
    struct artifact_env env = client_artifact_env(c, task);
    errc code = artifact_load(&env, a, MAX_VALUE, cancel, ret, err);
    if (code) {
        auto_free char *path = pathspec_text(task);
        return err_prefix(err, "%s of task %s", a->name, path);
    }
    return ERR_OK;
}

static bool value_truth(const struct value *v)
{
    switch (v->kind) {
    case VALUE_NONE:
        return false;
    case VALUE_BOOL:
        return v->u.boolean;
    case VALUE_INT:
        return v->u.integer != 0;
    default:
        return true;
    }
}

errc model_truth(struct client *c, const struct pathspec *task, const struct artifact *a,
                 struct cancel *cancel, int *ret, struct err *err)
{
    int known = sha_truth(a->sha);
    if (known >= 0) {
        *ret = known;
        return ERR_OK;
    }
    auto_cleanup(artifact_value_free) struct artifact_value v = {0};
    errc code = model_load(c, task, a, cancel, &v, err);
    if (!code) {
        *ret = value_truth(pickle_root(v.pickle));
    }
    return code;
}

char *value_text(const struct value *v)
{
    return v && v->kind == VALUE_STR ? mem_strndup((const char *)v->u.bytes.data, v->u.bytes.len) : NULL;
}

// --- exceptions -------------------------------------------------------------------------------------

// Python's str() of a member of a plain exception record.
static char *member_text(const struct value *state, const char *key)
{
    const struct value *v = value_dict_get(state, key);
    if (!v || v->kind == VALUE_NONE) {
        return mem_strdup("None");
    }
    if (v->kind == VALUE_STR) {
        return value_text(v);
    }
    struct buf text = {0};
    if (!render_scalar(v, &text)) {
        char name[200];
        value_type_name(v, name, sizeof(name));
        buf_puts(&text, name);
    }
    return buf_steal(&text);
}

// What Python's str() gives of a MetaflowExceptionWrapper; any other value by its type's name.
static char *exception_text(const struct value *v)
{
    if (v->kind == VALUE_NONE) {
        return NULL;
    }
    const struct value *state = v->kind == VALUE_CALL ? v->u.call.state : NULL;
    if (state && state->kind == VALUE_DICT && value_is_call(v, "metaflow.exception", "MetaflowExceptionWrapper")) {
        const struct value *trace = value_dict_get(state, "stacktrace");
        if (trace && trace->kind == VALUE_STR && trace->u.bytes.len) {
            return value_text(trace);
        }
        auto_free char *type = member_text(state, "type");
        auto_free char *message = member_text(state, "exception");
        return mem_printf("[no stacktrace]\n%s: %s", type, message);
    }
    if (v->kind == VALUE_STR) {
        return value_text(v);
    }
    struct buf text = {0};
    if (!render_scalar(v, &text)) {
        char name[200];
        value_type_name(v, name, sizeof(name));
        buf_puts(&text, name);
    }
    return buf_steal(&text);
}

errc client_exception(struct client *c, const struct pathspec *task, int attempt, struct cancel *cancel,
                      char **ret, struct err *err)
{
    auto_cleanup(artifact_clear) struct artifact a = {0};
    errc code = model_check_ns(c, task, cancel, err);
    if (!code) {
        code = model_artifact(c, task, attempt, "_exception", cancel, &a, NULL, err);
    }
    if (code == ERR_NOT_FOUND || (!code && sha_is_none(a.sha))) {
        *ret = NULL;
        return ERR_OK;
    }
    auto_cleanup(artifact_value_free) struct artifact_value v = {0};
    if (!code) {
        code = model_load(c, task, &a, cancel, &v, err);
    }
    if (!code) {
        *ret = exception_text(pickle_root(v.pickle));
    }
    return code;
}

bool model_has_exception(struct client *c, const struct pathspec *task, int attempt, struct cancel *cancel)
{
    auto_cleanup(artifact_clear) struct artifact a = {0};
    struct err err = ERR_INIT;
    errc code = model_artifact(c, task, attempt, "_exception", cancel, &a, NULL, &err);
    return code ? code != ERR_NOT_FOUND : !sha_is_none(a.sha);
}

// --- the place in a foreach -------------------------------------------------------------------------

struct index_snap {
    struct snap snap;
    char *text; // owned; NULL outside of a foreach
};

static void index_destroy(struct snap *s)
{
    free(((struct index_snap *)s)->text);
    free(s);
}

// A frame is a named tuple (step, var, num_splits, index, value), or such a plain tuple.
static const struct value *frame_index(const struct value *frame)
{
    if (frame->kind == VALUE_CALL) {
        frame = frame->u.call.args;
    }
    bool is_seq = frame && (frame->kind == VALUE_TUPLE || frame->kind == VALUE_LIST);
    return is_seq && frame->u.seq.len > 3 ? frame->u.seq.items[3] : NULL;
}

// "2", or "2.0" when nested; NULL for an empty stack or one that is none.
static char *stack_text(const struct value *stack)
{
    if (stack->kind != VALUE_LIST && stack->kind != VALUE_TUPLE) {
        return NULL;
    }
    auto_cleanup(buf_free) struct buf text = {0};
    for (size_t i = 0; i < stack->u.seq.len; i++) {
        const struct value *index = frame_index(stack->u.seq.items[i]);
        if (!index || index->kind != VALUE_INT || !render_scalar(index, &text)) {
            return NULL;
        }
        if (i + 1 < stack->u.seq.len) {
            buf_putc(&text, '.');
        }
    }
    return text.len ? buf_steal(&text) : NULL;
}

// The same of a foreach-execution-path, "a:2,b:0".
static char *path_text(const char *path)
{
    auto_cleanup(buf_free) struct buf text = {0};
    for (const char *p = path; p && *p;) {
        size_t part = strcspn(p, ",");
        const char *colon = memrchr(p, ':', part);
        if (!colon) {
            return NULL;
        }
        buf_put(&text, colon + 1, part - (size_t)(colon + 1 - p));
        p += part;
        if (*p) {
            buf_putc(&text, '.');
            p++;
        }
    }
    return text.len ? buf_steal(&text) : NULL;
}

struct load {
    struct client *c;
    const struct pathspec *ps;
};

static errc load_index(void *arg, struct cancel *cancel, struct snap **ret, int64_t *ret_ttl_ms,
                       struct err *err)
{
    const struct load *l = arg;
    auto_cleanup(artifact_clear) struct artifact a = {0};
    auto_free char *text = NULL;
    bool settled = false;
    errc code = model_artifact(l->c, l->ps, -1, "_foreach_stack", cancel, &a, NULL, err);
    if (!code && !sha_is_none(a.sha)) {
        auto_cleanup(artifact_value_free) struct artifact_value v = {0};
        code = model_load(l->c, l->ps, &a, cancel, &v, err);
        text = code ? NULL : stack_text(pickle_root(v.pickle));
        settled = !code && model_is_settled(l->c, a.created_ms);
    } else if (code == ERR_NOT_FOUND) { // not done yet: what it said at its start
        auto_cleanup(meta_records_free) struct meta_records records = {0};
        code = model_meta_field(l->c, l->ps, "foreach-execution-path", cancel, &records, err);
        const struct meta_record *r =
            code ? NULL : records_newest(records.items, records.len, "foreach-execution-path", -1);
        text = path_text(r ? r->value : NULL);
    }
    if (code) {
        return code;
    }
    struct index_snap *is = mem_zalloc(sizeof(*is));
    snap_init(&is->snap, sizeof(*is) + str_bytes(text), index_destroy);
    is->text = steal_ptr(&text);
    *ret = &is->snap;
    *ret_ttl_ms = model_ttl(l->c, settled);
    return ERR_OK;
}

errc client_foreach_index(struct client *c, const struct pathspec *task, struct cancel *cancel,
                          char **ret, struct err *err)
{
    errc code = model_check_ns(c, task, cancel, err);
    if (code) {
        return code;
    }
    struct load l = {c, task};
    struct snap *s;
    code = model_recent_get(c, MODEL_INDEX, task, -1, load_index, &l, cancel, &s, err);
    if (!code) {
        *ret = mem_strdup(((struct index_snap *)s)->text);
        snap_unref(s);
    }
    return code;
}

static bool has_unread_stack(struct client *c, const struct pathspec *task, struct cancel *cancel)
{
    auto_cleanup(artifact_clear) struct artifact a = {0};
    struct err err = ERR_INIT;
    size_t known;
    errc code = model_artifact(c, task, -1, "_foreach_stack", cancel, &a, NULL, &err);
    return !code && !sha_is_none(a.sha) && !blob_known(a.sha, &known);
}

bool model_has_index(struct client *c, const struct pathspec *task, const char *path, struct cancel *cancel)
{
    // Both are written from the same stack: where its place was recorded it is not empty.
    if (path && *path && has_unread_stack(c, task, cancel)) {
        return true;
    }
    auto_free char *index = NULL;
    struct err err = ERR_INIT;
    return client_foreach_index(c, task, cancel, &index, &err) || index;
}
