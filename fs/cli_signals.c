#include "fs/cli_signals.h"

#include <poll.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define WAKE_SIGNAL SIGURG // which without a handler is ignored
#define WAKE_MS 20

static bool is_ignored(int signal)
{
    struct sigaction action;
    return sigaction(signal, NULL, &action) == 0 && (action.sa_flags & SA_SIGINFO) == 0 && action.sa_handler == SIG_IGN;
}

void cli_signals_wanted(sigset_t *ret)
{
    static const int all[] = {SIGINT, SIGTERM, SIGHUP};
    sigemptyset(ret);
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        if (!is_ignored(all[i])) {
            sigaddset(ret, all[i]);
        }
    }
}

static void wake(int signal)
{
    (void)signal; // that a system call ends is all
}

static void *watch(void *arg)
{
    struct cli_signals *s = arg;
    struct pollfd fds[] = {{.fd = s->done_fd, .events = POLLIN}, {.fd = s->signal_fd, .events = POLLIN}};
    struct signalfd_siginfo info;
    do {
        poll(fds, 2, -1);
        if (fds[0].revents != 0) {
            return NULL;
        }
    } while (read(s->signal_fd, &info, sizeof(info)) != (ssize_t)sizeof(info));
    atomic_store(&s->got, (int)info.ssi_signo);
    atomic_store(&s->cancel->set, true);
    sigset_t wanted;
    cli_signals_wanted(&wanted);
    pthread_sigmask(SIG_UNBLOCK, &wanted, NULL); // a second one comes to this thread
    // A system call may begin just after it was looked whether to: it is woken until the work is over.
    while (poll(fds, 1, WAKE_MS) <= 0) {
        pthread_kill(s->worker, WAKE_SIGNAL);
    }
    return NULL;
}

void cli_signals_begin(struct cli_signals *s, struct cancel *cancel)
{
    sigset_t wanted, blocked;
    *s = (struct cli_signals){.cancel = cancel, .worker = pthread_self()};
    cli_signals_wanted(&wanted);
    blocked = wanted;
    sigaddset(&blocked, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &blocked, &s->before);
    sigaction(WAKE_SIGNAL, &(struct sigaction){.sa_handler = wake}, NULL);
    s->signal_fd = signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
    s->done_fd = eventfd(0, EFD_CLOEXEC);
    s->watched = s->signal_fd >= 0 && s->done_fd >= 0 && pthread_create(&s->watcher, NULL, watch, s) == 0;
    if (!s->watched) {
        pthread_sigmask(SIG_UNBLOCK, &wanted, NULL); // as if it had not been tried
    }
}

void cli_signals_end(struct cli_signals *s, bool pipe_closed)
{
    uint64_t one = 1;
    if (s->watched) {
        (void)!write(s->done_fd, &one, sizeof(one)); // an eventfd of 0 takes it
        pthread_join(s->watcher, NULL);
    }
    if (s->signal_fd >= 0) {
        close(s->signal_fd);
    }
    if (s->done_fd >= 0) {
        close(s->done_fd);
    }
    int got = atomic_load(&s->got);
    pthread_sigmask(SIG_SETMASK, &s->before, NULL); // what came meanwhile, comes now
    if (got != 0 || pipe_closed) {
        raise(got != 0 ? got : SIGPIPE);
    }
}
