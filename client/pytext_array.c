// numpy's str() and repr() of arrays with its defaults: numpy/_core/arrayprint.py of numpy 2 (precision 8, 75 columns,
// and of more than 1,000 elements three at each end of each dimension). Arrays of numbers, bool, text, dates, and of
// objects that are scalars.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "client/pytext.h"

enum { PRECISION = 8, THRESHOLD = 1000, EDGE = 3, COLUMNS = 75, MAX_DIMENSIONS = 32, PART = 32 };

struct printer {
    struct out *o;
    struct npy_array a;
    size_t strides[MAX_DIMENSIONS];
    bool summary, repr;
    size_t prefix, line;     // characters before the array, and on the current line
    size_t spaces;           // at the end of the last word, not written yet
    bool exponents, measured;
    int left, right, exponent_digits; // what stands before and behind the point of a number
    bool some_finite, some_nan, some_negative_infinite;
    double least, most;      // of what is finite and not 0, without sign
    struct buf text;         // one element
};

// --- Floats ---

struct number {
    char whole[PART], part[PART]; // before and behind the point
    int exponent;
};

static void trim(char *part)
{
    size_t n = strlen(part);
    while (n && part[n - 1] == '0')
        part[--n] = '\0';
}

// With at most PRECISION digits behind the point; where the shortest has more it is the exact value that is rounded.
static struct number number_of(long double x, enum float_width width, bool exponents)
{
    struct number n = {.exponent = 0};
    char digits[FLOAT_ROOM], text[FLOAT_ROOM];
    int power = 0, count = float_digits(digits, x < 0 ? -x : x, width, &power);
    int behind = exponents ? count - 1 : count - 1 - power;
    const char *sign = signbit(x) ? "-" : "";
    if (behind > PRECISION) {
        snprintf(text, sizeof text, exponents ? "%.*Le" : "%.*Lf", (int)PRECISION, x < 0 ? -x : x);
        char *point = strchr(text, '.');
        int before = point ? (int)(point - text) : 1;
        snprintf(n.whole, sizeof n.whole, "%s%.*s", sign, before < PART - 2 ? before : PART - 2, text);
        snprintf(n.part, sizeof n.part, "%.*s", (int)PRECISION, point ? point + 1 : "");
        power = exponents ? (int)strtol(text + before + 1 + PRECISION + 1, NULL, 10) : 0;
    } else if (exponents || power >= 0) {
        int before = exponents ? 1 : power + 1, have = before < count ? before : count;
        snprintf(n.whole, sizeof n.whole, "%s%.*s%.*s", sign, have, digits, before - have, "00000000000000000000");
        snprintf(n.part, sizeof n.part, "%.*s", count - have, digits + have);
    } else {
        snprintf(n.whole, sizeof n.whole, "%s0", sign);
        snprintf(n.part, sizeof n.part, "%.*s%.*s", -power - 1, "00000000000000000000", count, digits);
    }
    trim(n.part);
    n.exponent = exponents ? power : 0;
    return n;
}

static int larger(int a, size_t b)
{
    return (size_t)a > b ? a : (int)b;
}

// The first pass: how large they are.
static void see_float(struct printer *p, long double x)
{
    double size = fabs((double)x);
    if (!isfinite(x)) {
        p->some_nan = true;
        p->some_negative_infinite = p->some_negative_infinite || (isinf(x) && x < 0);
        return;
    }
    p->some_finite = true;
    if (size > 0) {
        p->least = p->least == 0 || size < p->least ? size : p->least;
        p->most = size > p->most ? size : p->most;
    }
}

// The second pass: how wide.
static void measure_float(struct printer *p, long double x, enum float_width width)
{
    if (!isfinite(x))
        return;
    struct number n = number_of(x, width, p->exponents);
    p->left = larger(p->left, strlen(n.whole));
    p->right = larger(p->right, strlen(n.part));
    if (p->exponents)
        p->exponent_digits = abs(n.exponent) >= 100 ? 3 : larger(p->exponent_digits, 2);
}

