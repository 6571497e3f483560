// The scalar types of the standard library that a pickle holds as calls: str() of each.
#include <stdlib.h>
#include <string.h>

#include "client/render_pandas.h"
#include "client/render_parts.h"

static size_t arg_count(const struct value *call)
{
    return call->u.call.args->u.seq.len;
}

static const struct value *arg(const struct value *call, size_t i)
{
    return call->u.call.args->u.seq.items[i];
}

static bool put_integer(struct buf *b, const struct value *v)
{
    if (v->kind == VALUE_INT)
        text_int(b, v->u.integer);
    else if (v->kind == VALUE_BIGINT)
        return text_bigint(b, v->u.bytes.data, v->u.bytes.len);
    else
        return false;
    return true;
}

static bool put_str(struct buf *b, const struct value *v)
{
    if (v->kind == VALUE_STR)
        buf_put(b, v->u.bytes.data, v->u.bytes.len);
    return v->kind == VALUE_STR;
}

static bool put_decimal(struct buf *b, const struct value *v)
{
    return arg_count(v) == 1 && put_str(b, arg(v, 0));
}

// Fraction("1/3") of older Pythons, Fraction(1, 3) of newer ones.
static bool put_fraction(struct buf *b, const struct value *v)
{
    if (arg_count(v) == 1)
        return put_str(b, arg(v, 0)) || put_integer(b, arg(v, 0));
    if (arg_count(v) != 2 || !put_integer(b, arg(v, 0)))
        return false;
    if (arg(v, 1)->kind == VALUE_INT && arg(v, 1)->u.integer == 1)
        return true;
    buf_putc(b, '/');
    return put_integer(b, arg(v, 1));
}

static bool put_uuid(struct buf *b, const struct value *v)
{
    const struct value *i = value_dict_get(v->u.call.state, "int");
    uint8_t le[16] = {0};
    if (!i)
        return false;
    if (i->kind == VALUE_INT && i->u.integer >= 0) {
        for (unsigned k = 0; k < 8; k++)
            le[k] = (uint8_t)((uint64_t)i->u.integer >> (8 * k));
    } else if (i->kind == VALUE_BIGINT && i->u.bytes.len <= 17 &&
               !(i->u.bytes.data[i->u.bytes.len - 1] & 0x80)) {
        memcpy(le, i->u.bytes.data, i->u.bytes.len < 16 ? i->u.bytes.len : 16);
    } else {
        return false;
    }
    for (unsigned k = 16; k-- > 0;) {
        buf_printf(b, "%02x", le[k]);
        if (k == 12 || k == 10 || k == 8 || k == 6)
            buf_putc(b, '-');
    }
    return true;
}

static bool put_complex(struct buf *b, const struct value *v)
{
    if (arg_count(v) != 2 || arg(v, 0)->kind != VALUE_FLOAT || arg(v, 1)->kind != VALUE_FLOAT)
        return false;
    text_complex(b, arg(v, 0)->u.real, arg(v, 1)->u.real, FLOAT_64);
    return true;
}

static bool put_range(struct buf *b, const struct value *v)
{
    size_t n = arg_count(v);
    bool has_step = n == 3 && !(arg(v, 2)->kind == VALUE_INT && arg(v, 2)->u.integer == 1);
    if (n != 2 && n != 3)
        return false;
    buf_puts(b, "range(");
    for (size_t i = 0; i < (has_step ? 3u : 2u); i++) {
        if (i)
            buf_puts(b, ", ");
        if (!put_integer(b, arg(v, i)))
            return false;
    }
    buf_putc(b, ')');
    return true;
}

static bool put_slice(struct buf *b, const struct value *v)
{
    if (arg_count(v) != 3)
        return false;
    buf_puts(b, "slice(");
    for (size_t i = 0; i < 3; i++) {
        if (i)
            buf_puts(b, ", ");
        if (arg(v, i)->kind == VALUE_NONE)
            buf_puts(b, "None");
        else if (!put_integer(b, arg(v, i)))
            return false;
    }
    buf_putc(b, ')');
    return true;
}

static bool is_anchor(const struct value *v, char separator)
{
    uint8_t last = v->kind == VALUE_STR && v->u.bytes.len ? v->u.bytes.data[v->u.bytes.len - 1] : 0;
    return last == (uint8_t)separator || (separator == '\\' && last == ':');
}

// A path's parts: the first may be its root, drive or both, and then needs no separator.
static bool put_path(struct buf *b, const struct value *v, char separator)
{
    for (size_t i = 0; i < arg_count(v); i++) {
        if (i && !(i == 1 && is_anchor(arg(v, 0), separator)))
            buf_putc(b, separator);
        if (!put_str(b, arg(v, i)))
            return false;
    }
    if (!arg_count(v))
        buf_putc(b, '.');
    return true;
}

static bool is_path(const struct value *v, bool windows)
{
    static const char *const posix[] = {"PosixPath", "PurePosixPath", "Path", "PurePath"};
    static const char *const win[] = {"WindowsPath", "PureWindowsPath"};
    const struct value *g = v->u.call.callee;
    if (g->kind != VALUE_GLOBAL || (strcmp(g->u.global.module, "pathlib") &&
                                    strcmp(g->u.global.module, "pathlib._local")))
        return false;
    for (size_t i = 0; i < (windows ? 2u : 4u); i++) {
        if (!strcmp(g->u.global.name, (windows ? win : posix)[i]))
            return true;
    }
    return false;
}

// IPv4Address(number), IPv6Address("::1"), IPv4Network("10.0.0.0/8"), ...
static bool put_ip(struct buf *b, const struct value *v)
{
    static const char *const names[] = {"IPv4Address",  "IPv6Address",   "IPv4Network",
                                        "IPv6Network",  "IPv4Interface", "IPv6Interface"};
    bool is = false;
    for (size_t i = 0; i < sizeof names / sizeof *names && !is; i++)
        is = value_is_call(v, "ipaddress", names[i]);
    if (!is || arg_count(v) != 1)
        return false;
    const struct value *a = arg(v, 0);
    if (a->kind != VALUE_INT || a->u.integer < 0 || a->u.integer > UINT32_MAX)
        return put_str(b, a);
    uint32_t ip = (uint32_t)a->u.integer;
    buf_printf(b, "%u.%u.%u.%u", ip >> 24, ip >> 16 & 255, ip >> 8 & 255, ip & 255);
    return true;
}

static bool put_call(struct buf *b, const struct value *v)
{
    if (value_is_call(v, "decimal", "Decimal"))
        return put_decimal(b, v);
    if (value_is_call(v, "fractions", "Fraction"))
        return put_fraction(b, v);
    if (value_is_call(v, "uuid", "UUID"))
        return put_uuid(b, v);
    if (value_is_call(v, "builtins", "complex"))
        return put_complex(b, v);
    if (value_is_call(v, "builtins", "range"))
        return put_range(b, v);
    if (value_is_call(v, "builtins", "slice"))
        return put_slice(b, v);
    if (is_path(v, false))
        return put_path(b, v, '/');
    if (is_path(v, true))
        return put_path(b, v, '\\');
    return text_time(b, v) || put_ip(b, v) || text_tz(b, v) || text_dtype(b, v) ||
           text_pandas(b, v);
}

bool text_call(struct buf *b, const struct value *v)
{
    size_t before = b->len;
    if (v->kind == VALUE_CALL && !v->u.call.kwargs && put_call(b, v))
        return true;
    if (b->len > before) {
        b->len = before;
        b->data[before] = '\0';
    }
    return false;
}
