// Numbers and times in answers, read strictly: what is not exactly so counts as not told. Only s3/ includes this.
#ifndef S3_S3_TEXT_H
#define S3_S3_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Milliseconds since the epoch of "2009-10-12T17:50:30.000Z" and of "Mon, 12 Oct 2009 17:50:30 GMT"; -1 for all else.
int64_t s3_time_of_iso(const char *text);
int64_t s3_time_of_http(const char *text);
// Decimal digits alone; false for anything else, or beyond 63 bits.
bool s3_number(const char *text, size_t len, uint64_t *ret);

#endif