static void format_number(struct printer *p, long double x, enum float_width width)
{
    struct buf *b = &p->text;
    int behind = p->right + (p->exponents ? p->exponent_digits + 2 : 0);
    if (!isfinite(x)) {
        buf_printf(b, "%*s", p->left + behind + 1, isnan(x) ? "nan" : x < 0 ? "-inf" : "inf");
        return;
    }
    if (p->exponents) {
        // All have as many digits, also beyond the shortest.
        char text[FLOAT_ROOM];
        int n = snprintf(text, sizeof text, "%.*Le", p->right, x);
        char *e = strchr(text, 'e');
        bool point = strchr(text, '.');
        buf_printf(b, "%*s%.*s%s", p->left - (signbit(x) ? 2 : 1), "", e ? (int)(e - text) : n, text,
                   point ? "" : ".");
        long power = e ? strtol(e + 1, NULL, 10) : 0;
        buf_printf(b, "e%c%0*ld", power < 0 ? '-' : '+', p->exponent_digits, labs(power));
        return;
    }
    struct number n = number_of(x, width, false);
    buf_printf(b, "%*s.%s%*s", p->left, n.whole, n.part, p->right - (int)strlen(n.part), "");
}

// --- Elements ---

static void element(struct printer *p, const uint8_t *at)
{
    const struct npy_type *t = p->a.type;
    struct buf *b = &p->text;
    long double x;
    enum float_width width;
    if (npy_real(t, at, &x, &width)) {
        format_number(p, x, width);
    } else if (t->kind == 'b') {
        buf_puts(b, *at ? " True" : "False");
    } else if (t->kind == 'U') {
        struct buf text = {.max = b->max};
        npy_unicode(&text, t, at);
        text_str_repr(b, (const uint8_t *)text.data, text.len);
        buf_free(&text);
    } else if (t->kind == 'S') {
        text_bytes_repr(b, at, npy_bytes_len(t, at));
    } else {
        char text[24];
        int64_t i;
        size_t n = npy_int(t, at, &i) ? format_int(text, i) : format_uint(text, npy_uint(t, at));
        buf_printf(b, "%*.*s", p->left, (int)n, text);
    }
}

static const struct value *object_at(const uint8_t *at)
{
    const struct value *v;
    memcpy(&v, at, sizeof v);
    return v;
}

// "'2024-02-29'", as wide as the widest, and NaT.
static void put_date(struct printer *p, const uint8_t *at)
{
    struct buf text = {0};
    buf_putc(&text, '\'');
    (void)npy_text(&text, p->a.type, at);
    buf_putc(&text, '\'');
    buf_printf(&p->text, "%*s", p->left, text.data ? text.data : "");
    buf_free(&text);
}

static void put_element(struct printer *p, const uint8_t *at)
{
    if (p->a.objects)
        (void)py_scalar_repr(&p->text, object_at(at));
    else if (p->a.type->kind == 'M')
        put_date(p, at);
    else
        element(p, at);
}

enum pass { PASS_SEE, PASS_MEASURE, PASS_WRITE };

static void look_at(struct printer *p, const uint8_t *at, enum pass pass)
{
    const struct npy_type *t = p->a.type;
    long double x;
    enum float_width width;
    int64_t i;
    char text[24];
    if (p->a.objects)
        return;
    if (t->kind == 'M') {
        struct buf date = {0};
        (void)npy_text(&date, t, at);
        p->left = larger(p->left, date.len + 2);
        buf_free(&date);
    } else if (npy_real(t, at, &x, &width)) {
        if (pass == PASS_SEE)
            see_float(p, x);
        else
            measure_float(p, x, width);
    } else if (t->kind == 'i' || t->kind == 'u') {
        p->left = larger(p->left, npy_int(t, at, &i) ? format_int(text, i) : format_uint(text, npy_uint(t, at)));
    }
}

// --- Lines ---

static void put_indent(struct printer *p, size_t n)
{
    static const char spaces[] = "                                                                ";
    for (; n; n -= n < sizeof spaces - 1 ? n : sizeof spaces - 1)
        out_put(p->o, spaces, n < sizeof spaces - 1 ? n : sizeof spaces - 1);
}

static size_t chars_of(const char *s, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++)
        n += ((uint8_t)s[i] & 0xc0) != 0x80;
    return n;
}

// A word of the innermost dimension, on a new line where it would pass the width.
static void put_word(struct printer *p, const char *word, size_t len, bool first, size_t indent, size_t width)
{
    size_t chars = chars_of(word, len), separator = p->repr ? 2 : 1;
    if (!first) {
        bool wrap = p->line + separator + chars > width && p->line + separator > indent;
        if (!wrap || p->repr)
            put_indent(p, p->spaces);
        out_puts(p->o, p->repr ? wrap ? "," : ", " : wrap ? "" : " ");
        if (wrap) {
            out_puts(p->o, "\n");
            put_indent(p, indent);
        }
        p->line = wrap ? indent : p->line + separator;
    }
    p->line += chars;
    size_t kept = len;
    while (kept && word[kept - 1] == ' ')
        kept--;
    p->spaces = len - kept;
    out_put(p->o, word, kept);
}

