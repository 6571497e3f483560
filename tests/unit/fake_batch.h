// A server on loopback in the place of AWS: it answers one request after another as a script says, or does not, and keeps
// what it was asked; and the credentials that requests are signed with, in the place of the chain's.
#ifndef TESTS_FAKE_BATCH_H
#define TESTS_FAKE_BATCH_H

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

#include "base/mem.h"
#include "batch/batch_api.h"

enum how {
    HOW_ANSWER,
    HOW_NO_ANSWER, // the request is read, and the connection ends
    HOW_RESET,     // the same by a reset, without reading the body
    HOW_CUT,       // the answer ends before its end
};
struct step {
    const char *status;  // "200 OK"
    const char *body;    // or NULL
    const char *headers; // each with its CRLF, or NULL
    enum how how;
    int wait_ms;         // before it
};

#define FAKE_MAX 400
static struct fake {
    int fd, port;
    pthread_t thread;
    atomic_int open, connections;
    atomic_bool ending;
    pthread_mutex_t lock; // what follows
    struct step steps[FAKE_MAX];
    int len, at;          // at: requests that came
    char *asked[FAKE_MAX];
} fake = {.lock = PTHREAD_MUTEX_INITIALIZER};

static inline void fake_pause(long ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

static inline void fake_script(const struct step *steps, int len)
{
    pthread_mutex_lock(&fake.lock);
    for (int i = 0; i < FAKE_MAX; i++) {
        free(fake.asked[i]);
        fake.asked[i] = NULL;
    }
    fake.at = 0;
    fake.len = len;
    if (len > 0) {
        memcpy(fake.steps, steps, (size_t)len * sizeof(*steps));
    }
    pthread_mutex_unlock(&fake.lock);
}
#define SCRIPT(...) fake_script((const struct step[]){__VA_ARGS__}, \
                                (int)(sizeof((const struct step[]){__VA_ARGS__}) / sizeof(struct step)))

static inline int fake_asked(void)
{
    pthread_mutex_lock(&fake.lock);
    int n = fake.at;
    pthread_mutex_unlock(&fake.lock);
    return n;
}

// Whether request number `n` has that text in its head or body.
static inline bool asked_with(int n, const char *text)
{
    pthread_mutex_lock(&fake.lock);
    bool has = n < FAKE_MAX && fake.asked[n] && strcasestr(fake.asked[n], text);
    pthread_mutex_unlock(&fake.lock);
    return has;
}

static inline struct step fake_next(const char *request)
{
    struct step step = {.status = "501 Not In The Script"};
    pthread_mutex_lock(&fake.lock);
    if (fake.at < FAKE_MAX) {
        step = fake.at < fake.len ? fake.steps[fake.at] : step;
        fake.asked[fake.at] = mem_strdup(request);
    }
    fake.at++;
    pthread_mutex_unlock(&fake.lock);
    for (int i = 0; i < step.wait_ms && !atomic_load(&fake.ending); i += 5) {
        fake_pause(5);
    }
    return step;
}

static inline bool fake_answer(int fd, const struct step *step)
{
    const char *body = step->body ? step->body : "";
    if (step->how == HOW_RESET) {
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
    }
    if (step->how == HOW_RESET || step->how == HOW_NO_ANSWER) {
        return false;
    }
    auto_free char *text = mem_printf("HTTP/1.1 %s\r\n%sContent-Length: %zu\r\n\r\n%s", step->status,
                                      step->headers ? step->headers : "",
                                      strlen(body) + (step->how == HOW_CUT ? 10 : 0), body);
    ssize_t len = (ssize_t)strlen(text);
    return send(fd, text, (size_t)len, MSG_NOSIGNAL) == len && step->how == HOW_ANSWER;
}

