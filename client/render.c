#include "client/render.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "client/render_pandas.h"
#include "client/render_parts.h"

enum { MAX_LINE = 16 << 20 };

struct type_form {
    const char *type;
    enum natural_form form;
};

static const struct type_form forms[] = {
    {"str", NATURAL_TEXT}, {"unicode", NATURAL_TEXT}, {"bytes", NATURAL_TEXT}, {"bytearray", NATURAL_TEXT},
    {"int", NATURAL_LINE}, {"long", NATURAL_LINE}, {"bool", NATURAL_LINE}, {"NoneType", NATURAL_LINE},
    {"float", NATURAL_LINE}, {"complex", NATURAL_LINE}, {"range", NATURAL_LINE},
    {"datetime.datetime", NATURAL_LINE}, {"datetime.date", NATURAL_LINE}, {"datetime.time", NATURAL_LINE},
    {"datetime.timedelta", NATURAL_LINE}, {"decimal.Decimal", NATURAL_LINE},
    {"fractions.Fraction", NATURAL_LINE}, {"uuid.UUID", NATURAL_LINE},
    {"ipaddress.IPv4Address", NATURAL_LINE}, {"ipaddress.IPv6Address", NATURAL_LINE},
    {"ipaddress.IPv4Network", NATURAL_LINE}, {"ipaddress.IPv6Network", NATURAL_LINE},
    {"ipaddress.IPv4Interface", NATURAL_LINE}, {"ipaddress.IPv6Interface", NATURAL_LINE},
    {"datetime.timezone", NATURAL_LINE}, {"zoneinfo.ZoneInfo", NATURAL_LINE},
    {"list", NATURAL_JSON}, {"tuple", NATURAL_JSON}, {"set", NATURAL_JSON}, {"frozenset", NATURAL_JSON},
    {"dict", NATURAL_JSON}, {"collections.OrderedDict", NATURAL_JSON},
    {"collections.defaultdict", NATURAL_JSON}, {"collections.Counter", NATURAL_JSON},
    {"collections.deque", NATURAL_JSON}, {"collections.ChainMap", NATURAL_JSON},
    {"collections.UserDict", NATURAL_JSON}, {"collections.UserList", NATURAL_JSON},
    {"metaflow.includefile.IncludedFile", NATURAL_INCLUDED},
};

static const char *const path_types[] = {
    "PosixPath", "PurePosixPath", "WindowsPath", "PureWindowsPath", "Path", "PurePath",
};

static const char *const numpy_scalars[] = {
    "bool", "bool_", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "byte", "ubyte",
    "short", "ushort", "intc", "uintc", "int_", "uint", "long", "ulong", "longlong", "ulonglong", "float16",
    "float32", "float64", "float96", "float128", "half", "single", "double", "longdouble", "complex64",
    "complex128", "complex192", "complex256", "csingle", "cdouble", "clongdouble", "str_", "bytes_", "void",
    "datetime64", "timedelta64",
};

// pandas 3 tells them without the module that they are in; offsets are all those of one module.
static const char *const pandas_scalars[] = {
    "pandas._libs.tslibs.timestamps.Timestamp", "pandas._libs.tslibs.timedeltas.Timedelta",
    "pandas._libs.tslibs.period.Period", "pandas._libs.interval.Interval", "pandas._libs.tslibs.nattype.NaTType",
    "pandas._libs.missing.NAType", "pandas.Timestamp", "pandas.Timedelta", "pandas.Period", "pandas.Interval",
    "pandas.DateOffset", "pandas.api.typing.NaTType", "pandas.api.typing.NAType",
};

static bool is_one_of(const char *s, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!strcmp(s, names[i]))
            return true;
    }
    return false;
}

// "<class 'X'>" (Python 2 wrote "<type 'X'>") as X; false when it is neither.
static bool inner_type(const char *recorded, char *out, size_t size)
{
    const char *s = NULL;
    if (!strncmp(recorded, "<class '", 8))
        s = recorded + 8;
    else if (!strncmp(recorded, "<type '", 7))
        s = recorded + 7;
    size_t len = s ? strlen(s) : 0;
    if (len < 3 || strcmp(s + len - 2, "'>") || len - 2 >= size)
        return false;
    memcpy(out, s, len - 2);
    out[len - 2] = '\0';
    return true;
}

static const char *behind(const char *s, const char *prefix)
{
    size_t len = strlen(prefix);
    return strncmp(s, prefix, len) ? NULL : s + len;
}

