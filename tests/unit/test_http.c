// base/http.h against a server of our own that does what a test's request line asks for.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/http.h"
#include "base/mem.h"

#define BIG_BYTES (8 * 1024 * 1024)

// --- the server ---------------------------------------------------------------------------------------------

static struct server {
    int fd, port;
    pthread_t thread;
    atomic_bool ending, let_go;
    atomic_int accepted, served, open;
    char last[2048]; // the last request's head
} server;

static void pause_ms(long ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

static void hold(int ms)
{
    for (int i = 0; i < ms / 10 && !atomic_load(&server.ending); i++) {
        pause_ms(10);
    }
}

static bool say(int fd, const char *text)
{
    return send(fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text);
}

static void reset(int fd)
{
    struct linger now = {1, 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

static bool send_big(int fd)
{
    static char block[65536];
    char head[100];
    snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", BIG_BYTES);
    bool ok = say(fd, head);
    for (int i = 0; ok && i < BIG_BYTES / 65536; i++) {
        ok = send(fd, block, sizeof(block), MSG_NOSIGNAL) == sizeof(block);
    }
    return ok;
}

// Answers by the path; false ends the connection.
static bool answer(int fd, const char *path)
{
    if (strncmp(path, "/hello", 6) == 0) {
        return say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Limit:  7 \r\n\r\nhello");
    }
    if (strncmp(path, "/slow", 5) == 0) {
        hold(atoi(path + 5));
        return say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nslow");
    }
    if (strcmp(path, "/held") == 0) {
        while (!atomic_load(&server.let_go) && !atomic_load(&server.ending)) {
            pause_ms(1);
        }
        return say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nheld");
    }
    if (strcmp(path, "/stall") == 0) {
        say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
        hold(5000);
        return false;
    }
    if (strcmp(path, "/cut") == 0) {
        say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
        return false;
    }
    if (strcmp(path, "/reset") == 0) {
        say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
        pause_ms(20);
        reset(fd);
        return false;
    }
    if (strcmp(path, "/silent") == 0) {
        return false;
    }
    if (strcmp(path, "/chunked") == 0) {
        return say(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
    }
    if (strcmp(path, "/bad-chunk") == 0) {
        say(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n");
        return false;
    }
    if (strcmp(path, "/missing") == 0) {
        return say(fd, "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}");
    }
    if (strcmp(path, "/moved") == 0) {
        return say(fd, "HTTP/1.1 302 Found\r\nLocation: /hello\r\nContent-Length: 0\r\n\r\n");
    }
    if (strcmp(path, "/big") == 0) {
        return send_big(fd);
    }
    if (strcmp(path, "/headers") == 0) {
        bool ok = say(fd, "HTTP/1.1 200 OK\r\n");
        for (int i = 0; ok && i < 40000; i++) {
            ok = say(fd, "X-Filler: 0123456789\r\n");
        }
        return false;
    }
    return say(fd, "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n");
}

static void *serve(void *arg)
{
    int fd = (int)(intptr_t)arg;
    char text[4096];
    size_t len = 0;
    bool go_on = true;
    while (go_on && !atomic_load(&server.ending)) {
        char *end = memmem(text, len, "\r\n\r\n", 4);
        if (!end) {
            ssize_t n = len < sizeof(text) - 1 ? recv(fd, text + len, sizeof(text) - 1 - len, 0) : 0;
            if (n <= 0) {
                break;
            }
            len += (size_t)n;
            continue;
        }
        *end = '\0';
        char path[200] = "";
        sscanf(text, "%*s %199s", path);
        if (strcmp(path, "/kept") == 0) {
            snprintf(server.last, sizeof(server.last), "%.2000s", text);
        }
        atomic_fetch_add(&server.served, 1);
        go_on = answer(fd, strcmp(path, "/kept") == 0 ? "/hello" : path);
        size_t used = (size_t)(end - text) + 4;
        memmove(text, text + used, len - used);
        len -= used;
    }
    close(fd);
    atomic_fetch_sub(&server.open, 1);
    return NULL;
}

static void *accept_all(void *arg)
{
    (void)arg;
    for (;;) {
        int fd = accept(server.fd, NULL, NULL);
        if (fd < 0) {
            return NULL;
        }
        pthread_t thread;
        atomic_fetch_add(&server.accepted, 1);
        atomic_fetch_add(&server.open, 1);
        if (pthread_create(&thread, NULL, serve, (void *)(intptr_t)fd) == 0) {
            pthread_detach(thread);
        }
    }
}

static int start_server(void **state)
{
    (void)state;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    signal(SIGPIPE, SIG_IGN);
    memset(&server, 0, sizeof(server));
    server.fd = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(server.fd, (struct sockaddr *)&at, len) || listen(server.fd, 512) ||
        getsockname(server.fd, (struct sockaddr *)&at, &len)) {
        return -1;
    }
    server.port = ntohs(at.sin_port);
    return pthread_create(&server.thread, NULL, accept_all, NULL);
}

static int stop_server(void **state)
{
    (void)state;
    atomic_store(&server.ending, true);
    shutdown(server.fd, SHUT_RDWR);
    pthread_join(server.thread, NULL);
    close(server.fd);
    for (int i = 0; i < 500 && atomic_load(&server.open) > 0; i++) {
        pause_ms(10);
    }
    return 0;
}

// --- requests -----------------------------------------------------------------------------------------------

static struct http *engine(const struct http_conf *conf)
{
    struct http *h;
    struct err err = ERR_INIT;
    assert_int_equal(http_new(conf ? conf : &(struct http_conf){0}, &h, &err), ERR_OK);
    return h;
}

static char *url_of(const char *path)
{
    return mem_printf("http://user:secret@127.0.0.1:%d%s", server.port, path);
}

static errc take(void *arg, const struct http_response *head, const void *data, size_t len, struct err *err)
{
    (void)err;
    assert_int_equal(head->status, 200);
    buf_put(arg, data, len);
    return ERR_OK;
}

// One GET; its body appended to `body` when that is not NULL.
static errc get(struct http *h, const char *path, struct http_request rq, struct cancel *cancel, struct buf *body,
                struct http_response *r, struct err *err)
{
    auto_free char *url = url_of(path);
    rq.url = url;
    return http_do(h, &rq, cancel, body ? take : NULL, body, r, err);
}

static void answers(void **state)
{
    (void)state;
    struct http *h = engine(NULL);
    struct http_response r;
    struct err err = ERR_INIT;
    auto_cleanup(buf_free) struct buf body = {0};
    assert_int_equal(get(h, "/hello", (struct http_request){0}, NULL, &body, &r, &err), ERR_OK);
    assert_int_equal(r.status, 200);
    assert_int_equal(r.fault, HTTP_OK);
    assert_string_equal(body.data, "hello");
    assert_string_equal(http_header(&r, "x-limit"), "7");
    assert_null(http_header(&r, "x-lim"));
    http_response_free(&r);
    body.len = 0;
    assert_int_equal(get(h, "/chunked", (struct http_request){0}, NULL, &body, &r, &err), ERR_OK);
    assert_int_equal(body.len, 5);
    http_response_free(&r);
    assert_int_equal(get(h, "/missing", (struct http_request){0}, NULL, &body, &r, &err), ERR_OK);
    assert_int_equal(r.status, 404);
    assert_string_equal(r.error_body.data, "{}");
    http_response_free(&r);
    assert_int_equal(get(h, "/moved", (struct http_request){0}, NULL, &body, &r, &err), ERR_OK);
    assert_int_equal(r.status, 302); // told, and not followed
    http_response_free(&r);
    http_free(h);
}

static void connections_are_kept(void **state)
{
    (void)state;
    struct http *h = engine(NULL);
    struct http_response r;
    struct err err = ERR_INIT;
    int before = atomic_load(&server.accepted);
    for (int i = 0; i < 50; i++) {
        assert_int_equal(get(h, "/kept", (struct http_request){0}, NULL, NULL, &r, &err), ERR_OK);
        http_response_free(&r);
    }
    assert_int_equal(atomic_load(&server.accepted) - before, 1);
    assert_non_null(strstr(server.last, "Authorization: Basic"));
    struct http_stats st;
    http_stats(h, &st);
    assert_int_equal(st.requests, 50);
    assert_int_equal(st.ended_ok, 50);
    assert_int_equal(st.connections_opened, 1);
    assert_int_equal(st.bytes_in, 250);
    assert_int_equal(st.waiting, 0);
    http_free(h);
}

static void fails(struct http *h, const char *path, struct http_request rq, errc code, enum http_fault fault,
                  const char *word, int64_t most_ms)
{
    struct http_response r;
    struct err err = ERR_INIT;
    int64_t before = clock_mono_ms();
    assert_int_equal(get(h, path, rq, NULL, NULL, &r, &err), code);
    assert_true(clock_mono_ms() - before < most_ms);
    assert_int_equal(r.fault, fault);
    if (!strstr(err.cause, word) || strstr(err.cause, "secret")) {
        fail_msg("%s: %s", path, err.cause);
    }
    http_response_free(&r);
}

static void failures(void **state)
{
    (void)state;
    struct http *h = engine(NULL);
    struct http_request quick = {.first_byte_ms = 200, .stall_ms = 200};
    fails(h, "/cut", quick, ERR_IO, HTTP_CUT, "cut short", 3000);
    fails(h, "/reset", quick, ERR_IO, HTTP_CUT, "cut short", 3000);
    fails(h, "/bad-chunk", quick, ERR_IO, HTTP_CUT, "cut short", 3000);
    fails(h, "/silent", quick, ERR_IO, HTTP_NO_ANSWER, "without an answer", 3000);
    fails(h, "/stall", quick, ERR_TIMEOUT, HTTP_CUT, "in the middle", 3000);
    fails(h, "/slow3000", quick, ERR_TIMEOUT, HTTP_NO_ANSWER, "begin to answer", 2500);
    fails(h, "/headers", quick, ERR_IO, HTTP_NO_ANSWER, "127.0.0.1", 3000);
    struct http_request whole = {.total_ms = 200};
    fails(h, "/slow3000", whole, ERR_TIMEOUT, HTTP_STOPPED, "in full", 2500);
    http_free(h);
}

static void cause_of(struct http *h, const char *url, struct err *err)
{
    struct http_response r;
    struct http_request rq = {.url = url};
    assert_int_equal(http_do(h, &rq, NULL, NULL, NULL, &r, err), ERR_UNREACHABLE);
    assert_int_equal(r.fault, HTTP_NO_CONNECTION);
    http_response_free(&r);
}

static void a_proxy_that_is_not_there(void **state)
{
    (void)state;
    struct http *h = engine(NULL);
    struct err err = ERR_INIT;
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    cause_of(h, "http://s3.example:9000/", &err);
    assert_non_null(strstr(err.cause, "no connection to s3.example:9000: the proxy of http_proxy cannot be reached: "));
    setenv("http_proxy", "http://no.such.proxy.invalid:1", 1);
    cause_of(h, "http://s3.example:9000/", &err);
    assert_non_null(strstr(err.cause, "the proxy of http_proxy cannot be reached: "));
    setenv("no_proxy", "127.0.0.1,::1", 1);
    cause_of(h, "http://127.0.0.1:1/", &err);
    assert_null(strstr(err.cause, "proxy"));
    cause_of(h, "http://[::1]:1/", &err);
    assert_null(strstr(err.cause, "proxy"));
    unsetenv("no_proxy");
    unsetenv("http_proxy");
    setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
    cause_of(h, "https://s3.example/", &err);
    assert_non_null(strstr(err.cause, "no connection to s3.example:443: the proxy of ALL_PROXY cannot be reached: "));
    // As Python does it: lower case, even when it is empty, goes before upper case, which a CGI program ignores.
    setenv("HTTP_PROXY", "http://127.0.0.1:1", 1);
    cause_of(h, "http://s3.example:9000/", &err);
    assert_non_null(strstr(err.cause, "no connection to s3.example:9000: the proxy of HTTP_PROXY cannot be reached: "));
    unsetenv("ALL_PROXY");
    cause_of(h, "http://s3.example:9000/", &err);
    assert_non_null(strstr(err.cause, "the proxy of HTTP_PROXY cannot be reached: "));
    cause_of(h, "https://127.0.0.1:1/", &err);
    assert_null(strstr(err.cause, "proxy"));
    setenv("no_proxy", "127.0.0.1", 1);
    cause_of(h, "http://127.0.0.1:2/", &err);
    assert_null(strstr(err.cause, "proxy"));
    unsetenv("no_proxy");
    setenv("REQUEST_METHOD", "GET", 1);
    cause_of(h, "http://127.0.0.1:2/", &err);
    assert_null(strstr(err.cause, "proxy"));
    unsetenv("REQUEST_METHOD");
    setenv("http_proxy", "http://127.0.0.1:3", 1);
    cause_of(h, "http://s3.example:9000/", &err);
    assert_non_null(strstr(err.cause, "the proxy of http_proxy cannot be reached: "));
    setenv("http_proxy", "", 1);
    cause_of(h, "http://127.0.0.1:2/", &err);
    assert_null(strstr(err.cause, "proxy"));
    unsetenv("http_proxy");
    unsetenv("HTTP_PROXY");
    http_free(h);
}

static void no_connection(void **state)
{
    (void)state;
    struct http *h = engine(NULL);
    struct http_response r;
    struct err err = ERR_INIT;
    struct http_request rq = {.url = "http://127.0.0.1:1/"};
    assert_int_equal(http_do(h, &rq, NULL, NULL, NULL, &r, &err), ERR_UNREACHABLE);
    assert_int_equal(r.fault, HTTP_NO_CONNECTION);
    assert_non_null(strstr(err.cause, "127.0.0.1:1"));
    http_response_free(&r);
    rq.url = "http://no.such.host.invalid/";
    assert_int_equal(http_do(h, &rq, NULL, NULL, NULL, &r, &err), ERR_UNREACHABLE);
    http_response_free(&r);
    rq.url = "file:///etc/passwd";
    assert_int_equal(http_do(h, &rq, NULL, NULL, NULL, &r, &err), ERR_IO);
    assert_int_equal(r.fault, HTTP_BAD_TLS);
    http_response_free(&r);
    rq.url = "http://127.0.0.1/a b\r\nX: y";
    assert_int_equal(http_do(h, &rq, NULL, NULL, NULL, &r, &err), ERR_INVALID);
    http_response_free(&r);
    struct strv headers = {0};
    strv_add(&headers, "X-Key: a\r\nX-Other: b");
    rq = (struct http_request){.url = "http://127.0.0.1/", .headers = &headers};
    assert_int_equal(http_do(h, &rq, NULL, NULL, NULL, &r, &err), ERR_INVALID);
    http_response_free(&r);
    strv_free(&headers);
    http_free(h);
}

struct cancelling {
    struct cancel token;
    int after_ms;
};

static void *cancel_later(void *arg)
{
    struct cancelling *c = arg;
    pause_ms(c->after_ms);
    atomic_store(&c->token.set, true);
    return NULL;
}

static void a_caller_can_leave_at_any_time(void **state)
{
    (void)state;
    struct http *h = engine(NULL);
    static const char *const paths[] = {"/slow5000", "/stall"};
    for (size_t i = 0; i < 2; i++) {
        struct cancelling c = {.after_ms = 100};
        struct http_response r;
        struct err err = ERR_INIT;
        pthread_t thread;
        int64_t before = clock_mono_ms();
        assert_int_equal(pthread_create(&thread, NULL, cancel_later, &c), 0);
        assert_int_equal(get(h, paths[i], (struct http_request){0}, &c.token, NULL, &r, &err), ERR_INTERRUPTED);
        assert_true(clock_mono_ms() - before < 1000);
        assert_int_equal(r.fault, HTTP_STOPPED);
        http_response_free(&r);
        pthread_join(thread, NULL);
    }
    struct cancel late = {.deadline_ms = clock_mono_ms() + 100};
    struct http_response r;
    struct err err = ERR_INIT;
    assert_int_equal(get(h, "/slow5000", (struct http_request){0}, &late, NULL, &r, &err), ERR_TIMEOUT);
    http_response_free(&r);
    http_free(h);
}

struct slow_taker {
    size_t bytes, fail_at;
    struct http *h;
};

static errc take_slowly(void *arg, const struct http_response *head, const void *data, size_t len, struct err *err)
{
    struct slow_taker *t = arg;
    (void)head;
    (void)data;
    t->bytes += len;
    assert_true(len <= 512 * 1024); // the window, and not the whole
    pause_ms(5);
    return t->fail_at && t->bytes >= t->fail_at ? err_set(err, ERR_NO_SPACE, "enough") : ERR_OK;
}

static void a_slow_caller_bounds_what_is_held(void **state)
{
    (void)state;
    struct http *h = engine(&(struct http_conf){.window_bytes = 256 * 1024, .stall_ms = 300});
    auto_free char *url = url_of("/big");
    struct http_request rq = {.url = url};
    struct http_response r;
    struct err err = ERR_INIT;
    struct slow_taker t = {.h = h};
    assert_int_equal(http_do(h, &rq, NULL, take_slowly, &t, &r, &err), ERR_OK);
    assert_int_equal(t.bytes, BIG_BYTES);
    assert_int_equal(r.bytes, BIG_BYTES);
    http_response_free(&r);
    t = (struct slow_taker){.fail_at = 1};
    assert_int_equal(http_do(h, &rq, NULL, take_slowly, &t, &r, &err), ERR_NO_SPACE);
    http_response_free(&r);
    http_free(h);
}

struct many {
    struct http *h;
    const char *path;
    enum http_priority priority;
    unsigned first_byte_ms;
    errc expected;
    atomic_int good;
    atomic_llong ended_ms;
};

static void *ask_one(void *arg)
{
    struct many *m = arg;
    struct http_response r;
    struct err err = ERR_INIT;
    struct http_request rq = {.priority = m->priority, .first_byte_ms = m->first_byte_ms};
    atomic_fetch_add(&m->good, get(m->h, m->path, rq, NULL, NULL, &r, &err) == m->expected);
    http_response_free(&r);
    atomic_store(&m->ended_ms, clock_mono_ms());
    return NULL;
}

static void many_at_once(void **state)
{
    (void)state;
    enum { N = 200 };
    struct http *h = engine(&(struct http_conf){.max_connections = 8});
    struct many m = {.h = h, .path = "/slow20"};
    pthread_t threads[N];
    int before = atomic_load(&server.accepted);
    for (int i = 0; i < N; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, ask_one, &m), 0);
    }
    for (int i = 0; i < N; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(atomic_load(&m.good), N);
    assert_true(atomic_load(&server.accepted) - before <= 8);
    http_free(h);
}

static void readers_go_first(void **state)
{
    (void)state;
    struct http *h = engine(&(struct http_conf){.max_connections = 1});
    struct many first = {.h = h, .path = "/slow300"}, ahead = {.h = h, .path = "/slow50", .priority = HTTP_AHEAD},
                reader = {.h = h, .path = "/slow50"};
    pthread_t a, b, c;
    pthread_create(&a, NULL, ask_one, &first);
    pause_ms(100);
    pthread_create(&b, NULL, ask_one, &ahead);
    pause_ms(100);
    pthread_create(&c, NULL, ask_one, &reader);
    pthread_join(a, NULL);
    pthread_join(b, NULL);
    pthread_join(c, NULL);
    assert_true(atomic_load(&reader.ended_ms) < atomic_load(&ahead.ended_ms));
    http_free(h);
}

static void what_is_ahead_leaves_connections(void **state)
{
    (void)state;
    enum { N = 8 };
    struct http *h = engine(&(struct http_conf){.max_connections = 4});
    struct many ahead = {.h = h, .path = "/slow400", .priority = HTTP_AHEAD}, reader = {.h = h, .path = "/hello"};
    pthread_t threads[N];
    for (int i = 0; i < N; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, ask_one, &ahead), 0);
    }
    pause_ms(100);
    struct http_stats st;
    http_stats(h, &st);
    assert_int_equal(st.running, 3);
    ask_one(&reader);
    http_stats(h, &st);
    assert_int_equal(st.ended_ok, 1); // not one of those that are ahead has ended
    for (int i = 0; i < N; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(atomic_load(&ahead.good), N);
    assert_int_equal(atomic_load(&reader.good), 1);
    http_free(h);
}

// Waits until so many requests are there, and so many of them run.
static void comes_to(struct http *h, unsigned waiting, unsigned running)
{
    struct http_stats st = {0};
    for (int i = 0; i < 20000 && (st.waiting != waiting || st.running != running); i++) {
        pause_ms(1);
        http_stats(h, &st);
    }
    assert_int_equal(st.waiting, waiting);
    assert_int_equal(st.running, running);
}

static void what_is_patient_leaves_connections(void **state)
{
    (void)state;
    enum { N = 6 };
    struct http *h = engine(&(struct http_conf){.max_connections = 4});
    struct many patient = {.h = h, .path = "/held", .priority = HTTP_PATIENT},
                ahead = {.h = h, .path = "/held", .priority = HTTP_AHEAD}, reader = {.h = h, .path = "/hello"};
    pthread_t threads[2 * N];
    atomic_store(&server.let_go, false);
    for (int i = 0; i < 2 * N; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, ask_one, i < N ? &patient : &ahead), 0);
        if (i == N - 1) {
            comes_to(h, N, 2);
        }
    }
    comes_to(h, 2 * N, 3); // both leave one of four to readers
    ask_one(&reader);
    assert_int_equal(atomic_load(&reader.good), 1);
    assert_int_equal(atomic_load(&patient.good) + atomic_load(&ahead.good), 0);
    atomic_store(&server.let_go, true);
    for (int i = 0; i < 2 * N; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(atomic_load(&patient.good), N);
    assert_int_equal(atomic_load(&ahead.good), N);
    http_free(h);
}

static void the_queue_has_an_end(void **state)
{
    (void)state;
    struct http *h = engine(&(struct http_conf){.max_waiting = 1});
    struct many slow = {.h = h, .path = "/slow400"};
    struct http_response r;
    struct err err = ERR_INIT;
    pthread_t a;
    pthread_create(&a, NULL, ask_one, &slow);
    pause_ms(100);
    assert_int_equal(get(h, "/hello", (struct http_request){0}, NULL, NULL, &r, &err), ERR_TOO_MANY);
    http_response_free(&r);
    pthread_join(a, NULL);
    assert_int_equal(get(h, "/hello", (struct http_request){0}, NULL, NULL, &r, &err), ERR_OK);
    http_response_free(&r);
    http_free(h);
}

static void who_waits_for_the_dead_delays_nobody(void **state)
{
    (void)state;
    enum { N = 200 };
    struct http *h = engine(&(struct http_conf){.max_connections = 256});
    struct many dead = {.h = h, .path = "/slow4000", .first_byte_ms = 700, .expected = ERR_TIMEOUT};
    pthread_t threads[N];
    for (int i = 0; i < N; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, ask_one, &dead), 0);
    }
    pause_ms(200);
    struct http_response r;
    struct err err = ERR_INIT;
    int64_t before = clock_mono_ms();
    assert_int_equal(get(h, "/hello", (struct http_request){0}, NULL, NULL, &r, &err), ERR_OK);
    assert_true(clock_mono_ms() - before < 400);
    http_response_free(&r);
    for (int i = 0; i < N; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(atomic_load(&dead.good), N);
    http_free(h);
}

