// One at a time for a key: whoever fetches a thing holds its key, whoever else wants it waits until the
// fetch has ended and then finds it in the cache. Keys are text. Thread-safe.
#ifndef BASE_KEYLOCK_H
#define BASE_KEYLOCK_H

#include <stdbool.h>

#include "base/cancel.h"
#include "base/err.h"

struct keylocks;
struct keylocks *keylocks_new(void);
void keylocks_free(struct keylocks *k); // nobody holds or waits any more

// Takes the key, waiting while somebody else has it; *ret_waited tells whether it had to. When the holder
// for whom we waited left with a failure that speaks of the thing (not of its own cancellation), the
// call fails with that same failure and the key is not taken: a dead service is asked once, not once for
// each who waits. Else fails only by the token (ERR_INTERRUPTED, ERR_TIMEOUT; seen within 50 ms).
errc keylock_take(struct keylocks *k, const char *key, struct cancel *cancel, bool *ret_waited,
                  struct err *err) ERR_MUST_CHECK;
// Gives it back. `result` is NULL or OK when it went well, or when the failure was only the holder's own
// end; else those who wait now get it.
void keylock_give(struct keylocks *k, const char *key, const struct err *result);

#endif
