// Whether two answers are of one version of an object.
#include <string.h>

#include "s3/s3.h"

static bool is_weak(const char *etag)
{
    return strncmp(etag, "W/", 2) == 0;
}

bool s3_head_is_same(const struct s3_head *a, const struct s3_head *b)
{
    bool sizes = a->size == b->size || a->size == UINT64_MAX || b->size == UINT64_MAX;
    if (!a->etag[0] || !b->etag[0]) {
        return sizes && a->mtime_ms == b->mtime_ms;
    }
    // A weak one says that the meaning is the same, not the bytes: so the time has a say.
    bool times = !is_weak(a->etag) || a->mtime_ms < 0 || b->mtime_ms < 0 || a->mtime_ms == b->mtime_ms;
    return sizes && times && strcmp(a->etag, b->etag) == 0;
}

const char *s3_head_if_match(const struct s3_head *h)
{
    return h->etag[0] && !is_weak(h->etag) ? h->etag : NULL;
}
