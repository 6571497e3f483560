#include "fs/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fs/systemd.h"

static int wait_for_child(int fd, pid_t pid)
{
    unsigned char code;
    ssize_t got;
    do {
        got = read(fd, &code, 1);
    } while (got < 0 && errno == EINTR);
    close(fd);
    if (got == 1) {
        return code + 1;
    }
    int status = 0;
    waitpid(pid, &status, 0);
    if (WIFSIGNALED(status)) {
        fprintf(stderr, "metaflowfs: the start was ended by signal %d (%s)\n", WTERMSIG(status),
                strsignal(WTERMSIG(status)));
    }
    return (WIFEXITED(status) && WEXITSTATUS(status) != 0 ? WEXITSTATUS(status) : 1) + 1;
}

int daemon_start(struct daemon *d, bool foreground)
{
    int fds[2];
    d->pipe = -1;
    if (foreground) {
        return 0;
    }
    if (pipe2(fds, O_CLOEXEC) != 0) {
        return -1;
    }
    pid_t pid = fork();
    if (pid < 0) {
        close(fds[0]);
        close(fds[1]);
        return -1;
    }
    if (pid > 0) {
        close(fds[1]);
        return wait_for_child(fds[0], pid);
    }
    close(fds[0]);
    d->pipe = fds[1];
    setsid();
    return 0;
}

static void leave_terminal(void)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0) {
        return;
    }
    for (int fd = 0; fd <= 2; fd++) {
        dup2(null, fd);
    }
    if (null > 2) {
        close(null);
    }
}

void daemon_tell(struct daemon *d, int exit_code)
{
    if (d->told) {
        return;
    }
    d->told = true;
    if (exit_code == 0) {
        systemd_tell("READY=1");
    }
    if (d->pipe < 0) {
        return;
    }
    unsigned char code = (unsigned char)exit_code;
    if (exit_code == 0) {
        leave_terminal();
    }
    while (write(d->pipe, &code, 1) < 0 && errno == EINTR) {
    }
    close(d->pipe);
    d->pipe = -1;
}
