// repr() of the scalars of Python, its standard library, numpy and pandas.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "client/pytext.h"
#include "client/render_pandas.h"

static bool is_decimal_nan(const struct value *v)
{
    const struct value *text = value_is_call(v, "decimal", "Decimal") ? value_arg(v, 0) : NULL;
    if (!text || text->kind != VALUE_STR)
        return false;
    for (size_t i = 0; i + 2 < text->u.bytes.len; i++)
        if (!memcmp(text->u.bytes.data + i, "NaN", 3))
            return true;
    return false;
}

static bool is_numpy_na(const struct value *v)
{
    struct npy_type *t = NULL;
    const uint8_t *at;
    const struct value *object;
    bool na = false;
    if (npy_scalar(v, &t, &at, &object) == NPY_YES && !object)
        na = npy_is_na(t, at);
    npy_type_free(t);
    return na;
}

static bool is_complex_nan(const struct value *v)
{
    if (!value_is_call(v, "builtins", "complex"))
        return false;
    for (size_t i = 0; i < 2; i++)
        if (value_arg(v, i) && value_arg(v, i)->kind == VALUE_FLOAT && isnan(value_arg(v, i)->u.real))
            return true;
    return false;
}

bool py_is_na(const struct value *v)
{
    if (v->kind == VALUE_NONE)
        return true;
    if (v->kind == VALUE_FLOAT)
        return isnan(v->u.real);
    if (v->kind == VALUE_GLOBAL)
        return is_pandas_na(v) || is_pandas_nat(v);
    return v->kind == VALUE_CALL &&
           (is_pandas_nat(v) || is_pandas_na(v) || is_decimal_nan(v) || is_complex_nan(v) || is_numpy_na(v));
}

// --- Calls ---

// The numbers of "2024-02-29T13:05:07.000004" as arguments, without zeros at the end beyond the first `least`.
// False where something else follows, as an offset does.
static bool put_numbers(struct buf *b, const char *text, unsigned least)
{
    long n[7] = {0};
    unsigned count = 0;
    for (const char *s = text; *s && count < 7; count++) {
        char *end;
        n[count] = strtol(s, &end, 10);
        if (end == s || (*end && !strchr("-T:.", *end)))
            return false;
        s = *end ? end + 1 : end;
    }
    while (count > least && !n[count - 1])
        count--;
    for (unsigned i = 0; i < count; i++)
        buf_printf(b, i ? ", %ld" : "%ld", n[i]);
    return true;
}

static bool put_time(struct buf *b, const struct value *v, const char *text)
{
    const char *name = v->u.call.callee->u.global.name;
    size_t before = b->len;
    buf_printf(b, "datetime.%s(", name);
    // A date has three numbers; a datetime at least five, a time at least two.
    unsigned least = !strcmp(name, "date") ? 3 : !strcmp(name, "time") ? 2 : 5;
    if (text && !strpbrk(text, "+[") && put_numbers(b, text, least)) {
        buf_putc(b, ')');
        return true;
    }
    b->len = before;
    return false;
}

static bool put_delta(struct buf *b, const struct value *v)
{
    static const char *const names[] = {"days", "seconds", "microseconds"};
    bool some = false;
    buf_puts(b, "datetime.timedelta(");
    for (size_t i = 0; i < 3; i++) {
        const struct value *n = value_arg(v, i);
        if (n && n->kind == VALUE_INT && n->u.integer) {
            buf_printf(b, "%s%s=", some ? ", " : "", names[i]);
            text_int(b, n->u.integer);
            some = true;
        }
    }
    buf_puts(b, some ? ")" : "0)");
    return true;
}

// "Decimal('1.10')": a name and the text in quotes.
static bool put_quoted(struct buf *b, const char *name, const char *text)
{
    buf_printf(b, "%s(", name);
    text_str_repr(b, (const uint8_t *)text, strlen(text));
    buf_putc(b, ')');
    return true;
}

static bool put_fraction(struct buf *b, const char *text)
{
    const char *slash = strchr(text, '/');
    buf_puts(b, "Fraction(");
    buf_put(b, text, slash ? (size_t)(slash - text) : strlen(text));
    buf_printf(b, ", %s)", slash ? slash + 1 : "1");
    return true;
}

static bool is_of(const struct value *v, const char *module)
{
    return v->u.call.callee->kind == VALUE_GLOBAL && !strcmp(v->u.call.callee->u.global.module, module);
}

