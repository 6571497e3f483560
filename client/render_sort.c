// Sets in Python's sorting order, where their items can be compared with each other: numbers,
// strings, bytes, tuples of these, dates and naive times, UUIDs.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "client/render_parts.h"

enum { MAX_DEPTH = 8, MAX_COMPARISONS = 100 * 1000 * 1000 };

struct sorting {
    bool failed;          // two items cannot be compared
    uint64_t comparisons; // shared tuples in tuples could take for ever
};

enum sort_class { SORT_NONE, SORT_NUMBER, SORT_STR, SORT_BYTES, SORT_TUPLE, SORT_DATE, SORT_DATETIME, SORT_TIME };

static const struct value *only_arg(const struct value *v)
{
    const struct value *args = v->u.call.args;
    return args->u.seq.len == 1 && args->u.seq.items[0]->kind == VALUE_BYTES ? args->u.seq.items[0] : NULL;
}

static enum sort_class class_of(const struct value *v)
{
    switch (v->kind) {
    case VALUE_BOOL:
    case VALUE_INT:
    case VALUE_BIGINT: return SORT_NUMBER;
    case VALUE_FLOAT: return isnan(v->u.real) ? SORT_NONE : SORT_NUMBER;
    case VALUE_STR: return SORT_STR;
    case VALUE_BYTES: return SORT_BYTES;
    case VALUE_TUPLE: return SORT_TUPLE;
    case VALUE_CALL:
        if (!only_arg(v))
            return SORT_NONE;
        return value_is_call(v, "datetime", "date")       ? SORT_DATE
               : value_is_call(v, "datetime", "datetime") ? SORT_DATETIME
               : value_is_call(v, "datetime", "time")     ? SORT_TIME
                                                          : SORT_NONE;
    default: return SORT_NONE;
    }
}

static int sign_of(const struct value *big)
{
    return big->u.bytes.data[big->u.bytes.len - 1] & 0x80 ? -1 : 1;
}

static int compare_big(const struct value *a, const struct value *b)
{
    int sign = sign_of(a);
    if (sign != sign_of(b))
        return sign;
    if (a->u.bytes.len != b->u.bytes.len)
        return a->u.bytes.len < b->u.bytes.len ? -sign : sign;
    for (size_t i = a->u.bytes.len; i-- > 0;) {
        if (a->u.bytes.data[i] != b->u.bytes.data[i])
            return a->u.bytes.data[i] < b->u.bytes.data[i] ? -1 : 1;
    }
    return 0;
}

static double big_to_double(const struct value *v)
{
    double x = 0;
    const uint8_t *le = v->u.bytes.data;
    size_t len = v->u.bytes.len, low = len > 16 ? len - 16 : 0;
    if (len > 1100)
        return sign_of(v) * (double)INFINITY;
    for (size_t i = len; i-- > low;)
        x = x * 256 + (i == len - 1 ? (int8_t)le[i] : le[i]);
    return ldexp(x, (int)low * 8);
}

static int compare_int_real(int64_t i, double x)
{
    if (x >= 0x1p63)
        return -1;
    if (x < -0x1p63)
        return 1;
    int64_t whole = (int64_t)x;
    if (i != whole)
        return i < whole ? -1 : 1;
    double rest = x - (double)whole;
    return rest > 0 ? -1 : rest < 0;
}

static int compare_numbers(const struct value *a, const struct value *b)
{
    bool big_a = a->kind == VALUE_BIGINT, big_b = b->kind == VALUE_BIGINT;
    bool real_a = a->kind == VALUE_FLOAT, real_b = b->kind == VALUE_FLOAT;
    if (big_a && big_b)
        return compare_big(a, b);
    if ((big_a && !real_b) || (big_b && !real_a))
        return big_a ? sign_of(a) : -sign_of(b);
    if ((real_a || big_a) && (real_b || big_b)) {
        double x = real_a ? a->u.real : big_to_double(a), y = real_b ? b->u.real : big_to_double(b);
        return x < y ? -1 : x > y;
    }
    int64_t i = a->kind == VALUE_BOOL ? a->u.boolean : real_a ? 0 : a->u.integer;
    int64_t k = b->kind == VALUE_BOOL ? b->u.boolean : real_b ? 0 : b->u.integer;
    if (real_b)
        return compare_int_real(i, b->u.real);
    if (real_a)
        return -compare_int_real(k, a->u.real);
    return i < k ? -1 : i > k;
}

static int compare_bytes(struct sorting *s, const struct value *a, const struct value *b)
{
    size_t n = a->u.bytes.len < b->u.bytes.len ? a->u.bytes.len : b->u.bytes.len;
    s->comparisons += n / 64;
    int c = n ? memcmp(a->u.bytes.data, b->u.bytes.data, n) : 0;
    return c ? c : a->u.bytes.len < b->u.bytes.len ? -1 : a->u.bytes.len > b->u.bytes.len;
}

// The state of a date or time is its fields, most significant first; one bit (fold) aside.
static int compare_dates(const struct value *a, const struct value *b, enum sort_class class)
{
    const struct value *x = only_arg(a), *y = only_arg(b);
    size_t fold = class == SORT_DATETIME ? 2 : class == SORT_TIME ? 0 : SIZE_MAX;
    size_t n = x->u.bytes.len < y->u.bytes.len ? x->u.bytes.len : y->u.bytes.len;
    for (size_t i = 0; i < n; i++) {
        uint8_t p = x->u.bytes.data[i], q = y->u.bytes.data[i];
        if (i == fold) {
            p &= 0x7f;
            q &= 0x7f;
        }
        if (p != q)
            return p < q ? -1 : 1;
    }
    return 0;
}

static int compare(struct sorting *s, const struct value *a, const struct value *b, unsigned depth)
{
    enum sort_class class = class_of(a);
    if (a == b && class != SORT_NONE)
        return 0;
    if (class == SORT_NONE || class != class_of(b) || depth > MAX_DEPTH || ++s->comparisons > MAX_COMPARISONS)
        s->failed = true;
    if (s->failed)
        return 0;
    switch (class) {
    case SORT_NUMBER: return compare_numbers(a, b);
    case SORT_STR:
    case SORT_BYTES: return compare_bytes(s, a, b);
    case SORT_TUPLE: break;
    default: return compare_dates(a, b, class);
    }
    size_t n = a->u.seq.len < b->u.seq.len ? a->u.seq.len : b->u.seq.len;
    for (size_t i = 0; i < n; i++) {
        int c = a->u.seq.items[i] == b->u.seq.items[i]
                    ? 0
                    : compare(s, a->u.seq.items[i], b->u.seq.items[i], depth + 1);
        if (c || s->failed)
            return c;
    }
    return a->u.seq.len < b->u.seq.len ? -1 : a->u.seq.len > b->u.seq.len;
}

static int compare_items(const void *a, const void *b, void *arg)
{
    return compare(arg, *(struct value *const *)a, *(struct value *const *)b, 0);
}

struct value **sort_items(struct value *const *items, size_t n)
{
    struct sorting s = {0};
    if (n < 2)
        return NULL;
    struct value **sorted = malloc(n * sizeof *sorted);
    if (!sorted)
        return NULL;
    memcpy(sorted, items, n * sizeof *sorted);
    qsort_r(sorted, n, sizeof *sorted, compare_items, &s);
    if (s.failed) {
        free(sorted);
        return NULL;
    }
    return sorted;
}
