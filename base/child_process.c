// The process of a program, from its beginning to its end.
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/child_i.h"

#define MAX_TREE 256 // processes that are found below one
#define REPORT 3     // where the program's process has the pipe that tells its failure

// What the process needs to know between fork and exec, where nothing may be allocated and no lock be taken.
struct plan {
    char *const *argv;
    int out, errors, report;
    bool has_own_group;
    pid_t parent;
};

static bool is_in_foreground(void)
{
    int fd = open("/dev/tty", O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    bool is = tcgetpgrp(fd) == getpgrp();
    close(fd);
    return is;
}

// Signals as a program expects them: none blocked, those that a daemon ignores or handles as they are by default.
static void reset_signals(void)
{
    static const int changed[] = {SIGPIPE, SIGHUP, SIGINT, SIGTERM, SIGQUIT, SIGCHLD, SIGUSR1, SIGUSR2, SIGALRM};
    sigset_t none;
    for (size_t i = 0; i < sizeof(changed) / sizeof(changed[0]); i++) {
        signal(changed[i], SIG_DFL);
    }
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static bool set_files(const struct plan *p)
{
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null < 0 || (null != STDIN_FILENO && dup2(null, STDIN_FILENO) < 0) || dup2(p->out, STDOUT_FILENO) < 0 ||
        dup2(p->errors, STDERR_FILENO) < 0 || (p->report != REPORT && dup3(p->report, REPORT, O_CLOEXEC) < 0)) {
        return false;
    }
    fcntl(STDIN_FILENO, F_SETFD, 0);
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 34)
    closefrom(REPORT + 1); // what some library opened without O_CLOEXEC is nothing for a program
#endif
    return true;
}

// Ctrl-C is what a program that asks at a terminal ends by with the terminal as it was.
static void end_with_parent(const struct plan *p)
{
    prctl(PR_SET_PDEATHSIG, p->has_own_group ? SIGKILL : SIGINT);
    if (getppid() != p->parent) { // it ended before
        _exit(127);
    }
}

static _Noreturn void become(const struct plan *p)
{
    if (p->has_own_group) {
        setpgid(0, 0);
    }
    reset_signals();
    end_with_parent(p);
    int report = p->report;
    if (set_files(p)) {
        report = REPORT;
        execvp(p->argv[0], p->argv);
    }
    int bad = errno;
    ssize_t told = write(report, &bad, sizeof(bad));
    _exit(told == (ssize_t)sizeof(bad) ? 127 : 126);
}

// 0 when the program runs.
static int wait_for_report(int fd)
{
    int bad = 0;
    ssize_t got;
    do {
        got = read(fd, &bad, sizeof(bad));
    } while (got < 0 && errno == EINTR);
    return got == (ssize_t)sizeof(bad) ? bad : 0;
}

// With all signals blocked until the program's process has reset them: none of our handlers runs there.
static pid_t begin(const struct plan *plan)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t pid = fork();
    if (pid == 0) {
        become(plan);
    }
    int bad = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = bad;
    return pid;
}

static void wait_for_it(struct child_process *p)
{
    while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR) {
    }
    p->pid = -1;
}

int child_process_start(struct child_process *p, char *const *argv, int out, int errors)
{
    int low[2];
    if (pipe2(low, O_CLOEXEC) != 0) {
        return errno;
    }
    int report = fcntl(low[1], F_DUPFD_CLOEXEC, REPORT);
    int bad = report < 0 ? errno : 0;
    close(low[1]);
    if (!bad) {
        p->has_own_group = !is_in_foreground();
        struct plan plan = {argv, out, errors, report, p->has_own_group, getpid()};
        p->pid = begin(&plan);
        bad = p->pid < 0 ? errno : 0;
        close(report);
        bad = bad ? bad : wait_for_report(low[0]);
    }
    close(low[0]);
    if (bad && p->pid > 0) {
        wait_for_it(p);
    }
    return bad;
}

enum child_state child_process_look(struct child_process *p, int *ret_code)
{
    int status = 0;
    pid_t got = waitpid(p->pid, &status, WNOHANG | (p->has_own_group ? WUNTRACED : 0));
    if (got == 0 || (got < 0 && errno == EINTR)) {
        return CHILD_RUNS;
    }
    if (got > 0 && WIFSTOPPED(status)) {
        bool by_terminal = WSTOPSIG(status) == SIGTTIN || WSTOPSIG(status) == SIGTTOU;
        return by_terminal ? CHILD_WAITS_FOR_TERMINAL : CHILD_RUNS;
    }
    p->pid = -1;
    *ret_code = got < 0 ? 255 : WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return CHILD_ENDED;
}

// --- a process and what it began ------------------------------------------------------------------

struct tree {
    pid_t pids[MAX_TREE];
    size_t n;
};

static bool is_in(const struct tree *t, pid_t pid)
{
    for (size_t i = 0; i < t->n; i++) {
        if (t->pids[i] == pid) {
            return true;
        }
    }
    return false;
}

// The parent of a process, or -1: the second field behind its name, which may have parentheses (proc_pid_stat(5)).
static pid_t parent_of(const char *pid)
{
    char path[64], text[512];
    snprintf(path, sizeof(path), "/proc/%.20s/stat", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    if (fd >= 0) {
        close(fd);
    }
    text[len < 0 ? 0 : len] = '\0';
    const char *name_end = strrchr(text, ')');
    return name_end && strlen(name_end) > 4 ? (pid_t)strtol(name_end + 4, NULL, 10) : -1;
}

// Each is stopped as it is found, so that it begins no other one. Whether there was one.
static bool find_more(struct tree *t)
{
    size_t before = t->n;
    DIR *dir = opendir("/proc");
    for (struct dirent *d = dir ? readdir(dir) : NULL; d; d = readdir(dir)) {
        pid_t pid = isdigit((unsigned char)d->d_name[0]) ? (pid_t)strtol(d->d_name, NULL, 10) : -1;
        if (pid > 0 && t->n < MAX_TREE && !is_in(t, pid) && is_in(t, parent_of(d->d_name))) {
            kill(pid, SIGSTOP);
            t->pids[t->n++] = pid;
        }
    }
    if (dir) {
        closedir(dir);
    }
    return t->n > before;
}

static void kill_tree(pid_t root)
{
    struct tree t = {.pids = {root}, .n = 1};
    kill(root, SIGSTOP);
    while (find_more(&t)) {
    }
    for (size_t i = 0; i < t.n; i++) {
        kill(t.pids[i], SIGKILL);
    }
}

void child_process_kill(struct child_process *p)
{
    if (p->pid <= 0) {
        return;
    }
    if (p->has_own_group) {
        kill(-p->pid, SIGKILL);
        kill(p->pid, SIGKILL);
    } else {
        kill_tree(p->pid);
    }
    wait_for_it(p);
}
