// The flow datastore below one s3:// root, as a byte source (Metaflow: plugins/datastores/s3_storage.py).
//
// info: of a task's small files (logs, attempt files: whatever is listed flat below F/R/) from listings of keys, which
// client/store_keys.h tells about: of one task's keys at first, of the whole run's once a third task of it is asked
// about; 1,000 keys a request. Of everything else, and when attributes are asked for, by a HEAD; so too where the keys
// may not be listed, which is then tried again after a minute.
// read: GET, through the parallel fetcher for what can be large (blobs, included files). list: by a delimiter, of cards
// from listings of keys as above.
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
    int64_t settle_ms;       // how long after an attempt's end its logs can still be written; 0 means 900 s
};
// ERR_INVALID for a root that is no s3:// URL.
errc store_s3_new(const struct store_s3_conf *conf, struct store **ret, struct err *err) ERR_MUST_CHECK;

#endif
