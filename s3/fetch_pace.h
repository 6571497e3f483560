// How many parts of an object are under way at once: pure code, time comes in. One pace belongs to one fetch.
//
// It climbs: after each round (as many parts as are allowed at once) the rate is compared with that of the best round
// before. While the stream spent a quarter of its time or more waiting for the network, and the rate grew by a tenth or
// more, half as many parts again are allowed; when it did not grow, the last step is taken back, and tried again only
// after some rounds. Where it waited less, the consumer is the slower one, and the number stays.
#ifndef S3_FETCH_PACE_H
#define S3_FETCH_PACE_H

#include <stdbool.h>
#include <stdint.h>

struct pace {
    unsigned parts;               // allowed at once now
    unsigned min, max;
    unsigned before;              // parts before the last step
    double best;                  // bytes a millisecond, of the best round so far
    unsigned left;                // parts until this round ends
    int64_t waited_us;            // of this round
    uint64_t bytes;               // of this round
    int64_t begin_ms;
    unsigned rest;                // rounds until the next step is tried
};

void pace_init(struct pace *p, unsigned first, unsigned max, int64_t now_ms);
// A part was taken whole: its bytes, and how long the stream waited for them.
void pace_part(struct pace *p, uint64_t bytes, int64_t waited_us, int64_t now_ms);

#endif
