// Small things about values that readers of tables need.
#include <string.h>

#include "client/frame_i.h"

const struct value *seq_at(const struct value *seq, size_t i)
{
    if (!seq || (seq->kind != VALUE_TUPLE && seq->kind != VALUE_LIST) || i >= seq->u.seq.len)
        return NULL;
    return seq->u.seq.items[i];
}

bool seq_items(const struct value *v, struct value *const **ret, size_t *ret_len)
{
    if (v && v->kind == VALUE_CALL)
        v = v->u.call.items ? v->u.call.items : seq_at(v->u.call.args, 0);
    if (!v || (v->kind != VALUE_TUPLE && v->kind != VALUE_LIST))
        return false;
    *ret = v->u.seq.items;
    *ret_len = v->u.seq.len;
    return true;
}

const struct value *called_global(const struct value *v)
{
    if (!v || v->kind != VALUE_CALL || v->u.call.callee->kind != VALUE_GLOBAL)
        return NULL;
    return v->u.call.callee;
}

const struct value *made_class(const struct value *v)
{
    const struct value *callee = called_global(v);
    if (!callee || v->u.call.is_new)
        return callee;
    const struct value *first = seq_at(v->u.call.args, 0);
    return first && first->kind == VALUE_GLOBAL ? first : callee;
}

bool global_is(const struct value *global, const char *package, const char *name)
{
    if (!global || global->kind != VALUE_GLOBAL || strcmp(global->u.global.name, name) != 0)
        return false;
    size_t n = strlen(package);
    const char *module = global->u.global.module;
    return strncmp(module, package, n) == 0 && (module[n] == '\0' || module[n] == '.');
}

const struct value *none_is_null(const struct value *v)
{
    return v && v->kind == VALUE_NONE ? NULL : v;
}

bool range_len(int64_t start, int64_t stop, int64_t step, size_t *ret)
{
    if (step == 0)
        return false;
    __int128 span = step > 0 ? (__int128)stop - start : (__int128)start - stop;
    __int128 each = step > 0 ? step : -(__int128)step, n = span > 0 ? (span + each - 1) / each : 0;
    *ret = (size_t)n;
    return n <= INT64_MAX;
}