static void an_answer_can_come_before_it_is_wanted(void **state)
{
    (void)state;
    struct http *h = engine(NULL);
    struct http_started *s, *dropped;
    struct http_response r;
    struct err err = ERR_INIT;
    auto_cleanup(buf_free) struct buf body = {0};
    auto_free char *url = url_of("/hello");
    auto_free char *slow = url_of("/slow5000");
    int before = atomic_load(&server.served);
    assert_int_equal(http_start(h, &(struct http_request){.url = url}, &s, &err), ERR_OK);
    assert_int_equal(http_start(h, &(struct http_request){.url = slow}, &dropped, &err), ERR_OK);
    pause_ms(200);
    assert_int_equal(atomic_load(&server.served) - before, 2);
    assert_int_equal(http_follow(h, s, NULL, take, &body, &r, &err), ERR_OK);
    assert_string_equal(body.data, "hello");
    http_response_free(&r);
    http_abandon(h, dropped);
    http_free(h);
}

static void urls_are_encoded(void **state)
{
    (void)state;
    auto_cleanup(buf_free) struct buf url = {0};
    http_url_put(&url, "aZ09-._~/ +=%?&#\xc3\xa9\n");
    assert_string_equal(url.data, "aZ09-._~%2F%20%2B%3D%25%3F%26%23%C3%A9%0A");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers),
        cmocka_unit_test(connections_are_kept),
        cmocka_unit_test(failures),
        cmocka_unit_test(no_connection),
        cmocka_unit_test(a_proxy_that_is_not_there),
        cmocka_unit_test(a_caller_can_leave_at_any_time),
        cmocka_unit_test(a_slow_caller_bounds_what_is_held),
        cmocka_unit_test(many_at_once),
        cmocka_unit_test(readers_go_first),
        cmocka_unit_test(what_is_ahead_leaves_connections),
        cmocka_unit_test(what_is_patient_leaves_connections),
        cmocka_unit_test(the_queue_has_an_end),
        cmocka_unit_test(who_waits_for_the_dead_delays_nobody),
        cmocka_unit_test(an_answer_can_come_before_it_is_wanted),
        cmocka_unit_test(urls_are_encoded),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
