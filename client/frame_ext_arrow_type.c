// The types of Arrow as pyarrow pickles them: calls of the functions that make them.
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "client/frame_ext_arrow.h"
#include "client/render_pandas.h"

#define SWAP (__BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__)
#define NUMBER(k, size) {.kind = (k), .swap = SWAP, .itemsize = (size), .unit = "generic", .unit_count = 1}

static const struct npy_type numbers[] = {
    NUMBER('i', 1), NUMBER('i', 2), NUMBER('i', 4), NUMBER('i', 8), NUMBER('u', 1), NUMBER('u', 2), NUMBER('u', 4),
    NUMBER('u', 8), NUMBER('f', 2), NUMBER('f', 4), NUMBER('f', 8),
};

static const char *const number_names[] = {
    "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "halffloat", "float", "double",
};

static const struct { const char *name; struct arrow_type type; } aliases[] = {
    {"null", {.kind = ARROW_NULL}},
    {"bool", {.kind = ARROW_BOOL}},
    {"string", {.kind = ARROW_TEXT, .layout = LAYOUT_OFFSETS, .width = 4}},
    {"utf8", {.kind = ARROW_TEXT, .layout = LAYOUT_OFFSETS, .width = 4}},
    {"large_string", {.kind = ARROW_TEXT, .layout = LAYOUT_OFFSETS, .width = 8}},
    {"large_utf8", {.kind = ARROW_TEXT, .layout = LAYOUT_OFFSETS, .width = 8}},
    {"string_view", {.kind = ARROW_TEXT, .layout = LAYOUT_VIEW, .width = 16}},
    {"binary", {.kind = ARROW_BYTES, .layout = LAYOUT_OFFSETS, .width = 4}},
    {"large_binary", {.kind = ARROW_BYTES, .layout = LAYOUT_OFFSETS, .width = 8}},
    {"binary_view", {.kind = ARROW_BYTES, .layout = LAYOUT_VIEW, .width = 16}},
    {"date32[day]", {.kind = ARROW_DATE, .width = 4}},
    {"date64[ms]", {.kind = ARROW_DATE, .width = 8, .digits = 3}},
    {"time32[s]", {.kind = ARROW_TIME, .width = 4}},
    {"time32[ms]", {.kind = ARROW_TIME, .width = 4, .digits = 3}},
    {"time64[us]", {.kind = ARROW_TIME, .width = 8, .digits = 6}},
    {"time64[ns]", {.kind = ARROW_TIME, .width = 8, .digits = 9}},
    {"timestamp[s]", {.kind = ARROW_TIMESTAMP, .width = 8}},
    {"timestamp[ms]", {.kind = ARROW_TIMESTAMP, .width = 8, .digits = 3}},
    {"timestamp[us]", {.kind = ARROW_TIMESTAMP, .width = 8, .digits = 6}},
    {"timestamp[ns]", {.kind = ARROW_TIMESTAMP, .width = 8, .digits = 9}},
    {"duration[s]", {.kind = ARROW_DURATION, .width = 8}},
    {"duration[ms]", {.kind = ARROW_DURATION, .width = 8, .digits = 3}},
    {"duration[us]", {.kind = ARROW_DURATION, .width = 8, .digits = 6}},
    {"duration[ns]", {.kind = ARROW_DURATION, .width = 8, .digits = 9}},
};

static bool is_text(const struct value *v, const char *s)
{
    return v && v->kind == VALUE_STR && v->u.bytes.len == strlen(s) && !memcmp(v->u.bytes.data, s, v->u.bytes.len);
}

static bool is_function(const struct value *v, const char *name)
{
    return global_is(called_global(v), "pyarrow", name);
}

const struct value *arrow_call_arg(const struct value *type, const char *function, size_t i)
{
    return is_function(type, function) ? seq_at(type->u.call.args, i) : NULL;
}