enum natural_form natural_form_of(const char *recorded_type)
{
    char type[128];
    if (!recorded_type || !inner_type(recorded_type, type, sizeof type))
        return NATURAL_STORED;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        if (!strcmp(type, forms[i].type))
            return forms[i].form;
    }
    const char *numpy = behind(type, "numpy."), *path = behind(type, "pathlib._local.");
    if (!path)
        path = behind(type, "pathlib.");
    if ((numpy && is_one_of(numpy, numpy_scalars, sizeof numpy_scalars / sizeof *numpy_scalars)) ||
        (path && is_one_of(path, path_types, sizeof path_types / sizeof *path_types)) ||
        is_one_of(type, pandas_scalars, sizeof pandas_scalars / sizeof *pandas_scalars) ||
        behind(type, "pandas._libs.tslibs.offsets."))
        return NATURAL_LINE;
    return NATURAL_STORED;
}

static bool numpy_text(struct buf *b, const struct value *v)
{
    struct npy_type *t = NULL;
    const uint8_t *at;
    const struct value *object;
    bool ok = npy_scalar(v, &t, &at, &object) == NPY_YES && !object && npy_text(b, t, at);
    npy_type_free(t);
    return ok;
}

static bool scalar_text(struct buf *b, const struct value *v)
{
    switch (v->kind) {
    case VALUE_NONE: buf_puts(b, "null"); return true;
    case VALUE_BOOL: buf_puts(b, v->u.boolean ? "true" : "false"); return true;
    case VALUE_INT: text_int(b, v->u.integer); return true;
    case VALUE_BIGINT: return text_bigint(b, v->u.bytes.data, v->u.bytes.len);
    case VALUE_FLOAT:
        if (isfinite(v->u.real))
            text_float(b, v->u.real, FLOAT_64);
        else
            buf_puts(b, isnan(v->u.real) ? "NaN" : v->u.real < 0 ? "-Infinity" : "Infinity");
        return true;
    case VALUE_CALL: return numpy_text(b, v) || text_call(b, v);
    case VALUE_GLOBAL:
        if (is_pandas_na(v))
            buf_puts(b, "null");
        return is_pandas_na(v);
    default: return false;
    }
}

bool render_scalar(const struct value *v, struct buf *out)
{
    if (v->kind != VALUE_STR)
        return scalar_text(out, v);
    buf_put(out, v->u.bytes.data, v->u.bytes.len);
    return true;
}

errc render_json(const struct value *v, struct cancel *cancel, struct sink *sink, struct err *err)
{
    struct out *o = out_new(sink, cancel, err);
    if (!o)
        return err->code;
    json_value(o, v);
    out_put(o, "\n", 1);
    return out_free(o);
}

static errc render_bytes(const struct value *v, struct cancel *cancel, struct sink *sink, struct err *err)
{
    struct out *o = out_new(sink, cancel, err);
    if (!o)
        return err->code;
    out_put(o, v->u.bytes.data, v->u.bytes.len);
    return out_free(o);
}

static errc render_line(const struct value *v, struct cancel *cancel, struct sink *sink, struct err *err)
{
    auto_cleanup(buf_free) struct buf line = {.max = MAX_LINE};
    if (v->kind == VALUE_BIGINT && !scalar_text(&line, v))
        return err_set(err, ERR_NO_FORM,
                       "an integer of %zu bytes is too large for decimal text (of up to %d it is written); .pickle/ "
                       "has it", v->u.bytes.len, BIGINT_MAX);
    if (!line.len && !scalar_text(&line, v))
        return render_json(v, cancel, sink, err);
    struct out *o = out_new(sink, cancel, err);
    if (!o)
        return err->code;
    out_buf(o, &line);
    out_put(o, "\n", 1);
    return out_free(o);
}

errc render_natural(const struct value *v, enum natural_form form, struct cancel *cancel, struct sink *sink,
                    struct err *err)
{
    bool is_text = v->kind == VALUE_STR || v->kind == VALUE_BYTES || v->kind == VALUE_BYTEARRAY;
    switch (form) {
    case NATURAL_TEXT:
        if (is_text)
            return render_bytes(v, cancel, sink, err);
        return render_json(v, cancel, sink, err);
    case NATURAL_LINE: return render_line(v, cancel, sink, err);
    case NATURAL_JSON: return render_json(v, cancel, sink, err);
    case NATURAL_STORED:
    case NATURAL_INCLUDED: break;
    }
    return err_set(err, ERR_NO_FORM, "this value's natural form is not made from its pickle");
}
