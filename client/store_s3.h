// The flow datastore below one s3:// root, as a byte source (Metaflow: plugins/datastores/s3_storage.py).
//
// info: of a run's small files (logs, attempt files: whatever is listed flat below F/R/) from a listing of keys that
// is at most ttl_ms old: of one task's keys at first, of the whole run's once a third task of it is asked about;
// 1,000 keys a request. With STORE_SETTLED any listing made after the object settled holds. Of everything else by a HEAD.
// read: GET, through the parallel fetcher for what can be large. list: with a delimiter.
#ifndef CLIENT_STORE_S3_H
#define CLIENT_STORE_S3_H

#include "client/store.h"
#include "s3/fetch.h"
#include "s3/s3.h"

struct store_s3_conf {
    struct s3 *s3;           // borrowed
    struct fetcher *fetcher; // borrowed
    const char *root;        // "s3://bucket/prefix"; copied
    int64_t ttl_ms;          // of listings of keys
};
// ERR_INVALID for a root that is no s3:// URL.
errc store_s3_new(const struct store_s3_conf *conf, struct store **ret, struct err *err) ERR_MUST_CHECK;

#endif
