#include <string.h>

#include "base/mem.h"
#include "client/blob.h"
#include "client/blob_fetch.h"

bool blob_key_is_valid(const char *sha)
{
    return sha && strlen(sha) == 40 && strspn(sha, "0123456789abcdef") == 40;
}

static errc get(struct staging *staging, const char *key, struct fetch *fetch, struct staged **ret, struct err *err)
{
    struct staging_request rq = {.key = key, .produce = fetch_produce, .arg = fetch, .free_arg = fetch_free};
    return staging_get(staging, &rq, ret, err);
}

errc blob_get(const struct blob_source *src, struct staged **ret, struct err *err)
{
    if (!blob_key_is_valid(src->sha))
        return err_set(err, ERR_CORRUPT,
                       "the key of a blob of %.100s is not 40 hex digits: \"%.100s\"", src->flow,
                       src->sha ? src->sha : "");
    auto_free char *path = mem_printf("%s/data/%.2s/%s", src->flow, src->sha, src->sha);
    auto_free char *key =
        mem_printf("%s:%s/%s", src->force_raw ? "raw" : "blob", src->flow, src->sha);
    struct staging_request rq = {
        .key = key,
        .ahead = src->ahead,
        .expected = src->expected,
        .wait_ms = src->wait_ms,
        .cancel = src->cancel,
        .produce = fetch_produce,
        .arg = fetch_new(src->store, path, src->sha, src->force_raw ? FETCH_RAW : FETCH_CAS),
        .free_arg = fetch_free,
    };
    return staging_get(src->staging, &rq, ret, err);
}

errc blob_get_file(struct store *store, struct staging *staging, const char *path, bool maybe_plain,
                   struct staged **ret, struct err *err)
{
    const char *slash = strrchr(path, '/');
    auto_free char *key = NULL;
    if (blob_key_is_valid(slash ? slash + 1 : path))
        key = mem_printf("%s:%s/%s", maybe_plain ? "file?" : "file",
                         store->sysroot ? store->sysroot : "", path);
    return get(staging, key, fetch_new(store, path, "", maybe_plain ? FETCH_SNIFF : FETCH_GZIP), ret, err);
}

char *blob_plain_key(const struct store *store, const char *path, const char *version)
{
    return mem_printf("plain:%s/%s:%s", store->sysroot ? store->sysroot : "", path, version);
}

errc blob_get_plain(struct store *store, struct staging *staging, const char *path,
                    const char *version, struct staged **ret, struct err *err)
{
    auto_free char *key = version ? blob_plain_key(store, path, version) : NULL;
    return get(staging, key, fetch_new(store, path, "", FETCH_RAW), ret, err);
}