static void *fake_serve(void *arg)
{
    int fd = (int)(intptr_t)arg;
    char text[65536];
    size_t len = 0;
    for (bool go_on = true; go_on && !atomic_load(&fake.ending);) {
        text[len] = '\0';
        char *end = strstr(text, "\r\n\r\n"), *length = strcasestr(text, "\r\ncontent-length:");
        size_t need = end ? (size_t)(end - text) + 4 + (length && length < end ? (size_t)atoi(length + 17) : 0) : 0;
        if (!end || len < need) {
            ssize_t n = len < sizeof(text) - 1 ? recv(fd, text + len, sizeof(text) - 1 - len, 0) : 0;
            if (n <= 0) {
                break;
            }
            len += (size_t)n;
            continue;
        }
        struct step step = fake_next(text);
        go_on = fake_answer(fd, &step);
        memmove(text, text + need, len - need);
        len -= need;
    }
    close(fd);
    atomic_fetch_sub(&fake.open, 1);
    return NULL;
}

static void *fake_accept(void *arg)
{
    (void)arg;
    for (int fd; (fd = accept(fake.fd, NULL, NULL)) >= 0;) {
        pthread_t thread;
        atomic_fetch_add(&fake.open, 1);
        atomic_fetch_add(&fake.connections, 1);
        if (pthread_create(&thread, NULL, fake_serve, (void *)(intptr_t)fd) == 0) {
            pthread_detach(thread);
        }
    }
    return NULL;
}

static inline int fake_start(void **state)
{
    (void)state;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    signal(SIGPIPE, SIG_IGN);
    fake.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(fake.fd, (struct sockaddr *)&at, len) || listen(fake.fd, 64) ||
        getsockname(fake.fd, (struct sockaddr *)&at, &len)) {
        return -1;
    }
    fake.port = ntohs(at.sin_port);
    return pthread_create(&fake.thread, NULL, fake_accept, NULL);
}

static inline int fake_stop(void **state)
{
    (void)state;
    atomic_store(&fake.ending, true);
    shutdown(fake.fd, SHUT_RDWR);
    pthread_join(fake.thread, NULL);
    close(fake.fd);
    for (int i = 0; i < 500 && atomic_load(&fake.open) > 0; i++) {
        fake_pause(10);
    }
    fake_script(NULL, 0);
    return 0;
}

// --- credentials ------------------------------------------------------------------------------------------------

#define FAKE_TOKEN "token-that-is-long-enough-to-be-told-"
struct creds {
    uint64_t serial;  // 0: there are none
    bool is_fixed;    // there are no others
    int rejected;
};

errc creds_get(struct creds *c, struct cancel *cancel, struct creds_value *ret, struct err *err)
{
    (void)cancel;
    if (c->serial == 0) {
        return err_set(err, ERR_DENIED, "there are no credentials");
    }
    *ret = (struct creds_value){
        .access_key = mem_strdup("AKTEST"),
        .secret_key = mem_strdup("a-secret-key-that-is-very-secret"),
        .token = mem_printf(FAKE_TOKEN "%d", (int)c->serial),
        .expires_ms = -1,
        .serial = c->serial,
    };
    return ERR_OK;
}

void creds_value_free(struct creds_value *v)
{
    free(v->access_key);
    free(v->secret_key);
    free(v->token);
}

void creds_rejected(struct creds *c, uint64_t serial)
{
    c->rejected++;
    if (serial == c->serial && !c->is_fixed) {
        c->serial++;
    }
}

// --- a client of it ------------------------------------------------------------------------------------------------

struct client {
    struct http *http;
    struct creds creds;
    struct batch_api *api;
};

static inline struct client *client_of(const char *endpoint)
{
    struct client *c = mem_zalloc(sizeof(*c));
    struct err err = ERR_INIT;
    struct http_conf quick = {.stall_ms = 400, .first_byte_ms = 2000, .connect_ms = 1000};
    c->creds = (struct creds){.serial = 1};
    auto_free char *own = mem_printf("http://127.0.0.1:%d", fake.port);
    assert_int_equal(http_new(&quick, &c->http, &err), ERR_OK);
    struct batch_api_conf conf = {.http = c->http, .creds = &c->creds, .region = "eu-west-1",
                                  .batch_endpoint = endpoint ? endpoint : own,
                                  .logs_endpoint = endpoint ? endpoint : own};
    assert_int_equal(batch_api_new(&conf, &c->api, &err), ERR_OK);
    return c;
}

static inline void client_free(struct client *c)
{
    batch_api_free(c->api);
    http_free(c->http);
    free(c);
}

#endif
