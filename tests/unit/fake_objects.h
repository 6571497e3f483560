// A bucket in memory that counts what it is asked: stands in for s3/s3.c and s3/fetch.c in the tests of what is above
// them. It defines every function of s3/s3.h and s3/fetch.h that those use.
#ifndef TESTS_UNIT_FAKE_OBJECTS_H
#define TESTS_UNIT_FAKE_OBJECTS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "s3/fetch.h"
#include "s3/s3.h"

struct bucket_object {
    char key[200];
    const char *data; // borrowed
    size_t len;
    const char *attributes; // or NULL; borrowed
};
struct s3 {
    struct bucket_object objects[2000]; // ordered by key
    size_t n;
    size_t piece;                  // a body comes in pieces of so many bytes; 0: at once
    errc fail, fail_list;          // what everything, or a listing, gives
    size_t cut_after;              // a body breaks off after so many bytes; 0: never
    int gets, heads, lists, fetches;
    uint64_t bytes;                // of bodies
    char bucket[64], key[200];     // of the last request
    uint64_t off;
};
struct fetcher {
    struct s3 *s3;
};

static inline int bucket_requests(const struct s3 *s)
{
    return s->gets + s->heads + s->lists + s->fetches;
}

static inline int bucket_by_key(const void *a, const void *b)
{
    return strcmp(((const struct bucket_object *)a)->key, ((const struct bucket_object *)b)->key);
}

static inline void bucket_put(struct s3 *s, const char *key, const char *data, size_t len, const char *attributes)
{
    size_t i = 0;
    while (i < s->n && strcmp(s->objects[i].key, key) != 0) {
        i++;
    }
    struct bucket_object *o = &s->objects[i];
    s->n = i == s->n ? s->n + 1 : s->n;
    snprintf(o->key, sizeof(o->key), "%s", key);
    o->data = data;
    o->len = len;
    o->attributes = attributes;
    qsort(s->objects, s->n, sizeof(*o), bucket_by_key);
}

static inline errc bucket_find(struct s3 *s, const char *bucket, const char *key, struct cancel *cancel,
                             const struct bucket_object **ret, struct err *err)
{
    snprintf(s->bucket, sizeof(s->bucket), "%s", bucket);
    snprintf(s->key, sizeof(s->key), "%s", key);
    if (cancel_check(cancel, err)) {
        return err->code;
    }
    if (s->fail) {
        return err_set(err, s->fail, "S3 fails");
    }
    for (size_t i = 0; i < s->n; i++) {
        if (strcmp(s->objects[i].key, key) == 0) {
            *ret = &s->objects[i];
            return ERR_OK;
        }
    }
    return err_set(err, ERR_NOT_FOUND, "NoSuchKey: %s", key);
}

static inline struct s3_head bucket_head(const struct bucket_object *o)
{
    return (struct s3_head){.size = o->len, .mtime_ms = 1795000000000, .etag = "\"etag\"",
                            .attributes = mem_strdup(o->attributes)};
}

static inline errc bucket_body(struct s3 *s, const struct bucket_object *o, uint64_t off, s3_body_fn fn, void *arg,
                             struct s3_head *ret_head, struct err *err)
{
    s->off = off;
    if (off && off >= o->len) {
        return err_set(err, ERR_LIMIT, "InvalidRange");
    }
    auto_cleanup(s3_head_free) struct s3_head head = bucket_head(o);
    if (ret_head) {
        *ret_head = bucket_head(o);
    }
    for (size_t at = off, piece; at < o->len; at += piece) {
        piece = s->piece && s->piece < o->len - at ? s->piece : o->len - at;
        if (s->cut_after && at + piece > s->cut_after) {
            return err_set(err, ERR_IO, "the connection broke off");
        }
        s->bytes += piece;
        errc code = fn(arg, &head, o->data + at, piece, err);
        if (code) {
            return code;
        }
    }
    return ERR_OK;
}

bool s3_url_parse(const char *url, char **ret_bucket, char **ret_prefix)
{
    if (strncmp(url, "s3://", 5) != 0 || !url[5] || url[5] == '/') {
        return false;
    }
    size_t bucket = strcspn(url + 5, "/");
    const char *prefix = url + 5 + bucket;
    prefix += strspn(prefix, "/");
    size_t len = strlen(prefix);
    while (len && prefix[len - 1] == '/') {
        len--;
    }
    *ret_bucket = mem_strndup(url + 5, bucket);
    *ret_prefix = mem_strndup(prefix, len);
    return true;
}

void s3_head_free(struct s3_head *h)
{
    free(h->attributes);
    *h = (struct s3_head){0};
}

errc s3_get(struct s3 *s, const struct s3_range *range, struct cancel *cancel, s3_body_fn fn, void *arg,
            struct s3_head *ret_head, struct err *err)
{
    const struct bucket_object *o = NULL;
    s->gets++;
    errc code = bucket_find(s, range->bucket, range->key, cancel, &o, err);
    return code ? code : bucket_body(s, o, range->off, fn, arg, ret_head, err);
}

errc fetch_stream(struct fetcher *f, const struct fetch_object *object, struct cancel *cancel, s3_body_fn fn, void *arg,
                  struct s3_head *ret_head, struct err *err)
{
    const struct bucket_object *o = NULL;
    f->s3->fetches++;
    errc code = bucket_find(f->s3, object->bucket, object->key, cancel, &o, err);
    return code ? code : bucket_body(f->s3, o, object->off, fn, arg, ret_head, err);
}

errc s3_head_object(struct s3 *s, const char *bucket, const char *key, struct cancel *cancel, struct s3_head *ret,
                    struct err *err)
{
    const struct bucket_object *o = NULL;
    s->heads++;
    errc code = bucket_find(s, bucket, key, cancel, &o, err);
    if (!code) {
        *ret = bucket_head(o);
    }
    return code;
}

errc s3_list(struct s3 *s, const char *bucket, const char *prefix, bool delimiter, const char *after,
             struct cancel *cancel, s3_list_fn fn, void *arg, struct err *err)
{
    const struct bucket_object *ignored;
    s->lists++;
    errc code = bucket_find(s, bucket, prefix, cancel, &ignored, err);
    if (s->fail_list) {
        return err_set(err, s->fail_list, "AccessDenied");
    }
    if (code && code != ERR_NOT_FOUND) {
        return code;
    }
    char last[200] = "";
    for (size_t i = 0; i < s->n; i++) {
        const struct bucket_object *o = &s->objects[i];
        size_t len = strlen(prefix);
        const char *slash = delimiter && strlen(o->key) > len ? strchr(o->key + len, '/') : NULL;
        struct s3_entry e = {.key = o->key, .size = o->len, .mtime_ms = 1795000000000, .etag = ""};
        if (strncmp(o->key, prefix, len) != 0 || (after && strcmp(o->key, after) <= 0)) {
            continue;
        }
        if (slash) {
            char dir[200];
            snprintf(dir, sizeof(dir), "%.*s", (int)(slash + 1 - o->key), o->key);
            if (strcmp(dir, last) == 0) {
                continue;
            }
            snprintf(last, sizeof(last), "%s", dir);
            e = (struct s3_entry){.key = last, .is_prefix = true, .mtime_ms = -1, .etag = ""};
        }
        if (!fn(arg, &e)) {
            break;
        }
    }
    return ERR_OK;
}

#endif
