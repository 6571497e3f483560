// Opcodes of protocol 0, whose arguments are lines of text.
#include "client/pickle_reader.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

// Decimal text becomes binary in quadratic time: this many digits take about a tenth of a second.
// (Python's own limit for such text is 4,300 digits unless it is raised.)
enum { MAX_DIGITS = 262144, MAX_FLOAT_TEXT = 1024 };

static void trim(const uint8_t **s, size_t *len)
{
    while (*len && memchr(" \t\r\f\v", (*s)[*len - 1], 5))
        --*len;
    while (*len && memchr(" \t\r\f\v", (*s)[0], 5)) {
        ++*s;
        --*len;
    }
}

// limbs := limbs * factor + add; the number of limbs afterwards.
static size_t limbs_scale(uint64_t *limbs, size_t n, uint64_t factor, uint64_t add)
{
    for (size_t i = 0; i < n; i++) {
        unsigned __int128 t = (unsigned __int128)limbs[i] * factor + add;
        limbs[i] = (uint64_t)t;
        add = (uint64_t)(t >> 64);
    }
    if (add)
        limbs[n++] = add;
    return n;
}

static void limbs_negate(uint64_t *limbs, size_t n)
{
    uint64_t carry = 1;
    for (size_t i = 0; i < n; i++) {
        limbs[i] = ~limbs[i] + carry;
        carry = carry && !limbs[i];
    }
}

// Checked decimal digits as a value; NULL when there is no room.
static struct value *big_from_digits(struct reader *r, const uint8_t *s, size_t len, bool negative)
{
    size_t cap = len / 19 + 3, bytes = cap * sizeof(uint64_t), n = 0;
    uint64_t *limbs = arena_alloc(&r->p->arena, bytes);
    if (!limbs)
        return NULL;
    for (size_t i = 0; i < len;) {
        uint64_t chunk = 0, factor = 1;
        for (size_t k = 0; k < 18 && i < len; k++, i++) {
            chunk = chunk * 10 + (s[i] - '0');
            factor *= 10;
        }
        n = limbs_scale(limbs, n, factor, chunk);
    }
    limbs[n++] = 0; // room for the sign
    if (negative)
        limbs_negate(limbs, n);
    uint8_t *le = (uint8_t *)limbs;
    for (size_t i = 0; i < n; i++) {
        uint64_t limb = limbs[i];
        for (unsigned b = 0; b < 8; b++)
            le[i * 8 + b] = (uint8_t)(limb >> (8 * b));
    }
    return reader_new_long(r, le, n * 8);
}

static errc push_decimal(struct reader *r, const uint8_t *s, size_t len)
{
    trim(&s, &len);
    bool negative = len && *s == '-';
    if (len && (*s == '-' || *s == '+')) {
        s++;
        len--;
    }
    if (!len)
        return reader_corrupt(r, "its number is empty");
    for (size_t i = 0; i < len; i++) {
        if (s[i] < '0' || s[i] > '9')
            return reader_corrupt(r, "its text is no decimal number");
    }
    if (len > MAX_DIGITS)
        return err_set(r->err, ERR_LIMIT, "the pickle has a decimal number of %zu digits; at most %d are read",
                       len, MAX_DIGITS);
    if (len > 18)
        return reader_push(r, big_from_digits(r, s, len, negative));
    int64_t v = 0;
    for (size_t i = 0; i < len; i++)
        v = v * 10 + (s[i] - '0');
    return reader_push(r, reader_new_int(r, negative ? -v : v));
}

errc op_int(struct reader *r)
{
    const uint8_t *s;
    size_t len;
    if (reader_line(r, &s, &len))
        return r->err->code;
    if (len == 2 && !memcmp(s, "00", 2))
        return reader_push(r, &r->p->no);
    if (len == 2 && !memcmp(s, "01", 2))
        return reader_push(r, &r->p->yes);
    return push_decimal(r, s, len);
}

errc op_long(struct reader *r)
{
    const uint8_t *s;
    size_t len;
    if (reader_line(r, &s, &len))
        return r->err->code;
    if (len && s[len - 1] == 'L')
        len--;
    return push_decimal(r, s, len);
}

// What Python's float() takes, without underscores and hexadecimal.
static bool is_float_text(const char *s, size_t len)
{
    if (len && (*s == '-' || *s == '+')) {
        s++;
        len--;
    }
    if (!strcasecmp(s, "inf") || !strcasecmp(s, "infinity") || !strcasecmp(s, "nan"))
        return true;
    return len && strspn(s, "0123456789.eE+-") == len;
}

