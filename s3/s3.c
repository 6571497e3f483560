#include "s3/s3.h"

#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "s3/s3_i.h"

#define DEFAULT_REGION "us-east-1"

errc s3_new(const struct s3_conf *conf, struct s3 **ret, struct err *err)
{
    struct s3_endpoint endpoint;
    errc e = s3_endpoint_parse(conf->endpoint, &endpoint, err);
    if (e) {
        return e;
    }
    if (conf->region && *conf->region && !aws_region_is_usable(conf->region)) {
        s3_endpoint_free(&endpoint);
        return err_set(err, ERR_INVALID, "\"%.60s\" is no region: give one like eu-west-1", conf->region);
    }
    struct s3 *s = mem_zalloc(sizeof(*s));
    s->http = conf->http;
    s->creds = conf->creds;
    s->endpoint = endpoint;
    if (!conf->endpoint || !*conf->endpoint) {
        s->endpoint.variant = conf->variant;
    }
    s->style = conf->style;
    const char *given = conf->region && *conf->region ? conf->region : DEFAULT_REGION;
    s->region = mem_strdup(endpoint.region ? endpoint.region : given);
    s->is_region_given = endpoint.region || given == conf->region;
    s->policy = (struct retry_policy){
        .max_tries = conf->max_tries ? conf->max_tries : 8,
        .first_ms = conf->first_wait_ms ? conf->first_wait_ms : 50,
        .max_ms = conf->max_wait_ms ? conf->max_wait_ms : 5000,
        .jitter_percent = 50,
    };
    pthread_mutex_init(&s->lock, NULL);
    *ret = s;
    return ERR_OK;
}

static void known_free(struct s3_known *k)
{
    free(k->bucket);
    free(k->region);
    free(k->host);
}

void s3_free(struct s3 *s)
{
    if (!s) {
        return;
    }
    for (size_t i = 0; i < s->known_len; i++) {
        known_free(&s->known[i]);
    }
    free(s->known);
    s3_endpoint_free(&s->endpoint);
    free(s->region);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

// --- what buckets answered ---------------------------------------------------------------------------------------

static struct s3_known *find(struct s3 *s, const char *bucket)
{
    for (size_t i = 0; i < s->known_len; i++) {
        if (strcmp(s->known[i].bucket, bucket) == 0) {
            return &s->known[i];
        }
    }
    return NULL;
}

void s3_known_get(struct s3 *s, const char *bucket, char **ret_region, char **ret_host)
{
    pthread_mutex_lock(&s->lock);
    const struct s3_known *k = find(s, bucket);
    *ret_region = mem_strdup(k ? k->region : s->region);
    *ret_host = k ? mem_strdup(k->host) : NULL;
    pthread_mutex_unlock(&s->lock);
}

// With the lock held. When the table is full the oldest goes.
static struct s3_known *add(struct s3 *s, const char *bucket)
{
    if (s->known_len == S3_MAX_PLACES) {
        known_free(&s->known[0]);
        memmove(s->known, s->known + 1, --s->known_len * sizeof(*s->known));
    }
    s->known = mem_grow(s->known, &s->known_cap, s->known_len + 1, sizeof(*s->known));
    struct s3_known *k = &s->known[s->known_len++];
    *k = (struct s3_known){.bucket = mem_strdup(bucket), .region = mem_strdup(s->region)};
    return k;
}

bool s3_known_set(struct s3 *s, const char *bucket, const char *region, const char *host)
{
    pthread_mutex_lock(&s->lock);
    struct s3_known *k = find(s, bucket);
    k = k ? k : add(s, bucket);
    bool new_region = region && strcmp(region, k->region) != 0;
    bool new_host = host && (!k->host || strcmp(host, k->host) != 0);
    if (new_region) {
        free(k->region);
        k->region = mem_strdup(region);
    }
    if (new_host) {
        free(k->host);
        k->host = mem_strdup(host);
    }
    pthread_mutex_unlock(&s->lock);
    return new_region || new_host;
}

void s3_known_doubt(struct s3 *s, const char *bucket, const struct s3_sent *sent, const struct http_response *r)
{
    bool elsewhere = sent->host || (s->endpoint.is_aws && strcmp(sent->region, s->region) != 0);
    if (r->fault != HTTP_NO_CONNECTION || !elsewhere) {
        return;
    }
    pthread_mutex_lock(&s->lock);
    struct s3_known *k = find(s, bucket);
    const char *host = k && k->host ? k->host : "";
    if (k && strcmp(k->region, sent->region) == 0 && strcmp(host, sent->host ? sent->host : "") == 0) {
        log_info("s3", "bucket %s is looked for anew: there is no connection to where it was said to be", bucket);
        known_free(k);
        memmove(k, k + 1, (size_t)(s->known + --s->known_len - k) * sizeof(*k));
    }
    pthread_mutex_unlock(&s->lock);
}

// --- telling ---------------------------------------------------------------------------------------------------------

void s3_stats(struct s3 *s, struct s3_stats *ret)
{
    *ret = (struct s3_stats){
        .gets = atomic_load(&s->gets),
        .heads = atomic_load(&s->heads),
        .lists = atomic_load(&s->lists),
        .retries = atomic_load(&s->retries),
        .redirects = atomic_load(&s->redirects),
        .denied = atomic_load(&s->denied),
        .bytes_in = atomic_load(&s->bytes_in),
    };
}

void s3_describe(struct s3 *s, const char *bucket, struct buf *out)
{
    auto_cleanup(s3_place_free) struct s3_place place = {0};
    auto_free char *region = NULL, *host = NULL;
    s3_known_get(s, bucket ? bucket : "", &region, &host);
    s3_place_make(&s->endpoint, S3_STYLE_PATH, region, NULL, "x", NULL, &place);
    bool is_virtual = s3_place_is_virtual(&s->endpoint, s->style, "any-bucket");
    buf_printf(out, "%s://%s, region %s", s->endpoint.is_http ? "http" : "https", place.host, region);
    if (strcmp(region, s->region) != 0) {
        buf_printf(out, " (of the bucket; %s is %s)", s->region, s->is_region_given ? "configured" : "the default");
    }
    buf_printf(out, ", %s-style addresses%s", is_virtual ? "virtual-host" : "path", s->creds ? "" : ", anonymous");
}
