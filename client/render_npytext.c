// Elements of numpy arrays and numpy scalars: their numbers and numpy's str() of them.
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "client/pickle_reader.h"
#include "client/render_parts.h"

// n bytes at `at` in this machine's order.
static void load(const struct npy_type *t, const uint8_t *at, void *to, size_t n)
{
    uint8_t *p = to;
    if (!t->swap) {
        memcpy(to, at, n);
        return;
    }
    for (size_t i = 0; i < n; i++)
        p[i] = at[n - 1 - i];
}

static uint64_t load_uint(const struct npy_type *t, const uint8_t *at, size_t n)
{
    uint8_t u8;
    uint16_t u16;
    uint32_t u32;
    uint64_t u64;
    switch (n) {
    case 1: load(t, at, &u8, 1); return u8;
    case 2: load(t, at, &u16, 2); return u16;
    case 4: load(t, at, &u32, 4); return u32;
    default: load(t, at, &u64, 8); return u64;
    }
}

bool npy_int(const struct npy_type *t, const uint8_t *at, int64_t *ret)
{
    if (t->kind != 'b' && t->kind != 'i' && t->kind != 'u')
        return false;
    uint64_t u = load_uint(t, at, t->itemsize);
    if (t->kind == 'u' && u > INT64_MAX)
        return false;
    if (t->kind == 'i' && t->itemsize < 8) {
        unsigned shift = (unsigned)(64 - 8 * t->itemsize);
        *ret = (int64_t)(u << shift) >> shift;
    } else {
        *ret = t->kind == 'b' ? u != 0 : (int64_t)u;
    }
    return true;
}

uint64_t npy_uint(const struct npy_type *t, const uint8_t *at)
{
    return load_uint(t, at, t->itemsize);
}

static long double half(uint16_t h)
{
    unsigned e = h >> 10 & 31, m = h & 0x3ff;
    long double v = e == 31 ? (m ? (long double)__builtin_nan("") : (long double)__builtin_inf())
                    : e     ? __builtin_ldexpl((long double)(m | 0x400), (int)e - 25)
                            : __builtin_ldexpl((long double)m, -24);
    return h & 0x8000 ? -v : v;
}

static long double load_real(const struct npy_type *t, const uint8_t *at, size_t n, enum float_width *width)
{
    float f;
    double d;
    long double l = 0;
    switch (n) {
    case 2: *width = FLOAT_16; return half((uint16_t)load_uint(t, at, 2));
    case 4: *width = FLOAT_32; load(t, at, &f, 4); return f;
    case 8: *width = FLOAT_64; load(t, at, &d, 8); return d;
    default: *width = FLOAT_LONG; break;
    }
#if LDBL_MANT_DIG == 64
    load(t, at, &l, 16);
    uint64_t mantissa;
    uint16_t exponent;
    memcpy(&mantissa, &l, 8);
    memcpy(&exponent, (const char *)&l + 8, 2);
    // Not a number that this machine makes: its processor takes it for none, too.
    if ((exponent & 0x7fff) && !(mantissa >> 63))
        return __builtin_nanl("");
#else
    load(t, at, &l, n < sizeof l ? n : sizeof l);
#endif
    return l;
}

bool npy_real(const struct npy_type *t, const uint8_t *at, long double *ret, enum float_width *ret_width)
{
    if (t->kind == 'f')
        *ret = load_real(t, at, t->itemsize, ret_width);
    return t->kind == 'f';
}

bool npy_complex(const struct npy_type *t, const uint8_t *at, long double *ret_real, long double *ret_imag,
                 enum float_width *ret_width)
{
    if (t->kind != 'c')
        return false;
    size_t n = t->itemsize / 2;
    *ret_real = load_real(t, at, n, ret_width);
    *ret_imag = load_real(t, at + n, n, ret_width);
    return true;
}

bool npy_is_na(const struct npy_type *t, const uint8_t *at)
{
    enum float_width width;
    long double real, imag;
    if (npy_real(t, at, &real, &width))
        return isnan(real);
    if (npy_complex(t, at, &real, &imag, &width))
        return isnan(real) || isnan(imag);
    return (t->kind == 'M' || t->kind == 'm') && load_uint(t, at, 8) == (uint64_t)INT64_MIN;
}

void npy_unicode(struct buf *b, const struct npy_type *t, const uint8_t *at)
{
    size_t n = t->itemsize / 4;
    while (n && !load_uint(t, at + (n - 1) * 4, 4))
        n--;
    for (size_t i = 0; i < n; i++) {
        uint32_t c = (uint32_t)load_uint(t, at + i * 4, 4);
        uint8_t text[4];
        buf_put(b, text, pickle_utf8_put(text, c > 0x10ffff ? 0xfffd : c));
    }
}

size_t npy_bytes_len(const struct npy_type *t, const uint8_t *at)
{
    size_t n = t->itemsize;
    while (n && !at[n - 1])
        n--;
    return n;
}

static void put_void(struct buf *b, const uint8_t *at, size_t n)
{
    buf_puts(b, "b'");
    for (size_t i = 0; i < n; i++)
        buf_printf(b, "\\x%02X", at[i]);
    buf_putc(b, '\'');
}

static void put_complex(struct buf *b, const struct npy_type *t, const uint8_t *at)
{
    enum float_width width;
    long double real, imag;
    if (npy_complex(t, at, &real, &imag, &width))
        text_complex(b, real, imag, width);
}

bool npy_text(struct buf *b, const struct npy_type *t, const uint8_t *at)
{
    enum float_width width;
    long double real;
    switch (t->kind) {
    case 'b': buf_puts(b, *at ? "True" : "False"); return true;
    case 'i': text_int(b, (int64_t)(load_uint(t, at, t->itemsize) << (64 - 8 * t->itemsize)) >>
                              (64 - 8 * t->itemsize)); return true;
    case 'u': text_uint(b, load_uint(t, at, t->itemsize)); return true;
    case 'f':
        (void)npy_real(t, at, &real, &width);
        text_float(b, real, width);
        return true;
    case 'c': put_complex(b, t, at); return true;
    case 'M': npy_datetime_text(b, t, (int64_t)load_uint(t, at, 8)); return true;
    case 'm': npy_timedelta_text(b, t, (int64_t)load_uint(t, at, 8)); return true;
    case 'U': npy_unicode(b, t, at); return true;
    case 'S': text_bytes_repr(b, at, npy_bytes_len(t, at)); return true;
    case 'V':
        if (!t->fields && !t->sub)
            put_void(b, at, t->itemsize);
        return !t->fields && !t->sub;
    default: return false;
    }
}
