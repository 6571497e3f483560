// Opcodes that make containers, name globals, and call them (which here only notes the call).
#include "client/pickle_reader.h"

errc op_empty_list(struct reader *r)
{
    return reader_push(r, reader_new(r, VALUE_LIST));
}

errc op_empty_tuple(struct reader *r)
{
    return reader_push(r, reader_new(r, VALUE_TUPLE));
}

errc op_empty_dict(struct reader *r)
{
    return reader_push(r, reader_new(r, VALUE_DICT));
}

errc op_empty_set(struct reader *r)
{
    return reader_push(r, reader_new(r, VALUE_SET));
}

// The values above the last MARK become one sequence.
static errc seq_of_mark(struct reader *r, enum value_kind kind)
{
    size_t from;
    if (reader_pop_mark(r, &from))
        return r->err->code;
    struct value *v = reader_new_seq(r, kind, r->stack + from, r->stack_len - from);
    r->stack_len = from;
    return reader_push(r, v);
}

errc op_list(struct reader *r)
{
    return seq_of_mark(r, VALUE_LIST);
}

errc op_tuple(struct reader *r)
{
    return seq_of_mark(r, VALUE_TUPLE);
}

errc op_frozenset(struct reader *r)
{
    return seq_of_mark(r, VALUE_FROZENSET);
}

static errc tuple_of(struct reader *r, size_t n)
{
    size_t floor = r->marks_len ? r->marks[r->marks_len - 1] : 0;
    if (r->stack_len - floor < n)
        return reader_corrupt(r, "fewer than %zu values are on the stack", n);
    r->stack_len -= n;
    return reader_push(r, reader_new_seq(r, VALUE_TUPLE, r->stack + r->stack_len, n));
}

errc op_tuple1(struct reader *r)
{
    return tuple_of(r, 1);
}

errc op_tuple2(struct reader *r)
{
    return tuple_of(r, 2);
}

errc op_tuple3(struct reader *r)
{
    return tuple_of(r, 3);
}

errc op_dict(struct reader *r)
{
    size_t from;
    if (reader_pop_mark(r, &from))
        return r->err->code;
    size_t n = r->stack_len - from;
    if (n % 2)
        return reader_corrupt(r, "a key has no value");
    struct value *v = reader_new(r, VALUE_DICT);
    if (!v || (n > 0 && !reader_dict_add(r, v, r->stack + from, n / 2)))
        return reader_no_room(r);
    r->stack_len = from;
    return reader_push(r, v);
}

// The LIST or DICT in *slot of a call, made when first needed; NULL when there is no room.
static struct value *call_part(struct reader *r, struct value **slot, enum value_kind kind)
{
    if (!*slot)
        *slot = reader_new(r, kind);
    return *slot;
}

// The n values on top of the stack go into the list (or call of a list's subclass) below `from`.
static errc append_from(struct reader *r, size_t from, size_t target)
{
    struct value *v = r->stack[target];
    struct value *list = v->kind == VALUE_LIST ? v : NULL;
    if (v->kind == VALUE_CALL) {
        list = call_part(r, &v->u.call.items, VALUE_LIST);
        if (!list)
            return reader_no_room(r);
    }
    if (!list)
        return reader_corrupt(r, "there is no list to append to");
    if (!reader_seq_add(r, list, r->stack + from, r->stack_len - from))
        return reader_no_room(r);
    r->stack_len = from;
    return ERR_OK;
}

static errc set_from(struct reader *r, size_t from, size_t target)
{
    struct value *v = r->stack[target];
    struct value *dict = v->kind == VALUE_DICT ? v : NULL;
    size_t n = r->stack_len - from;
    if (n % 2)
        return reader_corrupt(r, "a key has no value");
    if (v->kind == VALUE_CALL) {
        dict = call_part(r, &v->u.call.pairs, VALUE_DICT);
        if (!dict)
            return reader_no_room(r);
    }
    if (!dict)
        return reader_corrupt(r, "there is no dict to set items of");
    if (!reader_dict_add(r, dict, r->stack + from, n / 2))
        return reader_no_room(r);
    r->stack_len = from;
    return ERR_OK;
}

// The container that opcodes on the values above the last MARK work on, directly below it.
static errc mark_target(struct reader *r, size_t *ret_from, size_t *ret_target)
{
    if (reader_pop_mark(r, ret_from))
        return r->err->code;
    size_t floor = r->marks_len ? r->marks[r->marks_len - 1] : 0;
    if (*ret_from <= floor)
        return reader_corrupt(r, "no container is below its MARK");
    *ret_target = *ret_from - 1;
    return ERR_OK;
}

// The container that an opcode on the last n values works on.
static errc last_target(struct reader *r, size_t n, size_t *ret_from, size_t *ret_target)
{
    size_t floor = r->marks_len ? r->marks[r->marks_len - 1] : 0;
    if (r->stack_len - floor < n + 1)
        return reader_corrupt(r, "fewer than %zu values are on the stack", n + 1);
    *ret_from = r->stack_len - n;
    *ret_target = *ret_from - 1;
    return ERR_OK;
}

errc op_append(struct reader *r)
{
    size_t from = 0, target = 0;
    return last_target(r, 1, &from, &target) ? r->err->code : append_from(r, from, target);
}

