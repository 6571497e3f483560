// Summary and histogram of a numeric array, as numpy has them: nanmin, nanmax, nanmean, and histogram(bins=n_bins) of
// the finite elements. n_bins is STATS_BINS, of integers in a smaller range one for each. Pure but for the token.
#ifndef REPORT_PREVIEW_STATS_H
#define REPORT_PREVIEW_STATS_H

#include "client/render_parts.h"

#define STATS_BINS 20
// More elements than these are sampled: each k-th is looked at.
#define STATS_MAX_LOOKED (4u << 20)

struct array_stats {
    size_t looked, step;       // elements looked at: every step-th
    size_t missing;            // NaN and NaT
    size_t infinite;
    size_t finite;
    // Elements with the least and the greatest value (the infinities too); NULL when all are missing.
    const uint8_t *min, *max;
    long double mean;          // of those that are not missing; NaN when there are none
    bool has_histogram;        // the finite elements differ, in a range that can be divided
    long double first, last;   // its edges: least and greatest finite element
    unsigned n_bins;
    size_t bins[STATS_BINS];
};

// Whether arrays of this type have a summary: bool, integers, floats, datetime64, timedelta64.
bool stats_is_numeric(const struct npy_type *t);
// Of an array of such a type. ERR_INTERRUPTED by the token.
errc stats_of(const struct npy_array *a, size_t max_looked, struct cancel *cancel, struct array_stats *ret,
              struct err *err) ERR_MUST_CHECK;

#endif
