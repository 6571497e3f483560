#include "client/store_kept.h"

#include <stdatomic.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "client/gunzip.h"

#define ROW_CONTENT 'B' // rows of client/meta_service_i.h share the units of runs
#define ROW_DATA_JSON 'D'
#define CONTENT_MAX ((size_t)64 * 1024)
#define DATA_JSON_MAX ((size_t)1 << 20)
#define ATTRIBUTES_MAX ((size_t)64 * 1024)
#define FORMAT 1

struct kept {
    struct store store; // first member
    struct store *inner;
    struct cache *cache;
    char *place;
    atomic_ullong hits, misses, written, refused;
};

// What is kept of a path, and where.
struct spot {
    char *unit, *parent, *name; // owned
    uint8_t row;
    size_t max;
    const char *sha; // what content has to hash to; NULL: it is data.json
};

static void spot_free(struct spot *s)
{
    free(s->unit);
    free(s->parent);
    free(s->name);
}

static bool is_sha(const char *text)
{
    return strlen(text) == 40 && strspn(text, "0123456789abcdef") == 40;
}

static bool is_data_json(const char *name)
{
    size_t digits = strspn(name, "0123456789");
    return digits && strcmp(name + digits, ".data.json") == 0;
}

// False for what is not kept.
static bool find_spot(const struct kept *k, const char *path, struct spot *ret)
{
    const char *slash[5];
    size_t n = 0;
    for (const char *at = strchr(path, '/'); at; at = strchr(at + 1, '/')) {
        if (n == 4) {
            return false;
        }
        slash[n++] = at;
    }
    if (n == 4 && is_data_json(slash[3] + 1)) {
        *ret = (struct spot){.row = ROW_DATA_JSON, .max = DATA_JSON_MAX};
        ret->unit = mem_strndup(path, (size_t)(slash[1] - path));
        ret->parent = mem_strndup(slash[1] + 1, (size_t)(slash[3] - slash[1] - 1));
        ret->name = mem_printf("%s %s", slash[3] + 1, k->place);
        return true;
    }
    bool is_blob = n == 3 && strncmp(slash[0], "/data/", 6) == 0;
    bool is_included = n == 2 && strncmp(path, "data/", 5) == 0;
    if ((!is_blob && !is_included) || !is_sha(slash[n - 1] + 1)) {
        return false;
    }
    const char *sha = slash[n - 1] + 1;
    *ret = (struct spot){.row = ROW_CONTENT, .max = CONTENT_MAX, .sha = sha};
    ret->unit = mem_printf(":blobs/%s/%.*s/%.2s", k->place, (int)(slash[is_blob ? 0 : 1] - path), path, sha);
    ret->parent = mem_strdup("");
    ret->name = mem_strdup(sha);
    return true;
}

static struct cache_key key_of(const struct spot *s)
{
    return (struct cache_key){.unit = s->unit, .parent = s->parent, .kind = s->row, .name = s->name};
}

// --- an item: format, time, length of the attributes (0: none, else one more), these, the bytes ----------

struct head {
    uint32_t format, attributes;
    int64_t mtime_ms;
};

static void write_item(struct buf *out, const struct store_info *info, const struct buf *bytes)
{
    struct head h;
    memset(&h, 0, sizeof(h));
    h.format = FORMAT;
    h.attributes = info->attributes ? (uint32_t)strlen(info->attributes) + 1 : 0;
    h.mtime_ms = info->mtime_ms;
    buf_put(out, &h, sizeof(h));
    buf_put(out, info->attributes, h.attributes ? h.attributes - 1 : 0);
    buf_put(out, bytes->data, bytes->len);
}

