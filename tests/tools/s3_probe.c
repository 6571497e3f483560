// s3_probe get BUCKET KEY [OFFSET [LENGTH]] | head BUCKET KEY | list BUCKET PREFIX [AFTER] | dirs BUCKET PREFIX |
// check BUCKET PREFIX | fetch BUCKET KEY: one call of the S3 client. Credentials and region come from the usual chain
// (S3_PROBE_ANONYMOUS: none), the endpoint from AWS_ENDPOINT_URL, the style from S3_PROBE_STYLE (path, virtual).
// Bytes and lists go to standard output, what is told of an object to standard error; an error's exit code is its kind.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/creds.h"
#include "base/mem.h"
#include "s3/fetch.h"
#include "s3/s3.h"

static errc put_out(void *arg, const struct s3_head *head, const void *data, size_t len, struct err *err)
{
    (void)arg;
    (void)head;
    return fwrite(data, 1, len, stdout) == len ? ERR_OK : err_set(err, ERR_IO, "standard output is closed");
}

static bool put_entry(void *arg, const struct s3_entry *e)
{
    (void)arg;
    if (e->is_prefix) {
        return printf("%s\n", e->key) > 0;
    }
    return printf("%s\t%" PRIu64 "\t%" PRId64 "\t%s\n", e->key, e->size, e->mtime_ms, e->etag) > 0;
}

static void tell(const struct s3_head *h)
{
    fprintf(stderr, "size %" PRId64 " mtime %" PRId64 " etag %s attributes %s\n",
            h->size == UINT64_MAX ? -1 : (int64_t)h->size, h->mtime_ms, h->etag, h->attributes ? h->attributes : "-");
}

static errc fetch(struct s3 *s, const char *bucket, const char *key, struct s3_head *head, struct err *err)
{
    struct fetcher *f = fetcher_new(&(struct fetcher_conf){.s3 = s});
    struct fetch_object object = {.bucket = bucket, .key = key};
    errc e = fetch_stream(f, &object, NULL, put_out, NULL, head, err);
    fetcher_free(f);
    return e;
}

static errc call(struct s3 *s, int argc, char **argv, struct err *err)
{
    struct s3_head head = {.size = UINT64_MAX};
    const char *what = argv[1], *bucket = argv[2], *name = argv[3];
    struct s3_range range = {
        .bucket = bucket,
        .key = name,
        .off = argc > 4 ? strtoull(argv[4], NULL, 10) : 0,
        .len = argc > 5 ? strtoull(argv[5], NULL, 10) : UINT64_MAX,
    };
    errc e;
    if (strcmp(what, "get") == 0) {
        e = s3_get(s, &range, NULL, put_out, NULL, &head, err);
        tell(&head);
    } else if (strcmp(what, "fetch") == 0) {
        e = fetch(s, bucket, name, &head, err);
        tell(&head);
    } else if (strcmp(what, "head") == 0) {
        e = s3_head_object(s, bucket, name, NULL, &head, err);
        tell(&head);
    } else if (strcmp(what, "list") == 0 || strcmp(what, "dirs") == 0) {
        e = s3_list(s, bucket, name, what[0] == 'd', argc > 4 ? argv[4] : NULL, NULL, put_entry, NULL, err);
    } else if (strcmp(what, "check") == 0) {
        e = s3_check_bucket(s, bucket, name, NULL, err);
    } else {
        e = err_set(err, ERR_INVALID, "%s is none of get, fetch, head, list, dirs, check", what);
    }
    s3_head_free(&head);
    return e;
}

int main(int argc, char **argv)
{
    struct err err = ERR_INIT;
    struct http *http = NULL;
    struct s3 *s3 = NULL;
    if (argc < 4) {
        fprintf(stderr, "s3_probe get|fetch|head|list|dirs|check BUCKET KEY [...]\n");
        return 2;
    }
    const char *style = getenv("S3_PROBE_STYLE");
    auto_free char *region = creds_region(NULL, NULL);
    struct s3_conf conf = {.region = region, .endpoint = getenv("AWS_ENDPOINT_URL")};
    conf.style = !style ? S3_STYLE_AUTO : strcmp(style, "virtual") == 0 ? S3_STYLE_VIRTUAL : S3_STYLE_PATH;
    errc e = http_new(&(struct http_conf){.ca_file = getenv("AWS_CA_BUNDLE")}, &http, &err);
    conf.http = http;
    if (!e && !getenv("S3_PROBE_ANONYMOUS")) {
        conf.creds = creds_new(&(struct creds_conf){.http = http, .region = region});
    }
    e = e ? e : s3_new(&conf, &s3, &err);
    e = e ? e : call(s3, argc, argv, &err);
    if (e) {
        fprintf(stderr, "%s: %s\n", err_name(e), err.cause);
    }
    s3_free(s3);
    creds_free(conf.creds);
    http_free(http);
    return fflush(stdout) == 0 ? (int)e : 1;
}