static void put_row(struct printer *p, const uint8_t *at, unsigned axis, enum pass pass)
{
    size_t n = p->a.shape[axis], indent = p->prefix + 1 + axis, width = COLUMNS - p->repr - axis - 1;
    bool cut = p->summary && 2 * EDGE < n;
    p->line = indent;
    for (size_t i = 0; i < n && !p->o->failed; i++) {
        if (cut && i == EDGE) {
            if (pass == PASS_WRITE)
                put_word(p, "...", 3, false, indent, width);
            i = n - EDGE;
        }
        out_work(p->o, 1);
        if (pass != PASS_WRITE) {
            look_at(p, at + i * p->strides[axis], pass);
            continue;
        }
        put_element(p, at + i * p->strides[axis]);
        if (p->text.over)
            out_fail(p->o, ERR_LIMIT, "a text in an array of a cell is too long");
        put_word(p, p->text.data ? p->text.data : "", p->text.len, i == 0, indent, width);
        p->text.len = 0;
    }
    if (pass == PASS_WRITE)
        put_indent(p, p->spaces);
}

// Recurses on the number of dimensions, at most 32.
static void put_axis(struct printer *p, const uint8_t *at, unsigned axis, enum pass pass)
{
    bool write = pass == PASS_WRITE;
    if (write)
        out_puts(p->o, "[");
    size_t n = p->a.shape[axis];
    bool cut = p->summary && 2 * EDGE < n;
    if (axis + 1 == p->a.ndim) {
        put_row(p, at, axis, pass);
        n = 0;
    }
    for (size_t i = 0; i < n && !p->o->failed; i++) {
        bool dots = cut && i == EDGE;
        for (int part = dots ? 0 : 1; part < 2; part++) {
            if (write && i) {
                out_puts(p->o, p->repr ? "," : "");
                for (unsigned k = axis + 1; k < p->a.ndim; k++)
                    out_puts(p->o, "\n");
                put_indent(p, p->prefix + 1 + axis);
            }
            if (part == 0 && write)
                out_puts(p->o, "...");
        }
        i = dots ? n - EDGE : i;
        put_axis(p, at + i * p->strides[axis], axis + 1, pass);
    }
    if (write)
        out_puts(p->o, "]");
}

static void put_all(struct printer *p, enum pass pass)
{
    if (p->a.ndim)
        put_axis(p, p->a.data, 0, pass);
    else
        look_at(p, p->a.data, pass);
}

static void lay_out(struct printer *p)
{
    const struct npy_type *t = p->a.type;
    put_all(p, PASS_SEE);
    if (t->kind != 'f')
        return;
    // The bounds are numbers of the array's type.
    double small = t->itemsize == 2 ? 0x1.a38p-14 : t->itemsize == 4 ? (double)0.0001f : 0.0001;
    double cutoff = t->itemsize == 2 ? 1e3 : t->itemsize == 4 ? 1e6 : 1e8;
    bool far = t->itemsize < 8 ? (float)p->most / (float)p->least > 1000 : p->most / p->least > 1000;
    p->exponents = p->most > 0 && (p->most >= cutoff || p->least < small || far);
    put_all(p, PASS_MEASURE);
    if (p->some_nan) {
        int behind = p->right + (p->exponents ? p->exponent_digits + 2 : 0) + 1;
        int need = 3 + p->some_negative_infinite - behind;
        p->left = need > p->left ? need : p->left;
    }
}

// --- The whole ---

static void put_shape(struct printer *p)
{
    struct buf *b = &p->text;
    buf_puts(b, "shape=(");
    for (unsigned i = 0; i < p->a.ndim; i++)
        buf_printf(b, i ? ", %zu" : "%zu", p->a.shape[i]);
    buf_puts(b, p->a.ndim == 1 ? ",)" : ")");
}

