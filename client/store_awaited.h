// A local datastore whose directory need not exist yet: nothing is in it until it does. For a mount of a
// metadata service from a place where Metaflow has made no `.metaflow` so far.
#ifndef CLIENT_STORE_AWAITED_H
#define CLIENT_STORE_AWAITED_H

#include "client/store.h"

struct store *store_awaited_new(const char *sysroot);

#endif