static bool is_timestamp(const struct value *v)
{
    return value_is_call(v, "pandas._libs.tslibs.timestamps", "_unpickle_timestamp");
}

// "Timestamp('2020-01-01 00:00:00+0100', tz='Europe/Berlin')" of its isoformat().
static bool put_timestamp(struct buf *b, const struct value *v, const char *text)
{
    auto_cleanup(tz_freep) struct tz *tz = tz_new(value_arg(v, 2));
    buf_puts(b, "Timestamp('");
    const char *offset = tz && strlen(text) > 19 ? strpbrk(text + 19, "+-") : NULL;
    for (const char *s = text; *s; s++)
        if (*s != ':' || !offset || s < offset)
            buf_putc(b, *s == 'T' && s == text + 10 ? ' ' : *s);
    if (tz)
        buf_printf(b, "', tz='%s')", tz->name);
    else
        buf_puts(b, "')");
    return true;
}

static bool put_call(struct buf *b, const struct value *v, const char *text)
{
    if (value_is_call(v, "datetime", "timedelta"))
        return put_delta(b, v);
    if (is_of(v, "datetime"))
        return put_time(b, v, text);
    if (value_is_call(v, "decimal", "Decimal"))
        return put_quoted(b, "Decimal", text);
    if (value_is_call(v, "uuid", "UUID"))
        return put_quoted(b, "UUID", text);
    if (value_is_call(v, "fractions", "Fraction"))
        return put_fraction(b, text);
    if (is_of(v, "pathlib") || is_of(v, "pathlib._local"))
        return put_quoted(b, v->u.call.callee->u.global.name, text);
    if (is_pandas_nat(v) || is_pandas_na(v) || is_of(v, "builtins")) {
        buf_puts(b, text);
        return true;
    }
    if (is_timestamp(v))
        return put_timestamp(b, v, text);
    if (value_is_call(v, "pandas._libs.tslibs.timedeltas", "_timedelta_unpickle"))
        return put_quoted(b, "Timedelta", text);
    return false;
}

// --- numpy ---

static void put_number_name(struct buf *b, const struct npy_type *t)
{
    const char *name = t->kind == 'i' ? "int" : t->kind == 'u' ? "uint" : t->kind == 'f' ? "float" : "complex";
    if (t->itemsize == 16 && t->kind == 'f')
        buf_puts(b, "longdouble");
    else if (t->itemsize == 32)
        buf_puts(b, "clongdouble");
    else
        buf_printf(b, "%s%zu", name, t->itemsize * 8);
}

// An S or U element in quotes.
static void put_numpy_text(struct buf *b, const struct npy_type *t, const uint8_t *at)
{
    if (t->kind == 'S') {
        text_bytes_repr(b, at, npy_bytes_len(t, at));
        return;
    }
    struct buf text = {.max = b->max};
    npy_unicode(&text, t, at);
    text_str_repr(b, (const uint8_t *)text.data, text.len);
    b->over = b->over || text.over;
    buf_free(&text);
}

// "'NaT','ns'"; numpy 1 leaves out the unit of a datetime64, and "generic" stands for none with a datetime64 alone.
static void put_nat(struct buf *b, const struct npy_type *t, bool numpy2)
{
    bool no_unit = strcmp(t->unit, "generic") == 0, told = t->kind == 'M' ? numpy2 : !no_unit;
    buf_puts(b, told ? "'NaT','" : "'NaT'");
    if (told && t->unit_count != 1)
        text_int(b, t->unit_count);
    if (told)
        buf_printf(b, "%s'", t->unit);
}

// "5, 'D'", "25, 's'" of a timedelta64, "'2024-01-01'" of a datetime64.
static bool put_moment(struct buf *b, const struct npy_type *t, const uint8_t *at, bool numpy2)
{
    struct buf text = {0};
    if (npy_is_na(t, at)) {
        put_nat(b, t, numpy2);
        return true;
    }
    bool ok = npy_text(&text, t, at);
    char *space = t->kind == 'm' && text.len ? strchr(text.data, ' ') : NULL;
    if (space && strcmp(t->unit, "generic") != 0) {
        *space = '\0';
        buf_printf(b, "%s,'%s'", text.data, t->unit);
    } else if (ok) {
        buf_printf(b, "'%s'", text.data);
    }
    buf_free(&text);
    return ok;
}

