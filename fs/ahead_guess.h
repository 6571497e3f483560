// Guesses what a serial reader wants next: pure code over a step's tasks. No waiting, no threads.
//
// A program goes through the tasks of a step in an order of its own: as they were listed, sorted by name (a shell's
// glob), or sorted by inode number (cp, tar), upwards or downwards. Which one shows after two steps. Each guess that
// came true doubles how far ahead is looked, up to a third of the square of how many tasks the reader saw: who reads
// eight has 21 more made ready, who reads twenty as many as there may be. A step that none of them explains takes it
// back to nothing.
#ifndef FS_AHEAD_GUESS_H
#define FS_AHEAD_GUESS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strv.h"

enum { ORDER_LISTED, ORDER_NAME, ORDER_INODE, ORDERS };

// The tasks of one step. Immutable, reference-counted.
struct roster {
    atomic_uint refs;
    struct strv names;     // as listed
    bool partial;          // the step has more tasks than these: one that is not among them is no news
    uint32_t *at[ORDERS];  // the i-th of an order is names.items[at[order][i]]
    uint32_t *pos[ORDERS]; // and the way back
};
// Takes over the names. ino tells the inode number of a name.
struct roster *roster_new(struct strv *names, uint64_t (*ino)(void *arg, const char *name), void *arg);
struct roster *roster_ref(struct roster *r);
void roster_unref(struct roster *r); // NULL is fine
bool roster_find(const struct roster *r, const char *name, uint32_t *ret);

#define GUESS_FARTHEST 128

// One reader's way through a roster; belongs to whoever locks it.
struct guess {
    int64_t last;              // index of the task that was seen last, or -1
    uint8_t votes[ORDERS * 2]; // steps in a row that fit: order * 2, downwards + 1
    int chosen;                // or -1
    unsigned distance;         // how far ahead is looked
    unsigned came;             // tasks seen in this pass
    unsigned came_before;      // in one that a pass is likely to repeat
    int64_t next;              // position in the chosen order from which on nothing was given out
    uint8_t *state;            // of each task: GUESS_*
    uint64_t wrong;            // given out and never seen
};
// The last two are as good as unseen: seen in another pass, given out in vain.
enum { GUESS_UNSEEN, GUESS_GIVEN, GUESS_SEEN, GUESS_RENEWED, GUESS_DROPPED };

void guess_init(struct guess *g, const struct roster *r);
void guess_free(struct guess *g);
// Forgets what was given out and not seen, and counts it as wrong.
void guess_drop(struct guess *g, const struct roster *r);
// What was seen may be given out again: something else of the tasks is wanted now.
void guess_renew(struct guess *g, const struct roster *r);
// A task was seen. True when it had been given out: the guess was right. `farthest`: up to GUESS_FARTHEST, what a
// right guess may grow to.
bool guess_saw(struct guess *g, const struct roster *r, uint32_t task, unsigned farthest);
// Somebody else's way through the same roster is likely to be this one's too: begins as far ahead as that one came, at
// most at `distance`, where the task is the first of one of the orders.
void guess_trust(struct guess *g, const struct roster *r, uint32_t task, const struct guess *other, unsigned distance);
// The next task to be made ready, in the order of need; false when there is none for now.
bool guess_next(struct guess *g, const struct roster *r, uint32_t *ret);

#endif
