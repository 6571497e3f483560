#include "base/sign.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/http.h"
#include "base/mem.h"

#define HEX_BYTES (2 * SHA256_BYTES + 1)

void sign_payload_hash(const void *body, size_t len, char out[65])
{
    uint8_t digest[SHA256_BYTES];
    sha256_of(body, len, digest);
    hash_hex(digest, sizeof(digest), out);
}

struct stamp {
    char day[9], second[17]; // "20150830", "20150830T123600Z"
};

static struct stamp stamp_of(int64_t time_ms)
{
    struct stamp s = {"", ""};
    struct tm tm = {0};
    time_t seconds = (time_t)(time_ms / 1000);
    if (gmtime_r(&seconds, &tm)) {
        strftime(s.day, sizeof(s.day), "%Y%m%d", &tm);
        strftime(s.second, sizeof(s.second), "%Y%m%dT%H%M%SZ", &tm);
    }
    return s;
}

// --- lists of names and values in the order of the canonical request -----------------------------------------

struct pair {
    char *name, *value; // owned
};
struct pairs {
    struct pair *items;
    size_t len, cap;
};

static void pairs_take(struct pairs *p, char *name, char *value)
{
    p->items = mem_grow(p->items, &p->cap, p->len + 1, sizeof(*p->items));
    p->items[p->len++] = (struct pair){name, value};
}

static void pairs_free(struct pairs *p)
{
    for (size_t i = 0; i < p->len; i++) {
        free(p->items[i].name);
        free(p->items[i].value);
    }
    free(p->items);
}

static int by_name(const struct pair *a, const struct pair *b)
{
    return strcmp(a->name, b->name);
}

static int by_name_and_value(const struct pair *a, const struct pair *b)
{
    int order = strcmp(a->name, b->name);
    return order ? order : strcmp(a->value, b->value);
}

// Values of one header keep the order in which they came, so the sort is a stable one; there are few of them.
static void pairs_sort(struct pairs *p, int (*order)(const struct pair *, const struct pair *))
{
    for (size_t i = 1; i < p->len; i++) {
        struct pair x = p->items[i];
        size_t k = i;
        for (; k > 0 && order(&p->items[k - 1], &x) > 0; k--) {
            p->items[k] = p->items[k - 1];
        }
        p->items[k] = x;
    }
}

// --- path and query ----------------------------------------------------------------------------------------------

// Appends text percent-encoded, but for slashes.
static void put_path(struct buf *out, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '/') {
            buf_putc(out, '/');
        } else {
            http_url_put(out, (char[]){text[i], '\0'});
        }
    }
}

static void drop_last(struct buf *path)
{
    while (path->len > 0 && path->data[path->len - 1] != '/') {
        path->len--;
    }
    path->len -= path->len > 0;
}

// RFC 3986, section 5.2.4, and no empty segments: what services other than S3 sign.
static void put_normal_path(struct buf *out, const char *path)
{
    auto_cleanup(buf_free) struct buf whole = {0};
    bool is_dir = true;
    for (const char *p = path; *p;) {
        size_t len = strcspn(p, "/");
        bool here = len == 0 || (len == 1 && p[0] == '.'), up = len == 2 && strncmp(p, "..", 2) == 0;
        if (up) {
            drop_last(&whole);
        } else if (!here) {
            buf_putc(&whole, '/');
            buf_put(&whole, p, len);
        }
        is_dir = here || up || p[len] == '/';
        p += len + (p[len] == '/');
    }
    put_path(out, whole.len ? whole.data : "", whole.len);
    if (is_dir || whole.len == 0) {
        buf_putc(out, '/');
    }
}

static int hex_value(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c ? strchr(digits, tolower((unsigned char)c)) : NULL;
    return at ? (int)(at - digits) : -1;
}

// One name or value of a query in the one spelling that is signed, however it was encoded before.
static char *canonical_part(const char *text, size_t len)
{
    struct buf out = {0};
    for (size_t i = 0; i < len; i++) {
        int high = text[i] == '%' && len - i > 2 ? hex_value(text[i + 1]) : -1;
        int low = high >= 0 ? hex_value(text[i + 2]) : -1;
        if (low < 0) {
            http_url_put(&out, (char[]){text[i], '\0'});
        } else if (high == 0 && low == 0) {
            buf_puts(&out, "%00");
        } else {
            http_url_put(&out, (char[]){(char)(high << 4 | low), '\0'});
        }
        i += low >= 0 ? 2 : 0;
    }
    return buf_steal(&out);
}

static void put_query(struct buf *out, const char *query)
{
    struct pairs p = {0};
    for (const char *part = query; *part;) {
        size_t len = strcspn(part, "&"), name = strcspn(part, "=&");
        if (len > 0) {
            pairs_take(&p, canonical_part(part, name),
                       name < len ? canonical_part(part + name + 1, len - name - 1) : mem_strdup(""));
        }
        part += len + (part[len] == '&');
    }
    pairs_sort(&p, by_name_and_value);
    for (size_t i = 0; i < p.len; i++) {
        buf_printf(out, "%s%s=%s", i > 0 ? "&" : "", p.items[i].name, p.items[i].value);
    }
    pairs_free(&p);
}

// --- headers -------------------------------------------------------------------------------------------------------

// The value without space around it, each run of white space inside as one space.
static char *trimmed(const char *value)
{
    struct buf out = {0};
    bool gap = false;
    for (const char *p = value; *p; p++) {
        if (isspace((unsigned char)*p)) {
            gap = out.len > 0;
            continue;
        }
        if (gap) {
            buf_putc(&out, ' ');
        }
        gap = false;
        buf_putc(&out, *p);
    }
    return buf_steal(&out);
}

