#include "s3/s3_url.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "s3/s3_text.h"

#define AWS_SUFFIX ".amazonaws.com"
#define MAX_HOST 300

static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

// --- names -------------------------------------------------------------------------------------------------

bool s3_bucket_is_usable(const char *bucket)
{
    size_t len = strlen(bucket);
    for (size_t i = 0; i < len; i++) {
        if (!is_alnum(bucket[i]) && !strchr("._-", bucket[i])) {
            return false;
        }
    }
    return len > 0 && len <= 255 && strcmp(bucket, ".") != 0 && strcmp(bucket, "..") != 0;
}

bool s3_bucket_is_label(const char *bucket, bool is_http)
{
    size_t len = strspn(bucket, "abcdefghijklmnopqrstuvwxyz0123456789-.");
    if (len < 3 || len > 63 || bucket[len] != '\0') {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        bool is_edge = i == 0 || i == len - 1 || bucket[i - 1] == '.' || bucket[i + 1] == '.';
        if ((bucket[i] == '.' && (!is_http || is_edge)) || (bucket[i] == '-' && is_edge)) {
            return false;
        }
    }
    return true;
}

bool s3_url_parse(const char *url, char **ret_bucket, char **ret_prefix)
{
    if (!url || !starts_with(url, "s3://")) {
        return false;
    }
    const char *at = url + strlen("s3://");
    size_t len = strcspn(at, "/");
    auto_free char *bucket = mem_strndup(at, len);
    if (!s3_bucket_is_usable(bucket)) {
        return false;
    }
    const char *prefix = at + len;
    prefix += strspn(prefix, "/");
    size_t end = strlen(prefix);
    while (end > 0 && prefix[end - 1] == '/') {
        end--;
    }
    *ret_bucket = steal_ptr(&bucket);
    *ret_prefix = mem_strndup(prefix, end);
    return true;
}

void s3_key_put(struct buf *path, const char *key)
{
    for (const char *p = key; *p; p++) {
        if (is_alnum(*p) || strchr("-._~/", *p)) {
            buf_putc(path, *p);
        } else {
            buf_printf(path, "%%%02X", (unsigned char)*p);
        }
    }
}

// --- endpoints ---------------------------------------------------------------------------------------------

static bool is_aws_host(const char *host)
{
    return aws_suffix_in(host) != NULL;
}

// The region of "s3.REGION.amazonaws.com", "s3-REGION.amazonaws.com" or "s3.amazonaws.com", owned; NULL for others.
static char *region_of_host(const char *host)
{
    const char *suffix = aws_suffix_in(host);
    if (!suffix || !starts_with(host, "s3")) {
        return NULL;
    }
    size_t middle = strlen(host) - strlen(suffix);
    if (middle == 2) {
        return strcmp(suffix, AWS_SUFFIX) == 0 ? mem_strdup("us-east-1") : NULL;
    }
    if (middle < 4 || (host[2] != '.' && host[2] != '-')) {
        return NULL;
    }
    auto_free char *region = mem_strndup(host + 3, middle - 3);
    if (strcmp(region, "external-1") == 0) {
        return mem_strdup("us-east-1");
    }
    // "s3-fips", "s3-accelerate" and the like are hosts of their own kind and no regions.
    const char *dash = strchr(region, '-');
    bool is_region = aws_region_is_usable(region) && dash && strchr(dash + 1, '-');
    return is_region ? steal_ptr(&region) : NULL;
}

// 0 for text that is no port.
static unsigned port_of(const char *text)
{
    uint64_t port;
    return s3_number(text, strlen(text), &port) && port <= 65535 ? (unsigned)port : 0;
}

// "Name:port" or "[::1]:port" to how a Host header has it, owned; NULL where it is none.
static char *host_parse(const char *text, size_t len, bool is_http)
{
    if (len == 0 || len > MAX_HOST) {
        return NULL;
    }
    auto_free char *host = mem_strndup(text, len);
    for (char *p = host; *p; p++) {
        *p = (char)tolower((unsigned char)*p);
    }
    size_t end = host[0] == '[' ? strspn(host + 1, "0123456789abcdef:.") + 1
                                : strspn(host, "abcdefghijklmnopqrstuvwxyz0123456789-._");
    if (host[0] == '[') {
        end = end > 1 && host[end] == ']' ? end + 1 : 0;
    }
    if (end == 0 || (host[end] != '\0' && host[end] != ':')) {
        return NULL;
    }
    if (host[end] == ':') {
        unsigned port = port_of(host + end + 1);
        if (port == 0) {
            return NULL;
        }
        if (port == (is_http ? 80 : 443)) {
            host[end] = '\0';
        }
    }
    return steal_ptr(&host);
}