errc op_appends(struct reader *r)
{
    size_t from = 0, target = 0;
    return mark_target(r, &from, &target) ? r->err->code : append_from(r, from, target);
}

errc op_setitem(struct reader *r)
{
    size_t from = 0, target = 0;
    return last_target(r, 2, &from, &target) ? r->err->code : set_from(r, from, target);
}

errc op_setitems(struct reader *r)
{
    size_t from = 0, target = 0;
    return mark_target(r, &from, &target) ? r->err->code : set_from(r, from, target);
}

errc op_additems(struct reader *r)
{
    size_t from = 0, target = 0;
    if (mark_target(r, &from, &target))
        return r->err->code;
    struct value *v = r->stack[target];
    if (v->kind == VALUE_CALL)
        return append_from(r, from, target);
    if (v->kind != VALUE_SET)
        return reader_corrupt(r, "there is no set to add to");
    if (!reader_seq_add(r, v, r->stack + from, r->stack_len - from))
        return reader_no_room(r);
    r->stack_len = from;
    return ERR_OK;
}

errc op_global(struct reader *r)
{
    const uint8_t *module, *name;
    size_t module_len, name_len;
    if (reader_line(r, &module, &module_len) || reader_line(r, &name, &name_len))
        return r->err->code;
    return reader_push(r, reader_new_global(r, module, module_len, name, name_len));
}

errc op_stack_global(struct reader *r)
{
    struct value *name = reader_pop(r);
    struct value *module = name ? reader_pop(r) : NULL;
    if (!module)
        return r->err->code;
    if (name->kind != VALUE_STR || module->kind != VALUE_STR)
        return reader_corrupt(r, "module and name are no strings");
    return reader_push(r, reader_new_global(r, module->u.bytes.data, module->u.bytes.len,
                                            name->u.bytes.data, name->u.bytes.len));
}

static errc push_call(struct reader *r, struct value *callee, struct value *args, struct value *kwargs,
                      bool is_new)
{
    if (callee->kind != VALUE_GLOBAL && callee->kind != VALUE_CALL && callee->kind != VALUE_EXT)
        return reader_corrupt(r, "what it calls is no class or function");
    if (args->kind != VALUE_TUPLE)
        return reader_corrupt(r, "its arguments are no tuple");
    struct value *v = reader_call(r, callee, args, is_new);
    if (v && v->kind == VALUE_CALL && kwargs)
        v->u.call.kwargs = kwargs;
    return reader_push(r, v);
}

static errc call_top(struct reader *r, bool is_new)
{
    struct value *args = reader_pop(r);
    struct value *callee = args ? reader_pop(r) : NULL;
    return callee ? push_call(r, callee, args, NULL, is_new) : r->err->code;
}

errc op_reduce(struct reader *r)
{
    return call_top(r, false);
}

errc op_newobj(struct reader *r)
{
    return call_top(r, true);
}

errc op_newobj_ex(struct reader *r)
{
    struct value *kwargs = reader_pop(r);
    struct value *args = kwargs ? reader_pop(r) : NULL;
    struct value *callee = args ? reader_pop(r) : NULL;
    if (!callee)
        return r->err->code;
    if (kwargs->kind != VALUE_DICT)
        return reader_corrupt(r, "its keyword arguments are no dict");
    return push_call(r, callee, args, kwargs->u.dict.len ? kwargs : NULL, true);
}

// An instance of a class with the values above the last MARK as arguments.
static errc instance(struct reader *r, struct value *callee, size_t from)
{
    if (!callee)
        return r->err->code ? r->err->code : reader_no_room(r);
    struct value *args = reader_new_seq(r, VALUE_TUPLE, r->stack + from, r->stack_len - from);
    if (!args)
        return reader_no_room(r);
    r->stack_len = from;
    return push_call(r, callee, args, NULL, !args->u.seq.len);
}

errc op_inst(struct reader *r)
{
    const uint8_t *module, *name;
    size_t module_len, name_len, from;
    if (reader_line(r, &module, &module_len) || reader_line(r, &name, &name_len) ||
        reader_pop_mark(r, &from))
        return r->err->code;
    return instance(r, reader_new_global(r, module, module_len, name, name_len), from);
}

errc op_obj(struct reader *r)
{
    size_t from;
    if (reader_pop_mark(r, &from))
        return r->err->code;
    if (r->stack_len == from)
        return reader_corrupt(r, "no class is above its MARK");
    struct value *callee = r->stack[from];
    struct value *args = reader_new_seq(r, VALUE_TUPLE, r->stack + from + 1, r->stack_len - from - 1);
    if (!args)
        return reader_no_room(r);
    r->stack_len = from;
    return push_call(r, callee, args, NULL, !args->u.seq.len);
}

errc op_build(struct reader *r)
{
    struct value *state = reader_pop(r);
    struct value *object = state ? reader_top(r) : NULL;
    if (!object)
        return r->err->code;
    if (object->kind == VALUE_CALL)
        object->u.call.state = state;
    else if (object->kind != VALUE_GLOBAL && object->kind != VALUE_EXT && state->kind != VALUE_NONE)
        return reader_corrupt(r, "what it gives a state to has none");
    return ERR_OK;
}
