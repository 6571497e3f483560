#include "client/store.h"

#include <stdlib.h>

struct read_all {
    struct buf *buf;
    size_t max, got;
    const char *path;
};

static errc read_all_put(void *arg, const void *data, size_t len, struct err *err)
{
    struct read_all *r = arg;
    if (len > r->max - r->got)
        return err_set(err, ERR_LIMIT, "%s is larger than %zu bytes", r->path, r->max);
    r->got += len;
    buf_put(r->buf, data, len);
    if (r->buf->over)
        return err_set(err, ERR_LIMIT, "%s is too large to be read", r->path);
    return ERR_OK;
}

static errc read_all(struct store *s, const char *path, size_t max, struct cancel *cancel, struct buf *buf,
                     struct store_info *ret_info, struct err *err)
{
    struct read_all r = {.buf = buf, .max = max, .path = path};
    return s->ops->read(s, path, 0, cancel, ret_info, read_all_put, &r, err);
}

errc store_read_all(struct store *s, const char *path, size_t max, struct cancel *cancel,
                    struct buf *buf, struct err *err)
{
    return read_all(s, path, max, cancel, buf, NULL, err);
}

errc store_read_all_dated(struct store *s, const char *path, size_t max, struct cancel *cancel, struct buf *buf,
                          int64_t *ret_mtime_ms, struct err *err)
{
    struct store_info info = {0};
    errc e = read_all(s, path, max, cancel, buf, &info, err);
    free(info.attributes);
    if (e == ERR_OK)
        *ret_mtime_ms = info.mtime_ms;
    return e;
}