// *ret_at is where the bytes begin. False for an item of another release.
static bool read_item(const struct buf *item, bool want_attributes, struct store_info *ret, size_t *ret_at)
{
    struct head h;
    if (item->len < sizeof(h)) {
        return false;
    }
    memcpy(&h, item->data, sizeof(h));
    size_t len = h.attributes ? h.attributes - 1 : 0, at = sizeof(h) + len;
    if (h.format != FORMAT || at > item->len) {
        return false;
    }
    *ret = (struct store_info){.size = item->len - at, .mtime_ms = h.mtime_ms};
    if (want_attributes && h.attributes) {
        ret->attributes = mem_strndup(item->data + sizeof(h), len);
    }
    *ret_at = at;
    return true;
}

static bool look(struct kept *k, const struct spot *s, bool want_attributes, struct buf *item, struct store_info *ret,
                 size_t *ret_at)
{
    struct cache_key key = key_of(s);
    int64_t asked_ms;
    return cache_get(k->cache, &key, item, &asked_ms) && !item->over &&
           read_item(item, want_attributes, ret, ret_at);
}

// --- what is right ---------------------------------------------------------------------------------------

static errc add_inflated(void *arg, const void *data, size_t len, struct err *err)
{
    (void)err;
    sha1_add(arg, data, len);
    return ERR_OK;
}

static bool inflates_to(const struct buf *bytes, const char *sha)
{
    char hex[41];
    struct sha1 *sum = sha1_new();
    struct err err = ERR_INIT;
    auto_cleanup(gunzip_freep) struct gunzip *g = gunzip_new(add_inflated, sum);
    bool inflates = !gunzip_feed(g, bytes->data, bytes->len, &err) && !gunzip_end(g, &err);
    sha1_hex(sum, hex);
    sha1_free(sum);
    return inflates && strcmp(hex, sha) == 0;
}

static bool hashes_to(const struct buf *bytes, const char *sha)
{
    char hex[41];
    sha1_hex_of(bytes->data, bytes->len, hex);
    return strcmp(hex, sha) == 0;
}

// With attributes that a reader of it (client/blob_fetch.c) will not find fault with either.
static bool is_content(const struct buf *bytes, const char *sha, const char *attributes)
{
    if (!attributes) {
        return inflates_to(bytes, sha) || hashes_to(bytes, sha);
    }
    auto_cleanup(json_freep) struct json *json = NULL;
    struct err err = ERR_INIT;
    bool raw = false;
    int64_t version = 0;
    if (json_parse(attributes, strlen(attributes), "the attributes", &json, &err)) {
        return false;
    }
    if (json_bool(json_get(json, "cas_raw"), &raw) && raw) {
        return hashes_to(bytes, sha);
    }
    return json_int(json_get(json, "cas_version"), &version) && version == 1 && inflates_to(bytes, sha);
}

static bool is_right(const struct spot *s, const struct store_info *info, const struct buf *bytes)
{
    if (!bytes->data) {
        return false; // nothing at all is no pickle and no JSON
    }
    if (s->sha) {
        return is_content(bytes, s->sha, info->attributes);
    }
    auto_cleanup(json_freep) struct json *json = NULL;
    struct err err = ERR_INIT;
    return !json_parse(bytes->data, bytes->len, "data.json", &json, &err) && json_kind(json) == JSON_OBJECT;
}

// --- reading ---------------------------------------------------------------------------------------------

// Passes bytes on and keeps a copy, as long as they are few.
struct tee {
    store_bytes_fn fn;
    void *arg;
    struct buf copy;
};

static errc pass(void *arg, const void *data, size_t len, struct err *err)
{
    struct tee *t = arg;
    buf_put(&t->copy, data, len);
    return t->fn(t->arg, data, len, err);
}

static void keep(struct kept *k, const struct spot *s, uint64_t generation, int64_t asked_ms,
                 const struct store_info *info, const struct buf *bytes)
{
    if (bytes->over || bytes->len != info->size ||
        (info->attributes && strlen(info->attributes) > ATTRIBUTES_MAX)) {
        return;
    }
    if (!is_right(s, info, bytes)) {
        atomic_fetch_add(&k->refused, 1);
        return;
    }
    auto_cleanup(buf_free) struct buf item = {0};
    write_item(&item, info, bytes);
    struct cache_key key = key_of(s);
    struct cache_batch *b = cache_batch_new(k->cache, generation, asked_ms);
    cache_batch_put(b, &key, item.data, item.len);
    if (cache_batch_commit(b)) {
        atomic_fetch_add(&k->written, 1);
    }
}

