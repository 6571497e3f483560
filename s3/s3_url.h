// Where a bucket's requests go: endpoints, regions, addressing style, and keys as paths. Pure text, thread-safe.
//
// Amazon S3 User Guide, "Virtual hosting of buckets" and "Bucket naming rules"; AWS General Reference, "Amazon Simple
// Storage Service endpoints and quotas". Only s3/ includes this.
#ifndef S3_S3_URL_H
#define S3_S3_URL_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/endpoint.h"
#include "base/err.h"
#include "s3/s3.h"

// The server that is asked. `host` is as a Host header has it: in lower case, with a port that is not the scheme's own.
struct s3_endpoint {
    bool is_http;   // not https
    bool is_aws;    // a host of AWS, made of the region: `host` is NULL
    bool is_aws_host; // below amazonaws.com or another partition's name, made or given
    struct aws_variant variant; // of a host that is made
    char *host;     // owned
    char *region;   // that an AWS host names; owned, or NULL
};
// NULL, and AWS's plain endpoints ("https://s3.eu-west-1.amazonaws.com"), are is_aws.
errc s3_endpoint_parse(const char *endpoint, struct s3_endpoint *ret, struct err *err) ERR_MUST_CHECK;
void s3_endpoint_free(struct s3_endpoint *e); // empties it

// 1 to 255 letters, digits, '.', '_' and '-', but not "." and "..".
bool s3_bucket_is_usable(const char *bucket);
// Whether it can be a part of a host name, also of one with a certificate.
bool s3_bucket_is_label(const char *bucket, bool is_http);

// Where one request goes.
struct s3_place {
    char *host, *path; // owned; the path is percent-encoded
};
// `other_host` is what a redirect named instead of the endpoint's host, or NULL. No key means the bucket itself.
void s3_place_make(const struct s3_endpoint *e, enum s3_style style, const char *region, const char *other_host,
                   const char *bucket, const char *key, struct s3_place *ret);
void s3_place_free(struct s3_place *p); // empties it
bool s3_place_is_virtual(const struct s3_endpoint *e, enum s3_style style, const char *bucket);

// Appends a key as a path: every byte percent-encoded but the unreserved of RFC 3986 and '/'.
void s3_key_put(struct buf *path, const char *key);

// What a redirect's host ("bucket.s3-eu-west-1.amazonaws.com", also as an URL) means for that bucket: another region of
// AWS, or another host of the endpoint's own domain; both owned, at most one is not NULL. The endpoint's own host keeps
// its port: a redirect to another one (a page that tells of maintenance) is no place of a bucket. False for a foreign
// host.
bool s3_redirect_parse(const struct s3_endpoint *e, const char *bucket, const char *where, char **ret_region,
                       char **ret_host);

#endif