static bool of_alias(const struct value *name, struct arrow_type *ret)
{
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if (is_text(name, number_names[i])) {
            *ret = (struct arrow_type){.kind = ARROW_NUMBER, .width = numbers[i].itemsize, .npy = &numbers[i]};
            return true;
        }
    }
    for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++) {
        if (is_text(name, aliases[i].name)) {
            *ret = aliases[i].type;
            return true;
        }
    }
    return false;
}

// timestamp(unit, zone)
static bool of_timestamp(const struct value *unit, const struct value *zone, struct arrow_type *ret)
{
    static const char *const units[] = {"s", "ms", "us", "ns"};
    *ret = (struct arrow_type){.kind = ARROW_TIMESTAMP, .width = 8};
    ret->zone = zone && zone->kind == VALUE_STR ? zone : NULL;
    for (unsigned i = 0; i < sizeof units / sizeof *units; i++) {
        ret->digits = i * 3;
        if (is_text(unit, units[i]))
            return true;
    }
    return false;
}

// decimal128(precision, scale) and its kin
static bool of_decimal(const struct value *type, struct arrow_type *ret)
{
    static const struct { const char *name; size_t width; } decimals[] = {
        {"decimal32", 4}, {"decimal64", 8}, {"decimal128", 16}, {"decimal256", 32}};
    for (size_t i = 0; i < sizeof decimals / sizeof *decimals; i++) {
        const struct value *scale = arrow_call_arg(type, decimals[i].name, 1);
        if (!scale || scale->kind != VALUE_INT || scale->u.integer < -1000 || scale->u.integer > 1000)
            continue;
        *ret = (struct arrow_type){.kind = ARROW_DECIMAL, .width = decimals[i].width, .scale = scale->u.integer};
        return true;
    }
    return false;
}

static bool get_size(const struct value *v, size_t *ret)
{
    if (!v || v->kind != VALUE_INT || v->u.integer < 0 || v->u.integer > INT32_MAX)
        return false;
    *ret = (size_t)v->u.integer;
    return true;
}

static bool of_list(const struct value *type, struct arrow_type *ret)
{
    if (get_size(arrow_call_arg(type, "list_", 1), &ret->size)) {
        ret->kind = ARROW_FIXED_LIST;
        return true;
    }
    ret->kind = ARROW_LIST;
    ret->width = is_function(type, "large_list") ? 8 : 4;
    return is_function(type, "list_") || is_function(type, "large_list");
}

bool arrow_type_of(const struct value *type, struct arrow_type *ret)
{
    memset(ret, 0, sizeof *ret);
    if (of_alias(arrow_call_arg(type, "type_for_alias", 0), ret) || of_decimal(type, ret))
        return true;
    if (is_function(type, "timestamp"))
        return of_timestamp(seq_at(type->u.call.args, 0), seq_at(type->u.call.args, 1), ret);
    if (is_function(type, "binary") || is_function(type, "fixed_size_binary")) {
        *ret = (struct arrow_type){.kind = ARROW_BYTES, .layout = LAYOUT_FIXED};
        return get_size(seq_at(type->u.call.args, 0), &ret->width);
    }
    if (is_function(type, "struct") || is_function(type, "map_")) {
        ret->kind = is_function(type, "struct") ? ARROW_STRUCT : ARROW_MAP;
        ret->width = ret->kind == ARROW_MAP ? 4 : 0;
        return true;
    }
    if (is_function(type, "dictionary")) {
        bool ok = of_alias(arrow_call_arg(seq_at(type->u.call.args, 0), "type_for_alias", 0), ret) && ret->npy &&
                  ret->npy->kind != 'f';
        ret->kind = ARROW_DICTIONARY;
        return ok;
    }
    memset(ret, 0, sizeof *ret);
    return of_list(type, ret);
}

// --- Names ---

static void put_name(struct buf *b, const struct value *type, unsigned depth);

static void put_text(struct buf *b, const struct value *v)
{
    if (v && v->kind == VALUE_STR)
        buf_put(b, v->u.bytes.data, v->u.bytes.len);
    else if (v && v->kind == VALUE_INT)
        text_int(b, v->u.integer);
}

static bool is_false(const struct value *v)
{
    return v && v->kind == VALUE_BOOL && !v->u.boolean;
}

