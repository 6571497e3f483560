// The producer behind every object that comes from a store: reads it, inflates it where it is gzip,
// checks it, and appends it to a staged object.
#ifndef CLIENT_BLOB_FETCH_H
#define CLIENT_BLOB_FETCH_H

#include "client/store.h"
#include "s3/staging.h"

enum fetch_mode {
    FETCH_CAS, // gzip, or raw where the attributes say so
    FETCH_RAW,
    FETCH_GZIP,
    FETCH_SNIFF, // gzip where it begins like gzip, else raw
};

struct fetch {
    struct store *store; // borrowed
    char *path;          // owned
    char sha[41];        // what the bytes have to hash to; "": not checked
    enum fetch_mode mode;
};

struct fetch *fetch_new(struct store *store, const char *path, const char *sha,
                        enum fetch_mode mode);
// The two functions of a struct staging_request whose arg is a struct fetch.
errc fetch_produce(void *arg, struct staged *to, struct err *err);
void fetch_free(void *arg);

#endif
