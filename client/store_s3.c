#include "client/store_s3.h"

#include <stdatomic.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "client/confine.h"
#include "client/store_keys.h"

#define PIECE_MAX ((size_t)1 << 20)
#define DENIED_HOLDS_MS (60 * 1000)

struct store_s3 {
    struct store store; // first member
    struct s3 *s3;
    struct fetcher *fetcher;
    char *root, *bucket, *prefix;   // owned; the prefix is empty or ends with a slash
    struct store_keys *keys;        // owned
    atomic_llong no_listing_before; // monotonic ms
};

static struct store_s3 *self(struct store *s)
{
    return (struct store_s3 *)s;
}

static char *key_of(const struct store_s3 *s, const char *path)
{
    return mem_printf("%s%s", s->prefix, path);
}

static errc is_missing(const struct store_s3 *s, const char *path, struct err *err)
{
    return err_set(err, ERR_NOT_FOUND, "there is no %s in %s", path, s->root);
}

// Whether a path can be asked for at all, and is still wanted.
static errc check_path(const struct store_s3 *s, const char *path, struct cancel *cancel, struct err *err)
{
    errc code = cancel_check(cancel, err);
    return code || confine_is_path(path) ? code : is_missing(s, path, err);
}

// --- listings -------------------------------------------------------------------------------------------

struct keys_take {
    size_t root_len; // of the prefix that is not part of a path
    key_table_fn fn;
    void *arg;
};

static bool take_key(void *arg, const struct s3_entry *entry)
{
    const struct keys_take *t = arg;
    return entry->is_prefix || t->fn(t->arg, entry->key + t->root_len, entry->size, entry->mtime_ms);
}

static errc list_keys(void *arg, const char *prefix, struct cancel *cancel, key_table_fn fn, void *fn_arg,
                      struct err *err)
{
    const struct store_s3 *s = arg;
    auto_free char *key = key_of(s, prefix);
    struct keys_take t = {strlen(s->prefix), fn, fn_arg};
    return s3_list(s->s3, s->bucket, key, false, NULL, cancel, take_key, &t, err);
}

struct entry_take {
    size_t dir_len;
    store_list_fn fn;
    void *arg;
};

static bool take_entry(void *arg, const struct s3_entry *entry)
{
    const struct entry_take *t = arg;
    auto_free char *name = mem_strdup(entry->key + t->dir_len);
    size_t len = strlen(name);
    if (entry->is_prefix && len) {
        name[len - 1] = '\0';
    }
    if (!confine_is_part(name)) {
        return true;
    }
    int64_t size = entry->is_prefix || entry->size > INT64_MAX ? -1 : (int64_t)entry->size;
    return t->fn(t->arg, name, entry->is_prefix, size, entry->mtime_ms);
}

static errc s3_store_list(struct store *store, const char *dir, struct cancel *cancel, store_list_fn fn, void *arg,
                          struct err *err)
{
    struct store_s3 *s = self(store);
    errc code = cancel_check(cancel, err);
    if (code || (dir[0] && !confine_is_path(dir))) {
        return code;
    }
    auto_free char *path = mem_printf("%s%s", dir, dir[0] ? "/" : "");
    if (store_keys_covers(path)) {
        struct err failed = ERR_INIT;
        code = store_keys_each(s->keys, dir, cancel, fn, arg, &failed);
        if (code != ERR_LIMIT) {
            return code ? err_set(err, code, "%s", failed.cause) : ERR_OK;
        }
    }
    auto_free char *key = key_of(s, path);
    struct entry_take t = {strlen(key), fn, arg};
    return s3_list(s->s3, s->bucket, key, true, NULL, cancel, take_entry, &t, err);
}

// --- one object -----------------------------------------------------------------------------------------

static errc ask_head(struct store_s3 *s, const char *path, struct cancel *cancel, struct store_info *ret,
                     struct err *err)
{
    auto_free char *key = key_of(s, path);
    auto_cleanup(s3_head_free) struct s3_head head = {0};
    errc code = s3_head_object(s->s3, s->bucket, key, cancel, &head, err);
    if (code) {
        return code;
    }
    if (head.size == UINT64_MAX) {
        return err_set(err, ERR_IO, "%s/%s: the server does not tell its size", s->root, path);
    }
    *ret = (struct store_info){head.size, head.mtime_ms, steal_ptr(&head.attributes)};
    return ERR_OK;
}

// From a listing of keys. *ret_told is false where that cannot be had, and a HEAD may do.
static errc ask_keys(struct store_s3 *s, const char *path, unsigned flags, struct cancel *cancel, bool *ret_told,
                     struct store_info *ret, struct err *err)
{
    struct store_info info = {0};
    struct err failed = ERR_INIT;
    bool found;
    errc code = store_keys_find(s->keys, path, flags, cancel, &found, &info.size, &info.mtime_ms, &failed);
    *ret_told = code != ERR_DENIED && code != ERR_LIMIT;
    if (code == ERR_DENIED) {
        atomic_store(&s->no_listing_before, clock_mono_ms() + DENIED_HOLDS_MS);
    }
    if (code && *ret_told) {
        *err = failed;
    }
    if (code) {
        return code;
    }
    if (!found) {
        return is_missing(s, path, err);
    }
    *ret = info;
    return ERR_OK;
}

