// Floats as Python and numpy write them: the shortest decimal that reads back as the same number.
#include "client/render_parts.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct width {
    int least, most;      // digits that always survive, and that always suffice
    long double smallest; // the smallest normal number
    long double plain;    // numpy writes an exponent from here on
};

static const struct width widths[] = {
    [FLOAT_16] = {3, 5, 0x1p-14L, 1e3L},
    [FLOAT_32] = {FLT_DIG, 9, FLT_MIN, 1e6L},
    [FLOAT_64] = {DBL_DIG, 17, DBL_MIN, 1e16L},
    [FLOAT_LONG] = {LDBL_DIG, LDBL_DECIMAL_DIG, LDBL_MIN, 1e16L},
};

enum { TEXT_ROOM = 64 };

struct decimal {
    char digits[48];
    int n;     // digits, the first not 0, no 0 at the end (one digit at least)
    int power; // of ten, of the first digit
};

// x >= 0 to the nearest half-precision number, ties to even.
static double to_half(double x)
{
    double ulp = 0x1p-24, top = 0x1p-13; // of the subnormal numbers
    while (x >= top && top < 0x1p17) {
        top *= 2;
        ulp *= 2;
    }
    if (x >= 65520)
        return (double)INFINITY;
    double steps = x / ulp, whole = (double)(int)steps, rest = steps - whole;
    if (rest > 0.5 || (rest == 0.5 && (int)steps % 2))
        whole++;
    return whole * ulp;
}

static bool reads_back(const char *text, long double x, enum float_width width)
{
    switch (width) {
    case FLOAT_16: return to_half(strtod(text, NULL)) == (double)x;
    case FLOAT_32: return strtof(text, NULL) == (float)x;
    case FLOAT_64: return strtod(text, NULL) == (double)x;
    case FLOAT_LONG: return strtold(text, NULL) == x;
    }
    return true;
}

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

static void print(char *text, size_t size, int digits, long double x, enum float_width width)
{
    if (width == FLOAT_LONG)
        snprintf(text, size, "%.*Le", digits - 1, x);
    else
        snprintf(text, size, "%.*e", digits - 1, (double)x);
}

// Tries each number of digits. x is finite and above 0.
static void search(char *text, size_t size, long double x, enum float_width width)
{
    const struct width *w = &widths[width];
    // Below the normal numbers fewer digits may do.
    for (int p = x < w->smallest ? 1 : w->least; p <= w->most; p++) {
        print(text, size, p, x, width);
        if (p == w->most || reads_back(text, x, width))
            return;
        // Above a power of two the room is wider than below: the second nearest may read back.
        char up[TEXT_ROOM];
        memcpy(up, text, sizeof up);
        if (step_up(up) && reads_back(up, x, width)) {
            memcpy(text, up, sizeof up);
            return;
        }
    }
}

// Rounds the decimal "d.ddde+xx" to p digits into `to`. False for a tie, which the digits at hand
// cannot decide, and where a digit would be carried out.
static bool round_to(const char *text, int p, char *to)
{
    const char *e = strchr(text, 'e'), *cut = text + p + 1;
    bool tie = *cut == '5';
    for (const char *s = cut + 1; s < e; s++)
        tie = tie && *s == '0';
    memcpy(to, text, (size_t)(cut - text));
    memcpy(to + (cut - text), e, strlen(e) + 1);
    return !tie && (*cut < '5' || step_up(to));
}

// The same as search() for what is neither subnormal nor a power of two, where the nearest decimal is
// the only one that can read back: all digits are made once and then rounded.
static bool quick(char *text, size_t size, long double x, enum float_width width)
{
    const struct width *w = &widths[width];
    int e;
    if (width == FLOAT_LONG || x < w->smallest || frexp((double)x, &e) == 0.5)
        return false;
    char all[TEXT_ROOM];
    print(all, sizeof all, w->most, x, width);
    for (int p = w->least; p < w->most; p++) {
        if (!round_to(all, p, text))
            return false;
        if (reads_back(text, x, width))
            return true;
    }
    memcpy(text, all, size);
    return true;
}

// x is finite and above 0.
static void shortest(long double x, enum float_width width, struct decimal *d)
{
    char text[TEXT_ROOM] = "";
    if (!quick(text, sizeof text, x, width))
        search(text, sizeof text, x, width);
    d->n = 0;
    const char *s = text;
    for (; *s && *s != 'e'; s++) {
        if (*s != '.')
            d->digits[d->n++] = *s;
    }
    d->power = *s ? (int)strtol(s + 1, NULL, 10) : 0;
    while (d->n > 1 && d->digits[d->n - 1] == '0')
        d->n--;
}

static void put_plain(struct buf *b, const struct decimal *d, bool point_zero)
{
    if (d->power < 0) {
        buf_puts(b, "0.");
        for (int i = -1; i > d->power; i--)
            buf_putc(b, '0');
        buf_put(b, d->digits, (size_t)d->n);
        return;
    }
    for (int i = 0; i <= d->power; i++)
        buf_putc(b, i < d->n ? d->digits[i] : '0');
    if (d->n > d->power + 1) {
        buf_putc(b, '.');
        buf_put(b, d->digits + d->power + 1, (size_t)(d->n - d->power - 1));
    } else if (point_zero) {
        buf_puts(b, ".0");
    }
}

static void put_exponent(struct buf *b, const struct decimal *d)
{
    buf_putc(b, d->digits[0]);
    if (d->n > 1) {
        buf_putc(b, '.');
        buf_put(b, d->digits + 1, (size_t)d->n - 1);
    }
    buf_printf(b, "e%c%02d", d->power < 0 ? '-' : '+', abs(d->power));
}

static void put_float(struct buf *b, long double x, enum float_width width, bool point_zero)
{
    if (isnan(x)) {
        buf_puts(b, "nan");
        return;
    }
    if (signbit(x)) {
        buf_putc(b, '-');
        x = -x;
    }
    if (isinf(x)) {
        buf_puts(b, "inf");
        return;
    }
    if (x == 0 || (x < 1e6L && x == (long double)(int32_t)x && x < widths[width].plain)) {
        buf_printf(b, point_zero ? "%d.0" : "%d", (int)x);
        return;
    }
    struct decimal d = {.digits = "0", .n = 1};
    shortest(x, width, &d);
    bool plain = width == FLOAT_64 ? d.power >= -4 && d.power < 16
                                   : (double)x >= 1e-4 && x < widths[width].plain;
    if (plain)
        put_plain(b, &d, point_zero);
    else
        put_exponent(b, &d);
}

void text_float(struct buf *b, long double x, enum float_width width)
{
    put_float(b, x, width, true);
}

void text_complex(struct buf *b, long double real, long double imag, enum float_width width)
{
    bool both = real != 0 || signbit(real);
    if (both) {
        buf_putc(b, '(');
        put_float(b, real, width, false);
        if (isnan(imag) || !signbit(imag))
            buf_putc(b, '+');
    }
    put_float(b, imag, width, false);
    buf_puts(b, both ? "j)" : "j");
}