static bool numpy_repr(struct buf *b, const struct npy_type *t, const uint8_t *at, bool numpy2)
{
    if (t->kind == 'M' || t->kind == 'm') {
        buf_printf(b, "%s.%s64(", numpy2 ? "np" : "numpy", t->kind == 'M' ? "datetime" : "timedelta");
        bool ok = put_moment(b, t, at, numpy2);
        buf_putc(b, ')');
        return ok;
    }
    if (t->kind == 'S' || t->kind == 'U') {
        if (numpy2)
            buf_puts(b, t->kind == 'S' ? "np.bytes_(" : "np.str_(");
        put_numpy_text(b, t, at);
    } else if (t->kind == 'b') {
        buf_printf(b, numpy2 ? "np.%s_" : "%s", *at ? "True" : "False");
        return true;
    } else if (t->kind == 'V' || !numpy2) {
        return npy_text(b, t, at);
    } else {
        buf_puts(b, "np.");
        put_number_name(b, t);
        bool quoted = t->itemsize == 16 && t->kind == 'f';
        buf_puts(b, quoted ? "('" : "(");
        size_t before = b->len;
        bool ok = npy_text(b, t, at);
        // A complex number has brackets of its own.
        if (ok && t->kind == 'c' && b->len > before && b->data[before] == '(') {
            memmove(b->data + before, b->data + before + 1, b->len - before - 1);
            b->len -= 2;
        }
        buf_puts(b, quoted ? "')" : ")");
        return ok;
    }
    if (numpy2)
        buf_putc(b, ')');
    return true;
}

static bool numpy_scalar_repr(struct buf *b, const struct value *v)
{
    struct npy_type *t = NULL;
    const uint8_t *at;
    const struct value *object;
    bool ok = false;
    if (npy_scalar(v, &t, &at, &object) == NPY_YES && !object)
        ok = numpy_repr(b, t, at, value_is_call(v, "numpy._core.multiarray", "scalar"));
    npy_type_free(t);
    return ok;
}

// --- All of them ---

// Classes are recognised by name: those of builtins, and what begins with a capital letter.
static bool put_class(struct buf *b, const struct value *v)
{
    static const char *const builtin[] = {"int",  "float", "str",   "bytes",     "bool",  "list",   "dict", "set",
                                          "tuple", "type", "object", "frozenset", "range", "complex", "bytearray"};
    const char *module = v->u.global.module, *name = v->u.global.name, *dot = strrchr(name, '.');
    bool is_class = false;
    if (py_is_na(v)) {
        buf_puts(b, is_pandas_nat(v) ? "NaT" : "<NA>");
        return true;
    }
    if (!strcmp(module, "builtins")) {
        for (size_t i = 0; i < sizeof builtin / sizeof *builtin; i++)
            is_class = is_class || !strcmp(name, builtin[i]);
        if (is_class)
            buf_printf(b, "<class '%s'>", name);
        return is_class;
    }
    is_class = *(dot ? dot + 1 : name) >= 'A' && *(dot ? dot + 1 : name) <= 'Z';
    if (is_class)
        buf_printf(b, "<class '%s.%s'>", module, name);
    return is_class;
}

static bool call_repr(struct buf *b, const struct value *v)
{
    struct buf text = {.max = b->max};
    if (numpy_scalar_repr(b, v))
        return true;
    bool ok = text_call(&text, v) && !text.over && put_call(b, v, text.data ? text.data : "");
    buf_free(&text);
    return ok;
}

bool py_scalar_repr(struct buf *b, const struct value *v)
{
    switch (v->kind) {
    case VALUE_NONE: buf_puts(b, "None"); return true;
    case VALUE_BOOL: buf_puts(b, v->u.boolean ? "True" : "False"); return true;
    case VALUE_INT: text_int(b, v->u.integer); return true;
    case VALUE_BIGINT: return text_bigint(b, v->u.bytes.data, v->u.bytes.len);
    case VALUE_FLOAT: text_float(b, v->u.real, FLOAT_64); return true;
    case VALUE_STR: text_str_repr(b, v->u.bytes.data, v->u.bytes.len); return true;
    case VALUE_BYTES: text_bytes_repr(b, v->u.bytes.data, v->u.bytes.len); return true;
    case VALUE_BYTEARRAY:
        buf_puts(b, "bytearray(");
        text_bytes_repr(b, v->u.bytes.data, v->u.bytes.len);
        buf_putc(b, ')');
        return true;
    case VALUE_GLOBAL: return put_class(b, v);
    case VALUE_CALL: return call_repr(b, v);
    default: return false;
    }
}
