// Which signals end what a caller waits for.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <grp.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fs/caller.h"

static uint64_t bit(int number)
{
    return UINT64_C(1) << (number - 1);
}

static bool is_leaving(uint64_t own, uint64_t shared, uint64_t blocked, uint64_t ignored, uint64_t caught)
{
    char text[512];
    snprintf(text, sizeof(text),
             "Name:\tSigPnd: bash\nState:\tS (sleeping)\nThreads:\t1\nSigQ:\t0/127\nSigPnd:\t%016" PRIx64
             "\nShdPnd:\t%016" PRIx64 "\nSigBlk:\t%016" PRIx64 "\nSigIgn:\t%016" PRIx64 "\nSigCgt:\t%016" PRIx64
             "\nCapInh:\t0000000000000000\n",
             own, shared, blocked, ignored, caught);
    return caller_status_is_leaving(text);
}

static void test_what_ends(void **state)
{
    static const int ends[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP};
    (void)state;
    for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
        uint64_t s = bit(ends[i]);
        assert_true(is_leaving(s, 0, 0, 0, 0));
        assert_true(is_leaving(0, s, 0, 0, s));                     // caught or not
        assert_true(is_leaving(0, s | bit(SIGCHLD), 0, 0, ~UINT64_C(0)));
        assert_false(is_leaving(0, s, s, 0, s));                    // not as long as it is held back
        assert_false(is_leaving(0, s, 0, s, 0));
    }
    assert_true(is_leaving(bit(SIGKILL), 0, 0, 0, 0));
}

static void test_what_does_not(void **state)
{
    static const int harmless[] = {SIGCHLD, SIGCONT, SIGURG, SIGWINCH, SIGTSTP, SIGTTIN, SIGTTOU, SIGSTOP};
    static const int others[] = {SIGALRM, SIGIO, SIGUSR1, SIGVTALRM, SIGPIPE, SIGABRT, 34, 64};
    (void)state;
    assert_false(is_leaving(0, 0, 0, 0, 0)); // a system that falls asleep, a debugger that comes
    for (size_t i = 0; i < sizeof(harmless) / sizeof(*harmless); i++) {
        assert_false(is_leaving(0, bit(harmless[i]), 0, 0, 0));
        assert_false(is_leaving(bit(harmless[i]), 0, 0, 0, bit(harmless[i])));
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
        assert_false(is_leaving(0, bit(others[i]), 0, 0, bit(others[i])));
        assert_true(is_leaving(0, bit(others[i]), 0, 0, 0)); // it kills
    }
}

static void test_what_cannot_be_told(void **state)
{
    (void)state;
    assert_true(caller_status_is_leaving(""));
    assert_true(caller_status_is_leaving("SigPnd:\t0000000000000000\nShdPnd:\t0000000000000000\n"));
    assert_true(caller_is_leaving(0));
    assert_true(caller_is_leaving(-1));
    assert_true(caller_is_leaving(INT32_MAX));
}

static void *look_at_oneself(void *arg)
{
    *(bool *)arg = caller_is_leaving((int)syscall(SYS_gettid));
    return NULL;
}

static void nothing(int number)
{
    (void)number;
}

static void take_groups(size_t n)
{
    gid_t *groups = calloc(n, sizeof(*groups));
    for (size_t i = 0; groups != NULL && i < n; i++) {
        groups[i] = 4000000000u + (gid_t)i;
    }
    if (groups == NULL || setgroups(n, groups) != 0) {
        _exit(1);
    }
    free(groups);
}

// A process of so many groups (0: of ours) that stops with the signal waiting for it; whether that ends it.
static bool is_child_leaving(int number, size_t groups)
{
    signal(SIGUSR1, nothing);
    pid_t pid = fork();
    if (pid == 0) {
        if (groups > 0) {
            take_groups(groups);
        }
        raise(SIGSTOP);
        for (;;) {
            pause();
        }
    }
    int status;
    assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
    assert_true(WIFSTOPPED(status));
    assert_int_equal(kill(pid, number), 0);
    bool leaving = caller_is_leaving(pid);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return leaving;
}

static void test_processes(void **state)
{
    (void)state;
    pthread_t thread;
    bool leaving = true;
    assert_int_equal(pthread_create(&thread, NULL, look_at_oneself, &leaving), 0);
    pthread_join(thread, NULL);
    assert_false(leaving);
    assert_true(is_child_leaving(SIGQUIT, 0));
    assert_false(is_child_leaving(SIGUSR1, 0));
}

// The groups stand before what is looked for.
static void test_many_groups(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        skip(); // nobody else chooses groups
    }
    assert_false(is_child_leaving(SIGUSR1, 1000));
    assert_true(is_child_leaving(SIGQUIT, 1000));
    assert_false(is_child_leaving(SIGUSR1, 65536));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_ends),
        cmocka_unit_test(test_what_does_not),
        cmocka_unit_test(test_what_cannot_be_told),
        cmocka_unit_test(test_processes),
        cmocka_unit_test(test_many_groups),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
