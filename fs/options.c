#include "fs/options.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

#define CONNECTIONS_MAX 1024

static errc bad_value(const struct option_row *r, const char *value, const char *wanted, struct err *err)
{
    return err_set(err, ERR_INVALID, "option %s: \"%s\" is not %s", r->name, value, wanted);
}

static errc take_number(const struct option_row *r, const char *value, int base, uint64_t *ret,
                        struct err *err)
{
    char *end;
    errno = 0;
    unsigned long long n = strtoull(value, &end, base);
    uint64_t most = r->type == OPTION_OCTAL ? 0777 : UINT32_MAX - 1;
    if (value[0] < '0' || value[0] > '9' || *end != '\0' || errno != 0 || n > most) {
        return bad_value(r, value, base == 8 ? "an octal number up to 777" : "a number", err);
    }
    *ret = n;
    return ERR_OK;
}

static errc take_seconds(const struct option_row *r, const char *value, int64_t *ret, struct err *err)
{
    char *end;
    double seconds = strtod(value, &end);
    if (((value[0] < '0' || value[0] > '9') && value[0] != '.') || *end != '\0' || !isfinite(seconds) ||
        seconds > 1e9) {
        return bad_value(r, value, "a number of seconds, such as 2 or 0.5", err);
    }
    *ret = (int64_t)(seconds * 1000 + 0.5);
    return ERR_OK;
}

static errc take_bytes(const struct option_row *r, const char *value, uint64_t *ret, struct err *err)
{
    static const char units[] = "KMGT";
    char *end;
    errno = 0;
    unsigned long long n = strtoull(value, &end, 10);
    const char *unit = *end != '\0' ? strchr(units, *end & ~0x20) : NULL;
    unsigned shift = 0;
    if (unit != NULL && end[1] == '\0') {
        shift = 10 * (unsigned)(unit - units + 1);
        end++;
    }
    bool none = n == 0 && r->has_offset == SIZE_MAX; // 0 says something only where it is told from nothing
    if (value[0] < '0' || value[0] > '9' || *end != '\0' || errno != 0 || none || n > UINT64_MAX >> shift) {
        return bad_value(r, value, "a number of bytes, such as 512M or 8G", err);
    }
    *ret = n << shift;
    return ERR_OK;
}

static errc take_dots(const struct option_row *r, const char *value, bool *ret, struct err *err)
{
    if (strcmp(value, "list") != 0 && strcmp(value, "hide") != 0) {
        return bad_value(r, value, "list or hide", err);
    }
    *ret = strcmp(value, "list") == 0;
    return ERR_OK;
}

static errc set_option(struct options *o, const struct option_row *r, const char *value, struct err *err)
{
    char *at = (char *)o + r->offset;
    if (r->has_offset != SIZE_MAX) {
        *(bool *)(void *)((char *)o + r->has_offset) = true;
    }
    if (r->type == OPTION_FLAG) {
        *(bool *)(void *)at = true;
        return ERR_OK;
    }
    if (value == NULL) {
        return bad_value(r, "", "a value", err);
    }
    switch (r->type) {
    case OPTION_FLAG:
        break;
    case OPTION_TEXT: {
        char **text = (char **)(void *)at;
        free(*text);
        *text = mem_strdup(value);
        return ERR_OK;
    }
    case OPTION_NUMBER:
        return take_number(r, value, 10, (uint64_t *)(void *)at, err);
    case OPTION_OCTAL:
        return take_number(r, value, 8, (uint64_t *)(void *)at, err);
    case OPTION_SECONDS:
        return take_seconds(r, value, (int64_t *)(void *)at, err);
    case OPTION_BYTES:
        return take_bytes(r, value, (uint64_t *)(void *)at, err);
    case OPTION_LEVEL:
        return log_level_parse(value, (enum log_level *)(void *)at, err);
    case OPTION_DOTS:
        return take_dots(r, value, (bool *)(void *)at, err);
    }
    return ERR_OK;
}

