// An HTTP server on loopback for unit tests: a thread for each connection, which gives each whole request to a function.
#ifndef TESTS_LOOPBACK_H
#define TESTS_LOOPBACK_H

#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"

#define LOOPBACK_REQUEST_MAX ((size_t)1 << 20) // bytes of a request

// Answers a request, NUL-ended; `body` is the part of it behind the empty line. False ends the connection.
typedef bool (*loopback_fn)(int fd, const char *request, const char *body);

struct loopback {
    int fd, port;
    pthread_t thread;
    atomic_int open;     // connections now
    atomic_bool ending;
    loopback_fn answer;
};
struct loopback_connection {
    struct loopback *server;
    int fd;
};

static inline void loopback_pause(long ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

// Waits before an answer, not longer than the server lives.
static inline void loopback_delay(struct loopback *s, int ms)
{
    for (int i = 0; i < ms && !atomic_load(&s->ending); i += 5) {
        loopback_pause(5);
    }
}

static inline bool loopback_say(int fd, const char *text, size_t len)
{
    return send(fd, text, len, MSG_NOSIGNAL) == (ssize_t)len;
}

static inline void *loopback_serve(void *arg)
{
    struct loopback_connection *c = arg;
    struct loopback *s = c->server;
    char *text = mem_zalloc(LOOPBACK_REQUEST_MAX + 1);
    size_t len = 0;
    for (bool go_on = true; go_on && !atomic_load(&s->ending);) {
        text[len] = '\0';
        char *end = strstr(text, "\r\n\r\n"), *length = strcasestr(text, "\r\ncontent-length:");
        size_t need = end ? (size_t)(end - text) + 4 + (length && length < end ? (size_t)atoi(length + 17) : 0) : 0;
        if (!end || len < need) {
            ssize_t n = len < LOOPBACK_REQUEST_MAX ? recv(c->fd, text + len, LOOPBACK_REQUEST_MAX - len, 0) : 0;
            if (n <= 0) {
                break;
            }
            len += (size_t)n;
            continue;
        }
        char behind = text[need];
        text[need] = '\0';
        go_on = s->answer(c->fd, text, end + 4);
        text[need] = behind;
        memmove(text, text + need, len - need);
        len -= need;
    }
    free(text);
    close(c->fd);
    free(c);
    atomic_fetch_sub(&s->open, 1);
    return NULL;
}

static inline void *loopback_accept(void *arg)
{
    struct loopback *s = arg;
    for (int fd; (fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC)) >= 0;) {
        pthread_t thread;
        struct loopback_connection *c = mem_zalloc(sizeof(*c));
        *c = (struct loopback_connection){s, fd};
        atomic_fetch_add(&s->open, 1);
        if (pthread_create(&thread, NULL, loopback_serve, c) != 0) {
            abort();
        }
        pthread_detach(thread);
    }
    return NULL;
}

// 0, or -1 when there is no port.
static inline int loopback_start(struct loopback *s, loopback_fn answer)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    signal(SIGPIPE, SIG_IGN);
    s->answer = answer;
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(s->fd, (struct sockaddr *)&at, len) || listen(s->fd, 64) ||
        getsockname(s->fd, (struct sockaddr *)&at, &len)) {
        return -1;
    }
    s->port = ntohs(at.sin_port);
    return pthread_create(&s->thread, NULL, loopback_accept, s);
}

static inline void loopback_stop(struct loopback *s)
{
    atomic_store(&s->ending, true);
    shutdown(s->fd, SHUT_RDWR);
    pthread_join(s->thread, NULL);
    close(s->fd);
    for (int i = 0; i < 500 && atomic_load(&s->open) > 0; i++) {
        loopback_pause(10);
    }
}

#endif
