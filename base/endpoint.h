// Where a service is asked: its URL in parts, and the hosts of AWS. Thread-safe: there is no state.
#ifndef BASE_ENDPOINT_H
#define BASE_ENDPOINT_H

#include <stdbool.h>

struct url_parts {
    char *scheme, *host, *name, *path; // "https"; host as in a Host header; the name alone; "/..." with the query
};
// False for what is no plain http or https URL: user parts, control characters, backslashes and fragments are refused.
bool url_split(const char *url, struct url_parts *ret);
void url_parts_free(struct url_parts *u); // empties it

// "eu-west-1": nothing that could lead a host name elsewhere.
bool aws_region_is_usable(const char *region);

// Which of a service's hosts are asked (AWS_USE_FIPS_ENDPOINT, AWS_USE_DUALSTACK_ENDPOINT).
struct aws_variant {
    bool fips, dualstack;
};
// The host of a service in a region, by the rules and partitions of botocore/data (endpoint-rule-set-1.json,
// partitions.json): "s3", "sts", "portal.sso", "oidc", "batch", "logs". Owned.
char *aws_host(const char *service, const char *region, struct aws_variant variant);
// S3 of China has no FIPS endpoints.
bool aws_s3_has_fips(const char *region);
// What the hosts of the partition end with that this host is in: ".amazonaws.com", in China ".amazonaws.com.cn".
// NULL: not AWS's.
const char *aws_suffix_in(const char *host);

#endif