static errc unknown(const char *prefix, const char *name, size_t len, struct err *err)
{
    const struct option_row *near = option_nearest(name, len);
    if (near != NULL) {
        return err_set(err, ERR_INVALID, "unknown option %s%.*s: did you mean %s%s?", prefix, (int)len, name,
                       prefix, near->name);
    }
    return err_set(err, ERR_INVALID, "unknown option %s%.*s: metaflowfs --help lists them", prefix, (int)len,
                   name);
}

// One NAME or NAME=VALUE of a -o list, its escapes already taken away.
static errc take_o_item(struct options *o, const char *item, struct err *err)
{
    size_t len = strcspn(item, "=");
    const struct option_row *r = option_find(item, len);
    if (r == NULL) {
        if (option_is_mount_flag(item)) {
            strv_add(&o->mount_flags, item);
            return ERR_OK;
        }
        return option_is_ignored(item) ? ERR_OK : unknown("-o ", item, len, err);
    }
    const char *value = item[len] == '=' ? item + len + 1 : NULL;
    if ((r->type == OPTION_FLAG) != (value == NULL)) {
        return err_set(err, ERR_INVALID, value == NULL ? "option -o %s needs a value: %s=%s"
                                                       : "option -o %s takes no value",
                       r->name, r->name, r->arg);
    }
    return set_option(o, r, value, err);
}

// Splits at commas; a backslash takes the next character as it is.
static errc take_o_list(struct options *o, const char *list, struct err *err)
{
    auto_cleanup(buf_free) struct buf item = {0};
    for (const char *p = list;; p++) {
        if (*p == ',' || *p == '\0') {
            errc e = item.len > 0 ? take_o_item(o, item.data, err) : ERR_OK;
            if (e || *p == '\0') {
                return e;
            }
            buf_free(&item);
        } else {
            if (*p == '\\' && p[1] != '\0') {
                p++;
            }
            buf_putc(&item, *p);
        }
    }
}

struct arguments {
    int argc, next;
    char *const *argv;
    bool only_paths; // after --
    const char *paths[2];
    unsigned n_paths;
};

static const char *next_argument(struct arguments *a)
{
    return a->next < a->argc ? a->argv[a->next++] : NULL;
}

static errc take_long(struct options *o, const char *text, struct arguments *a, struct err *err)
{
    size_t len = strcspn(text, "=");
    const struct option_row *r = option_find(text, len);
    if (r == NULL) {
        return unknown("--", text, len, err);
    }
    if (r->type == OPTION_FLAG) {
        return text[len] == '=' ? err_set(err, ERR_INVALID, "option --%s takes no value", r->name)
                                : set_option(o, r, NULL, err);
    }
    const char *value = text[len] == '=' ? text + len + 1 : next_argument(a);
    if (value == NULL) {
        return err_set(err, ERR_INVALID, "option --%s needs a value: --%s %s", r->name, r->name, r->arg);
    }
    return set_option(o, r, value, err);
}

static errc take_letters(struct options *o, const char *letters, struct arguments *a, struct err *err)
{
    for (; *letters != '\0'; letters++) {
        if (*letters == 'o') {
            const char *list = letters[1] != '\0' ? letters + 1 : next_argument(a);
            return list != NULL ? take_o_list(o, list, err)
                                : err_set(err, ERR_INVALID, "option -o needs a value: -o NAME[=VALUE],...");
        }
        const struct option_row *r = option_table;
        while (r->name != NULL && r->letter != *letters) {
            r++;
        }
        if (r->name == NULL) {
            return err_set(err, ERR_INVALID, "unknown option -%c: metaflowfs --help lists them", *letters);
        }
        errc e = set_option(o, r, NULL, err);
        if (e) {
            return e;
        }
    }
    return ERR_OK;
}