static errc s3_store_info(struct store *store, const char *path, unsigned flags, struct cancel *cancel,
                          struct store_info *ret, struct err *err)
{
    struct store_s3 *s = self(store);
    errc code = check_path(s, path, cancel, err);
    if (code) {
        return code;
    }
    bool told = false;
    if (!(flags & STORE_ATTRIBUTES) && store_keys_covers(path) &&
        clock_mono_ms() >= atomic_load(&s->no_listing_before)) {
        code = ask_keys(s, path, flags, cancel, &told, ret, err);
    }
    return told ? code : ask_head(s, path, cancel, ret, err);
}

// --- bytes ----------------------------------------------------------------------------------------------

struct reading {
    store_bytes_fn fn;
    void *arg;
    struct store_info *ret_info; // or NULL
    bool began;                  // an answer came
};

static void take_head(struct reading *r, const struct s3_head *head)
{
    if (!r->began && r->ret_info) {
        *r->ret_info = (struct store_info){head->size, head->mtime_ms, mem_strdup(head->attributes)};
    }
    r->began = true;
}

static errc take_bytes(void *arg, const struct s3_head *head, const void *data, size_t len, struct err *err)
{
    struct reading *r = arg;
    take_head(r, head);
    for (size_t at = 0; at < len; at += PIECE_MAX) {
        errc code = r->fn(r->arg, (const char *)data + at, len - at < PIECE_MAX ? len - at : PIECE_MAX, err);
        if (code) {
            return code;
        }
    }
    return ERR_OK;
}

static errc stream(struct store_s3 *s, const char *path, uint64_t offset, struct cancel *cancel, struct reading *r,
                   struct s3_head *head, struct err *err)
{
    auto_free char *key = key_of(s, path);
    if (store_keys_covers(path)) {
        struct s3_range range = {.bucket = s->bucket, .key = key, .off = offset, .len = UINT64_MAX};
        return s3_get(s->s3, &range, cancel, take_bytes, r, head, err);
    }
    struct fetch_object object = {.bucket = s->bucket, .key = key, .off = offset};
    return fetch_stream(s->fetcher, &object, cancel, take_bytes, r, head, err);
}

static errc s3_store_read(struct store *store, const char *path, uint64_t offset, struct cancel *cancel,
                          struct store_info *ret_info, store_bytes_fn fn, void *arg, struct err *err)
{
    struct store_s3 *s = self(store);
    errc code = check_path(s, path, cancel, err);
    if (code) {
        return code;
    }
    struct reading r = {.fn = fn, .arg = arg, .ret_info = ret_info};
    auto_cleanup(s3_head_free) struct s3_head head = {0};
    struct err failed = ERR_INIT;
    code = stream(s, path, offset, cancel, &r, &head, &failed);
    if (code == ERR_LIMIT && offset && !r.began) { // nothing is behind the offset
        struct store_info info;
        code = ret_info ? ask_head(s, path, cancel, &info, err) : ERR_OK;
        if (ret_info && !code) {
            *ret_info = info;
        }
        return code;
    }
    if (code) {
        *err = failed;
        return code;
    }
    take_head(&r, &head);
    return ERR_OK;
}

// --- the store ------------------------------------------------------------------------------------------

static void s3_store_free(struct store *store)
{
    struct store_s3 *s = self(store);
    store_keys_free(s->keys);
    free(s->root);
    free(s->bucket);
    free(s->prefix);
    free(s);
}

static const struct store_ops s3_store_ops = {
    .info = s3_store_info,
    .read = s3_store_read,
    .list = s3_store_list,
    .free = s3_store_free,
};

errc store_s3_new(const struct store_s3_conf *conf, struct store **ret, struct err *err)
{
    auto_free char *bucket = NULL, *prefix = NULL;
    if (!conf->root || !s3_url_parse(conf->root, &bucket, &prefix)) {
        return err_set(err, ERR_INVALID,
                       "\"%.300s\" is no root of a datastore in S3: it has the form s3://BUCKET/PREFIX",
                       conf->root ? conf->root : "");
    }
    struct store_s3 *s = mem_zalloc(sizeof(*s));
    s->s3 = conf->s3;
    s->fetcher = conf->fetcher;
    s->root = mem_strdup(conf->root);
    for (size_t len = strlen(s->root); len && s->root[len - 1] == '/'; len--) {
        s->root[len - 1] = '\0';
    }
    s->bucket = steal_ptr(&bucket);
    s->prefix = mem_printf("%s%s", prefix, prefix[0] ? "/" : "");
    struct store_keys_conf keys = {
        .list = list_keys, .arg = s, .ttl_ms = conf->ttl_ms, .settle_ms = conf->settle_ms};
    s->keys = store_keys_new(&keys);
    s->store = (struct store){.ops = &s3_store_ops, .type = "s3", .sysroot = s->root};
    *ret = &s->store;
    return ERR_OK;
}
