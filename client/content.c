#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/mem.h"
#include "client/content.h"

#define READ_PIECE (256 * 1024)

struct content {
    atomic_uint refs;
    struct staged *staged; // one reference; NULL: it is the file `fd`
    int fd;
    bool has_more;
    void (*let_go)(void *arg); // or NULL
    void *let_go_arg;
    uint64_t off, len;
    uint64_t total; // what the object has to have at its end; UINT64_MAX: whatever it has
};

struct content *content_of_expected(struct staged *staged, uint64_t off, uint64_t len,
                                    uint64_t total)
{
    struct content *c = mem_zalloc(sizeof *c);
    atomic_init(&c->refs, 1);
    c->staged = staged;
    c->fd = -1;
    c->off = off;
    c->len = len;
    c->total = total;
    return c;
}

struct content *content_of(struct staged *staged, uint64_t off, uint64_t len)
{
    if (len == UINT64_MAX) {
        uint64_t end = staged_len(staged);
        len = end > off ? end - off : 0;
    }
    return content_of_expected(staged, off, len, UINT64_MAX);
}

struct content *content_of_bytes(struct staging *st, const void *data, size_t len)
{
    return content_of(staged_of_bytes(st, data, len), 0, len);
}

struct content *content_of_fd(int fd, uint64_t len)
{
    struct content *c = content_of_expected(NULL, 0, len, UINT64_MAX);
    c->fd = fd;
    return c;
}

struct content *content_of_part(int fd, uint64_t len)
{
    struct content *c = content_of_fd(fd, len);
    c->has_more = true;
    return c;
}

void content_at_end(struct content *c, void (*let_go)(void *arg), void *arg)
{
    c->let_go = let_go;
    c->let_go_arg = arg;
}

bool content_has_more(const struct content *c)
{
    return c->has_more;
}

struct content *content_ref(struct content *c)
{
    atomic_fetch_add(&c->refs, 1);
    return c;
}

void content_unref(struct content *c)
{
    if (c && atomic_fetch_sub(&c->refs, 1) == 1) {
        if (c->staged)
            staged_unref(c->staged);
        else
            close(c->fd);
        if (c->let_go)
            c->let_go(c->let_go_arg);
        free(c);
    }
}

void content_unrefp(struct content **c)
{
    content_unref(*c);
}

uint64_t content_size(const struct content *c)
{
    return c->len;
}

// How far the object has to have come for [off, off+len), which is clipped to the content. What
// touches the content's end needs the object's end where its total is to be checked.
static uint64_t wanted(const struct content *c, uint64_t off, size_t *len)
{
    uint64_t left = off < c->len ? c->len - off : 0;
    if (*len > left)
        *len = (size_t)left;
    if (*len == 0)
        return 0;
    return *len == left && c->total != UINT64_MAX ? UINT64_MAX : c->off + off + *len;
}

bool content_ready(struct content *c, uint64_t off, size_t len)
{
    uint64_t upto = wanted(c, off, &len);
    return len == 0 || !c->staged || staged_ready(c->staged, upto);
}

bool content_is_proven(struct content *c)
{
    return !c->staged || (staged_is_right(c->staged) &&
                          (c->total == UINT64_MAX || c->total == staged_len(c->staged)));
}

static errc check_total(const struct content *c, uint64_t need, uint64_t avail, bool ended,
                        struct err *err)
{
    if (need == UINT64_MAX && avail != c->total)
        return err_set(err, ERR_CORRUPT,
                       "the stored object has %" PRIu64 " bytes, its record says %" PRIu64, avail,
                       c->total);
    if (ended && need != UINT64_MAX && avail < need)
        return err_set(err, ERR_CORRUPT,
                       "the stored object ends after %" PRIu64 " of %" PRIu64 " bytes", avail,
                       c->off + c->len);
    return ERR_OK;
}

static errc read_file(const struct content *c, uint64_t off, char *to, size_t len, size_t *ret_got,
                      struct err *err)
{
    size_t got = 0;
    while (got < len) {
        ssize_t n = pread(c->fd, to + got, len - got, (off_t)(off + got));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n == 0 ? err_set(err, ERR_CORRUPT, "a file that only grows became shorter")
                          : err_set_errno(err, errno, "reading what was fetched");
        got += (size_t)n;
    }
    *ret_got = got;
    return ERR_OK;
}

errc content_read(struct content *c, uint64_t off, void *to, size_t len, struct cancel *cancel,
                  size_t *ret_got, struct err *err)
{
    uint64_t need = wanted(c, off, &len);
    if (len == 0) {
        *ret_got = 0;
        return ERR_OK;
    }
    if (!c->staged)
        return read_file(c, off, to, len, ret_got, err);
    uint64_t avail;
    bool ended;
    errc e = staged_wait(c->staged, need, cancel, &avail, &ended, err);
    if (e == ERR_OK)
        e = check_total(c, need, avail, ended, err);
    if (e == ERR_OK)
        e = staged_pread(c->staged, c->off + off, to, len, ret_got, err);
    return e == ERR_OK && staged_is_wrong(c->staged, err) ? err->code : e;
}

errc content_read_all(struct content *c, struct cancel *cancel, struct buf *buf, struct err *err)
{
    for (uint64_t off = 0; off < c->len;) {
        size_t piece = c->len - off < READ_PIECE ? (size_t)(c->len - off) : READ_PIECE, got = 0;
        char *to = buf_reserve(buf, piece);
        if (!to)
            return err_set(err, ERR_LIMIT, "%" PRIu64 " bytes are too many to read at once",
                           c->len);
        errc e = content_read(c, off, to, piece, cancel, &got, err);
        if (e != ERR_OK)
            return e;
        buf->len += got;
        off += got;
    }
    return ERR_OK;
}
