// Going into the background with a start-up result: libfuse's fuse_daemonize cannot tell the parent how
// the start ended. The fork comes before any thread.
#ifndef FS_DAEMON_H
#define FS_DAEMON_H

#include <stdbool.h>

struct daemon {
    int pipe; // to the parent; -1 in the foreground and after it was told
    bool told;
};

// In the foreground: nothing. Else forks: the child returns 0, and the parent waits for the child's
// result and returns its exit code + 1 (or -1 when there was no fork to be had). That a child ended on a
// signal, which says nothing itself, is said on stderr.
int daemon_start(struct daemon *d, bool foreground);
// The child tells the parent, leaves the terminal, and tells systemd (NOTIFY_SOCKET) on success. Only the first call
// does anything.
void daemon_tell(struct daemon *d, int exit_code);

#endif
