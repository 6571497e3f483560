// Signals of `metaflowfs ls` and `cat`, which end by them as any command does, but not before they have removed their
// temporary files. `get`, whose main thread waits for them itself, shares what they are.
#ifndef FS_CLI_SIGNALS_H
#define FS_CLI_SIGNALS_H

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/cancel.h"

struct cli_signals {
    struct cancel *cancel; // borrowed
    pthread_t worker, watcher;
    int signal_fd, done_fd;
    bool watched;
    sigset_t before;
    atomic_int got; // the first one, or 0
};

// SIGINT, SIGTERM and SIGHUP, but for those that were to be ignored (nohup).
void cli_signals_wanted(sigset_t *ret);
// To be called by the one thread there is, which does the work. From here on the first of those signals sets the token
// and interrupts the thread's system calls (a write that waits for its reader ends with EINTR), and a second one ends
// the process as it always does. Writing to a pipe that nobody reads is EPIPE.
void cli_signals_begin(struct cli_signals *s, struct cancel *cancel);
// To be called last, by the same thread: ends the process by the signal that came, or by SIGPIPE where `pipe_closed`.
// Returns when there was none, or it is ignored.
void cli_signals_end(struct cli_signals *s, bool pipe_closed);

#endif
