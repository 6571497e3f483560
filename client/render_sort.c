// Sets in Python's sorting order, where their items can be compared with each other: numbers (numpy's
// too), strings, bytes, tuples of these, dates, naive times, time differences, UUIDs, pandas' times.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "client/render_pandas.h"
#include "client/render_parts.h"

enum { MAX_DEPTH = 8, MAX_COMPARISONS = 100 * 1000 * 1000 };

struct sorting {
    bool failed;          // two items cannot be compared
    uint64_t comparisons; // shared tuples in tuples could take for ever
};

enum sort_class {
    SORT_NONE, SORT_NUMBER, SORT_STR, SORT_BYTES, SORT_TUPLE, SORT_DATE, SORT_DATETIME, SORT_TIME,
    SORT_DELTA, SORT_UUID, SORT_LOCAL, SORT_MOMENT, SORT_SPAN, // the last ones in the order of enum pandas_order
};

// One item of a set: what it is compared by, and itself.
struct sort_item {
    const struct value *by;
    struct value *item;
};

static const struct value *only_arg(const struct value *v)
{
    const struct value *args = v->u.call.args;
    return args->u.seq.len == 1 && args->u.seq.items[0]->kind == VALUE_BYTES ? args->u.seq.items[0] : NULL;
}

static const struct value *uuid_int(const struct value *v)
{
    const struct value *i = value_dict_get(v->u.call.state, "int");
    return i && (i->kind == VALUE_INT || i->kind == VALUE_BIGINT) ? i : NULL;
}

static enum sort_class class_of(const struct value *v)
{
    enum pandas_order order;
    __int128 nanos;
    switch (v->kind) {
    case VALUE_BOOL:
    case VALUE_INT:
    case VALUE_BIGINT: return SORT_NUMBER;
    case VALUE_FLOAT: return isnan(v->u.real) ? SORT_NONE : SORT_NUMBER;
    case VALUE_STR: return SORT_STR;
    case VALUE_BYTES: return SORT_BYTES;
    case VALUE_TUPLE: return SORT_TUPLE;
    case VALUE_CALL:
        if (value_is_call(v, "datetime", "timedelta"))
            return SORT_DELTA;
        if (value_is_call(v, "uuid", "UUID"))
            return uuid_int(v) ? SORT_UUID : SORT_NONE;
        if (pandas_order_of(v, &order, &nanos))
            return (enum sort_class)(SORT_LOCAL + order);
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

static int compare_pandas(const struct value *a, const struct value *b)
{
    enum pandas_order order;
    __int128 x = 0, y = 0;
    (void)pandas_order_of(a, &order, &x);
    (void)pandas_order_of(b, &order, &y);
    return x < y ? -1 : x > y;
}

static int compare(struct sorting *s, const struct value *a, const struct value *b, unsigned depth);

static int compare_tuples(struct sorting *s, const struct value *a, const struct value *b, unsigned depth)
{
    size_t n = a->u.seq.len < b->u.seq.len ? a->u.seq.len : b->u.seq.len;
    for (size_t i = 0; i < n; i++) {
        const struct value *x = a->u.seq.items[i], *y = b->u.seq.items[i];
        int c = x == y ? 0 : compare(s, x, y, depth + 1);
        if (c || s->failed)
            return c;
    }
    return a->u.seq.len < b->u.seq.len ? -1 : a->u.seq.len > b->u.seq.len;
}

// Recursion is bounded by MAX_DEPTH.
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
    case SORT_TUPLE: return compare_tuples(s, a, b, depth);
    case SORT_DELTA: return compare_tuples(s, a->u.call.args, b->u.call.args, depth);
    case SORT_UUID: return compare_numbers(uuid_int(a), uuid_int(b));
    case SORT_LOCAL:
    case SORT_MOMENT:
    case SORT_SPAN: return compare_pandas(a, b);
    default: return compare_dates(a, b, class);
    }
}

static int compare_items(const void *a, const void *b, void *arg)
{
    const struct sort_item *x = a, *y = b;
    return compare(arg, x->by, y->by, 0);
}

// The number that a numpy scalar is, in *to; false when it is none.
static bool numpy_number(const struct value *v, struct value *to)
{
    struct npy_type *t = NULL;
    const uint8_t *at;
    const struct value *object;
    long double real;
    enum float_width width;
    bool ok = false;
    if (npy_scalar(v, &t, &at, &object) == NPY_YES && !object) {
        to->kind = VALUE_INT;
        ok = npy_int(t, at, &to->u.integer);
        if (!ok && npy_real(t, at, &real, &width)) {
            to->kind = VALUE_FLOAT;
            to->u.real = (double)real;
            ok = true;
        }
    }
    npy_type_free(t);
    return ok;
}

// Sorts keys; false when two cannot be compared. Numbers of numpy are unpacked first.
static bool sort_keys(struct sort_item *keys, size_t n)
{
    struct sorting s = {0};
    struct value *numbers = NULL;
    if (keys[0].item->kind == VALUE_CALL) {
        numbers = malloc(n * sizeof *numbers);
        if (!numbers)
            return false;
        for (size_t i = 0; i < n; i++) {
            if (keys[i].item->kind == VALUE_CALL && numpy_number(keys[i].item, &numbers[i]))
                keys[i].by = &numbers[i];
        }
    }
    qsort_r(keys, n, sizeof *keys, compare_items, &s);
    free(numbers);
    return !s.failed;
}

struct value **sort_items(struct value *const *items, size_t n)
{
    if (n < 2)
        return NULL;
    struct sort_item *keys = malloc(n * sizeof *keys);
    if (!keys)
        return NULL;
    for (size_t i = 0; i < n; i++)
        keys[i] = (struct sort_item){items[i], items[i]};
    struct value **sorted = sort_keys(keys, n) ? malloc(n * sizeof(void *)) : NULL;
    for (size_t i = 0; sorted && i < n; i++)
        sorted[i] = keys[i].item;
    free(keys);
    return sorted;
}