errc op_float(struct reader *r)
{
    const uint8_t *s;
    size_t len;
    if (reader_line(r, &s, &len))
        return r->err->code;
    trim(&s, &len);
    char text[MAX_FLOAT_TEXT];
    if (len >= sizeof text)
        return reader_corrupt(r, "its number has %zu bytes", len);
    memcpy(text, s, len);
    text[len] = '\0';
    char *end = text;
    double real = is_float_text(text, len) ? strtod(text, &end) : 0;
    if (end == text || *end)
        return reader_corrupt(r, "its text is no number");
    struct value *v = reader_new(r, VALUE_FLOAT);
    if (v)
        v->u.real = real;
    return reader_push(r, v);
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// n hexadecimal digits at s, or -1.
static int64_t hex_number(const uint8_t *s, size_t len, unsigned n)
{
    int64_t v = 0;
    if (len < n)
        return -1;
    for (unsigned i = 0; i < n; i++) {
        int d = hex_digit(s[i]);
        if (d < 0)
            return -1;
        v = v << 4 | d;
    }
    return v;
}

// One escape of a Python 2 string literal behind its backslash: *used bytes of s become one byte in
// *to (true), or none (false; *used 0 means that it is malformed).
static bool unescape(const uint8_t *s, size_t len, size_t *used, uint8_t *to)
{
    static const char from[] = "\\'\"abfnrtv", plain[] = "\\'\"\a\b\f\n\r\t\v";
    const char *known = strchr(from, *s);
    *used = 1;
    if (*s && known) {
        *to = (uint8_t)plain[known - from];
        return true;
    }
    if (*s == 'x') {
        int64_t v = hex_number(s + 1, len - 1, 2);
        *used = v < 0 ? 0 : 3;
        *to = (uint8_t)v;
        return v >= 0;
    }
    if (*s >= '0' && *s <= '7') {
        unsigned v = 0, n = 0;
        for (; n < 3 && n < len && s[n] >= '0' && s[n] <= '7'; n++)
            v = v * 8 + (s[n] - '0');
        *used = n;
        *to = (uint8_t)v;
        return true;
    }
    return false;
}

// Undoes the escapes of [s, s+len) into to; the length, or SIZE_MAX when one is malformed.
static size_t unescape_all(const uint8_t *s, size_t len, uint8_t *to)
{
    size_t n = 0;
    for (size_t i = 0; i < len;) {
        if (s[i] != '\\') {
            to[n++] = s[i++];
            continue;
        }
        size_t used = 0;
        if (++i == len)
            return SIZE_MAX;
        if (unescape(s + i, len - i, &used, to + n))
            n++;
        else if (used) { // an unknown escape stays as it is
            to[n++] = '\\';
            to[n++] = s[i];
        } else {
            return SIZE_MAX;
        }
        i += used;
    }
    return n;
}

errc op_string(struct reader *r)
{
    const uint8_t *s;
    size_t len;
    if (reader_line(r, &s, &len))
        return r->err->code;
    trim(&s, &len);
    if (len < 2 || s[0] != s[len - 1] || (s[0] != '\'' && s[0] != '"'))
        return reader_corrupt(r, "its text stands in no quotes");
    s++;
    len -= 2;
    if (memchr(s, '\\', len)) {
        uint8_t *to = arena_alloc(&r->p->arena, len);
        if (!to)
            return reader_no_room(r);
        len = unescape_all(s, len, to);
        if (len == SIZE_MAX)
            return reader_corrupt(r, "its text has a malformed escape");
        s = to;
    }
    enum value_kind kind = pickle_is_ascii(s, len) ? VALUE_STR : VALUE_BYTES;
    return reader_push(r, reader_new_bytes(r, kind, s, len));
}

// Raw-unicode-escape: only \u and \U are escapes, every other byte is the character of its number.
static size_t raw_unicode(const uint8_t *s, size_t len, uint8_t *to)
{
    size_t n = 0;
    for (size_t i = 0; i < len;) {
        if (s[i] != '\\' || i + 1 == len) {
            n += pickle_utf8_put(to + n, s[i++]);
            continue;
        }
        uint8_t c = s[i + 1];
        if (c != 'u' && c != 'U') {
            to[n++] = '\\';
            n += pickle_utf8_put(to + n, c);
            i += 2;
            continue;
        }
        unsigned digits = c == 'u' ? 4 : 8;
        int64_t v = hex_number(s + i + 2, len - i - 2, digits);
        if (v < 0 || v > 0x10ffff)
            return SIZE_MAX;
        n += pickle_utf8_put(to + n, (uint32_t)v);
        i += 2 + digits;
    }
    return n;
}

errc op_unicode(struct reader *r)
{
    const uint8_t *s;
    size_t len;
    if (reader_line(r, &s, &len))
        return r->err->code;
    if (!pickle_is_ascii(s, len) || memchr(s, '\\', len)) {
        uint8_t *to = arena_alloc(&r->p->arena, len * 2);
        if (!to)
            return reader_no_room(r);
        len = raw_unicode(s, len, to);
        if (len == SIZE_MAX)
            return reader_corrupt(r, "its text has a malformed escape");
        s = to;
    }
    return reader_push(r, reader_new_bytes(r, VALUE_STR, s, len));
}