static void add_header(struct pairs *p, const char *name, size_t name_len, const char *value)
{
    char *lower = mem_strndup(name, name_len);
    for (char *c = lower; *c; c++) {
        *c = (char)tolower((unsigned char)*c);
    }
    pairs_take(p, lower, trimmed(value));
}

static void collect_headers(struct pairs *p, const struct sign_key *key, const struct sign_request *rq)
{
    struct stamp stamp = stamp_of(rq->time_ms);
    add_header(p, "host", 4, rq->host);
    add_header(p, "x-amz-date", 10, stamp.second);
    if (rq->is_s3) {
        add_header(p, "x-amz-content-sha256", 20, rq->payload_hash);
    }
    if (key->token) {
        add_header(p, "x-amz-security-token", 20, key->token);
    }
    for (size_t i = 0; rq->signed_headers && i < rq->signed_headers->len; i++) {
        const char *line = rq->signed_headers->items[i];
        size_t name = strcspn(line, ":");
        add_header(p, line, name, line[name] ? line + name + 1 : "");
    }
    pairs_sort(p, by_name);
}

static void put_headers(struct buf *out, const struct pairs *p)
{
    for (size_t i = 0; i < p->len; i++) {
        bool again = i > 0 && by_name(&p->items[i - 1], &p->items[i]) == 0;
        if (again) {
            buf_printf(out, ",%s", p->items[i].value);
        } else {
            buf_printf(out, "%s%s:%s", i > 0 ? "\n" : "", p->items[i].name, p->items[i].value);
        }
    }
    buf_putc(out, '\n');
}

static void put_names(struct buf *out, const struct pairs *p)
{
    for (size_t i = 0; i < p->len; i++) {
        if (i == 0 || by_name(&p->items[i - 1], &p->items[i]) != 0) {
            buf_printf(out, "%s%s", i > 0 ? ";" : "", p->items[i].name);
        }
    }
}

// --- the three steps -------------------------------------------------------------------------------------------------

char *sign_canonical_request(const struct sign_key *key, const struct sign_request *rq)
{
    struct buf out = {0};
    struct pairs headers = {0};
    collect_headers(&headers, key, rq);
    buf_printf(&out, "%s\n", rq->method);
    if (rq->is_s3) {
        buf_puts(&out, rq->path);
    } else {
        put_normal_path(&out, rq->path);
    }
    buf_putc(&out, '\n');
    put_query(&out, rq->query ? rq->query : "");
    buf_putc(&out, '\n');
    put_headers(&out, &headers);
    buf_putc(&out, '\n');
    put_names(&out, &headers);
    buf_printf(&out, "\n%s", rq->payload_hash);
    pairs_free(&headers);
    return buf_steal(&out);
}

static char *scope_of(const struct sign_request *rq)
{
    struct stamp stamp = stamp_of(rq->time_ms);
    return mem_printf("%s/%s/%s/aws4_request", stamp.day, rq->region, rq->service);
}

char *sign_string_to_sign(const struct sign_request *rq, const char *canonical_request)
{
    char hash[HEX_BYTES];
    struct stamp stamp = stamp_of(rq->time_ms);
    auto_free char *scope = scope_of(rq);
    sign_payload_hash(canonical_request, strlen(canonical_request), hash);
    return mem_printf("AWS4-HMAC-SHA256\n%s\n%s\n%s", stamp.second, scope, hash);
}

static void sign_text(const struct sign_key *key, const struct sign_request *rq, const char *text, char out[HEX_BYTES])
{
    struct stamp stamp = stamp_of(rq->time_ms);
    char *secret = mem_printf("AWS4%s", key->secret_key);
    uint8_t step[2][SHA256_BYTES];
    hmac_sha256(secret, strlen(secret), stamp.day, strlen(stamp.day), step[0]);
    hmac_sha256(step[0], sizeof(step[0]), rq->region, strlen(rq->region), step[1]);
    hmac_sha256(step[1], sizeof(step[1]), rq->service, strlen(rq->service), step[0]);
    hmac_sha256(step[0], sizeof(step[0]), "aws4_request", strlen("aws4_request"), step[1]);
    hmac_sha256(step[1], sizeof(step[1]), text, strlen(text), step[0]);
    hash_hex(step[0], sizeof(step[0]), out);
    explicit_bzero(secret, strlen(secret));
    explicit_bzero(step, sizeof(step));
    free(secret);
}

void sign_v4(const struct sign_key *key, const struct sign_request *rq, struct strv *headers)
{
    char signature[HEX_BYTES];
    struct stamp stamp = stamp_of(rq->time_ms);
    auto_free char *request = sign_canonical_request(key, rq);
    auto_free char *text = sign_string_to_sign(rq, request);
    auto_free char *scope = scope_of(rq);
    auto_cleanup(buf_free) struct buf names = {0};
    struct pairs signed_ones = {0};
    collect_headers(&signed_ones, key, rq);
    put_names(&names, &signed_ones);
    pairs_free(&signed_ones);
    sign_text(key, rq, text, signature);
    strv_take(headers, mem_printf("X-Amz-Date: %s", stamp.second));
    if (rq->is_s3) {
        strv_take(headers, mem_printf("X-Amz-Content-Sha256: %s", rq->payload_hash));
    }
    if (key->token) {
        strv_take(headers, mem_printf("X-Amz-Security-Token: %s", key->token));
    }
    strv_take(headers, mem_printf("Authorization: AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s",
                                  key->access_key, scope, names.data, signature));
}
