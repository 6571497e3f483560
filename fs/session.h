// libfuse's session of a mount: its options, its loop, and the signals that end it.
#ifndef FS_SESSION_H
#define FS_SESSION_H

#include "fs/daemon.h"
#include "fs/options.h"
#include "fs/serve.h"

// Makes the session and mounts it. *ret_session is the caller's (fuse_session_destroy).
errc session_mount(const struct options *o, const char *source, const char *mountpoint, struct serve *serve,
                   struct fuse_session **ret_session, struct err *err) ERR_MUST_CHECK;
// A session that is not mounted: whoever has the other end of `fd` (SOCK_SEQPACKET) speaks the kernel's
// side of the protocol. For tests.
errc session_on_fd(int fd, struct serve *serve, struct fuse_session **ret_session, struct err *err) ERR_MUST_CHECK;
void session_free(struct fuse_session *se);
// Blocks the signals of this process that session_run takes; to be called before any thread.
void session_block_signals(void);
// Serves until SIGTERM, SIGINT or an unmount; tells `d` as soon as the kernel is served. SIGHUP forgets
// everything that is remembered. False when the loop ended with an error.
bool session_run(struct fuse_session *se, struct serve *serve, struct daemon *d);

#endif
