// fs/daemon.h: what the parent tells of a start that ended.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fs/daemon.h"

static void start_that_is_killed(int stderr_fd)
{
    struct daemon d = {0};
    dup2(stderr_fd, STDERR_FILENO);
    close(stderr_fd);
    int parent = daemon_start(&d, false);
    if (parent == 0) {
        raise(SIGKILL);
    }
    _exit(parent);
}

static void a_signal_is_named(void **state)
{
    (void)state;
    int tube[2], status;
    char said[200] = "";
    assert_int_equal(pipe(tube), 0);
    pid_t pid = fork();
    if (pid == 0) {
        close(tube[0]);
        start_that_is_killed(tube[1]);
    }
    close(tube[1]);
    assert_true(read(tube[0], said, sizeof(said) - 1) > 0);
    close(tube[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 1 + 1);
    assert_non_null(strstr(said, "signal 9 (Killed)"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signal_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
