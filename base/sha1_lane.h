// A SHA-1 that is computed beside the work that makes the bytes: on a thread of its own, so that a large object is
// digested while the next of it is received, inflated and written. One caller at a time.
#ifndef BASE_SHA1_LANE_H
#define BASE_SHA1_LANE_H

#include <stddef.h>

#include "base/hash.h"

// So many pieces may wait to be digested, the one that is being digested among them: the bytes of a piece have to
// stay as they are until so many further pieces were added, or the lane was ended.
#define SHA1_LANE_DEPTH 2

struct sha1_lane;

// Goes on with `sha1`, which is the caller's again once the lane was ended. NULL where there is no thread to be had.
struct sha1_lane *sha1_lane_new(struct sha1 *sha1);
// Waits while the lane is full. The bytes are borrowed, as said above.
void sha1_lane_add(struct sha1_lane *lane, const void *data, size_t len);
// Waits until all is digested, and frees the lane; NULL is fine.
void sha1_lane_end(struct sha1_lane *lane);

#endif
