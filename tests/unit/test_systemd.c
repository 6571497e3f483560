// What is told to a service manager.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"
#include "fs/systemd.h"
#include "tempdir.h"

// A socket at a path, or with "@" an abstract one.
static int listen_at(const char *path)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    size_t len = strlen(path);
    assert_true(len < sizeof(at.sun_path));
    memcpy(at.sun_path, path, len);
    if (path[0] == '@') {
        at.sun_path[0] = '\0';
    }
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)(const void *)&at,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)), 0);
    return fd;
}

static void expect(int fd, const char *want)
{
    char got[64] = "";
    ssize_t n = recv(fd, got, sizeof(got) - 1, MSG_DONTWAIT);
    assert_int_equal(n, want != NULL ? (ssize_t)strlen(want) : -1);
    assert_string_equal(got, want != NULL ? want : "");
}

static void told_where_it_is_wanted(void **state)
{
    (void)state;
    auto_free char *path = mem_printf("%s/notify", tempdir);
    auto_free char *abstract = mem_printf("@metaflowfs-test-%d", (int)getpid());
    const char *const places[] = {path, abstract};
    for (size_t i = 0; i < 2; i++) {
        int fd = listen_at(places[i]);
        setenv("NOTIFY_SOCKET", places[i], 1);
        systemd_tell("READY=1");
        expect(fd, "READY=1");
        systemd_tell("STOPPING=1");
        expect(fd, "STOPPING=1");
        unsetenv("NOTIFY_SOCKET");
        systemd_tell("READY=1");
        expect(fd, NULL);
        close(fd);
    }
}

static void what_is_no_socket_is_let_be(void **state)
{
    (void)state;
    char longest[300];
    memset(longest, 'a', sizeof(longest));
    longest[0] = '/';
    longest[sizeof(longest) - 1] = '\0';
    const char *const places[] = {"", "/", "@", "relative", "vsock:2:1", "/nowhere/at/all", longest};
    for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
        setenv("NOTIFY_SOCKET", places[i], 1);
        systemd_tell("READY=1");
    }
    unsetenv("NOTIFY_SOCKET");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(told_where_it_is_wanted, tempdir_make, tempdir_remove),
        cmocka_unit_test(what_is_no_socket_is_let_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
