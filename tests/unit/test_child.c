// Programs of base/child.h: with and without a terminal. Each case runs in a process that is the leader of a session of
// its own, with a new terminal or none.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "base/child.h"
#include "base/mem.h"
#include "tempdir.h"

#define LONG_MS 300000
#define CHECK(what) ((what) ? (void)0 : failed(#what, __LINE__))

static void failed(const char *what, int line)
{
    fprintf(stderr, "line %d: %s\n", line, what);
    _exit(1);
}

typedef void (*case_fn)(int terminal);

// With `has_terminal` fn gets the terminal's other end.
static void in_session(case_fn fn, bool has_terminal)
{
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        int master = -1;
        setsid();
        if (has_terminal) {
            master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
            CHECK(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
            int slave = open(ptsname(master), O_RDWR | O_CLOEXEC);
            CHECK(slave >= 0 && ioctl(slave, TIOCSCTTY, 0) == 0);
            CHECK(tcsetpgrp(slave, getpgrp()) == 0);
        }
        fn(master);
        _exit(0);
    }
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    assert_int_equal(status, 0);
}

static void pause_ms(long ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

static errc run(const char *script, struct cancel *cancel, struct child_result *r, struct err *err)
{
    struct strv words = {0};
    strv_take(&words, mem_strdup("sh"));
    strv_take(&words, mem_strdup("-c"));
    strv_take(&words, mem_strdup(script));
    errc e = child_run(&words, 1000, LONG_MS, cancel, r, err);
    strv_free(&words);
    return e;
}

// Ended, or somebody else's to wait for.
static bool is_gone(pid_t pid)
{
    auto_free char *path = mem_printf("/proc/%d/stat", (int)pid);
    char text[300] = "";
    FILE *f = fopen(path, "r");
    bool gone = !f || !fgets(text, sizeof(text), f) || strstr(text, ") Z ");
    if (f) {
        fclose(f);
    }
    return gone;
}

static bool is_gone_soon(pid_t pid)
{
    for (int i = 0; i < 1000 && !is_gone(pid); i++) {
        pause_ms(10);
    }
    return is_gone(pid);
}

// The pids that a script wrote, when it has.
static void read_pids(const char *path, pid_t *one, pid_t *two)
{
    char text[100] = "", *rest = text;
    while (!text[0]) {
        FILE *f = fopen(path, "r");
        if (f) {
            CHECK(fgets(text, sizeof(text), f));
            fclose(f);
        }
        pause_ms(5);
    }
    *one = (pid_t)strtol(text, &rest, 10);
    *two = (pid_t)strtol(rest, NULL, 10);
}

struct waiter {
    char *path;
    struct cancel cancel;
    pid_t one, two;
};

static void *cancel_when_told(void *arg)
{
    struct waiter *w = arg;
    read_pids(w->path, &w->one, &w->two);
    atomic_store(&w->cancel.set, true);
    return NULL;
}

static char *pids_path(void)
{
    char *path = mem_printf("%s/pids", tempdir);
    unlink(path);
    return path;
}

static const char script_of_two[] = "sh -c 'sleep 1000; true' & echo $! $$ >%s.new; mv %s.new %s; wait";

// A program, and what it began, end when it is cancelled.
static void ends_a_tree(int terminal)
{
    (void)terminal;
    struct waiter w = {.path = pids_path()};
    auto_free char *script = mem_printf(script_of_two, w.path, w.path, w.path);
    struct child_result r = {0};
    struct err err = ERR_INIT;
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, cancel_when_told, &w) == 0);
    CHECK(run(script, &w.cancel, &r, &err) == ERR_INTERRUPTED);
    pthread_join(thread, NULL);
    CHECK(kill(w.two, 0) == -1); // waited for
    CHECK(is_gone_soon(w.one));
    free(w.path);
}

static void what_it_began_ends(void **state)
{
    (void)state;
    in_session(ends_a_tree, false);
    in_session(ends_a_tree, true);
}

static void asks(int terminal)
{
    struct child_result r = {0};
    struct err err = ERR_INIT;
    CHECK(write(terminal, "an answer\n", 10) == 10);
    CHECK(run("read -r x </dev/tty && echo \"$x\"", NULL, &r, &err) == ERR_OK);
    CHECK(r.out.len == 10 && memcmp(r.out.data, "an answer\n", 10) == 0);
    child_result_free(&r);
}

static void asks_in_the_background(int terminal)
{
    (void)terminal;
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        struct child_result r = {0};
        struct err err = ERR_INIT;
        setpgid(0, 0);
        CHECK(run("read -r x </dev/tty", NULL, &r, &err) == ERR_DENIED);
        CHECK(strstr(err.cause, "foreground"));
        _exit(0);
    }
    int status = 0;
    CHECK(waitpid(pid, &status, WUNTRACED) == pid && status == 0);
}

static void programs_may_ask(void **state)
{
    (void)state;
    in_session(asks, true);
    in_session(asks_in_the_background, true);
}

static void *run_until_ended(void *arg)
{
    struct child_result r = {0};
    struct err err = ERR_INIT;
    (void)!run(arg, NULL, &r, &err);
    return NULL;
}

// A process that runs a program, from a thread, is killed.
static void ends_with_its_parent(int terminal)
{
    (void)terminal;
    auto_free char *path = pids_path();
    auto_free char *script = mem_printf("echo $$ $$ >%s.new; mv %s.new %s; exec sleep 1000", path, path, path);
    pid_t pid = fork(), one, two;
    CHECK(pid >= 0);
    if (pid == 0) {
        pthread_t thread;
        CHECK(pthread_create(&thread, NULL, run_until_ended, script) == 0);
        pthread_join(thread, NULL);
        _exit(0);
    }
    read_pids(path, &one, &two);
    CHECK(!is_gone(one));
    kill(pid, SIGKILL);
    CHECK(waitpid(pid, NULL, 0) == pid);
    CHECK(is_gone_soon(one));
}

static void programs_end_with_us(void **state)
{
    (void)state;
    in_session(ends_with_its_parent, false);
    in_session(ends_with_its_parent, true);
}

static void programs_that_cannot_be_run(void **state)
{
    (void)state;
    static const struct { const char *word; errc code; } cases[] = {{"/nothing/there", ERR_NOT_FOUND}, {"", ERR_NOT_FOUND},
                                                                    {"/dev/null", ERR_DENIED}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct strv words = {0};
        struct child_result r = {0};
        struct err err = ERR_INIT;
        strv_take(&words, mem_strdup(cases[i].word));
        assert_int_equal(child_run(&words, 1000, LONG_MS, NULL, &r, &err), cases[i].code);
        assert_non_null(strstr(err.cause, "cannot run"));
        strv_free(&words);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_it_began_ends),
        cmocka_unit_test(programs_may_ask),
        cmocka_unit_test(programs_end_with_us),
        cmocka_unit_test(programs_that_cannot_be_run),
    };
    return cmocka_run_group_tests(tests, tempdir_make, tempdir_remove);
}
