// How readers are kept from bad data: they are served while it arrives, but the last 64 KiB of an
// object are held back until its digest or checksum was found right. So an object that is corrupt
// anywhere is never read to its end. What turns out to be wrong before a reader was told of any of it is fetched
// once more.
#include <string.h>

#include "base/hash.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/sha1_lane.h"
#include "client/blob_fetch.h"
#include "client/gunzip.h"

#define HELD_BYTES (64 * 1024)
#define LANE_FROM (1024 * 1024) // what is larger is digested on a thread of its own

_Static_assert(SHA1_LANE_DEPTH <= GUNZIP_KEPT, "what is inflated stays until it is digested");

struct progress {
    const struct fetch *fetch;
    struct staged *to;
    struct store_info info;
    bool started;          // it is decided whether it is gzip
    struct gunzip *gunzip; // NULL: raw
    struct sha1 *sha1;     // NULL: not checked
    struct sha1_lane *lane; // NULL: digested where it is made
    uint64_t len;          // of what was made
    uint8_t first;         // of a sniffed object whose second byte has not come yet
    bool has_first;
};

struct fetch *fetch_new(struct store *store, const char *path, const char *sha,
                        enum fetch_mode mode)
{
    struct fetch *f = mem_zalloc(sizeof *f);
    f->store = store;
    f->path = mem_strdup(path);
    memcpy(f->sha, sha, strnlen(sha, sizeof f->sha - 1));
    f->mode = mode;
    return f;
}

void fetch_free(void *arg)
{
    struct fetch *f = arg;
    free(f->path);
    free(f);
}

static errc take(void *arg, const void *data, size_t len, struct err *err)
{
    struct progress *p = arg;
    p->len += len;
    // Only what was inflated stays in place for a while.
    if (p->sha1 && !p->lane && p->gunzip && p->len > LANE_FROM)
        p->lane = sha1_lane_new(p->sha1);
    if (p->lane)
        sha1_lane_add(p->lane, data, len);
    else if (p->sha1)
        sha1_add(p->sha1, data, len);
    return staged_append(p->to, data, len, err);
}

// Metaflow's rule for a blob (datastore/content_addressed_store.py, load_blobs).
static errc is_raw(const struct progress *p, bool *ret_raw, struct err *err)
{
    const char *text = p->info.attributes;
    *ret_raw = false;
    if (!text)
        return ERR_OK;
    auto_cleanup(json_freep) struct json *json = NULL;
    errc e = json_parse(text, strlen(text), "the attributes", &json, err);
    if (e != ERR_OK || json_kind(json) == JSON_NULL)
        return e;
    int64_t version = 0;
    if (json_kind(json) != JSON_OBJECT)
        return err_set(err, ERR_CORRUPT, "the attributes are no JSON object");
    if (json_bool(json_get(json, "cas_raw"), ret_raw) && *ret_raw)
        return ERR_OK;
    if (!json_int(json_get(json, "cas_version"), &version))
        return err_set(err, ERR_CORRUPT,
                       "the attributes do not tell the version of the encoding (cas_version)");
    if (version != 1)
        return err_set(err, ERR_CORRUPT,
                       "version %lld of the encoding is not known; a newer metaflowfs may read it",
                       (long long)version);
    return ERR_OK;
}

static errc start(struct progress *p, bool looks_like_gzip, struct err *err)
{
    bool raw = p->fetch->mode == FETCH_RAW || (p->fetch->mode == FETCH_SNIFF && !looks_like_gzip);
    if (p->fetch->mode == FETCH_CAS) {
        errc e = is_raw(p, &raw, err);
        if (e != ERR_OK)
            return e;
    }
    if (!raw)
        p->gunzip = gunzip_new(take, p);
    p->started = true;
    return ERR_OK;
}

static errc pass(struct progress *p, const void *data, size_t len, struct err *err)
{
    staged_touch(p->to);
    return p->gunzip ? gunzip_feed(p->gunzip, data, len, err) : take(p, data, len, err);
}

static errc take_stored(void *arg, const void *data, size_t len, struct err *err)
{
    struct progress *p = arg;
    const uint8_t *bytes = data;
    if (p->started || !len)
        return pass(p, data, len, err);
    if (!p->has_first && len == 1 && p->fetch->mode == FETCH_SNIFF) {
        p->first = bytes[0];
        p->has_first = true;
        return ERR_OK;
    }
    uint8_t first = p->has_first ? p->first : bytes[0];
    uint8_t second = p->has_first ? bytes[0] : len > 1 ? bytes[1] : 0;
    errc e = start(p, first == 0x1f && second == 0x8b, err);
    if (e == ERR_OK && p->has_first)
        e = pass(p, &first, 1, err);
    return e == ERR_OK ? pass(p, data, len, err) : e;
}

static errc finish(struct progress *p, struct err *err)
{
    errc e = ERR_OK;
    if (!p->started) {
        e = start(p, false, err);
        if (e == ERR_OK && p->has_first)
            e = pass(p, &p->first, 1, err);
    }
    if (e == ERR_OK && p->gunzip)
        e = gunzip_end(p->gunzip, err);
    if (e == ERR_OK && p->sha1) {
        char hex[41];
        sha1_lane_end(steal_ptr(&p->lane));
        sha1_hex(p->sha1, hex);
        if (strcmp(hex, p->fetch->sha) != 0)
            return err_set(err, ERR_CORRUPT, "its content has the SHA-1 %s, but its key is %s", hex,
                           p->fetch->sha);
    }
    return e;
}

static errc fetch_once(struct fetch *f, struct staged *to, struct err *err)
{
    struct progress p = {.fetch = f, .to = to};
    if (f->sha[0])
        p.sha1 = sha1_new();
    errc e =
        f->store->ops->read(f->store, f->path, 0, staged_cancel(to), &p.info, take_stored, &p, err);
    if (e == ERR_OK)
        e = finish(&p, err);
    free(p.info.attributes);
    sha1_lane_end(p.lane); // before the bytes that it reads are gone
    gunzip_free(p.gunzip);
    if (p.sha1)
        sha1_free(p.sha1);
    return e;
}

errc fetch_produce(void *arg, struct staged *to, struct err *err)
{
    struct fetch *f = arg;
    struct err first = ERR_INIT;
    staged_hold_back(to, HELD_BYTES);
    errc e = fetch_once(f, to, &first);
    // One answer may have been garbled on its way. Where nobody has seen any of it, it is asked for once more.
    if (e == ERR_CORRUPT && staged_begin_again(to)) {
        log_warn("store", "%.300s is fetched once more: %s", f->path, first.cause);
        e = fetch_once(f, to, err);
    } else if (e != ERR_OK) {
        *err = first;
    }
    // The metadata names the object, so that it is the store that is not whole.
    if (e == ERR_NOT_FOUND)
        e = err_set(err, ERR_CORRUPT, "the stored object is gone: there is no %.300s in %.200s", f->path,
                    f->store->sysroot);
    if (e == ERR_CORRUPT && !strstr(err->cause, f->path))
        err_prefix(err, "%.300s", f->path);
    return e;
}