static void put_dtype(struct printer *p)
{
    const struct npy_type *t = p->a.type;
    struct buf *b = &p->text;
    const char *name = t->kind == 'i' ? "int" : t->kind == 'u' ? "uint" : "float";
    bool swapped = t->swap && t->itemsize > 1;
    if (p->a.objects || t->kind == 'O') {
        buf_puts(b, "dtype=object");
        return;
    }
    if (t->kind == 'M') {
        buf_printf(b, "dtype='%s[", swapped ? ">M8" : "datetime64");
        if (t->unit_count != 1)
            text_int(b, t->unit_count);
        buf_printf(b, "%s]'", t->unit);
        return;
    }
    if (t->kind == 'b')
        buf_puts(b, "dtype=bool");
    else if (t->kind == 'U' || t->kind == 'S')
        buf_printf(b, "dtype='%s%c%zu'", t->kind == 'S' ? "|" : swapped ? ">" : "<", t->kind,
                   t->kind == 'U' ? t->itemsize / 4 : t->itemsize);
    else if (swapped)
        buf_printf(b, "dtype='>%c%zu'", t->kind, t->itemsize);
    else
        buf_printf(b, "dtype=%s%zu", name, t->itemsize * 8);
}

// What does not follow from the text: ", dtype=float32)".
static void put_extras(struct printer *p)
{
    const struct npy_type *t = p->a.type;
    bool implied = !(t->swap && t->itemsize > 1) &&
                   (t->kind == 'b' || ((t->kind == 'i' || t->kind == 'f') && t->itemsize == 8));
    bool empty = p->a.count == 0;
    p->text.len = 0;
    if ((empty && p->a.ndim != 1) || p->a.count > THRESHOLD)
        put_shape(p);
    if (!implied || empty) {
        buf_puts(&p->text, p->text.len ? ", " : "");
        put_dtype(p);
    }
    buf_putc(&p->text, ')');
    if (p->text.len == 1) {
        out_buf(p->o, &p->text);
        return;
    }
    size_t last = p->line + p->a.ndim + 1;
    out_puts(p->o, ",");
    out_puts(p->o, last + p->text.len + 1 > COLUMNS ? "\n      " : " ");
    out_buf(p->o, &p->text);
}

static void set_strides(struct printer *p)
{
    size_t stride = p->a.objects ? sizeof(struct value *) : p->a.type->itemsize;
    for (unsigned i = 0; i < p->a.ndim; i++) {
        unsigned d = p->a.fortran && !p->a.objects ? i : p->a.ndim - 1 - i;
        p->strides[d] = stride;
        stride *= p->a.shape[d];
    }
}

// Of no dimensions: str() is the element's own.
static void put_single(struct printer *p)
{
    const struct npy_type *t = p->a.type;
    if (p->repr && t->kind != 'b') {
        lay_out(p);
        put_element(p, p->a.data);
    } else {
        (void)npy_text(&p->text, t, p->a.data);
    }
    out_buf(p->o, &p->text);
}

static bool is_known(struct out *o, const struct npy_array *a)
{
    const struct npy_type *t = a->type;
    struct buf scratch = {0};
    bool ok = a->ndim <= MAX_DIMENSIONS && (t->kind == 'O' || (!a->objects && memchr("biufUSM", t->kind, 7))) &&
              !(t->kind == 'f' && t->itemsize > 8) && !(t->kind == 'M' && strcmp(t->unit, "generic") == 0);
    for (size_t i = 0; a->objects && i < a->count && ok && !o->failed; i++) {
        out_work(o, 1 + scratch.len); // elements may all be one long text
        scratch.len = 0;
        enum value_kind kind = a->objects[i]->kind;
        bool plain = kind <= VALUE_BYTEARRAY && kind != VALUE_BIGINT;
        ok = a->ndim && (plain || py_scalar_repr(&scratch, a->objects[i]));
    }
    buf_free(&scratch);
    return ok;
}

bool py_array_str(struct out *o, const struct value *v, bool repr)
{
    struct printer p = {.o = o, .repr = repr, .prefix = repr ? strlen("array(") : 0};
    if (npy_array(v, &p.a) != NPY_YES)
        return false;
    bool ok = is_known(o, &p.a);
    if (ok) {
        if (p.a.objects)
            p.a.data = (const uint8_t *)p.a.objects;
        p.summary = p.a.count > THRESHOLD;
        p.line = p.prefix;
        out_puts(o, repr ? "array(" : "");
        if (!p.a.ndim) {
            put_single(&p);
        } else if (p.a.count) {
            set_strides(&p);
            lay_out(&p);
            put_all(&p, PASS_WRITE);
        } else {
            out_puts(o, "[]");
        }
        if (repr)
            put_extras(&p);
    }
    buf_free(&p.text);
    npy_array_free(&p.a);
    return ok;
}
