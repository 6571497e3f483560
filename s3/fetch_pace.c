#include "s3/fetch_pace.h"

#define GAIN 1.1
#define REST_ROUNDS 6
#define STARVED_PART 4 // of its time

static void begin_round(struct pace *p, int64_t now_ms)
{
    p->left = p->parts;
    p->waited_us = 0;
    p->bytes = 0;
    p->begin_ms = now_ms;
}

void pace_init(struct pace *p, unsigned first, unsigned max, int64_t now_ms)
{
    *p = (struct pace){.min = 1, .max = max > 0 ? max : 1};
    p->parts = first > p->max ? p->max : first > 0 ? first : 1;
    p->before = p->parts;
    begin_round(p, now_ms);
}

static void climb(struct pace *p)
{
    unsigned more = p->parts + (p->parts + 1) / 2;
    p->before = p->parts;
    p->parts = more > p->max ? p->max : more;
}

static void end_round(struct pace *p, int64_t now_ms)
{
    int64_t took = now_ms - p->begin_ms;
    double rate = (double)p->bytes / (double)(took > 0 ? took : 1);
    bool starved = p->waited_us > took * 1000 / STARVED_PART;
    bool gained = rate > p->best * GAIN;
    if (gained) {
        p->best = rate;
        p->rest = 0;
    }
    if (starved && gained) {
        climb(p);
    } else if (p->rest > 0) {
        if (--p->rest == 0 && starved) {
            p->best = rate; // what the link gives now
            climb(p);
        }
    } else if (!gained && p->parts != p->before) {
        p->parts = p->before;
        p->rest = REST_ROUNDS;
    } else {
        p->rest = REST_ROUNDS;
    }
    begin_round(p, now_ms);
}

void pace_part(struct pace *p, uint64_t bytes, int64_t waited_us, int64_t now_ms)
{
    p->bytes += bytes;
    p->waited_us += waited_us;
    if (p->left > 0) {
        p->left--;
    }
    if (p->left == 0) {
        end_round(p, now_ms);
    }
}