static errc take_argument(struct options *o, const char *text, struct arguments *a, struct err *err)
{
    if (!a->only_paths && strcmp(text, "--") == 0) {
        a->only_paths = true;
        return ERR_OK;
    }
    if (!a->only_paths && strncmp(text, "--", 2) == 0) {
        return take_long(o, text + 2, a, err);
    }
    if (!a->only_paths && text[0] == '-' && text[1] != '\0') {
        return take_letters(o, text + 1, a, err);
    }
    if (a->n_paths == 2) {
        return err_set(err, ERR_INVALID, "\"%s\" is one argument too many: metaflowfs [options] MOUNTPOINT", text);
    }
    a->paths[a->n_paths++] = text;
    return ERR_OK;
}

// mount(8) gives a source before the mountpoint: a datastore, or a word that names none.
static void take_source(struct options *o, const char *source)
{
    if (o->datastore_root == NULL && source[0] != '\0' && strcmp(source, "none") != 0 &&
        strcmp(source, "metaflowfs") != 0 && strcmp(source, "metaflow") != 0) {
        o->datastore_root = mem_strdup(source);
    }
}

static errc check_together(const struct options *o, struct err *err)
{
    if (o->allow_other && o->allow_root) {
        return err_set(err, ERR_INVALID, "allow_other and allow_root exclude each other: allow_other includes root");
    }
    if (o->no_cache && (o->cache_dir != NULL || o->cache_bytes != 0)) {
        return err_set(err, ERR_INVALID, "no-cache excludes cache-dir and cache-size: nothing is kept with it");
    }
    if (o->cache_dir != NULL && o->cache_dir[0] == '\0') {
        return err_set(err, ERR_INVALID, "option cache-dir: \"\" is not a directory; --no-cache keeps nothing");
    }
    if (o->path_style && o->virtual_host_style) {
        return err_set(err, ERR_INVALID, "path-style and virtual-host-style exclude each other");
    }
    if (o->has_max_connections && (o->max_connections == 0 || o->max_connections > CONNECTIONS_MAX)) {
        return err_set(err, ERR_INVALID, "option max-connections: it must be from 1 to %d", CONNECTIONS_MAX);
    }
    if (o->service_timeout_ms == 0) {
        return err_set(err, ERR_INVALID, "option service-timeout: it must be more than 0 seconds");
    }
    return ERR_OK;
}

errc options_parse(int argc, char *const *argv, struct options *o, struct err *err)
{
    *o = (struct options){.ttl_ms = 2000, .stale_after_ms = 360 * 1000, .settle_after_ms = 900 * 1000,
                          .service_timeout_ms = 30 * 1000,
                          .log_level = LOG_LEVEL_WARN};
    struct arguments a = {.argc = argc, .next = 1, .argv = argv};
    for (const char *text; (text = next_argument(&a)) != NULL;) {
        errc e = take_argument(o, text, &a, err);
        if (e) {
            return e;
        }
    }
    if (o->debug) {
        o->foreground = true;
        o->log_level = o->has_log_level ? o->log_level : LOG_LEVEL_DEBUG;
    }
    if (a.n_paths == 2) {
        take_source(o, a.paths[0]);
    }
    if (a.n_paths > 0) {
        o->mountpoint = mem_strdup(a.paths[a.n_paths - 1]);
    }
    if (o->mountpoint == NULL && !o->help && !o->version && !o->check) {
        return err_set(err, ERR_INVALID, "where should it be mounted? metaflowfs [options] MOUNTPOINT");
    }
    return check_together(o, err);
}

void options_free(struct options *o)
{
    free(o->mountpoint);
    free(o->datastore_root);
    free(o->ns);
    free(o->cache_dir);
    free(o->aws_profile);
    free(o->aws_region);
    free(o->endpoint_url);
    free(o->log_file);
    free(o->fault);
    strv_free(&o->mount_flags);
    *o = (struct options){0};
}
