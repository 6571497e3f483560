#include "report/preview_stats.h"

#include <math.h>
#include <string.h>

enum { CHECK_EACH = 1 << 16 };

bool stats_is_numeric(const struct npy_type *t)
{
    return memchr("biufMm", t->kind, 6) != NULL && (t->kind != 'f' || t->itemsize <= sizeof(long double));
}

static uint64_t load_u64(const struct npy_type *t, const uint8_t *at)
{
    uint64_t u;
    memcpy(&u, at, sizeof u);
    return t->swap ? __builtin_bswap64(u) : u;
}

// False for what is missing: NaN, NaT.
static bool load(const struct npy_type *t, const uint8_t *at, long double *ret)
{
    int64_t i;
    enum float_width width;
    if (t->kind == 'M' || t->kind == 'm') {
        i = (int64_t)load_u64(t, at);
        *ret = (long double)i;
        return i != INT64_MIN;
    }
    if (npy_real(t, at, ret, &width))
        return !isnan(*ret);
    if (npy_int(t, at, &i))
        *ret = (long double)i;
    else
        *ret = (long double)load_u64(t, at); // uint64 above the signed ones
    return true;
}

struct pass {
    const struct npy_array *a;
    struct array_stats *s;
    long double least, greatest; // of all that are not missing
    long double sum;
    double edges[STATS_BINS + 1];
};

static void see(struct pass *p, const uint8_t *at)
{
    struct array_stats *s = p->s;
    long double x;
    s->looked++;
    if (!load(p->a->type, at, &x)) {
        s->missing++;
        return;
    }
    if (!s->min || x < p->least) {
        p->least = x;
        s->min = at;
    }
    if (!s->max || x > p->greatest) {
        p->greatest = x;
        s->max = at;
    }
    p->sum += x;
    if (isinf(x)) {
        s->infinite++;
        return;
    }
    if (!s->finite || x < s->first)
        s->first = x;
    if (!s->finite || x > s->last)
        s->last = x;
    s->finite++;
}

// As numpy.histogram: by division, then by the edges (which are doubles) where rounding put an element beside its bin.
static void count(struct pass *p, const uint8_t *at)
{
    struct array_stats *s = p->s;
    long double x;
    if (!load(p->a->type, at, &x) || isinf(x))
        return;
    long double place = (x - s->first) / (s->last - s->first) * s->n_bins;
    size_t bin = place < 0 ? 0 : place >= s->n_bins ? s->n_bins - 1 : (size_t)place;
    if (bin > 0 && x < p->edges[bin])
        bin--;
    else if (bin < s->n_bins - 1 && x >= p->edges[bin + 1])
        bin++;
    s->bins[bin]++;
}

static errc walk(struct pass *p, void (*fn)(struct pass *p, const uint8_t *at), struct cancel *cancel, struct err *err)
{
    size_t until_check = 0;
    for (size_t i = 0; i < p->a->count; i += p->s->step) {
        if (until_check-- == 0) {
            errc e = cancel_check(cancel, err);
            if (e)
                return e;
            until_check = CHECK_EACH;
        }
        fn(p, p->a->data + i * p->a->type->itemsize);
    }
    return ERR_OK;
}

static bool make_edges(struct pass *p)
{
    struct array_stats *s = p->s;
    double first = (double)s->first, last = (double)s->last, width = last - first;
    if (!s->finite || !isfinite(width) || !(width > 0))
        return false;
    s->n_bins = STATS_BINS;
    if ((p->a->type->kind == 'i' || p->a->type->kind == 'u') && s->last - s->first < STATS_BINS)
        s->n_bins = (unsigned)(s->last - s->first) + 1;
    for (unsigned i = 0; i <= s->n_bins; i++)
        p->edges[i] = i == s->n_bins ? last : i * (width / s->n_bins) + first;
    return true;
}

errc stats_of(const struct npy_array *a, size_t max_looked, struct cancel *cancel, struct array_stats *ret,
              struct err *err)
{
    struct array_stats s = {.step = 1};
    if (max_looked && a->count > max_looked)
        s.step = (a->count + max_looked - 1) / max_looked;
    struct pass p = {.a = a, .s = &s};
    errc e = walk(&p, see, cancel, err);
    if (!e) {
        s.mean = s.looked > s.missing ? p.sum / (long double)(s.looked - s.missing) : (long double)NAN;
        s.has_histogram = make_edges(&p);
    }
    if (!e && s.has_histogram)
        e = walk(&p, count, cancel, err);
    if (!e)
        *ret = s;
    return e;
}
