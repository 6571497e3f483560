// UTC offsets from the system's time zone database (RFC 8536), for datetimes whose pickle only names
// their zone. Read as data, without the process's own time zone.
#include "client/render_parts.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"

enum { MAX_FILE = 1 << 20 };

struct zone_type {
    int32_t offset;
    bool dst;
};

struct zone {
    struct buf file;
    size_t n_times, n_types;
    const uint8_t *times, *indices, *types; // in the file
    const char *rule;                       // POSIX TZ text after the last transition
    size_t rule_len;
};

static int64_t be(const uint8_t *p, unsigned bytes)
{
    uint64_t v = p[0] & 0x80 ? UINT64_MAX : 0;
    for (unsigned i = 0; i < bytes; i++)
        v = v << 8 | p[i];
    return (int64_t)v;
}

// Letters, digits and what else stands in zone names; no way out of the folder.
static bool is_zone_name(const char *key)
{
    static const char ok[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/";
    return *key && *key != '/' && strlen(key) < 100 && strspn(key, ok) == strlen(key);
}

// The bytes of the data block behind a header, by the counts in it.
static size_t block_size(const uint8_t *h, unsigned time_size)
{
    uint64_t isut = (uint32_t)be(h + 20, 4), isstd = (uint32_t)be(h + 24, 4), leap = (uint32_t)be(h + 28, 4),
             times = (uint32_t)be(h + 32, 4), types = (uint32_t)be(h + 36, 4), chars = (uint32_t)be(h + 40, 4);
    uint64_t size = times * time_size + times + types * 6 + chars + leap * (time_size + 4) + isstd + isut;
    return size > MAX_FILE ? MAX_FILE : (size_t)size;
}

static bool zone_parse(const uint8_t *data, size_t len, struct zone *z)
{
    enum { HEADER = 44 };
    if (len < HEADER || memcmp(data, "TZif", 4) || data[4] < '2')
        return false;
    size_t at = HEADER + block_size(data, 4); // the old block of 32-bit times
    if (at + HEADER > len || memcmp(data + at, "TZif", 4))
        return false;
    const uint8_t *h = data + at;
    size_t body = at + HEADER, size = block_size(h, 8);
    if (size > len - body)
        return false;
    z->n_times = (uint32_t)be(h + 32, 4);
    z->n_types = (uint32_t)be(h + 36, 4);
    z->times = data + body;
    z->indices = z->times + z->n_times * 8;
    z->types = z->indices + z->n_times;
    size_t end = body + size;
    z->rule = NULL;
    z->rule_len = 0;
    if (end < len && data[end] == '\n') {
        const uint8_t *stop = memchr(data + end + 1, '\n', len - end - 1);
        z->rule = (const char *)data + end + 1;
        z->rule_len = stop ? (size_t)(stop - data - end - 1) : 0;
    }
    return z->n_types > 0;
}

static struct zone_type type_at(const struct zone *z, size_t i)
{
    if (i >= z->n_types)
        i = 0;
    return (struct zone_type){(int32_t)be(z->types + i * 6, 4), z->types[i * 6 + 4] != 0};
}

// The type before any transition: the first that is no daylight time.
static struct zone_type first_type(const struct zone *z)
{
    for (size_t i = 0; i < z->n_types; i++) {
        if (!type_at(z, i).dst)
            return type_at(z, i);
    }
    return type_at(z, 0);
}

// Where a transition stands on the local clock: the later reading for fold 0, the earlier for fold 1.
static int64_t local_transition(int64_t utc, int32_t before, int32_t after, bool fold)
{
    int32_t high = before > after ? before : after, low = before > after ? after : before;
    return utc + (fold ? low : high);
}

static int32_t offset_at(const struct zone *z, int64_t local, bool fold, bool *past_last)
{
    int32_t before = first_type(z).offset, found = before;
    *past_last = z->n_times == 0;
    for (size_t i = 0; i < z->n_times; i++) {
        int32_t after = type_at(z, z->indices[i]).offset;
        if (local < local_transition(be(z->times + i * 8, 8), before, after, fold))
            return found;
        found = before = after;
    }
    *past_last = true;
    return found;
}

struct zone *zone_open(const char *key)
{
    struct err err = ERR_INIT;
    if (!is_zone_name(key))
        return NULL;
    auto_free char *path = file_join("/usr/share/zoneinfo", key);
    struct zone *z = mem_zalloc(sizeof *z);
    if (file_read(path, MAX_FILE, &z->file, &err) || !zone_parse((const uint8_t *)z->file.data, z->file.len, z)) {
        zone_free(z);
        return NULL;
    }
    return z;
}

void zone_free(struct zone *z)
{
    if (z)
        buf_free(&z->file);
    free(z);
}

int32_t zone_first(const struct zone *z)
{
    return first_type(z).offset;
}

int32_t zone_at(const struct zone *z, int64_t utc_seconds)
{
    size_t from = 0, to = z->n_times; // the first transition after the moment
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (be(z->times + middle * 8, 8) <= utc_seconds)
            from = middle + 1;
        else
            to = middle;
    }
    int32_t seconds = from ? type_at(z, z->indices[from - 1]).offset : first_type(z).offset;
    if (from == z->n_times && z->rule_len)
        (void)zone_rule_at(z->rule, z->rule_len, utc_seconds, &seconds);
    return seconds;
}

bool zone_offset(const char *key, int64_t local_seconds, bool fold, int32_t *ret_seconds, bool *ret_fixed)
{
    bool past_last;
    struct zone *z = zone_open(key);
    if (!z)
        return false;
    *ret_seconds = offset_at(z, local_seconds, fold, &past_last);
    bool fixed = z->n_times == 0, ok = true;
    if (past_last && z->rule_len)
        ok = zone_rule_offset(z->rule, z->rule_len, local_seconds, fold, ret_seconds, &fixed);
    *ret_fixed = fixed && z->n_times == 0;
    zone_free(z);
    return ok;
}
