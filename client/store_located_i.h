// What client/store_located.c and client/store_places.c share; nobody else includes it.
#ifndef CLIENT_STORE_LOCATED_I_H
#define CLIENT_STORE_LOCATED_I_H

#include <pthread.h>
#include <stdatomic.h>

#include "client/store_located.h"

#define MAX_PLACES 64 // a datastore whose records name more has been moved about a lot
#define RUNS 1024     // whose place is remembered, by a hash

struct place {
    char *sysroot;       // owned
    struct store *store; // owned; NULL: it cannot be read from here
    atomic_bool on_demand; // only store_located_at knows it: nothing is looked for in it
};

enum { PLACE_UNKNOWN = -2, PLACE_MOUNTED = -1 };
struct run_place {
    uint64_t run; // hash of FLOW/RUN; 0: nobody
    int place;    // index, or PLACE_MOUNTED
};

struct located {
    struct store store; // first member
    struct store *mounted;
    store_open_fn open; // or NULL
    void *open_arg;
    pthread_mutex_t lock;
    // Under lock to be added to; those below len stay as they are, but for on_demand, as long as the store lives.
    struct place places[MAX_PLACES];
    size_t len;
    struct run_place runs[RUNS]; // lock
};

// store_places.c
size_t places_len(struct located *l);
// Index of a known place, or -1.
int places_find(struct located *l, const char *sysroot);
// Where the run that a path belongs to put its files, as far as is known.
int places_of_run(struct located *l, const char *path);
bool places_is_remote(const char *sysroot);
void places_free(struct located *l);

extern const struct store_ops located_ops;

#endif
