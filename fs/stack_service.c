#include "fs/stack_service.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "client/meta_service.h"
#include "fs/stack_s3.h"

#define RETRIES_MAX 1000

static const char *value_of(const struct stack *s, const char *name)
{
    const char *value = config_get(s->config, name);
    return value != NULL ? value : "";
}

bool stack_wants_service(const struct stack *s, const struct options *o)
{
    bool local = o->datastore_root != NULL && !stack_wants_s3(s, o);
    return !local && strcmp(value_of(s, "DEFAULT_METADATA"), "service") == 0;
}

char *stack_url_shown(const char *url)
{
    static const char *const schemes[] = {"http://", "https://"};
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        size_t len = strlen(schemes[i]);
        if (strncasecmp(url, schemes[i], len) != 0) {
            continue;
        }
        const char *host = url + len, *end = host + strcspn(host, "/?#");
        for (const char *p = host; p < end; p++) {
            host = *p == '@' ? p + 1 : host;
        }
        // A query or fragment could hold a secret, and no path of the service could follow it.
        bool bad = host == end || *host == ':' || strpbrk(url, " \t\r\n?#") != NULL;
        return bad ? NULL : mem_printf("%s%s", schemes[i], host);
    }
    return NULL;
}

errc stack_service_find(struct stack *s, const struct options *o, struct err *err)
{
    const char *url = value_of(s, "SERVICE_URL");
    if (url[0] == '\0') {
        return err_set(err, ERR_INVALID,
                       "Metaflow is configured for a metadata service (METAFLOW_DEFAULT_METADATA=service), but not for "
                       "which one: set METAFLOW_SERVICE_URL, such as http://localhost:8080, or mount local metadata "
                       "with --datastore-root DIR");
    }
    s->service_shown = stack_url_shown(url);
    if (s->service_shown == NULL) {
        // It is not repeated here: what is malformed cannot be cleared of a password.
        return err_set(err, ERR_INVALID,
                       "METAFLOW_SERVICE_URL is not a URL of a metadata service: write it as http://HOST:PORT or "
                       "https://HOST/PATH, without spaces, ? or #");
    }
    for (char *end = strchr(s->service_shown, '\0'); end[-1] == '/'; *end = '\0') {
        end--;
    }
    s->identity = mem_printf("%s\n%s", s->service_shown, stack_datastore(s));
    s->cache_dir = o->no_cache ? NULL : config_cache_dir(s->config, o->cache_dir);
    s->ca_file = config_ca_file(s->config);
    return ERR_OK;
}

static unsigned retries(const struct stack *s)
{
    long n = strtol(value_of(s, "SERVICE_RETRY_COUNT"), NULL, 10);
    return n < 0 ? 0 : n > RETRIES_MAX ? RETRIES_MAX : (unsigned)n;
}

errc stack_service_meta(struct stack *s, const struct options *o, struct meta **ret, struct err *err)
{
    struct http_conf http = {.ca_file = s->ca_file, .max_connections = (unsigned)o->max_connections};
    errc e = http_new(&http, &s->http, err);
    if (e) {
        return e;
    }
    struct service_conf conf = {
        .http = s->http,
        .url = value_of(s, "SERVICE_URL"),
        .headers_json = config_get(s->config, "SERVICE_HEADERS"),
        .retry_count = retries(s),
        .timeout_ms = (unsigned)(o->service_timeout_ms < INT32_MAX ? o->service_timeout_ms : INT32_MAX),
    };
    struct service *service;
    e = service_new(&conf, &service, err);
    if (e) {
        return e;
    }
    struct cache_conf kept = {.dir = s->cache_dir, .tempdir = s->tempdir, .identity = s->identity,
                              .max_bytes = o->cache_bytes};
    struct cache *cache;
    e = cache_open(&kept, &cache, err);
    if (e) {
        service_free(service);
        return e;
    }
    struct meta_service_conf both = {
        .service = service,
        .cache = cache,
        .ttl_ms = o->ttl_ms,
        .settle_after_ms = o->settle_after_ms > 0 ? o->settle_after_ms : 1, // 0 means the default there
    };
    s->service = service;
    s->cache = cache;
    *ret = meta_service_new(&both);
    return ERR_OK;
}

static errc count_row(void *arg, struct service_row *row, struct err *err)
{
    (void)row;
    (void)err;
    size_t *n = arg;
    (*n)++;
    return ERR_OK;
}

errc stack_service_ask(struct stack *s, struct cancel *cancel, size_t *ret_flows, struct err *err)
{
    struct service_query q = SERVICE_QUERY_INIT;
    struct service_page page = {0};
    q.what = SERVICE_CHILDREN;
    *ret_flows = 0;
    errc e = service_get(s->service, &q, HTTP_READER, cancel, count_row, ret_flows, &page, err);
    service_page_free(&page);
    return e;
}
