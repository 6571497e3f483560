#include "client/store.h"

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

errc store_read_all(struct store *s, const char *path, size_t max, struct cancel *cancel,
                    struct buf *buf, struct err *err)
{
    struct read_all r = {.buf = buf, .max = max, .path = path};
    return s->ops->read(s, path, 0, cancel, NULL, read_all_put, &r, err);
}