static errc read_inner(struct kept *k, const struct spot *s, const char *path, struct cancel *cancel,
                       struct store_info *ret_info, store_bytes_fn fn, void *arg, struct err *err)
{
    struct store_info own = {0}, *info = ret_info ? ret_info : &own;
    struct tee t = {.fn = fn, .arg = arg, .copy = {.max = s->max}};
    uint64_t generation = cache_generation(k->cache);
    int64_t asked_ms = clock_wall_ms();
    errc code = k->inner->ops->read(k->inner, path, 0, cancel, info, pass, &t, err);
    if (!code) {
        keep(k, s, generation, asked_ms, info, &t.copy);
    }
    buf_free(&t.copy);
    free(own.attributes);
    return code;
}

static errc kept_read(struct store *store, const char *path, uint64_t offset, struct cancel *cancel,
                      struct store_info *ret_info, store_bytes_fn fn, void *arg, struct err *err)
{
    struct kept *k = (struct kept *)store;
    auto_cleanup(spot_free) struct spot s = {0};
    auto_cleanup(buf_free) struct buf item = {0};
    struct store_info info;
    size_t at;
    errc code = cancel_check(cancel, err);
    if (code) {
        return code;
    }
    if (!find_spot(k, path, &s)) {
        return k->inner->ops->read(k->inner, path, offset, cancel, ret_info, fn, arg, err);
    }
    if (look(k, &s, ret_info != NULL, &item, &info, &at)) {
        atomic_fetch_add(&k->hits, 1);
        if (ret_info) {
            *ret_info = info;
        }
        return offset >= info.size ? ERR_OK : fn(arg, item.data + at + offset, info.size - offset, err);
    }
    atomic_fetch_add(&k->misses, 1);
    return offset ? k->inner->ops->read(k->inner, path, offset, cancel, ret_info, fn, arg, err)
                  : read_inner(k, &s, path, cancel, ret_info, fn, arg, err);
}

static errc kept_info(struct store *store, const char *path, unsigned flags, struct cancel *cancel,
                      struct store_info *ret, struct err *err)
{
    struct kept *k = (struct kept *)store;
    auto_cleanup(spot_free) struct spot s = {0};
    auto_cleanup(buf_free) struct buf item = {0};
    size_t at;
    if (find_spot(k, path, &s) && look(k, &s, flags & STORE_ATTRIBUTES, &item, ret, &at)) {
        return ERR_OK;
    }
    return k->inner->ops->info(k->inner, path, flags, cancel, ret, err);
}

static errc kept_list(struct store *store, const char *dir, struct cancel *cancel, store_list_fn fn, void *arg,
                      struct err *err)
{
    struct store *inner = ((struct kept *)store)->inner;
    return inner->ops->list(inner, dir, cancel, fn, arg, err);
}

static void kept_free(struct store *store)
{
    struct kept *k = (struct kept *)store;
    k->inner->ops->free(k->inner);
    free(k->place);
    free(k);
}

static const struct store_ops kept_ops = {kept_info, kept_read, kept_list, kept_free};

struct store *store_kept_new(struct store *inner, struct cache *cache, const char *place)
{
    struct kept *k = mem_zalloc(sizeof(*k));
    k->store = (struct store){&kept_ops, inner->type, inner->sysroot};
    k->inner = inner;
    k->cache = cache;
    k->place = mem_strdup(place);
    return &k->store;
}

void store_kept_stats(struct store *s, struct store_kept_stats *ret)
{
    struct kept *k = (struct kept *)s;
    *ret = (struct store_kept_stats){atomic_load(&k->hits), atomic_load(&k->misses), atomic_load(&k->written),
                                     atomic_load(&k->refused)};
}
