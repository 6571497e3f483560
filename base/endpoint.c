#include "base/endpoint.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

bool aws_region_is_usable(const char *region)
{
    size_t len = strspn(region, "abcdefghijklmnopqrstuvwxyz0123456789-");
    return len > 0 && len <= 40 && region[len] == '\0' && region[0] != '-' && region[len - 1] != '-';
}

struct partition {
    const char *regions; // what their names begin with
    const char *suffix, *dualstack_suffix;
};

// The last one has all regions that no other has.
static const struct partition partitions[] = {
    {"cn-", ".amazonaws.com.cn", ".api.amazonwebservices.com.cn"},
    {"eusc-", ".amazonaws.eu", ".api.amazonwebservices.eu"},
    {"us-iso-", ".c2s.ic.gov", ".api.aws.ic.gov"},
    {"us-isob-", ".sc2s.sgov.gov", ".api.aws.scloud"},
    {"eu-isoe-", ".cloud.adc-e.uk", ".api.cloud-aws.adc-e.uk"},
    {"us-isof-", ".csp.hci.ic.gov", ".api.aws.hci.ic.gov"},
    {"us-gov-", ".amazonaws.com", ".api.aws"},
    {"", ".amazonaws.com", ".api.aws"},
};

static const struct partition *partition_of(const char *region)
{
    const struct partition *p = partitions;
    while (strncmp(region, p->regions, strlen(p->regions)) != 0) {
        p++;
    }
    return p;
}

// FIPS alone: GovCloud's usual hosts comply, and Batch has a name of its own.
static char *fips_host(const char *service, const char *region, const struct partition *p)
{
    bool is_gov = strcmp(p->regions, "us-gov-") == 0, is_logs = strcmp(service, "logs") == 0;
    if (is_gov && (!is_logs || strcmp(region, "us-gov-east-1") == 0 || strcmp(region, "us-gov-west-1") == 0)) {
        return mem_printf("%s.%s%s", service, region, p->suffix);
    }
    if (strcmp(service, "batch") == 0 && p->regions[0] == '\0') {
        return mem_printf("fips.batch.%s%s", region, p->suffix);
    }
    return mem_printf("%s-fips.%s%s", service, region, p->suffix);
}

char *aws_host(const char *service, const char *region, struct aws_variant v)
{
    const struct partition *p = partition_of(region);
    const char *fips = v.fips ? "-fips" : "";
    if (strcmp(service, "s3") == 0) {
        return mem_printf("s3%s%s.%s%s", fips, v.dualstack ? ".dualstack" : "", region, p->suffix);
    }
    if (v.fips && !v.dualstack) {
        return fips_host(service, region, p);
    }
    return mem_printf("%s%s.%s%s", service, fips, region, v.dualstack ? p->dualstack_suffix : p->suffix);
}

bool aws_s3_has_fips(const char *region)
{
    return strncmp(region, "cn-", 3) != 0;
}

const char *aws_suffix_in(const char *host)
{
    size_t len = strlen(host);
    for (size_t i = 0; i < sizeof(partitions) / sizeof(partitions[0]); i++) {
        const char *suffix = partitions[i].suffix;
        size_t tail = strlen(suffix);
        if (len >= tail && strcmp(host + len - tail, suffix) == 0) {
            return suffix;
        }
    }
    return NULL;
}

void url_parts_free(struct url_parts *u)
{
    free(u->scheme);
    free(u->host);
    free(u->name);
    free(u->path);
    *u = (struct url_parts){NULL, NULL, NULL, NULL};
}

static bool is_port(const char *text)
{
    return *text && strlen(text) <= 5 && strspn(text, "0123456789") == strlen(text);
}

// "name", "name:port", "[address]:port".
static char *name_of(const char *host)
{
    const char *end = host[0] == '[' ? strchr(host, ']') : NULL;
    const char *port = host[0] == '[' ? (end ? end + 1 : NULL) : strchr(host, ':');
    if (host[0] == '[' && !end) {
        return NULL;
    }
    if (port && *port && (*port != ':' || !is_port(port + 1))) {
        return NULL;
    }
    const char *from = end ? host + 1 : host;
    size_t len = end ? (size_t)(end - from) : strcspn(host, ":");
    bool plain = len > 0;
    for (size_t i = 0; i < len; i++) {
        plain = plain && (isalnum((unsigned char)from[i]) || strchr(end ? ":.%" : "-._", from[i]));
    }
    return plain ? mem_strndup(from, len) : NULL;
}

// The Host header has no port that is the scheme's own.
static char *host_header(const char *scheme, const char *host)
{
    const char *own = strcmp(scheme, "https") == 0 ? ":443" : ":80";
    size_t len = strlen(host), tail = strlen(own);
    bool ends = len > tail && strcmp(host + len - tail, own) == 0;
    char *text = mem_strndup(host, ends ? len - tail : len);
    for (char *c = text; *c; c++) {
        *c = (char)tolower((unsigned char)*c);
    }
    return text;
}

bool url_split(const char *url, struct url_parts *ret)
{
    const char *scheme = strncasecmp(url, "https://", 8) == 0  ? "https"
                         : strncasecmp(url, "http://", 7) == 0 ? "http"
                                                               : NULL;
    for (const unsigned char *p = (const unsigned char *)url; *p; p++) {
        if (*p <= ' ' || *p >= 0x7f || *p == '\\' || *p == '#') {
            return false;
        }
    }
    if (!scheme) {
        return false;
    }
    const char *host = url + strlen(scheme) + 3;
    size_t len = strcspn(host, "/?");
    auto_free char *text = mem_strndup(host, len);
    char *name = name_of(text); // a user part has characters that no name has
    if (!name) {
        return false;
    }
    *ret = (struct url_parts){.scheme = mem_strdup(scheme), .host = host_header(scheme, text), .name = name,
                              .path = mem_printf("%s%s", host[len] == '/' ? "" : "/", host + len)};
    return true;
}
