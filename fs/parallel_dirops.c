#include "fs/parallel_dirops.h"

#include "fs/fuse_api.h"

#if FUSE_VERSION >= FUSE_MAKE_VERSION(3, 17)

errc parallel_dirops_enable(struct fuse_session *se, struct err *err)
{
    (void)se;
    (void)err;
    return ERR_OK;
}

#else

#include <errno.h>
#include <linux/fuse.h>
#include <stddef.h>
#include <sys/uio.h>
#include <unistd.h>

#include "fs/serve.h"

#define NEEDED (offsetof(struct fuse_init_out, flags) + sizeof(uint32_t))

// The first reply of a session is that to INIT; nothing else is answered before it.

static ssize_t patched_writev(int fd, struct iovec *iov, int count, void *userdata)
{
    struct serve *s = userdata;
    const struct fuse_out_header *header = iov[0].iov_base;
    if (!atomic_load_explicit(&s->init_replied, memory_order_relaxed) && count == 2 && header->error == 0 &&
        iov[1].iov_len >= NEEDED) {
        struct fuse_init_out *init = iov[1].iov_base;
        init->flags |= FUSE_PARALLEL_DIROPS;
        atomic_store(&s->init_replied, true);
    }
    return writev(fd, iov, count);
}

static ssize_t plain_read(int fd, void *buf, size_t len, void *userdata)
{
    (void)userdata;
    return read(fd, buf, len);
}

errc parallel_dirops_enable(struct fuse_session *se, struct err *err)
{
    static const struct fuse_custom_io io = {.writev = patched_writev, .read = plain_read};
    int failed = fuse_session_custom_io(se, &io, fuse_session_fd(se));
    return failed != 0 ? err_set_errno(err, -failed, "libfuse refused our writev") : ERR_OK;
}

#endif