errc s3_endpoint_parse(const char *endpoint, struct s3_endpoint *ret, struct err *err)
{
    if (!endpoint || !*endpoint) {
        *ret = (struct s3_endpoint){.is_aws = true, .is_aws_host = true};
        return ERR_OK;
    }
    // What stands before an '@' is a secret.
    const char *shown = strchr(endpoint, '@') ? "with a user or a password (not shown)" : endpoint;
    bool is_http = strncasecmp(endpoint, "http://", 7) == 0;
    if (!is_http && strncasecmp(endpoint, "https://", 8) != 0) {
        return err_set(err, ERR_INVALID, "the S3 endpoint %.200s is no URL: give one like https://minio:9000",
                       shown);
    }
    const char *at = endpoint + (is_http ? 7 : 8);
    size_t len = strcspn(at, "/?#");
    char *host = host_parse(at, len, is_http);
    if (!host || (at[len] != '\0' && strcmp(at + len, "/") != 0)) {
        free(host);
        return err_set(err, ERR_INVALID,
                       "the S3 endpoint %.200s cannot be used: it is a scheme, a host and a port, like "
                       "https://minio:9000, without user, path and query", shown);
    }
    *ret = (struct s3_endpoint){.is_http = is_http, .host = host, .is_aws_host = is_aws_host(host)};
    ret->region = region_of_host(host);
    if (ret->region) {
        ret->is_aws = true;
        free(steal_ptr(&ret->host));
    }
    return ERR_OK;
}

void s3_endpoint_free(struct s3_endpoint *e)
{
    free(e->host);
    free(e->region);
    *e = (struct s3_endpoint){0};
}

// --- places ------------------------------------------------------------------------------------------------

static bool is_address(const char *host)
{
    return host[0] == '[' || host[strspn(host, "0123456789.")] == '\0' || host[strspn(host, "0123456789.")] == ':';
}

bool s3_place_is_virtual(const struct s3_endpoint *e, enum s3_style style, const char *bucket)
{
    bool wanted = style == S3_STYLE_VIRTUAL || (style == S3_STYLE_AUTO && e->is_aws_host);
    return wanted && s3_bucket_is_label(bucket, e->is_http) && !(e->host && is_address(e->host));
}

void s3_place_make(const struct s3_endpoint *e, enum s3_style style, const char *region, const char *other_host,
                   const char *bucket, const char *key, struct s3_place *ret)
{
    auto_free char *made = e->is_aws ? aws_host("s3", region, e->variant) : NULL;
    const char *host = made ? made : other_host ? other_host : e->host;
    bool is_virtual = s3_place_is_virtual(e, style, bucket);
    struct buf path = {0};
    buf_putc(&path, '/');
    if (!is_virtual) {
        buf_puts(&path, bucket);
    }
    if (key) {
        buf_puts(&path, is_virtual ? "" : "/");
        s3_key_put(&path, key);
    }
    ret->host = is_virtual ? mem_printf("%s.%s", bucket, host) : mem_strdup(host);
    ret->path = buf_steal(&path);
}

void s3_place_free(struct s3_place *p)
{
    free(p->host);
    free(p->path);
    *p = (struct s3_place){0};
}

// --- redirects ---------------------------------------------------------------------------------------------

// The length of a host without its port.
static size_t name_len(const char *host)
{
    const char *bracket = host[0] == '[' ? strchr(host, ']') : NULL;
    return bracket ? (size_t)(bracket - host) + 1 : strcspn(host, ":");
}

static bool is_same_domain(const char *own, const char *host)
{
    size_t n = name_len(own), m = name_len(host);
    return m >= n && strncmp(host + m - n, own, n) == 0 && (m == n || (host[m - n - 1] == '.' && !is_address(own)));
}

bool s3_redirect_parse(const struct s3_endpoint *e, const char *bucket, const char *where, char **ret_region,
                       char **ret_host)
{
    const char *at = strstr(where, "://");
    bool is_http = at ? strncasecmp(where, "http://", 7) == 0 : e->is_http;
    if (at && is_http != e->is_http) {
        return false;
    }
    at = at ? at + 3 : where;
    auto_free char *whole = host_parse(at, strcspn(at, "/?#"), e->is_http);
    if (!whole) {
        return false;
    }
    size_t len = strlen(bucket);
    const char *host = strncasecmp(whole, bucket, len) == 0 && whole[len] == '.' ? whole + len + 1 : whole;
    char *region = e->is_aws_host ? region_of_host(host) : NULL;
    if (region) {
        *ret_region = region;
        *ret_host = NULL;
        return true;
    }
    if (e->host && !is_same_domain(e->host, host)) {
        host = whole; // the bucket's name may begin like the host's
    }
    if (!e->host || !is_same_domain(e->host, host)) {
        return false;
    }
    size_t own = name_len(e->host);
    bool has_port = host[name_len(host)] == ':' && name_len(host) != own; // the same length is the same host
    *ret_region = NULL;
    *ret_host = has_port ? mem_strdup(host) : mem_printf("%.*s%s", (int)name_len(host), host, e->host + own);
    return true;
}
