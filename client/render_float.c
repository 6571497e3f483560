// Floats as Python and numpy write them: the shortest decimal that reads back as the same number.
#include "client/render_parts.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct width {
    int bits;     // of the mantissa
    int least;    // exponent of two of the smallest number
    double plain; // numpy writes an exponent from here on
};

static const struct width widths[] = {
    [FLOAT_16] = {11, -24, 1e3},
    [FLOAT_32] = {24, -149, 1e6},
    [FLOAT_64] = {53, -1074, 1e16},
    [FLOAT_LONG] = {LDBL_MANT_DIG, 0, 1e16},
};

enum { MAX_DIGITS = 48 };

struct decimal {
    char digits[MAX_DIGITS];
    int n;     // digits, the first not 0, no 0 at the end (one digit at least)
    int power; // of ten, of the first digit
};

// --- long double: each number of digits is tried ---

// The next larger decimal of as many digits, in "d.ddde+xx". False where a digit would be carried out.
static bool step_up(char *text)
{
    char *e = strchr(text, 'e');
    for (char *p = e - 1; p >= text; p--) {
        if (*p == '.')
            continue;
        if (*p != '9') {
            ++*p;
            return true;
        }
        *p = '0';
    }
    return false;
}

// x is finite and above 0.
static void search(char text[FLOAT_ROOM], long double x)
{
    // Below the normal numbers fewer digits may do.
    for (int p = x < LDBL_MIN ? 1 : LDBL_DIG; p <= LDBL_DECIMAL_DIG; p++) {
        snprintf(text, FLOAT_ROOM, "%.*Le", p - 1, x);
        if (p == LDBL_DECIMAL_DIG || strtold(text, NULL) == x)
            return;
        // Above a power of two the room is wider than below: the second nearest may read back.
        char up[FLOAT_ROOM];
        memcpy(up, text, sizeof up);
        if (step_up(up) && strtold(up, NULL) == x) {
            memcpy(text, up, sizeof up);
            return;
        }
    }
}

static void decimal_of_long(struct decimal *d, long double x)
{
    char text[FLOAT_ROOM] = "";
    search(text, x);
    d->n = 0;
    const char *s = text;
    for (; *s && *s != 'e' && d->n < MAX_DIGITS; s++) {
        if (*s != '.')
            d->digits[d->n++] = *s;
    }
    d->power = *s == 'e' ? (int)strtol(s + 1, NULL, 10) : 0;
    while (d->n > 1 && d->digits[d->n - 1] == '0')
        d->n--;
}

// --- The narrower ones ---

// x is finite, above 0 and of that width.
static void decimal_of(struct decimal *d, double x, enum float_width width)
{
    const struct width *w = &widths[width];
    uint64_t bits, c;
    memcpy(&bits, &x, sizeof bits);
    // As a double it is c * 2^q; a narrower number has zeros at the end of c.
    int field = (int)(bits >> 52), q = field ? field - 1075 : -1074;
    c = (bits & (((uint64_t)1 << 52) - 1)) | (field ? (uint64_t)1 << 52 : 0);
    int drop = 53 - w->bits > w->least - q ? 53 - w->bits : w->least - q;
    c = drop > 0 ? c >> drop : c;
    q += drop > 0 ? drop : 0;
    struct shortest s = shortest_decimal(c, q, c == (uint64_t)1 << (w->bits - 1) && q > w->least);
    d->n = (int)format_uint(d->digits, s.digits);
    d->power = s.power + d->n - 1;
    while (d->n > 1 && d->digits[d->n - 1] == '0')
        d->n--;
}

// --- Their text ---

static size_t put_plain(char *to, const struct decimal *d, bool point_zero)
{
    char *p = to;
    if (d->power < 0) {
        *p++ = '0';
        *p++ = '.';
        for (int i = -1; i > d->power; i--)
            *p++ = '0';
        memcpy(p, d->digits, (size_t)d->n);
        return (size_t)(p - to) + (size_t)d->n;
    }
    for (int i = 0; i <= d->power; i++)
        *p++ = i < d->n ? d->digits[i] : '0';
    if (d->n > d->power + 1) {
        *p++ = '.';
        for (int i = d->power + 1; i < d->n; i++)
            *p++ = d->digits[i];
    } else if (point_zero) {
        *p++ = '.';
        *p++ = '0';
    }
    return (size_t)(p - to);
}

static size_t put_exponent(char *to, const struct decimal *d)
{
    char *p = to;
    *p++ = d->digits[0];
    if (d->n > 1) {
        *p++ = '.';
        memcpy(p, d->digits + 1, (size_t)d->n - 1);
        p += d->n - 1;
    }
    *p++ = 'e';
    *p++ = d->power < 0 ? '-' : '+';
    if (abs(d->power) < 10)
        *p++ = '0';
    return (size_t)(p - to) + format_uint(p, (uint64_t)abs(d->power));
}

static size_t put_word(char *to, const char *word)
{
    size_t n = strlen(word);
    memcpy(to, word, n);
    return n;
}

// x is not below 0 and no NaN.
static size_t put_magnitude(char *to, long double x, enum float_width width, bool point_zero)
{
    if (isinf(x))
        return put_word(to, "inf");
    if (x < 1e6L && x == (long double)(int32_t)x && x < (long double)widths[width].plain) {
        size_t n = format_uint(to, (uint64_t)x);
        return n + (point_zero ? put_word(to + n, ".0") : 0);
    }
    struct decimal d = {.digits = "0", .n = 1};
    if (width == FLOAT_LONG)
        decimal_of_long(&d, x);
    else
        decimal_of(&d, (double)x, width);
    bool plain = width == FLOAT_64 ? d.power >= -4 && d.power < 16
                                   : (double)x >= 1e-4 && (double)x < widths[width].plain;
    return plain ? put_plain(to, &d, point_zero) : put_exponent(to, &d);
}

int float_digits(char *digits, long double x, enum float_width width, int *power)
{
    struct decimal d = {.digits = "0", .n = 1};
    if (x > 0 && width == FLOAT_LONG)
        decimal_of_long(&d, x);
    else if (x > 0)
        decimal_of(&d, (double)x, width);
    memcpy(digits, d.digits, (size_t)d.n);
    *power = d.power;
    return d.n;
}

static size_t put_float(char *to, long double x, enum float_width width, bool point_zero)
{
    if (isnan(x))
        return put_word(to, "nan");
    bool negative = signbit(x);
    if (negative)
        *to = '-';
    return negative + put_magnitude(to + negative, negative ? -x : x, width, point_zero);
}

size_t format_float(char *to, long double x, enum float_width width)
{
    return put_float(to, x, width, true);
}

void text_float(struct buf *b, long double x, enum float_width width)
{
    char text[FLOAT_ROOM];
    buf_put(b, text, format_float(text, x, width));
}

void text_complex(struct buf *b, long double real, long double imag, enum float_width width)
{
    char text[2 * FLOAT_ROOM + 4];
    size_t n = 0;
    bool both = real != 0 || signbit(real);
    if (both) {
        text[n++] = '(';
        n += put_float(text + n, real, width, false);
        if (isnan(imag) || !signbit(imag))
            text[n++] = '+';
    }
    n += put_float(text + n, imag, width, false);
    text[n++] = 'j';
    if (both)
        text[n++] = ')';
    buf_put(b, text, n);
}
