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
// What the hosts of a region's services end with: ".amazonaws.com", in China ".amazonaws.com.cn".
const char *aws_suffix_of(const char *region);

#endif
