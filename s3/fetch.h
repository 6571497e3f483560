// The parallel fetcher: one object as a stream of bytes in order, received in ranges over many connections.
//
// The first request asks for the first part and tells size and ETag; further parts carry If-Match (but for a weak
// ETag, which matches nothing) and are compared with the first, so that all bytes are of one version of the object
// (another version begins anew while nothing was given yet, else it is ERR_BUSY). Parts are asked for in order of
// need. How many are under way adapts (s3/fetch_pace.h): it grows while the stream waits for the network and each step
// brings more, and stays where the consumer is the slower one. All fetches together keep within conf.max_bytes in
// flight, shared equally between those that run. A part that fails is asked for again from where it was cut, alone.
// Where the whole object is the answer to a range (a server, or a proxy, that knows none) it is streamed from that one
// answer, without what was given already, and no other part is asked for. Thread-safe; a fetch runs on its caller's
// thread.
#ifndef S3_FETCH_H
#define S3_FETCH_H

#include <stddef.h>
#include <stdint.h>

#include "base/cancel.h"
#include "base/err.h"
#include "s3/s3.h"

struct fetcher;
struct fetcher_conf {
    struct s3 *s3;          // borrowed
    size_t part_bytes;      // 0 means 8 MiB
    unsigned max_parts;     // of one object at once; 0 means 32
    size_t max_bytes;       // in flight, of all objects; 0 means 256 MiB
};
struct fetcher *fetcher_new(const struct fetcher_conf *conf);
void fetcher_free(struct fetcher *f); // nobody is in a call any more; NULL is fine

struct fetch_object {
    const char *bucket, *key; // borrowed
    uint64_t off;             // from here to the end
};
// Streams it through fn; ret_head as s3_get has it.
errc fetch_stream(struct fetcher *f, const struct fetch_object *o, struct cancel *cancel, s3_body_fn fn, void *arg,
                  struct s3_head *ret_head, struct err *err) ERR_MUST_CHECK;

struct fetcher_stats {
    uint64_t objects, parts, parts_again; // begun
    unsigned running, parts_now;          // now; running: those of more than one part
    uint64_t bytes_now;                   // reserved for what is in flight
};
void fetcher_stats(struct fetcher *f, struct fetcher_stats *ret);

#endif