// "item: int32", "x: int8 not null"; a type alone is a field named "item".
static void put_field(struct buf *b, const struct value *field, unsigned depth)
{
    const struct value *name = arrow_call_arg(field, "field", 0);
    if (!name) {
        buf_puts(b, "item: ");
        put_name(b, field, depth);
        return;
    }
    put_text(b, name);
    buf_puts(b, ": ");
    put_name(b, arrow_call_arg(field, "field", 1), depth);
    if (is_false(arrow_call_arg(field, "field", 2)))
        buf_puts(b, " not null");
}

static const struct value *field_type(const struct value *field)
{
    const struct value *type = arrow_call_arg(field, "field", 1);
    return type ? type : field;
}

static void put_struct(struct buf *b, const struct value *fields, unsigned depth)
{
    const struct value *field;
    buf_puts(b, "struct<");
    for (size_t i = 0; (field = seq_at(fields, i)) && !b->over; i++) {
        if (i)
            buf_puts(b, ", ");
        put_field(b, field, depth);
    }
    buf_putc(b, '>');
}

static void put_nested(struct buf *b, const char *name, const struct value *args, unsigned depth)
{
    const struct value *second = seq_at(args, 1);
    if (!strcmp(name, "map_")) {
        buf_puts(b, "map<");
        put_name(b, field_type(seq_at(args, 0)), depth);
        buf_puts(b, ", ");
        put_name(b, field_type(second), depth);
        buf_putc(b, '>');
    } else if (!strcmp(name, "dictionary")) {
        buf_puts(b, "dictionary<values=");
        put_name(b, second, depth);
        buf_puts(b, ", indices=");
        put_name(b, seq_at(args, 0), depth);
        buf_printf(b, ", ordered=%d>", seq_at(args, 2) && !is_false(seq_at(args, 2)));
    } else {
        bool fixed = second && second->kind == VALUE_INT && second->u.integer >= 0;
        buf_puts(b, fixed ? "fixed_size_list<" : !strcmp(name, "list_") ? "list<" : "large_list<");
        put_field(b, seq_at(args, 0), depth);
        buf_putc(b, '>');
        if (fixed)
            buf_printf(b, "[%" PRId64 "]", second->u.integer);
    }
}

// "timestamp[us, tz=UTC]", "decimal128(10, 2)", "fixed_size_binary[2]", or the function's name.
static void put_simple(struct buf *b, const char *name, const struct value *args)
{
    const struct value *zone = none_is_null(seq_at(args, 1));
    bool is_binary = !strcmp(name, "binary"), is_time = !strcmp(name, "timestamp");
    if (!is_binary && !is_time && strncmp(name, "decimal", 7) != 0) {
        buf_puts(b, name);
        return;
    }
    buf_puts(b, is_binary ? "fixed_size_binary" : name);
    buf_putc(b, is_binary || is_time ? '[' : '(');
    put_text(b, seq_at(args, 0));
    if (!is_binary && zone) {
        buf_puts(b, is_time ? ", tz=" : ", ");
        put_text(b, zone);
    }
    buf_putc(b, is_binary || is_time ? ']' : ')');
}

static void put_name(struct buf *b, const struct value *type, unsigned depth)
{
    const struct value *g = called_global(type);
    if (!g || depth > ARROW_DEPTH || b->over) {
        buf_puts(b, "...");
        return;
    }
    const struct value *args = type->u.call.args;
    const char *name = g->u.global.name;
    if (!strcmp(name, "type_for_alias"))
        put_text(b, seq_at(args, 0));
    else if (!strcmp(name, "struct"))
        put_struct(b, seq_at(args, 0), depth + 1);
    else if (!strcmp(name, "list_") || !strcmp(name, "large_list") || !strcmp(name, "map_") ||
             !strcmp(name, "dictionary"))
        put_nested(b, name, args, depth + 1);
    else
        put_simple(b, name, args);
}

void arrow_type_name(struct buf *b, const struct value *type)
{
    put_name(b, type, 0);
}
