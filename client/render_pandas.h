// The scalars of pandas as text: Timestamp, Timedelta, Period, Interval, offsets and the missing values. What pickles
// hold of them: pandas/_libs/tslibs/{timestamps,timedeltas,period,offsets,nattype}.pyx and pandas/_libs/interval.pyx,
// of pandas 1 to 3. For client/render_*.c and client/frame_*.c; thread-safe, nothing is kept.
#ifndef CLIENT_RENDER_PANDAS_H
#define CLIENT_RENDER_PANDAS_H

#include "client/render_parts.h"

// --- Times --------------------------------------------------------------------------------------
// Times and spans are counts of a second's parts: of 10^-digits seconds, digits 0, 3, 6 or 9. INT64_MIN is NaT.
#define PANDAS_NAT INT64_MIN

// A moment of UTC in a zone (NULL: none, the local clock itself). isoformat() with sep 'T', str() with ' '. Where the
// zone is not known it is UTC's time, "+00:00" and the zone's name in brackets.
void text_timestamp(struct buf *b, int64_t t, unsigned digits, const struct tz *tz, char sep);
// The same with so many digits behind the seconds (0, 3, 6 or 9), as to_csv() writes a column.
void text_timestamp_fixed(struct buf *b, int64_t t, unsigned digits, const struct tz *tz, char sep, unsigned fraction);
// str() of a Timedelta: "1 days 00:00:00".
void text_timedelta(struct buf *b, int64_t t, unsigned digits);
// 0, 3, 6, 9 for "s", "ms", "us", "ns"; false for others.
bool digits_of_unit(const char *unit, unsigned *ret);
__int128 in_nanos(int64_t t, unsigned digits);
// a / b rounded down, b > 0; *ret_rest is 0 to b - 1.
__int128 floor_div(__int128 a, __int128 b, __int128 *ret_rest);

// --- Periods ------------------------------------------------------------------------------------
enum period_kind {
    PERIOD_YEAR, PERIOD_QUARTER, PERIOD_MONTH, PERIOD_WEEK, PERIOD_BUSINESS_DAY, PERIOD_DAY, PERIOD_HOUR, PERIOD_MINUTE,
    PERIOD_SECOND, PERIOD_MILLI, PERIOD_MICRO, PERIOD_NANO,
};

struct period_freq {
    enum period_kind kind;
    unsigned anchor;  // YEAR, QUARTER: the month 1 to 12 that a year ends in; WEEK: the last day, Monday is 0
    int64_t count;    // "2M" is 2
};

// Of an offset's call in a pickle (MonthEnd(2, False)); of a name ("2M", "Q-FEB", also of pandas 1: "A-DEC", "T").
bool period_freq_of_offset(const struct value *offset, struct period_freq *ret);
bool period_freq_of_name(const char *name, size_t len, struct period_freq *ret);
// The name as pandas 3 has it: "2M", "Y-DEC", "min".
void text_period_freq(struct buf *b, const struct period_freq *f);
void text_period(struct buf *b, const struct period_freq *f, int64_t ordinal);

// --- Scalars ------------------------------------------------------------------------------------
// False, perhaps with something appended, when v is none of them. Timestamps as isoformat() has them, the others as
// str(); numpy.ma.masked is one of them.
bool text_pandas(struct buf *b, const struct value *v);
// An element of numpy as f"{x}" has it: a narrow float as the double that it is.
bool text_formatted(struct buf *b, const struct npy_type *t, const uint8_t *at);
// The same of a bound of an interval: of a number, Timestamp or Timedelta.
bool text_bound(struct buf *b, const struct value *v);
// What a Timestamp or Timedelta is sorted by; those of different kinds cannot be compared. False for others, and NaT.
enum pandas_order { ORDER_LOCAL, ORDER_MOMENT, ORDER_SPAN };
bool pandas_order_of(const struct value *v, enum pandas_order *ret_order, __int128 *ret_nanos);
bool is_pandas_na(const struct value *v);
// str() of a pyarrow type (frame_ext_arrow_type.c). Appended.
void arrow_type_name(struct buf *b, const struct value *type);
bool is_pandas_nat(const struct value *v);
// Whether a global is a class of pandas, wherever that version keeps it: the module begins with "pandas", the name is
// that, or that without what stands before the last dot.
bool is_pandas_class(const struct value *global, const char *name);

#endif
