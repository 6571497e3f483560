// The memory that all pickles being read take together. A pickle says from time to time how much it has grown. As long
// as all of them stay below what they share nobody waits; above that one goes on, alone as large as its own limit
// allows, and the others wait for it or for room, in the order in which they came. So there is always one that comes to
// its end. Small ones never wait.
#ifndef CLIENT_PICKLE_SHARE_H
#define CLIENT_PICKLE_SHARE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/cancel.h"
#include "base/err.h"

// What a pickle may grow before it has to say so, and up to which it is small.
#define PICKLE_SHARE_STEP ((size_t)4 * 1024 * 1024)
#define PICKLE_SMALL ((size_t)16 * 1024 * 1024)

// Of one pickle; zeroed at first. Its functions are called by one thread at a time, those of different ones by any.
struct pickle_share {
    size_t bytes;
    bool alone; // it is the one that goes on
};

// Tells how much the pickle takes now. Waits where it has to; fails only by the token, with a cause that says what was
// waited for.
errc pickle_share_grow(struct pickle_share *s, size_t bytes, struct cancel *cancel, struct err *err) ERR_MUST_CHECK;
// It takes nothing any more; the memory was given back before.
void pickle_share_end(struct pickle_share *s);

// How many wait now.
unsigned pickle_share_waiting(void);

// What all share: an eighth of the memory that the machine, or the cgroup that we are in, has; at least 256 MiB, unless
// half of it is less.
size_t pickle_shared_bytes(void);
// The most that a pickle of so many bytes may take: 1 GiB, or 32 times its length where that is more; but no more than
// half of that memory, and 16 GiB.
size_t pickle_memory_max(size_t len);

#endif
